"""SQL over HTTP, read-only: every number can be recomputed by whoever doubts it."""

from __future__ import annotations

from typing import Any, Literal

import pyarrow as pa
from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from ktlo.errors import UsageError
from ktlo.server.api.metrics import Running
from ktlo.server.tables import CSV_TOO, csv_lines, plain

router = APIRouter(tags=["query"])


class Statement(BaseModel):
    """One SELECT."""

    sql: str = Field(min_length=1, max_length=100_000, description="A single SELECT over ktlo's tables.")
    limit: int = Field(1000, ge=1, le=1_000_000, description="Most rows to give.")
    format: Literal["json", "csv"] = "json"


class Result(BaseModel):
    """Rows of an answer."""

    columns: list[str]
    rows: list[list[Any]]


@router.post("/query", response_model=Result, responses=CSV_TOO)
def run_query(running: Running, statement: Statement) -> Any:
    """Answer one SELECT; nothing can be changed by it."""
    table = running.store.query_readonly(statement.sql, statement.limit)
    try:
        table.validate(full=True)
    except pa.ArrowInvalid as error:
        raise UsageError(
            "a column of the answer holds bytes that are no text (UTF-8)",
            fix="Show them with hex(…) or toValidUTF8(…)",
        ) from error
    if statement.format == "csv":
        return StreamingResponse(csv_lines(table), media_type="text/csv; charset=utf-8")
    columns = [[plain(value) for value in column.to_pylist()] for column in table.columns]
    return Result(columns=table.column_names, rows=[list(row) for row in zip(*columns, strict=True)])
