"""The part of Sentry's answers and webhooks that ktlo reads; unknown fields are ignored.

Format: Sentry API "List an Organization's Issues", "Retrieve an Issue" (with its activity), and the webhook of the
resource ``issue``.
"""

from __future__ import annotations

import datetime as dt

import msgspec


class Person(msgspec.Struct):
    """A user or team."""

    type: str | None = None
    name: str | None = None
    email: str | None = None
    username: str | None = None

    @property
    def who(self) -> str:
        """Mail, else name."""
        return self.email or self.username or self.name or ""


class Project(msgspec.Struct):
    """The project an issue belongs to."""

    slug: str = ""


class Activity(msgspec.Struct, rename="camel"):
    """Something that happened to an issue."""

    id: str
    type: str
    date_created: dt.datetime
    user: Person | None = None


class IssueItem(msgspec.Struct, rename="camel"):
    """An issue; its activity comes only when it is asked for by itself."""

    id: str
    title: str
    status: str
    first_seen: dt.datetime
    last_seen: dt.datetime
    short_id: str = ""
    culprit: str | None = None
    level: str | None = None
    priority: str | None = None
    permalink: str | None = None
    project: Project | None = None
    assigned_to: Person | None = None
    issue_category: str | None = None
    activity: list[Activity] = []


class Resolved(msgspec.Struct):
    """A short identifier resolved ("Resolve a Short ID" of Sentry's API)."""

    group: IssueItem


class HookData(msgspec.Struct):
    """What a webhook is about."""

    issue: IssueItem | None = None


class Hook(msgspec.Struct):
    """A webhook."""

    action: str
    data: HookData
    actor: Person | None = None
