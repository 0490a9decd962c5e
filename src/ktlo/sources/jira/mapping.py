"""One issue of Jira with its changelog, as records. Pure: objects in, rows out.

Versions are Jira's own time of change. What happened is the changelog: every change of status is an event, and closing
and reopening are the changes into and out of the category *done*. An issue of an incident's type is an incident.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from ktlo.records.reliability import Incident, IncidentEvent
from ktlo.records.work import Issue, IssueEvent
from ktlo.sources.jira.payloads import (
    Comment,
    Comments,
    History,
    IssueItem,
    Named,
    Person,
    Status,
    Worklog,
    Worklogs,
    instant,
)
from ktlo.sources.jira.vocabulary import ACTIVE, CANCELLED, DONE, MITIGATED, NEW, Vocabulary, said
from ktlo.sources.rest.rows import Row, microseconds, removal

Rows = Iterator[tuple[str, Row]]
BODY_CHARACTERS = 4_000
_TOLD = dt.timedelta(minutes=10)
"""A webhook comes a little after what it tells; its steps must not outrank the changelog's."""
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


@dataclass(frozen=True, slots=True)
class Of:
    """Whose rows they are.

    Attributes:
        source: identifier of the source.
        browse: address of the installation, to which a person's links lead.
        words: what its statuses and fields mean.
        is_told: by a webhook, which knows less of what a step means than the changelog does.
    """

    source: str
    browse: str
    words: Vocabulary
    is_told: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One change of status: when, by whom, and between which categories."""

    at: dt.datetime
    who: str
    before: str
    after: str
    left: str
    entered: str
    history: str


def issue(item: IssueItem, of: Of) -> Rows:
    """An issue with its history, or an incident with its phases.

    Raises:
        msgspec.ValidationError, KeyError, ValueError: it has another form than Jira documents.
    """
    fields = item.fields
    steps = list(_steps(item.changelog.histories if item.changelog else (), of))
    version = microseconds(instant(fields["updated"]))
    kind = _named(fields.get("issuetype"))
    if of.words.is_incident(kind):
        yield "incidents", Row(_incident(item, steps, of), version)
    else:
        yield "issues", Row(_issue(item, kind, steps, of), version)
    events = list(history(item, steps, of, is_incident=of.words.is_incident(kind)))
    yield from events
    for former in _former_keys(item):
        # The same issue under its earlier key is another row, and so is what happened to it.
        for table in ("issues", "incidents"):
            yield removal(table, of.source, former, instant(fields["updated"]))
        for table, row in events:
            name = "incident_id" if table == "incident_events" else "issue_id"
            gone = dataclasses.replace(row.record, **{name: former})
            yield table, Row(gone, row.version + 1, is_removal=True)


def _former_keys(item: IssueItem) -> list[str]:
    """Keys that the issue had before it was moved to another project."""
    histories = item.changelog.histories if item.changelog else ()
    keys = [change.before for each in histories for change in each.items if change.field == "Key"]
    return list(dict.fromkeys(key for key in keys if key and key != item.key))


def _issue(item: IssueItem, kind: str, steps: Sequence[Step], of: Of) -> Issue:
    fields = item.fields
    closed, resolution = _end(item, steps, of), _named(fields.get("resolution"))
    status = _convert(fields.get("status"), Status)
    name = status.name if status else ""
    return Issue(
        source=of.source,
        external_id=item.key,
        repository="",
        service=_service(fields, of),
        title=str(fields.get("summary") or ""),
        body=text_of(fields.get("description"))[:BODY_CHARACTERS],
        issue_type=kind,
        severity=_severity(fields, of),
        labels=tuple(str(label) for label in fields.get("labels") or ()),
        state="closed" if closed else "open",
        closed_as=(
            ""
            if not closed
            else "not_planned"
            if CANCELLED.search(f"{resolution} {name}")
            else resolution or name
        ),
        author=_person(fields.get("reporter")),
        assignee=_person(fields.get("assignee")),
        created_at=instant(fields["created"]),
        closed_at=closed,
        updated_at=instant(fields["updated"]),
        url=f"{of.browse}/browse/{item.key}",
    )


def _incident(item: IssueItem, steps: Sequence[Step], of: Of) -> Incident:
    fields = item.fields
    created, ended = instant(fields["created"]), _end(item, steps, of)
    acknowledged = next((s.at for s in steps if s.left == NEW and s.entered == ACTIVE), None)
    mitigated = next((s.at for s in steps if s.entered == ACTIVE and MITIGATED.search(s.after)), None)
    told = of.words.value(fields, "mitigated")
    if mitigated is None and isinstance(told, str):
        mitigated = _instant_or_none(told)
    started = of.words.value(fields, "started")
    status, resolution = _convert(fields.get("status"), Status), _named(fields.get("resolution"))
    people = [
        _person(fields.get("assignee")),
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
        title=str(fields.get("summary") or ""),
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
    )


def _end(item: IssueItem, steps: Sequence[Step], of: Of) -> dt.datetime | None:
    """When it was done for the last time; ``None`` while its status is not of that category."""
    fields = item.fields
    status = _convert(fields.get("status"), Status)
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


def history(item: IssueItem, steps: Sequence[Step], of: Of, *, is_incident: bool) -> Rows:
    """Everything that happened to an issue: its opening, changes, comments, and time said to be worked."""
    fields = item.fields
    yield _event(
        item.key,
        "opened",
        "detected" if is_incident else "opened",
        instant(fields["created"]),
        _person(fields.get("reporter")),
        of,
        is_incident=is_incident,
    )
    for step in steps:
        yield from _status(item.key, step, of, is_incident=is_incident)
    for each in item.changelog.histories if item.changelog else ():
        yield from _others(item.key, each, of, is_incident=is_incident)
    comments = _convert(fields.get("comment"), Comments) or Comments()
    for comment in comments.comments:
        yield commented(item.key, comment, of, is_incident=is_incident)
    worklogs = _convert(fields.get("worklog"), Worklogs) or Worklogs()
    for worklog in worklogs.worklogs:
        yield _worked(item.key, worklog, of, is_incident=is_incident)


def _steps(histories: Iterable[History], of: Of) -> Iterator[Step]:
    for each in sorted(histories, key=lambda one: instant(one.created)):
        for change in each.items:
            if change.field == "status":
                yield Step(
                    instant(each.created),
                    each.author.who if each.author else "",
                    change.before or "",
                    change.after or "",
                    of.words.category(change.from_id, change.before),
                    of.words.category(change.to_id, change.after),
                    each.id,
                )


def _status(key: str, step: Step, of: Of, *, is_incident: bool) -> Rows:
    ended, reopened = step.entered == DONE != step.left, step.left == DONE != step.entered
    if is_incident:
        kind = "status"
        if ended:
            kind = "resolved"
        elif reopened:
            kind = "reopened"
        elif step.left == NEW and step.entered == ACTIVE:
            kind = "acknowledged"
        elif step.entered == ACTIVE and MITIGATED.search(step.after):
            kind = "mitigated"
        yield _event(
            key,
            f"{step.history}-status",
            kind,
            step.at,
            step.who,
            of,
            step.before,
            step.after,
            is_incident=True,
        )
        return
    yield _event(
        key,
        f"{step.history}-status",
        "status",
        step.at,
        step.who,
        of,
        step.before,
        step.after,
        is_incident=False,
    )
    if ended or reopened:
        kind = "closed" if ended else "reopened"
        yield _event(
            key, f"{step.history}-{kind}", kind, step.at, step.who, of, "", step.after, is_incident=False
        )


def _others(key: str, each: History, of: Of, *, is_incident: bool) -> Rows:
    at, who = instant(each.created), each.author.who if each.author else ""
    for number, change in enumerate(each.items):
        mark = f"{each.id}-{number}"
        before, after = change.before or "", change.after or ""
        if change.field == "assignee":
            kind = "reassigned" if is_incident else "assigned" if after else "unassigned"
            yield _event(key, mark, kind, at, who, of, before, after, is_incident=is_incident)
        elif change.field == "summary" and not is_incident:
            yield _event(key, mark, "renamed", at, who, of, before, after, is_incident=False)
        elif change.field == "labels" and not is_incident:
            for label in sorted({*after.split()} - {*before.split()}):
                yield _event(key, f"{mark}+{label}", "labeled", at, who, of, "", label, is_incident=False)
            for label in sorted({*before.split()} - {*after.split()}):
                yield _event(key, f"{mark}-{label}", "unlabeled", at, who, of, "", label, is_incident=False)
        elif change.field == "Key" and not is_incident:
            yield _event(key, mark, "transferred", at, who, of, before, after, is_incident=False)


def commented(key: str, comment: Comment, of: Of, *, is_incident: bool) -> tuple[str, Row]:
    """A comment."""
    who = comment.author.who if comment.author else ""
    kind = "note" if is_incident else "commented"
    return _event(
        key, f"comment-{comment.id}", kind, instant(comment.created), who, of, is_incident=is_incident
    )


def _worked(key: str, worklog: Worklog, of: Of, *, is_incident: bool) -> tuple[str, Row]:
    who = worklog.author.who if worklog.author else ""
    kind = "note" if is_incident else "worked"
    return _event(
        key,
        f"worklog-{worklog.id}",
        kind,
        instant(worklog.started),
        who,
        of,
        "",
        str(worklog.time_spent_seconds),
        is_incident=is_incident,
    )


def _event(
    key: str,
    event_id: str,
    kind: str,
    at: dt.datetime,
    who: str,
    of: Of,
    before: str = "",
    after: str = "",
    *,
    is_incident: bool,
) -> tuple[str, Row]:
    version = microseconds(at - _TOLD if of.is_told else at)
    if is_incident:
        step = IncidentEvent(
            source=of.source,
            incident_id=key,
            event_id=event_id,
            occurred_at=at,
            kind=kind,
            actor=who,
            before=before[:200],
            after=after[:200],
        )
        return "incident_events", Row(step, version)
    event = IssueEvent(
        source=of.source,
        issue_id=key,
        event_id=event_id,
        repository="",
        occurred_at=at,
        kind=kind,
        actor=who,
        before=before[:200],
        after=after[:200],
    )
    return "issue_events", Row(event, version)


def text_of(value: Any) -> str:
    """Plain text of a description: text (v2), or a document of nodes (v3, Atlassian Document Format)."""
    if isinstance(value, str):
        return value
    parts: list[str] = []
    waiting = [value]
    while waiting and sum(map(len, parts)) < BODY_CHARACTERS:
        node = waiting.pop()
        if isinstance(node, list):
            waiting.extend(reversed(node))
        elif isinstance(node, dict):
            if isinstance(node.get("text"), str):
                parts.append(node["text"])
            if node.get("type") in ("paragraph", "heading", "listItem", "codeBlock") and parts:
                parts.append("\n")
            waiting.append(node.get("content"))
    return "".join(parts).strip()


def _severity(fields: dict[str, Any], of: Of) -> str:
    return next(iter(said(of.words.value(fields, "severity"))), "") or _named(fields.get("priority"))


def _service(fields: dict[str, Any], of: Of) -> str:
    for text in said(of.words.value(fields, "services")):
        return text.rpartition("/")[2] if text.startswith("ari:") else text
    return next(iter(said(fields.get("components"))), "")


def _named(value: Any) -> str:
    found = _convert(value, Named)
    return (found.name or found.value or "") if found else ""


def _person(value: Any) -> str:
    found = _convert(value, Person)
    return found.who if found and found.account_type != "app" else ""


def _convert(value: Any, kind: type[Any]) -> Any:
    return None if value is None else msgspec.convert(value, kind)


def _instant_or_none(text: str) -> dt.datetime | None:
    try:
        return instant(text)
    except ValueError:
        return None


def _before(moment: dt.datetime | None, limit: dt.datetime) -> dt.datetime | None:
    return moment if moment is not None and moment <= limit else None
