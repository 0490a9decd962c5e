"""Working weeks: how much somebody has worked by a moment of the calendar, and when that much will be done.

Calendar times are hours since a Monday 00:00 UTC. Everybody works the same number of hours on the same number
of days; when the day begins differs, which is how time zones enter the simulation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ktlo.planning.demand import Floats

Bools = npt.NDArray[np.bool_]

WEEK = 168.0
"""Hours of a week."""


@dataclass(frozen=True, slots=True, eq=False)
class WorkingWeek:
    """The hours in which people work.

    Attributes:
        starts: when the working day begins, in hours after 00:00 UTC (may be negative), (people,).
        hours: length of the working day.
        days: working days a week, from Monday; 7 with 24 hours is around the clock.
    """

    starts: Floats
    hours: float = 8.0
    days: int = 5

    def __post_init__(self) -> None:
        """Refuse a week that has no work or too much of it.

        Raises:
            ValueError: hours outside 0 to 24, or days outside 1 to 7.
        """
        if not 0 < self.hours <= 24 or not 1 <= self.days <= 7:
            raise ValueError(f"{self.days} days of {self.hours} hours are no working week")

    @property
    def hours_a_week(self) -> float:
        """Working hours of one person in a week."""
        return self.hours * self.days

    def worked(self, at: Floats, starts: Floats | None = None) -> Floats:
        """Working hours that have passed by a moment.

        Args:
            at: calendar hours; (rows, 1) or (rows, people) against everybody's starts.
            starts: of the people that the last axis of ``at`` stands for; everybody's when not given.
        """
        since = at - (self.starts if starts is None else starts)
        # Three times as fast as np.divmod.
        week = np.floor(since / WEEK)
        rest = since - week * WEEK
        day = np.floor(rest / 24.0)
        today = np.where(day < self.days, np.minimum(rest - day * 24.0, self.hours), 0.0)
        done: Floats = week * self.hours_a_week + np.minimum(day, self.days) * self.hours + today
        return done

    def moment(self, worked: Floats, starts: Floats | None = None) -> Floats:
        """The calendar moment by which so many working hours have passed; a day's end is the next day's start."""
        week = np.floor(worked / self.hours_a_week)
        rest = worked - week * self.hours_a_week
        nights = week * (WEEK - 24.0 * self.days) + np.floor(rest / self.hours) * (24.0 - self.hours)
        nights += week * self.days * (24.0 - self.hours)
        at: Floats = (self.starts if starts is None else starts) + worked + nights
        return at

    def is_working(self, at: Floats) -> Bools:
        """Whether people work at a moment."""
        since = at - self.starts
        rest = since - np.floor(since / WEEK) * WEEK
        day = np.floor(rest / 24.0)
        hour = rest - day * 24.0
        inside: Bools = (day < self.days) & (hour < self.hours)
        return inside
