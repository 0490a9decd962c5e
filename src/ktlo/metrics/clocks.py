"""Business time: how many of the seconds between two instants fall into the working hours of a service's calendar.

Every calendar is laid out once as intervals of UTC; the business seconds up to an instant are then a sum of lengths,
and a duration is a difference of two such sums. So durations add up exactly, never exceed wall time, and a change of
clocks counts as the hours that really passed. Settings come from ``calendars:``; read by the durations of metrics.
"""

from __future__ import annotations

import datetime as dt
import enum
import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from ktlo.settings.calendars import WEEKDAYS, CalendarSettings, public_holidays, read_span

Floats = npt.NDArray[np.float64]

DEFAULT = "default"
"""Name of the calendar of services that have none of their own."""

_DAY = 86400.0


class Clock(enum.StrEnum):
    """Which time a duration is told in."""

    WALL = "wall"
    BUSINESS = "business"


class Calendar:
    """When time counts, laid out year by year.

    Args:
        settings: time zone, hours and days off.
    """

    def __init__(self, settings: CalendarSettings) -> None:
        self._settings = settings
        self._zone = ZoneInfo(settings.time_zone)
        self._hours = tuple(
            tuple(sorted(read_span(text) for text in settings.hours.get(day, ()))) for day in WEEKDAYS
        )
        self._off = frozenset(settings.holidays)
        self._on = frozenset(settings.working_days)
        self._laid: dict[tuple[int, int], tuple[Floats, Floats, Floats]] = {}

    def _spans(self, day: dt.date) -> tuple[tuple[int, int], ...]:
        spans = self._hours[day.weekday()]
        if day in self._on:
            return spans or self._hours[0] or next(each for each in self._hours if each)
        if day in self._off:
            return ()
        country = self._settings.country
        if spans and country and day in public_holidays(country, self._settings.subdivision, day.year):
            return ()
        return spans

    def _instant(self, day: dt.date, minutes: int) -> float:
        """Seconds since 1970 of a time of day; in the hour that clocks skip or repeat, its first meaning."""
        whole, minute = divmod(minutes, 24 * 60)
        local = dt.datetime.combine(day + dt.timedelta(days=whole), dt.time(), self._zone)
        return local.replace(hour=minute // 60, minute=minute % 60).timestamp()

    def _layout(self, first: int, last: int) -> tuple[Floats, Floats, Floats]:
        """Begins and ends of all spans of some years, and the seconds that count before each."""
        key = (first, last)
        if key not in self._laid:
            day, until = dt.date(first, 1, 1) - dt.timedelta(days=1), dt.date(last + 1, 1, 2)
            begins: list[float] = []
            ends: list[float] = []
            while day < until:
                for begin, end in self._spans(day):
                    start, stop = self._instant(day, begin), self._instant(day, end)
                    if begins and start < ends[-1]:
                        start = ends[-1]
                    if stop > start:
                        begins.append(start)
                        ends.append(stop)
                day += dt.timedelta(days=1)
            starts, stops = np.array(begins, dtype=np.float64), np.array(ends, dtype=np.float64)
            before = np.concatenate(([0.0], np.cumsum(stops - starts)))
            self._laid[key] = (starts, stops, before)
        return self._laid[key]

    def between(self, begins: Floats, ends: Floats) -> Floats:
        """Business seconds from each begin to its end; NaN where either is.

        Args:
            begins: (n,) seconds since 1970, NaN where unknown.
            ends: (n,) seconds since 1970; one before its begin gives a negative duration.
        """
        known = ~(np.isnan(begins) | np.isnan(ends))
        lengths = np.full(begins.shape, np.nan)
        if not known.any():
            return lengths
        moments = np.concatenate((begins[known], ends[known]))
        first = dt.datetime.fromtimestamp(float(moments.min()), dt.UTC).year
        last = dt.datetime.fromtimestamp(float(moments.max()), dt.UTC).year
        starts, stops, before = self._layout(first, last)

        def worked(at: Floats) -> Floats:
            if not starts.size:
                return np.zeros(at.shape)
            place = np.searchsorted(starts, at, side="right")
            index = np.maximum(place - 1, 0)
            inside = np.clip(at - starts[index], 0.0, stops[index] - starts[index])
            total: Floats = np.where(place > 0, before[index] + inside, 0.0)
            return total

        lengths[known] = worked(ends[known]) - worked(begins[known])
        return lengths


@dataclass(frozen=True, eq=False)
class BusinessClock:
    """The calendars in force: which service has which.

    Attributes:
        calendars: calendars by name.
        services: name of the calendar by service; others have :data:`DEFAULT`, or the wall clock where there is none.
    """

    calendars: Mapping[str, CalendarSettings] = field(default_factory=dict)
    services: Mapping[str, str] = field(default_factory=dict)

    @functools.cached_property
    def _made(self) -> dict[str, Calendar]:
        return {name: Calendar(settings) for name, settings in self.calendars.items()}

    def between(self, services: npt.NDArray[np.object_], begins: Floats, ends: Floats) -> Floats:
        """Business seconds from each begin to its end, by the calendar of its service."""
        lengths = ends - begins
        names = np.array([self.services.get(name, DEFAULT) for name in services], dtype=np.object_)
        for name, calendar in self._made.items():
            mine = names == name
            if mine.any():
                lengths[mine] = calendar.between(begins[mine], ends[mine])
        return lengths
