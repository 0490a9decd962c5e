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
    """An issue; its activity comes only when it is asked for by itself, priority and category only in a list."""

    id: str
    title: str
    status: str
    first_seen: dt.datetime
    newest_seen: dt.datetime | None = msgspec.field(name="lastSeen")
    short_id: str = ""
    culprit: str | None = None
    level: str | None = None
    priority: str | None = None
    permalink: str | None = None
    project: Project | None = None
    assigned_to: Person | None = None
    issue_category: str | None = None
    activity: list[Activity] = []

    @property
    def last_seen(self) -> dt.datetime:
        """When it was last seen; Sentry tells none where it keeps no event any more."""
        return self.newest_seen or self.first_seen

    def with_list(self, listed: IssueItem) -> IssueItem:
        """The issue as it was retrieved by itself, with what only the list tells."""
        return msgspec.structs.replace(
            self,
            priority=self.priority or listed.priority,
            issue_category=self.issue_category or listed.issue_category,
        )


class Group(msgspec.Struct, rename="camel"):
    """The issue that a short identifier resolves to."""

    id: str
    short_id: str = ""


class Resolved(msgspec.Struct):
    """A short identifier resolved ("Resolve a Short ID" of Sentry's API)."""

    group: Group


class HookData(msgspec.Struct):
    """What a webhook is about."""

    issue: IssueItem | None = None


class Hook(msgspec.Struct):
    """A webhook."""

    action: str
    data: HookData
    actor: Person | None = None
