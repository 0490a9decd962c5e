"""Who really was on call, where a pager's schedule says so: shifts that sources delivered, as duties of a rota.

What a pager's schedule had wins over what was planned here, from its first shift until now and to the end of the shift
that runs: the pager is what calls people. What is planned here holds from then on; where nothing is planned here, the
pager's shifts ahead count as well.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

from ktlo.planning.rota.duties import Because, Duty
from ktlo.planning.rota.journal import Published
from ktlo.planning.rota.load import Names
from ktlo.planning.rota.rules import SHADOW, Role, Rota
from ktlo.planning.rota.schedule import Schedule, with_plan
from ktlo.planning.rota.shifts import Span, overlap_hours
from ktlo.store.protocol import Queryable

ENDLESS = dt.timedelta(weeks=4)
"""How far ahead a shift without an end is taken to last: as far as schedules are read."""

_SHIFTS = """
SELECT toString(source) AS source, toString(schedule) AS schedule, toString(schedule_id) AS schedule_id,
  toString(layer) AS layer, person, account, started_at, ended_at
FROM ktlo.on_call_shifts
WHERE started_at < coalesce(ended_at, started_at + INTERVAL 1 SECOND)
  AND (lowerUTF8(schedule) IN {names:Array(String)} OR lowerUTF8(schedule_id) IN {names:Array(String)})
ORDER BY started_at, source, schedule, account"""


@dataclass(frozen=True, slots=True)
class Stranger:
    """Somebody on call who is no member of the rota."""

    role: str
    name: str
    account: str
    start: dt.datetime
    end: dt.datetime


@dataclass(frozen=True, slots=True)
class Actual:
    """What the schedules of pagers say about one rota.

    Attributes:
        duties: of members, by start.
        strangers: shifts of others.
        since: from when on it is known, by role; roles of which nothing is known are missing.
        schedules: names of the schedules, by role, as ``NAME (SOURCE)``.
        unknown: schedules that the settings name and of which nothing was read.
    """

    duties: tuple[Duty, ...] = ()
    strangers: tuple[Stranger, ...] = ()
    since: tuple[tuple[str, dt.datetime], ...] = ()
    schedules: tuple[tuple[str, str], ...] = ()
    unknown: tuple[str, ...] = ()

    def stranger_hours(self, window: Span) -> float:
        """Hours on call of people who are no members, within a window."""
        return sum(overlap_hours((one.start, one.end), window) for one in self.strangers)


def wanted(rota: Rota, role: Role, schedule: str, schedule_id: str, layer: str) -> bool:
    """Whether a shift of some schedule and rotation fills a role.

    Said in the settings by ``schedule``: the name or identifier of a schedule, or ``NAME/ROTATION``. Else by the names
    that an export gives: ``ROTA ROLE`` (PagerDuty), the rota with a rotation called like the role (Opsgenie), or, for a
    rota with one role, just the rota.
    """
    names = {schedule.casefold(), schedule_id.casefold()}
    rotations = {f"{name}/{layer.casefold()}" for name in names}
    if role.schedule:
        return role.schedule.casefold() in names | rotations
    whole, part = rota.name.casefold(), role.name.casefold()
    return (
        f"{whole} {part}" in names
        or f"{whole}/{part}" in rotations
        or (len(rota.roles) == 1 and whole in names)
    )


def actual_of(store: Queryable, rota: Rota, now: dt.datetime) -> Actual:
    """Read what the schedules of pagers say about a rota.

    Args:
        store: where the shifts are.
        rota: the rota.
        now: the moment of asking: a shift without an end is taken to last some weeks more.
    """
    asked = {name for role in rota.roles for name in _names(rota, role)}
    rows = store.query(_SHIFTS, {"names": sorted(asked)}).to_pylist()
    if not rows:
        return Actual(unknown=tuple(role.schedule for role in rota.roles if role.schedule))
    names = Names(store, rota.members)
    duties: list[Duty] = []
    strangers: list[Stranger] = []
    since: dict[str, dt.datetime] = {}
    schedules: dict[tuple[str, str], None] = {}
    for row in rows:
        for role in rota.roles:
            if not wanted(rota, role, row["schedule"], row["schedule_id"], row["layer"]):
                continue
            start, end = row["started_at"], row["ended_at"] or max(now, row["started_at"]) + ENDLESS
            since.setdefault(role.name, start)
            schedules[role.name, f"{row['schedule']} ({row['source']})"] = None
            person = names.key(row["account"]) or names.key(row["person"])
            if person:
                duties.append(Duty(rota.name, role.name, person, start, end, Because.SCHEDULE))
            else:
                strangers.append(Stranger(role.name, row["person"], row["account"], start, end))
    unknown = tuple(role.schedule for role in rota.roles if role.schedule and role.name not in since)
    return Actual(tuple(duties), tuple(strangers), tuple(since.items()), tuple(schedules), unknown)


def _names(rota: Rota, role: Role) -> set[str]:
    """Names that a schedule can have to fill a role, in lower case as the engine has it."""
    parts = role.schedule.lower().split("/")
    if role.schedule:
        return {"/".join(parts[:place]) for place in range(1, len(parts) + 1)} - {""}
    return {f"{rota.name} {role.name}".lower(), rota.name.lower()}


def as_served(planned: Schedule, actual: Actual, now: dt.datetime) -> Schedule:
    """The schedule of a rota with who really was on call in place of who was planned.

    Args:
        planned: what is in force here.
        actual: what the pager's schedules say.
        now: until when they win over what is planned here.
    """
    if not actual.since:
        return planned
    shadows = [duty for duty in planned.duties if duty.role == SHADOW]
    duties = [duty for duty in planned.duties if duty.role != SHADOW]
    has_plan = planned.planned_until is not None
    for role, since in actual.since:
        spans = [duty.span for duty in actual.duties if duty.role == role]
        spans += [(one.start, one.end) for one in actual.strangers if one.role == role]
        until = max([now, *(end for start, end in spans if not has_plan or start <= now)])
        kept = tuple(
            replace(one, end=min(one.end, until))
            for one in actual.duties
            if one.role == role and one.start < until
        )
        if since < until:
            duties = with_plan(duties, Published(planned.rota, since, until, (role,), kept, now, ""))
    listed = sorted([*duties, *shadows], key=lambda d: (d.start, d.role == SHADOW, d.role, d.person))
    ahead = planned.planned_until
    if not has_plan:
        ahead = max((duty.end for duty in listed if duty.end > now), default=None)
    return replace(planned, duties=tuple(listed), planned_until=ahead)
