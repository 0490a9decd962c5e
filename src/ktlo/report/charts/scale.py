"""From values to pixels: linear, logarithmic and time scales with ticks at numbers people use.

Pure arithmetic on floats; the charts give a domain in data units and a range in pixels. Tick steps are
1, 2 and 5 times powers of ten (Heckbert, "Nice numbers for graph labels", Graphics Gems, 1990), those
of durations are the steps of clocks and calendars.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from collections.abc import Iterable, Iterator
from typing import Protocol

from ktlo.report.charts.quantity import (
    DAY,
    HOUR,
    LARGEST,
    MINUTE,
    YEAR,
    Form,
    Unit,
    compact,
    duration,
    finite,
    fixed,
    share,
)  # fmt: skip

_CLOCK = (
    1, 2, 5, 10, 15, 30, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE,
    HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 5 * DAY, 10 * DAY, 20 * DAY, 50 * DAY,
    100 * DAY, 200 * DAY, YEAR,
)  # fmt: skip
_LOG_DURATIONS = (
    [1e-3, 1e-2, 0.1, 1, 2, 5, 10, 30, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 30 * MINUTE,
     HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, DAY, 2 * DAY, 4 * DAY, 7 * DAY, 14 * DAY, 30 * DAY, 90 * DAY,
     YEAR, 2 * YEAR, 5 * YEAR, 10 * YEAR],
    [1e-3, 1e-2, 0.1, 1, 5, 30, MINUTE, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 8 * HOUR, DAY, 4 * DAY, 14 * DAY,
     60 * DAY, 180 * DAY, 2 * YEAR, 10 * YEAR],
    [1e-3, 0.1, 1, 10, MINUTE, 10 * MINUTE, HOUR, 8 * HOUR, 3 * DAY, 30 * DAY, YEAR, 10 * YEAR],
    [1e-3, 1, MINUTE, HOUR, DAY, 30 * DAY, YEAR, 10 * YEAR, 100 * YEAR],
)  # fmt: skip
"""Round durations at about equal ratios, from dense to sparse."""


@dataclasses.dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis: position in data units and what is written there."""

    value: float
    label: str


class Scale(Protocol):
    """Data units to pixels; the end of ``domain`` may lie on either side of ``range``."""

    def __call__(self, value: float) -> float:
        """Pixel of a value."""

    def ticks(self, unit: Unit, count: int) -> list[Tick]:
        """About ``count`` labelled places inside the domain, ascending."""


def nice_step(span: float, count: int) -> float:
    """The step of 1, 2 or 5 times a power of ten that cuts ``span`` in at most about ``count`` parts."""
    raw = max(span / max(count, 1), 1e-300)
    power = 10.0 ** math.floor(math.log10(raw))
    return next((m * power for m in (1.0, 2.0, 5.0) if m * power >= raw * 0.999), 10 * power)


def duration_step(span: float, count: int) -> float:
    """As :func:`nice_step`, in seconds, by the steps of clocks and calendars."""
    raw = span / max(count, 1)
    if raw < 1:
        return nice_step(span, count)
    step = next((s for s in _CLOCK if s >= raw * 0.999), None)
    return float(step) if step else YEAR * max(nice_step(span / YEAR, count), 1.0)


def _labels(values: list[float], step: float, unit: Unit) -> list[Tick]:
    if unit.form is Form.DURATION:
        return [Tick(v, _clock_label(v, step)) for v in values]
    if unit.form is Form.SHARE:
        decimals = max(0, -math.floor(math.log10(step * 100) + 1e-9)) if step else 0
        if decimals > 9:
            return [Tick(v, share(v, tells_nines=True)) for v in values]
        return [Tick(v, f"{fixed(v * 100, decimals)}%") for v in values]
    largest = max((abs(v) for v in values), default=0.0)
    if largest >= 1e4 or step < 1e-6:
        return [Tick(v, compact(v)) for v in values]
    return [Tick(v, fixed(v, max(0, -math.floor(math.log10(step) + 1e-9)))) for v in values]


