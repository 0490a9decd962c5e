"""Trends over HTTP: what changed in p95, errors and rate of operations, named only when the change is there."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from ktlo.server.api.metrics import Running
from ktlo.server.parameters import AskedRoute
from ktlo.telemetry.compared import stretches
from ktlo.telemetry.interval import interval
from ktlo.telemetry.trend import Trend, Trends
from ktlo.telemetry.trends import trends

router = APIRouter(tags=["telemetry"], route_class=AskedRoute)

Service = Annotated[str, Query(description="Only this service.name.", max_length=2_000)]
SpanText = Annotated[str, Query(description="What is compared: day, week or 4weeks.", max_length=40)]
Until = Annotated[
    str,
    Query(
        description="End of the later stretch: a date (its end), an instant or an age; now.", max_length=60
    ),
]


class TurnedOut(BaseModel):
    """When a change began, and what was deployed about then."""

    at: dt.datetime
    first: dt.datetime = Field(description="Earliest hour that the figures do not exclude.")
    last: dt.datetime = Field(description="Latest such hour.")
    deployment: str = Field(description="What was deployed about then; empty when nothing known was.")
    deployed_at: dt.datetime | None
    deployed: str = Field(description="Service that was deployed: its own if that was, else another.")
    found_in: str = Field(description="Who told the deployment: telemetry, a source, or both.")


class TrendOut(BaseModel):
    """One measure of one operation in both stretches."""

    service: str
    environment: str
    kind: str
    operation: str
    measure: str = Field(description="p95 (seconds), errors (share) or rate (calls a minute).")
    verdict: str = Field(description="changed, new, gone, small, none, not_detectable or too_few.")
    before: float | None
    after: float | None
    ratio: float | None
    low: float | None = Field(
        description="Lower end of the 95% interval of the ratio (errors: of the difference)."
    )
    high: float | None
    q: float | None = Field(description="False discovery rate at which it would just be named.")
    calls: int
    hours: int
    needed: int | None = Field(
        description="Calls at which the least change that matters would probably be seen."
    )
    added: float = Field(description="Hours of waiting, failed calls or calls that a day has more.")
    turned: TurnedOut | None
    trace: str = Field(description="Trace of the longest call of the later stretch.")

    @classmethod
    def of(cls, one: Trend) -> TrendOut:
        """As JSON has it."""
        turned = None
        if one.turned is not None:
            mark = one.turned.deployment
            turned = TurnedOut(
                at=one.turned.at,
                first=one.turned.first,
                last=one.turned.last,
                deployment=mark.label if mark else "",
                deployed_at=mark.at if mark else None,
                deployed=one.turned.deployed,
                found_in=mark.found_in if mark else "",
            )
        return cls(
            service=one.key.service,
            environment=one.key.environment,
            kind=one.key.kind,
            operation=one.key.name,
            measure=one.measure,
            verdict=one.verdict,
            before=one.before,
            after=one.after,
            ratio=one.ratio,
            low=one.low,
            high=one.high,
            q=one.q,
            calls=one.calls,
            hours=one.hours,
            needed=one.needed,
            added=one.added,
            turned=turned,
            trace=one.trace,
        )


class TrendsOut(BaseModel):
    """Everything that was compared."""

    span: str
    start: dt.datetime
    end: dt.datetime
    earlier_start: dt.datetime
    earlier_end: dt.datetime
    hours: int = Field(description="Hours in which telemetry arrived in both stretches.")
    asked_hours: int = Field(description="Hours that the question is about.")
    since: dt.datetime | None = Field(
        description="First record of the store, where that is after the earlier stretch began; else null."
    )
    whole_from: dt.datetime | None = Field(
        description="When every hour can be compared, where the store is too young for that; else null."
    )
    tested: int = Field(description="Comparisons with enough calls.")
    left_out: int = Field(description="Operations beyond the most that are compared.")
    named: list[TrendOut]
    others: list[TrendOut]


def asked_trends(running: Running, span: str, until: str, service: str) -> Trends:
    """Compare what is asked; raises UsageError for a stretch that is none."""
    now = dt.datetime.now(dt.UTC)
    end = interval("1h", until, now).end if until else now
    return trends(running.store, stretches(span, end), service)


@router.get("/trends")
def list_trends(
    running: Running, span: SpanText = "week", until: Until = "", service: Service = ""
) -> TrendsOut:
    """What changed per operation against the same hours before, at a false discovery rate of 5%."""
    found = asked_trends(running, span, until, service)
    return TrendsOut(
        span=found.stretches.span,
        start=found.stretches.later.start,
        end=found.stretches.later.end,
        earlier_start=found.stretches.earlier.start,
        earlier_end=found.stretches.earlier.end,
        hours=found.hours,
        asked_hours=found.asked_hours,
        since=found.since,
        whole_from=found.whole_from,
        tested=found.tested,
        left_out=found.left_out,
        named=[TrendOut.of(one) for one in found.named],
        others=[TrendOut.of(one) for one in found.others],
    )
