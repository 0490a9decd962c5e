"""Time that counts once: the union of outages, and from it availability, failures and rates.

Starts and ends come from outages and incidents (seconds since 1970, open ends as NaN); spans and estimates
go to the definitions of reliability metrics. Poisson limits: Garwood, Biometrika 1936, 28:437-442; limits
of summed downtime: Fay and Feuer, Statistics in Medicine 1997, 16:791-801.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincinv

from ktlo.metrics.estimate import LEVEL, Estimate, not_estimable

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Spans:
    """Stretches of time, ascending, none empty, none touching another.

    Attributes:
        starts: (k,) seconds.
        ends: (k,) seconds, each after its start.
    """

    starts: Floats
    ends: Floats

    def __len__(self) -> int:
        return int(self.starts.size)


def union(starts: npt.ArrayLike, ends: npt.ArrayLike, start: float, end: float, now: float) -> Spans:
    """Return the time covered by at least one interval, inside a window and before now.

    Args:
        starts: (n,) seconds.
        ends: (n,) seconds; NaN means not ended yet, so until ``now``.
        start: first moment of the window, seconds.
        end: first moment after the window, seconds.
        now: the moment of asking, seconds; nothing after it counts.

    Raises:
        ValueError: lengths differ, a start is missing, an end lies before its start, or the window does.
    """
    begun, ended = np.asarray(starts, dtype=np.float64), np.asarray(ends, dtype=np.float64)
    if begun.shape != ended.shape or begun.ndim != 1:
        raise ValueError(f"{begun.shape} starts, but {ended.shape} ends")
    if np.isnan(begun).any():
        raise ValueError("every interval needs a start")
    if np.any(ended < begun):
        raise ValueError("an interval ends before it starts")
    if end < start:
        raise ValueError("the window ends before it starts")
    first = np.maximum(begun, start)
    last = np.minimum(np.where(np.isnan(ended), np.inf, ended), min(end, now))
    kept = last > first
    order = np.argsort(first[kept], kind="stable")
    first, last = first[kept][order], np.maximum.accumulate(last[kept][order])
    if first.size == 0:
        return Spans(first, last)
    opens = np.concatenate(([True], first[1:] > last[:-1]))
    closes = np.concatenate((opens[1:], [True]))
    return Spans(first[opens], last[closes])


def total_length(spans: Spans) -> float:
    """Return the length of the spans in seconds."""
    return float(np.sum(spans.ends - spans.starts))


def poisson_limits(count: int, level: float = LEVEL) -> tuple[float, float]:
    """Return Garwood's exact limits for the mean of a Poisson count.

    Raises:
        ValueError: the count is negative.
    """
    if count < 0:
        raise ValueError(f"a count cannot be negative, got {count}")
    tail = (1 - level) / 2
    low = float(gammaincinv(count, tail)) if count else 0.0
    return low, float(gammaincinv(count + 1, 1 - tail))


def rate(count: int, exposure: float, per: float = 1.0, level: float = LEVEL) -> Estimate:
    """Return events per time with Garwood's exact interval, 0.95 by default.

    Args:
        count: how many happened.
        exposure: the time in which they could, in seconds.
        per: seconds in the unit that is asked for, such as 604800 for a week.
        level: level of the interval.

    Raises:
        ValueError: a negative count or exposure.
    """
    low, high = poisson_limits(count, level)
    if exposure < 0:
        raise ValueError(f"exposure cannot be negative, got {exposure:g} s")
    if exposure == 0:
        return not_estimable("the period has not begun", count)
    unit = per / exposure
    return Estimate(count * unit, low * unit, high * unit, count)


def mean_between_failures(failures: int, operating: float, level: float = LEVEL) -> Estimate:
    """Return MTBF, operating time over failures, with Garwood's exact interval, 0.95 by default.

    Without a failure there is no value, but the interval's lower end still holds.

    Args:
        failures: how many failures began, overlapping ones counted once.
        operating: time in operation, so without the downtime, in seconds.
        level: level of the interval.

    Raises:
        ValueError: a negative count or time.
    """
    low, high = poisson_limits(failures, level)
    if operating < 0:
        raise ValueError(f"operating time cannot be negative, got {operating:g} s")
    if operating == 0:
        return not_estimable("it was never in operation in this period", failures)
    if failures == 0:
        return Estimate(None, operating / high, None, 0, 0, "nothing failed in this period")
    return Estimate(operating / failures, operating / high, operating / low, failures)


def downtime(down: Spans, exposure: float, level: float = LEVEL) -> Estimate:
    """Return the seconds down, and between what the like could lie in another period of this kind.

    The value is a fact, not a sample. The interval is about the service behind it: outages come at random
    (Poisson) and each weighs its length (Fay and Feuer's gamma limits).

    Args:
        down: the union of outages.
        exposure: length of the period so far, seconds.
        level: level of the interval, 0.95 by default.

    Raises:
        ValueError: more downtime than period.
    """
    lengths = down.ends - down.starts
    total = float(lengths.sum())
    if total > exposure * (1 + 1e-9) + 1e-6:
        raise ValueError(f"{total:g} s down in a period of {exposure:g} s")
    if exposure == 0:
        return not_estimable("the period has not begun")
    if not lengths.size:
        return Estimate(0.0, 0.0, None, 0, 0, "no outage yet, so how long one would last is unknown")
    tail = (1 - level) / 2
    squares, longest = float(np.sum(lengths**2)), float(lengths.max())
    low = squares / total * float(gammaincinv(total**2 / squares, tail))
    above, shape = squares + longest**2, total + longest
    high = above / shape * float(gammaincinv(shape**2 / above, 1 - tail))
    value = min(total, exposure)
    return Estimate(value, min(low, value), max(value, min(high, exposure)), len(down))


def availability(down: Spans, exposure: float, level: float = LEVEL) -> Estimate:
    """Return the share of a period in which the service was up. Arguments as :func:`downtime`."""
    lost = downtime(down, exposure, level)
    if lost.value is None:
        return lost
    return Estimate(
        1 - lost.value / exposure,
        None if lost.high is None else 1 - lost.high / exposure,
        None if lost.low is None else 1 - lost.low / exposure,
        lost.n,
        0,
        lost.reason,
    )


def error_budget_left(down_seconds: float, exposure: float, objective: float) -> Estimate:
    """Return what is left of the downtime that an objective allows, as a share of it; below 0 when overspent.

    Source: Google, Site Reliability Workbook, chapter 2.

    Args:
        down_seconds: seconds down in the period.
        exposure: length of the objective's whole period, seconds.
        objective: promised availability, at least 0 and below 1.

    Raises:
        ValueError: the objective is not below 1, or the period is empty.
    """
    if not 0 <= objective < 1:
        raise ValueError(f"an objective lies between 0 and 1, not {objective}")
    if exposure <= 0:
        raise ValueError("the objective's period is empty")
    return Estimate(1 - down_seconds / ((1 - objective) * exposure), None, None, 1)
