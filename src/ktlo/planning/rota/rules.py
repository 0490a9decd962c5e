"""The people and rules of each rota, read from ``rota:`` in ktlo.yaml and checked.

Everything downstream takes these nouns; a time zone, country or hour that does not exist is told here.
"""

from __future__ import annotations

import datetime as dt
import difflib
import enum
import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from ktlo.errors import NotFoundError, UserError
from ktlo.settings.rota import OnCallPersonSettings, OneRotaSettings, RotaSettings

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
SHADOW = "shadow"
"""Role of a newcomer who goes along: not paged, not counted as coverage."""

_HOURS = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)")
_TIME = re.compile(r"(\d\d):(\d\d)")


class Length(enum.StrEnum):
    """How long a shift is."""

    WEEKLY = "weekly"
    DAILY = "daily"
    HALF_DAY = "12h"


@dataclass(frozen=True, slots=True)
class Hours:
    """A part of every day in local time; one that ends before it starts goes over midnight."""

    start: dt.time
    end: dt.time

    @property
    def is_overnight(self) -> bool:
        """True when it ends on the next day."""
        return self.end <= self.start


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can be on call; see :class:`~ktlo.settings.rota.OnCallPersonSettings`."""

    key: str
    name: str
    aliases: tuple[str, ...]
    zone: ZoneInfo
    country: str
    subdivision: str
    skills: frozenset[str]
    hours: Hours
    joined: dt.date | None
    shadows: int

    def is_holiday(self, day: dt.date) -> bool:
        """True when the day is a public holiday where the person lives; False where no country is known."""
        return bool(self.country) and day in holidays_of(self.country, self.subdivision, day.year)


@dataclass(frozen=True, slots=True)
class Role:
    """What somebody on duty is there for; ``schedule`` of a pager says who really was, empty to find it by name."""

    name: str
    skills: frozenset[str]
    schedule: str = ""


@dataclass(frozen=True, slots=True)
class Rota:
    """One rota with its rules.

    Attributes:
        name: its key.
        zone: of hand-overs and covered hours.
        length: of a shift.
        handover_day: 0 is Monday; used by weekly shifts.
        handover_time: local.
        window: hours of the day to cover; ``None`` for all.
        days: weekdays to cover, 0 is Monday.
        roles: who is needed at each moment.
        skills: somebody on duty must have each of these.
        members: who takes turns, in the order of the settings.
        rest: least time between two shifts of one person.
        most_share: most of anybody's time on call within ``share_weeks``, 0 to 1.
        share_weeks: weeks over which it holds.
        most_nights: most nights of one person in any four weeks; ``None`` for no limit.
        night: what counts as night, where a person lives.
        page_hours: hours of duty that a page counts for.
        services: whose incidents page this rota; empty for all.
        approvers: keys or names of who approves swaps; empty for any member who is not involved.
    """

    name: str
    zone: ZoneInfo
    length: Length
    handover_day: int
    handover_time: dt.time
    window: Hours | None
    days: frozenset[int]
    roles: tuple[Role, ...]
    skills: frozenset[str]
    members: tuple[Person, ...]
    rest: dt.timedelta
    most_share: float
    share_weeks: int
    most_nights: float | None
    night: Hours
    page_hours: float
    services: frozenset[str]
    approvers: tuple[str, ...]

    def member(self, said: str) -> Person:
        """The member of that key, name or alias.

        Raises:
            NotFoundError: nobody in the rota is called that.
        """
        found = find_person(self.members, said)
        if found is None:
            raise NotFoundError(
                f"{said[:80]!r} is not in the rota {self.name}", fix=_near(said, self.members)
            )
        return found

    def role(self, said: str) -> Role:
        """The role of that name.

        Raises:
            NotFoundError: the rota has no such role.
        """
        for role in self.roles:
            if role.name == said:
                return role
        names = ", ".join(role.name for role in self.roles)
        raise NotFoundError(f"the rota {self.name} has no role {said[:80]!r}", fix=f"Choose one of: {names}")


def find_person(people: Iterable[Person], said: str) -> Person | None:
    """Whoever has that key, name or alias, upper or lower case; ``None`` when nobody or more than one has."""
    wanted = said.strip().casefold()
    found = [
        person
        for person in people
        if wanted in {person.key.casefold(), person.name.casefold(), *(a.casefold() for a in person.aliases)}
    ]
    exact = [person for person in found if person.key.casefold() == wanted]
    return (exact or found)[0] if len(exact or found) == 1 else None


def rotas_of(settings: RotaSettings) -> Mapping[str, Rota]:
    """Every rota by name.

    Raises:
        UserError: something in the settings cannot be: names the key and what to write instead.
    """
    return {name: _rota(name, said, settings.people) for name, said in settings.rotas.items()}


def people_of(rotas: Mapping[str, Rota]) -> tuple[Person, ...]:
    """Everybody who is in any rota, once."""
    return tuple({person.key: person for rota in rotas.values() for person in rota.members}.values())


def rota_named(rotas: Mapping[str, Rota], name: str) -> Rota:
    """One rota; the only one when no name is given.

    Raises:
        NotFoundError: there is none of that name, or several and none was named.
    """
    if not rotas:
        raise NotFoundError(
            "there is no rota yet", fix="Say who takes turns under `rota:` in ktlo.yaml; see docs/rota.md"
        )
    if not name and len(rotas) == 1:
        return next(iter(rotas.values()))
    if name not in rotas:
        listed = ", ".join(rotas)
        raise NotFoundError(
            f"there is no rota called {name[:80]!r}" if name else "say which rota",
            fix=f"Choose one of: {listed}",
        )
    return rotas[name]


def person_named(rotas: Mapping[str, Rota], said: str) -> Person:
    """Somebody of any rota.

    Raises:
        NotFoundError: nobody is called that; names similar ones.
    """
    everybody = people_of(rotas)
    found = find_person(everybody, said)
    if found is None:
        raise NotFoundError(f"nobody in any rota is called {said[:80]!r}", fix=_near(said, everybody))
    return found


def _near(said: str, people: Iterable[Person]) -> str:
    names = [person.key for person in people]
    near = difflib.get_close_matches(said, names, n=3)
    if near:
        return f"Did you mean {' or '.join(near)}?"
    shown = ", ".join(names[:12])
    return f"Known are: {shown}{' and others' if len(names) > 12 else ''}"


def _rota(name: str, said: OneRotaSettings, people: Mapping[str, OnCallPersonSettings]) -> Rota:
    where = f"ktlo.yaml, rota.rotas.{name}"
    if not re.fullmatch(r"[\w][\w .-]{0,60}", name) or name.endswith((".", " ")):
        raise UserError(
            f"{name[:80]!r} cannot be the name of a rota", where=where, fix="Use letters, digits, -"
        )
    zone = _zone(said.time_zone, f"{where}.time_zone")
    twice = sorted({member for member in said.members if said.members.count(member) > 1})
    if twice:
        raise UserError(f"{twice[0]} is listed twice", where=f"{where}.members", fix="List everybody once")
    if SHADOW in said.roles:
        raise UserError(
            f"{SHADOW} is not a role to fill",
            where=f"{where}.roles",
            fix="Say `shadows: 2` of the newcomer under rota.people instead",
        )
    members = tuple(_person(member, people, zone, where) for member in said.members)
    known_skills = {skill for person in members for skill in person.skills}
    for needed in [*said.skills, *(skill for role in said.roles.values() for skill in role.skills)]:
        if needed not in known_skills:
            raise UserError(
                f"nobody in the rota has the skill {needed!r}",
                where=where,
                fix="Add it to somebody's skills under rota.people, or do not ask for it",
            )
    return Rota(
        name=name,
        zone=zone,
        length=Length(said.shift),
        handover_day=WEEKDAYS.index(said.handover_day),
        handover_time=_time(said.handover_time, f"{where}.handover_time"),
        window=_hours(said.hours, f"{where}.hours") if said.hours else None,
        days=frozenset(WEEKDAYS.index(day) for day in said.days) or frozenset(range(7)),
        roles=tuple(Role(role, frozenset(of.skills), of.schedule.strip()) for role, of in said.roles.items()),
        skills=frozenset(said.skills),
        members=members,
        rest=dt.timedelta(hours=said.rest_hours),
        most_share=said.most_share,
        share_weeks=said.share_weeks,
        most_nights=said.most_nights,
        night=_hours(said.night, f"{where}.night"),
        page_hours=said.page_hours,
        services=frozenset(said.services),
        approvers=tuple(said.approvers),
    )


def _person(key: str, people: Mapping[str, OnCallPersonSettings], zone: ZoneInfo, where: str) -> Person:
    if people and key not in people:
        near = difflib.get_close_matches(key, people, n=1)
        raise UserError(
            f"{key} is not among rota.people",
            where=f"{where}.members",
            fix=f"Did you mean {near[0]}?" if near else f"Add `{key}: {{}}` under rota.people",
        )
    said = people.get(key, OnCallPersonSettings())
    place = f"ktlo.yaml, rota.people.{key}"
    country, subdivision = said.country.upper(), said.subdivision.upper()
    if country:
        _known_country(country, subdivision, place)
    return Person(
        key=key,
        name=said.name or key,
        aliases=tuple(said.aliases),
        zone=_zone(said.time_zone, f"{place}.time_zone") if said.time_zone else zone,
        country=country,
        subdivision=subdivision,
        skills=frozenset(said.skills),
        hours=_hours(said.hours, f"{place}.hours"),
        joined=said.joined,
        shadows=said.shadows,
    )


def _zone(name: str, where: str) -> ZoneInfo:
    from zoneinfo import available_timezones

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        near = difflib.get_close_matches(name, available_timezones(), n=1, cutoff=0.7)
        raise UserError(
            f"there is no time zone {name[:60]!r}",
            where=where,
            fix=f"Did you mean {near[0]}?" if near else "Write one such as Europe/Berlin or America/New_York",
        ) from error


def _time(said: str, where: str) -> dt.time:
    match = _TIME.fullmatch(said)
    try:
        if match is None:
            raise ValueError(said)
        return dt.time(int(match[1]), int(match[2]))
    except ValueError as error:
        raise UserError(f"{said[:40]!r} is not a time of day", where=where, fix="Write 09:00") from error


def _hours(said: str, where: str) -> Hours:
    match = _HOURS.fullmatch(said.replace(" ", ""))
    if match is None:
        raise UserError(f"{said[:40]!r} are no hours of the day", where=where, fix="Write 09:00-17:00")
    start, _, end = said.replace(" ", "").partition("-")
    end_time = dt.time() if end == "24:00" else _time(end, where)
    return Hours(_time(start, where), end_time)


def _known_country(country: str, subdivision: str, where: str) -> None:
    import holidays

    supported = holidays.list_supported_countries()
    if country not in supported:
        raise UserError(
            f"the public holidays of {country!r} are not known",
            where=f"{where}.country",
            fix="Write a code of ISO 3166 such as DE or US, or leave it out: then no day counts as a holiday",
        )
    if subdivision and subdivision not in supported[country]:
        places = ", ".join(supported[country]) or "none"
        raise UserError(
            f"{country} has no subdivision {subdivision!r}",
            where=f"{where}.subdivision",
            fix=f"Known: {places}",
        )


@functools.lru_cache(maxsize=512)
def holidays_of(country: str, subdivision: str, year: int) -> frozenset[dt.date]:
    """Public holidays of a country (or a part of it) in a year, as python-holidays knows them."""
    import holidays

    return frozenset(holidays.country_holidays(country, subdiv=subdivision or None, years=year))
