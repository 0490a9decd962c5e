"""One incident of a status page: its phases, and for each component that was hit an outage. Pure.

What the page tells the public is what counts here: *identified* is the acknowledgement where there was no earlier one,
*monitoring* the mitigation, *resolved* the end. A component is down from the first update that degrades it to the one
that says it works, else to the end of the incident. Maintenance is planned downtime.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from ktlo.records.reliability import Incident, Outage
from ktlo.sources.lengths import TITLE
from ktlo.sources.rest.rows import Row, microseconds
from ktlo.sources.rest.steps import incident_step
from ktlo.sources.statuspage.payloads import IncidentItem, Update

WORKS = "operational"
_ENDED = frozenset({"resolved", "postmortem", "completed"})
_KINDS = {
    "investigating": "detected",
    "identified": "acknowledged",
    "monitoring": "mitigated",
    "resolved": "resolved",
    "postmortem": "note",
}
_DOWN = frozenset({"partial_outage", "major_outage", "under_maintenance"})
"""States of a component in which it counts as down; degraded performance is no outage."""

_IMPACT_DOWN = frozenset({"major", "critical", "partial_outage", "major_outage"})
"""Impacts of an incident that are an outage of what it names, where nothing is told of components."""


@dataclass(frozen=True, slots=True)
class Of:
    """Whose rows they are: the source's identifier and the page's name."""

    source: str
    page: str


def incident(item: IncidentItem, of: Of) -> Iterator[tuple[str, Row]]:
    """Rows of one incident or maintenance."""
    updates = sorted(item.incident_updates, key=lambda one: (one.at, one.id))
    changed = max((one.created_at for one in updates), default=item.created_at)
    version = microseconds(max(item.updated_at or changed, changed))
    ended = item.resolved_at or next((one.at for one in updates if one.status in _ENDED), None)
    if item.status not in _ENDED:
        ended = None
    if item.scheduled_for is not None:
        yield from _maintenance(item, ended, version, of)
        return
    began = min([item.started_at or item.created_at, *(one.at for one in updates)])
    first = {one.status: one.at for one in reversed(updates)}
    acknowledged = first.get("identified")
    mitigated = item.monitoring_at or first.get("monitoring")
    started = item.started_at or (updates[0].at if updates else None)
    names = hit(item) or [of.page]
    record = Incident(
        source=of.source,
        external_id=item.id,
        service=names[0],
        repository="",
        team="",
        title=item.name[:TITLE],
        severity=item.impact or "",
        state="open" if ended is None else "resolved",
        started_at=started if started and started <= item.created_at else None,
        detected_at=item.created_at if began > item.created_at else began,
        acknowledged_at=acknowledged,
        mitigated_at=mitigated if mitigated is None or ended is None or mitigated <= ended else None,
        resolved_at=ended,
        closed_at=ended,
        reopen_count=0,
        responders=(),
        caused_by="",
        url=item.shortlink or "",
    )
    yield "incidents", Row(record, version)
    for one in updates:
        yield "incident_events", _step(item, one, of)
    for name in dict.fromkeys(names):
        yield from _outage(item, name, updates, began, ended, version, of)


def hit(item: IncidentItem) -> list[str]:
    """Names of the components that it is about; a webhook tells only those whose state an update changed."""
    told = (part.name for one in item.incident_updates for part in one.affected_components or ())
    return [one.name for one in item.components] or list(dict.fromkeys(told))


def _maintenance(
    item: IncidentItem, ended: dt.datetime | None, version: int, of: Of
) -> Iterator[tuple[str, Row]]:
    assert item.scheduled_for is not None  # noqa: S101 - the caller has seen to it
    for name in dict.fromkeys(hit(item) or [of.page]):
        outage = Outage(
            source=of.source,
            external_id=f"{item.id} {name}",
            service=name,
            started_at=item.scheduled_for,
            ended_at=max(ended or item.scheduled_until or item.scheduled_for, item.scheduled_for),
            is_planned=True,
            severity=item.impact or "maintenance",
            incident_id="",
            title=item.name[:TITLE],
        )
        yield "outages", Row(outage, version)


def _outage(
    item: IncidentItem,
    name: str,
    updates: list[Update],
    began: dt.datetime,
    ended: dt.datetime | None,
    version: int,
    of: Of,
) -> Iterator[tuple[str, Row]]:
    told = [
        (one.at, part.new_status)
        for one in updates
        for part in one.affected_components or ()
        if part.name == name
    ]
    if told:
        start = next((at for at, status in told if status in _DOWN), None)
        if start is None:
            return
        worst = "major_outage" if any(status == "major_outage" for _, status in told) else "partial_outage"
        stop = next((at for at, status in told if at > start and status not in _DOWN), ended)
    elif (item.impact or "none") in _IMPACT_DOWN:
        # Nothing is told of components: a major impact on the page is an outage of what it names.
        start, stop, worst = began, ended, str(item.impact)
    else:
        return
    outage = Outage(
        source=of.source,
        external_id=f"{item.id} {name}",
        service=name,
        started_at=start,
        ended_at=stop,
        is_planned=False,
        severity=worst,
        incident_id=item.id,
        title=item.name[:TITLE],
    )
    yield "outages", Row(outage, version)


def _step(item: IncidentItem, update: Update, of: Of) -> Row:
    record = incident_step(
        of.source, item.id, update.id, _KINDS.get(update.status, "status"), update.at, after=update.status
    )
    return Row(record, microseconds(update.created_at))
