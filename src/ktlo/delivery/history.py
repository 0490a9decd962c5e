"""The history of a repository as a graph, and what lies between two commits of it. Pure once it is read.

Commits come from the store (``commits``), with their parents. :meth:`History.between` answers like
``git rev-list one..two``: it walks both histories, children before parents, until only what both have is left.
"""

from __future__ import annotations

import datetime as dt
import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ktlo.store.protocol import Queryable

_COMMITS = """
SELECT sha, any(parents) AS parents, any(authored_at) AS authored_at, any(committed_at) AS committed_at,
  any(subject) AS subject, any(author_email) AS author, any(is_merge) AS is_merge
FROM ktlo.commits AS c WHERE repository = {repository:String} GROUP BY sha"""

_TOUCHED = """
SELECT DISTINCT sha FROM ktlo.file_changes AS f
WHERE repository = {repository:String} AND arrayExists(
  p -> path = p OR startsWith(path, concat(p, '/')) OR old_path = p OR startsWith(old_path, concat(p, '/')),
  {paths:Array(String)})"""

_THIS, _THAT = 1, 2


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit as far as it matters here."""

    sha: str
    parents: tuple[str, ...]
    authored_at: dt.datetime
    committed_at: dt.datetime
    subject: str = ""
    author: str = ""
    is_merge: bool = False


class History:
    """Commits of one repository.

    Args:
        commits: all that are known.
    """

    def __init__(self, commits: Iterable[Commit]) -> None:
        self.commits = {one.sha: one for one in commits}
        self._beginnings: dict[str, list[str]] = {}
        for sha in self.commits:
            self._beginnings.setdefault(sha[:7], []).append(sha)
        self._order = self._ordered()

    def whole(self, sha: str) -> str:
        """The commit that a text of at least 7 digits begins; empty when there is none or more than one."""
        if sha in self.commits:
            return sha
        found = (
            [one for one in self._beginnings.get(sha[:7], []) if one.startswith(sha)] if len(sha) >= 7 else []
        )
        return found[0] if len(found) == 1 else ""

    def _ordered(self) -> dict[str, int]:
        """A number for each commit, larger than those of its parents."""
        order: dict[str, int] = {}
        for root in self.commits:
            stack = [(root, iter(self.commits[root].parents))] if root not in order else []
            open_ = {root}
            while stack:
                sha, parents = stack[-1]
                parent = next((one for one in parents if one in self.commits and one not in order), None)
                if parent is None:
                    order[sha] = len(order)
                    stack.pop()
                elif parent not in open_:
                    open_.add(parent)
                    stack.append((parent, iter(self.commits[parent].parents)))
        return order

    def between(self, before: str, after: str) -> tuple[list[str], list[str]]:
        """What ``after`` has that ``before`` has not, and the other way round, newest first.

        Raises:
            KeyError: one of them is not in this history.
        """
        flags: dict[str, int] = {}
        queue: list[tuple[int, str]] = []
        unsettled = 0

        def mark(sha: str, flag: int) -> None:
            nonlocal unsettled
            old = flags.get(sha, 0)
            if old | flag == old:
                return
            flags[sha] = old | flag
            if not old:
                heapq.heappush(queue, (-self._order[sha], sha))
                unsettled += flags[sha] != _THIS | _THAT
            elif flags[sha] == _THIS | _THAT:
                unsettled -= 1

        mark(after, _THIS)
        mark(before, _THAT)
        only: dict[int, list[str]] = {_THIS: [], _THAT: []}
        while queue and unsettled:
            _, sha = heapq.heappop(queue)
            flag = flags[sha]
            if flag != _THIS | _THAT:
                unsettled -= 1
                only[flag].append(sha)
            for parent in self.commits[sha].parents:
                if parent in self.commits:
                    mark(parent, flag)
        return only[_THIS], only[_THAT]

    def is_before(self, one: str, two: str) -> bool:
        """Whether ``one`` is an ancestor of ``two``."""
        return one != two and not self.between(two, one)[0]


def read_history(store: Queryable, repository: str) -> History:
    """A repository's history from the store."""
    rows = store.query(_COMMITS, {"repository": repository}).to_pylist()
    return History(
        Commit(
            row["sha"], tuple(row["parents"]), row["authored_at"], row["committed_at"], row["subject"], row["author"],
            row["is_merge"],
        )
        for row in rows
    )  # fmt: skip


def touching(store: Queryable, repository: str, paths: Sequence[str]) -> frozenset[str]:
    """Commits that touch one of some folders or files."""
    bare = [path.strip().strip("/").removesuffix("/**").removesuffix("/*") for path in paths]
    rows = store.query(_TOUCHED, {"repository": repository, "paths": [path for path in bare if path]})
    return frozenset(str(sha) for sha in rows.column("sha").to_pylist())
