"""The part of a status page's answers and webhooks that ktlo reads; unknown fields are ignored.

Format: ``/api/v2/incidents.json`` and ``/api/v2/scheduled-maintenances.json`` of Statuspage, ``/v1/pages/ID/incidents``
of its REST API, and "Webhook notifications".
"""

from __future__ import annotations

import datetime as dt

import msgspec


class Affected(msgspec.Struct):
    """A component whose state an update changed."""

    name: str = ""
    old_status: str = ""
    new_status: str = ""


class Update(msgspec.Struct):
    """One message about an incident."""

    id: str
    status: str
    created_at: dt.datetime
    display_at: dt.datetime | None = None
    body: str | None = None
    affected_components: list[Affected] | None = None

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
    """A webhook notification: about an incident, or about a component alone."""

    incident: IncidentItem | None = None
    component: Component | None = None
