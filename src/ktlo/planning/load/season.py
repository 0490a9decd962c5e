"""The year's rhythm in weekly counts, shrunk to none where two years do not show one.

Two harmonics of the year on the ratio of each week to its centred yearly mean, with a normal prior around no
season (ridge regression as Bayesian posterior; Hastie, Tibshirani and Friedman, 3.4). Fewer than two years give
no season: a spring and the spring before it are the least that can tell a season from a trend.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ktlo.planning.load.weeks import YEAR

Floats = npt.NDArray[np.float64]

LEAST_WEEKS = 104
"""Weeks of history below which no season is fitted."""
_PRIOR_SD = 0.15
"""Standard deviation of a harmonic before anything is seen, relative to the level."""
_HARMONICS = 2
_WIDEST = 3.0
"""A season multiplies or divides by no more than this."""


@dataclass(frozen=True, slots=True, eq=False)
class Season:
    """Posterior of the harmonics; without any it is no season.

    Attributes:
        coefficients: mean, (2 * harmonics,).
        root: Cholesky factor of their covariance.
    """

    coefficients: Floats
    root: Floats

    @classmethod
    def fitted(cls, counts: Floats, first_week: int) -> Season:
        """Fit the rhythm of one series of weekly counts, oldest first."""
        if counts.size < LEAST_WEEKS or counts.sum() < 26:
            return cls(np.zeros(0), np.zeros((0, 0)))
        # A giant week is no season: what lies far above its year is brought back to the year's high end.
        yearly = _centred_mean(counts)
        bounded = np.minimum(counts, yearly + 3 * np.sqrt(yearly + yearly**2 / 2) + 1)
        yearly = np.maximum(_centred_mean(bounded), 1e-3)
        waves = _waves(np.arange(first_week, first_week + counts.size))
        ratio = bounded / yearly - 1
        noise = max(float(np.mean(ratio**2 * yearly)), 1.0)
        weight = yearly / noise
        precision = (waves * weight[:, None]).T @ waves + np.eye(waves.shape[1]) / _PRIOR_SD**2
        covariance = np.linalg.inv(precision)
        return cls(covariance @ (waves.T @ (weight * ratio)), np.linalg.cholesky(covariance))

    @property
    def is_there(self) -> bool:
        """True when a season was fitted at all."""
        return bool(self.coefficients.size)

    def mean(self, weeks: npt.ArrayLike) -> Floats:
        """Factor of each week by the mean of the harmonics, (weeks,)."""
        numbers = np.asarray(weeks)
        if not self.is_there:
            return np.ones(numbers.size)
        return _factor(_waves(numbers) @ self.coefficients)

    def draw(self, weeks: npt.ArrayLike, draws: int, rng: np.random.Generator) -> Floats:
        """Draw factors of weeks, (draws, weeks)."""
        numbers = np.asarray(weeks)
        if not self.is_there:
            return np.ones((draws, numbers.size))
        drawn = self.coefficients + rng.standard_normal((draws, self.coefficients.size)) @ self.root.T
        return _factor(drawn @ _waves(numbers).T)


def _factor(relative: Floats) -> Floats:
    factor: Floats = np.clip(1 + relative, 1 / _WIDEST, _WIDEST)
    return factor


def _waves(weeks: npt.NDArray[np.int64]) -> Floats:
    angle = 2 * np.pi * weeks / YEAR
    columns = [wave(k * angle) for k in range(1, _HARMONICS + 1) for wave in (np.cos, np.sin)]
    return np.stack(columns, axis=1).astype(np.float64)


def _centred_mean(counts: Floats) -> Floats:
    """Mean of the year around each week; at the ends, of the year that is nearest."""
    window = 53
    sums = np.concatenate(([0.0], np.cumsum(counts)))
    start = np.clip(np.arange(counts.size) - window // 2, 0, max(0, counts.size - window))
    end = np.minimum(start + window, counts.size)
    mean: Floats = (sums[end] - sums[start]) / np.maximum(end - start, 1)
    return np.maximum(mean, 1e-6)
