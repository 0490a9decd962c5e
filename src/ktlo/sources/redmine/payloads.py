"""The part of Redmine's answers that ktlo reads; unknown fields are ignored. Format: Redmine's "REST Issues"."""

from __future__ import annotations

import datetime as dt

import msgspec


class Named(msgspec.Struct):
    """A project, tracker, priority, category or person by name."""

    id: int = 0
    name: str = ""


class StatusItem(msgspec.Struct):
    """A status, and whether issues in it are closed."""

    id: int
    name: str = ""
    is_closed: bool = False


class Detail(msgspec.Struct):
    """One attribute that changed."""

    property: str = ""
    name: str = ""
    old_value: str | None = None
    new_value: str | None = None


class Journal(msgspec.Struct):
    """What one person changed or noted at once."""

    id: int
    created_on: dt.datetime
    user: Named | None = None
    notes: str | None = None
    details: list[Detail] = []


class Relation(msgspec.Struct):
    """That one issue has to do with another: ``duplicates`` is told by either of the two."""

    issue_id: int = 0
    relation_type: str = ""


class IssueItem(msgspec.Struct):
    """An issue; its journals and relations come only when it is asked for by itself."""

    id: int
    subject: str
    status: StatusItem
    created_on: dt.datetime
    updated_on: dt.datetime
    project: Named = msgspec.field(default_factory=Named)
    tracker: Named = msgspec.field(default_factory=Named)
    priority: Named = msgspec.field(default_factory=Named)
    author: Named | None = None
    assigned_to: Named | None = None
    category: Named | None = None
    description: str | None = None
    closed_on: dt.datetime | None = None
    journals: list[Journal] = []
    relations: list[Relation] = []


class IssuesPage(msgspec.Struct):
    """One page of issues, each still raw."""

    issues: list[msgspec.Raw] = []
    total_count: int = 0
    offset: int = 0


class OneIssue(msgspec.Struct):
    """A single issue."""

    issue: IssueItem


class Statuses(msgspec.Struct):
    """All statuses."""

    issue_statuses: list[StatusItem] = []


class Person(msgspec.Struct):
    """An account."""

    id: int
    login: str = ""
    name: str = ""


class Account(msgspec.Struct):
    """Who the key belongs to."""

    user: Person


class Number(msgspec.Struct):
    """An issue of which only the number is wanted."""

    id: int


class Numbers(msgspec.Struct):
    """Numbers of a page of issues."""

    issues: list[Number] = []
