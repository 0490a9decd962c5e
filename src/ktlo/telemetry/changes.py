"""What is different between two stretches of time, named only when it is there: rate, errors, 95th percentile.

Fed with what operations or edges did before and after; pure arithmetic. Every measure has a 99% interval, and a change
is named when the two do not touch, which for equal widths happens by chance in fewer than 3 of 10,000 comparisons.
Shares: Wilson 1927, by scipy. Rates: the mean by minute with Student's interval, so that traffic that comes in waves
is not taken for change. Percentiles: the order statistics within which the percentile lies (Hahn and Meeker,
Statistical Intervals, 5.2), read from the t-digest.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from scipy.special import ndtri, stdtrit

LEVEL = 0.99
LEVELS = (
    0.5, 0.8, 0.85, 0.88, 0.9, 0.91, 0.92, 0.93, 0.94, 0.945, 0.95, 0.955, 0.96, 0.97, 0.975, 0.98, 0.985, 0.99, 0.995,
    0.999, 1.0,
)  # fmt: skip
"""Where a t-digest is read."""
BY_CHANCE = 0.01
"""Chance below which something that was never seen in a stretch was not there."""
_LEAST_CALLS = 20
"""Calls below which no percentile is compared: the 95th of fewer is the longest one."""
_LEAST_MINUTES = 5

K = TypeVar("K")


class Measure(enum.StrEnum):
    """What changed."""

    APPEARED = "appeared"
    GONE = "gone"
    RATE = "rate"
    ERRORS = "errors"
    P95 = "p95"


@dataclass(frozen=True, slots=True)
class Bounded:
    """A value with its 99% interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Sample:
    """What one operation or edge did in a stretch.

    Attributes:
        calls: calls.
        errors: of them, failed.
        squares: squares of the calls by minute added up.
        minutes: whole minutes of the stretch.
        quantiles_ns: durations at :data:`LEVELS`, nanoseconds.
    """

    calls: int
    errors: int
    squares: float
    minutes: float
    quantiles_ns: tuple[float, ...]

    def rate(self) -> Bounded | None:
        """Calls a minute; ``None`` when the stretch is too short to say how much it varies."""
        if self.minutes < _LEAST_MINUTES:
            return None
        mean = self.calls / self.minutes
        variance = max(self.squares - self.calls * mean, 0.0) / (self.minutes - 1)
        # Never surer than calls that come independently of one another.
        half = float(stdtrit(self.minutes - 1, (1 + LEVEL) / 2)) * math.sqrt(
            max(variance, mean, 1 / self.minutes) / self.minutes
        )
        return Bounded(mean, max(mean - half, 0.0), mean + half)

    def error_share(self) -> Bounded | None:
        """Share of calls that failed; ``None`` without calls."""
        if not self.calls:
            return None
        from scipy.stats import binomtest

        ends = binomtest(self.errors, self.calls).proportion_ci(LEVEL, method="wilson")
        return Bounded(self.errors / self.calls, float(ends.low), float(ends.high))

    def p95_ns(self) -> Bounded | None:
        """95th percentile of the duration; ``None`` for too few calls."""
        if self.calls < _LEAST_CALLS or len(self.quantiles_ns) != len(LEVELS):
            return None
        half = float(ndtri((1 + LEVEL) / 2)) * math.sqrt(0.95 * 0.05 / self.calls)
        low, value, high = np.interp((0.95 - half, 0.95, min(0.95 + half, 1.0)), LEVELS, self.quantiles_ns)
        return Bounded(float(value), float(low), float(high))


@dataclass(frozen=True, slots=True)
class Change(Generic[K]):
    """One difference.

    Attributes:
        of: operation or edge.
        measure: what changed.
        before: value and interval; ``None`` for what appeared.
        after: likewise; ``None`` for what is gone.
        calls_before: sample.
        calls_after: sample.
    """

    of: K
    measure: Measure
    before: Bounded | None
    after: Bounded | None
    calls_before: int
    calls_after: int

    @property
    def added(self) -> float:
        """What a worse one adds: calls that fail, or nanoseconds waited at the 95th percentile; 0 for others."""
        if self.before is None or self.after is None or not self.is_worse:
            return 0.0
        return (self.after.value - self.before.value) * self.calls_after

    @property
    def is_worse(self) -> bool:
        """Whether it got slower or more faulty."""
        return (
            self.measure in (Measure.ERRORS, Measure.P95)
            and self.before is not None
            and self.after is not None
            and self.after.value > self.before.value
        )


def changes(
    before: Mapping[K, Sample], after: Mapping[K, Sample], *, minutes: tuple[float, float]
) -> list[Change[K]]:
    """Every difference that is there; what got worse first, and of that what adds most failed calls, then most waiting.

    Args:
        before: by operation or edge.
        after: likewise.
        minutes: length of the stretch before and of the one after.
    """
    found: list[Change[K]] = []
    for key in sorted(before.keys() | after.keys(), key=str):
        one, two = before.get(key), after.get(key)
        if one is None or two is None:
            found += _only(key, one, two, minutes)
            continue
        for measure, was, now in (
            (Measure.ERRORS, one.error_share(), two.error_share()),
            (Measure.P95, one.p95_ns(), two.p95_ns()),
            (Measure.RATE, one.rate(), two.rate()),
        ):
            if was and now and (was.high < now.low or now.high < was.low):
                found.append(Change(key, measure, was, now, one.calls, two.calls))
    order = [Measure.ERRORS, Measure.P95, Measure.APPEARED, Measure.GONE, Measure.RATE]
    return sorted(
        found,
        key=lambda each: (
            not each.is_worse,
            order.index(each.measure),
            -each.added,
            -each.calls_after - each.calls_before,
        ),
    )


def _only(
    key: K, before: Sample | None, after: Sample | None, minutes: tuple[float, float]
) -> list[Change[K]]:
    """What is in one stretch only, unless the other was too short to tell."""
    there = after if before is None else before
    if there is None or min(minutes) <= 0:
        return []
    here, other = (minutes[1], minutes[0]) if before is None else minutes
    if math.exp(-there.calls * other / here) >= BY_CHANCE:
        return []
    if before is None:
        return [Change(key, Measure.APPEARED, None, there.rate(), 0, there.calls)]
    return [Change(key, Measure.GONE, there.rate(), None, there.calls, 0)]
