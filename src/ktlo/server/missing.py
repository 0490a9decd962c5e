"""Items that their services no longer show: what the Sources page, the API and the CLI say of them, and settle.

The notes are ``missing_items`` (:mod:`ktlo.sources.missing_items`). Hidden ones are in every figure as they were last
seen, until they are read again or a person says that they were deleted.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ktlo.errors import UserError
from ktlo.records import TABLES
from ktlo.server.runtime import Runtime
from ktlo.sources.missing_items import MissingItems
from ktlo.store.ddl import rows_table
from ktlo.store.protocol import Store
from ktlo.wording import counted

_HIDDEN = """
SELECT toString(source) AS source_id, toString(project) AS project, toString(noun) AS noun, count() AS items,
  min(since) AS first
FROM ktlo.missing_items WHERE NOT is_gone GROUP BY source_id, project, noun ORDER BY source_id, project, noun"""

_MISSING = """
SELECT noun, external_id, project, since, is_gone FROM ktlo.missing_items WHERE source = {source:String}
ORDER BY is_gone, since DESC, noun, external_id LIMIT {limit:UInt32}"""


@dataclass(frozen=True, slots=True)
class Hidden:
    """Items of one project that are not shown any more, so many at once that a right may be lost.

    Attributes:
        source_id: of which source.
        project: of which project or repository; empty when none is known.
        items: how many, by table.
        since: when the first of them was not found.
    """

    source_id: str
    project: str
    items: tuple[tuple[str, int], ...]
    since: dt.datetime

    @property
    def count(self) -> int:
        """How many."""
        return sum(number for _, number in self.items)

    @property
    def words(self) -> str:
        """Which, in words."""
        which = " and ".join(counted(number, noun) for noun, number in self.items)
        return f"{which} of {self.project}" if self.project else which


def hidden_items(store: Store) -> dict[str, tuple[Hidden, ...]]:
    """What is hidden, by source, sorted by project."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in store.query(_HIDDEN).to_pylist():
        groups[row["source_id"], row["project"]].append(row)
    found: dict[str, list[Hidden]] = defaultdict(list)
    for (source_id, project), rows in groups.items():
        items = tuple((row["noun"], row["items"]) for row in rows)
        found[source_id].append(Hidden(source_id, project, items, min(row["first"] for row in rows)))
    return {source_id: tuple(one) for source_id, one in found.items()}


def missing_of(store: Store, source_id: str, limit: int) -> list[dict[str, Any]]:
    """Items of a source that are not shown any more, hidden ones first, with their titles.

    Returns:
        ``noun``, ``external_id``, ``project``, ``since``, ``is_gone`` and ``title`` of each.
    """
    rows = store.query(_MISSING, {"source": source_id, "limit": limit}).to_pylist()
    titles: dict[tuple[str, str], str] = {}
    for noun in {row["noun"] for row in rows}:
        known = store.query(
            f"SELECT external_id, title FROM ktlo.`{rows_table(TABLES[noun])}` FINAL"  # noqa: S608 - ktlo's own names
            " WHERE source = {source:String} AND external_id IN {ids:Array(String)}",
            {"source": source_id, "ids": [row["external_id"] for row in rows if row["noun"] == noun]},
        )
        titles |= {(noun, row["external_id"]): row["title"] for row in known.to_pylist()}
    return [{**row, "title": titles.get((row["noun"], row["external_id"]), "")} for row in rows]


def were_deleted(runtime: Runtime, source_id: str, projects: Sequence[str] = ()) -> int:
    """Take hidden items out of every figure, because a person says that they were deleted; undone when one is read.

    Args:
        runtime: holds the store.
        source_id: of which source.
        projects: of which of its projects; all that have hidden items when there are none.

    Returns:
        How many items.

    Raises:
        NotFoundError: there is no such source.
        UserError: nothing of it is hidden, or nothing of one of these projects.
    """
    runtime.demand_known(source_id)
    there = {one.project for one in hidden_items(runtime.store).get(source_id, ())}
    unknown = [one for one in projects if one not in there]
    if unknown or not there:
        of = f"{unknown[0]} of {source_id}" if unknown else source_id
        which = (
            f"It is so of {', '.join(sorted(there))}" if there else "Items that are there stay as they are"
        )
        raise UserError(f"nothing of {of} is hidden", fix=which)
    missing, at = MissingItems(source_id, runtime.store), dt.datetime.now(dt.UTC)
    return sum(missing.confirm(project, at) for project in projects or sorted(there))
