"""PagerDuty's schedules: read from what its REST API answers, written as what it takes.

Shapes: PagerDuty REST API v2, ``Schedule``, ``ScheduleLayer``, ``Restriction``, ``Override`` in the OpenAPI
description that PagerDuty publishes (reference/REST/openapiv3.json of its api-schema repository). A schedule there
has one person at a time, so every role of a rota is a schedule of its own. Answers list the topmost layer first,
requests list it last.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ktlo.errors import UserError
from ktlo.planning.rota.duties import Duty
from ktlo.planning.rota.external import (
    Account,
    External,
    Layer,
    Restriction,
    Stretch,
    number_at,
    restrictions_of,
    turn_of,
)
from ktlo.planning.rota.rules import Role, Rota
from ktlo.planning.rota.shifts import Span, handovers_from

VENDOR = "pagerduty"
_RAILS_ZONES = {
    "Eastern Time (US & Canada)": "America/New_York",
    "Pacific Time (US & Canada)": "America/Los_Angeles",
}


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _User(_Part):
    id: str
    summary: str | None = ""
    name: str | None = ""
    email: str | None = ""

    def account(self) -> Account:
        return Account(self.id, self.name or self.summary or "", self.email or "")


class _Entry(_Part):
    start: dt.datetime
    end: dt.datetime
    user: _User


class _Restriction(_Part):
    type: Literal["daily_restriction", "weekly_restriction"]
    start_time_of_day: dt.time
    duration_seconds: int = Field(gt=0)
    start_day_of_week: int | None = Field(None, ge=1, le=7)


class _LayerUser(_Part):
    user: _User


class _Layer(_Part):
    id: str | None = None
    name: str | None = ""
    start: dt.datetime
    end: dt.datetime | None = None
    rotation_virtual_start: dt.datetime
    rotation_turn_length_seconds: int = Field(gt=0)
    users: list[_LayerUser]
    restrictions: list[_Restriction] | None = None


class _SubSchedule(_Part):
    rendered_schedule_entries: list[_Entry] = Field(default_factory=list)


class _Schedule(_Part):
    id: str | None = None
    name: str = ""
    description: str | None = ""
    time_zone: str
    schedule_layers: list[_Layer] = Field(default_factory=list)
    final_schedule: _SubSchedule | None = None
    overrides_subschedule: _SubSchedule | None = None


class _Override(_Part):
    start: dt.datetime
    end: dt.datetime
    user: _User


def is_pagerduty(document: Any) -> bool:
    """True for what PagerDuty answers or takes about schedules."""
    return isinstance(document, dict) and (
        (isinstance(document.get("schedule"), dict) and "time_zone" in document["schedule"])
        or isinstance(document.get("schedules"), list)
    )


def read(document: Mapping[str, Any]) -> tuple[External, ...]:
    """Schedules from ``GET /schedules/{id}``, ``GET /schedules`` or a file that :func:`write` made.

    Raises:
        UserError: something is not of the published shape; names the place.
    """
    listed: Sequence[Any] = document.get("schedules") or [document]
    return tuple(_read(one if "schedule" in one else {"schedule": one}) for one in listed)


def _read(document: Mapping[str, Any]) -> External:
    try:
        schedule = _Schedule.model_validate(document["schedule"])
        overrides = [_Override.model_validate(one) for one in document.get("overrides") or ()]
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UserError(f"not a schedule of PagerDuty: {first['msg']}", where=place) from error
    layers = tuple(_layer(layer) for layer in schedule.schedule_layers)
    is_answer = schedule.id is not None
    if schedule.overrides_subschedule and not overrides:
        overrides = [
            _Override(start=one.start, end=one.end, user=one.user)
            for one in schedule.overrides_subschedule.rendered_schedule_entries
        ]
    final = schedule.final_schedule.rendered_schedule_entries if schedule.final_schedule else []
    return External(
        VENDOR,
        schedule.name,
        schedule.description or "",
        _zone(schedule.time_zone),
        tuple(reversed(layers)) if is_answer else layers,
        tuple(Stretch(one.user.account(), _utc(one.start), _utc(one.end)) for one in final),
        tuple(Stretch(one.user.account(), _utc(one.start), _utc(one.end)) for one in overrides),
    )


def _layer(said: _Layer) -> Layer:
    return Layer(
        said.name or "",
        _utc(said.start),
        _utc(said.end) if said.end else None,
        _utc(said.rotation_virtual_start),
        dt.timedelta(seconds=said.rotation_turn_length_seconds),
        tuple(one.user.account() for one in said.users),
        tuple(
            Restriction(
                one.start_time_of_day.replace(tzinfo=None),
                dt.timedelta(seconds=one.duration_seconds),
                one.start_day_of_week - 1 if one.start_day_of_week else None,
            )
            for one in said.restrictions or ()
        ),
    )


def _utc(moment: dt.datetime) -> dt.datetime:
    if moment.tzinfo is None:
        raise UserError(f"{moment.isoformat()} has no offset", fix="PagerDuty writes 2026-01-05T09:00:00Z")
    return moment.astimezone(dt.UTC)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(_RAILS_ZONES.get(name, name))
    except (KeyError, ValueError, OSError) as error:
        raise UserError(f"there is no time zone {name[:60]!r}", where="time_zone") from error


def write(external: External) -> dict[str, Any]:
    """The bodies of ``POST /schedules`` and ``POST /schedules/{id}/overrides`` for one schedule."""
    zone = external.zone
    schedule: dict[str, Any] = {
        "name": external.name,
        "type": "schedule",
        "time_zone": str(zone),
        "description": external.description,
        "schedule_layers": [_layer_out(layer, zone) for layer in external.layers],
    }
    overrides = [
        {
            "start": _moment(one.start, zone),
            "end": _moment(one.end, zone),
            "user": {"id": one.account.number, "type": "user_reference"},
        }
        for one in external.overrides
    ]
    return {"schedule": schedule, **({"overrides": overrides} if overrides else {})}


def _layer_out(layer: Layer, zone: ZoneInfo) -> dict[str, Any]:
    said: dict[str, Any] = {
        "name": layer.name,
        "start": _moment(layer.start, zone),
        "rotation_virtual_start": _moment(layer.origin, zone),
        "rotation_turn_length_seconds": int(layer.turn.total_seconds()),
        "users": [{"user": {"id": one.number, "type": "user_reference"}} for one in layer.accounts],
    }
    if layer.end:
        said["end"] = _moment(layer.end, zone)
    if layer.restrictions:
        said["restrictions"] = [
            {
                "type": "daily_restriction" if one.weekday is None else "weekly_restriction",
                "start_time_of_day": f"{one.start:%H:%M:%S}",
                "duration_seconds": int(one.length.total_seconds()),
                **({} if one.weekday is None else {"start_day_of_week": one.weekday + 1}),
            }
            for one in layer.restrictions
        ]
    return said


def _moment(moment: dt.datetime, zone: ZoneInfo) -> str:
    return moment.astimezone(zone).isoformat()


def of_rota(rota: Rota, duties: Sequence[Duty], span: Span) -> tuple[External, ...]:
    """A schedule for each role: members in turn as the layer, and who really has each duty as overrides.

    Raises:
        UserError: somebody has no identifier at PagerDuty; names the alias to add.
    """
    return tuple(_of_role(rota, role, duties, span) for role in rota.roles)


def _of_role(rota: Rota, role: Role, duties: Sequence[Duty], span: Span) -> External:
    able = [person for person in rota.members if role.skills <= person.skills]
    accounts = {}
    for person in rota.members:
        number = number_at(person, VENDOR)
        if not number:
            raise UserError(
                f"{person.name} has no identifier at PagerDuty",
                where=f"ktlo.yaml, rota.people.{person.key}.aliases",
                fix="Add the alias `pagerduty:ID`, with the ID from the address of their PagerDuty page",
            )
        accounts[person.key] = Account(number, person.name)
    start = next(handovers_from(rota, span[0] - dt.timedelta(days=8)))
    layer = Layer(
        role.name,
        start,
        None,
        start,
        turn_of(rota),
        tuple(accounts[p.key] for p in able),
        restrictions_of(rota),
    )
    overrides = tuple(
        Stretch(accounts[duty.person], duty.start, duty.end)
        for duty in duties
        if duty.role == role.name and duty.person in accounts
    )
    description = f"{rota.name}, {role.name}: planned by ktlo; the overrides are the plan"
    return External(VENDOR, f"{rota.name} {role.name}", description, rota.zone, (layer,), (), overrides)
