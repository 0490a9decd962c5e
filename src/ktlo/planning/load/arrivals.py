"""How many items arrive in a week: level that drifts, damped trend, season, more spread than Poisson.

Weekly counts come from a :class:`~ktlo.planning.load.history.History`; draws of the rate ahead go to a
``ClassDemand``. The level is followed by :mod:`ktlo.planning.load.level`, the season is fitted beforehand by
:mod:`ktlo.planning.load.season`. Parts of a whole start from their equal share of it (partial pooling).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ktlo.planning.load.level import Level, follow
from ktlo.planning.load.season import Season

Floats = npt.NDArray[np.float64]

LONGEST = 156
"""Weeks that the level is followed back."""
_WEAK = 0.5
"""Arrivals that the first belief is worth."""


@dataclass(frozen=True, slots=True, eq=False)
class Arrivals:
    """What is believed about the arrivals of several series after their last week.

    Attributes:
        level: of each series.
        season: of each series.
    """

    level: Level
    season: tuple[Season, ...]

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
        path, size = self.level.draw(series, weeks, draws, rng)
        season = self.season[series].draw(np.arange(week, week + weeks), draws, rng)
        return np.maximum(path * season, 1e-9), size


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
    start = max(0, length - LONGEST)
    if pooled is None:
        seasons = tuple(Season.fitted(row, first_week) for row in seen)
        before = np.array([_first_belief(row[start:]) for row in seen])
    else:
        whole = np.asarray(pooled, dtype=np.float64)
        seasons = (Season.fitted(whole, first_week),) * series
        before = np.full(series, _first_belief(whole[start:]) / max(1, series))
    factor = np.array([season.mean(np.arange(first_week, first_week + length)) for season in seasons])
    level = follow(seen[:, start:], factor[:, start:], before, np.full(series, _WEAK))
    return Arrivals(level, seasons)


def _first_belief(counts: Floats) -> float:
    """A level to begin with: the mean of the first half year that is not all storm."""
    if not counts.size:
        return 1.0
    early = np.sort(counts[:26])
    trimmed = early[: max(1, int(np.ceil(early.size * 0.9)))]
    return float(max(trimmed.mean(), counts.mean() * 0.1, 0.02))
