"""What telemetry shows of an incident, over HTTP."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from ktlo.planning.rota.at_incident import AtIncident, on_call_at
from ktlo.planning.rota.desk import Desk
from ktlo.server.api.metrics import Running
from ktlo.server.api.telemetry import RedOut
from ktlo.telemetry.incident import Evidence, evidence, subject

router = APIRouter(tags=["telemetry"])

Source = Annotated[str, Query(description="Identifier of the source.", max_length=1000)]
Identifier = Annotated[str, Query(description="external_id of the incident.", max_length=500)]


class AroundOut(BaseModel):
    """One service before, during and after; null where it reported nothing."""

    service: str
    is_own: bool = Field(description="The incident's service; else one that it calls.")
    before: RedOut | None
    during: RedOut | None
    after: RedOut | None


class IncidentErrorOut(BaseModel):
    """An error group that occurred during the incident."""

    fingerprint: str
    title: str
    message: str
    services: list[str]
    is_new: bool = Field(description="It had never occurred before the incident.")
    before: int
    during: int


class DeployedOut(BaseModel):
    """A deployment from a day before the incident until its end."""

    service: str
    at: dt.datetime
    version: str
    previous: str
    environment: str
    outcome: str
    is_rollback: bool
    found_in: str
    url: str


class OnCallOut(BaseModel):
    """Somebody who was on call when an incident was detected, or was paged for it."""

    person: str
    schedule: str = Field(
        description="Of a pager, or rota and role; empty for who was paged without being on call."
    )
    layer: str
    is_override: bool
    start: dt.datetime | None
    end: dt.datetime | None
    paged_at: dt.datetime | None = Field(description="When first paged; null when not.")
    source: str = Field(description="Where it is told; empty for a rota of ktlo.")


class IncidentOut(BaseModel):
    """What telemetry shows of an incident."""

    source: str
    external_id: str
    title: str
    service: str
    names: list[str] = Field(description="What telemetry calls its service; empty when it is not joined.")
    start: dt.datetime
    end: dt.datetime
    is_over: bool
    around: list[AroundOut]
    errors: list[IncidentErrorOut]
    deployments: list[DeployedOut]
    traces: list[str]
    logs: dict[str, tuple[int, int]] = Field(description="Records by severity: before and during.")
    on_call: list[OnCallOut] = Field(description="Who was on call when it was detected, and who was paged.")
    on_call_elsewhere: int = Field(description="How many more were on call then, in other schedules.")


def found_evidence(running: Running, source: str, identifier: str) -> Evidence:
    """Collect it; raises NotFoundError when there is no such incident."""
    now = dt.datetime.now(dt.UTC)
    return evidence(running.store, subject(running.store, source, identifier, now), now)


def found_on_call(running: Running, source: str, identifier: str) -> AtIncident:
    """Who was on call when it was detected; raises as :func:`found_evidence`."""
    desk = Desk(running.settings, running.state, running.store)
    return on_call_at(running.store, desk, source, identifier)


def incident_out(found: Evidence, on_call: AtIncident) -> IncidentOut:
    """As JSON has it."""
    of = found.subject
    listed = [(one, True, 0) for one in found.fresh] + [(one, False, before) for one, before in found.other]
    return IncidentOut(
        source=of.source,
        external_id=of.external_id,
        title=of.title,
        service=of.service,
        names=list(of.names),
        start=of.window.start,
        end=of.window.end,
        is_over=of.is_over,
        around=[
            AroundOut(
                service=one.service,
                is_own=one.is_own,
                before=RedOut.of(one.before) if one.before else None,
                during=RedOut.of(one.during) if one.during else None,
                after=RedOut.of(one.after) if one.after else None,
            )
            for one in found.around
        ],
        errors=[
            IncidentErrorOut(
                fingerprint=one.group.fingerprint,
                title=one.group.title,
                message=one.group.message,
                services=list(one.services),
                is_new=is_new,
                before=before,
                during=one.occurrences,
            )
            for one, is_new, before in listed
        ],
        deployments=[
            DeployedOut(
                service=service,
                at=mark.at,
                version=mark.version,
                previous=mark.previous,
                environment=mark.environment,
                outcome=mark.outcome,
                is_rollback=mark.is_rollback,
                found_in=mark.found_in,
                url=mark.url,
            )
            for service, mark in found.deployed
        ],
        traces=[one.trace_id for one in found.traces],
        logs=found.logs,
        on_call=[OnCallOut.model_validate(one, from_attributes=True) for one in on_call.people],
        on_call_elsewhere=on_call.others,
    )


@router.get("/incident-telemetry")
def show_incident_telemetry(running: Running, source: Source, id: Identifier) -> IncidentOut:  # noqa: A002
    """Its service and what that calls, before, during and after: calls, new errors, deployments, traces, logs.

    Beside it, who was on call when it was detected, and who was paged.
    """
    return incident_out(found_evidence(running, source, id), found_on_call(running, source, id))
