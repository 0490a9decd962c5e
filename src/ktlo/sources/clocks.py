"""Clocks that disagree: a time that cannot be is told, and hides no later change.

The version of a row is when its sender changed it last, by the sender's clock. One far ahead would outrank every later
change until that time comes, so it is lowered to now, and below all others where it is kept already. When an item began
is never altered, only told.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from ktlo.records import TABLES
from ktlo.records.arrow import DELETED, EPOCH, VERSION, schema
from ktlo.records.collection import Rejection
from ktlo.sources.hooked import Taken
from ktlo.sources.protocol import Batch, Source
from ktlo.sources.rejecting import rejection
from ktlo.sources.rest.rows import microseconds
from ktlo.store.ddl import rows_table
from ktlo.store.protocol import Store
from ktlo.wording import counted

AHEAD = dt.timedelta(days=1)
"""How far a sender's clock may be ahead: more than any time zone that is taken for another."""
OLDEST = dt.datetime(1990, 1, 1, tzinfo=dt.UTC)
"""No tracker that is read is older."""

_BEGINNINGS: Mapping[str, tuple[str, ...]] = {
    "issues": ("created_at",), "incidents": ("detected_at", "started_at"), "outages": ("started_at",),
    "changes": ("created_at",), "reviews": ("submitted_at",), "deployments": ("started_at",),
    "workflow_runs": ("started_at",),
}  # fmt: skip
"""When items began. Shifts, time off and releases may rightly lie ahead."""
_LAST = microseconds(dt.datetime.max.replace(tzinfo=dt.UTC))
_WRONG = "the sender's clock is wrong, or this machine's"

Told = TypeVar("Told", Batch, Taken)


def corrected(source: Source, told: Told, now: dt.datetime | None = None) -> Told:
    """Rows whose versions do not lie ahead, with a rejection for each item whose clock was wrong.

    Args:
        source: whose rows they are. One whose versions are ranks instead of times says ``versions_rank = True``.
        told: what it read, or took from a webhook.
        now: when that was; this moment when not given.

    Returns:
        The same when nothing is wrong.
    """
    now = now or dt.datetime.now(dt.UTC)
    rows = dict(told.rows)
    found: dict[tuple[str, str], Rejection] = {}
    if not getattr(source, "versions_rank", False):
        for name, item, row in _lower(rows, now):
            at = EPOCH + dt.timedelta(microseconds=min(row[VERSION], _LAST))
            reason = (
                f"was last changed on {_minute(at)}, more than a day ahead: {_WRONG}. It counts as changed when it"
                " came, so that later changes win"
            )
            # Of an item and its steps, one is told.
            found.setdefault((item, ""), _rejection(source, name, item, row, reason, now))
    for name, item, column, row in _out_of_time(rows, now):
        at = row[column]
        side = "more than a day ahead" if at > now else f"before {OLDEST:%Y}"
        reason = (
            f"its {column} is {_minute(at)}, {side}: {_WRONG}. It is in as it is told, and counts"
            " in the periods of that time; correct it in the sender, or forget the source's records and read it again"
        )
        found.setdefault((item, column), _rejection(source, name, item, row, reason, now))
    return replace(told, rows=rows, rejected=(*told.rejected, *found.values())) if found else told


def lowered(source: Source, store: Store, now: dt.datetime | None = None) -> tuple[Rejection, ...]:
    """Lower the versions of rows that are kept although they lie ahead, below all others, so that any other wins.

    They are from before versions were looked at, or from when this machine's own clock was ahead. Nothing is touched
    where this machine's clock may be behind: while the newest reading lies ahead, too.

    Args:
        source: whose rows; of one whose versions are ranks none is touched.
        store: where they are; what is lowered is inserted before what was ahead is removed.
        now: this moment, when not given.

    Returns:
        One for each table, to be told.
    """
    now = now or dt.datetime.now(dt.UTC)
    most = microseconds(now + AHEAD)
    if getattr(source, "versions_rank", False) or not source.brings or not _is_any_ahead(source, store, most):
        return ()
    (newest,) = store.query("SELECT max(finished_at) AS at FROM ktlo.collections").to_pylist()
    if newest["at"] > now + AHEAD:
        return ()
    told = []
    for name in source.brings:
        # By name: a column that a newer ktlo added stands last in an older store.
        columns = ", ".join(f"`{column}`" for column in schema(TABLES[name]).names)
        rows = store.query(
            f"SELECT {columns} FROM ktlo.`{rows_table(TABLES[name])}` WHERE source = {{source:String}}"  # noqa: S608 - ktlo's own names
            f" AND {VERSION} > {{most:UInt64}} ORDER BY {VERSION}",
            {"source": source.source_id, "most": most},
        )
        if rows.num_rows:
            ranks = pa.array(range(1, rows.num_rows + 1), pa.uint64())
            at = rows.schema.get_field_index(VERSION)
            store.insert(TABLES[name], rows.set_column(at, VERSION, ranks).cast(schema(TABLES[name])))
            store.forget_versions(TABLES[name], source.source_id, most)
            told.append(_kept_ahead(source, name, rows, now))
    return tuple(told)


