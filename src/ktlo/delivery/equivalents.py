"""Commits that are the same change under another name: squashed, rebased, cherry-picked. Asks git itself.

A commit that no branch has any more may still be among a mirror's objects. Its twin is the commit with the same tree
(a squash of a branch that was up to date, a rebase without conflicts); else the one with the same patch identifier
(``git patch-id --stable``, git-patch-id(1)), of the commit itself or of everything that its branch did.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from ktlo.delivery.history import History
from ktlo.errors import SourceError
from ktlo.sources.git.program import Git, GitError
from ktlo.sources.git.text import text

MOST = 400
"""Commits whose patches are compared with one."""
NEAR = dt.timedelta(days=60)
"""How far from it in time."""


@dataclass(frozen=True, slots=True)
class Twin:
    """A commit of the history that stands for one that is not in it."""

    sha: str
    how: str


class Objects:
    """A repository's objects.

    Args:
        git: over its folder, offline.
    """

    def __init__(self, git: Git) -> None:
        self._git = git
        self._patches: dict[str, str] = {}
        self._asked: set[str] = set()

    def described(self, shas: Sequence[str]) -> dict[str, tuple[str, dt.datetime]]:
        """Tree and author's date of commits; those that are not there are left out."""
        if not shas:
            return {}
        listed = self._git.run(
            "cat-file",
            "--batch-check=%(objecttype) %(objectname)",
            stdin=[f"{sha}^{{commit}}".encode() for sha in shas],
        )
        there = [line.split()[1] for line in text(listed).splitlines() if line.startswith("commit ")]
        if not there:
            return {}
        told = self._git.run(
            "log",
            "--no-walk=unsorted",
            "--format=%H %T %at",
            "--stdin",
            stdin=[one.encode() for one in there],
        )
        found = {}
        for line in text(told).splitlines():
            sha, tree, seconds = line.split()
            found[sha] = (tree, dt.datetime.fromtimestamp(int(seconds), dt.UTC))
        return found

    def patches(self, shas: Sequence[str]) -> dict[str, str]:
        """Stable patch identifier by commit; merges and empty commits have none."""
        wanted = [sha for sha in shas if sha not in self._asked]
        if wanted:
            self._asked.update(wanted)
            shown = self._git.run(
                "diff-tree", "--stdin", "-p", "-r", "--root", "--no-ext-diff", "--no-textconv", "--full-index",
                stdin=[sha.encode() for sha in wanted],
            )  # fmt: skip
            self._patches |= {sha: patch for patch, sha in self._identified(shown)}
        return {sha: self._patches[sha] for sha in shas if sha in self._patches}

    def _identified(self, shown: bytes) -> list[tuple[str, str]]:
        if not shown:
            return []
        said = text(self._git.run("patch-id", "--stable", stdin=shown.split(b"\n")))
        return [(line.split()[0], line.split()[1]) for line in said.splitlines() if " " in line]

    def twin(self, sha: str, history: History, tip: str = "") -> Twin | None:
        """The commit of a history that is the same change as one outside of it.

        Args:
            sha: a commit that the history lacks.
            history: where to look.
            tip: newest commit of the branch that is deployed from; the newest of the history when not given.
        """
        try:
            return self._twin(sha, history, tip)
        except (GitError, SourceError):
            return None

    def _twin(self, sha: str, history: History, tip: str) -> Twin | None:
        own = self.described([sha])
        if not own:
            return None
        ((whole, (tree, written)),) = own.items()
        near = sorted(
            (one for one in history.commits.values() if abs(one.committed_at - written) <= NEAR),
            key=lambda one: (abs(one.committed_at - written), one.sha),
        )[:MOST]
        candidates = [one.sha for one in near]
        trees = self.described(candidates)
        same = [one for one in candidates if one in trees and trees[one][0] == tree]
        if same:
            return Twin(same[0], "same tree")
        patches = self.patches([whole, *candidates])
        if whole in patches:
            found = next((one for one in candidates if patches.get(one) == patches[whole]), "")
            if found:
                return Twin(found, "same patch")
        newest = tip or max(history.commits.values(), key=lambda one: one.committed_at).sha
        base = self._git.ask("merge-base", whole, newest)
        if base and base != whole:
            shown = self._git.run("diff", "--full-index", "--no-ext-diff", "--no-textconv", base, whole)
            branch = self._identified(shown)
            found = next((one for one in candidates if branch and patches.get(one) == branch[0][0]), "")
            if found:
                return Twin(found, "same patch as its whole branch")
        return None
