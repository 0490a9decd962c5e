"""One alert is one incident. Pure: objects in, rows out, each with Opsgenie's own time of change as version.

A closed alert stays closed in Opsgenie; what fires again is another alert. When it was closed and acknowledged is
told by its report, else by the sentences of its log (``Alert acknowledged via web``); where neither tells, it is not
known.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ktlo.records.reliability import Incident
from ktlo.sources.lengths import TITLE
from ktlo.sources.opsgenie.payloads import AlertItem, LogEntry, Report, Responder
from ktlo.sources.rest.rows import Row, microseconds
from ktlo.sources.rest.steps import incident_step, second

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


_ACKNOWLEDGED = re.compile(r"alert acknowledged\b", re.IGNORECASE)
_CLOSED = re.compile(r"alert closed\b", re.IGNORECASE)
_NOTIFIED = re.compile(r"->\s*sent\b", re.IGNORECASE)
"""Sentences of a log; Opsgenie's description leaves their wording open, so anything else is passed over."""


@dataclass(frozen=True, slots=True)
class Of:
    """Whose rows they are.

    Attributes:
        source: identifier of the source.
        service_tag: beginning of the tag that names the service, ``service:``.
        browse: address of the alerts for people; empty when unknown.
        teams: names of teams by identifier, where an alert tells only that.
    """

    source: str
    service_tag: str
    browse: str
    teams: Mapping[str, str] = field(default_factory=dict)


def is_team(responder: Responder) -> bool:
    """Whether a responder is a team, not a person, a schedule or an escalation."""
    return responder.type == "team"


def alert(item: AlertItem, of: Of, log: Sequence[LogEntry] = ()) -> Iterator[tuple[str, Row]]:
    """The incident and its steps.

    Args:
        item: as the list has it.
        of: whose it is.
        log: its entries in any order; empty where they cannot be read.
    """
    report = item.report or Report()
    entries = sorted(log, key=lambda entry: entry.created_at)
    taken = next((entry for entry in entries if is_acknowledgement(entry)), None)
    over = next((entry for entry in reversed(entries) if _CLOSED.match(entry.log)), None)
    acknowledged = _after(item.created_at, report.ack_time) or (taken.created_at if taken else None)
    closed = item.status == "closed"
    # Not the last change: a tag or a note may come weeks after the closing.
    ended = _after(item.created_at, report.close_time) or (over.created_at if over else None)
    ended = ended if closed else None
    who_took = report.acknowledged_by or (taken.owner if taken else "") or ""
    who_closed = report.closed_by or (over.owner if over else "") or ""
    people = (who_took, item.owner, who_closed)
    record = Incident(
        source=of.source,
        external_id=item.id,
        service=_service(item, of),
        repository="",
        team=_team(item, of),
        title=item.message[:TITLE],
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
        yield step(item.id, "acknowledged", acknowledged, who_took, of)
    if ended:
        yield step(item.id, "resolved", ended, who_closed, of)
    yield from calls(item.id, entries, of)


def step(incident_id: str, kind: str, at: dt.datetime, who: str, of: Of) -> tuple[str, Row]:
    """One step. The first acknowledgement, the beginning and the end are one row each, whoever tells them."""
    once = kind in ("detected", "acknowledged", "resolved")
    record = incident_step(
        of.source,
        incident_id,
        kind if once else second(kind, at),
        kind,
        at,
        who if "@" in who else "",
        after=kind,
    )
    return "incident_events", Row(record, microseconds(at))


def is_acknowledgement(entry: LogEntry) -> bool:
    """Whether an entry of an alert's log tells that somebody, or something, acknowledged it."""
    return _ACKNOWLEDGED.match(entry.log) is not None


def calls(incident_id: str, log: Iterable[LogEntry], of: Of) -> Iterator[tuple[str, Row]]:
    """Who was paged when, by the log of an alert."""
    for entry in log:
        if entry.type == "alertRecipient" and entry.owner and _NOTIFIED.search(entry.log):
            yield paged(incident_id, entry.created_at, entry.owner, of)


def paged(incident_id: str, at: dt.datetime, whom: str, of: Of) -> tuple[str, Row]:
    """Somebody was notified; several messages to one person within a second are one."""
    table, row = step(incident_id, "paged", at, "", of)
    record = replace(row.record, event_id=f"{row.record.event_id} {whom}", after=whom[:200])
    return table, Row(record, row.version)


def _after(began: dt.datetime, milliseconds: int | None) -> dt.datetime | None:
    return began + dt.timedelta(milliseconds=milliseconds) if milliseconds else None


def _team(item: AlertItem, of: Of) -> str:
    """The first team that responds and has a name."""
    teams = (one.name or of.teams.get(one.id or "", "") for one in item.responders if is_team(one))
    return next(filter(None, teams), "")


def tagged_service(item: AlertItem, of: Of) -> str | None:
    """The service that a tag names; ``None`` where no tag does."""
    for tag in item.tags:
        if tag.lower().startswith(of.service_tag.lower()):
            return tag[len(of.service_tag) :].strip()
    return None


def _service(item: AlertItem, of: Of) -> str:
    tagged = tagged_service(item, of)
    return item.entity or "" if tagged is None else tagged
