"""The statistics of other products: lower and interpolated medians, medians of daily medians, their rounding."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

from ktlo.metrics import survival
from ktlo.metrics.dialects.recipe import Counted
from ktlo.metrics.estimate import Estimate

DAY = 86400.0


def lower_median(values: Sequence[float]) -> float:
    """The lower middle value: MySQL's largest value with ``percent_rank() <= 0.5``, as DevLake writes it."""
    return sorted(values)[(len(values) - 1) // 2]


def interpolated_median(values: Sequence[float]) -> float:
    """The middle, or the mean of both middles: ``PERCENTILE_CONT(0.5)`` of BigQuery and PostgreSQL."""
    ordered = sorted(values)
    low, high = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return low + (high - low) / 2


def median_of_daily_medians(values: Sequence[float], moments: Sequence[float]) -> float:
    """GitLab's: a median for each UTC day, kept in whole seconds, then the median of those days, all alike.

    Args:
        values: seconds.
        moments: seconds since 1970, which day each belongs to.
    """
    days: defaultdict[int, list[float]] = defaultdict(list)
    for value, moment in zip(values, moments, strict=True):
        days[math.floor(moment / DAY)].append(value)
    return interpolated_median([half_up(interpolated_median(day)) for day in days.values()])


def mean(values: Sequence[float]) -> float:
    """The arithmetic mean."""
    return math.fsum(values) / len(values)


def half_up(value: float, unit: float = 1.0) -> float:
    """To the nearest multiple of ``unit``; a half goes away from zero, as MySQL and PostgreSQL round decimals."""
    return math.copysign(math.floor(abs(value) / unit + 0.5 + 1e-9), value) * unit


def whole(value: float, unit: float) -> float:
    """Cut to whole units towards zero: ``TIMESTAMPDIFF`` and ``TIMESTAMP_DIFF``, and Go's conversion to integers."""
    return math.trunc(round(value / unit, 9)) * unit


def started(value: float, unit: float) -> float:
    """Up to the next whole unit: DevLake's ``math.Ceil`` over minutes."""
    return math.ceil(round(value / unit, 9)) * unit


def kaplan_meier_median(rows: Sequence[Counted]) -> Estimate:
    """Ktlo's own median of durations, open rows included; what ends before it begins has none and is left out."""
    kept = [row for row in rows if row.amount >= 0]
    curve = survival.kaplan_meier([row.amount for row in kept], [not row.is_open for row in kept])
    return curve.quantile(0.5)
