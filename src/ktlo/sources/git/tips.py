"""Which commits a collection starts from, and what the repository can tell about itself.

Reads refs only; used by the history, the tags and the health check.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ktlo.sources.git.program import Git
from ktlo.sources.git.text import text

Refs = Literal["default", "all"]
_MAIN = ("refs/remotes/origin/HEAD", "refs/remotes/origin/main", "refs/remotes/origin/master")


def existing(git: Git, commits: list[str]) -> list[str]:
    """Those of the given object ids that are commits in the repository, in the order given."""
    if not commits:
        return []
    output = git.run(
        "cat-file",
        "--batch-check=%(objectname) %(objecttype)",
        stdin=[f"{commit}^{{commit}}".encode() for commit in commits],
    )
    found = {line.split()[0].decode() for line in output.splitlines() if line.endswith(b" commit")}
    return [commit for commit in commits if commit in found]


def default_tips(git: Git) -> list[str]:
    """HEAD, and the remote's default branch when there is one; empty in an empty repository."""
    tips = [git.ask("rev-parse", "--verify", "--quiet", "--end-of-options", "HEAD^{commit}")]
    for ref in _MAIN:
        tip = git.ask("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
        if tip:
            tips.append(tip)
            break
    return sorted({tip for tip in tips if tip})


def followed_tips(git: Git, refs: Refs) -> list[str]:
    """The commits from which everything the source follows can be reached, sorted, each once."""
    tips = set(default_tips(git))
    if refs == "all":
        listed = git.run(
            "for-each-ref",
            "--format=%(objecttype) %(objectname) %(*objecttype) %(*objectname)",
            "refs/heads",
            "refs/remotes",
            "refs/tags",
        )
        for line in text(listed).splitlines():
            words = line.split()
            kinds = dict(zip(words[::2], words[1::2], strict=False))
            if "commit" in kinds:
                tips.add(kinds["commit"])
    return sorted(tips)


def newest(git: Git, tips: list[str]) -> str:
    """The tip that was committed last; empty when there are no tips."""
    if not tips:
        return ""
    output = git.run("rev-list", "--no-walk", "--max-count=1", "--stdin", stdin=[t.encode() for t in tips])
    return output.split(b"\n", 1)[0].decode()


@dataclass(frozen=True, slots=True)
class Cut:
    """Where history is missing.

    Attributes:
        boundary: commits whose parents were not fetched (a shallow clone); sorted.
        without_blobs: true in a partial clone, which lacks the contents that line counts need.
    """

    boundary: tuple[str, ...]
    without_blobs: bool


def cut_of(git: Git) -> Cut:
    """What the repository lacks."""
    common = git.ask("rev-parse", "--path-format=absolute", "--git-common-dir")
    folder = type(git.folder)(common) if common else git.folder
    try:
        boundary = tuple(sorted((folder / "shallow").read_text("ascii", "replace").split()))
    except OSError:
        boundary = ()
    partial = git.ask("config", "--local", "--get-regexp", r"^remote\..*\.partialclonefilter$")
    return Cut(boundary, bool(partial))


def mailmap_blob(git: Git, tip: str) -> str:
    """Object id of the ``.mailmap`` in a commit's tree; empty when there is none."""
    if not tip:
        return ""
    listed = text(git.run("ls-tree", "-z", "--full-tree", tip, ".mailmap")).split()
    return listed[2] if len(listed) > 3 and listed[0].startswith("100") else ""