def _is_any_ahead(source: Source, store: Store, most: int) -> bool:
    of = "WHERE source = {source:String}"
    newest = " UNION ALL ".join(
        f"SELECT max({VERSION}) AS version FROM ktlo.`{rows_table(TABLES[name])}` {of}"  # noqa: S608 - ktlo's own names
        for name in source.brings
    )
    found = store.query(f"SELECT max(version) AS version FROM ({newest})", {"source": source.source_id})  # noqa: S608
    return int(found["version"][0].as_py()) > most


def _kept_ahead(source: Source, name: str, rows: pa.Table, now: dt.datetime) -> Rejection:
    last = rows.slice(rows.num_rows - 1).to_pylist()[0]
    at = EPOCH + dt.timedelta(microseconds=min(last[VERSION], _LAST))
    reason = (
        f"{counted(rows.num_rows, 'rows')} of {name} counted as changed more than a day ahead, up to {_minute(at)}:"
        f" {_WRONG}. From now on later changes win; what was hidden until now comes in when the whole past is read"
        " again"
    )
    place = f"{name}, {_item(name, last)}"
    return rejection(source.source_id, place, reason, now, is_kept=True)


def _lower(rows: dict[str, pa.RecordBatch], now: dt.datetime) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Lower versions that lie ahead, in place; which tables, items and rows, as they came."""
    most = microseconds(now + AHEAD)
    ahead = {
        name: pc.greater(batch[VERSION], pa.scalar(most, pa.uint64()))
        for name, batch in rows.items()
        if VERSION in batch.schema.names and batch.num_rows and pc.max(batch[VERSION]).as_py() > most
    }
    # What came together keeps its order.
    ranks = sorted(
        {int(v) for name, mask in ahead.items() for v in rows[name][VERSION].filter(mask).to_numpy()}
    )
    for name, mask in ahead.items():
        batch = rows[name]
        for row in batch.filter(mask).to_pylist():
            yield name, _item(name, row), row
        place = pc.index_in(batch[VERSION], value_set=pa.array(ranks, pa.uint64()))
        lowered = pc.add(pc.cast(place, pa.uint64()), pa.scalar(microseconds(now), pa.uint64()))
        at = batch.schema.get_field_index(VERSION)
        rows[name] = batch.set_column(at, batch.schema.field(at), pc.if_else(mask, lowered, batch[VERSION]))


def _out_of_time(
    rows: Mapping[str, pa.RecordBatch], now: dt.datetime
) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Items that began when they cannot have: table, item, column and row."""
    for name, batch in rows.items():
        for column in _BEGINNINGS.get(name, ()):
            times = batch[column]
            is_out = pc.or_(
                pc.greater(times, pa.scalar(now + AHEAD, times.type)),
                pc.less(times, pa.scalar(OLDEST, times.type)),
            )
            is_out = pc.and_(is_out, pc.equal(batch[DELETED], pa.scalar(0, pa.uint8())))
            if not pc.any(is_out).as_py():
                continue
            for row in batch.filter(is_out).to_pylist():
                if not (row.get("is_planned") and row[column] > now):  # maintenance is announced
                    yield name, _item(name, row), column, row


def _minute(at: dt.datetime) -> str:
    return f"{at.isoformat(' ', 'minutes')[:16]} UTC"


def _item(name: str, row: Mapping[str, Any]) -> str:
    """Identifier of the item that a row is of: the first of its key after the source."""
    return str(next(row[key] for key in TABLES[name].key if key != "source"))


def _rejection(
    source: Source, name: str, item: str, row: Mapping[str, Any], reason: str, now: dt.datetime
) -> Rejection:
    title = str(row.get("title") or "")
    return rejection(source.source_id, f"{name}, {item}", reason, now, title, is_kept=True)
