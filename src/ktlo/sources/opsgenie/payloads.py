"""The part of Opsgenie's answers and webhooks that ktlo reads; unknown fields are ignored.

Format: ``BaseAlert``, ``AlertReport`` and ``AlertLog`` of Opsgenie's published description; the payload of its webhook
integration, where ``createdAt`` is milliseconds since 1970 and ``updatedAt`` nanoseconds.
"""

from __future__ import annotations

import datetime as dt

import msgspec


class Responder(msgspec.Struct):
    """A team, user, schedule or escalation."""

    type: str = ""
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
