"""The part of Opsgenie's answers and webhooks that ktlo reads; unknown fields are ignored.

Format: ``BaseAlert``, ``AlertReport``, ``AlertLog``, ``Schedule`` and ``ScheduleTimeline`` of Opsgenie's published
description; the payload of its webhook integration, where ``createdAt`` is milliseconds since 1970 and ``updatedAt``
nanoseconds.
"""

from __future__ import annotations

import datetime as dt

import msgspec


class Responder(msgspec.Struct):
    """A team, user, schedule or escalation; of an alert's responders Opsgenie describes only kind and identifier."""

    type: str = ""
    id: str | None = None
    name: str | None = None
    username: str | None = None


class Report(msgspec.Struct, rename="camel"):
    """When and by whom; times in milliseconds after the creation."""

    ack_time: int | None = None
    close_time: int | None = None
    acknowledged_by: str | None = None
    closed_by: str | None = None


class AlertItem(msgspec.Struct, rename="camel"):
    """An alert as the list has it."""

    id: str
    created_at: dt.datetime
    updated_at: dt.datetime
    message: str = ""
    status: str = "open"
    acknowledged: bool = False
    tiny_id: str = ""
    tags: list[str] = []
    source: str | None = None
    owner: str | None = None
    priority: str | None = None
    entity: str | None = None
    responders: list[Responder] = []
    report: Report | None = None


class Paging(msgspec.Struct):
    """Where the next page is."""

    next: str | None = None


class AlertPage(msgspec.Struct):
    """One page of alerts, each still raw."""

    data: list[msgspec.Raw] = []
    paging: Paging | None = None


class OneAlert(msgspec.Struct):
    """An alert asked for by itself."""

    data: AlertItem


class LogEntry(msgspec.Struct, rename="camel"):
    """One entry of an alert's log: a sentence, and who did it or was told."""

    created_at: dt.datetime
    log: str = ""
    type: str = ""
    owner: str | None = None


class LogPage(msgspec.Struct):
    """One page of an alert's log."""

    data: list[LogEntry] = []
    paging: Paging | None = None


class Team(msgspec.Struct):
    """The team that owns something."""

    id: str = ""
    name: str | None = None


class ScheduleItem(msgspec.Struct, rename="camel"):
    """A schedule as the list has it."""

    id: str
    name: str = ""
    enabled: bool = True
    owner_team: Team | None = None


class ScheduleList(msgspec.Struct):
    """All schedules."""

    data: list[ScheduleItem] = []


class Recipient(msgspec.Struct):
    """Whom a turn belongs to; of a user the name is the mail."""

    id: str = ""
    name: str | None = None
    type: str = "user"


class Period(msgspec.Struct, rename="camel"):
    """One turn; of past ones the flattened recipients tell who it was when a team or an escalation had it."""

    start_date: dt.datetime
    end_date: dt.datetime
    type: str = ""
    recipient: Recipient | None = None
    flattened_recipients: list[Recipient] = []


class Rotation(msgspec.Struct):
    """The turns of one rotation."""

    id: str = ""
    name: str | None = None
    periods: list[Period] = []


class Turns(msgspec.Struct):
    """The turns of all rotations."""

    rotations: list[Rotation] = []


class Timeline(msgspec.Struct, rename="camel"):
    """Who is on call, overrides and forwarding included, and between which moments that is told."""

    start_date: dt.datetime | None = None
    end_date: dt.datetime | None = None
    final_timeline: Turns = msgspec.field(default_factory=Turns)


class OneTimeline(msgspec.Struct):
    """The timeline of a schedule."""

    data: Timeline


class HookAlert(msgspec.Struct, rename="camel"):
    """The alert in a webhook; only what the integration is set to send is there."""

    alert_id: str
    message: str = ""
    created_at: int = 0
    updated_at: int = 0
    username: str | None = None
    tags: list[str] = []
    source: str | None = None
    entity: str | None = None
    priority: str | None = None
    teams: list[str] = []
    tiny_id: str = ""


class Hook(msgspec.Struct):
    """A webhook."""

    action: str
    alert: HookAlert
