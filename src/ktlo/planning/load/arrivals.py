"""How many items arrive in a week: level that drifts, damped trend, season, more spread than Poisson.

Weekly counts come from a :class:`~ktlo.planning.load.history.History`; draws of the rate ahead go to a
``ClassDemand``. A discounted Gamma-Poisson filter (West and Harrison, Bayesian Forecasting and Dynamic Models,
2nd ed., chapter 14; Gamma-Poisson conjugacy) runs for a grid of drifts, trends and dispersions, and each is
believed as far as it predicted the weeks (Bayesian model averaging). The trend is damped as in Gardner and
McKenzie, Management Science 1985. One giant week moves the level by a bounded amount (Huber's score), so a storm
is forgotten and a lasting shift is learned within weeks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincinv, gammaln

from ktlo.planning.load.season import Season

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_DRIFT = np.array([0.01, 0.03, 0.07, 0.15])
"""Standard deviation of what a week adds to the logarithm of the level."""
_DRIFT_PRIOR = np.array([0.3, 0.4, 0.25, 0.05])
_GROWTH = np.array([-0.01, 0.0, 0.01])
"""Trend of the logarithm of the level, a week."""
_GROWTH_PRIOR = np.array([0.15, 0.7, 0.15])
_SIZE = np.array([0.7, 2.0, 6.0, 20.0, np.inf])
"""Size r of the negative binomial; variance = mean + mean² / r."""
_SIZE_PRIOR = np.array([0.1, 0.25, 0.3, 0.2, 0.15])
_DAMPED = 0.9
"""Part of the trend that is left after each further week ahead."""
_MEMORY = 0.985
"""How much of the evidence for a model is left after each week: last year counts for half."""
_BOUND = 3.0
"""A week further off than so many standard deviations moves the level no more than one that is so far off."""
_LONGEST = 156
"""Weeks that the filter looks back."""
_WEAK = 0.5
"""Arrivals that the first belief is worth."""

_GRID = np.array(np.meshgrid(_DRIFT, _GROWTH, _SIZE, indexing="ij")).reshape(3, -1)
_PRIOR = np.log(
    (_DRIFT_PRIOR[:, None, None] * _GROWTH_PRIOR[None, :, None] * _SIZE_PRIOR[None, None, :]).reshape(-1)
)


@dataclass(frozen=True, slots=True, eq=False)
class Arrivals:
    """What is believed about the arrivals of several series after their last week.

    Attributes:
        shape: of the Gamma distribution of each level and model, (series, models).
        scale: mean of that distribution over its shape, (series, models).
        weight: probability of each model, (series, models).
        season: by series.
        fitted: mean that was expected of each week before it was seen, (series, weeks); the last
            ``_LONGEST`` at most.
        low: 10% quantile of what was expected, (series, weeks).
        high: 90% quantile, (series, weeks).
    """

    shape: Floats
    scale: Floats
    weight: Floats
    season: tuple[Season, ...]
    fitted: Floats
    low: Floats
    high: Floats

    def draw(
        self, series: int, weeks: int, draws: int, rng: np.random.Generator, week: int
    ) -> tuple[Floats, Floats]:
        """Draw the rate in each week ahead, and the dispersion.

        Args:
            series: which.
            weeks: how many weeks ahead.
            draws: how many draws.
            rng: where they come from.
            week: number of the first week ahead; the season needs it.

        Returns:
            Rates of shape (draws, weeks) and sizes of shape (draws,); ``inf`` is Poisson.
        """
        model = rng.choice(_GRID.shape[1], size=draws, p=self.weight[series])
        drift, growth, size = _GRID[:, model]
        level = rng.standard_gamma(self.shape[series, model]) * self.scale[series, model]
        steps = rng.standard_normal((draws, weeks)) * drift[:, None] - drift[:, None] ** 2 / 2
        trend = growth[:, None] * _DAMPED ** np.arange(1, weeks + 1)
        path = np.exp(np.cumsum(steps + trend, axis=1))
        season = self.season[series].draw(np.arange(week, week + weeks), draws, rng)
        return np.maximum(level[:, None] * path * season, 1e-9), size


def fit_arrivals(counts: npt.ArrayLike, first_week: int, pooled: npt.ArrayLike | None = None) -> Arrivals:
    """Fit several series of weekly counts at once.

    Args:
        counts: (series, weeks) items that arrived.
        first_week: number of the first week.
        pooled: (weeks,) counts of which the series are parts, such as those of all services: what a part is
            believed to be before it is seen is its equal share, and the season is the whole's.
    """
    seen = np.asarray(counts, dtype=np.float64)
    series, length = seen.shape
    start = max(0, length - _LONGEST)
    if pooled is None:
        seasons = tuple(Season.fitted(row, first_week) for row in seen)
        before = np.array([_first_belief(row[start:]) for row in seen])
    else:
        whole = np.asarray(pooled, dtype=np.float64)
        seasons = (Season.fitted(whole, first_week),) * series
        before = np.full(series, _first_belief(whole[start:]) / max(1, series))
    factor = np.array([season.mean(np.arange(first_week, first_week + length)) for season in seasons])
    return _filtered(seen[:, start:], factor[:, start:], before, seasons)


def _first_belief(counts: Floats) -> float:
    """A level to begin with: the mean of the first half year that is not all storm."""
    if not counts.size:
        return 1.0
    early = np.sort(counts[:26])
    trimmed = early[: max(1, int(np.ceil(early.size * 0.9)))]
    return float(max(trimmed.mean(), counts.mean() * 0.1, 0.02))


def _filtered(counts: Floats, factor: Floats, before: Floats, seasons: tuple[Season, ...]) -> Arrivals:
    drift, growth, size = _GRID
    series, length = counts.shape
    models = drift.size
    shape = np.full((series, models), _WEAK)
    rate = np.repeat((_WEAK / before)[:, None], models, axis=1)
    evidence = np.repeat(_PRIOR[None, :], series, axis=0)
    fitted, low, high = (np.zeros((series, length)) for _ in range(3))
    inverse_size = 1 / size
    gain = np.exp(growth)
    for week in range(length):
        # A drift adds drift² to the variance of the logarithm, which is about 1 / shape.
        spread = 1 / (1 / shape + drift**2)
        rate = rate * (spread / shape) / gain
        shape = spread
        mean = shape / rate * factor[:, week, None]
        thickness = 1 / shape + inverse_size + inverse_size / shape
        weight = _softmax(evidence)
        fitted[:, week] = (weight * mean).sum(axis=1)
        variance = (weight * (mean + mean**2 * thickness)).sum(axis=1)
        low[:, week], high[:, week] = _span(fitted[:, week], variance)
        y = counts[:, week, None]
        evidence = (
            _MEMORY * evidence
            + (1 - _MEMORY) * _PRIOR
            + np.maximum(_log_probability(y, mean, 1 / thickness), -12.0)
        )
        deviation = np.sqrt(mean + mean**2 * thickness)
        bounded = np.clip(y, mean - _BOUND * deviation, mean + _BOUND * deviation)
        # The negative binomial tells less about the level than a Poisson count would.
        trust = 1 / (1 + mean * inverse_size)
        shape = shape + trust * bounded
        rate = rate + trust * factor[:, week, None]
    return Arrivals(
        shape=shape,
        scale=1 / rate,
        weight=_softmax(evidence),
        season=seasons,
        fitted=fitted,
        low=low,
        high=high,
    )


def _softmax(evidence: Floats) -> Floats:
    weight: Floats = np.exp(evidence - evidence.max(axis=1, keepdims=True))
    weight /= weight.sum(axis=1, keepdims=True)
    return weight


def _log_probability(y: Floats, mean: Floats, size: Floats) -> Floats:
    """Logarithm of the negative binomial probability."""
    log: Floats = (
        gammaln(y + size)
        - gammaln(size)
        - gammaln(y + 1)
        + size * np.log(size / (size + mean))
        + y * np.log(mean / (size + mean))
    )
    return log


def _span(mean: Floats, variance: Floats) -> tuple[Floats, Floats]:
    """10% and 90% quantiles of a Gamma distribution with this mean and variance."""
    shape = np.maximum(mean**2 / np.maximum(variance, 1e-12), 1e-6)
    low: Floats = gammaincinv(shape, 0.1) * mean / shape
    high: Floats = gammaincinv(shape, 0.9) * mean / shape
    return low, high
