"""What GitHub says, as records. Pure: one object in, one row (or none) out.

Rows carry the version that GitHub gives them (``updated_at``, in microseconds), so that reading twice, or
in another order, ends in the same row. Details of a pull request count one microsecond more than its entry
in the list, which lacks them; GitHub's own times are whole seconds.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ktlo.records.work import Change, Deployment, Issue, IssueEvent, Release, Review, WorkflowRun
from ktlo.sources.github.payloads import (
    CommentItem,
    DeploymentItem,
    EventItem,
    IssueItem,
    Label,
    PullExtras,
    PullItem,
    ReleaseItem,
    ReviewItem,
    RunItem,
    StatusItem,
    User,
)
from ktlo.sources.lengths import BODY, TITLE, named
from ktlo.sources.rest.rows import Row, microseconds

_SEVERITY = re.compile(
    r"(?:severity|priority|prio|sev|urgency)\s*[-:/ ]?\s*\S.*|[ps][0-4](?:\b.*)?|sev-?[0-5]|critical|blocker",
    re.IGNORECASE,
)
_SEVERITY_FIELDS = ("severity", "priority", "urgency")
_SAME_KINDS = {
    "closed",
    "reopened",
    "labeled",
    "unlabeled",
    "assigned",
    "unassigned",
    "renamed",
    "transferred",
}
_OUTCOMES = {"success": "success", "failure": "failure", "error": "failure"}


@dataclass(frozen=True, slots=True)
class Of:
    """Whose rows they are: the source's identifier and the repository as configured."""

    source: str
    repository: str


def _login(user: User | None) -> str:
    return user.login if user else ""


def _labels(labels: Sequence[Label | str]) -> tuple[str, ...]:
    names = (label if isinstance(label, str) else label.name for label in labels)
    return tuple(name for name in names if name)


def severity(item: IssueItem) -> str:
    """Severity as the team writes it: an issue field called so, else a label that reads like one."""
    for value in item.issue_field_values or ():
        if value.issue_field_name.lower() in _SEVERITY_FIELDS and value.single_select_option:
            return value.single_select_option.name
    return next((name for name in _labels(item.labels) if _SEVERITY.fullmatch(name.strip())), "")


def issue(item: IssueItem, of: Of) -> Row:
    """An issue (never a pull request)."""
    closed = item.state == "closed"
    record = Issue(
        source=of.source,
        external_id=str(item.number),
        repository=of.repository,
        service="",
        title=item.title[:TITLE],
        body=(item.body or "")[:BODY],
        issue_type=item.type.name if item.type else "",
        severity=severity(item),
        labels=_labels(item.labels),
        state="closed" if closed else "open",
        closed_as=(item.state_reason or "") if closed else "",
        author=_login(item.user),
        assignee=_login(item.assignee),
        created_at=item.created_at,
        closed_at=item.closed_at if closed else None,
        updated_at=item.updated_at,
        url=item.html_url,
    )
    return Row(record, microseconds(item.updated_at))


def opened(item: IssueItem, of: Of) -> Row:
    """The first event of an issue, which GitHub's list of events leaves out."""
    record = IssueEvent(
        source=of.source,
        issue_id=str(item.number),
        event_id="opened",
        repository=of.repository,
        occurred_at=item.created_at,
        kind="opened",
        actor=_login(item.user),
        before="",
        after=item.title[:TITLE],
    )
    # The title in it may change: the version is the issue's.
    return Row(record, microseconds(item.updated_at))


def gone(number: int, of: Of, at: dt.datetime) -> Row:
    """Removal of an issue that was deleted or went to another repository."""
    record = Issue(
        source=of.source,
        external_id=str(number),
        repository=of.repository,
        service="",
        title="",
        body="",
        issue_type="",
        severity="",
        labels=(),
        state="closed",
        closed_as="",
        author="",
        assignee="",
        created_at=at,
        closed_at=at,
        updated_at=at,
        url="",
    )
    return Row(record, microseconds(at), is_removal=True)


def transferred(number: int, target: str, of: Of, at: dt.datetime) -> Row:
    """The event that an issue went to another repository; noticed at ``at``, GitHub tells no time."""
    record = IssueEvent(
        source=of.source,
        issue_id=str(number),
        event_id="transferred-away",
        repository=of.repository,
        occurred_at=at,
        kind="transferred",
        actor="",
        before=f"{of.repository}#{number}",
        after=target,
    )
    return Row(record, microseconds(at))


def event(item: EventItem, of: Of) -> Row | None:
    """An event of an issue or pull request; ``None`` for kinds that nobody asks about (subscribed…)."""
    if item.issue is None:
        return None
    before, after, kind = "", "", item.event
    if kind in ("labeled", "unlabeled"):
        after = item.label.name if item.label else ""
    elif kind in ("assigned", "unassigned"):
        after = _login(item.assignee)
    elif kind == "renamed" and item.rename:
        before, after = item.rename.before, item.rename.after
    elif kind == "closed":
        # The event itself has no reason; the issue's present one belongs to its last closing.
        last = item.issue.closed_at
        if last is not None and abs(last - item.created_at) <= dt.timedelta(seconds=2):
            after = item.issue.state_reason or ""
    elif kind == "referenced":
        after = item.commit_id or ""
    elif kind == "marked_as_duplicate":
        kind, after = "status", "duplicate"
    elif kind == "converted_to_discussion":
        kind, after = "transferred", "discussion"
    if kind not in _SAME_KINDS and kind not in ("referenced", "status"):
        return None
    record = IssueEvent(
        source=of.source,
        issue_id=str(item.issue.number),
        event_id=str(item.id),
        repository=of.repository,
        occurred_at=item.created_at,
        kind=kind,
        actor=_login(item.actor),
        before=before[:TITLE],
        after=after[:TITLE],
    )
    return Row(record, microseconds(item.created_at))


