"""One issue of Redmine with its journals, as records. Pure; versions are Redmine's own times of change.

What ends an issue is the change into a status that is closed, or that says resolved (Redmine's own *Resolved* is an
open one); what reopens it is the change out of these. Issues of an incident's tracker are incidents: acknowledged with
the first change of status or of who has it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ktlo.records.reliability import Incident
from ktlo.records.work import Issue
from ktlo.sources.csv.states import StateClass, known_state
from ktlo.sources.lengths import BODY, TITLE
from ktlo.sources.redmine.payloads import Detail, IssueItem, Journal, StatusItem
from ktlo.sources.rest.rows import Row, microseconds
from ktlo.sources.rest.steps import incident_step, issue_step

Rows = Iterator[tuple[str, Row]]
_REJECTED = ("reject", "cancel", "declin", "won't", "invalid")


@dataclass(frozen=True, slots=True)
class Of:
    """Whose rows they are.

    Attributes:
        source: identifier of the source.
        url: of the installation, for people.
        statuses: by identifier.
        incident_trackers: names, lower case; all with ``incident`` in them when empty.
    """

    source: str
    url: str
    statuses: Mapping[str, StatusItem]
    incident_trackers: frozenset[str]

    def is_incident(self, tracker: str) -> bool:
        """Whether issues of a tracker are incidents."""
        said = tracker.lower()
        return said in self.incident_trackers if self.incident_trackers else "incident" in said


@dataclass(frozen=True, slots=True)
class Step:
    """One change of status."""

    at: dt.datetime
    who: str
    before: str
    after: str
    was_over: bool
    is_over: bool
    mark: str


def is_over(status: StatusItem | None) -> bool:
    """Whether the work on an issue of this status has ended."""
    return status is not None and (status.is_closed or known_state(status.name) is StateClass.RESOLVED)


def issue(item: IssueItem, of: Of) -> Rows:
    """An issue with its history, or an incident with its phases."""
    steps = [step for journal in _in_order(item) for step in _steps(journal, of)]
    ends = [step.at for step in steps if step.is_over and not step.was_over]
    status = of.statuses.get(str(item.status.id), item.status)
    ended = (ends[-1] if ends else item.closed_on or item.updated_on) if is_over(status) else None
    is_incident = of.is_incident(item.tracker.name)
    version = microseconds(item.updated_on)
    if is_incident:
        yield "incidents", Row(_incident(item, steps, ended, of), version)
    else:
        yield "issues", Row(_issue(item, ended, of), version)
    opened = _event(
        item, "opened", "detected" if is_incident else "opened", item.created_on, _name(item.author), of
    )
    yield opened
    for step in steps:
        yield from _status(item, step, of)
    for journal in _in_order(item):
        yield from _others(item, journal, of)


def _in_order(item: IssueItem) -> list[Journal]:
    return sorted(item.journals, key=lambda one: (one.created_on, one.id))


def _name(person: object) -> str:
    return str(getattr(person, "name", "") or "")


def _steps(journal: Journal, of: Of) -> Iterator[Step]:
    for number, detail in enumerate(journal.details):
        if detail.property == "attr" and detail.name == "status_id":
            before, after = of.statuses.get(detail.old_value or ""), of.statuses.get(detail.new_value or "")
            yield Step(
                journal.created_on,
                _name(journal.user),
                before.name if before else "",
                after.name if after else "",
                is_over(before),
                is_over(after),
                f"{journal.id}-{number}",
            )


def _closed_as(item: IssueItem) -> str:
    name = item.status.name.lower()
    duplicates = (one for one in item.relations if one.relation_type == "duplicates")
    if "duplicate" in name or any(one.issue_id == item.id for one in duplicates):
        return "duplicate"
    return "not_planned" if any(word in name for word in _REJECTED) else item.status.name


def _issue(item: IssueItem, ended: dt.datetime | None, of: Of) -> Issue:
    return Issue(
        source=of.source,
        external_id=str(item.id),
        repository="",
        service=_name(item.category) or item.project.name,
        title=item.subject[:TITLE],
        body=(item.description or "")[:BODY],
        issue_type=item.tracker.name,
        severity=item.priority.name,
        labels=(),
        state="closed" if ended else "open",
        closed_as=_closed_as(item) if ended else "",
        author=_name(item.author),
        assignee=_name(item.assigned_to),
        created_at=item.created_on,
        closed_at=ended,
        updated_at=item.updated_on,
        url=f"{of.url}/issues/{item.id}",
    )


def _incident(item: IssueItem, steps: list[Step], ended: dt.datetime | None, of: Of) -> Incident:
    taken = [step.at for step in steps if not step.is_over]
    taken += [
        journal.created_on
        for journal in item.journals
        if any(detail.name == "assigned_to_id" and detail.new_value for detail in journal.details)
    ]
    people = [_name(item.assigned_to), *(_name(journal.user) for journal in _in_order(item))]
    is_none = _closed_as(item) in ("duplicate", "not_planned")
    state = "open" if ended is None else "cancelled" if is_none else "resolved"
    return Incident(
        source=of.source,
        external_id=str(item.id),
        service=_name(item.category) or item.project.name,
        repository="",
        team="",
        title=item.subject[:TITLE],
        severity=item.priority.name,
        state=state,
        started_at=None,
        detected_at=item.created_on,
        acknowledged_at=min(taken, default=None),
        mitigated_at=None,
        resolved_at=ended,
        closed_at=(item.closed_on or ended) if item.status.is_closed else None,
        reopen_count=sum(step.was_over and not step.is_over for step in steps),
        responders=tuple(dict.fromkeys(filter(None, people))),
        caused_by="",
        url=f"{of.url}/issues/{item.id}",
    )


def _status(item: IssueItem, step: Step, of: Of) -> Rows:
    kind = "status"
    if step.is_over and not step.was_over:
        kind = "resolved" if of.is_incident(item.tracker.name) else "closed"
    elif step.was_over and not step.is_over:
        kind = "reopened"
    yield _event(item, step.mark, kind, step.at, step.who, of, step.before, step.after)


def _others(item: IssueItem, journal: Journal, of: Of) -> Rows:
    is_incident = of.is_incident(item.tracker.name)
    who = _name(journal.user)
    if journal.notes:
        kind = "note" if is_incident else "commented"
        yield _event(item, f"{journal.id}-note", kind, journal.created_on, who, of)
    for number, detail in enumerate(journal.details):
        if detail.property == "attr" and detail.name == "assigned_to_id":
            yield _event(
                item,
                f"{journal.id}-{number}",
                _assigned(detail, is_incident=is_incident),
                journal.created_on,
                who,
                of,
            )


def _assigned(detail: Detail, *, is_incident: bool) -> str:
    if is_incident:
        return "reassigned"
    return "assigned" if detail.new_value else "unassigned"


def _event(
    item: IssueItem,
    mark: str,
    kind: str,
    at: dt.datetime,
    who: str,
    of: Of,
    before: str = "",
    after: str = "",
) -> tuple[str, Row]:
    if of.is_incident(item.tracker.name):
        step = incident_step(of.source, str(item.id), mark, kind, at, who, before=before, after=after)
        return "incident_events", Row(step, microseconds(at))
    event = issue_step(of.source, str(item.id), mark, kind, at, who, before=before, after=after)
    return "issue_events", Row(event, microseconds(at))
