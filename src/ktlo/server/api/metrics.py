"""Metrics over HTTP: the definitions, answers to questions, and the rows behind them."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, Field

from ktlo.metrics import ask as asking_of
from ktlo.metrics.ask import Answer
from ktlo.metrics.clocks import Clock
from ktlo.metrics.question import Dimension, Grain, Question
from ktlo.metrics.registry import Definition, definition, definitions
from ktlo.server import asking
from ktlo.server.runtime import Runtime
from ktlo.server.tables import PARQUET_TOO, PARQUET_TYPE, csv_lines, json_rows, parquet_file, plain

router = APIRouter(tags=["metrics"])


def runtime_of(request: Request) -> Runtime:
    """The running ktlo of a request."""
    runtime: Runtime = request.app.state.runtime
    return runtime


Running = Annotated[Runtime, Depends(runtime_of)]
Values = Annotated[list[str], Query(description="Keep only these; repeat for several.")]


class MetricDefinition(BaseModel):
    """One metric as it is defined."""

    name: str
    title: str
    family: str
    unit: str
    definition: str
    reading: str
    source: str
    dimensions: list[str]
    better: str
    headline: str
    sql: str

    @classmethod
    def of(cls, given: Definition) -> MetricDefinition:
        """The public part of a definition."""
        return cls(
            name=given.name,
            title=given.title,
            family=given.family,
            unit=given.unit,
            definition=given.definition,
            reading=given.reading,
            source=given.source,
            dimensions=[str(dimension) for dimension in given.dimensions],
            better=given.better,
            headline=given.headline,
            sql=given.sql.strip(),
        )


class EstimateOut(BaseModel):
    """A number with its uncertainty."""

    value: float | None = Field(description="Null when it is not estimable; see reason.")
    low: float | None = Field(description="Lower end of the 95% interval.")
    high: float | None = Field(description="Upper end of the 95% interval.")
    n: int = Field(description="Sample size.")
    censored: int = Field(description="How many of the sample have not ended yet.")
    reason: str = Field(description="Why there is no value.")


class FigureOut(BaseModel):
    """Estimates for one group and bucket."""

    group: str
    start: dt.datetime
    end: dt.datetime
    statistics: dict[str, EstimateOut]


class ComparisonOut(BaseModel):
    """This period against the one before."""

    detectable: bool
    p_value: float | None
    needed_n: int | None
    sentence: str


class AnswerOut(BaseModel):
    """What a metric says."""

    metric: str
    unit: str
    headline: str
    start: dt.datetime
    end: dt.datetime
    figures: list[FigureOut]
    comparison: ComparisonOut | None
    notes: list[str]
    collected_at: dt.datetime | None = Field(
        description="When a source that delivers what it counts was last read; null before any was."
    )
    telemetry_at: dt.datetime | None = Field(
        description="When the newest deployment was made that only telemetry tells of, where such are counted."
    )

    @classmethod
    def of(cls, given: Answer, defined: Definition) -> AnswerOut:
        """An answer as JSON has it."""
        compared = given.comparison
        return cls(
            metric=given.metric,
            unit=defined.unit,
            headline=defined.headline,
            start=given.question.start,
            end=given.question.end,
            figures=[
                FigureOut(
                    group=figure.group,
                    start=figure.start,
                    end=figure.end,
                    statistics={
                        name: EstimateOut(
                            value=plain(estimate.value),
                            low=plain(estimate.low),
                            high=plain(estimate.high),
                            n=estimate.n,
                            censored=estimate.censored,
                            reason=estimate.reason,
                        )
                        for name, estimate in figure.statistics.items()
                    },
                )
                for figure in given.figures
            ],
            comparison=compared
            and ComparisonOut(
                detectable=compared.detectable,
                p_value=plain(compared.p_value),
                needed_n=compared.needed_n,
                sentence=compared.sentence,
            ),
            notes=list(given.notes),
            collected_at=given.collected_at,
            telemetry_at=given.telemetry_at,
        )


def asked(
    request: Request,
    running: Running,
    from_: Annotated[str, Query(alias="from", description="Start: 2026-05-01, an age (90d), or all.")] = "",
    to: Annotated[str, Query(description="End, a bare date included; now when empty.")] = "",
    by: Annotated[Dimension | None, Query(description="Group by this dimension.")] = None,
    grain: Annotated[Grain | None, Query(description="Bucket width of a series.")] = None,
    clock: Annotated[
        Clock | None, Query(description="Durations in wall time, or business time by calendars.")
    ] = None,
    service: Values = [],  # noqa: B006 - FastAPI copies it
    repository: Values = [],  # noqa: B006
    team: Values = [],  # noqa: B006
    severity: Values = [],  # noqa: B006
    category: Values = [],  # noqa: B006
    source: Values = [],  # noqa: B006
    level: Values = [],  # noqa: B006
    check: Values = [],  # noqa: B006
) -> Question:
    """Read the question from the query string; the parameters are declared for OpenAPI."""
    del from_, to, by, grain, clock, service, repository, team, severity, category, source, level, check
    given = {name: request.query_params.getlist(name) for name in request.query_params}
    return asking.question(given, running.store, running.settings)


Asked = Annotated[Question, Depends(asked)]


@router.get("/metrics")
def list_metrics() -> list[MetricDefinition]:
    """Every metric with its definition."""
    return [MetricDefinition.of(defined) for defined in definitions().values()]


@router.get("/metrics/{name}")
def answer_metric(name: str, running: Running, question: Asked) -> AnswerOut:
    """One metric over a period: estimates with intervals, sample sizes and reasons."""
    defined = definition(name)
    return AnswerOut.of(asking_of.ask(running.store, defined, question), defined)


@router.get("/metrics/{name}/definition")
def define_metric(name: str) -> MetricDefinition:
    """What a metric is, in words and SQL."""
    return MetricDefinition.of(definition(name))


@router.get("/metrics/{name}/rows", response_model=list[dict[str, Any]], responses=PARQUET_TOO)
def rows_of_metric(
    name: str,
    running: Running,
    question: Asked,
    limit: Annotated[int, Query(ge=1, le=100_000, description="Most rows to give.")] = 500,
    form: Annotated[Literal["json", "csv", "parquet"], Query(alias="format")] = "json",
) -> Any:
    """The rows that the number was computed from."""
    table = asking_of.rows_behind(running.store, definition(name), question, limit)
    if form == "csv":
        return StreamingResponse(
            csv_lines(table),
            media_type="text/csv; charset=utf-8",
            headers={"content-disposition": f'attachment; filename="{name}.csv"'},
        )
    if form == "parquet":
        return Response(
            parquet_file(table),
            media_type=PARQUET_TYPE,
            headers={"content-disposition": f'attachment; filename="{name}.parquet"'},
        )
    return json_rows(table)
