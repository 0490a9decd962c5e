"""The stretch of time that a question to telemetry is about, as people write it: ``1h``, ``15min``, dates, instants."""

from __future__ import annotations

import datetime as dt
import math
import re
from dataclasses import dataclass

from ktlo.errors import UsageError

DEFAULT = "1h"
_AGE = re.compile(r"(\d{1,5})(min|h|d|w)")
_SECONDS = {"min": 60, "h": 3600, "d": 86400, "w": 604800}
_MOST_BUCKETS = 120
_FIRST_YEAR, _LAST_YEAR = 1970, 2261
"""What the store's instants in nanoseconds can hold."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A half-open stretch of time.

    Attributes:
        start: first moment inside (aware).
        end: first moment after (aware).
    """

    start: dt.datetime
    end: dt.datetime

    @property
    def seconds(self) -> float:
        """Its length."""
        return (self.end - self.start).total_seconds()

    @property
    def bucket_seconds(self) -> int:
        """Width of the buckets of a series: whole minutes, at most 120 of them."""
        for width in (60, 300, 900, 1800, 3600, 10_800, 21_600, 43_200, 86_400):
            if self.seconds / width <= _MOST_BUCKETS:
                return width
        return int(-(-self.seconds // _MOST_BUCKETS // 86_400 + 1) * 86_400)

    @property
    def buckets(self) -> tuple[dt.datetime, ...]:
        """Beginnings of the buckets of a series; the first may begin before the stretch, the last may end after it."""
        width = self.bucket_seconds
        first, end = int(self.start.timestamp()) // width * width, self.end.timestamp()
        return tuple(dt.datetime.fromtimestamp(at, dt.UTC) for at in range(first, math.ceil(end), width))

    def before(self) -> Interval:
        """The stretch of the same length just before."""
        return Interval(self.start - (self.end - self.start), self.start)


def interval(start: str, end: str, now: dt.datetime) -> Interval:
    """Read an interval.

    Args:
        start: an age before the end (``15min``, ``6h``, ``7d``), a date or an instant; empty for the last hour.
        end: a date (its end), an instant or an age before now; empty for now.
        now: the moment of asking.

    Raises:
        UsageError: one of them is neither, or the end is not after the start.
    """
    until = _moment(end, now, now, ends_day=True) if end else now
    since = _moment(start or DEFAULT, until, now, ends_day=False)
    if until <= since:
        raise UsageError(
            f"the stretch ends ({until:%Y-%m-%d %H:%M}) before it starts ({since:%Y-%m-%d %H:%M})",
            fix="Give a start that is before the end",
        )
    return Interval(since, until)


def _moment(text: str, before: dt.datetime, now: dt.datetime, *, ends_day: bool) -> dt.datetime:
    try:
        read = _read(text, before, now, ends_day=ends_day)
        if not _FIRST_YEAR <= read.year <= _LAST_YEAR:
            raise ValueError(text)
        return read
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"{text[:80]!r} is no time", fix="Write 15min, 1h, 7d, 2026-05-01 or 2026-05-01T12:00:00Z"
        ) from error


def _read(text: str, before: dt.datetime, now: dt.datetime, *, ends_day: bool) -> dt.datetime:
    aged = _AGE.fullmatch(text)
    if aged:
        return before - dt.timedelta(seconds=int(aged[1]) * _SECONDS[aged[2]])
    if "T" in text:
        read = dt.datetime.fromisoformat(text.replace(" ", "+"))
        return read.astimezone(dt.UTC) if read.tzinfo else read.replace(tzinfo=dt.UTC)
    day = dt.date.fromisoformat(text) + dt.timedelta(days=1 if ends_day else 0)
    return dt.datetime.combine(day, dt.time(), now.tzinfo)
