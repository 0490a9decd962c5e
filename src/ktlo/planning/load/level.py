"""A level that drifts, followed through noisy weeks: the filter behind arrivals and behind hours an item takes.

A discounted Gamma-Poisson filter (West and Harrison, Bayesian Forecasting and Dynamic Models, 2nd ed., chapter 14)
runs for a grid of drifts, trends and dispersions at once; each is believed as far as it predicted the weeks
(Bayesian model averaging; Hoeting et al., Statistical Science 1999), recent weeks more. One giant week moves the
level by a bounded amount (Huber's score), so a storm is forgotten and a lasting shift is learned within weeks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincinv, gammaln

Floats = npt.NDArray[np.float64]

_DRIFT = np.array([0.01, 0.03, 0.07, 0.15])
"""Standard deviation of what a week adds to the logarithm of the level."""
_DRIFT_PRIOR = np.array([0.3, 0.4, 0.25, 0.05])
_GROWTH = np.array([-0.01, 0.0, 0.01])
"""Trend of the logarithm of the level, a week."""
_GROWTH_PRIOR = np.array([0.15, 0.7, 0.15])
_SIZE = np.array([0.7, 2.0, 6.0, 20.0, np.inf])
"""Size r of the negative binomial; variance = mean + mean² / r."""
_SIZE_PRIOR = np.array([0.1, 0.25, 0.3, 0.2, 0.15])
DAMPED = 0.9
"""Part of the trend that is left after each further week ahead (Gardner and McKenzie, Management Science 1985)."""
_MEMORY = 0.985
"""How much of the evidence for a model is left after each week: last year counts for half."""
_BOUND = 3.0
"""A week further off than so many standard deviations moves the level no more than one that is so far off."""

GRID = np.array(np.meshgrid(_DRIFT, _GROWTH, _SIZE, indexing="ij")).reshape(3, -1)
_PRIOR = np.log(
    (_DRIFT_PRIOR[:, None, None] * _GROWTH_PRIOR[None, :, None] * _SIZE_PRIOR[None, None, :]).reshape(-1)
)


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """What is believed about the levels of several series after their last week.

    Attributes:
        shape: of the Gamma distribution of each level and model, (series, models).
        scale: mean of that distribution over its shape, (series, models).
        weight: probability of each model, (series, models).
        fitted: mean that was expected of each week before it was seen, (series, weeks).
        low: 10% quantile of what was expected, (series, weeks).
        high: 90% quantile, (series, weeks).
    """

    shape: Floats
    scale: Floats
    weight: Floats
    fitted: Floats
    low: Floats
    high: Floats

    def draw(self, series: int, weeks: int, draws: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Draw the level in each week ahead, (draws, weeks), and the size of the noise around it, (draws,)."""
        model = rng.choice(GRID.shape[1], size=draws, p=self.weight[series])
        now = rng.standard_gamma(self.shape[series, model]) * self.scale[series, model]
        drift, growth, size = GRID[:, model]
        steps = rng.standard_normal((draws, weeks)) * drift[:, None] - drift[:, None] ** 2 / 2
        trend = growth[:, None] * DAMPED ** np.arange(1, weeks + 1)
        path: Floats = now[:, None] * np.exp(np.cumsum(steps + trend, axis=1))
        return path, size


def follow(counts: Floats, exposure: Floats, before: Floats, worth: Floats) -> Level:
    """Follow several levels through the weeks.

    Args:
        counts: what was seen, (series, weeks); amounts in a unit in which they vary as counts do are legal.
        exposure: what multiplies the level in each week, such as the season, (series, weeks).
        before: level believed beforehand, (series,).
        worth: how many counts that belief is worth, (series,).
    """
    drift, growth, size = GRID
    series, length = counts.shape
    models = drift.size
    shape = np.repeat(worth[:, None], models, axis=1)
    rate = np.repeat((worth / before)[:, None], models, axis=1)
    evidence = np.repeat(_PRIOR[None, :], series, axis=0)
    fitted, spread = np.zeros((series, length)), np.zeros((series, length))
    inverse_size = 1 / size
    gain = np.exp(growth)
    for week in range(length):
        # A drift adds drift² to the variance of the logarithm, which is about 1 / shape.
        wider = 1 / (1 / shape + drift**2)
        rate = rate * (wider / shape) / gain
        shape = wider
        factor = exposure[:, week, None]
        mean = np.maximum(shape / rate * factor, 1e-12)
        thickness = 1 / shape + inverse_size + inverse_size / shape
        weight = _softmax(evidence)
        fitted[:, week] = (weight * mean).sum(axis=1)
        spread[:, week] = (weight * (mean + mean**2 * thickness)).sum(axis=1)
        y = counts[:, week, None]
        told = np.maximum(_log_probability(y, mean, 1 / thickness), -12.0)
        evidence = _MEMORY * evidence + (1 - _MEMORY) * _PRIOR + told
        deviation = np.sqrt(mean + mean**2 * thickness)
        bounded = np.minimum(y, mean + _BOUND * deviation)
        # The negative binomial tells less about the level than a Poisson count would.
        trust = 1 / (1 + mean * inverse_size)
        shape = shape + trust * bounded
        rate = rate + trust * factor
    low, high = _span(fitted, spread)
    return Level(shape, 1 / rate, _softmax(evidence), fitted, low, high)


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
