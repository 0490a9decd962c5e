"""Who is on call by the schedules of a pager: read window after window, and held against what was read before.

A pager renders a schedule anew each time, overrides included. What lies ahead may change until it happens, so it is
read again and replaced: within a window what is told holds, before it what was read then. What a schedule had is kept
when it is deleted; what lay ahead of it is taken back. The state, with the shifts that may still change, is part of the
cursor.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import msgspec

from ktlo.records.people import OnCallShift
from ktlo.sources.rest.connection import AbsentError, DeniedError, UnexpectedFormError, UnprocessableError
from ktlo.sources.rest.rows import Row, microseconds, removal

TABLE = "on_call_shifts"
AHEAD = dt.timedelta(weeks=4)
"""How far ahead schedules are read."""
LONGEST = dt.timedelta(days=30)
"""Longest window that one request asks for."""
SETTLE = dt.timedelta(days=1)
"""The past is read again from this long before the last reading: overrides may be entered afterwards."""
EVERY = dt.timedelta(hours=1)
"""Schedules are read at most this often: each takes a request."""
_NEVER = dt.datetime(9999, 1, 1, tzinfo=dt.UTC)


class Shift(msgspec.Struct, frozen=True, array_like=True):
    """Somebody on call.

    Attributes:
        account: identifier of the person at the pager.
        person: mail, else name.
        start: from.
        end: until, excluded; ``None`` when it has no end.
        layer: name of the layer or rotation.
        is_override: stands in, not in turn.
        line: identifies what turns lie behind each other in; empty where a schedule has one person at a time.
    """

    account: str
    person: str
    start: dt.datetime
    end: dt.datetime | None
    layer: str = ""
    line: str = ""
    is_override: bool = False

    @property
    def until(self) -> dt.datetime:
        """The end, far away where there is none."""
        return self.end or _NEVER

    @property
    def key(self) -> str:
        """What tells it from others of its schedule, whenever it is read."""
        return f"{self.line}|{self.account}|{self.start.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"


class Known(msgspec.Struct):
    """What was read of a schedule.

    Attributes:
        name, team: as last told.
        until: what lies before was read when it was past.
        shifts: those that may still change.
    """

    name: str
    team: str
    until: dt.datetime
    shifts: list[Shift] = []


class State:
    """What was read of all schedules; a part of the cursor.

    Args:
        read_at: when they were last read to the end; ``None`` before.
        known: what was read, by schedule.
    """

    def __init__(self, read_at: dt.datetime | None = None, known: Mapping[str, Known] | None = None) -> None:
        self.read_at = read_at
        self.known: dict[str, Known] = {}
        # As the cursor keeps them: a cursor goes out with every window, and most schedules stay as they were.
        self._said: dict[str, Any] = {}
        for key, one in (known or {}).items():
            self.keep(key, one)

    def keep(self, key: str, known: Known) -> None:
        """Remember what was read of a schedule."""
        self.known[key] = known
        self._said[key] = msgspec.to_builtins(known)

    def drop(self, key: str) -> Known:
        """Forget a schedule; returns what was read of it."""
        del self._said[key]
        return self.known.pop(key)

    def saved(self) -> dict[str, Any]:
        """The state as a cursor keeps it."""
        return {"read_at": self.read_at.isoformat() if self.read_at else None, "known": dict(self._said)}


class _Saved(msgspec.Struct):
    read_at: dt.datetime | None = None
    known: dict[str, Known] = {}


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule as its list has it."""

    key: str
    name: str
    team: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """Who is on call in a window.

    Attributes:
        shifts: in any order; those that reach over an end of the window may be cut there or whole.
        since, until: the window that was really told.
        cut_at: where one that began before may seem to begin; ``None`` when such are told whole.
        team: whose schedule it is, where only the schedule by itself tells.
    """

    shifts: Sequence[Shift]
    since: dt.datetime
    until: dt.datetime
    cut_at: dt.datetime | None
    team: str = ""


Warn = Callable[[str, str], None]
"""Notes that a place could not be read, with the reason."""


class Pager(Protocol):
    """What a pager is asked."""

    async def schedules(self) -> tuple[Sequence[Schedule], bool]:
        """Schedules that are in force, and whether these are all: one that is not among all of them is gone."""

    async def on_call(self, schedule: Schedule, since: dt.datetime, until: dt.datetime) -> Told:
        """Who is on call in one of them."""


def state(cursor: Mapping[str, Any], horizon: dt.datetime) -> State:
    """The state in a source's cursor (``schedules``); a fresh one where there is none.

    Args:
        cursor: with ``since``, the horizon that it was read from.
        horizon: where reading begins; an earlier one than before: the past is read again.
    """
    try:
        found = msgspec.convert(cursor.get("schedules"), _Saved)
        before = msgspec.convert(cursor.get("since"), dt.datetime)
    except msgspec.ValidationError:
        return State()
    if horizon < before:
        known = {key: msgspec.structs.replace(one, until=horizon) for key, one in found.known.items()}
        return State(None, known)
    return State(found.read_at, found.known)


