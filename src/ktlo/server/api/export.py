"""Rows as Parquet over HTTP: a noun in pieces, or the answer of a SELECT."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from ktlo.errors import StoreError, UsageError, UserError
from ktlo.server.api.metrics import Running
from ktlo.server.runtime import Runtime
from ktlo.server.tables import PARQUET_TYPE
from ktlo.store.outside import Question
from ktlo.store.pieces import Piece, moment_of, pieces, statement
from ktlo.store.readonly import FIX, Limits
from ktlo.telemetry.interval import interval

router = APIRouter(tags=["export"])

MEDIA_TYPE = PARQUET_TYPE
PARQUET: dict[int | str, dict[str, Any]] = {
    200: {"content": {MEDIA_TYPE: {}}, "description": "A Parquet file, compressed with zstd."}
}
_LIMITS = Limits(seconds=300, memory=4 << 30, answer=1 << 30)
_MOST_ROWS = 20_000_000
_WRITTEN = {
    "output_format_parquet_compression_method": "zstd",
    "output_format_parquet_string_as_string": "1",
}
_FIRST = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

Noun = Annotated[str, Query(max_length=100, description="Of docs/reference/records.md: spans, commits…")]
Moment = Annotated[str, Query(max_length=100, description="Column to cut by; found when empty.")]
Instant = Annotated[
    str, Query(max_length=40, description="A date, an instant, or an age: 7d. Empty: no bound.")
]


class PieceOut(BaseModel):
    """A stretch that is one file."""

    day: dt.date | None = Field(description="Day (UTC) that it lies in.")
    start: dt.datetime | None
    end: dt.datetime | None
    rows: int


class ExportPlanOut(BaseModel):
    """How a noun is cut into files."""

    noun: str
    time: str = Field(description="Column that it is cut by; empty when the noun has no moments.")
    pieces: list[PieceOut]


class Asked(BaseModel):
    """One SELECT."""

    sql: str = Field(min_length=1, max_length=60_000, description="A single SELECT over ktlo's tables.")


def _stretch(since: str, until: str) -> tuple[dt.datetime, dt.datetime]:
    now = dt.datetime.now(dt.UTC)
    if not since.strip():
        of = interval("1970-01-02", until.strip(), now)
        return _FIRST, of.end
    of = interval(since.strip(), until.strip(), now)
    return of.start, of.end


def _file(running: Runtime, sql: str, parameters: dict[str, str], name: str) -> Response:
    try:
        answer = running.store.answer(Question(sql, "Parquet", parameters, _WRITTEN), _LIMITS, _MOST_ROWS)
    except StoreError as error:
        if error.code == 396:
            raise UsageError(
                "that is too much for one file", fix="Ask for a shorter time, or fewer columns"
            ) from error
        raise UserError(_LIMITS.explain(error.what), fix=FIX) from error
    if answer.format != "Parquet":
        raise UsageError("the answer is a Parquet file", fix="Leave FORMAT out")
    return Response(
        answer.body,
        media_type=MEDIA_TYPE,
        headers={
            "content-disposition": f'attachment; filename="{name}.parquet"',
            "x-ktlo-rows": str(answer.rows),
        },
    )


@router.get("/export/plan")
def plan_export(
    running: Running, noun: Noun, time: Moment = "", since: Instant = "", until: Instant = ""
) -> ExportPlanOut:
    """How a noun's rows are cut into files by day."""
    column = moment_of(noun, time)
    start, end = _stretch(since, until)
    return ExportPlanOut(
        noun=noun,
        time=column,
        pieces=[
            PieceOut(day=one.day, start=one.start, end=one.end, rows=one.rows)
            for one in pieces(running.store, noun, column, start, end)
        ],
    )


@router.get("/export/parquet", response_class=Response, responses=PARQUET)
def export_noun(
    running: Running, noun: Noun, time: Moment = "", since: Instant = "", until: Instant = ""
) -> Response:
    """A noun's rows as one Parquet file: those of a stretch of time, or all."""
    column = moment_of(noun, time)
    piece = Piece(None, None, None, 0)
    if since.strip() or until.strip():
        if not column:
            raise UsageError(f"{noun} has no moments", fix="Leave since and until out")
        start, end = _stretch(since, until)
        piece = Piece(None, start, end, 0)
    return _file(running, *statement(noun, column, piece), noun)


@router.post("/export/parquet", response_class=Response, responses=PARQUET)
def export_answer(running: Running, asked: Asked) -> Response:
    """The answer of a SELECT as one Parquet file; the same guard as /query."""
    return _file(running, asked.sql, {}, "answer")
