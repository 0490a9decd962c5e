"""Reliability: incidents with their phases and history, outages.

Filled by pagers, service desks and ``sources/csv``; read by ``metrics/reliability``. Phase names follow
the incident life cycle of Google's SRE books: detected, acknowledged, mitigated, resolved.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Annotated

from ktlo.records.schema import Field, record


@record("incidents", key=("source", "external_id"), vanishes=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """An unplanned interruption or loss of quality of a service, from detection to resolution."""

    source: Annotated[str, Field("Identifier of the source", label=True)]
    external_id: Annotated[str, Field("Identifier in the source")]
    service: Annotated[str, Field("Service as the source names it; empty when none", label=True)]
    repository: Annotated[str, Field("Repository; empty when none", label=True)]
    team: Annotated[str, Field("Responding team or group as the source names it", label=True)]
    title: Annotated[str, Field("Title")]
    severity: Annotated[str, Field("Severity or priority as the source names it", label=True)]
    state: Annotated[str, Field("open, resolved or cancelled", label=True)]
    started_at: Annotated[dt.datetime | None, Field("When the harm began, where known")]
    detected_at: Annotated[dt.datetime, Field("When it was noticed: alert, page or report opened")]
    acknowledged_at: Annotated[dt.datetime | None, Field("When a person first took it")]
    mitigated_at: Annotated[dt.datetime | None, Field("When the harm ended, where known")]
    resolved_at: Annotated[
        dt.datetime | None,
        Field("When it was resolved for the last time; null while open. Not the paperwork's closing"),
    ]
    closed_at: Annotated[dt.datetime | None, Field("When the record was closed")]
    reopen_count: Annotated[int, Field("Times it was reopened after a resolution")]
    responders: Annotated[tuple[str, ...], Field("Who worked on it: logins, mails or names")]
    caused_by: Annotated[str, Field("Change or deployment named as its cause; empty when none")]
    url: Annotated[str, Field("Where a person reads it; empty when nowhere")]
    observed_until: Annotated[
        dt.datetime | None,
        Field("Until when the source knew the item (an export's horizon); null for a live source"),
    ] = None
    request_type: Annotated[
        str, Field("What a service desk's customer asked for, as it names it; empty when none", label=True)
    ] = ""


@record(
    "incident_events",
    key=("source", "incident_id", "event_id"),
    order=("source", "incident_id", "event_id"),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentEvent:
    """One step in an incident's history."""

    source: Annotated[str, Field("Identifier of the source", label=True)]
    incident_id: Annotated[str, Field("external_id of the incident")]
    event_id: Annotated[str, Field("Identifier, or a digest when the source has none")]
    occurred_at: Annotated[dt.datetime, Field("When")]
    kind: Annotated[
        str,
        Field(
            "detected, paged (who is in `after`), acknowledged, escalated, reassigned, mitigated, resolved,"
            " reopened, closed, status or note",
            label=True,
        ),
    ]
    actor: Annotated[str, Field("Who did it; empty when unknown")]
    before: Annotated[str, Field("State before, as the source names it")]
    after: Annotated[str, Field("State after, as the source names it")]


@record("outages", key=("source", "external_id"), vanishes=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """An interval in which a service was down. Overlaps are merged by the metrics, never here."""

    source: Annotated[str, Field("Identifier of the source", label=True)]
    external_id: Annotated[str, Field("Identifier in the source, or a digest of service and start")]
    service: Annotated[str, Field("Service that was down", label=True)]
    started_at: Annotated[dt.datetime, Field("When it went down")]
    ended_at: Annotated[dt.datetime | None, Field("When it was back; null while down")]
    is_planned: Annotated[bool, Field("True for announced maintenance: shown, not counted")]
    severity: Annotated[str, Field("Severity as the source names it: full, partial…", label=True)]
    incident_id: Annotated[str, Field("Incident it belongs to; empty when none")]
    title: Annotated[str, Field("What was down, in words")]
    observed_until: Annotated[
        dt.datetime | None,
        Field("Until when the source knew the item (an export's horizon); null for a live source"),
    ] = None
