"""PromQL over HTTP for ktlo's own faces: one expression over a stretch, with units, exemplars and its cost."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from ktlo.errors import UsageError
from ktlo.server.api.metrics import Running
from ktlo.server.api.telemetry import Since, Until, asked_interval
from ktlo.server.parameters import AskedRoute
from ktlo.telemetry.interval import Interval
from ktlo.telemetry.promql.asking import ask, since_1970
from ktlo.telemetry.promql.histograms import floats_of
from ktlo.telemetry.promql.question import Answered, Asked
from ktlo.telemetry.promql.unknown import unknown_names
from ktlo.telemetry.promql.vector import Scalar, Text

router = APIRouter(tags=["telemetry"], route_class=AskedRoute)

STEPS = 240
"""Steps of a range when no step is given."""
STEPS_OF_A_PANEL = 120
"""A panel is a few hundred pixels wide, and a dashboard has many: each step is drawn, written and told there."""


class PromqlSeriesOut(BaseModel):
    """One series."""

    labels: dict[str, str]
    values: list[float | None] = Field(description="By step; null where there is none, or it is not finite.")


class UnknownOut(BaseModel):
    """A name in an expression that no metric has."""

    name: str
    near: list[str] = Field(description="Names that there are, the nearest first.")


class PromqlOut(BaseModel):
    """An answer."""

    expression: str
    start: dt.datetime
    end: dt.datetime
    step_seconds: float
    times: list[dt.datetime]
    series: list[PromqlSeriesOut]
    text: str = Field("", description="Of an expression that is a text.")
    samples: int = Field(description="Samples read.")
    seconds: float = Field(description="Time it took.")
    unknown: list[UnknownOut] = Field(
        default=[], description="Where nothing is answered: names in it under which no metric is kept."
    )


def step_of(text: str, of: Interval, most: int = STEPS) -> int:
    """Milliseconds of a step as people write it; of none given, such that there are at most ``most``.

    Raises:
        UsageError: it is no duration.
    """
    import re

    if not text.strip():
        rough = of.seconds / most
        nice = (1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400)
        return 1000 * next((each for each in nice if each >= rough), int(-(-rough // 86_400) * 86_400))
    read = re.fullmatch(r"(\d{1,7})(ms|s|m|min|h|d)?", text.strip())
    factor = {"ms": 1, "s": 1000, None: 1000, "m": 60_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
    if read is None or int(read[1]) == 0:
        raise UsageError(f"{text[:40]!r} is no step", fix="Write 15s, 1m or 1h")
    return int(read[1]) * factor[read[2]]


def asked_of(expression: str, of: Interval, step: str) -> Asked:
    """A question over a stretch, its steps at multiples of the step."""
    width = step_of(step, of)
    end = since_1970(of.end) // width * width
    start = -(-since_1970(of.start) // width) * width
    return Asked(expression, min(start, end), end, width)


def out(answered: Answered, asked: Asked) -> PromqlOut:
    """An answer as JSON has it."""
    value = answered.value
    series: list[PromqlSeriesOut] = []
    if isinstance(value, Scalar):
        series = [PromqlSeriesOut(labels={}, values=_finite(value.values, np.isfinite(value.values)))]
    elif not isinstance(value, Text):
        plain = floats_of(value)
        series = [
            PromqlSeriesOut(
                labels=dict(labels),
                values=_finite(plain.values[row], plain.present[row] & np.isfinite(plain.values[row])),
            )
            for row, labels in enumerate(plain.labels)
        ]
    return PromqlOut(
        expression=asked.expression,
        start=_at(asked.start),
        end=_at(asked.end),
        step_seconds=asked.step / 1000,
        times=[_at(int(each)) for each in answered.times],
        series=series,
        text=value.value if isinstance(value, Text) else "",
        samples=answered.samples,
        seconds=round(answered.seconds, 4),
    )


def _finite(values: np.ndarray, there: np.ndarray) -> list[float | None]:
    return [float(value) if is_there else None for value, is_there in zip(values, there, strict=True)]


def _at(milliseconds: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(milliseconds / 1000, dt.UTC)


@router.get("/promql")
def run_promql(
    running: Running,
    query: Annotated[str, Query(alias="q", max_length=20_000, description="PromQL.")],
    since: Since = "",
    until: Until = "",
    step: Annotated[
        str, Query(max_length=20, description="Between the steps: 15s, 1m; chosen when empty.")
    ] = "",
    instant: Annotated[bool, Query(description="Only at the end of the stretch.")] = False,
) -> PromqlOut:
    """An expression over the metrics of services, at steps of a stretch."""
    of = asked_interval(since, until)
    asked = asked_of(query, of, step)
    if instant:
        end = since_1970(of.end)
        asked = Asked(query, end, end)
    given = out(ask(running.store, asked), asked)
    if not given.series and not given.text:
        given.unknown = [
            UnknownOut(name=each.name, near=list(each.near)) for each in unknown_names(running.store, query)
        ]
    return given
