"""The part of PagerDuty's answers and webhooks that ktlo reads; unknown fields are ignored.

Format: PagerDuty's published REST description, ``Incident``, ``LogEntry``, ``User``, ``Schedule`` and, of shift-based
schedules, ``ScheduleResponse``; "Webhooks V3 Payload".
"""

from __future__ import annotations

import datetime as dt

import msgspec


class Reference(msgspec.Struct):
    """A user, service, team, policy or priority by name."""

    id: str = ""
    type: str = ""
    summary: str | None = None
    html_url: str | None = None

    @property
    def name(self) -> str:
        """As people read it."""
        return self.summary or self.id


class Assignment(msgspec.Struct):
    """Who an incident is assigned to."""

    assignee: Reference = msgspec.field(default_factory=Reference)


class IncidentItem(msgspec.Struct):
    """An incident, from the API or in a webhook."""

    id: str
    status: str
    created_at: dt.datetime
    title: str = ""
    html_url: str | None = None
    updated_at: dt.datetime | None = None
    last_status_change_at: dt.datetime | None = None
    resolved_at: dt.datetime | None = None
    service: Reference | None = None
    teams: list[Reference] = []
    priority: Reference | None = None
    urgency: str | None = None
    assignments: list[Assignment] = []
    assignees: list[Reference] = []


class Note(msgspec.Struct):
    """Content of an annotation."""

    summary: str | None = None


class LogEntry(msgspec.Struct):
    """One step of an incident."""

    id: str
    type: str
    created_at: dt.datetime
    incident: Reference | None = None
    agent: Reference | None = None
    user: Reference | None = None
    assignees: list[Reference] = []


class UserItem(msgspec.Struct):
    """A user, for the mail that tells the same person in other tools."""

    id: str
    email: str = ""
    name: str = ""


class IncidentsPage(msgspec.Struct):
    """One page of incidents, each still raw."""

    incidents: list[msgspec.Raw]
    more: bool = False


class OneIncident(msgspec.Struct):
    """A single incident."""

    incident: IncidentItem


class EntriesPage(msgspec.Struct):
    """One page of log entries, each still raw."""

    log_entries: list[msgspec.Raw]
    more: bool = False


class UsersPage(msgspec.Struct):
    """One page of users."""

    users: list[UserItem]
    more: bool = False


class AbilitiesPage(msgspec.Struct):
    """What the account may do; asked to see that the token is accepted."""

    abilities: list[str] = []


class Event(msgspec.Struct):
    """One webhook's event."""

    id: str
    event_type: str
    occurred_at: dt.datetime
    data: msgspec.Raw
    resource_type: str = "incident"
    agent: Reference | None = None


class Webhook(msgspec.Struct):
    """A webhook v3."""

    event: Event


class Related(msgspec.Struct):
    """What an event about something within an incident (a note, a responder) says of the incident."""

    incident: Reference | None = None


class ScheduleItem(msgspec.Struct):
    """A schedule as either list of schedules has it; of shift-based ones it tells no more than a summary."""

    id: str
    name: str = ""
    summary: str | None = None
    teams: list[Reference] = []


class SchedulesPage(msgspec.Struct):
    """One page of schedules."""

    schedules: list[ScheduleItem]
    more: bool = False


class RenderedEntry(msgspec.Struct):
    """Somebody on call; an entry without an end does not end."""

    start: dt.datetime
    end: dt.datetime | None
    user: Reference | None = None


class RenderedLayer(msgspec.Struct):
    """A layer, the overrides, or all of them together."""

    name: str = ""
    rendered_schedule_entries: list[RenderedEntry] = []


class RenderedSchedule(msgspec.Struct):
    """A schedule with who is on call within the time that was asked for; layers with the topmost first."""

    teams: list[Reference] = []
    schedule_layers: list[RenderedLayer] = []
    overrides_subschedule: RenderedLayer = msgspec.field(default_factory=RenderedLayer)
    final_schedule: RenderedLayer = msgspec.field(default_factory=RenderedLayer)


class OneSchedule(msgspec.Struct):
    """A single schedule."""

    schedule: RenderedSchedule


class ShiftMember(msgspec.Struct):
    """Who has a shift; nobody where there is no user."""

    user_id: str | None = None


class ShiftSource(msgspec.Struct):
    """What put somebody there: ``schedule_rotation``, ``custom_shift``, or an override of either."""

    type: str = ""
    rotation_id: str | None = None


class Assigned(msgspec.Struct):
    """Somebody on call by a shift-based schedule."""

    start_time: dt.datetime
    end_time: dt.datetime
    member: ShiftMember
    source: ShiftSource


class AssignedShifts(msgspec.Struct):
    """All of them."""

    computed_shift_assignments: list[Assigned] = []


class ShiftBasedSchedule(msgspec.Struct):
    """A shift-based schedule with who is on call within the time that was asked for; its list tells no teams."""

    teams: list[Reference] = []
    final_schedule: AssignedShifts | None = None


class OneShiftBased(msgspec.Struct):
    """A single shift-based schedule."""

    schedule: ShiftBasedSchedule
