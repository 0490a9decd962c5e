"""Functions over HTTP: what ran, one in full, the flame graph, and what never ran."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from ktlo.server.api.metrics import Running
from ktlo.server.api.service_map import BoundedOut
from ktlo.server.api.telemetry import Since, Until, asked_interval
from ktlo.server.functions import parts_of, since_of, watched_of
from ktlo.server.parameters import AskedRoute
from ktlo.telemetry.coverage import lines_never_ran, never_ran
from ktlo.telemetry.function_changes import Since as SinceDeployment
from ktlo.telemetry.function_graph import Frame, flame
from ktlo.telemetry.function_sketch import Sketch
from ktlo.telemetry.functions import Asked, Function, Sort, functions, ordered

router = APIRouter(prefix="/functions", tags=["telemetry"], route_class=AskedRoute)

Text = Annotated[str, Query(max_length=2_000)]
Name = Annotated[str, Query(max_length=2000, description="Qualified name of the function.")]
MOST = 500


class QuantileOut(BaseModel):
    """A quantile of durations and the bucket that it lies in, nanoseconds."""

    value: float
    low: float
    high: float


class FunctionOut(BaseModel):
    """A function in a stretch of time."""

    service: str
    name: str
    origin: str = Field(description="instrument: every call; spans: those that were sampled.")
    path: str
    line: int
    calls: int
    errors: int
    failed: dict[str, int] = Field(description="Errors by type.")
    total_ns: int
    self_ns: int | None = Field(description="Null where it is not measured.")
    self_share: float | None = Field(description="Part of the self time of the service's functions.")
    p50: QuantileOut | None
    p95: QuantileOut | None
    p99: QuantileOut | None
    quantile_error: float = Field(description="How far quantiles can be off at most, as part of them.")
    versions: list[str]
    routes: list[str]
    changed: list[FunctionChangeOut] | None = Field(
        description="What the last deployment changed; null without one, or while it is too fresh to tell."
    )

    @classmethod
    def of(cls, one: Function, since: SinceDeployment | None) -> FunctionOut:
        """As JSON has it."""
        return cls(
            service=one.service, name=one.name, origin=one.origin, path=one.path, line=one.line, calls=one.calls,
            errors=one.errors, failed=dict(one.failed), total_ns=one.total_ns, self_ns=one.self_ns,
            self_share=one.self_share, p50=_quantile(one.wall, 0.5), p95=_quantile(one.wall, 0.95),
            p99=_quantile(one.wall, 0.99), quantile_error=one.wall.error, versions=list(one.versions),
            routes=list(one.routes),
            changed=[
                FunctionChangeOut(
                    measure=each.measure, before=BoundedOut.of(each.before), after=BoundedOut.of(each.after),
                    is_worse=each.is_worse,
                )
                for each in since.of(one.name)
            ] if since is not None and since.changed is not None else None,
        )  # fmt: skip


class FunctionChangeOut(BaseModel):
    """A difference since the last deployment."""

    measure: str = Field(description="errors (share), p95 (nanoseconds), rate (a minute), appeared, gone.")
    before: BoundedOut | None
    after: BoundedOut | None
    is_worse: bool


class FunctionBucketOut(BaseModel):
    """Calls that took more than ``low`` and up to ``high`` nanoseconds."""

    low: float
    high: float
    count: int


class FunctionEdgeOut(BaseModel):
    """Calls of one function by another; an empty caller is code that is not counted."""

    caller: str
    function: str
    calls: int


class FunctionCallOut(BaseModel):
    """One call that was told; arguments and result are JSON as the application's side redacted it."""

    at: dt.datetime
    version: str
    reason: str
    duration_ns: int
    arguments: str
    result: str
    reassigned: str
    error: str
    message: str
    route: str
    trace_id: str
    span_id: str


class FunctionSourceOut(BaseModel):
    """Where its code is."""

    repository: str
    path: str
    line: int
    commit: str = Field(description="What is deployed; empty when the version is neither commit nor tag.")
    url: str
    is_inferred: bool = Field(
        description="The catalogue does not name the repository; the deployed commit is in it alone."
    )


class FunctionTouchOut(BaseModel):
    """A commit."""

    sha: str
    author: str
    at: dt.datetime
    subject: str


class FunctionItemOut(BaseModel):
    """An incident, or an issue that a commit to the file names."""

    source: str
    id: str
    title: str
    url: str
    at: dt.datetime
    kind: str
    is_cause: bool


class FunctionInFull(BaseModel):
    """One function with everything that is known."""

    function: FunctionOut
    distribution: list[FunctionBucketOut]
    self_distribution: list[FunctionBucketOut]
    callers: list[FunctionEdgeOut]
    callees: list[FunctionEdgeOut]
    slowest: list[FunctionCallOut]
    failed_calls: list[FunctionCallOut]
    source: FunctionSourceOut | None
    source_reason: str = Field(description="Why no file is known; empty where one is.")
    text: list[str] = Field(
        description="Its lines at the deployed commit, where the repository is on this machine."
    )
    changes: list[FunctionTouchOut]
    changes_of: str = Field(description="lines or file.")
    items: list[FunctionItemOut]


