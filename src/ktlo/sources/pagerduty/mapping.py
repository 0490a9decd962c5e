"""What PagerDuty says, as incidents and their steps. Pure: objects in, rows out.

A step's identifier is its kind and its second, so that the log and a webhook that tell of one step are one row. Rows of
the log count one microsecond more than a webhook's: the log knows people by mail.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ktlo.records.reliability import Incident
from ktlo.sources.lengths import TITLE
from ktlo.sources.pagerduty.payloads import IncidentItem, LogEntry, Reference
from ktlo.sources.rest.rows import Row, microseconds
from ktlo.sources.rest.steps import incident_step, second

LOG_KINDS = {
    "trigger_log_entry": "detected",
    "acknowledge_log_entry": "acknowledged",
    "acknowledgement_log_entry": "acknowledged",
    "unacknowledge_log_entry": "status",
    "assign_log_entry": "reassigned",
    "delegate_log_entry": "reassigned",
    "escalate_log_entry": "escalated",
    "exhaust_escalation_path_log_entry": "escalated",
    "repeat_escalation_path_log_entry": "escalated",
    "notify_log_entry": "paged",
    "resolve_log_entry": "resolved",
    "annotate_log_entry": "note",
    "snooze_log_entry": "status",
    "urgency_change_log_entry": "status",
    "reach_ack_limit_log_entry": "status",
    "reach_trigger_limit_log_entry": "status",
    "field_value_change_log_entry": "status",
    "custom_field_value_change_log_entry": "status",
}
"""Kinds of steps by type of log entry; both spellings of an acknowledgement are in PagerDuty's description."""

EVENT_KINDS = {
    "incident.triggered": "detected",
    "incident.acknowledged": "acknowledged",
    "incident.unacknowledged": "status",
    "incident.reassigned": "reassigned",
    "incident.delegated": "reassigned",
    "incident.escalated": "escalated",
    "incident.resolved": "resolved",
    "incident.reopened": "reopened",
    "incident.annotated": "note",
    "incident.priority_updated": "status",
    "incident.service_updated": "status",
    "incident.status_update_published": "note",
    "incident.responder.added": "escalated",
    "incident.responder.replied": "note",
}
"""Kinds of steps by type of webhook event; others are ignored."""

_STATES = {"triggered": "open", "acknowledged": "open", "resolved": "resolved"}
_AFTER = {
    "acknowledged": "acknowledged",
    "resolved": "resolved",
    "detected": "triggered",
    "reopened": "triggered",
}


@dataclass(frozen=True, slots=True)
class Of:
    """Whose rows they are.

    Attributes:
        source: identifier of the source.
        mails: mail by identifier of the user; names are used for others.
    """

    source: str
    mails: Mapping[str, str]

    def person(self, who: Reference | None) -> str:
        """Mail or name of a user; empty for services and integrations, which are no people."""
        if who is None or not who.type.startswith("user"):
            return ""
        return self.mails.get(who.id) or who.name


def incident(item: IncidentItem, log: Sequence[LogEntry], of: Of) -> Row:
    """An incident with the phases that its log tells.

    Args:
        item: the incident.
        log: its entries, in any order; may be empty where only a webhook is known.
        of: whose it is.
    """
    steps = sorted(log, key=lambda entry: entry.created_at)
    acknowledged = next((e.created_at for e in steps if LOG_KINDS.get(e.type) == "acknowledged"), None)
    ends = [e.created_at for e in steps if LOG_KINDS.get(e.type) == "resolved"]
    state = _STATES.get(item.status, "open")
    resolved = None
    if state == "resolved":
        resolved = item.resolved_at or (ends[-1] if ends else item.last_status_change_at)
    people = [of.person(entry.agent) for entry in steps if LOG_KINDS.get(entry.type) != "paged"]
    people += [of.person(one.assignee) for one in item.assignments] + [
        of.person(one) for one in item.assignees
    ]
    changed = item.updated_at or item.last_status_change_at or resolved or item.created_at
    record = Incident(
        source=of.source,
        external_id=item.id,
        service=item.service.name if item.service else "",
        repository="",
        team=item.teams[0].name if item.teams else "",
        title=item.title[:TITLE],
        severity=(item.priority.name if item.priority else "") or (item.urgency or ""),
        state=state,
        started_at=None,
        detected_at=item.created_at,
        acknowledged_at=acknowledged,
        mitigated_at=None,
        resolved_at=resolved,
        closed_at=resolved,
        # Every resolution but the last was followed by another life.
        reopen_count=max(len(ends) - (1 if state == "resolved" else 0), 0),
        responders=tuple(dict.fromkeys(filter(None, people))),
        caused_by="",
        url=item.html_url or "",
    )
    return Row(record, microseconds(changed) + 1)


def step(entry: LogEntry, incident_id: str, of: Of) -> Row:
    """One entry of an incident's log."""
    kind = LOG_KINDS.get(entry.type, "note")
    paged = of.person(entry.user) if kind == "paged" else ""
    after = paged or ", ".join(filter(None, (of.person(one) for one in entry.assignees)))
    return _step(
        incident_id,
        kind,
        entry.created_at,
        # Who is paged has done nothing yet.
        "" if kind == "paged" else of.person(entry.agent),
        after or _AFTER.get(kind, entry.type.removesuffix("_log_entry")),
        of,
        paged,
        is_log=True,
    )


def told(kind: str, incident_id: str, at: dt.datetime, agent: Reference | None, event: str, of: Of) -> Row:
    """One step that a webhook tells of."""
    after = _AFTER.get(kind, event.removeprefix("incident."))
    return _step(incident_id, kind, at, of.person(agent), after, of, "", is_log=False)


def _step(
    incident_id: str,
    kind: str,
    at: dt.datetime,
    actor: str,
    after: str,
    of: Of,
    mark: str,
    *,
    is_log: bool,
) -> Row:
    name = second(kind, at) + (f" {mark}" if mark else "")
    record = incident_step(of.source, incident_id, name, kind, at, actor, after=after)
    return Row(record, microseconds(at) + int(is_log))
