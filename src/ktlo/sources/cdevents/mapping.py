"""One CDEvent, as records. Pure: an event in, rows out; the version of every row is the event's time.

Of two events of one moment the one further in the life of its subject holds.
What one event does not tell (a pipeline's beginning when it ends) is kept from the others, in whatever order they come:
the source says which columns those are.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from ktlo.records.reliability import Incident
from ktlo.records.work import Deployment, Issue, WorkflowRun
from ktlo.sources.cdevents.payloads import CDEvent, Reference, version_of
from ktlo.sources.lengths import TITLE, first_values, named
from ktlo.sources.rest.rows import Row, microseconds, removal
from ktlo.sources.rest.steps import incident_step

Rows = Iterator[tuple[str, Row]]

UNTOLD: Mapping[str, tuple[str, ...]] = {
    "incidents": ("service", "title", "severity", "url", "detected_at", "started_at"),
    "workflow_runs": ("workflow", "started_at", "url"),
    "issues": ("title", "issue_type", "severity", "author", "assignee", "labels", "created_at", "url"),
}
"""Columns that single events leave open."""

_FURTHER = {
    "detected": 0, "reported": 1, "resolved": 2,
    "queued": 0, "started": 1, "finished": 2,
    "created": 0, "updated": 1, "closed": 2, "deleted": 3,
}  # fmt: skip
_OUTCOMES = {"success": "success", "failure": "failure", "error": "failure", "cancel": "cancelled"}


def rows(event: CDEvent, subject: str, predicate: str, source: str) -> Rows | None:
    """Rows of one event; ``None`` for kinds that are not used."""
    make = _MAKERS.get((subject, predicate))
    return make(event, predicate, source) if make else None


def left_out(event: CDEvent) -> str:
    """What of an event's lists is not in its rows, in a sentence; empty where all is."""
    labels = event.subject.content.get("labels")
    return first_values(labels, "labels")[1] if isinstance(labels, list) else ""


def _text(event: CDEvent, name: str) -> str:
    value = event.subject.content.get(name)
    return value if isinstance(value, str) else ""


def _name(event: CDEvent, name: str) -> str:
    return named(_text(event, name))


def _reference(event: CDEvent, name: str) -> str:
    value = event.subject.content.get(name)
    if isinstance(value, dict):
        return msgspec.convert(value, Reference).name
    return value if isinstance(value, str) else ""


def _deployed(event: CDEvent, predicate: str, source: str) -> Rows:
    del predicate  # a rollback puts a version into an environment like any other
    at = event.context.timestamp
    record = Deployment(
        source=source,
        external_id=event.context.id,
        repository="",
        service=Reference(event.subject.id).name,
        environment=_reference(event, "environment"),
        version=named(version_of(_text(event, "artifactId"))),
        sha="",
        status="success",
        actor="",
        started_at=at,
        finished_at=at,
        url=_name(event, "uri"),
    )
    yield "deployments", Row(record, microseconds(at))


def _incident(event: CDEvent, predicate: str, source: str) -> Rows:
    at, key = event.context.timestamp, event.subject.id
    ended = predicate == "resolved"
    record = Incident(
        source=source,
        external_id=key,
        service=_reference(event, "service"),
        repository="",
        team="",
        title=_text(event, "description")[:TITLE],
        severity="",
        state="resolved" if ended else "open",
        started_at=None,
        detected_at=at,
        acknowledged_at=None,
        mitigated_at=None,
        resolved_at=at if ended else None,
        closed_at=at if ended else None,
        reopen_count=0,
        responders=(),
        caused_by=_name(event, "artifactId"),
        url=_name(event, "ticketURI"),
    )
    yield "incidents", Row(record, microseconds(at) + _FURTHER[predicate])
    kind = {"detected": "detected", "reported": "note", "resolved": "resolved"}[predicate]
    step = incident_step(source, key, event.context.id, kind, at, after=predicate)
    yield "incident_events", Row(step, microseconds(at))


def _pipeline(event: CDEvent, predicate: str, source: str) -> Rows:
    at, ended = event.context.timestamp, predicate == "finished"
    record = WorkflowRun(
        source=source,
        external_id=event.subject.id,
        repository="",
        workflow=_name(event, "pipelineName"),
        trigger="",
        branch="",
        sha="",
        attempt=1,
        status="completed" if ended else "in_progress" if predicate == "started" else "queued",
        conclusion=_OUTCOMES.get(_text(event, "outcome").lower(), "") if ended else "",
        actor="",
        started_at=at,
        finished_at=at if ended else None,
        url=_name(event, "uri") or _name(event, "url"),
    )
    yield "workflow_runs", Row(record, microseconds(at) + _FURTHER[predicate])


def _ticket(event: CDEvent, predicate: str, source: str) -> Rows:
    at, ended = event.context.timestamp, predicate == "closed"
    content = event.subject.content
    people, labels = _texts(content.get("assignees")), _texts(content.get("labels"))
    record = Issue(
        source=source,
        external_id=event.subject.id,
        repository="",
        service="",
        title=_text(event, "summary")[:TITLE],
        body="",
        issue_type=_name(event, "ticketType"),
        severity=_name(event, "priority"),
        labels=labels,
        state="closed" if ended else "open",
        closed_as=_name(event, "resolution") if ended else "",
        author=_name(event, "creator"),
        assignee=people[0] if people else "",
        created_at=at,
        closed_at=at if ended else None,
        updated_at=at,
        url=_name(event, "uri"),
    )
    yield "issues", Row(record, microseconds(at) + _FURTHER[predicate])


def _texts(value: Any) -> tuple[str, ...]:
    values = first_values(value, "")[0] if isinstance(value, list) else ()
    return tuple(named(str(one)) for one in values)


def _gone(event: CDEvent, predicate: str, source: str) -> Rows:
    at = event.context.timestamp + dt.timedelta(microseconds=_FURTHER[predicate])
    yield removal("issues", source, event.subject.id, at)


_Maker = Callable[[CDEvent, str, str], Rows]
_MAKERS: dict[tuple[str, str], _Maker] = {
    ("service", "deployed"): _deployed,
    ("service", "upgraded"): _deployed,
    ("service", "rolledback"): _deployed,
    ("incident", "detected"): _incident,
    ("incident", "reported"): _incident,
    ("incident", "resolved"): _incident,
    ("pipelinerun", "queued"): _pipeline,
    ("pipelinerun", "started"): _pipeline,
    ("pipelinerun", "finished"): _pipeline,
    ("ticket", "created"): _ticket,
    ("ticket", "updated"): _ticket,
    ("ticket", "closed"): _ticket,
    ("ticket", "deleted"): _gone,
}
USED = tuple(f"{subject}.{predicate}" for subject, predicate in _MAKERS)
"""Kinds of events that become records."""
