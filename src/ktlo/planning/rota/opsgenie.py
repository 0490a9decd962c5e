"""Opsgenie's schedules: read from what its REST API answers, written as what it takes.

Shapes: Opsgenie REST API v2, ``Schedule``, ``ScheduleRotation``, ``TimeRestrictionInterval``, ``ScheduleOverride``
and ``ScheduleTimeline`` in the OpenAPI description that Opsgenie publishes (opsgenie-oas). Rotations of a schedule
hold at the same time, so a rota is one schedule with a rotation for each role.
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
    DAY,
    WEEK,
    Account,
    External,
    Layer,
    Restriction,
    Stretch,
    mail_of,
    number_at,
    restrictions_of,
    turn_of,
)
from ktlo.planning.rota.rules import WEEKDAYS, Person, Rota
from ktlo.planning.rota.shifts import Span, handovers_from
from ktlo.wording import counted

VENDOR = "opsgenie"
_UNITS = {"weekly": WEEK, "daily": DAY, "hourly": dt.timedelta(hours=1)}


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Recipient(_Part):
    type: str = "user"
    id: str | None = None
    username: str | None = None
    name: str | None = None

    def account(self) -> Account:
        mail = self.username or (self.name if self.name and "@" in self.name else "") or ""
        return Account(self.id or "", self.name or "", mail)


class _Times(_Part):
    startDay: str | None = None  # noqa: N815 - Opsgenie's names
    startHour: int = 0  # noqa: N815
    startMin: int = 0  # noqa: N815
    endDay: str | None = None  # noqa: N815
    endHour: int = 0  # noqa: N815
    endMin: int = 0  # noqa: N815


class _TimeRestriction(_Part):
    type: Literal["weekday-and-time-of-day", "time-of-day"]
    restriction: _Times | None = None
    restrictions: list[_Times] | None = None


class _Rotation(_Part):
    id: str | None = None
    name: str | None = ""
    startDate: dt.datetime  # noqa: N815
    endDate: dt.datetime | None = None  # noqa: N815
    type: Literal["weekly", "daily", "hourly"]
    length: int = Field(1, ge=1)
    participants: list[_Recipient]
    timeRestriction: _TimeRestriction | None = None  # noqa: N815


class _Period(_Part):
    startDate: dt.datetime  # noqa: N815
    endDate: dt.datetime  # noqa: N815
    recipient: _Recipient | None = None


class _TimelineRotation(_Part):
    name: str | None = ""
    periods: list[_Period] = Field(default_factory=list)


class _Timeline(_Part):
    rotations: list[_TimelineRotation] = Field(default_factory=list)


class _Schedule(_Part):
    name: str = ""
    description: str | None = ""
    timezone: str = "UTC"
    rotations: list[_Rotation] = Field(default_factory=list)


class _RotationName(_Part):
    id: str | None = None
    name: str | None = None


class _Override(_Part):
    alias: str | None = None
    user: _Recipient
    startDate: dt.datetime  # noqa: N815
    endDate: dt.datetime  # noqa: N815
    rotations: list[_RotationName] | None = None


def is_opsgenie(document: Any) -> bool:
    """True for what Opsgenie answers or takes about schedules."""
    if not isinstance(document, dict):
        return False
    data = document.get("data", document.get("schedule"))
    one = data[0] if isinstance(data, list) and data else data
    return isinstance(one, dict) and bool({"timezone", "rotations", "finalTimeline"} & one.keys())


def read(document: Mapping[str, Any]) -> tuple[External, ...]:
    """Schedules from ``GET /v2/schedules/{id}``, ``GET /v2/schedules?expand=rotation``, a timeline, or our file.

    Raises:
        UserError: something is not of the published shape; names the place.
    """
    data = document.get("data", document.get("schedule"))
    overrides = document.get("overrides") or ()
    listed = data if isinstance(data, list) else [data]
    try:
        return tuple(_read(one, overrides) for one in listed)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UserError(f"not a schedule of Opsgenie: {first['msg']}", where=place) from error


def _read(said: Mapping[str, Any], overrides: Sequence[Any]) -> External:
    parent = said.get("_parent") or {}
    schedule = _Schedule.model_validate({"name": parent.get("name", ""), **said})
    notes = []
    layers = []
    for rotation in schedule.rotations:
        people = [one for one in rotation.participants if one.type == "user"]
        if len(people) < len(rotation.participants):
            left = len(rotation.participants) - len(people)
            what = (
                "is a team, an escalation or nobody; its turns"
                if left == 1
                else "are teams, escalations or nobody; their turns"
            )
            notes.append(
                f"{rotation.name or 'A rotation'} has {counted(left, 'participants')} that {what} are left out."
            )
        layers.append(_layer(rotation))
    timeline = _Timeline.model_validate(said.get("finalTimeline") or {})
    rendered = [
        Stretch(period.recipient.account(), _utc(period.startDate), _utc(period.endDate), one.name or "")
        for one in timeline.rotations
        for period in one.periods
        if period.recipient and period.recipient.type == "user"
    ]
    read_overrides = [_Override.model_validate(one) for one in overrides]
    return External(
        VENDOR,
        schedule.name,
        schedule.description or "",
        _zone(schedule.timezone),
        tuple(layers),
        tuple(rendered),
        tuple(
            Stretch(one.user.account(), _utc(one.startDate), _utc(one.endDate), rotation)
            for one in read_overrides
            for rotation in ([r.name or r.id or "" for r in one.rotations] if one.rotations else [""])
        ),
        tuple(notes),
    )


def _layer(said: _Rotation) -> Layer:
    restrictions: list[Restriction] = []
    limited = said.timeRestriction
    if limited:
        listed = limited.restrictions or ([limited.restriction] if limited.restriction else [])
        restrictions = [_restriction(one) for one in listed]
    start = _utc(said.startDate)
    return Layer(
        said.name or "",
        start,
        _utc(said.endDate) if said.endDate else None,
        start,
        said.length * _UNITS[said.type],
        tuple(one.account() if one.type == "user" else Account("") for one in said.participants),
        tuple(restrictions),
    )


def _restriction(said: _Times) -> Restriction:
    days = 0
    if said.startDay and said.endDay:
        days = (WEEKDAYS.index(said.endDay.lower()) - WEEKDAYS.index(said.startDay.lower())) % 7
    length = dt.timedelta(
        days=days, minutes=60 * (said.endHour - said.startHour) + said.endMin - said.startMin
    )
    if length <= dt.timedelta():
        length += WEEK if said.startDay else DAY
    weekday = WEEKDAYS.index(said.startDay.lower()) if said.startDay else None
    return Restriction(dt.time(said.startHour, said.startMin), length, weekday)


def _utc(moment: dt.datetime) -> dt.datetime:
    if moment.tzinfo is None:
        raise UserError(f"{moment.isoformat()} has no offset", fix="Opsgenie writes 2026-01-05T09:00:00Z")
    return moment.astimezone(dt.UTC)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise UserError(f"there is no time zone {name[:60]!r}", where="timezone") from error


def write(external: External) -> dict[str, Any]:
    """The body of ``POST /v2/schedules``, and those of ``POST /v2/schedules/{id}/overrides``, one an override."""
    zone = external.zone
    schedule = {
        "name": external.name,
        "description": external.description,
        "timezone": str(zone),
        "enabled": True,
        "rotations": [_rotation_out(layer, zone) for layer in external.layers],
    }
    overrides = [
        {
            "user": _recipient(one.account),
            "startDate": _moment(one.start, zone),
            "endDate": _moment(one.end, zone),
            **({"rotations": [{"name": one.layer}]} if one.layer else {}),
        }
        for one in external.overrides
    ]
    return {"schedule": schedule, **({"overrides": overrides} if overrides else {})}


def _recipient(account: Account) -> dict[str, str]:
    if not account.number and not account.mail:
        return {"type": "none"}
    who = {"id": account.number} if account.number else {"username": account.mail}
    return {"type": "user", **who}


def _rotation_out(layer: Layer, zone: ZoneInfo) -> dict[str, Any]:
    unit = next(name for name, length in _UNITS.items() if layer.turn % length == dt.timedelta())
    said: dict[str, Any] = {
        "name": layer.name,
        "startDate": _moment(layer.start, zone),
        "type": unit,
        "length": layer.turn // _UNITS[unit],
        "participants": [_recipient(one) for one in layer.accounts],
    }
    if layer.end:
        said["endDate"] = _moment(layer.end, zone)
    if layer.restrictions:
        is_daily = all(one.weekday is None for one in layer.restrictions)
        times = [_times(one) for one in layer.restrictions]
        said["timeRestriction"] = (
            {"type": "time-of-day", "restriction": times[0]}
            if is_daily
            else {"type": "weekday-and-time-of-day", "restrictions": times}
        )
    return said


def _times(restriction: Restriction) -> dict[str, Any]:
    start = dt.datetime.combine(dt.date(2000, 1, 3), restriction.start)
    if restriction.weekday is not None:
        start += restriction.weekday * DAY
    end = start + restriction.length
    said: dict[str, Any] = {
        "startHour": start.hour,
        "startMin": start.minute,
        "endHour": end.hour,
        "endMin": end.minute,
    }
    if restriction.weekday is not None:
        said |= {"startDay": WEEKDAYS[start.weekday()], "endDay": WEEKDAYS[end.weekday()]}
    return said


def _moment(moment: dt.datetime, zone: ZoneInfo) -> str:
    return moment.astimezone(zone).isoformat()


def of_rota(rota: Rota, duties: Sequence[Duty], span: Span) -> External:
    """One schedule: members in turn as a rotation for each role, and who really has each duty as overrides.

    Raises:
        UserError: somebody has neither an identifier at Opsgenie nor a mail address.
    """
    accounts = {person.key: _account(person) for person in rota.members}
    start = next(handovers_from(rota, span[0] - dt.timedelta(days=8)))
    layers = tuple(
        Layer(
            role.name,
            start,
            None,
            start,
            turn_of(rota),
            tuple(accounts[person.key] for person in rota.members if role.skills <= person.skills),
            restrictions_of(rota),
        )
        for role in rota.roles
    )
    roles = {role.name for role in rota.roles}
    overrides = tuple(
        Stretch(accounts[duty.person], duty.start, duty.end, duty.role)
        for duty in duties
        if duty.role in roles and duty.person in accounts
    )
    description = "Planned by ktlo; the overrides are the plan"
    return External(VENDOR, rota.name, description, rota.zone, layers, (), overrides)


def _account(person: Person) -> Account:
    number, mail = number_at(person, VENDOR), mail_of(person)
    if not number and not mail:
        raise UserError(
            f"{person.name} has neither an identifier at Opsgenie nor a mail address",
            where=f"ktlo.yaml, rota.people.{person.key}.aliases",
            fix="Add the mail address that they have at Opsgenie as an alias",
        )
    return Account(number, person.name, mail)
