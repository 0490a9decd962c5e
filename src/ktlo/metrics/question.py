"""What can be asked of a metric: a period, filters, a dimension to group by, a grain for a series.

Built by the faces from URLs and options, read by ``metrics/ask``. All times are UTC.
"""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass, field, replace

from ktlo.errors import UsageError
from ktlo.metrics.clocks import BusinessClock, Clock


class Dimension(enum.StrEnum):
    """By what a metric can be grouped and filtered."""

    SERVICE = "service"
    REPOSITORY = "repository"
    TEAM = "team"
    SEVERITY = "severity"
    CATEGORY = "category"
    SOURCE = "source"
    LEVEL = "level"
    CHECK = "check"
    SLA = "sla"


class Grain(enum.StrEnum):
    """Width of the buckets of a series."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open stretch of time, and the moment of asking.

    Attributes:
        start: first moment inside (aware).
        end: first moment after (aware).
        now: the moment of asking; nothing is known after it.
        clock: calendars by which durations count; ``None`` for the wall clock.
    """

    start: dt.datetime
    end: dt.datetime
    now: dt.datetime
    clock: BusinessClock | None = None

    @property
    def seconds(self) -> float:
        """Length of the part that has already happened, in seconds."""
        return max(0.0, (min(self.end, self.now) - self.start).total_seconds())


@dataclass(frozen=True, slots=True)
class Question:
    """One question to one metric.

    Attributes:
        start: first moment of the period (aware).
        end: first moment after the period (aware).
        now: the moment of asking.
        only: values to keep, by dimension; a dimension that is missing or empty keeps everything.
        by: dimension to group by; ``None`` for one figure over all.
        grain: bucket width for a series; ``None`` for one figure over the period.
        downtime_severities: incident severities that count as outages (``ktlo.yaml``).
        clock: whether durations are told in wall time or in business time.
        calendars: the calendars of ``ktlo.yaml``; ``None`` where there are none.
    """

    start: dt.datetime
    end: dt.datetime
    now: dt.datetime
    only: dict[Dimension, tuple[str, ...]] = field(default_factory=dict)
    by: Dimension | None = None
    grain: Grain | None = None
    downtime_severities: tuple[str, ...] = ()
    clock: Clock = Clock.WALL
    calendars: BusinessClock | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be answered.

        Raises:
            UsageError: the period is empty or turned round.
        """
        if self.end <= self.start:
            raise UsageError(
                f"the period ends ({self.end:%Y-%m-%d}) before it starts ({self.start:%Y-%m-%d})",
                fix="Give a start that is before the end",
            )

    @property
    def window(self) -> Window:
        """The whole period as a window."""
        return self.stretch(self.start, self.end)

    def stretch(self, start: dt.datetime, end: dt.datetime) -> Window:
        """A part of the period as a window, by the clock that is asked for."""
        return Window(start, end, self.now, self.calendars if self.clock is Clock.BUSINESS else None)

    def before(self) -> Question:
        """The same question about the period of the same length just before."""
        return replace(self, start=self.start - (self.end - self.start), end=self.start)
