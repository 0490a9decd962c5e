"""Arrow tables on their way out: JSON rows, CSV.

CSV cells that a spreadsheet would run as a formula get a leading apostrophe (OWASP, CSV Injection).
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import math
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

CSV_TOO: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "Rows, as JSON or as CSV."}
}
"""For OpenAPI: operations that answer CSV when asked to."""

PARQUET_TYPE = "application/vnd.apache.parquet"

PARQUET_TOO: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            "text/csv": {"schema": {"type": "string"}},
            PARQUET_TYPE: {"schema": {"type": "string", "format": "binary"}},
        },
        "description": "Rows, as JSON, CSV or Parquet.",
    }
}
"""For OpenAPI: operations that answer CSV or Parquet when asked to."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def plain(value: Any) -> Any:
    """One value as JSON has it: instants as ISO 8601 with Z, numbers that are none as null."""
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, list):
        return [plain(member) for member in value]
    if isinstance(value, dict):
        return {str(key): plain(member) for key, member in value.items()}
    return value


def json_rows(table: pa.Table) -> list[dict[str, Any]]:
    """Rows as dictionaries by column."""
    return [{name: plain(value) for name, value in row.items()} for row in table.to_pylist()]


def _cell(value: Any) -> str:
    value = plain(value)
    if value is None:
        return ""
    if isinstance(value, list):
        value = "; ".join(str(member) for member in value)
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return str(value)


def csv_lines(table: pa.Table) -> Iterator[str]:
    """CSV (RFC 4180) with a header, in pieces of some hundred rows."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(table.column_names)
    for batch in table.to_batches(max_chunksize=500):
        for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            writer.writerow([_cell(value) for value in row])
        yield out.getvalue()
        out.seek(0)
        out.truncate()
    yield out.getvalue()


def parquet_file(table: pa.Table) -> bytes:
    """The rows as a Parquet file, compressed with zstd."""
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return bytes(sink.getvalue().to_pybytes())
