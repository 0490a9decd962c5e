"""Telemetry over HTTP: services, operations, traces, and the state of the receivers."""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from ktlo.errors import UsageError
from ktlo.report.trace_compare import sentences
from ktlo.server.api.metrics import Running
from ktlo.server.parameters import AskedRoute
from ktlo.telemetry.compare import Sum, compare
from ktlo.telemetry.interval import Interval, interval
from ktlo.telemetry.search import MOST, Found, Wanted, search, tags_from
from ktlo.telemetry.services import Red
from ktlo.telemetry.trace import Trace, read_id, trace

router = APIRouter(tags=["telemetry"], route_class=AskedRoute)

Since = Annotated[
    str, Query(max_length=40, description="Start: 15min, 1h, 7d before the end, a date or an instant.")
]
Until = Annotated[str, Query(max_length=40, description="End: a date, an instant or an age; now when empty.")]
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ns|us|µs|ms|s|min)?")
_NS = {"ns": 1, "us": 1e3, "µs": 1e3, "ms": 1e6, "s": 1e9, "min": 60e9, None: 1e6}


class RedOut(BaseModel):
    """Rate, errors and duration."""

    calls: int
    errors: int
    p50_ns: float | None
    p95_ns: float | None
    p99_ns: float | None
    total_ns: int
    longest_trace: str
    per_minute: float | None = Field(
        description="Calls a minute of the observed part of the stretch; null where that is less than a minute."
    )
    observed_seconds: float | None = Field(
        description="Length of the part of the stretch in which there can be data; null where nothing is known of it."
    )
    observed_since: str = Field(
        description="What that part begins with: stretch (itself), first_record (of the service) or store (its"
        " first record, for a service that has been silent for longer than it ran)."
    )

    @classmethod
    def of(cls, given: Red) -> RedOut:
        """As JSON has it."""
        return cls(
            calls=given.calls,
            errors=given.errors,
            p50_ns=given.p50_ns,
            p95_ns=given.p95_ns,
            p99_ns=given.p99_ns,
            total_ns=given.total_ns,
            longest_trace=given.longest_trace,
            per_minute=given.per_minute,
            observed_seconds=given.observed.seconds if given.observed else None,
            observed_since=given.observed.since if given.observed else "stretch",
        )


class OperationOut(BaseModel):
    """One operation of a service."""

    name: str
    kind: str
    red: RedOut


class FoundOut(BaseModel):
    """A trace that was found."""

    trace_id: str
    started_at: dt.datetime
    duration_ns: int
    root_service: str
    root_name: str
    spans: int
    errors: int
    services: list[str]
    matched: int = Field(description="Spans that are what was asked for.")

    @classmethod
    def of(cls, given: Found) -> FoundOut:
        """As JSON has it."""
        return cls(
            trace_id=given.trace_id,
            started_at=given.started_at,
            duration_ns=given.duration_ns,
            root_service=given.root_service,
            root_name=given.root_name,
            spans=given.spans,
            errors=given.errors,
            services=list(given.services),
            matched=given.matched,
        )


class NodeOut(BaseModel):
    """A span in its place."""

    span_id: str
    service: str
    name: str
    kind: str
    start_ns: int
    duration_ns: int
    self_ns: int = Field(description="Duration in which none of its children ran.")
    is_error: bool
    depth: int
    children: int
    is_critical: bool = Field(description="On the critical path.")
    is_orphan: bool = Field(description="Its parent is not here.")


class TraceOut(BaseModel):
    """A trace: spans, parents before their children."""

    trace_id: str
    start_ns: int
    duration_ns: int
    total: int = Field(description="Spans stored; more than listed when the trace was cut.")
    spans: list[NodeOut]

    @classmethod
    def of(cls, given: Trace) -> TraceOut:
        """As JSON has it."""
        return cls(
            trace_id=given.trace_id,
            start_ns=given.start_ns,
            duration_ns=given.duration_ns,
            total=given.total,
            spans=[
                NodeOut(**{name: getattr(node, name) for name in NodeOut.model_fields})
                for node in given.nodes
            ],
        )


class SumOut(BaseModel):
    """Spans of one way from the root in one trace."""

    spans: int
    own_ns: int = Field(description="Self time added up.")
    errors: int


class DifferenceOut(BaseModel):
    """One way from the root, in both traces."""

    way: list[tuple[str, str]] = Field(description="Service and operation at each step from the root.")
    before: SumOut = Field(description="In A.")
    after: SumOut = Field(description="In B.")


