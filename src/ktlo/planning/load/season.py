"""The year's rhythm in weekly counts, shrunk to none where the years do not agree on one.

Two harmonics of the year are read from each year by itself, on the ratio of each week to its centred yearly mean. How
much the years differ tells how far their mean is to be believed: a normal posterior around no season (empirical
Bayes; Efron and Morris, JASA 1975). A level that wanders looks like a season in any one year, and in a backtest a
season that was fitted to all weeks at once made forecasts worse. Fewer than two years give none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ktlo.planning.load.weeks import YEAR

Floats = npt.NDArray[np.float64]

LEAST_WEEKS = 104
"""Weeks of history below which no season is fitted."""
_PRIOR_SD = 0.12
"""Standard deviation of a harmonic before anything is seen, relative to the level."""
_HARMONICS = 2
_YEAR_WEEKS, _MOST_YEARS = 52, 6
_WIDEST = 3.0
"""A season multiplies or divides by no more than this."""


@dataclass(frozen=True, slots=True, eq=False)
class Season:
    """Posterior of the harmonics; without any it is no season.

    Attributes:
        coefficients: mean, (2 * harmonics,).
        root: square root of their covariance.
    """

    coefficients: Floats
    root: Floats

    @classmethod
    def fitted(cls, counts: Floats, first_week: int) -> Season:
        """Fit the rhythm of one series of weekly counts, oldest first."""
        if counts.size < LEAST_WEEKS or counts.sum() < 26:
            return cls(np.zeros(0), np.zeros((0, 0)))
        years = min(counts.size // _YEAR_WEEKS, _MOST_YEARS)
        recent = counts[counts.size - years * _YEAR_WEEKS :]
        first = first_week + counts.size - recent.size
        # A giant week is no season: what lies far above its year is brought back to the year's high end.
        yearly = _centred_mean(recent)
        bounded = np.minimum(recent, yearly + 3 * np.sqrt(yearly + yearly**2 / 2) + 1)
        ratio = bounded / np.maximum(_centred_mean(bounded), 1e-3) - 1
        waves = _waves(np.arange(first, first + recent.size)).reshape(years, _YEAR_WEEKS, -1)
        of_year = np.array(
            [
                np.linalg.lstsq(own, each, rcond=None)[0]
                for own, each in zip(waves, ratio.reshape(years, -1), strict=True)
            ]
        )
        # Two years tell their own difference poorly: it is taken to be larger than it looks.
        between = float(of_year.var(axis=0, ddof=1).mean()) / years * (1 + 2 / years)
        believed = _PRIOR_SD**2 / (_PRIOR_SD**2 + between)
        spread = _PRIOR_SD * np.sqrt(1 - believed)
        return cls(of_year.mean(axis=0) * believed, np.eye(of_year.shape[1]) * spread)

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
