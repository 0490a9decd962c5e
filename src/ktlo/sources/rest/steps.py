"""Steps of incidents and events of issues, as records: what all mappings of services write alike."""

from __future__ import annotations

import datetime as dt

from ktlo.records.reliability import IncidentEvent
from ktlo.records.work import IssueEvent

_SAID = 200
"""Characters kept of what an incident's step changed from and to."""


def incident_step(
    source: str,
    incident_id: str,
    event_id: str,
    kind: str,
    at: dt.datetime,
    actor: str = "",
    *,
    before: str = "",
    after: str = "",
) -> IncidentEvent:
    """One step of an incident; see :class:`~ktlo.records.reliability.IncidentEvent`."""
    return IncidentEvent(
        source=source,
        incident_id=incident_id,
        event_id=event_id,
        occurred_at=at,
        kind=kind,
        actor=actor,
        before=before[:_SAID],
        after=after[:_SAID],
    )


def issue_step(
    source: str,
    issue_id: str,
    event_id: str,
    kind: str,
    at: dt.datetime,
    actor: str = "",
    *,
    repository: str = "",
    before: str = "",
    after: str = "",
) -> IssueEvent:
    """One event of an issue; see :class:`~ktlo.records.work.IssueEvent`."""
    return IssueEvent(
        source=source,
        issue_id=issue_id,
        event_id=event_id,
        repository=repository,
        occurred_at=at,
        kind=kind,
        actor=actor,
        before=before,
        after=after,
    )


def second(kind: str, at: dt.datetime) -> str:
    """Names a step so that two tellings of one kind within a second are one row."""
    return f"{kind}@{at.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
