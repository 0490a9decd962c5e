"""The part of a status page's answers and webhooks that ktlo reads; unknown fields are ignored.

Format: ``/api/v2/incidents.json`` and ``/api/v2/scheduled-maintenances.json`` of Statuspage, ``/v1/pages/ID/incidents``
of its REST API, and "Webhook notifications". Instatus sends webhooks with the same keys and its own words for states
(instatus.com/help/webhooks: ``MAJOROUTAGE``), and lists incidents by keys of its own (instatus.com/help/api/incidents).
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec


def plain_state(said: str) -> str:
    """A state in Statuspage's words: ``MAJOROUTAGE`` of Instatus is ``major_outage``."""
    folded = said.lower()
    return _INSTATUS.get(folded, folded)


_INSTATUS = {
    "degradedperformance": "degraded_performance",
    "majoroutage": "major_outage",
    "minoroutage": "partial_outage",
    "partialoutage": "partial_outage",
    "undermaintenance": "under_maintenance",
}


class Affected(msgspec.Struct):
    """A component whose state an update changed."""

    name: str = ""
    old_status: str = ""
    new_status: str = ""

    def __post_init__(self) -> None:
        self.new_status = plain_state(self.new_status)


class Update(msgspec.Struct):
    """One message about an incident."""

    id: str
    status: str
    created_at: dt.datetime
    display_at: dt.datetime | None = None
    body: str | None = None
    affected_components: list[Affected] | None = None

    def __post_init__(self) -> None:
        self.status = plain_state(self.status)

    @property
    def at(self) -> dt.datetime:
        """When it counts from: the author may have set an earlier time."""
        return self.display_at or self.created_at


class Component(msgspec.Struct):
    """A part of the service."""

    id: str = ""
    name: str = ""
    status: str = ""


class IncidentItem(msgspec.Struct):
    """An incident or a maintenance."""

    id: str
    name: str
    status: str
    created_at: dt.datetime
    updated_at: dt.datetime | None = None
    started_at: dt.datetime | None = None
    resolved_at: dt.datetime | None = None
    monitoring_at: dt.datetime | None = None
    impact: str | None = None
    shortlink: str | None = None
    scheduled_for: dt.datetime | None = None
    scheduled_until: dt.datetime | None = None
    incident_updates: list[Update] = []
    components: list[Component] = []

    def __post_init__(self) -> None:
        self.status = plain_state(self.status)
        self.impact = plain_state(self.impact) if self.impact else self.impact


class InstatusUpdate(msgspec.Struct, rename="camel"):
    """One message about an incident, as Instatus lists it."""

    id: str
    status: str
    started: dt.datetime
    created_at: dt.datetime | None = None


class InstatusIncident(msgspec.Struct):
    """An incident as Instatus lists it: without its impact, which only webhooks tell."""

    id: str
    name: str
    status: str
    started: dt.datetime
    resolved: dt.datetime | None = None
    updates: list[InstatusUpdate] = []
    components: list[Component] = []

    def as_item(self) -> IncidentItem:
        """The same as Statuspage has it."""
        updates = [
            Update(
                id=one.id, status=one.status, created_at=one.created_at or one.started, display_at=one.started
            )
            for one in self.updates
        ]
        return IncidentItem(
            id=self.id,
            name=self.name,
            status=self.status,
            created_at=self.started,
            resolved_at=self.resolved,
            incident_updates=updates,
            components=self.components,
        )


class Incidents(msgspec.Struct):
    """An answer of the public API; one of the two lists is there."""

    incidents: list[msgspec.Raw] = []
    scheduled_maintenances: list[msgspec.Raw] = []


class Summary(msgspec.Struct):
    """The page itself."""

    id: str = ""
    name: str = ""


class PageAnswer(msgspec.Struct):
    """Any answer of the public API names its page."""

    page: Summary


class Hook(msgspec.Struct):
    """A webhook notification: about an incident, about a component alone, or (Instatus) about maintenance."""

    incident: IncidentItem | None = None
    component: Component | None = None
    maintenance: Any = None
