"""One incident of ServiceNow, and its history, as records. Pure: objects in, rows out.

States are ServiceNow's own numbers, which most installations keep: 1 new, 2 in progress, 3 on hold, 6 resolved, 7
closed, 8 cancelled. The first step beyond *new* is the acknowledgement.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from ktlo.records.reliability import Incident
from ktlo.sources.lengths import TITLE
from ktlo.sources.rest.rows import Row, microseconds, removal
from ktlo.sources.rest.steps import incident_step
from ktlo.sources.servicenow.payloads import AuditItem, DeletedItem, IncidentItem, instant, required

NEW, RESOLVED, CLOSED, CANCELLED = "1", "6", "7", "8"
ENDED = frozenset({RESOLVED, CLOSED, CANCELLED})
STATES = {
    NEW: "New",
    "2": "In Progress",
    "3": "On Hold",
    RESOLVED: "Resolved",
    CLOSED: "Closed",
    CANCELLED: "Canceled",
}
"""What people see of them, in ServiceNow's base system."""


@dataclass(frozen=True, slots=True)
class Of:
    """Whose rows they are: the source's identifier and the installation's address."""

    source: str
    url: str


def incident(item: IncidentItem, of: Of) -> Iterator[tuple[str, Row]]:
    """An incident; its identifier is the number that people say."""
    detected = instant(item.opened_at) or required(item.sys_created_on)
    state = item.state.value or ""
    ended = state in ENDED
    resolved = instant(item.resolved_at) if ended else None
    closed = instant(item.closed_at) if ended else None
    count = item.reopen_count.value or "0"
    people = (item.assigned_to.shown, item.resolved_by.shown)
    record = Incident(
        source=of.source,
        external_id=item.number.shown,
        service=item.business_service.shown or item.cmdb_ci.shown,
        repository="",
        team=item.assignment_group.shown,
        title=item.short_description.shown[:TITLE],
        severity=item.priority.shown,
        state="cancelled" if state == CANCELLED else "resolved" if ended else "open",
        started_at=None,
        detected_at=detected,
        acknowledged_at=instant(item.work_start),
        mitigated_at=None,
        resolved_at=resolved or closed,
        closed_at=closed,
        reopen_count=int(count) if count.isdigit() else 0,
        responders=tuple(dict.fromkeys(filter(None, people))),
        caused_by=item.caused_by.shown,
        url=f"{of.url}/nav_to.do?uri=incident.do?sys_id={item.sys_id.value}",
    )
    yield "incidents", Row(record, microseconds(required(item.sys_updated_on)))
    yield _step(item.number.shown, "detected", "detected", detected, item.opened_by.shown, "", "", of)


def audited(item: AuditItem, number: str, of: Of) -> Iterator[tuple[str, Row]]:
    """One change of an incident's state or of who has it."""
    before, after = item.oldvalue.value or "", item.newvalue.value or ""
    kind, names = "status", STATES
    if item.fieldname.value in ("assigned_to", "assignment_group"):
        names = {}
        kind = "reassigned"
    elif after in ENDED and before not in ENDED:
        kind = "resolved"
    elif before in ENDED and after not in ENDED:
        kind = "reopened"
    elif before == NEW:
        kind = "acknowledged"
    elif after == CLOSED:
        kind = "closed"
    yield _step(
        number,
        item.sys_id.value or "",
        kind,
        required(item.sys_created_on),
        item.user.shown,
        # The audit keeps values as texts: of a state it shows its number.
        names.get(item.oldvalue.shown, item.oldvalue.shown),
        names.get(item.newvalue.shown, item.newvalue.shown),
        of,
    )


def deleted(item: DeletedItem, of: Of) -> Iterator[tuple[str, Row]]:
    """An incident that was deleted."""
    yield removal("incidents", of.source, item.display_value.shown, required(item.sys_created_on))


def _step(
    number: str, event_id: str, kind: str, at: dt.datetime, who: str, before: str, after: str, of: Of
) -> tuple[str, Row]:
    record = incident_step(of.source, number, event_id, kind, at, who, before=before, after=after)
    return "incident_events", Row(record, microseconds(at))