class TraceComparisonOut(BaseModel):
    """Two traces held against each other."""

    a: str
    b: str
    a_ns: int = Field(description="Duration of A.")
    b_ns: int
    sentences: list[str] = Field(description="The differences in words, most first.")
    differences: list[DifferenceOut] = Field(description="Every way, parents before their children.")


def asked_interval(since: str = "", until: str = "") -> Interval:
    """The stretch that parameters name.

    Raises:
        UsageError: they name none.
    """
    return interval(since.strip(), until.strip(), dt.datetime.now(dt.UTC))


class Search(BaseModel):
    """What is asked of a search, as people type it."""

    service: str = Field("", max_length=2_000)
    operation: str = Field("", max_length=2_000)
    shortest: str = Field("", max_length=40)
    longest: str = Field("", max_length=40)
    errors: bool = False
    tags: str = Field("", max_length=2000)
    environment: str = Field("", max_length=2_000)

    def given(self) -> dict[str, str]:
        """What is not empty, as parameters."""
        said = self.model_dump()
        said["errors"] = "1" if self.errors else ""
        return {name: str(value) for name, value in said.items() if value}


def asked_search(
    service: Annotated[str, Query(max_length=2_000)] = "",
    operation: Annotated[str, Query(max_length=2_000)] = "",
    shortest: Annotated[str, Query(max_length=40, description="Least duration: 250ms, 1.5s.")] = "",
    longest: Annotated[str, Query(max_length=40, description="Greatest duration.")] = "",
    errors: Annotated[bool, Query(description="Only spans with status error.")] = False,
    tags: Annotated[str, Query(max_length=2000, description='key=value key="two words", anywhere.')] = "",
    environment: Annotated[
        str, Query(max_length=2_000, description="Environment in which the span was reported; empty for all.")
    ] = "",
) -> Search:
    """Read a search from the query string."""
    return Search(
        service=service,
        operation=operation,
        shortest=shortest,
        longest=longest,
        errors=errors,
        tags=tags,
        environment=environment,
    )


Asked = Annotated[Search, Depends(asked_search)]


def wanted_of(asked: Search) -> Wanted:
    """What spans must be.

    Raises:
        UsageError: a duration or a tag that is none.
    """
    return Wanted(
        asked.service,
        asked.operation,
        _nanoseconds(asked.shortest),
        _nanoseconds(asked.longest),
        asked.errors,
        tags_from(asked.tags),
        asked.environment,
    )


def _nanoseconds(text: str) -> int | None:
    if not text.strip():
        return None
    read = _DURATION.fullmatch(text.strip())
    if read is None:
        raise UsageError(f"{text[:40]!r} is no duration", fix="Write 250ms, 1.5s or 2min")
    return min(int(float(read[1]) * _NS[read[2]]), 2**63 - 1)


@router.get("/traces")
def find_traces(
    running: Running,
    asked: Asked,
    since: Since = "",
    until: Until = "",
    limit: Annotated[int, Query(ge=1, le=MOST, description="Most traces to give.")] = 50,
) -> list[FoundOut]:
    """Traces with a span that is what is asked for, newest first."""
    found = search(running.store, asked_interval(since, until), wanted_of(asked), limit)
    return [FoundOut.of(one) for one in found]


def compare_traces(running: Running, a: str, b: str) -> TraceComparisonOut:
    """Hold two traces against each other.

    Raises:
        UsageError: one is no identifier of a trace.
        NotFoundError: one is not stored.
    """
    made = compare(trace(running.store, read_id(a)), trace(running.store, read_id(b)))

    def summed(given: Sum) -> SumOut:
        return SumOut(spans=given.spans, own_ns=given.own_ns, errors=given.errors)

    return TraceComparisonOut(
        a=made.a.trace_id,
        b=made.b.trace_id,
        a_ns=made.a.duration_ns,
        b_ns=made.b.duration_ns,
        sentences=sentences(made),
        differences=[
            DifferenceOut(way=list(one.way), before=summed(one.before), after=summed(one.after))
            for one in made.differences
        ],
    )


@router.get("/traces/compare")
def compared(
    running: Running,
    a: Annotated[str, Query(max_length=100, description="A trace.")],
    b: Annotated[str, Query(max_length=100, description="Another one.")],
) -> TraceComparisonOut:
    """Two traces: what is new, gone and slower in the second."""
    return compare_traces(running, a, b)


@router.get("/traces/{trace_id}")
def one_trace(running: Running, trace_id: str) -> TraceOut:
    """One trace, taken apart."""
    return TraceOut.of(trace(running.store, read_id(trace_id)))
