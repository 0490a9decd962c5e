"""One of Opsgenie's own incidents, its timeline and the calls for its responders as rows. Pure: objects in, rows out.

The timeline tells when it was resolved, closed and opened again. Resolving an incident acknowledges and closes the
alerts of its responders by ``API``; only what a person acknowledged counts, and only before the first end.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ktlo.records.reliability import Incident
from ktlo.sources.lengths import TITLE
from ktlo.sources.opsgenie import mapping
from ktlo.sources.opsgenie.incident_payloads import Actor, IncidentItem, TimelineEntry
from ktlo.sources.opsgenie.names import Names
from ktlo.sources.opsgenie.payloads import LogEntry
from ktlo.sources.rest.rows import Row, microseconds
from ktlo.sources.rest.steps import incident_step

OPENED, RESOLVED, CLOSED = "IncidentOpened", "IncidentResolved", "IncidentClosed"
ACKNOWLEDGED = "ResponderAlertAcked"
ADDED = ("IncidentResponderUserAdded", "IncidentResponderTeamAdded")
"""Types of a timeline's entries that published answers have and that mean something here; others are notes."""


@dataclass(frozen=True, slots=True)
class Of:
    """Whose rows they are.

    Attributes:
        source: identifier of the source.
        names: what identifiers stand for.
    """

    source: str
    names: Names

    def person(self, actor: Actor | None) -> str:
        """Mail, else the name that the timeline has; empty for an API, an integration, or Opsgenie itself."""
        if actor is None or actor.type != "user" or not actor.name or actor.name == "System":
            return ""
        return self.names.people.get(actor.name) or actor.name

    def services(self, item: IncidentItem) -> list[str]:
        """Names of the services it impacts, in Opsgenie's order."""
        keys = item.impacted_services or ([item.service_id] if item.service_id else [])
        return [self.names.services.get(key) or key for key in keys]

    def team(self, item: IncidentItem) -> str:
        """The team that owns it, else the first that responds, else that of its first service; empty when unnamed."""
        if item.owner_team:
            return self.names.teams.get(item.owner_team) or item.owner_team
        keys = [one.id for one in item.responders if one.type == "team"]
        keys += [self.names.owners.get(key, "") for key in item.impacted_services]
        return next((self.names.teams[key] for key in keys if key in self.names.teams), "")


@dataclass(slots=True)
class _Life:
    """How it went, as far as the timeline tells.

    Attributes:
        first_end: when it was first over.
        resolved: when for the last time; ``None`` once it was opened again.
        closed: when the record was closed.
        openings, resolutions: how many; every opening but the first is a reopening.
    """

    first_end: dt.datetime | None = None
    resolved: dt.datetime | None = None
    closed: dt.datetime | None = None
    openings: int = 0
    resolutions: int = 0

    def step(self, entry: TimelineEntry) -> str:
        """Take one entry; the kind of step that it is, empty for those that are none of these."""
        if entry.type == RESOLVED:
            self.resolved, self.resolutions = entry.event_time, self.resolutions + 1
        elif entry.type == CLOSED:
            self.resolved, self.closed = self.resolved or entry.event_time, entry.event_time
        elif entry.type == OPENED:
            self.openings += 1
            if self.openings > 1:
                self.resolved = self.closed = None
        self.first_end = self.first_end or self.resolved
        reopened = "reopened" if self.openings > 1 else ""
        return {RESOLVED: "resolved", CLOSED: "closed", OPENED: reopened}.get(entry.type, "")


