"""What GitLab says, as records. Pure: one object in, rows out, each with GitLab's own time of change as version.

An issue of type incident is an incident, not an issue: from its opening to its closing. A merge request that was merged
fast-forward has no merge commit; its newest commit is then what reached the branch.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ktlo.records.reliability import Incident
from ktlo.records.work import Change, Deployment, Issue, IssueEvent, Release, Review, WorkflowRun
from ktlo.sources.gitlab.payloads import (
    Deployable,
    DeploymentItem,
    EventItem,
    IssueItem,
    MergeRequestItem,
    PipelineItem,
    ReleaseItem,
    StateEvent,
    User,
)
from ktlo.sources.lengths import BODY, TITLE
from ktlo.sources.rest import steps
from ktlo.sources.rest.rows import Row, microseconds

Rows = Iterator[tuple[str, Row]]
INCIDENT = "incident"
_SEVERITIES = ("severity", "priority", "prio", "sev")

_DEPLOYED = {
    "created": "in_progress",
    "running": "in_progress",
    "blocked": "in_progress",
    "success": "success",
    "failed": "failure",
    "canceled": "inactive",
    "skipped": "inactive",
}
_CONCLUSIONS = {
    "success": "success",
    "failed": "failure",
    "canceled": "cancelled",
    "skipped": "skipped",
}
_RUNNING = {"running": "in_progress", "canceling": "in_progress"}


STATES = {"closed": "resolved", "reopened": "reopened", "opened": "reopened"}
"""Kinds of steps by state; GitLab's documentation writes both words for a reopening."""


@dataclass(frozen=True, slots=True)
class Of:
    """Whose rows they are: the source's identifier and the project's path."""

    source: str
    repository: str


def login(user: User | None) -> str:
    """Name of the account; empty for nobody."""
    return user.username if user else ""


def severity(item: IssueItem) -> str:
    """Severity field of an incident, else a scoped label such as ``severity::2``."""
    if item.severity and item.severity.lower() != "unknown":
        return item.severity.lower()
    for label in item.labels:
        name, _, value = label.partition("::")
        if value and name.strip().lower() in _SEVERITIES:
            return label
    return ""


def issue(item: IssueItem, of: Of, states: Sequence[StateEvent] = ()) -> Rows:
    """An issue with its opening; or an incident with its beginning, closings and reopenings.

    Args:
        item: the issue.
        of: whose it is.
        states: closings and reopenings of an incident; empty where they are not asked for or cannot be read.
    """
    version = microseconds(item.updated_at)
    closed = item.state == "closed"
    if (item.issue_type or "").lower() == INCIDENT:
        yield "incidents", Row(_incident(item, states, of), version)
        yield "incident_events", _step(item, "detected", item.created_at, login(item.author), of)
        for event in states:
            yield "incident_events", _step(item, STATES[event.state], event.created_at, login(event.user), of)
        if closed and item.closed_at and (not states or states[-1].state != "closed"):
            yield "incident_events", _step(item, "resolved", item.closed_at, login(item.closed_by), of)
        return
    record = Issue(
        source=of.source,
        external_id=str(item.iid),
        repository=of.repository,
        service="",
        title=item.title[:TITLE],
        body=(item.description or "")[:BODY],
        issue_type=(item.issue_type or "").lower(),
        severity=severity(item),
        labels=tuple(item.labels),
        state="closed" if closed else "open",
        closed_as=_lives_on(item) if closed else "",
        author=login(item.author),
        assignee=login(item.assignees[0]) if item.assignees else "",
        created_at=item.created_at,
        closed_at=item.closed_at if closed else None,
        updated_at=item.updated_at,
        url=item.web_url,
    )
    yield "issues", Row(record, version)
    opened = _issue_event(str(item.iid), "opened", "opened", item.created_at, login(item.author), of)
    yield "issue_events", Row(opened, microseconds(item.created_at))


def _lives_on(item: IssueItem) -> str:
    """Why a closed issue was not worked off here; empty when it was."""
    if item.links.closed_as_duplicate_of:
        return "duplicate"
    return "moved" if item.moved_to_id else ""


def _incident(item: IssueItem, states: Sequence[StateEvent], of: Of) -> Incident:
    closed = item.state == "closed"
    people = [login(item.author), *map(login, item.assignees)]
    people += [*(login(event.user) for event in states), login(item.closed_by)]
    return Incident(
        source=of.source,
        external_id=str(item.iid),
        service="",
        repository=of.repository,
        team="",
        title=item.title[:TITLE],
        severity=severity(item),
        state="open" if not closed else "cancelled" if _lives_on(item) else "resolved",
        started_at=None,
        detected_at=item.created_at,
        acknowledged_at=None,
        mitigated_at=None,
        resolved_at=item.closed_at if closed else None,
        closed_at=item.closed_at if closed else None,
        reopen_count=sum(STATES[event.state] == "reopened" for event in states),
        responders=tuple(dict.fromkeys(filter(None, people))),
        caused_by="",
        url=item.web_url,
    )


def _step(item: IssueItem, kind: str, at: dt.datetime, actor: str, of: Of) -> Row:
    return incident_step(str(item.iid), kind, at, actor, kind, of)


def incident_step(incident_id: str, kind: str, at: dt.datetime, actor: str, after: str, of: Of) -> Row:
    """One step of an incident; two tellings of one step within a second are one row."""
    record = steps.incident_step(of.source, incident_id, steps.second(kind, at), kind, at, actor, after=after)
    return Row(record, microseconds(at))