def comment(item: CommentItem, of: Of) -> Row:
    """A comment as an event of its issue or pull request."""
    record = IssueEvent(
        source=of.source,
        issue_id=item.issue_url.rstrip("/").rpartition("/")[2],
        event_id=f"comment-{item.id}",
        repository=of.repository,
        occurred_at=item.created_at,
        kind="commented",
        actor=_login(item.user),
        before="",
        after="",
    )
    return Row(record, microseconds(item.updated_at))


@dataclass(frozen=True, slots=True)
class PullDetails:
    """What the list of pull requests does not tell."""

    extras: PullExtras
    reviews: tuple[ReviewItem, ...]
    commits: tuple[str, ...] = ()


def change(item: PullItem, of: Of, details: PullDetails | None = None) -> Row:
    """A pull request, with what only its details tell where they were read."""
    extras = details.extras if details else PullExtras()
    record = Change(
        source=of.source,
        external_id=str(item.number),
        repository=of.repository,
        title=item.title[:TITLE],
        body=(item.body or "")[:BODY],
        labels=_labels(item.labels),
        state="merged" if item.merged_at else ("closed" if item.state == "closed" else "open"),
        is_draft=item.draft,
        author=_login(item.user),
        merged_by=_login(extras.merged_by),
        branch=item.head.ref,
        base=item.base.ref,
        head_sha=item.head.sha,
        # While open, GitHub puts a trial merge there that never reaches the branch.
        merge_sha=(item.merge_commit_sha or "") if item.merged_at else "",
        commits=details.commits if details else (),
        lines_added=extras.additions,
        lines_deleted=extras.deletions,
        files_changed=extras.changed_files,
        created_at=item.created_at,
        merged_at=item.merged_at,
        closed_at=item.closed_at,
        updated_at=item.updated_at,
        url=item.html_url,
    )
    return Row(record, microseconds(item.updated_at) + (1 if details else 0))


def review(item: ReviewItem, pull: PullItem, of: Of) -> Row | None:
    """A review; ``None`` while its author has not submitted it."""
    if item.submitted_at is None:
        return None
    record = Review(
        source=of.source,
        change_id=str(pull.number),
        review_id=str(item.id),
        repository=of.repository,
        reviewer=_login(item.user),
        submitted_at=item.submitted_at,
        state=item.state.lower(),
    )
    # A dismissal changes the review and the pull request's time, but not the review's own.
    return Row(record, microseconds(max(item.submitted_at, pull.updated_at)))


def release(item: ReleaseItem, of: Of) -> Row | None:
    """A release; ``None`` while it is a draft."""
    if item.draft or item.published_at is None:
        return None
    record = Release(
        source=of.source,
        external_id=str(item.id),
        repository=of.repository,
        tag=item.tag_name,
        name=(item.name or "")[:TITLE],
        is_prerelease=item.prerelease,
        author=_login(item.author),
        published_at=item.published_at,
        url=item.html_url,
    )
    return Row(record, microseconds(item.updated_at or item.published_at))


def is_over(statuses: Sequence[StatusItem]) -> bool:
    """Whether a deployment came to its end, by its statuses."""
    return any(status.state in _OUTCOMES or status.state == "inactive" for status in statuses)


def deployment(item: DeploymentItem, statuses: Sequence[StatusItem], of: Of) -> Row:
    """A deployment with its outcome.

    The outcome is the last status that says success, failure or error: ``inactive`` only tells that a later
    deployment took over, which is no property of this one.
    """
    told = sorted(statuses, key=lambda status: status.created_at)
    ended = [status for status in told if status.state in _OUTCOMES]
    inactive = [status for status in told if status.state == "inactive"]
    if ended:
        outcome, finished_at = _OUTCOMES[ended[-1].state], ended[-1].created_at
    elif inactive:
        outcome, finished_at = "inactive", inactive[-1].created_at
    else:
        outcome, finished_at = ("in_progress" if told else "unknown"), None
    links = [status.log_url or status.target_url for status in (*told, *ended)]
    record = Deployment(
        source=of.source,
        external_id=str(item.id),
        repository=of.repository,
        service="",
        environment=item.environment,
        version="" if item.ref == item.sha else item.ref,
        sha=item.sha,
        status=outcome,
        actor=_login(item.creator),
        started_at=item.created_at,
        finished_at=finished_at,
        url=links[-1] if links else "",
    )
    times = [status.updated_at or status.created_at for status in told]
    return Row(record, microseconds(max([item.updated_at, *times])))


def workflow_run(item: RunItem, of: Of) -> Row:
    """A workflow run in its newest attempt; GitHub has no end of its own, so its last change is taken."""
    done = item.status == "completed"
    status = item.status or "queued"
    record = WorkflowRun(
        source=of.source,
        external_id=str(item.id),
        repository=of.repository,
        workflow=named(item.name or item.path.rpartition("/")[2]),
        trigger=item.event,
        branch=item.head_branch or "",
        sha=item.head_sha,
        attempt=item.run_attempt,
        status=status if status in ("completed", "in_progress") else "queued",
        conclusion=(item.conclusion or "") if done else "",
        actor=_login(item.triggering_actor or item.actor),
        started_at=item.run_started_at or item.created_at,
        finished_at=max(item.updated_at, item.run_started_at or item.created_at) if done else None,
        url=item.html_url,
    )
    return Row(record, microseconds(item.updated_at))