def incident(
    item: IncidentItem, timeline: Sequence[TimelineEntry], calls: Sequence[LogEntry], of: Of
) -> Iterator[tuple[str, Row]]:
    """The incident and its steps.

    Args:
        item: as Opsgenie has it.
        timeline: its entries in any order; empty where they cannot be read.
        calls: entries of the logs of the alerts that called its responders, in any order.
        of: whose it is.
    """
    entries = sorted(timeline, key=lambda entry: entry.event_time)
    log = sorted(calls, key=lambda entry: entry.created_at)
    life = _Life()
    kinds = [life.step(entry) for entry in entries]
    is_over = item.status != "open"
    ended = (life.resolved or item.impact_end_date) if is_over else None
    # What ended the harm before it was opened again has not ended it.
    mitigated = item.impact_end_date if is_over or not life.resolutions else None
    taken, who = _acknowledgement(entries, log, life.first_end or ended, of)
    people = [of.person(entry.actor) for entry in entries]
    people += [who, *(of.names.mails.get(one.id, "") for one in item.responders if one.type == "user")]
    services = of.services(item)
    record = Incident(
        source=of.source,
        external_id=item.id,
        service=services[0] if services else "",
        repository="",
        team=of.team(item),
        title=item.message[:TITLE],
        severity=item.priority or "",
        state="resolved" if is_over else "open",
        started_at=item.impact_start_date,
        detected_at=item.created_at,
        acknowledged_at=taken,
        mitigated_at=mitigated,
        resolved_at=ended,
        closed_at=life.closed if item.status == "closed" else None,
        # Every resolution but the last was followed by another life.
        reopen_count=max(life.openings - 1, life.resolutions - int(is_over), 0),
        responders=tuple(dict.fromkeys(filter(None, people))),
        caused_by="",
        url=(item.links.web or "") if item.links else "",
    )
    changed = max([item.updated_at, *(one.event_time for one in entries), *(one.created_at for one in log)])
    yield "incidents", Row(record, microseconds(changed))
    opener = next((of.person(entry.actor) for entry in entries if entry.type == OPENED), "")
    yield _step(item, "detected", "detected", item.created_at, opener, "open", of)
    if taken:
        yield _step(item, "acknowledged", "acknowledged", taken, who, "acknowledged", of)
    if len(services) > 1:
        yield _step(item, "impact", "note", item.created_at, "", f"impacts {', '.join(services)}", of)
    # One that lies outside is in the record as it was told, but is no step between beginning and end.
    if mitigated and item.created_at <= mitigated <= (ended or mitigated):
        yield _step(item, "mitigated", "mitigated", mitigated, "", "mitigated", of)
    began = next((entry.event_time for entry in entries if entry.type == OPENED), None)
    for entry, told in zip(entries, kinds, strict=True):
        if entry.type == OPENED and not told:
            continue
        later = entry.type in ADDED and entry.event_time != began
        kind = told or ("escalated" if later else "note")
        after = {"resolved": "resolved", "closed": "closed", "reopened": "open"}.get(kind) or _said(entry)
        yield _step(item, entry.id, kind, entry.event_time, of.person(entry.actor), after, of)
    yield from mapping.calls(item.id, log, mapping.Of(of.source, "", ""))


def _acknowledgement(
    entries: Sequence[TimelineEntry], log: Sequence[LogEntry], end: dt.datetime | None, of: Of
) -> tuple[dt.datetime | None, str]:
    """When a person first took it, and who: by the alerts' logs, which know the mail, else by the timeline."""
    told = [
        (one.created_at, one.owner)
        for one in log
        if mapping.is_acknowledgement(one) and "@" in (one.owner or "")
    ]
    told = told or [
        (entry.event_time, of.person(entry.actor))
        for entry in entries
        if entry.type == ACKNOWLEDGED and of.person(entry.actor)
    ]
    return next(((at, who or "") for at, who in told if end is None or at < end), (None, ""))


def _said(entry: TimelineEntry) -> str:
    for text in (entry.description, entry.title):
        if text is not None and text.content:
            return text.content
    return entry.type


def _step(
    item: IncidentItem, key: str, kind: str, at: dt.datetime, who: str, after: str, of: Of
) -> tuple[str, Row]:
    record = incident_step(of.source, item.id, key, kind, at, who, after=after)
    return "incident_events", Row(record, microseconds(at))
