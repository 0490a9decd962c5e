"""An item whose type people change between issue and incident: one row holds, the newer; the other is removed.

Trackers keep one identifier through such a change, and ktlo keeps issues and incidents apart. So what comes in is held
against the other table, for the sources that say that their items may change (:func:`may_change`); read or told by
webhook, in whatever order. Steps that are told again as the other kind's are removed where they were.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ktlo.records import TABLES
from ktlo.records.arrow import DELETED, VERSION, blank
from ktlo.sources.protocol import Source
from ktlo.sources.rest.rows import Row, batches
from ktlo.store.ddl import rows_table
from ktlo.store.protocol import Store


@dataclass(frozen=True, slots=True)
class _Kind:
    """Tables of one kind of item: of the items, and of their steps with the column that names the item."""

    items: str
    steps: str
    item: str


_ISSUE = _Kind("issues", "issue_events", "issue_id")
_INCIDENT = _Kind("incidents", "incident_events", "incident_id")
_Moment = tuple[str, dt.datetime, str]
"""An item, when something happened to it, and by whom."""


def may_change(source: Source) -> bool:
    """Whether an identifier of this source is one item, be it an issue or an incident."""
    return bool(getattr(source, "items_change_kind", False))


def reclassified(rows: Mapping[str, pa.RecordBatch], store: Store) -> dict[str, pa.RecordBatch]:
    """What has to be written after some rows, so that each of their items is there once.

    Args:
        rows: batches by table, of one source whose items may change.
        store: holds what is there.

    Returns:
        Removals by table; empty when nothing changed its kind.
    """
    found: list[tuple[str, Row]] = []
    for kind, other in ((_ISSUE, _INCIDENT), (_INCIDENT, _ISSUE)):
        if kind.items in rows:
            found += _settled(rows, kind, other, store)
    return batches(found)


def _settled(
    rows: Mapping[str, pa.RecordBatch], kind: _Kind, other: _Kind, store: Store
) -> Iterable[tuple[str, Row]]:
    told = [row for row in _columns(rows[kind.items], "source", "external_id") if not row[DELETED]]
    if not told:
        return
    source, versions = told[0]["source"], {row["external_id"]: row[VERSION] for row in told}
    place = f"ktlo.{rows_table(TABLES[other.items])}"
    which = "source = {source:String} AND external_id IN {ids:Array(String)}"
    known = store.query(
        f"SELECT external_id, max({VERSION}) AS version,"  # noqa: S608 - names are ktlo's own
        f" external_id NOT IN (SELECT external_id FROM {place} FINAL WHERE {which}) AS is_gone"
        f" FROM {place} WHERE {which} GROUP BY external_id",
        {"source": source, "ids": list(versions)},
    ).to_pylist()
    changed = []
    for row in known:
        name, version = row["external_id"], versions[row["external_id"]]
        if row["version"] > version:
            if not row["is_gone"]:
                # What came is older than the change of kind: it must not stand beside it.
                yield _removal(kind.items, row["version"], source=source, external_id=name)
            continue
        changed.append(name)
        if not row["is_gone"]:
            yield _removal(other.items, version, source=source, external_id=name)
    if changed and kind.steps in rows:
        yield from _steps(rows[kind.steps], source, changed, kind, other, store)


def _steps(
    told: pa.RecordBatch, source: str, items: list[str], kind: _Kind, other: _Kind, store: Store
) -> Iterable[tuple[str, Row]]:
    moments: set[_Moment] = {
        (row[kind.item], row["occurred_at"], row["actor"])
        for row in _columns(told, kind.item, "occurred_at", "actor")
        if not row[DELETED]
    }
    there = store.query(
        f"SELECT {other.item} AS item, event_id, occurred_at, actor, {VERSION} AS version"  # noqa: S608 - names are ktlo's own
        f" FROM ktlo.{rows_table(TABLES[other.steps])} FINAL WHERE source = {{source:String}}"
        f" AND {other.item} IN {{ids:Array(String)}}",
        {"source": source, "ids": items},
    )
    for row in there.to_pylist():
        if (row["item"], row["occurred_at"], row["actor"]) in moments:
            # Of the same version: the later one holds, also when the kind changes back.
            key = {other.item: row["item"], "event_id": row["event_id"]}
            yield _removal(other.steps, row["version"], source=source, **key)


def _removal(table: str, version: int, **key: str) -> tuple[str, Row]:
    return table, Row(blank(TABLES[table].record, **key), version, is_removal=True)


def _columns(batch: pa.RecordBatch, *names: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = batch.select([*names, VERSION, DELETED]).to_pylist()
    return found
