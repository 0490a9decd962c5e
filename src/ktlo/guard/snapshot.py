"""A state of the past as a folder: a commit's files, read from git's objects and written to a place of our own.

No checkout: no filter, hook or attribute has a say, nothing is run, and the repository is not touched. ``--since`` and
``--as-of`` check such a folder like any other. Links are made last, so that no file can be written through one.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ktlo.errors import KtloError, UserError
from ktlo.guard.secrets.blobs import read_blobs
from ktlo.guard.secrets.repository import (
    Git,
    GitProblemError,
    Repository,
    find_repository,
    head,
    lent,
    resolve,
    shallow_boundary,
)

LARGEST_FILE = 64 << 20
MOST_BYTES = 4 << 30
MOST_FILES = 500_000
_SECONDS = 600.0
_LINK, _SUBMODULE = b"120000", b"160000"
_OBJECT = re.compile(r"[0-9a-f]{40,64}")


class PastError(KtloError):
    """The state of the past cannot be had, so nothing can be said about it: inconclusive, never clean."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A commit's files in a folder.

    Attributes:
        root: the folder; gone when the block ends.
        commit: the commit's id.
    """

    root: Path
    commit: str


@contextlib.contextmanager
def before_change(root: Path, revision: str) -> Iterator[Snapshot]:
    """The state that a change started from: the merge base of a revision and what is checked out.

    Files that the change renamed stand under their new names, so that what was in them counts as known.

    Args:
        root: the repository, or a folder in it.
        revision: what git understands: a branch, tag or commit.

    Raises:
        UserError: it is no git repository, or there is no such revision.
        PastError: the clone is shallow, or an object is missing.
    """
    with _opened(root) as (repository, git):
        asked = resolve(repository, revision)
        if not asked:
            raise UserError(
                f"git knows no revision {revision!r} here",
                where=str(root),
                fix="Fetch it first, for instance: git fetch origin main",
            )
        now = head(repository).decode()
        base = _merge_base(git, repository, asked, now)
        yield from _written(git, repository, base, root, _renamed(git, repository, base))


@contextlib.contextmanager
def at_moment(root: Path, moment: datetime.datetime) -> Iterator[Snapshot]:
    """The state at a moment: the last commit of the checked-out branch (first parents) until then.

    Raises:
        UserError: it is no git repository, or had no commit yet.
        PastError: the clone is shallow and does not reach back so far, or an object is missing.
    """
    with _opened(root) as (repository, git):
        tip = head(repository).decode()
        found = ""
        if tip:
            asked = ("rev-list", "-1", "--first-parent", f"--min-age={int(moment.timestamp())}", tip)
            found = git.ask(*asked).decode().strip()
        if not found and shallow_boundary(repository):
            raise PastError(
                f"the clone is shallow and does not reach back to {moment:%Y-%m-%d}",
                where=str(root),
                fix="Fetch the whole history: git fetch --unshallow",
            )
        if not found:
            raise UserError(f"the repository has no commit until {moment:%Y-%m-%d}", where=str(root))
        yield from _written(git, repository, found, root, {})


@contextlib.contextmanager
def _opened(root: Path) -> Iterator[tuple[Repository, Git]]:
    try:
        repository = find_repository(root)
        if repository is None:
            raise UserError(
                "this is not a git repository, so there is no earlier state to look at", where=str(root)
            )
        with lent(repository, _SECONDS) as git:
            yield repository, git
    except GitProblemError as problem:
        raise PastError(
            f"the earlier state cannot be read: {problem}",
            where=str(root),
            fix="If the clone is shallow or partial, fetch the whole history: git fetch --unshallow",
        ) from None


def _merge_base(git: Git, repository: Repository, asked: str, now: str) -> str:
    try:
        found = git.ask("merge-base", asked, now).decode().strip()
    except GitProblemError:
        found = ""
    if not _OBJECT.fullmatch(found):
        shallow = bool(shallow_boundary(repository))
        raise PastError(
            "the clone is shallow, so where the change started is not in it"
            if shallow
            else "the two have no common ancestor, so there is no change to look at",
            fix="Fetch the whole history: git fetch --unshallow (in CI: fetch-depth: 0)" if shallow else "",
        )
    return found


def _renamed(git: Git, repository: Repository, base: str) -> dict[str, str]:
    """New name of each file that was renamed since, by git's similarity (half of the lines)."""
    if repository.top == repository.folder:
        return {}
    output = git.ask(
        "diff-index", "--raw", "-z", "-M", "-l5000", "--no-abbrev", "--diff-filter=R", base, "--",
        work_tree=repository.top,
    )  # fmt: skip
    fields = iter(output.split(b"\0"))
    return {_text(next(fields)): _text(next(fields)) for header in fields if header}


