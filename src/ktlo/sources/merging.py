"""A webhook's row and the row that is there already: the newer one holds, with what only the other one tells.

Webhooks tell less of an item than reading it does. Columns that a sender leaves empty although they may be known
(:attr:`~ktlo.sources.hooked.Taken.untold`) are taken from whichever row tells them, in whatever order they come.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from ktlo.records import TABLES
from ktlo.records.arrow import DELETED, VERSION, schema
from ktlo.records.schema import Kind, Table
from ktlo.store.ddl import rows_table
from ktlo.store.protocol import Store


def merged(
    rows: Mapping[str, pa.RecordBatch], untold: Mapping[str, tuple[str, ...]], store: Store
) -> dict[str, pa.RecordBatch]:
    """Rows as they shall be stored.

    Args:
        rows: batches by table.
        untold: columns by table that these rows may lack; a list tells a part, a count at least so many, a time that
            it was then at the latest.
        store: holds the rows that are there.
    """
    return {
        name: _merged(TABLES[name], batch, untold[name], store) if untold.get(name) else batch
        for name, batch in rows.items()
    }


def _merged(table: Table, batch: pa.RecordBatch, untold: tuple[str, ...], store: Store) -> pa.RecordBatch:
    result = []
    for row in batch.to_pylist():
        there = _there(table, row, store)
        if there is None or there[DELETED] or row[DELETED]:
            result.append(row)
            continue
        newer, older = (row, there) if row[VERSION] >= there[VERSION] else (there, row)
        told = dict(newer)
        for name in untold:
            told[name] = _both(newer[name], older[name])
        result.append(told)
    for row in result:
        for column in table.columns:
            if column.kind is Kind.MAP and isinstance(row[column.name], dict):
                row[column.name] = list(row[column.name].items())
    return pa.RecordBatch.from_pylist(result, schema=schema(table))


def _both(newer: Any, older: Any) -> Any:
    if isinstance(newer, list):
        return list(dict.fromkeys([*newer, *(older or ())]))
    if isinstance(newer, dt.datetime) and isinstance(older, dt.datetime):
        return min(newer, older)
    if isinstance(newer, int) and isinstance(older, int) and not isinstance(newer, bool):
        return max(newer, older)
    return older if newer in (None, "") else newer


def _there(table: Table, row: Mapping[str, Any], store: Store) -> dict[str, Any] | None:
    names = ", ".join(f"`{column.name}`" for column in table.columns)
    where = " AND ".join(f"`{name}` = {{{name}:String}}" for name in table.key)
    found = store.query(
        f"SELECT {names}, {VERSION}, {DELETED} FROM ktlo.{rows_table(table)} FINAL WHERE {where}",  # noqa: S608 - names are ktlo's own
        {name: row[name] for name in table.key},
    ).to_pylist()
    return found[0] if found else None
