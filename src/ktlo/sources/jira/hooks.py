"""Webhooks of Jira. One has the issue with its status's category, so that nothing has to be asked."""

from __future__ import annotations

import datetime as dt

import msgspec

from ktlo.errors import UserError
from ktlo.sources.hooked import Incoming, Taken, decoded
from ktlo.sources.jira import mapping
from ktlo.sources.jira.config import JiraConfig
from ktlo.sources.jira.history import commented
from ktlo.sources.jira.mapping import ODD
from ktlo.sources.jira.payloads import Changelog, History, IssueItem, Status, Webhook
from ktlo.sources.jira.vocabulary import Of, Vocabulary
from ktlo.sources.rest.rows import Row, batches


def receive(incoming: Incoming, source_id: str, config: JiraConfig) -> Taken:
    """What a webhook tells.

    Args:
        incoming: the webhook, proven.
        source_id: whose rows they are.
        config: of the source.

    Raises:
        UserError: it is not what Jira documents.
    """
    told = decoded(incoming, Webhook)
    if told.issue is None:
        return Taken(told.event or "webhook", why_ignored="it is about no issue")
    is_read, changes = config.reads(told.issue.key), told.changelog.items if told.changelog else []
    why_not = "" if is_read else f"the project {told.issue.key.rpartition('-')[0]} is not read"
    if not is_read and not any(change.field == "Key" for change in changes):
        return Taken(told.event, why_ignored=why_not)
    at = dt.datetime.fromtimestamp(told.timestamp / 1000, dt.UTC) if told.timestamp else incoming.received_at
    of = Of(source_id, config.url, _words_in(told, config), is_told=True)
    if told.event == "jira:issue_deleted":
        return Taken(told.event, batches(mapping.removals(of, told.issue.key, at)))
    item = _with_change(told, at)
    try:
        rows = list(mapping.issue(item, of))
    except ODD as error:
        raise UserError(f"the issue has an unexpected form: {type(error).__name__}: {error}") from error
    if not is_read:
        # It was moved there: under its earlier key it is gone.
        left = [(table, row) for table, row in rows if row.is_removal]
        return Taken(told.event, batches(left), why_ignored=why_not)
    if told.comment is not None:
        is_incident = rows[0][0] == "incidents"
        rows.append(commented(item.key, told.comment, of, is_incident=is_incident))
    return Taken(
        told.event,
        batches(rows),
        untold={
            "incidents": (
                "acknowledged_at",
                "mitigated_at",
                "responders",
                "reopen_count",
                "request_type",
            ),
            "issues": ("request_type", "closed_at") if _is_closed(rows) else ("request_type",),
        },
    )


def _is_closed(rows: list[tuple[str, Row]]) -> bool:
    return getattr(rows[0][1].record, "state", "") == "closed"


def _with_change(told: Webhook, at: dt.datetime) -> IssueItem:
    """The issue with the one change that the webhook tells as its changelog."""
    assert told.issue is not None  # noqa: S101 - the caller has seen to it
    histories = []
    if told.changelog is not None and told.changelog.items:
        histories.append(
            History(
                told.changelog.id, at.isoformat(), told.user or told.changelog.author, told.changelog.items
            )
        )
    return msgspec.structs.replace(told.issue, changelog=Changelog(histories, len(histories)))


def _words_in(told: Webhook, config: JiraConfig) -> Vocabulary:
    """The category of the status that the issue has; the others are not told."""
    assert told.issue is not None  # noqa: S101 - the caller has seen to it
    status = msgspec.convert(told.issue.fields.get("status") or {}, Status)
    category = status.status_category.key if status.status_category else ""
    return Vocabulary(
        {status.id: category} if category else {},
        {status.name.lower(): category} if category else {},
        {},
        frozenset(name.lower() for name in config.incident_types),
    )
