"""Does a series rise or fall, and into which days, weeks and months is a period cut?

Series come from debt and complexity definitions, period and grain from a question; slopes and buckets go
back to them. Slope: Theil 1950 and Sen, JASA 1968, 63:1379-1389; test: Mann 1945 and Kendall 1975 with
the correction for ties. Both assume that the points do not follow their neighbours too closely.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from ktlo.metrics.estimate import LEVEL, Estimate, not_estimable
from ktlo.wording import counted

GrainName = Literal["day", "week", "month", "quarter"]

FEWEST = 4
"""With fewer points no direction can be told from chance."""

_MOST = 3_000
"""A slope looks at every pair of points; a longer series is thinned evenly to this many."""


class Bucket(NamedTuple):
    """A half-open stretch of time.

    Attributes:
        start: first moment inside, UTC.
        end: first moment after, UTC.
    """

    start: dt.datetime
    end: dt.datetime


@dataclass(frozen=True, slots=True)
class Trend:
    """Direction of a series.

    Attributes:
        slope: change of the value per unit of time.
        p_value: two-sided, of Mann and Kendall's test; ``None`` with too few points.
    """

    slope: Estimate
    p_value: float | None

    @property
    def is_detectable(self) -> bool:
        """True when chance alone would show such a direction in fewer than 5% of cases."""
        return self.p_value is not None and self.p_value < 1 - LEVEL


def mann_kendall(values: npt.ArrayLike) -> float | None:
    """Return the two-sided p-value of a monotone trend; ``None`` with fewer than four points.

    Args:
        values: (n,) in order of time.
    """
    series = np.asarray(values, dtype=np.float64)
    n = series.size
    if n < FEWEST:
        return None
    score = sum(float(np.sign(series[i + 1 :] - series[i]).sum()) for i in range(n - 1))
    ties = np.unique(series, return_counts=True)[1].astype(np.float64)
    variance = (n * (n - 1) * (2 * n + 5) - float(np.sum(ties * (ties - 1) * (2 * ties + 5)))) / 18
    if score == 0 or variance <= 0:
        return 1.0
    return float(2 * ndtr(-(abs(score) - 1) / math.sqrt(variance)))


def trend(times: npt.ArrayLike, values: npt.ArrayLike) -> Trend:
    """Return slope and test of a series; points without a value are left out.

    Args:
        times: (n,) in the unit that the slope is wanted in, such as years.
        values: (n,) NaN where there is none.

    Raises:
        ValueError: different lengths.
    """
    x, y = np.asarray(times, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if x.shape != y.shape or x.ndim != 1:
        raise ValueError(f"{x.shape} times, but {y.shape} values")
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    order = np.argsort(x, kind="stable")
    x, y = x[order], y[order]
    n = int(x.size)
    if n < FEWEST:
        return Trend(not_estimable(f"{counted(n, 'points')}; a trend needs {FEWEST}", n), None)
    if x[0] == x[-1]:
        return Trend(not_estimable("all points are of one moment", n), None)
    if n > _MOST:
        chosen = np.unique(np.linspace(0, n - 1, _MOST).round().astype(np.int64))
        x, y = x[chosen], y[chosen]
    from scipy.stats import theilslopes  # a second to import, so only where a slope is asked for

    fit = theilslopes(y, x, alpha=LEVEL)
    slope, low, high = float(fit.slope), float(fit.low_slope), float(fit.high_slope)
    return Trend(Estimate(slope, min(low, slope), max(high, slope), n), mann_kendall(y))


def buckets(start: dt.datetime, end: dt.datetime, grain: GrainName | str) -> tuple[Bucket, ...]:
    """Cut a period at the edges of days, weeks (from Monday), months or quarters, all in UTC.

    The first and the last bucket are cut off at the period, so that the buckets cover it exactly.

    Args:
        start: first moment of the period (aware).
        end: first moment after it (aware); no buckets when it is not after ``start``.
        grain: ``day``, ``week``, ``month`` or ``quarter``.

    Raises:
        ValueError: another grain, or a time without its zone.
    """
    if start.tzinfo is None or end.tzinfo is None:
        raise ValueError("times need a time zone")
    first, last = start.astimezone(dt.UTC), end.astimezone(dt.UTC)
    found: list[Bucket] = []
    while first < last:
        edge = min(_next_edge(first, grain), last)
        found.append(Bucket(first, edge))
        first = edge
    return tuple(found)


def _next_edge(moment: dt.datetime, grain: str) -> dt.datetime:
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    match grain:
        case "day":
            return day + dt.timedelta(days=1)
        case "week":
            return day + dt.timedelta(days=7 - day.weekday())
        case "month":
            months = day.month
        case "quarter":
            months = (day.month - 1) // 3 * 3 + 3
        case _:
            raise ValueError(f"a series has a grain of day, week, month or quarter, not {grain!r}")
    return day.replace(year=day.year + months // 12, month=months % 12 + 1, day=1)
