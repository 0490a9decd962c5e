"""When shifts are: hand-overs in local time made into instants, and what each shift asks of a person.

A weekly shift goes from hand-over to hand-over on the rota's clock, so the one in which clocks change lasts an
hour more or less (zoneinfo, PEP 615). Night, weekend and holiday are read on the clock of whoever is on duty.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from ktlo.planning.rota.rules import Hours, Length, Person, Rota, holidays_of

Span = tuple[dt.datetime, dt.datetime]
"""From, until; aware, UTC."""

_DAY = dt.timedelta(days=1)
_HALF = dt.timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Shift:
    """A turn, of whichever role.

    Attributes:
        start: hand-over, UTC.
        end: next hand-over, UTC.
        pieces: the parts that are covered: the whole of it where a rota covers all hours.
        clock_minutes: covered minutes as the rota's clock counts them, so that every full week has 10,080.
    """

    start: dt.datetime
    end: dt.datetime
    pieces: tuple[Span, ...]
    clock_minutes: int

    @property
    def hours(self) -> float:
        """Covered hours that pass."""
        return sum((until - since).total_seconds() for since, until in self.pieces) / 3600

    @property
    def first(self) -> dt.datetime:
        """When duty begins."""
        return self.pieces[0][0]

    @property
    def last(self) -> dt.datetime:
        """When duty ends."""
        return self.pieces[-1][1]


@dataclass(frozen=True, slots=True)
class Burden:
    """What duty asks of a person, in hours on the person's own clock; kinds overlap."""

    hours: float = 0.0
    night: float = 0.0
    weekend: float = 0.0
    holiday: float = 0.0

    def __add__(self, other: Burden) -> Burden:
        return Burden(
            self.hours + other.hours,
            self.night + other.night,
            self.weekend + other.weekend,
            self.holiday + other.holiday,
        )


def shifts_between(rota: Rota, first: dt.datetime, last: dt.datetime) -> tuple[Shift, ...]:
    """Shifts that start at or after ``first`` and before ``last``; those without covered hours are left out."""
    made = []
    handovers = handovers_from(rota, first)
    start = next(handovers)
    while start < last:
        end = next(handovers)
        pieces = tuple(_covered(rota, start, end))
        if pieces:
            made.append(Shift(start, end, pieces, sum(clock_minutes(piece, rota.zone) for piece in pieces)))
        start = end
    return tuple(made)


def shift_of(rota: Rota, moment: dt.datetime) -> Shift | None:
    """The shift that a moment falls into; ``None`` where no hours of it are covered."""
    around = shifts_between(rota, moment - dt.timedelta(days=8), moment + dt.timedelta(seconds=1))
    return next((shift for shift in reversed(around) if shift.start <= moment < shift.end), None)


def handovers_from(rota: Rota, first: dt.datetime) -> Iterator[dt.datetime]:
    """Hand-overs at or after a moment, in order, UTC."""
    day = first.astimezone(rota.zone).date() - _DAY
    last = None
    while True:
        if rota.length is not Length.WEEKLY or day.weekday() == rota.handover_day:
            naive = dt.datetime.combine(day, rota.handover_time)
            turns = [naive, naive + _HALF] if rota.length is Length.HALF_DAY else [naive]
            for turn in turns:
                moment = turn.replace(tzinfo=rota.zone).astimezone(dt.UTC)
                if moment >= first and (last is None or moment > last):
                    last = moment
                    yield moment
        day += _DAY


def _covered(rota: Rota, start: dt.datetime, end: dt.datetime) -> Iterator[Span]:
    if rota.window is None and len(rota.days) == 7:
        yield start, end
        return
    open_piece: Span | None = None
    for day in _days(start, end, rota.zone):
        if day.weekday() not in rota.days:
            continue
        since, until = _window(day, rota.window, rota.zone)
        since, until = max(since, start), min(until, end)
        if since >= until:
            continue
        if open_piece and since <= open_piece[1]:
            open_piece = (open_piece[0], max(until, open_piece[1]))
            continue
        if open_piece:
            yield open_piece
        open_piece = (since, until)
    if open_piece:
        yield open_piece


def _days(start: dt.datetime, end: dt.datetime, zone: ZoneInfo) -> Iterator[dt.date]:
    day = start.astimezone(zone).date() - _DAY
    last = end.astimezone(zone).date()
    while day <= last:
        yield day
        day += _DAY


def _window(day: dt.date, hours: Hours | None, zone: ZoneInfo) -> Span:
    since = hours.start if hours else dt.time()
    until = hours.end if hours else dt.time()
    ends_on = day + _DAY if hours is None or hours.is_overnight else day
    return (
        dt.datetime.combine(day, since, zone).astimezone(dt.UTC),
        dt.datetime.combine(ends_on, until, zone).astimezone(dt.UTC),
    )


def clock_minutes(piece: Span, zone: ZoneInfo) -> int:
    """Minutes of a span as a clock counts them: nine hours are nine hours in the night in which clocks change."""
    since, until = (moment.astimezone(zone).replace(tzinfo=None) for moment in piece)
    return round((until - since).total_seconds() / 60)


def overlap_hours(span: Span, other: Span) -> float:
    """Hours that two spans have in common."""
    return max((min(span[1], other[1]) - max(span[0], other[0])).total_seconds(), 0.0) / 3600


def night_hours(span: Span, night: Hours, zone: ZoneInfo) -> float:
    """Hours of a span that are night on a clock."""
    return sum(overlap_hours(span, _window(day, night, zone)) for day in _days(*span, zone))


def burden_of(pieces: tuple[Span, ...], person: Person, night: Hours) -> Burden:
    """What some duty asks of a person."""
    return _burden(pieces, person.zone, (person.country, person.subdivision), night)


@functools.lru_cache(maxsize=65_536)
def _burden(pieces: tuple[Span, ...], zone: ZoneInfo, place: tuple[str, str], night: Hours) -> Burden:
    total = Burden()
    for piece in pieces:
        weekend = holiday = 0.0
        for day in _days(*piece, zone):
            hours = overlap_hours(piece, _window(day, None, zone))
            weekend += hours if day.weekday() >= 5 else 0.0
            holiday += hours if hours and place[0] and day in holidays_of(*place, day.year) else 0.0
        total += Burden(
            (piece[1] - piece[0]).total_seconds() / 3600, night_hours(piece, night, zone), weekend, holiday
        )
    return total
