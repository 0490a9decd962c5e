"""Records on their way into batches, each with the version that its service gives it.

With the service's own time of change as version, reading twice, in another order, or by webhook and by pull ends in
the same row.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ktlo.records import TABLES
from ktlo.records.arrow import DELETED, EPOCH, VERSION, blank, to_arrow
from ktlo.sources.missing_items import NOT_FOUND


@dataclass(frozen=True, slots=True)
class Row:
    """A record with its version (microseconds), or the removal of its key."""

    record: Any
    version: int
    is_removal: bool = False


def microseconds(moment: dt.datetime) -> int:
    """Whole microseconds since 1970, exactly."""
    return (moment - EPOCH) // dt.timedelta(microseconds=1)


def removal(table: str, source: str, external_id: str, at: dt.datetime | None = None) -> tuple[str, Row]:
    """The removal of an item that the service no longer has.

    Args:
        table: of the item, keyed by source and external_id.
        source: identifier of the source.
        external_id: of the item.
        at: when it was deleted, where the service told it, which is for good; ``None`` where it is only known to have
            left: then it is there again as soon as it is read again (:mod:`ktlo.sources.missing_items`).
    """
    record = blank(TABLES[table].record, source=source, external_id=external_id)
    return table, Row(record, NOT_FOUND if at is None else microseconds(at), is_removal=True)


def batches(rows: Iterable[tuple[str, Row]]) -> dict[str, pa.RecordBatch]:
    """Rows by table as Arrow, for a :class:`~ktlo.sources.protocol.Batch`.

    Args:
        rows: names of tables and rows of them, in any order.
    """
    by_table: dict[str, list[Row]] = defaultdict(list)
    for table, row in rows:
        by_table[table].append(row)
    return {table: _arrow(table, group) for table, group in by_table.items()}


def _arrow(table: str, rows: Sequence[Row]) -> pa.RecordBatch:
    batch = to_arrow([row.record for row in rows], TABLES[table].record)
    for name, values, kind in (
        (VERSION, [max(row.version, 0) for row in rows], pa.uint64()),
        (DELETED, [int(row.is_removal) for row in rows], pa.uint8()),
    ):
        place = batch.schema.get_field_index(name)
        batch = batch.set_column(place, batch.schema.field(place), pa.array(values, kind))
    return batch
