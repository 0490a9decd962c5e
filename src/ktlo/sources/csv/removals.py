"""Rows that take records back: the key, blanks for the rest, and ``is_deleted``."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from ktlo.records.arrow import to_arrow
from ktlo.records.schema import Kind, table_of

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_BLANK: dict[Kind, Any] = {
    Kind.STRING: "",
    Kind.LABEL: "",
    Kind.INTEGER: 0,
    Kind.FLOAT: 0.0,
    Kind.BOOLEAN: False,
    Kind.INSTANT: _EPOCH,
    Kind.DATE: _EPOCH.date(),
    Kind.STRINGS: (),
}


def removals(noun: type, keys: Iterable[Mapping[str, str]]) -> pa.RecordBatch:
    """A batch that removes the records with these keys.

    Args:
        noun: record class.
        keys: for each record, the columns of its key with their values.
    """
    columns = table_of(noun).columns
    blank = {column.name: None if column.optional else _BLANK[column.kind] for column in columns}
    return to_arrow([noun(**{**blank, **key}) for key in keys], noun, deleted=True)
