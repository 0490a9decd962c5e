"""Records in motion: dataclasses to and from Arrow.

Sources with few rows build records and call :func:`to_arrow`; sources with many (git) build Arrow
batches themselves against :func:`schema`. Imports pyarrow, so the base install does not import this.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import time
from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from ktlo.records.schema import Kind, Life, Table, table_of

VERSION = "row_version"
"""Bookkeeping column of observed tables: of two rows with one key, the higher version is true."""
DELETED = "is_deleted"
"""Bookkeeping column of observed tables: 1 removes the row with this key."""
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
"""From which versions count, in microseconds."""

_TYPES: dict[Kind, pa.DataType] = {
    Kind.STRING: pa.string(),
    Kind.LABEL: pa.string(),
    Kind.INTEGER: pa.int64(),
    Kind.FLOAT: pa.float64(),
    Kind.BOOLEAN: pa.bool_(),
    Kind.INSTANT: pa.timestamp("us", "UTC"),
    Kind.DATE: pa.date32(),
    Kind.STRINGS: pa.list_(pa.string()),
    Kind.MAP: pa.map_(pa.string(), pa.string()),
    Kind.INSTANT_NS: pa.timestamp("ns", "UTC"),
    Kind.INSTANTS_NS: pa.list_(pa.timestamp("ns", "UTC")),
    Kind.MAPS: pa.list_(pa.map_(pa.string(), pa.string())),
    Kind.FLOATS: pa.list_(pa.float64()),
    Kind.INTEGERS: pa.list_(pa.int64()),
}


def schema(table: Table) -> pa.Schema:
    """Arrow schema of a table, bookkeeping columns included for observed tables."""
    fields = [pa.field(c.name, _TYPES[c.kind], nullable=c.optional) for c in table.columns]
    if table.life is Life.OBSERVED:
        fields += [
            pa.field(VERSION, pa.uint64(), nullable=False),
            pa.field(DELETED, pa.uint8(), nullable=False),
        ]
    return pa.schema(fields)


def now_version() -> int:
    """Version for rows whose source has none: microseconds since 1970 at collection."""
    return time.time_ns() // 1000


def to_arrow(
    rows: Iterable[Any], noun: type, *, version: int | None = None, deleted: bool = False
) -> pa.RecordBatch:
    """Turn records of one noun into a batch of its table's schema.

    Args:
        rows: records, all of class ``noun``.
        noun: the record class (needed because ``rows`` may be empty).
        version: version of all rows, microseconds; now when not given.
        deleted: mark the rows as removals of their keys.
    """
    table = table_of(noun)
    listed = list(rows)
    columns: dict[str, Any] = {}
    for column in table.columns:
        values = [getattr(row, column.name) for row in listed]
        if column.kind is Kind.MAP:
            values = [list(value.items()) for value in values]
        columns[column.name] = values
    if table.life is Life.OBSERVED:
        columns[VERSION] = [now_version() if version is None else version] * len(listed)
        columns[DELETED] = [int(deleted)] * len(listed)
    return pa.RecordBatch.from_pydict(columns, schema=schema(table))


_BLANK: dict[Kind, Any] = {
    Kind.STRING: "",
    Kind.LABEL: "",
    Kind.INTEGER: 0,
    Kind.FLOAT: 0.0,
    Kind.BOOLEAN: False,
    Kind.INSTANT: dt.datetime(1970, 1, 1, tzinfo=dt.UTC),
    Kind.DATE: dt.date(1970, 1, 1),
    Kind.STRINGS: (),
    Kind.MAP: {},
}


def blank(noun: type, **key: Any) -> Any:
    """A record that says nothing but its key: the content of a removal.

    Args:
        noun: record class of an observed table.
        key: values of the key's attributes.
    """
    said = {c.name: None if c.optional else _BLANK[c.kind] for c in table_of(noun).columns}
    return noun(**{**said, **key})


def from_arrow(rows: pa.Table | pa.RecordBatch, noun: type) -> list[Any]:
    """Turn query results that carry a noun's columns (others are ignored) back into records."""
    table = table_of(noun)
    names = [f.name for f in dataclasses.fields(noun)]
    columns = []
    for name in names:
        values = rows.column(name).to_pylist()
        kind = table.column(name).kind
        if kind is Kind.STRINGS:
            values = [tuple(value or ()) for value in values]
        elif kind is Kind.MAP:
            values = [dict(value or ()) for value in values]
        columns.append(values)
    return [noun(**dict(zip(names, row, strict=True))) for row in zip(*columns, strict=True)]