def _clock_label(value: float, step: float) -> str:
    """A duration in the largest unit that the step is not smaller than: 1 d and 2 d, not 24 h and 2 d."""
    if not value:
        return "0"
    for size, word in ((YEAR, "y"), (DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (1.0, "s")):
        if step >= size * 0.999:
            return f"{compact(value / size)} {word}"
    return duration(value)


@dataclasses.dataclass(frozen=True, slots=True)
class Linear:
    """Equal differences, equal lengths."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Pixel of a value; the middle when the domain is a point."""
        if self.high == self.low:
            return (self.start + self.end) / 2
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self, unit: Unit, count: int) -> list[Tick]:
        """Multiples of a nice step within the domain; at least one."""
        span = self.high - self.low
        if span <= 0:
            return _labels([self.low], abs(self.low) or 1.0, unit)
        step = duration_step(span, count) if unit.form is Form.DURATION else nice_step(span, count)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        if last - first > 4 * count + 4:  # the domain is narrower than a double resolves
            return _labels([self.low], step, unit)
        values = [k * step for k in range(first, last + 1)]
        return _labels(values or [self.low], step, unit)


@dataclasses.dataclass(frozen=True, slots=True)
class Log:
    """Equal ratios, equal lengths; the domain is positive."""

    low: float
    high: float
    start: float
    end: float

    def __post_init__(self) -> None:
        if self.low <= 0 or self.high < self.low:
            raise ValueError(f"a logarithmic scale needs 0 < low <= high, not {self.low} and {self.high}")

    def __call__(self, value: float) -> float:
        """Pixel of a value; values below the domain are put on its edge."""
        if self.high == self.low:
            return (self.start + self.end) / 2
        at = math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)
        return self.start + at * (self.end - self.start)

    def ticks(self, unit: Unit, count: int) -> list[Tick]:
        """Decades (with 2 and 5 where few), or the clock's round durations."""
        for candidates in self._candidates(unit):
            inside = [v for v in candidates if self.low * 0.999 <= v <= self.high * 1.001]
            if 2 <= len(inside) <= count + 1:
                return [t for v in inside for t in _labels([v], v, unit)]
        return Linear(self.low, self.high, self.start, self.end).ticks(unit, count)

    def _candidates(self, unit: Unit) -> Iterator[list[float]]:
        """Ever sparser places."""
        if unit.form is Form.DURATION:
            for every in range(4):
                yield [float(v) for v in _LOG_DURATIONS[every]]
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        for steps in ((1, 2, 5), (1, 3), (1,)):
            yield [m * 10.0**p for p in range(first, last + 1) for m in steps]
        for every in (2, 3, 5, 10, 20, 50, 100):
            yield [10.0**p for p in range(first, last + 1) if p % every == 0]


def padded(values: Iterable[float], *, from_zero: bool = True, room: float = 0.06) -> tuple[float, float]:
    """A domain around values: from zero for amounts, with a little room at the open end.

    Raises:
        ValueError: a value is not finite.
    """
    given = [finite(v) for v in values]
    if not given:
        return 0.0, 1.0
    low, high = min(given), max(given)
    if from_zero:
        low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        return (0.0, 1.0) if low == 0 else (low - abs(low) / 2, high + abs(high) / 2)
    extra = (high - low) * room
    below = low - extra if low < 0 or not from_zero else low
    above = high + extra if high > 0 or not from_zero else high
    return max(below, -LARGEST), min(above, LARGEST)


def padded_log(values: Iterable[float]) -> tuple[float, float]:
    """A positive domain around the positive values, with room for marks at both ends."""
    given = [v for v in (finite(v) for v in values) if v > 0]
    if not given:
        return 1.0, 10.0
    low, high = min(given), max(given)
    if low == high:
        return low / 3, high * 3
    ratio = math.exp(math.log(high / low) * 0.06)
    return low / ratio, high * ratio


def instant(value: dt.datetime | dt.date) -> float:
    """Seconds since 1970 of an instant or of a day's beginning, UTC; naive times are taken as UTC."""
    if not isinstance(value, dt.datetime):
        value = dt.datetime(value.year, value.month, value.day, tzinfo=dt.UTC)
    return value.replace(tzinfo=value.tzinfo or dt.UTC).timestamp()


def moment(seconds: float) -> dt.datetime:
    """The instant so many seconds after 1970, UTC."""
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=seconds)
