"""The part of Opsgenie's own incidents, their timelines and what they name that ktlo reads; unknown fields are ignored.

Format: ``incident.Incident``, ``GetResponderAlertsResult`` and ``service.Service`` of Opsgenie's SDK for Go
(``opsgenie/opsgenie-go-sdk-v2``); ``Team`` and ``User`` of ``opsgenie/opsgenie-oas``; ``impactedServices``,
``impactStartDate``, ``impactEndDate``, ``links`` and the entries of a timeline as answers of accounts have them that
were published with Airbyte's connector by Faros, with DevLake and with kobs. Where all of this was found stands in
``docs/sources/opsgenie.md``.
"""

from __future__ import annotations

import datetime as dt
from typing import Literal

import msgspec

from ktlo.sources.opsgenie.payloads import Paging

_YEARS = range(1970, 2300)


def _check(*moments: dt.datetime | None) -> None:
    """Demand times that a store can hold and that can be told apart from others."""
    for moment in moments:
        if moment is not None and (moment.tzinfo is None or moment.year not in _YEARS):
            raise ValueError(f"{moment.isoformat()} is no time between 1970 and 2299 with its offset")


class Named(msgspec.Struct):
    """A responder of an incident: a team or a user."""

    type: str = ""
    id: str = ""


class Links(msgspec.Struct):
    """Addresses of something."""

    web: str | None = None


class IncidentItem(msgspec.Struct, rename="camel"):
    """An incident, in the list and by itself."""

    id: str
    created_at: dt.datetime
    updated_at: dt.datetime
    status: Literal["open", "resolved", "closed"]
    message: str = ""
    priority: str | None = None
    owner_team: str | None = None
    responders: list[Named] = []
    impacted_services: list[str] = []
    service_id: str | None = None
    impact_start_date: dt.datetime | None = None
    impact_end_date: dt.datetime | None = None
    links: Links | None = None

    def __post_init__(self) -> None:
        """Turn away times that are none."""
        _check(self.created_at, self.updated_at, self.impact_start_date, self.impact_end_date)


class OneIncident(msgspec.Struct):
    """An incident asked for by itself."""

    data: IncidentItem


class RawPage(msgspec.Struct):
    """One page of a list, each entry still raw."""

    data: list[msgspec.Raw] = []
    paging: Paging | None = None


class Actor(msgspec.Struct):
    """Who did something: a ``user``, or the ``api`` or ``system``; of a user the name as people read it."""

    name: str | None = None
    type: str = ""


class Text(msgspec.Struct):
    """A title or description."""

    content: str | None = None


class TimelineEntry(msgspec.Struct, rename="camel"):
    """One entry of an incident's timeline."""

    id: str
    type: str
    event_time: dt.datetime
    actor: Actor | None = None
    title: Text | None = None
    description: Text | None = None

    def __post_init__(self) -> None:
        """Turn away a time that is none."""
        _check(self.event_time)


class TimelinePage(msgspec.Struct, rename="camel"):
    """Entries, each still raw, and where the next ones are."""

    entries: list[msgspec.Raw] = []
    next_offset: str | None = None


class OneTimelinePage(msgspec.Struct):
    """One page of an incident's timeline."""

    data: TimelinePage


class AlertIds(msgspec.Struct):
    """The alerts by which an incident called its responders."""

    data: list[str] = []
    paging: Paging | None = None


class ServiceItem(msgspec.Struct, rename="camel"):
    """A service."""

    id: str
    name: str
    team_id: str | None = None


class TeamItem(msgspec.Struct):
    """A team."""

    id: str
    name: str


class UserItem(msgspec.Struct, rename="camel"):
    """A user; the username is the mail."""

    id: str
    username: str
    full_name: str | None = None
