"""Items that a service no longer shows: noted beside their rows, which stay as they are, until one is read again.

What was not found need not be gone: a lost right looks the same. So nothing of it is removed for good. One that is
taken for gone is out of every figure by its note alone (``store/ddl``); one that is taken for hidden stays as it was
last seen (:mod:`ktlo.sources.vanishing`). Whatever is read or told of an item takes its note back.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from ktlo.records import TABLES
from ktlo.records.arrow import DELETED, VERSION, from_arrow, to_arrow
from ktlo.records.collection import MissingItem
from ktlo.sources.protocol import Group, Held
from ktlo.sources.vanishing import judged
from ktlo.store.ddl import rows_table
from ktlo.store.protocol import Store

NOT_FOUND = 0
"""Version of the removal of what is known to have left: moved to where it is not read, or merged into another."""
_ITEMS = ("issues", "incidents")
"""An item is the same in both (:mod:`ktlo.sources.reclassifying`)."""
_TELLING = {
    "issues": ("external_id", _ITEMS),
    "issue_events": ("issue_id", _ITEMS),
    "incidents": ("external_id", _ITEMS),
    "incident_events": ("incident_id", _ITEMS),
    "changes": ("external_id", ("changes",)),
    "reviews": ("change_id", ("changes",)),
    "outages": ("external_id", ("outages",)),
}
"""Tables whose rows say that an item is there: the column that names it, and where it may be."""
_EITHER = "if(repository = '', service, repository)"
_PROJECT = {"issues": _EITHER, "incidents": _EITHER, "changes": "repository", "outages": "service"}
"""What tells what an item is of, where it was not judged by its project."""
PART = 1000
"""Items that one question asks for."""
_COLUMNS = "source, noun, external_id, project, since, is_gone"

Key = tuple[str, str]
"""A table and the identifier of an item in it."""


class MissingItems:
    """Those of one source, as they are when this is made; kept up to date with what is noted through it.

    Args:
        source_id: whose.
        store: holds them.
        among: only those with one of these identifiers; all when ``None``.
    """

    def __init__(self, source_id: str, store: Store, among: Collection[str] | None = None) -> None:
        self.source_id = source_id
        self._store = store
        which = "" if among is None else " AND external_id IN {ids:Array(String)}"
        found = store.query(
            f"SELECT {_COLUMNS} FROM ktlo.missing_items WHERE source = {{source:String}}{which}",  # noqa: S608 - names are ktlo's own
            {"source": source_id, "ids": sorted(among or ())},
        )
        self._notes = {(one.noun, one.external_id): one for one in from_arrow(found, MissingItem)}

    def of(self, table: str) -> set[str]:
        """Identifiers of those that are in a table."""
        return {name for noun, name in self._notes if noun == table}

    def has_hidden(self, table: str) -> bool:
        """Whether some in a table are taken for hidden."""
        return any(noun == table and not one.is_gone for (noun, _), one in self._notes.items())

    def take(self, rows: Mapping[str, pa.RecordBatch], at: dt.datetime) -> dict[str, pa.RecordBatch]:
        """Note what is told to have left.

        Args:
            rows: batches by table, of the source.
            at: the time.

        Returns:
            The same rows, without such removals.
        """
        kept: dict[str, pa.RecordBatch] = {}
        left: set[Key] = set()
        for name, batch in rows.items():
            kept[name] = batch
            if TABLES[name].vanishes and batch.num_rows:
                is_left = pc.and_(
                    pc.equal(batch[DELETED], pa.scalar(1, pa.uint8())),
                    pc.equal(batch[VERSION], pa.scalar(NOT_FOUND, pa.uint64())),
                )
                left |= {(name, str(one)) for one in batch.filter(is_left)["external_id"].to_pylist()}
                kept[name] = batch.filter(pc.invert(is_left))
        gone = {key for key, one in self._notes.items() if one.is_gone}
        self._note(left - gone, at, is_gone=True)
        return kept

    def hold(self, held: Held, at: dt.datetime) -> None:
        """Note what became of items that a source did not find: hidden ones do not count in later judgements.

        Args:
            held: what was held against the service.
            at: the time.
        """
        before = {name for table in held.tables for name in self.of(table)}
        missing = [name for name in held.missing if name not in before]
        if not missing:
            return
        known = set(held.known) - before.intersection(held.missing)
        hidden = (one.project for one in self._notes.values() if one.noun in held.tables and not one.is_gone)
        verdict = judged(missing, known, held.group, set(hidden) if held.group else ())
        for names, is_gone in ((verdict.deleted, True), (verdict.hidden, False)):
            items = [(table, name) for table in held.tables for name in names]
            self._note(items, at, is_gone=is_gone, group=held.group)

    def seen(self, rows: Mapping[str, pa.RecordBatch], before: dt.datetime | None = None) -> None:
        """Take back the notes of items that rows tell of; of hidden ones also when they are told to be removed.

        Args:
            rows: batches by table, of the source.
            before: only notes from before this time: a webhook that came then says nothing of later.
        """
        told: set[Key] = set()
        for name, batch in rows.items() if self._notes else ():
            if name not in _TELLING or not batch.num_rows:
                continue
            column, tables = _TELLING[name]
            is_there = pc.equal(batch[DELETED], pa.scalar(0, pa.uint8()))
            told |= {
                (table, str(one)) for table in tables for one in batch.filter(is_there)[column].to_pylist()
            }
            if TABLES[name].vanishes:
                gone = ((name, str(one)) for one in batch.filter(pc.invert(is_there))[column].to_pylist())
                told |= {key for key in gone if key in self._notes and not self._notes[key].is_gone}
        notes = [self._notes[key] for key in told & self._notes.keys()]
        self._forget(one for one in notes if before is None or one.since < before)

    def confirm(self, project: str, at: dt.datetime) -> int:
        """Take the hidden items of a project for gone, because a person says that they were deleted.

        Returns:
            How many those are.
        """
        hidden = [one for one in self._notes.values() if not one.is_gone and one.project == project]
        self._write([replace(one, is_gone=True, since=at) for one in hidden])
        return len({one.external_id for one in hidden})

    def _note(
        self, items: Iterable[Key], at: dt.datetime, *, is_gone: bool, group: Group | None = None
    ) -> None:
        """Note items of which there is a row."""
        by_table: dict[str, list[str]] = defaultdict(list)
        for table, name in items:
            by_table[table].append(name)
        parts = [
            (table, names[start : start + PART])
            for table, names in by_table.items()
            for start in range(0, len(names), PART)
        ]
        for table, part in parts:
            known = self._store.query(
                f"SELECT external_id, {_PROJECT[table]} AS project FROM ktlo.`{rows_table(TABLES[table])}` FINAL"  # noqa: S608 - names are ktlo's own
                " WHERE source = {source:String} AND external_id IN {ids:Array(String)}",
                {"source": self.source_id, "ids": part},
            )
            self._write(
                [
                    MissingItem(
                        source=self.source_id,
                        noun=table,
                        external_id=row["external_id"],
                        project=group(row["external_id"]) if group else row["project"],
                        since=at,
                        is_gone=is_gone,
                    )
                    for row in known.to_pylist()
                ]
            )

    def _write(self, items: Sequence[MissingItem]) -> None:
        if items:
            self._store.insert(TABLES["missing_items"], to_arrow(items, MissingItem))
            self._notes |= {(one.noun, one.external_id): one for one in items}

    def _forget(self, items: Iterable[MissingItem]) -> None:
        listed = list(items)
        if listed:
            self._store.insert(TABLES["missing_items"], to_arrow(listed, MissingItem, deleted=True))
        for one in listed:
            del self._notes[one.noun, one.external_id]


def told_of(source_id: str, rows: Mapping[str, pa.RecordBatch], store: Store, at: dt.datetime) -> None:
    """Take back the notes of items that a webhook tells of.

    Args:
        source_id: whose.
        rows: what it tells, by table.
        store: holds the notes.
        at: when it came: what was not found since then stays so, also when the webhook is read again.
    """
    names = {
        str(one)
        for table, batch in rows.items()
        if table in _TELLING
        for one in batch[_TELLING[table][0]].to_pylist()
    }
    if names:
        MissingItems(source_id, store, names).seen(rows, before=at)
