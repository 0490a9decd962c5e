"""The part of Jira's answers and webhooks that ktlo reads; unknown fields are ignored.

Formats: Jira Cloud REST API v3 (``IssueBean``, ``Changelog``, ``FieldDetails``, ``StatusDetails``) and Data Center v2,
whose objects have the same shapes. Times are ISO 8601 with an offset without colon (``+0000``).
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec

_BEGINNING = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def instant(text: str) -> dt.datetime:
    """A time as Jira writes it: ``2026-09-01T12:00:00.000+0000``; webhooks also give milliseconds since 1970.

    Raises:
        ValueError: it is none.
    """
    if text.isdecimal():
        return of_milliseconds(int(text))
    found = dt.datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=dt.UTC)


def of_milliseconds(since_1970: int) -> dt.datetime:
    """A time as milliseconds since 1970.

    Raises:
        ValueError: no calendar reaches so far.
    """
    try:
        return _BEGINNING + dt.timedelta(milliseconds=since_1970)
    except OverflowError as error:
        raise ValueError(f"{since_1970} milliseconds since 1970 are no date") from error


class Person(msgspec.Struct, rename="camel"):
    """A person; Cloud hides mails that their owners hide."""

    account_id: str | None = None
    name: str | None = None
    display_name: str | None = None
    email_address: str | None = None
    account_type: str | None = None

    @property
    def who(self) -> str:
        """Mail, else login (Data Center), else the name shown."""
        return self.email_address or self.name or self.display_name or self.account_id or ""


class Named(msgspec.Struct):
    """Anything that has a name."""

    id: str = ""
    name: str = ""
    value: str | None = None


class Category(msgspec.Struct):
    """``new``, ``indeterminate`` or ``done``."""

    key: str = ""


class Status(msgspec.Struct, rename="camel"):
    """A status with its category."""

    id: str = ""
    name: str = ""
    status_category: Category | None = None


class Project(msgspec.Struct):
    """A project."""

    key: str = ""
    name: str = ""


class Comment(msgspec.Struct):
    """A comment; its text is not read."""

    id: str
    created: str
    author: Person | None = None


class Comments(msgspec.Struct):
    """Comments that come with an issue; may be fewer than there are."""

    comments: list[Comment] = []
    total: int = 0


class Worklog(msgspec.Struct, rename="camel"):
    """Time that a person says was worked."""

    id: str
    started: str
    time_spent_seconds: int = 0
    author: Person | None = None


class Worklogs(msgspec.Struct):
    """Worklogs that come with an issue; may be fewer than there are."""

    worklogs: list[Worklog] = []
    total: int = 0


class Change(
    msgspec.Struct, rename={"before": "fromString", "after": "toString", "from_id": "from", "to_id": "to"}
):
    """One field that changed."""

    field: str = ""
    before: str | None = None
    after: str | None = None
    from_id: str | None = None
    to_id: str | None = None


class History(msgspec.Struct):
    """What one person changed at once; a webhook's has no time of its own."""

    id: str
    created: str = ""
    author: Person | None = None
    items: list[Change] = []


class Changelog(msgspec.Struct):
    """Histories that come with an issue; Cloud's search may give fewer than there are."""

    histories: list[History] = []
    total: int = 0


class HistoryPage(msgspec.Struct, rename="camel"):
    """One page of an issue's changelog."""

    values: list[History] = []
    is_last: bool = True
    total: int = 0


class CommentPage(msgspec.Struct):
    """One page of an issue's comments."""

    comments: list[Comment] = []
    total: int = 0


class WorklogPage(msgspec.Struct):
    """An issue's worklogs."""

    worklogs: list[Worklog] = []
    total: int = 0


class IssueItem(msgspec.Struct):
    """An issue; its fields stay a map, because most of them are the installation's own."""

    id: str
    key: str
    fields: dict[str, Any]
    changelog: Changelog | None = None


class SearchPage(msgspec.Struct, rename="camel"):
    """One page of a search: Cloud pages by token, Data Center by offset."""

    issues: list[msgspec.Raw] = []
    next_page_token: str | None = None
    is_last: bool | None = None
    start_at: int = 0
    total: int | None = None


class FieldType(msgspec.Struct):
    """What kind of field it is; ``custom`` is the same in every installation and language."""

    custom: str = ""


class FieldItem(msgspec.Struct):
    """A field of the installation."""

    id: str
    name: str = ""
    schema: FieldType | None = None


class ProjectItem(msgspec.Struct):
    """A project, under the key that it has now."""

    key: str


class Myself(msgspec.Struct, rename="camel"):
    """Who the token belongs to; searches are understood in this time zone."""

    time_zone: str = "UTC"
    display_name: str = ""


class ServerInfo(msgspec.Struct, rename="camel"):
    """Which Jira it is."""

    deployment_type: str = "Server"
    version: str = ""


class Webhook(msgspec.Struct, rename={"event": "webhookEvent"}):
    """A webhook: the issue as it is, without its changelog, and what changed."""

    event: str = ""
    timestamp: int = 0
    issue: IssueItem | None = None
    user: Person | None = None
    changelog: History | None = None
    comment: Comment | None = None
