"""Hours a week that work takes, as levels that drift: of each class, of all effort, and of one as a share of the other.

The filter of :mod:`ktlo.planning.load.level` follows hours in a unit in which they vary as counts do: a week of n
items that take m hours each, give or take cv, has the variance n·m²·(1 + cv²), so the unit is m·(1 + cv²) (compound
Poisson). The share is the level of arrived hours with all hours as exposure: a busy week has more of both. Followed
so, last week counts more than last year, and how much more is learned; a backtest of three repositories and a tracker
showed this better than hours per item times items (docs/planning-load.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ktlo.planning.load.arrivals import LONGEST
from ktlo.planning.load.heavy_tails import BELIEVED, Amounts, Belief, draw_means
from ktlo.planning.load.level import Level, follow
from ktlo.planning.load.season import Season

Floats = npt.NDArray[np.float64]

_YOUNG = 13.0
"""Weeks of history in which what is still to come on open items counts in full; later it counts less."""
_TOGETHER = 0.8
"""Correlation that is taken between what a class brings in items and in hours."""
_PIECE = 4.0
"""Hours of a piece of effort of any kind: the unit in which all hours together vary as counts do."""


_WIDEST = 1.0
"""More spread than this between items is left to the filter, which then bounds what a giant week does."""


@dataclass(frozen=True, slots=True, eq=False)
class ClassHours:
    """What is believed about the hours that several classes or services take in a week.

    Attributes:
        level: of each series, in its unit.
        unit: hours, (series,).
        season: of each series.
        end_week: number of the first week ahead.
    """

    level: Level
    unit: Floats
    season: tuple[Season, ...]
    end_week: int

    def draw(self, series: int, weeks: int, draws: int, rng: np.random.Generator) -> Floats:
        """Draw the hours of a week ahead, on average over so many weeks, (draws,)."""
        path, _ = self.level.draw(series, weeks, draws, rng)
        season = self.season[series].mean(np.arange(self.end_week, self.end_week + weeks))
        drawn: Floats = (path * season).mean(axis=1) * self.unit[series]
        return drawn


def fit_class_hours(
    hours: Floats,
    items: Floats,
    season: Sequence[Season],
    beliefs: Sequence[Belief],
    cv: Floats,
    first_week: int,
) -> ClassHours:
    """Follow the hours of several classes or services at once.

    Args:
        hours: spent in each past week, (series, weeks).
        items: that usually arrive in a week, (series,).
        season: of the arrivals of each.
        beliefs: what an item of each is believed to take before any is seen.
        cv: how much items of each differ, (series,).
        first_week: number of the first past week.
    """
    each = np.array([belief.mean for belief in beliefs])
    thick = 1 + np.minimum(cv, _WIDEST) ** 2
    unit = each * thick
    weeks = hours.shape[1]
    past = np.arange(first_week, first_week + weeks)
    exposure = np.array([one.mean(past) for one in season])
    level = follow(
        (hours / unit[:, None])[:, -LONGEST:],
        exposure[:, -LONGEST:],
        np.maximum(items * each, 1e-6) / unit,
        BELIEVED / thick,
    )
    return ClassHours(level, unit, tuple(season), first_week + weeks)


def draw_effort(
    arrived: Floats, everything: Floats, first_week: int, weeks: int, draws: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Draw the hours of all effort in a week ahead, and the share of them that arrives by itself, both (draws,).

    Args:
        arrived: hours of work that arrived by itself in each past week, (weeks,).
        everything: hours of all effort, (weeks,).
        first_week: number of the first past week.
        weeks: how many ahead.
        draws: how many.
        rng: where they come from.
    """
    season = Season.fitted(everything / _PIECE, first_week)
    past = season.mean(np.arange(first_week, first_week + everything.size))
    ahead = season.mean(np.arange(weeks) + first_week + everything.size)
    some = slice(-LONGEST, None)
    usual = max(float(everything[some].mean()) if everything.size else 0.0, 1e-6)
    share = max(float(arrived[some].sum()), 1e-6) / max(float(everything[some].sum()), 1e-6)
    level = follow(
        np.stack((everything[some], arrived[some])) / _PIECE,
        np.stack((past[some], np.maximum(everything[some], 1e-6))),
        np.array([usual, share]) / _PIECE,
        np.array([0.5, 0.5]),
    )
    hours, size = level.draw(0, weeks, draws, rng)
    part, part_size = level.draw(1, weeks, draws, rng)
    # A week is not its level: what is left of that noise in the mean of so many weeks.
    drawn_hours = (hours * ahead).mean(axis=1) * _PIECE * _noise(size, weeks, rng)
    drawn_share = part.mean(axis=1) * _PIECE * _noise(part_size, weeks, rng)
    return drawn_hours, np.clip(drawn_share, 0.0, 1.0)


def _noise(size: Floats, weeks: int, rng: np.random.Generator) -> Floats:
    """Factor of mean 1 by which the mean of some weeks differs from the level."""
    shape = np.minimum(size, 1e6) * weeks
    factor: Floats = rng.standard_gamma(shape) / shape
    return factor


def hours_each(hours: Floats, rate: Floats, rng: np.random.Generator) -> Floats:
    """Hours of an item in each draw: hours of the class over its items, both high or both low more often than not.

    Args:
        hours: of the class in a week, (draws,).
        rate: items in a week, (draws,).
        rng: for what is not common to both.
    """
    rank = np.argsort(np.argsort(rate)) / max(rate.size - 1, 1)
    both = _TOGETHER * (rank - 0.5) * np.sqrt(12) + np.sqrt(1 - _TOGETHER**2) * rng.standard_normal(rate.size)
    paired = np.empty_like(hours)
    paired[np.argsort(both)] = np.sort(hours)
    return np.maximum(paired / np.maximum(rate, 1e-9), 1e-6)


def still_to_come(amounts: Amounts, before: Belief, weeks: int, rng: np.random.Generator) -> float:
    """Factor by which a young history understates what its items take, since most of the open ones is to come.

    Args:
        amounts: hours of the items so far, and which are final.
        before: what is believed of an item before any is seen.
        weeks: weeks of history.
        rng: where draws come from.
    """
    if amounts.is_known.all():
        return 1.0
    final = Amounts(amounts.values, np.ones(amounts.values.size, dtype=np.bool_), amounts.weights)
    mean, so_far = (draw_means(each, before, 200, rng)[0].mean() for each in (amounts, final))
    return float(np.clip(mean / max(so_far, 1e-9), 1.0, 5.0) ** min(1.0, _YOUNG / max(weeks, 1)))
