"""One alert is one incident. Pure: objects in, rows out, each with Opsgenie's own time of change as version."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from ktlo.records.reliability import Incident, IncidentEvent
from ktlo.sources.opsgenie.payloads import AlertItem, Report
from ktlo.sources.rest.rows import Row, microseconds

STEPS = {
    "Create": "detected",
    "Acknowledge": "acknowledged",
    "UnAcknowledge": "status",
    "Close": "resolved",
    "Escalate": "escalated",
    "EscalateNext": "escalated",
    "AssignOwnership": "reassigned",
    "TakeOwnership": "reassigned",
    "AddNote": "note",
    "AddResponder": "escalated",
    "Snooze": "status",
}
"""Kinds of steps by action of a webhook; others are ignored."""


@dataclass(frozen=True, slots=True)
class Of:
    """Whose rows they are.

    Attributes:
        source: identifier of the source.
        service_tag: beginning of the tag that names the service, ``service:``.
        browse: address of the alerts for people; empty when unknown.
    """

    source: str
    service_tag: str
    browse: str


def alert(item: AlertItem, of: Of) -> Iterator[tuple[str, Row]]:
    """The incident and its steps, as far as the list tells."""
    report = item.report or Report()
    acknowledged = _after(item.created_at, report.ack_time)
    closed = item.status == "closed"
    # Without a report the last change of a closed alert is its closing.
    ended = (_after(item.created_at, report.close_time) or item.updated_at) if closed else None
    people = (report.acknowledged_by, item.owner, report.closed_by)
    record = Incident(
        source=of.source,
        external_id=item.id,
        service=_service(item, of),
        repository="",
        team=next((one.name or "" for one in item.responders if one.type == "team" and one.name), ""),
        title=item.message[:1000],
        severity=item.priority or "",
        state="resolved" if closed else "open",
        started_at=None,
        detected_at=item.created_at,
        acknowledged_at=acknowledged,
        mitigated_at=None,
        resolved_at=ended,
        closed_at=ended,
        reopen_count=0,
        responders=tuple(dict.fromkeys(one for one in people if one and "@" in one)),
        caused_by="",
        url=f"{of.browse}/alert/detail/{item.id}/details" if of.browse else "",
    )
    yield "incidents", Row(record, microseconds(item.updated_at))
    yield step(item.id, "detected", item.created_at, "", of)
    if acknowledged:
        yield step(item.id, "acknowledged", acknowledged, report.acknowledged_by or "", of)
    if ended:
        yield step(item.id, "resolved", ended, report.closed_by or "", of)


def step(incident_id: str, kind: str, at: dt.datetime, who: str, of: Of) -> tuple[str, Row]:
    """One step. The first acknowledgement, the beginning and the end are one row each, whoever tells them."""
    once = kind in ("detected", "acknowledged", "resolved")
    record = IncidentEvent(
        source=of.source,
        incident_id=incident_id,
        event_id=kind if once else f"{kind}@{at.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}",
        occurred_at=at,
        kind=kind,
        actor=who if "@" in who else "",
        before="",
        after=kind,
    )
    return "incident_events", Row(record, microseconds(at))


def _after(began: dt.datetime, milliseconds: int | None) -> dt.datetime | None:
    return began + dt.timedelta(milliseconds=milliseconds) if milliseconds else None


def _service(item: AlertItem, of: Of) -> str:
    for tag in item.tags:
        if tag.lower().startswith(of.service_tag.lower()):
            return tag[len(of.service_tag) :].strip()
    return item.entity or ""
