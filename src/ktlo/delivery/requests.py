"""Pull requests of a repository: which one a commit came from, and as what it was merged.

Read from ``changes``. A merge keeps the branch's commits, a squash makes one of them, a rebase makes them anew; the
commits of a squashed or rebased branch are found by patch where a mirror still has them.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ktlo.errors import SourceError
from ktlo.store.protocol import Queryable

if TYPE_CHECKING:
    from ktlo.delivery.equivalents import Objects
    from ktlo.delivery.history import History

_MERGED = """
SELECT toString(c.source) AS source, external_id, title, branch, head_sha, merge_sha, commits, created_at, merged_at,
  url
FROM ktlo.changes AS c WHERE repository = {repository:String} AND state = 'merged'"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A merged pull request."""

    source: str
    external_id: str
    title: str = ""
    branch: str = ""
    head_sha: str = ""
    merge_sha: str = ""
    commits: tuple[str, ...] = ()
    created_at: dt.datetime
    merged_at: dt.datetime | None = None
    url: str = ""


class Requests:
    """Merged requests of one repository.

    Args:
        requests: all of them.
    """

    def __init__(self, requests: Iterable[Request] = ()) -> None:
        self.all = tuple(requests)
        self._by_commit: dict[str, Request] = {}
        self._by_merge: dict[str, Request] = {}
        self._by_patch: dict[str, Request] = {}
        for one in self.all:
            for sha in (*one.commits, one.head_sha):
                if sha:
                    self._by_commit.setdefault(sha, one)
            if one.merge_sha:
                self._by_merge.setdefault(one.merge_sha, one)

    def match_patches(self, objects: Objects, history: History) -> None:
        """Learn which commits of the history are rebased ones of a branch: those with the same patch."""
        branch = [sha for one in self.all for sha in one.commits if sha not in history.commits]
        if not branch:
            return
        try:
            there = list(objects.described(branch))
            patches = objects.patches(there)
            if not patches:
                return
            owners = {patches[sha]: self._by_commit[sha] for sha in there if sha in patches}
            merged = [one for one in self.all if one.merged_at]
            near = [
                commit.sha
                for commit in history.commits.values()
                if not commit.is_merge
                and any(
                    abs(commit.committed_at - (one.merged_at or one.created_at)) <= _NEAR for one in merged
                )
            ][:_MOST]
            for sha, patch in objects.patches(near).items():
                if patch in owners:
                    self._by_patch.setdefault(sha, owners[patch])
        except SourceError:
            return

    def merged_as(self, sha: str) -> tuple[str, str] | None:
        """As which commit the request with this commit was merged, and its number."""
        one = self._by_commit.get(sha) or next(
            (found for key, found in self._by_commit.items() if len(sha) >= 7 and key.startswith(sha)), None
        )
        return (one.merge_sha, one.external_id) if one and one.merge_sha else None

    def of(self, sha: str) -> tuple[Request | None, str]:
        """The request that a commit of the history came from, and how that was found."""
        if sha in self._by_commit:
            return self._by_commit[sha], "commit"
        if sha in self._by_merge:
            return self._by_merge[sha], "merge commit"
        if sha in self._by_patch:
            return self._by_patch[sha], "patch"
        return None, ""

    def first_written(
        self, request: Request, history: History, objects: Objects | None
    ) -> dt.datetime | None:
        """When the first commit of a request was written; ``None`` where none of them is known."""
        known = [history.commits[sha].authored_at for sha in request.commits if sha in history.commits]
        missing = [sha for sha in request.commits if sha not in history.commits]
        if missing and objects is not None:
            with contextlib.suppress(SourceError):
                known += [written for _, written in objects.described(missing).values()]
        return min(known, default=None)


_NEAR = dt.timedelta(hours=1)
_MOST = 5_000


def read_requests(store: Queryable, repository: str) -> Requests:
    """A repository's merged requests from the store."""
    return Requests(
        Request(**{**row, "commits": tuple(row["commits"])})
        for row in store.query(_MERGED, {"repository": repository}).to_pylist()
    )
