"""The part of Alertmanager's and Grafana's messages that ktlo reads; unknown fields are ignored.

Formats: Alertmanager "Webhook receiver" (``version: "4"``) and ``openapi.yaml`` of API v2 (``gettableAlert``); Grafana
"Webhook notifier", which carries the former's fields and more.
"""

from __future__ import annotations

import datetime as dt

import msgspec

ZERO = dt.datetime(1, 1, 2, tzinfo=dt.UTC)
"""Times before it are Go's zero time: the alert has not ended."""


class Alert(msgspec.Struct, rename="camel"):
    """One alert of a notification."""

    status: str
    labels: dict[str, str]
    starts_at: dt.datetime
    fingerprint: str = ""
    annotations: dict[str, str] = {}
    ends_at: dt.datetime | None = None
    generator_url: str = msgspec.field(name="generatorURL", default="")
    silence_url: str = msgspec.field(name="silenceURL", default="")
    dashboard_url: str = msgspec.field(name="dashboardURL", default="")

    @property
    def ended_at(self) -> dt.datetime | None:
        """When it ended; ``None`` while it fires."""
        if self.status != "resolved" or self.ends_at is None or self.ends_at < ZERO:
            return None
        return self.ends_at


class Notification(msgspec.Struct, rename="camel"):
    """A notification: alerts that are grouped together."""

    alerts: list[msgspec.Raw]
    status: str = ""
    receiver: str = ""
    group_key: str = ""
    truncated_alerts: int = 0
    external_url: str = msgspec.field(name="externalURL", default="")


class AlertState(msgspec.Struct, rename="camel"):
    """Whether an alert is silenced or inhibited."""

    state: str = "active"


class ActiveAlert(msgspec.Struct, rename="camel"):
    """An alert as the API lists it."""

    labels: dict[str, str]
    starts_at: dt.datetime
    fingerprint: str
    annotations: dict[str, str] = {}
    ends_at: dt.datetime | None = None
    status: AlertState = msgspec.field(default_factory=AlertState)
    generator_url: str = msgspec.field(name="generatorURL", default="")

    def as_alert(self) -> Alert:
        """The same as a notification has it."""
        return Alert(
            status="firing",
            labels=self.labels,
            starts_at=self.starts_at,
            fingerprint=self.fingerprint,
            annotations=self.annotations,
            generator_url=self.generator_url,
        )
