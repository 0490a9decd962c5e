"""How long things take when some have not ended yet: the Kaplan-Meier curve and what is read from it.

Durations come from incidents, issues and changes (seconds, with "the end was seen" beside each); the curve
goes to quantiles, the restricted mean and charts. Kaplan and Meier 1958; variance after Greenwood 1926;
bands on the log(-log) scale (Kalbfleisch and Prentice 1980); quantile intervals by inverting the bands
(Brookmeyer and Crowley 1982); restricted mean as in Klein and Moeschberger, Survival Analysis, 4.5, its variance times
d / (d - 1) for d that have ended (Kaplan and Meier 1958).
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri, stdtrit

from ktlo.metrics.estimate import LEVEL, Estimate, not_estimable

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

POINTS = 400
"""A drawn curve has at most this many points: more cannot be told apart on a page."""

LEAST_ENDED = 5
"""Durations that have ended below which the restricted mean has no interval: the error is estimated from them, and
with one it is 0. Measured for 20,000 samples without censoring, the interval of 95% holds the mean of exponential
durations in 59% of samples of two, in 87% of five and 92% of twenty; of log-normal ones in 52%, 81% and 87%."""

_CLOSE = 1e-9
"""Products of a million factors carry rounding: 0.5 reached within this is reached."""


@dataclass(frozen=True, slots=True, eq=False)
class DrawnCurve:
    """Points of a step function that keeps its value until the next point; all arrays of one length.

    Attributes:
        times: seconds since the start, from 0 to the longest time watched.
        survival: share that has not ended after that time, 0 to 1.
        low: lower band.
        high: upper band.
    """

    times: Floats
    survival: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True, slots=True)
class RestrictedMean:
    """The mean time within a horizon: what "MTTR" can honestly mean while some are still open.

    Attributes:
        estimate: seconds, with Student's interval of as many degrees of freedom as ended, less one; no interval
            where fewer than :data:`LEAST_ENDED` have ended.
        standard_error: seconds; ``None`` when there is no estimate.
        horizon: seconds; a longer time counts as this much.
    """

    estimate: Estimate
    standard_error: float | None
    horizon: float


@dataclass(frozen=True, slots=True, eq=False)
class SurvivalCurve:
    """A Kaplan-Meier curve; the arrays have one entry for each distinct time at which something ended.

    Attributes:
        times: seconds, ascending.
        at_risk: how many were still open, and watched, just before that time.
        events: how many ended at that time.
        survival: share that is still open after that time.
        variance: Greenwood's sum, the variance of the logarithm of ``survival``; infinite at 0.
        low: lower band of ``survival``, pointwise.
        high: upper band of ``survival``, pointwise.
        n: how many durations.
        censored: how many of them had not ended.
        last: the longest time watched, seconds; 0 when there are none.
        level: level of the bands.
    """

    times: Floats
    at_risk: Counts
    events: Counts
    survival: Floats
    variance: Floats
    low: Floats
    high: Floats
    n: int
    censored: int
    last: float
    level: float

    def _reaches(self, curve: Floats, open_share: float) -> float | None:
        reached = np.flatnonzero(curve <= open_share + _CLOSE)
        return float(self.times[reached[0]]) if reached.size else None

    def quantile(self, p: float) -> Estimate:
        """Return the time by which a share ``p`` has ended, in seconds.

        The interval holds the times that the bands cannot exclude; an end that a band does not reach is
        ``None``.

        Args:
            p: share that has ended, above 0 and below 1; 0.5 is the median.

        Raises:
            ValueError: ``p`` is not between 0 and 1.
        """
        if not 0 < p < 1:
            raise ValueError(f"a quantile is between 0 and 1, not {p}")
        if self.n == 0:
            return not_estimable("there are none in this period")
        value = self._reaches(self.survival, 1 - p)
        if value is None:
            ended = 1 - self.survival[-1] if self.times.size else 0.0
            return Estimate(
                None,
                self._reaches(self.low, 1 - p),
                None,
                self.n,
                self.censored,
                f"the curve ends at {ended:.0%} finished and does not reach {p:.0%}:"
                f" {self.censored} of {self.n} had not ended",
            )
        return Estimate(
            value,
            self._reaches(self.low, 1 - p),
            self._reaches(self.high, 1 - p),
            self.n,
            self.censored,
        )

    def restricted_mean(self, horizon: float | None = None) -> RestrictedMean:
        """Return the mean time up to a horizon: the area under the curve.

        Args:
            horizon: seconds; the longest time watched when not given. Give one to compare groups, since
                means up to different horizons are different quantities.

        Raises:
            ValueError: the horizon is negative.
        """
        if horizon is not None and horizon < 0:
            raise ValueError(f"a horizon cannot be negative, got {horizon}")
        until = self.last if horizon is None else horizon
        if self.n == 0:
            return RestrictedMean(not_estimable("there are none in this period"), None, until)
        if self.times.size == 0:
            return RestrictedMean(
                not_estimable(f"none of the {self.n} has ended yet", self.n, self.censored), None, until
            )
        if until > self.last and self.survival[-1] > _CLOSE:
            reason = f"nothing was watched for that long: the longest is {self.last:.0f} s"
            return RestrictedMean(not_estimable(reason, self.n, self.censored), None, until)
        inside = self.times < until
        edges = np.concatenate(([0.0], self.times[inside], [until]))
        areas = np.diff(edges) * np.concatenate(([1.0], self.survival[inside]))
        mean = min(until, float(areas.sum()))
        after = np.cumsum(areas[::-1])[::-1][1:]
        left = self.at_risk[inside] - self.events[inside]
        jumps = np.divide(
            self.events[inside], self.at_risk[inside] * left, out=np.zeros(left.size), where=left > 0
        )
        error = float(np.sqrt(np.sum(after**2 * jumps)))
        ended = int(self.events.sum())
        if ended < LEAST_ENDED:
            reason = f"an interval of the mean needs {LEAST_ENDED} that have ended, there {_are(ended)}"
            return RestrictedMean(Estimate(mean, None, None, self.n, self.censored, reason), error, until)
        # Greenwood's variance is too small by (d - 1) / d for d that have ended, and is itself estimated.
        wider = float(stdtrit(ended - 1, (1 + self.level) / 2)) * math.sqrt(ended / (ended - 1))
        margin = wider * error
        estimate = Estimate(mean, max(0.0, mean - margin), min(until, mean + margin), self.n, self.censored)
        return RestrictedMean(estimate, error, until)

    def drawn(self, points: int = POINTS) -> DrawnCurve:
        """Return the curve in few points, never off by more than about 2 / ``points``.

        Half of the points are spread over the drop, so that no step is lost, and half over time, so that
        the band's shape is kept in long tails.

        Args:
            points: the most there may be, at least 8.
        """
        chosen = np.arange(self.times.size)
        if chosen.size > points - 2:
            half = (points - 2) // 2
            levels = np.linspace(1.0, self.survival[-1], half + 1)[1:]
            by_drop = np.searchsorted(-self.survival, -levels - _CLOSE, side="left")
            by_time = np.searchsorted(self.times, np.linspace(0.0, self.times[-1], half + 1)[1:])
            chosen = np.unique(np.clip(np.concatenate((by_drop, by_time)), 0, self.times.size - 1))
        times = np.concatenate(([0.0], self.times[chosen], [self.last]))

        def column(values: Floats) -> Floats:
            inner = values[chosen]
            return np.concatenate(([1.0], inner, [inner[-1] if inner.size else 1.0]))

        return DrawnCurve(times, column(self.survival), column(self.low), column(self.high))


def _are(number: int) -> str:
    return "is 1" if number == 1 else f"are {number}"


def checked(durations: npt.ArrayLike, observed: npt.ArrayLike) -> tuple[Floats, Flags]:
    """Return both as arrays.

    Raises:
        ValueError: different lengths, a negative duration, or one that is no number.
    """
    times = np.asarray(durations, dtype=np.float64)
    seen = np.asarray(observed, dtype=np.bool_)
    if times.shape != seen.shape or times.ndim != 1:
        raise ValueError(f"{times.shape} durations, but {seen.shape} flags that say whether they ended")
    if times.size and not np.isfinite(times).all():
        raise ValueError("every duration must be a number; leave out those without a start")
    if times.size and times.min() < 0:
        raise ValueError(f"durations cannot be negative, got {times.min():g} s")
    return times, seen


def kaplan_meier(
    durations: npt.ArrayLike,
    observed: npt.ArrayLike,
    entries: npt.ArrayLike | None = None,
    level: float = LEVEL,
) -> SurvivalCurve:
    """Estimate the share still open after each time, from durations of which some have not ended.

    With ``entries``, one that entered late counts as at risk after its entry only (left truncation): the
    period of risk is (entry, duration], or from 0 on when the entry is 0. Those whose entry equals their
    duration were never watched and do not count.

    Args:
        durations: (n,) seconds from start to end, or to when it was last seen; 0 is legal.
        observed: (n,) True where the end was seen, False where it is censored.
        entries: (n,) seconds from start to when it came under watch; all 0 when not given.
        level: level of the bands, 0.95 by default.

    Raises:
        ValueError: lengths differ; a negative or missing duration; an entry after the end.
    """
    times, seen = checked(durations, observed)
    entered = np.zeros(0)
    if entries is not None:
        begun = np.asarray(entries, dtype=np.float64)
        if begun.shape != times.shape:
            raise ValueError(f"{times.shape} durations, but {begun.shape} entries")
        if not np.all((begun >= 0) & (begun <= times)):
            raise ValueError("every entry must lie between 0 and the duration")
        watched = (begun < times) | (begun == 0)
        times, seen, begun = times[watched], seen[watched], begun[watched]
        entered = np.sort(begun[begun > 0])
    at, deaths = np.unique(times[seen], return_counts=True)
    gone = np.searchsorted(np.sort(times), at, side="left")
    waiting = entered.size - np.searchsorted(entered, at, side="left")
    at_risk = (times.size - gone - waiting).astype(np.int64)
    events = deaths.astype(np.int64)
    left = (at_risk - events).astype(np.float64)
    survival: Floats = np.cumprod(left / at_risk).astype(np.float64)
    jumps = np.divide(events, at_risk * left, out=np.full(left.size, np.inf), where=left > 0)
    variance = np.cumsum(jumps)
    low, high = _bands(survival, variance, level)
    return SurvivalCurve(
        times=at,
        at_risk=at_risk,
        events=events,
        survival=survival,
        variance=variance,
        low=low,
        high=high,
        n=int(times.size),
        censored=int(times.size - np.count_nonzero(seen)),
        last=float(times.max()) if times.size else 0.0,
        level=level,
    )


def _bands(survival: Floats, variance: Floats, level: float) -> tuple[Floats, Floats]:
    inner = survival > 0
    low, high = np.zeros(survival.size), np.zeros(survival.size)
    log = np.log(survival[inner])
    power = np.exp(float(ndtri((1 + level) / 2)) * np.sqrt(variance[inner]) / -log)
    low[inner], high[inner] = np.exp(log * power), np.exp(log / power)
    # At 0 Greenwood's variance is infinite. The upper band is kept where it was, so that a last one at
    # risk does not pretend to settle the tail.
    count = int(np.count_nonzero(inner))
    high[count:] = high[count - 1] if count else 1.0
    return low, high


def summarise(
    durations: npt.ArrayLike, observed: npt.ArrayLike, entries: npt.ArrayLike | None = None
) -> dict[str, Estimate]:
    """Return what is said about durations: ``p50``, ``p75``, ``p90``, ``mean`` (seconds), ``count``, ``open``.

    ``mean`` is restricted to the longest time watched. Arguments and errors as :func:`kaplan_meier`.
    """
    curve = kaplan_meier(durations, observed, entries)
    figure = functools.partial(Estimate, low=None, high=None, n=curve.n, censored=curve.censored)
    return {
        "p50": curve.quantile(0.50),
        "p75": curve.quantile(0.75),
        "p90": curve.quantile(0.90),
        "mean": curve.restricted_mean().estimate,
        "count": figure(value=float(curve.n)),
        "open": figure(value=float(curve.censored)),
    }
