"""Work items out of the store: one query a kind, commits in batches so that memory stays flat.

Gives :class:`~ktlo.effort.items.WorkItem` to :mod:`ktlo.effort.classify`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ktlo.effort.items import ItemKey, WorkItem
from ktlo.effort.sightings import host_of
from ktlo.records.effort import ItemKind
from ktlo.store import Store

COMMITS_AT_ONCE = 20_000
ISSUES_AT_ONCE = 20_000

IsBot = Callable[[str, str, str], bool]
"""(name, mail, login's host) or, for what a forge says, ("", text, host): is it automation?"""

_ISSUES = """
SELECT source, external_id AS item_id, repository, title, body, labels, issue_type, request_type, author,
       created_at AS occurred_at
FROM ktlo.issues
WHERE (source, external_id) >= ({source:String}, {first:String})
  AND (source, external_id) <= ({source:String}, {last:String})
"""

_ISSUE_RANGES = """
SELECT source, min(external_id) AS first, max(external_id) AS last FROM (
  SELECT toString(source) AS source, external_id,
         row_number() OVER (PARTITION BY source ORDER BY external_id) - 1 AS place
  FROM ktlo.issues
) GROUP BY source, intDiv(place, {limit:UInt64}) ORDER BY source, first
"""

_FEW_ISSUES = """
SELECT source, external_id AS item_id, repository, title, body, labels, issue_type, request_type, author,
       created_at AS occurred_at
FROM ktlo.issues WHERE external_id IN {ids:Array(String)}
"""

_INCIDENTS = """
SELECT source, external_id AS item_id, repository, title, severity, request_type, detected_at AS occurred_at
FROM ktlo.incidents
"""

_CHANGES = """
SELECT changes.source AS source, changes.external_id AS item_id, changes.repository AS repository,
       title, body, labels, branch, author, changes.created_at AS occurred_at,
       changes.lines_added AS lines_added, changes.lines_deleted AS lines_deleted,
       arrayFilter(sha -> sha != '', arrayDistinct(arrayConcat([merge_sha, head_sha], commits))) AS shas,
       merged.paths AS paths
FROM ktlo.changes AS changes
LEFT ANY JOIN (
  SELECT repository, sha, paths FROM ktlo.commits
  WHERE sha IN (SELECT merge_sha FROM ktlo.changes WHERE merge_sha != '')
) AS merged ON merged.repository = changes.repository AND merged.sha = changes.merge_sha
"""

_COMMITS = """
SELECT source, sha AS item_id, repository, subject AS title, body, paths, lines_added, lines_deleted,
       is_merge, author_name, author_email, authored_at AS occurred_at
FROM ktlo.commits
WHERE repository = {repository:String} AND source = {source:String} AND sha > {after:String}
ORDER BY sha LIMIT {limit:UInt64}
"""

_FEW_COMMITS = """
SELECT source, sha AS item_id, repository, subject AS title, body, paths, lines_added, lines_deleted,
       is_merge, author_name, author_email, authored_at AS occurred_at
FROM ktlo.commits WHERE sha IN {ids:Array(String)}
"""


class ItemReader:
    """Reads work items.

    Args:
        store: where records are.
        hosts: host of each source's logins.
        is_bot: tells automation from people.
    """

    def __init__(self, store: Store, hosts: Mapping[str, str], is_bot: IsBot) -> None:
        self._store = store
        self._hosts = hosts
        self._is_bot = functools.lru_cache(maxsize=1 << 16)(is_bot)

    def issues(self) -> Iterator[list[WorkItem]]:
        """Every issue, in batches of one source in the order of their ids."""
        for values in self._store.query(_ISSUE_RANGES, {"limit": ISSUES_AT_ONCE}).to_pylist():
            rows = self._store.query(_ISSUES, values).to_pylist()
            yield [self._tracked(ItemKind.ISSUE, row) for row in rows]

    def incidents(self) -> list[WorkItem]:
        """Every incident; its severity stands as a label, so that rules of the team can name it."""
        return [
            WorkItem(
                item_kind=ItemKind.INCIDENT,
                labels=(row.pop("severity"),),
                **row,
            )
            for row in self._store.query(_INCIDENTS).to_pylist()
        ]

    def changes(self) -> list[WorkItem]:
        """Every change, with the paths of the commit that merged it where that is known."""
        return [self._tracked(ItemKind.CHANGE, row) for row in self._store.query(_CHANGES).to_pylist()]

    def _tracked(self, kind: ItemKind, row: dict[str, Any]) -> WorkItem:
        author = row.pop("author")
        for name in ("labels", "shas", "paths"):
            if name in row:
                row[name] = tuple(row[name] or ())
        by_bot = self._is_bot("", author, host_of(row["source"], self._hosts))
        return WorkItem(item_kind=kind, is_by_bot=by_bot, **row)

    def _committed(self, row: dict[str, Any]) -> WorkItem:
        by_bot = self._is_bot(row.pop("author_name"), row.pop("author_email"), "")
        row["paths"] = tuple(row["paths"])
        branch = _merged_branch(row["title"]) if row["is_merge"] else ""
        return WorkItem(item_kind=ItemKind.COMMIT, is_by_bot=by_bot, branch=branch, **row)

    def commits(self) -> Iterator[list[WorkItem]]:
        """Every commit, in batches of one repository in the order of their ids."""
        places = self._store.query("SELECT DISTINCT source, repository FROM ktlo.commits ORDER BY ALL")
        for place in places.to_pylist():
            after = ""
            while True:
                rows = self._store.query(
                    _COMMITS,
                    {
                        "repository": place["repository"],
                        "source": place["source"],
                        "after": after,
                        "limit": COMMITS_AT_ONCE,
                    },
                ).to_pylist()
                if not rows:
                    break
                after = rows[-1]["item_id"]
                yield [self._committed(row) for row in rows]

    def some(self, keys: Iterable[ItemKey]) -> dict[ItemKey, WorkItem]:
        """The items with these keys, those that do not exist left out."""
        wanted = set(keys)
        found: list[WorkItem] = []
        readers = {ItemKind.CHANGE: self.changes, ItemKind.INCIDENT: self.incidents}
        for kind, read in readers.items():
            if any(key.item_kind is kind for key in wanted):
                found += read()
        found += [
            self._tracked(ItemKind.ISSUE, row) for row in self._few(_FEW_ISSUES, ItemKind.ISSUE, wanted)
        ]
        found += [self._committed(row) for row in self._few(_FEW_COMMITS, ItemKind.COMMIT, wanted)]
        return {item.key: item for item in found if item.key in wanted}

    def _few(self, sql: str, kind: ItemKind, wanted: set[ItemKey]) -> Iterator[dict[str, Any]]:
        ids = sorted({key.item_id for key in wanted if key.item_kind is kind})
        for at in range(0, len(ids), 1000):
            yield from self._store.query(sql, {"ids": ids[at : at + 1000]}).to_pylist()


def _merged_branch(subject: str) -> str:
    """The branch that a merge commit's subject names, as git, GitHub and GitLab write it; else empty."""
    if subject.startswith("Merge pull request #"):
        return subject.partition(" from ")[2].partition("/")[2].strip()
    if subject.startswith(("Merge branch '", "Merge remote-tracking branch '")):
        return subject.split("'")[1].removeprefix("origin/")
    return ""