def _issue_event(
    issue_id: str, event_id: str, kind: str, at: dt.datetime, actor: str, of: Of, after: str = ""
) -> IssueEvent:
    return steps.issue_step(
        of.source, issue_id, event_id, kind, at, actor, repository=of.repository, after=after
    )


def merge_request(item: MergeRequestItem, of: Of) -> Rows:
    """A merge request."""
    merged = item.merged_at is not None or item.state == "merged"
    record = Change(
        source=of.source,
        external_id=str(item.iid),
        repository=of.repository,
        title=item.title[:TITLE],
        body=(item.description or "")[:BODY],
        labels=tuple(item.labels),
        state="merged" if merged else "closed" if item.state == "closed" else "open",
        is_draft=item.draft,
        author=login(item.author),
        merged_by=login(item.merge_user or item.merged_by),
        branch=item.source_branch,
        base=item.target_branch,
        head_sha=item.sha or "",
        merge_sha=(item.merge_commit_sha or item.squash_commit_sha or item.sha or "") if merged else "",
        commits=(),
        lines_added=None,
        lines_deleted=None,
        files_changed=None,
        created_at=item.created_at,
        merged_at=item.merged_at,
        closed_at=item.merged_at or item.closed_at,
        updated_at=item.updated_at,
        url=item.web_url,
    )
    yield "changes", Row(record, microseconds(item.updated_at))


def deployment(item: DeploymentItem, of: Of) -> Rows:
    """A deployment with its outcome."""
    status = _DEPLOYED.get(item.status, "unknown")
    job = item.deployable or Deployable()
    is_over = status in ("success", "failure", "inactive")
    record = Deployment(
        source=of.source,
        external_id=str(item.id),
        repository=of.repository,
        service="",
        environment=item.environment.name,
        version=item.ref if item.ref and item.ref != item.sha and job.tag else "",
        sha=item.sha,
        status=status,
        actor=login(item.user),
        started_at=min(job.started_at or item.created_at, job.finished_at or item.updated_at),
        finished_at=(job.finished_at or item.updated_at) if is_over else None,
        url=job.web_url or "",
    )
    yield "deployments", Row(record, microseconds(item.updated_at))


def pipeline(item: PipelineItem, of: Of) -> Rows:
    """A pipeline; the list tells no end of its own, so the last change of a finished one is taken."""
    conclusion = _CONCLUSIONS.get(item.status, "")
    record = WorkflowRun(
        source=of.source,
        external_id=str(item.id),
        repository=of.repository,
        workflow=item.name or "pipeline",
        trigger=item.source or "",
        branch=item.ref or "",
        sha=item.sha,
        attempt=1,
        status="completed" if conclusion else _RUNNING.get(item.status, "queued"),
        conclusion=conclusion,
        actor="",
        started_at=item.created_at,
        finished_at=max(item.updated_at, item.created_at) if conclusion else None,
        url=item.web_url,
    )
    yield "workflow_runs", Row(record, microseconds(item.updated_at))


def release(item: ReleaseItem, of: Of) -> Rows:
    """A release that is out."""
    if item.upcoming_release:
        return
    record = Release(
        source=of.source,
        external_id=item.tag_name,
        repository=of.repository,
        tag=item.tag_name,
        name=item.name or "",
        is_prerelease=False,
        author=login(item.author),
        published_at=item.released_at,
        url=str(item.links.get("self") or ""),
    )
    yield "releases", Row(record, microseconds(item.released_at))


_ACTIONS = {"closed": "closed", "reopened": "reopened"}
_ISSUES = ("Issue", "WorkItem")


def event(item: EventItem, of: Of) -> Rows:
    """What a person did: closings and reopenings, comments, approvals."""
    who = login(item.author) or item.author_username or ""
    note, at = item.note, item.created_at
    if note is not None and not note.system and note.noteable_iid is not None:
        yield from commented(note.noteable_type, note.noteable_iid, note.id, at, who, of)
    elif item.target_type in _ISSUES and item.target_iid is not None and item.action_name in _ACTIONS:
        kind = _ACTIONS[item.action_name]
        yield (
            "issue_events",
            Row(
                _issue_event(str(item.target_iid), steps.second(kind, at), kind, at, who, of),
                microseconds(at),
            ),
        )
    elif item.target_type == "MergeRequest" and item.action_name == "approved" and item.target_iid:
        yield "reviews", approval(item.target_iid, at, who, of)


def commented(kind: str, number: int, note: int, at: dt.datetime, who: str, of: Of) -> Rows:
    """A comment on an issue is an event of it, one on a merge request a review of it."""
    if kind in _ISSUES:
        record = _issue_event(str(number), f"note-{note}", "commented", at, who, of)
        yield "issue_events", Row(record, microseconds(at))
    elif kind == "MergeRequest":
        review = Review(
            source=of.source,
            change_id=str(number),
            review_id=f"note-{note}",
            repository=of.repository,
            reviewer=who,
            submitted_at=at,
            state="commented",
        )
        yield "reviews", Row(review, microseconds(at))


def approval(number: int, at: dt.datetime, who: str, of: Of) -> Row:
    """An approval of a merge request."""
    record = Review(
        source=of.source,
        change_id=str(number),
        review_id=steps.second(f"approved by {who}", at),
        repository=of.repository,
        reviewer=who,
        submitted_at=at,
        state="approved",
    )
    return Row(record, microseconds(at))


def status(issue_id: str, kind: str, at: dt.datetime, who: str, of: Of) -> tuple[str, Row]:
    """A closing or reopening that a webhook tells of."""
    return "issue_events", Row(
        _issue_event(issue_id, steps.second(kind, at), kind, at, who, of), microseconds(at)
    )
