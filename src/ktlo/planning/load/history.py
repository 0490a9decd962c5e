"""What the records say about work that arrived, as arrays: items, hours spent on them, time down, people.

Read once by :mod:`ktlo.planning.load.reading`; fitted by :mod:`ktlo.planning.load.fitting`. A backtest cuts a
history at a week and fits only what was known then.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from ktlo.planning.load.weeks import DAY, first_second, weeks_of_days, weeks_of_seconds

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class WorkItems:
    """Pieces of work that arrived by themselves; every array has one entry an item.

    Attributes:
        work_class: place in ``classes.ORDER``.
        group: place in the history's groups.
        arrived: seconds since 1970.
        ended: seconds since 1970; NaN while it is open, or where nobody tells when it ended.
        known_until: until when its source knew it, seconds since 1970.
        is_over: it has ended, whether or not it is told when.
        waits: somebody could wait for it: an issue or incident, which has a life of its own.
        is_duplicate: its tracker calls it a duplicate of another.
    """

    work_class: Ints
    group: Ints
    arrived: Floats
    ended: Floats
    known_until: Floats
    is_over: Flags
    waits: Flags
    is_duplicate: Flags

    def __len__(self) -> int:
        return int(self.arrived.size)


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Spent:
    """Hours that went to work of the classes, one entry a day and item.

    Attributes:
        day: days since 1970.
        item: place among the items; -1 where the hours belong to the class but to no item that was filed.
        work_class: place in ``classes.ORDER``.
        group: place in the history's groups.
        hours: hours.
    """

    day: Ints
    item: Ints
    work_class: Ints
    group: Ints
    hours: Floats


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Days:
    """All effort by day and group, whatever it was for.

    Attributes:
        day: days since 1970.
        group: place in the history's groups.
        hours: hours.
        preventive: of them, hours that went to preventive work.
        chosen: items touched that were neither preventive nor arrived by themselves: how much the code moves.
    """

    day: Ints
    group: Ints
    hours: Floats
    preventive: Floats
    chosen: Floats


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Stretches:
    """Stretches of time down, overlaps of a service merged.

    Attributes:
        item: place of the incident that it belongs to.
        start: seconds since 1970.
        end: seconds since 1970; NaN while it lasts.
    """

    item: Ints
    start: Floats
    end: Floats


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class History:
    """Everything that a load is fitted from.

    Attributes:
        groups: names of the groups; one empty name when everything is taken together.
        items: pieces of work.
        spent: hours on them.
        days: all effort.
        stretches: time down.
        people: persons with any effort in each week, (weeks,), from ``first_week`` on.
        first_week: first complete week.
        end_week: the week after the last complete one: the first week ahead.
        knows_downtime: an outage, or a severity that means down, is known at all.
        notes: what is odd about the records, in words.
    """

    groups: tuple[str, ...]
    items: WorkItems
    spent: Spent
    days: Days
    stretches: Stretches
    people: Ints
    first_week: int
    end_week: int
    knows_downtime: bool
    notes: tuple[str, ...] = ()

    @property
    def weeks(self) -> int:
        """Complete weeks."""
        return max(0, self.end_week - self.first_week)

    def known_before(self, week: int) -> History:
        """The history as it was known when a week began: later arrivals, endings and hours are not there yet.

        Verdicts are kept: what an item was for can be told when it arrives.
        """
        moment = first_second(week)
        items, spent = self.items, self.spent
        kept = np.flatnonzero(items.arrived < moment)
        place = np.full(len(items) + 1, -1, dtype=np.int64)
        place[kept] = np.arange(kept.size)
        ended = items.ended[kept]
        later = ended >= moment
        # What is over without a date may have ended at any time; it is taken as over, as its source says.
        cut = WorkItems(
            work_class=items.work_class[kept],
            group=items.group[kept],
            arrived=items.arrived[kept],
            ended=np.where(later, np.nan, ended),
            known_until=np.minimum(items.known_until[kept], moment),
            is_over=items.is_over[kept] & ~later,
            waits=items.waits[kept],
            is_duplicate=items.is_duplicate[kept] & ~later,
        )
        before = (spent.day * DAY < moment) & ((spent.item < 0) | (place[spent.item] >= 0))
        down = self.stretches
        begun = (down.start < moment) & (place[down.item] >= 0)
        day = self.days.day * DAY < moment
        return dataclasses.replace(
            self,
            items=cut,
            spent=Spent(
                spent.day[before],
                place[spent.item[before]],
                spent.work_class[before],
                spent.group[before],
                spent.hours[before],
            ),
            days=Days(
                self.days.day[day],
                self.days.group[day],
                self.days.hours[day],
                self.days.preventive[day],
                self.days.chosen[day],
            ),
            stretches=Stretches(
                place[down.item[begun]],
                down.start[begun],
                np.where(down.end[begun] >= moment, np.nan, down.end[begun]),
            ),
            people=self.people[: max(0, week - self.first_week)],
            end_week=min(week, self.end_week),
        )

    def counts(self, group: int | None, work_class: int) -> Ints:
        """Arrivals of a class in each complete week, duplicates left out, of shape (weeks,)."""
        items = self.items
        wanted = (items.work_class == work_class) & ~items.is_duplicate
        if group is not None:
            wanted &= items.group == group
        return self._binned(weeks_of_seconds(items.arrived[wanted]))

    def hours(self, group: int | None = None, work_class: int | None = None) -> Floats:
        """Hours that went to a class, or to all of them, in each complete week, of shape (weeks,)."""
        spent = self.spent
        wanted = np.ones(spent.day.size, dtype=np.bool_)
        if group is not None:
            wanted &= spent.group == group
        if work_class is not None:
            wanted &= spent.work_class == work_class
        return self._summed(weeks_of_days(spent.day[wanted]), spent.hours[wanted])

    def total(self, values: Floats, group: int | None = None) -> Floats:
        """One of the columns of ``days``, added up for each complete week, of shape (weeks,)."""
        wanted = slice(None) if group is None else self.days.group == group
        return self._summed(weeks_of_days(self.days.day[wanted]), values[wanted])

    def total_of(self, days: Ints, values: Floats) -> Floats:
        """Values of days added up for each complete week, of shape (weeks,)."""
        return self._summed(weeks_of_days(days), values)

    def item_hours(self) -> Floats:
        """Hours that each item took so far, of shape (items,)."""
        own = self.spent.item >= 0
        sums: Floats = np.bincount(
            self.spent.item[own], weights=self.spent.hours[own], minlength=len(self.items)
        ).astype(np.float64)
        return sums

    def last_touched(self) -> Floats:
        """When each item last saw any work, or arrived, in seconds since 1970, (items,)."""
        touched = self.items.arrived.copy()
        own = self.spent.item >= 0
        np.maximum.at(touched, self.spent.item[own], self.spent.day[own] * DAY)
        return touched

    def downtime_hours(self) -> tuple[Floats, Flags]:
        """Hours down that came with each item so far, and whether that time has ended, both (items,)."""
        down, moment = self.stretches, first_second(self.end_week)
        lasted = np.where(np.isnan(down.end), moment, np.minimum(down.end, moment)) - down.start
        hours = np.bincount(down.item, weights=np.maximum(lasted, 0.0) / 3600, minlength=len(self.items))
        lasting = np.bincount(down.item[np.isnan(down.end)], minlength=len(self.items)) > 0
        return hours.astype(np.float64), ~lasting

    def _binned(self, weeks: Ints) -> Ints:
        inside = weeks[(weeks >= self.first_week) & (weeks < self.end_week)] - self.first_week
        return np.bincount(inside, minlength=self.weeks).astype(np.int64)

    def _summed(self, weeks: Ints, values: Floats) -> Floats:
        inside = (weeks >= self.first_week) & (weeks < self.end_week)
        sums: Floats = np.bincount(
            weeks[inside] - self.first_week, weights=values[inside], minlength=self.weeks
        ).astype(np.float64)
        return sums
