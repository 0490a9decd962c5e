"""Services over HTTP: all of them with Apdex and what their last deployment changed, and one in full."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from ktlo.errors import NotFoundError
from ktlo.server.api.metrics import Running
from ktlo.server.api.service_map import BoundedOut, Environment, MapEdgeOut, PartOfName
from ktlo.server.api.telemetry import OperationOut, RedOut, Since, Until, asked_interval
from ktlo.server.parameters import AskedRoute
from ktlo.server.services import parts_of, since_by_service, targets_of
from ktlo.telemetry.apdex import Apdex, apdex
from ktlo.telemetry.deployments import Mark
from ktlo.telemetry.instances import Instance
from ktlo.telemetry.interval import Interval
from ktlo.telemetry.service_map import Place
from ktlo.telemetry.services import MOST_SERVICES, Service, busiest, operations, services
from ktlo.telemetry.since_deploy import Since as SinceDeployment

router = APIRouter(tags=["telemetry"], route_class=AskedRoute)

ServiceName = Annotated[str, Query(max_length=2_000, description="service.name.")]
Most = Annotated[int, Query(ge=1, le=1_000, description="Services at most, those with most calls.")]

ALL = "x-total-count"
"""Header with the number of services that there are, those beyond ``most`` too."""


class ApdexOut(BaseModel):
    """Apdex with its 95% interval."""

    value: float
    low: float
    high: float
    target_ns: float = Field(description="T.")
    calls: int

    @classmethod
    def of(cls, given: Apdex | None) -> ApdexOut | None:
        """As JSON has it."""
        if given is None:
            return None
        return cls(
            value=given.value, low=given.low, high=given.high, target_ns=given.target_ns, calls=given.calls
        )


class DeploymentMarkOut(BaseModel):
    """A deployment, from a source or seen by service.version or the image."""

    at: dt.datetime
    version: str
    previous: str
    environment: str
    outcome: str
    is_rollback: bool
    found_in: str
    url: str
    image: str = Field(description="Image that telemetry saw arrive; empty when none.")

    @classmethod
    def of(cls, given: Mark) -> DeploymentMarkOut:
        """As JSON has it."""
        return cls(**{name: getattr(given, name) for name in cls.model_fields})


class OperationChangeOut(BaseModel):
    """A difference of one operation that is more than chance."""

    name: str
    kind: str
    measure: str = Field(
        description="appeared, gone, rate (calls a minute), errors (share) or p95 (nanoseconds)"
    )
    before: BoundedOut | None
    after: BoundedOut | None
    calls_before: int
    calls_after: int
    is_worse: bool


class SinceOut(BaseModel):
    """What changed since the last deployment."""

    deployment: DeploymentMarkOut
    before_start: dt.datetime
    after_start: dt.datetime
    after_end: dt.datetime
    changes: list[OperationChangeOut] | None = Field(description="Null while it is too fresh to tell.")
    new_errors: int = Field(description="Groups of errors first seen since.")

    @classmethod
    def of(cls, given: SinceDeployment | None) -> SinceOut | None:
        """As JSON has it."""
        if given is None:
            return None
        return cls(
            deployment=DeploymentMarkOut.of(given.deployment),
            before_start=given.before.start,
            after_start=given.after.start,
            after_end=given.after.end,
            changes=None
            if given.changed is None
            else [
                OperationChangeOut(
                    name=one.of.name,
                    kind=one.of.kind,
                    measure=one.measure,
                    before=BoundedOut.of(one.before),
                    after=BoundedOut.of(one.after),
                    calls_before=one.calls_before,
                    calls_after=one.calls_after,
                    is_worse=one.is_worse,
                )
                for one in given.changed
            ],
            new_errors=given.new_errors,
        )


class ServiceOut(BaseModel):
    """One service in a stretch of time."""

    service: str
    versions: list[str]
    is_asked: bool = Field(
        description="Judged by server and consumer spans; else by client and producer spans, or by internal ones"
        " where it has only these."
    )
    start: dt.datetime
    end: dt.datetime
    red: RedOut
    apdex: ApdexOut | None
    since: SinceOut | None = Field(description="Against the last deployment of the last seven days.")

    @classmethod
    def of(
        cls, given: Service, of: Interval, scored: Apdex | None, changed: SinceDeployment | None
    ) -> ServiceOut:
        """As JSON has it."""
        return cls(
            service=given.name,
            versions=list(given.versions),
            is_asked=given.is_asked,
            start=of.start,
            end=of.end,
            red=RedOut.of(given.red),
            apdex=ApdexOut.of(scored),
            since=SinceOut.of(changed),
        )


class InstanceOut(BaseModel):
    """One instance of a service."""

    instance: str
    environment: str
    version: str
    last_minute: dt.datetime
    spans: int
    red: RedOut

    @classmethod
    def of(cls, given: Instance) -> InstanceOut:
        """As JSON has it."""
        return cls(
            instance=given.name,
            environment=given.environment,
            version=given.version,
            last_minute=given.last_minute,
            spans=given.spans,
            red=RedOut.of(given.red),
        )


class ServiceDetailOut(ServiceOut):
    """One service in full."""

    operations: list[OperationOut]
    calls: list[MapEdgeOut] = Field(description="What it calls.")
    callers: list[MapEdgeOut] = Field(description="What calls it.")
    instances: list[InstanceOut]
    deployments: list[DeploymentMarkOut]


@router.get("/services")
def list_services(
    running: Running,
    response: Response,
    since: Since = "",
    until: Until = "",
    environment: Environment = "",
    text: PartOfName = "",
    most: Most = MOST_SERVICES,
) -> list[ServiceOut]:
    """The busiest services with rate, errors, duration, Apdex and what their last deployment changed.

    The header ``X-Total-Count`` tells how many reported; those that are not here are found by ``q``.
    """
    of = asked_interval(since, until)
    chosen = busiest(running.store, of, environment, text.strip(), most)
    response.headers[ALL] = str(chosen.among)
    found = services(running.store, of, environment, chosen.names)
    scores = apdex(running.store, of, targets_of(running.settings), environment, chosen.names)
    changed = since_by_service(running.store, of, found, environment)
    return [ServiceOut.of(one, of, scores.get(one.name), changed.get(one.name)) for one in found]


@router.get("/services/operations")
def list_operations(
    running: Running,
    service: ServiceName = "",
    since: Since = "",
    until: Until = "",
    environment: Environment = "",
) -> list[OperationOut]:
    """Operations of one service, those that took most time first."""
    of = asked_interval(since, until)
    return [
        OperationOut(name=one.name, kind=one.kind, red=RedOut.of(one.red))
        for one in operations(running.store, of, service, environment)
    ]


@router.get("/services/service")
def get_service(
    running: Running,
    name: ServiceName = "",
    since: Since = "",
    until: Until = "",
    environment: Environment = "",
) -> ServiceDetailOut:
    """One service: figures, operations, neighbours, instances, deployments, and what the last one changed."""
    of = asked_interval(since, until)
    parts = parts_of(running.store, of, name, targets_of(running.settings), environment)
    if parts.found is None:
        raise NotFoundError(
            f"{name[:80]!r} reported nothing in this stretch",
            fix="`ktlo services` lists those that did; choose a longer stretch with since",
        )
    here = Place("service", name)
    edges = parts.around.edges
    return ServiceDetailOut(
        **dict(ServiceOut.of(parts.found, of, parts.score, parts.since)),
        operations=[
            OperationOut(name=one.name, kind=one.kind, red=RedOut.of(one.red)) for one in parts.operations
        ],
        calls=[MapEdgeOut.of(e) for e in edges if e.way.client == here],
        callers=[MapEdgeOut.of(e) for e in edges if e.way.server == here],
        instances=[InstanceOut.of(one) for one in parts.instances],
        deployments=[DeploymentMarkOut.of(one) for one in parts.deployments],
    )