def held_against(
    known: Sequence[Shift], told: Told, *, is_first: bool
) -> tuple[list[Shift], list[Shift], list[Shift]]:
    """What a window says, joined with what was read before.

    Args:
        known: shifts as read before, that end after the window's beginning or right there.
        told: what the window says.
        is_first: nothing before the window was read.

    Returns:
        All shifts from the window's beginning on; those that were cut there because they did not go on; those that are
        no longer.
    """
    since, until = told.since, told.until
    reaching = {(one.line, one.account): one for one in known if one.start < since <= one.until}
    now: dict[str, Shift] = {}
    for shift in told.shifts:
        if shift.until <= since or shift.start >= until or shift.until <= shift.start:
            continue
        # Of what lies before the window only what was read then is true.
        before = reaching.get((shift.line, shift.account))
        earlier = before.start if before else since
        is_begun = shift.start < since or shift.start == since == told.cut_at
        start = earlier if is_begun and not is_first else shift.start
        one = msgspec.structs.replace(shift, start=start)
        now[one.key] = one
    cut, gone = [], []
    for shift in known:
        if shift.key in now or shift.until <= since:
            continue
        if shift.start >= until:
            now[shift.key] = shift
        elif shift.start < since:
            cut.append(msgspec.structs.replace(shift, end=since))
        else:
            gone.append(shift)
    return sorted(now.values(), key=lambda one: (one.start, one.key)), cut, gone


async def read_shifts(
    pager: Pager, at: State, source: str, horizon: dt.datetime, clock: Callable[[], dt.datetime], warn: Warn
) -> AsyncIterator[list[tuple[str, Row]]]:
    """Read every schedule from where it was left to some weeks ahead; a part that cannot be read costs itself.

    Args:
        pager: whom to ask.
        at: what was read before; moved along, and true after each list of rows.
        source: identifier of the source.
        horizon: where to begin with a schedule that is new.
        clock: the time by the pager's clock.
        warn: notes what could not be read.
    """
    now = clock()
    if at.read_at is not None and now - at.read_at < EVERY:
        return
    try:
        found, is_whole = await pager.schedules()
    except (DeniedError, AbsentError, UnprocessableError, UnexpectedFormError) as error:
        warn("schedules", f"{error.what}. So it is not known who was on call")
        return
    listed = {one.key: one for one in found}
    for schedule in listed.values():
        try:
            async for rows in _schedule(pager, schedule, at, source, horizon, now):
                yield rows
        except AbsentError:
            continue
        except (DeniedError, UnprocessableError, UnexpectedFormError) as error:
            warn(f"schedule {schedule.name}", f"{error.what}: who was on call is not complete")
    for key in sorted(at.known.keys() - listed.keys()) if is_whole else ():
        yield _vanished(key, at.drop(key), source, now)
    at.read_at = now
    yield []


async def _schedule(
    pager: Pager, schedule: Schedule, at: State, source: str, horizon: dt.datetime, now: dt.datetime
) -> AsyncIterator[list[tuple[str, Row]]]:
    end = now + AHEAD
    before = at.known.get(schedule.key)
    since = max(before.until - SETTLE, horizon) if before else horizon
    number = 0
    while since < end:
        asked = min(since + LONGEST, end)
        told = await pager.on_call(schedule, since, asked)
        told = replace(told, since=max(told.since, since))
        schedule = replace(schedule, team=told.team or schedule.team)
        known = before.shifts if before else []
        shifts, cut, gone = held_against(known, told, is_first=since == horizon)
        unchanged = {one.key: one for one in known}
        is_named_anew = before is not None and (before.name, before.team) != (schedule.name, schedule.team)
        changed = [one for one in shifts if is_named_anew or unchanged.get(one.key) != one]
        reached = min(told.until if told.until > since else asked, now)
        # What ended before the window, and then, in place of what goes on, what the window says.
        ended = [one for one in known if one.until <= told.since]
        remembered = [one for one in (*ended, *shifts, *cut) if one.until >= reached - SETTLE]
        before = Known(
            schedule.name, schedule.team, reached, list({one.key: one for one in remembered}.values())
        )
        at.keep(schedule.key, before)
        version, number = microseconds(now) + number, number + 1
        rows = [_row(one, schedule, source, version) for one in (*changed, *cut)]
        yield rows + [_removed(one, schedule.key, source, now) for one in gone]
        since = told.until if told.until > since else asked


def _vanished(key: str, known: Known, source: str, now: dt.datetime) -> list[tuple[str, Row]]:
    """Of a schedule that is gone, what was served stays."""
    schedule = Schedule(key, known.name, known.team)
    rows = [_removed(one, key, source, now) for one in known.shifts if one.start >= now]
    running = [one for one in known.shifts if one.start < now < one.until]
    ended = [msgspec.structs.replace(one, end=now) for one in running]
    return rows + [_row(one, schedule, source, microseconds(now)) for one in ended]


def _row(shift: Shift, schedule: Schedule, source: str, version: int) -> tuple[str, Row]:
    record = OnCallShift(
        source=source,
        external_id=f"{schedule.key}|{shift.key}",
        schedule=schedule.name,
        schedule_id=schedule.key,
        layer=shift.layer,
        is_override=shift.is_override,
        team=schedule.team,
        person=shift.person,
        account=f"{source.partition(':')[0]}:{shift.account}",
        started_at=shift.start,
        ended_at=shift.end,
    )
    return TABLE, Row(record, version)


def _removed(shift: Shift, key: str, source: str, now: dt.datetime) -> tuple[str, Row]:
    return removal(TABLE, source, f"{key}|{shift.key}", now)
