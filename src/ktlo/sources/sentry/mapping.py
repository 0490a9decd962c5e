"""One issue of Sentry is one bug: opened when first seen, closed when resolved, reopened when it came back. Pure.

Versions are the newest time that the issue itself tells, so that readings and webhooks end in the same row.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ktlo.records.work import Issue
from ktlo.sources.lengths import TITLE
from ktlo.sources.rest.rows import Row, microseconds
from ktlo.sources.rest.steps import issue_step, second
from ktlo.sources.sentry.payloads import Activity, IssueItem

ENDED: Mapping[str, str] = {"resolved": "completed", "ignored": "not_planned", "muted": "not_planned"}
"""How statuses end an issue; archived ones are ``ignored`` in the API."""

KINDS: Mapping[str, str] = {
    "set_resolved": "closed",
    "set_resolved_by_age": "closed",
    "set_resolved_in_release": "closed",
    "set_resolved_in_commit": "closed",
    "set_resolved_in_pull_request": "closed",
    "set_ignored": "closed",
    "set_regression": "reopened",
    "set_unresolved": "reopened",
    "assigned": "assigned",
    "unassigned": "unassigned",
    "note": "commented",
}
"""Kinds of events by type of activity; others are left out."""


@dataclass(frozen=True, slots=True)
class Of:
    """Whose rows they are, and which service a project is, where a person said so."""

    source: str
    services: Mapping[str, str]


def issue(item: IssueItem, of: Of, *, at: dt.datetime | None = None) -> Iterator[tuple[str, Row]]:
    """The issue and its history.

    Args:
        item: as told; its activity may be empty.
        of: whose it is.
        at: when a webhook told it, which has no activity.
    """
    steps = sorted(item.activity, key=lambda one: one.date_created)
    newest = max([item.last_seen, *(one.date_created for one in steps), *([at] if at else [])])
    ended_as = ENDED.get(item.status, "")
    ends = [one.date_created for one in steps if KINDS.get(one.type) == "closed"]
    closed = (ends[-1] if ends else at or item.last_seen) if ended_as else None
    slug = item.project.slug if item.project else ""
    key = item.short_id or item.id
    record = Issue(
        source=of.source,
        external_id=key,
        repository="",
        service=of.services.get(slug, slug),
        title=item.title[:TITLE],
        body=(item.culprit or "")[:TITLE],
        issue_type="bug" if (item.issue_category or "error") == "error" else str(item.issue_category),
        severity=item.priority or item.level or "",
        labels=(item.level,) if item.level else (),
        state="closed" if ended_as else "open",
        closed_as=ended_as,
        author="",
        assignee=item.assigned_to.who if item.assigned_to else "",
        created_at=item.first_seen,
        closed_at=closed,
        updated_at=newest,
        url=item.permalink or "",
    )
    yield "issues", Row(record, microseconds(newest))
    opened = issue_step(of.source, key, "opened", "opened", item.first_seen)
    yield "issue_events", Row(opened, microseconds(item.first_seen))
    for step in steps:
        if (kind := KINDS.get(step.type)) is not None:
            yield "issue_events", activity(key, step, kind, of)


def activity(key: str, step: Activity, kind: str, of: Of) -> Row:
    """One step of an issue's history; the same second and kind told twice are one."""
    who = step.user.who if step.user else ""
    mark = second(kind, step.date_created)
    return Row(
        issue_step(of.source, key, mark, kind, step.date_created, who), microseconds(step.date_created)
    )
