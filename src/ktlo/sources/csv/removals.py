"""Rows that take records back: the key, blanks for the rest, and ``is_deleted``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pyarrow as pa

from ktlo.records.arrow import blank, to_arrow


def removals(noun: type, keys: Iterable[Mapping[str, str]]) -> pa.RecordBatch:
    """A batch that removes the records with these keys.

    Args:
        noun: record class.
        keys: for each record, the columns of its key with their values.
    """
    return to_arrow([blank(noun, **key) for key in keys], noun, deleted=True)
