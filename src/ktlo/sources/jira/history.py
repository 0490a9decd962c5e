"""What happened to an issue of Jira, step by step, as events. Pure: objects in, rows out.

Every change of status in the changelog is an event, and closing and reopening are the changes into and out of the
category *done*. Of an incident the same steps are its phases.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ktlo.sources.jira.fields import convert, person
from ktlo.sources.jira.payloads import Comment, Comments, History, IssueItem, Worklog, Worklogs, instant
from ktlo.sources.jira.service_desk import first_response
from ktlo.sources.jira.vocabulary import ACTIVE, DONE, MITIGATED, NEW, Of
from ktlo.sources.rest.rows import Row, microseconds
from ktlo.sources.rest.steps import incident_step, issue_step

Rows = Iterator[tuple[str, Row]]
_TOLD = dt.timedelta(minutes=10)
"""A webhook comes a little after what it tells; its steps must not outrank the changelog's."""


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


def history(item: IssueItem, steps: Sequence[Step], of: Of, *, is_incident: bool) -> Rows:
    """Everything that happened to an issue: its opening, changes, comments, and time said to be worked."""
    fields = item.fields
    yield _event(
        item.key,
        "opened",
        "detected" if is_incident else "opened",
        instant(fields["created"]),
        person(fields.get("reporter")),
        of,
        is_incident=is_incident,
    )
    for step in steps:
        yield from _status(item.key, step, of, is_incident=is_incident)
    if is_incident:
        yield from _response(item, steps, of)
    for each in item.changelog.histories if item.changelog else ():
        yield from _others(item.key, each, of, is_incident=is_incident)
    comments = convert(fields.get("comment"), Comments) or Comments()
    for comment in comments.comments:
        yield commented(item.key, comment, of, is_incident=is_incident)
    worklogs = convert(fields.get("worklog"), Worklogs) or Worklogs()
    for worklog in worklogs.worklogs:
        yield _worked(item.key, worklog, of, is_incident=is_incident)


def steps_of(histories: Iterable[History], of: Of) -> Iterator[Step]:
    """Changes of status, oldest first."""
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


def acknowledgement(item: IssueItem, steps: Sequence[Step], of: Of) -> dt.datetime | None:
    """When a person first took an incident: by its statuses, else by its first response, where an SLA tells that."""
    taken = next((s.at for s in steps if s.left == NEW and s.entered == ACTIVE), None)
    if taken is not None:
        return taken
    answered = _answered(item, steps, of)
    return answered[1] if answered else None


def _answered(item: IssueItem, steps: Sequence[Step], of: Of) -> tuple[str, dt.datetime] | None:
    """The first response that came while an incident was open for the first time."""
    found = first_response(item.fields, of)
    ended = next((step.at for step in steps if step.entered == DONE), None)
    if found is None or found[1] < instant(item.fields["created"]) or (ended and found[1] > ended):
        return None
    return found


def _response(item: IssueItem, steps: Sequence[Step], of: Of) -> Rows:
    """The first response as a step, as long as no status tells that the incident was taken."""
    found = _answered(item, steps, of)
    if found is None:
        return
    table, row = _event(
        item.key, "first-response", "acknowledged", found[1], "", of, "", found[0], is_incident=True
    )
    if any(step.left == NEW and step.entered == ACTIVE for step in steps):
        row = Row(row.record, row.version + 1, is_removal=True)
    yield table, row


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
        step = incident_step(of.source, key, event_id, kind, at, who, before=before, after=after)
        return "incident_events", Row(step, version)
    event = issue_step(of.source, key, event_id, kind, at, who, before=before[:200], after=after[:200])
    return "issue_events", Row(event, version)