class FrameOut(BaseModel):
    """A box of the flame graph."""

    name: str
    self_ns: float
    total_ns: float
    children: list[FrameOut]

    @classmethod
    def of(cls, one: Frame) -> FrameOut:
        """As JSON has it."""
        return cls(
            name=one.name,
            self_ns=one.self_ns,
            total_ns=one.total_ns,
            children=[cls.of(each) for each in one.children],
        )


class WatchedOut(BaseModel):
    """A version of a service that was watched."""

    service: str
    environment: str
    version: str
    since: dt.datetime
    last_at: dt.datetime = Field(description="When a process last told, or counted a call.")
    functions: int
    never: int
    days: int = Field(description="Days on which it counted calls.")
    calls: int
    processes: int


class NeverRanOut(BaseModel):
    """A function that no process ran."""

    path: str
    module: str
    function: str
    line: int


class UnrunOut(BaseModel):
    """Lines of a module that no process ran."""

    path: str
    module: str
    processes: int
    ranges: list[tuple[int, int]]


class NeverOut(BaseModel):
    """What never ran in one version of one service."""

    versions: list[WatchedOut]
    asked: WatchedOut | None
    functions: list[NeverRanOut]
    lines: list[UnrunOut]


def _quantile(of: Sketch, level: float) -> QuantileOut | None:
    found = of.quantile(level)
    return QuantileOut(value=found.value, low=found.low, high=found.high) if found else None


@router.get("")
def list_functions(
    running: Running,
    since: Since = "",
    until: Until = "",
    service: Text = "",
    version: Text = "",
    environment: Text = "",
    route: Text = "",
    text: Annotated[str, Query(alias="q", max_length=500, description="Part of name or path.")] = "",
    failing: Annotated[bool, Query(description="Only those that raised.")] = False,
    sort: Sort = Sort.SELF,
    limit: Annotated[int, Query(ge=1, le=5000, description="Most functions to give.")] = MOST,
) -> list[FunctionOut]:
    """Functions of a stretch of time: what costs most first."""
    of = asked_interval(since, until)
    found = functions(running.store, of, Asked(service, version, environment, route, text, failing))
    kept = ordered(found, sort)[:limit]
    changed = since_of(running, of, kept, environment)
    return [FunctionOut.of(one, changed.get(one.service)) for one in kept]


@router.get("/function")
def get_function(
    running: Running,
    name: Name,
    service: Text = "",
    since: Since = "",
    until: Until = "",
    version: Text = "",
    environment: Text = "",
    route: Text = "",
) -> FunctionInFull:
    """One function: distribution, callers and callees, calls that were told, its code and who changed it last."""
    of = asked_interval(since, until)
    parts, text = parts_of(running, of, Asked(service, version, environment, route), name)
    return FunctionInFull(
        function=FunctionOut.of(parts.found, parts.since),
        distribution=[FunctionBucketOut(**dataclasses.asdict(one)) for one in parts.found.wall.buckets()],
        self_distribution=[FunctionBucketOut(**dataclasses.asdict(one)) for one in parts.found.own.buckets()],
        callers=[FunctionEdgeOut(**dataclasses.asdict(one)) for one in parts.callers],
        callees=[FunctionEdgeOut(**dataclasses.asdict(one)) for one in parts.callees],
        slowest=[FunctionCallOut(**dataclasses.asdict(one)) for one in parts.slow],
        failed_calls=[FunctionCallOut(**dataclasses.asdict(one)) for one in parts.failed],
        source=FunctionSourceOut(**dataclasses.asdict(parts.place)) if parts.place else None,
        source_reason=parts.unplaced,
        text=[one.text for one in text],
        changes=[FunctionTouchOut(**dataclasses.asdict(one)) for one in parts.touches],
        changes_of=parts.touched,
        items=[FunctionItemOut(**dataclasses.asdict(one)) for one in parts.items],
    )


@router.get("/flame")
def flame_graph(
    running: Running,
    service: Text = "",
    route: Text = "",
    since: Since = "",
    until: Until = "",
    version: Text = "",
    environment: Text = "",
) -> FrameOut:
    """Self time of a service's functions, or of one route, divided among their callers by calls."""
    of = asked_interval(since, until)
    return FrameOut.of(flame(running.store, of, Asked(service, version, environment, route)))


@router.get("/never")
def never_executed(
    running: Running,
    service: Text = "",
    version: Text = "",
    environment: Text = "",
    text: Annotated[str, Query(alias="q", max_length=500, description="Part of path, module or name.")] = "",
) -> NeverOut:
    """Functions and lines that never ran since a version was deployed; by default of the one deployed last."""
    versions, asked = watched_of(running, service, version, environment)
    return NeverOut(
        versions=[WatchedOut(**dataclasses.asdict(one)) for one in versions],
        asked=WatchedOut(**dataclasses.asdict(asked)) if asked else None,
        functions=[NeverRanOut(**dataclasses.asdict(one)) for one in never_ran(running.store, asked, text)]
        if asked
        else [],
        lines=[UnrunOut(**dataclasses.asdict(one)) for one in lines_never_ran(running.store, asked)]
        if asked
        else [],
    )


FunctionOut.model_rebuild()
