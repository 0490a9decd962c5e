"""Answers whether a repository can be read, and what its numbers lack: one sentence each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pydantic import SecretStr

from ktlo.errors import KtloError
from ktlo.sources.git import mirror
from ktlo.sources.git.place import git_folder, is_url, shown
from ktlo.sources.git.program import Git
from ktlo.sources.git.tips import Refs, cut_of, followed_tips
from ktlo.sources.protocol import Health, Missing, Status


def check(path: str, token: Callable[[], SecretStr | None], refs: Refs) -> Health:
    """Try a folder or a URL. Blocking; never raises for what is wrong with the repository.

    Args:
        path: folder or URL.
        token: gives the token for a URL.
        refs: what the source follows.
    """
    try:
        if is_url(path):
            return _check_remote(path, token())
        return _check_folder(Path(path).expanduser().absolute(), refs)
    except KtloError as error:
        return Health(Status.UNREACHABLE, str(error))


def _check_remote(url: str, token: SecretStr | None) -> Health:
    branch = mirror.default_branch(mirror.open_mirror(url, token), url)
    if not branch:
        return _empty(shown(url))
    return Health(Status.READY, f"{shown(url)} answers; its default branch is {branch.split('/', 2)[-1]}.")


def _empty(where: str) -> Health:
    return Health(
        Status.LIMITED,
        f"{where}: the repository is empty.",
        (Missing("commits", "there are no numbers yet", "Commit something; the next run reads it"),),
    )


def _check_folder(folder: Path, refs: Refs) -> Health:
    git = Git(git_folder(folder))
    tips = followed_tips(git, refs)
    if not tips:
        return _empty(str(folder))
    cut = cut_of(git)
    missing = []
    if cut.boundary:
        missing.append(
            Missing(
                "history: this is a shallow clone",
                f"everything before {_oldest(git, tips)} is missing from effort, hotspots, ages and trends;"
                " lines older than that have no date",
                f"git -C {folder} fetch --unshallow",
            )
        )
    if cut.without_blobs:
        missing.append(
            Missing(
                "file contents: this is a partial clone",
                "no files, lines, hotspots, markers or dependencies",
                f"git -C {folder} fetch --refetch --no-filter",
            )
        )
    if missing:
        return Health(Status.LIMITED, f"{folder} can be read, with something missing.", tuple(missing))
    return Health(Status.READY, f"{folder} can be read.")


def _oldest(git: Git, tips: list[str]) -> str:
    # `git log` prints newest first, so the last line is among the oldest; enough for a sentence.
    days = git.run("log", "--format=%cs", "--stdin", stdin=[tip.encode() for tip in tips]).split()
    return min(days).decode() if days else "its first commit"
