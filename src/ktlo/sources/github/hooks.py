"""GitHub's webhooks as records: objects in them have the shapes of the API, so the same mapping reads them.

The history of an issue (labels, assignments) is told by the list of events only, whose identifiers no webhook carries:
it follows at the next reading. Format: GitHub's "Webhook events and payloads".
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TypeVar

import msgspec

from ktlo.errors import UserError
from ktlo.sources.github import mapping
from ktlo.sources.github.mapping import Of, PullDetails
from ktlo.sources.github.ordering import ranked
from ktlo.sources.github.payloads import (
    CommentItem,
    DeploymentItem,
    IssueItem,
    PullExtras,
    PullItem,
    ReleaseItem,
    ReviewItem,
    RunItem,
    StatusItem,
)
from ktlo.sources.hooked import Incoming, Taken, decoded
from ktlo.sources.rest.rows import Row, batches, microseconds, removal

T = TypeVar("T")
Rows = list[tuple[str, Row]]

EVENTS = (
    "Issues",
    "Issue comments",
    "Pull requests",
    "Pull request reviews",
    "Releases",
    "Deployments",
    "Deployment statuses",
    "Workflow runs",
)

UNTOLD = {
    "changes": ("commits", "lines_added", "lines_deleted", "files_changed", "merged_by"),
    "deployments": ("finished_at",),
}
"""Columns that a webhook may leave open although the lists know them."""


_NOTHING = msgspec.Raw(b"null")


class _Repository(msgspec.Struct):
    full_name: str = ""


class _NewIssue(msgspec.Struct):
    html_url: str = ""


class _Changes(msgspec.Struct):
    new_issue: _NewIssue | None = None


class Hook(msgspec.Struct):
    """What is common to all webhooks; objects are read by kind of event."""

    action: str = ""
    repository: _Repository | None = None
    issue: msgspec.Raw = _NOTHING
    comment: msgspec.Raw = _NOTHING
    pull_request: msgspec.Raw = _NOTHING
    review: msgspec.Raw = _NOTHING
    release: msgspec.Raw = _NOTHING
    deployment: msgspec.Raw = _NOTHING
    deployment_status: msgspec.Raw = _NOTHING
    workflow_run: msgspec.Raw = _NOTHING
    changes: msgspec.Raw = _NOTHING


def receive(incoming: Incoming, of: Of) -> Taken:
    """Turn one webhook into rows.

    Raises:
        UserError: the body is not what GitHub documents, or of another repository.
    """
    event = incoming.headers.get("x-github-event", "")
    hook = decoded(incoming, Hook)
    name = f"{event}.{hook.action}" if hook.action else event
    make = _MAKERS.get(event)
    if make is None:
        return Taken(name, why_ignored="ktlo does not use this event")
    if hook.repository is not None and hook.repository.full_name.lower() != of.repository.lower():
        raise UserError(
            f"the webhook is about {hook.repository.full_name}, this source about {of.repository}"
        )
    stage, delivery = _stage(hook), incoming.headers.get("x-github-delivery", "")
    rows = [(table, ranked(row, stage, delivery)) for table, row in make(hook, of, incoming.received_at)]
    return Taken(name, batches(rows), why_ignored="" if rows else "nothing in it is used", untold=UNTOLD)


class _State(msgspec.Struct):
    state: str = ""
    status: str | None = None
    merged: bool | None = None


def _stage(hook: Hook) -> str:
    """What tells how far the thing has come: the state of a deployment or a run, else what was done."""
    for raw in (hook.deployment_status, hook.workflow_run):
        if raw != _NOTHING:
            said = _read(raw, _State)
            return said.state or said.status or hook.action
    if hook.pull_request != _NOTHING and _read(hook.pull_request, _State).merged:
        return "merged"
    return hook.action


def _issue(hook: Hook, of: Of, now: dt.datetime) -> Rows:
    if hook.action in ("pinned", "unpinned"):
        return []
    item = _read(hook.issue, IssueItem)
    if hook.action == "deleted":
        return [("issues", mapping.gone(item.number, of, now))]
    if hook.action == "transferred":
        changes = _read(hook.changes, _Changes) if hook.changes != _NOTHING else _Changes()
        target = changes.new_issue.html_url if changes.new_issue else ""
        return [
            ("issue_events", mapping.transferred(item.number, target, of, now)),
            ("issues", mapping.gone(item.number, of, now)),
        ]
    return [("issues", mapping.issue(item, of)), ("issue_events", mapping.opened(item, of))]


def _comment(hook: Hook, of: Of, now: dt.datetime) -> Rows:
    item = _read(hook.comment, CommentItem)
    row = mapping.comment(item, of)
    if hook.action == "deleted":
        row = Row(row.record, max(row.version, microseconds(now)), is_removal=True)
    return [("issue_events", row)]


def _pull(hook: Hook, of: Of, _: dt.datetime) -> Rows:
    item = _read(hook.pull_request, PullItem)
    extras = _read(hook.pull_request, PullExtras)
    row = mapping.change(item, of, PullDetails(extras, ()))
    # The list's own details, which know the commits, stay above.
    return [("changes", row)]


def _review(hook: Hook, of: Of, _: dt.datetime) -> Rows:
    pull = _read(hook.pull_request, PullItem)
    row = mapping.review(_read(hook.review, ReviewItem), pull, of)
    return [("reviews", row)] if row else []


def _release(hook: Hook, of: Of, now: dt.datetime) -> Rows:
    item = _read(hook.release, ReleaseItem)
    if hook.action in ("deleted", "unpublished"):
        return [removal("releases", of.source, str(item.id), now)]
    row = mapping.release(item, of)
    return [("releases", row)] if row else []


def _deployment(hook: Hook, of: Of, _: dt.datetime) -> Rows:
    item = _read(hook.deployment, DeploymentItem)
    if hook.deployment_status == _NOTHING:
        return [("deployments", mapping.deployment(item, (), of))]
    status = _read(hook.deployment_status, StatusItem)
    if status.state == "inactive":
        # A later deployment took over, which is no property of this one.
        return []
    return [("deployments", mapping.deployment(item, (status,), of))]


def _run(hook: Hook, of: Of, _: dt.datetime) -> Rows:
    return [("workflow_runs", mapping.workflow_run(_read(hook.workflow_run, RunItem), of))]


_MAKERS: dict[str, Callable[[Hook, Of, dt.datetime], Rows]] = {
    "issues": _issue,
    "issue_comment": _comment,
    "pull_request": _pull,
    "pull_request_review": _review,
    "release": _release,
    "deployment": _deployment,
    "deployment_status": _deployment,
    "workflow_run": _run,
}


def _read(raw: msgspec.Raw, kind: type[T]) -> T:
    if raw == _NOTHING:
        raise UserError("the body is not what this source expects: the object that it is about is missing")
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.DecodeError as error:
        raise UserError(f"the body is not what this source expects: {error}") from error