def renamed_since(root: Path, path: str) -> dict[str, str]:
    """New names of files renamed since the last commit that touched a file; empty where git cannot tell.

    Args:
        root: the repository, or a folder in it.
        path: the file, relative to ``root``.
    """
    try:
        repository = find_repository(root)
        tip = head(repository).decode() if repository else ""
        if repository is None or not tip:
            return {}
        within = _within(repository, root)
        with lent(repository, _SECONDS) as git:
            written = git.ask(
                "rev-list", "-1", tip, "--", f":(top,literal){within}{path}", work_tree=repository.top
            )
            commit = written.decode().strip()
            if not _OBJECT.fullmatch(commit):
                return {}
            pairs = _renamed(git, repository, commit)
    except GitProblemError:
        return {}
    return {
        old.removeprefix(within): new.removeprefix(within)
        for old, new in pairs.items()
        if old.startswith(within) and new.startswith(within)
    }


def _within(repository: Repository, root: Path) -> str:
    prefix = root.resolve().relative_to(repository.top).as_posix()
    return "" if prefix == "." else f"{prefix}/"


def _written(
    git: Git, repository: Repository, commit: str, root: Path, renamed: Mapping[str, str]
) -> Iterator[Snapshot]:
    within = _within(repository, root)
    files: dict[str, bytes] = {}
    links: dict[str, bytes] = {}
    for row in git.ask("ls-tree", "-r", "-z", "--full-tree", commit).split(b"\0"):
        if not row:
            continue
        about, _, name = row.partition(b"\t")
        mode, _kind, identifier = about.split(b" ")
        path = _text(name)
        path = renamed.get(path, path)
        if not path.startswith(within) or mode == _SUBMODULE:
            continue
        path = path.removeprefix(within)
        if _is_plain(path):
            (links if mode == _LINK else files)[path] = identifier
        if len(files) + len(links) > MOST_FILES:
            raise PastError(f"the earlier state has more than {MOST_FILES:,} files")
    with tempfile.TemporaryDirectory(prefix="ktlo-past-") as folder:
        _write(git, Path(folder), files, links)
        yield Snapshot(Path(folder), commit)


def _write(git: Git, folder: Path, files: Mapping[str, bytes], links: Mapping[str, bytes]) -> None:
    paths = [*files, *links]
    total = 0
    blobs = read_blobs(git, [*files.values(), *links.values()], LARGEST_FILE)
    for path, blob in zip(paths, blobs, strict=True):
        if blob.data is None:
            if blob.kind == b"missing":
                raise GitProblemError("an object of that state is missing")
            continue  # larger than any check reads: what is found in it later counts as new
        total += blob.size
        if total > MOST_BYTES:
            raise PastError(f"the earlier state has more than {MOST_BYTES >> 30} GiB")
        place = folder / path
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            if path in links:
                place.symlink_to(os.fsdecode(blob.data))
            else:
                place.write_bytes(blob.data)
        except (OSError, ValueError):
            continue  # two names that exclude each other, or one that no file system has


def _is_plain(path: str) -> bool:
    """A tree that somebody forged may hold names that lead elsewhere."""
    parts = path.split("/")
    return not any(part in ("", ".", "..") or part.lower() == ".git" for part in parts)


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")
