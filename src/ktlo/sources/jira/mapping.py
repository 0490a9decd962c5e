"""One issue of Jira with its changelog, as records. Pure: objects in, rows out.

Versions are Jira's own time of change. An issue of an incident's type is an incident. What happened to it is in
``history``, what its fields hold in ``fields``.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Sequence
from typing import Any

import msgspec

from ktlo.records.reliability import Incident
from ktlo.records.work import Issue
from ktlo.sources.jira.fields import convert, named, person, text_of
from ktlo.sources.jira.history import Rows, Step, acknowledgement, history, steps_of
from ktlo.sources.jira.payloads import IssueItem, Status, instant
from ktlo.sources.jira.service_desk import request_type
from ktlo.sources.jira.vocabulary import ACTIVE, CANCELLED, DONE, DUPLICATE, MITIGATED, Of, said
from ktlo.sources.lengths import BODY, TITLE
from ktlo.sources.rest.rows import Row, microseconds, removal

READ = (
    "summary",
    "description",
    "issuetype",
    "priority",
    "labels",
    "status",
    "resolution",
    "resolutiondate",
    "reporter",
    "assignee",
    "created",
    "updated",
    "components",
    "comment",
    "worklog",
    "project",
)
"""Fields that are asked for, besides the installation's own."""
TABLES = ("issues", "incidents")
"""Where an issue may be."""
ODD = (msgspec.ValidationError, KeyError, ValueError, TypeError, AttributeError)
"""What an issue of another form than documented makes of the mapping."""


def issue(item: IssueItem, of: Of) -> Rows:
    """An issue with its history, or an incident with its phases.

    Raises:
        msgspec.ValidationError, KeyError, ValueError: it has another form than Jira documents.
    """
    fields = item.fields
    steps = list(steps_of(item.changelog.histories if item.changelog else (), of))
    version = microseconds(instant(fields["updated"]))
    kind = named(fields.get("issuetype"))
    if of.words.is_incident(kind):
        yield "incidents", Row(_incident(item, steps, of), version)
    else:
        yield "issues", Row(_issue(item, kind, steps, of), version)
    events = list(history(item, steps, of, is_incident=of.words.is_incident(kind)))
    yield from events
    for former in former_keys(item):
        # The same issue under its earlier key is another row, and so is what happened to it.
        for table in TABLES:
            yield removal(table, of.source, former, instant(fields["updated"]))
        for table, row in events:
            name = "incident_id" if table == "incident_events" else "issue_id"
            gone = dataclasses.replace(row.record, **{name: former})
            yield table, Row(gone, row.version + 1, is_removal=True)


def removals(of: Of, key: str, at: dt.datetime | None = None) -> list[tuple[str, Row]]:
    """What takes an issue out, whatever it was; ``at`` as :func:`ktlo.sources.rest.rows.removal` has it."""
    return [removal(table, of.source, key, at) for table in TABLES]


def former_keys(item: IssueItem) -> list[str]:
    """Keys that the issue had before it was moved to another project."""
    histories = item.changelog.histories if item.changelog else ()
    keys = [change.before for each in histories for change in each.items if change.field == "Key"]
    return list(dict.fromkeys(key for key in keys if key and key != item.key))


def _issue(item: IssueItem, kind: str, steps: Sequence[Step], of: Of) -> Issue:
    fields = item.fields
    closed, resolution = _end(item, steps, of), named(fields.get("resolution"))
    status = convert(fields.get("status"), Status)
    name = status.name if status else ""
    return Issue(
        source=of.source,
        external_id=item.key,
        repository="",
        service=_service(fields, of),
        title=str(fields.get("summary") or "")[:TITLE],
        body=text_of(fields.get("description"))[:BODY],
        issue_type=kind,
        severity=_severity(fields, of),
        labels=tuple(str(label) for label in fields.get("labels") or ()),
        state="closed" if closed else "open",
        closed_as=_closed_as(resolution, name) if closed else "",
        author=person(fields.get("reporter")),
        assignee=person(fields.get("assignee")),
        created_at=instant(fields["created"]),
        closed_at=closed,
        updated_at=instant(fields["updated"]),
        url=f"{of.browse}/browse/{item.key}",
        request_type=request_type(fields, of),
    )


def _closed_as(resolution: str, status: str) -> str:
    said = f"{resolution} {status}"
    if DUPLICATE.search(said):
        return "duplicate"
    return "not_planned" if CANCELLED.search(said) else resolution or status


def _incident(item: IssueItem, steps: Sequence[Step], of: Of) -> Incident:
    fields = item.fields
    created, ended = instant(fields["created"]), _end(item, steps, of)
    acknowledged = acknowledgement(item, steps, of)
    mitigated = next((s.at for s in steps if s.entered == ACTIVE and MITIGATED.search(s.after)), None)
    told = of.words.value(fields, "mitigated")
    if mitigated is None and isinstance(told, str):
        mitigated = _instant_or_none(told)
    started = of.words.value(fields, "started")
    status, resolution = convert(fields.get("status"), Status), named(fields.get("resolution"))
    people = [
        person(fields.get("assignee")),
        *said(of.words.value(fields, "responders")),
        *(s.who for s in steps),
    ]
    cancelled = bool(ended) and CANCELLED.search(f"{resolution} {status.name if status else ''}") is not None
    return Incident(
        source=of.source,
        external_id=item.key,
        service=_service(fields, of),
        repository="",
        team="",
        title=str(fields.get("summary") or "")[:TITLE],
        severity=_severity(fields, of),
        state="cancelled" if cancelled else "resolved" if ended else "open",
        started_at=_before(_instant_or_none(started) if isinstance(started, str) else None, created),
        detected_at=created,
        acknowledged_at=acknowledged,
        mitigated_at=mitigated if mitigated is None or ended is None or mitigated <= ended else None,
        resolved_at=ended,
        closed_at=ended,
        reopen_count=sum(s.left == DONE and s.entered != DONE for s in steps),
        responders=tuple(dict.fromkeys(filter(None, people))),
        caused_by="",
        url=f"{of.browse}/browse/{item.key}",
        request_type=request_type(fields, of),
    )


def _end(item: IssueItem, steps: Sequence[Step], of: Of) -> dt.datetime | None:
    """When it was done for the last time; ``None`` while its status is not of that category."""
    fields = item.fields
    status = convert(fields.get("status"), Status)
    if status is None:
        return None
    category = (
        status.status_category.key if status.status_category else of.words.category(status.id, status.name)
    )
    if category != DONE:
        return None
    entered = [s.at for s in steps if s.entered == DONE and s.left != DONE]
    if entered:
        return entered[-1]
    # Created as done, or its changelog is not there: the time of the resolution, else of the last change.
    return instant(fields.get("resolutiondate") or fields["updated"])


def _severity(fields: dict[str, Any], of: Of) -> str:
    return next(iter(said(of.words.value(fields, "severity"))), "") or named(fields.get("priority"))


def _service(fields: dict[str, Any], of: Of) -> str:
    for text in said(of.words.value(fields, "services")):
        return text.rpartition("/")[2] if text.startswith("ari:") else text
    return next(iter(said(fields.get("components"))), "")


def _instant_or_none(text: str) -> dt.datetime | None:
    try:
        return instant(text)
    except ValueError:
        return None


def _before(moment: dt.datetime | None, limit: dt.datetime) -> dt.datetime | None:
    return moment if moment is not None and moment <= limit else None
