"""The rules that are compared: ktlo's forecast, a fixed 20%, last quarter, and the mean of the year.

Each says a middle for hours and share at every origin; how wide it is follows, for every rule alike, from its own
errors at earlier origins whose outcome was known by then. So no rule is given a width that it did not earn.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ktlo.planning.backtest.forecast import drawn_hours, drawn_share
from ktlo.planning.backtest.origins import Origins
from ktlo.planning.load.history import History

Floats = npt.NDArray[np.float64]

LEVELS = np.array([0.1, 0.25, 0.5, 0.75, 0.9])
FIXED = 0.2
"""The share that advice names: one day a week."""
_LAST, _YEAR = 13, 52
_PSEUDO = np.array([0.2, 0.5])
"""Errors (of logarithms) that a rule is believed to make before it has made any."""
PRACTICE = 4
"""Earlier errors that every rule has made before it is scored: until then its width is a guess."""
_LEARNED = 8.0
"""How many earlier forecasts ktlo's own width is worth when it is corrected by its errors."""
_ONE_HOUR = 1.0
"""Added to both sides before logarithms are taken: a quarter without an hour is legal."""


class Policy(enum.StrEnum):
    """A rule."""

    KTLO = "ktlo"
    FIXED = "fixed"
    LAST_QUARTER = "last_quarter"
    TRAILING_MEAN = "trailing_mean"


@dataclass(frozen=True, slots=True, eq=False)
class Forecasts:
    """What one rule said at every origin.

    Attributes:
        hours: quantiles of the hours, (origins, levels).
        share: quantiles of the share, (origins, levels).
    """

    hours: Floats
    share: Floats


def forecast_all(
    history: History, origins: Origins, horizon: int, seed: int, report: Callable[[int, int], None]
) -> dict[Policy, Forecasts]:
    """What every rule said at every origin, from nothing but what was known then.

    Args:
        history: the whole of it; cut here.
        origins: where to stand.
        horizon: weeks ahead.
        seed: of ktlo's draws.
        report: called with how many origins are done, and of how many.
    """
    own_hours, own_share = np.zeros((len(origins), LEVELS.size)), np.zeros((len(origins), LEVELS.size))
    for index, week in enumerate(origins.weeks):
        known = history.known_before(int(week))
        rng = np.random.default_rng([seed, 4000, int(week)])
        own_hours[index] = np.quantile(drawn_hours(known, horizon, rng), LEVELS)
        own_share[index] = np.quantile(drawn_share(known, horizon, rng), LEVELS)
        report(index + 1, len(origins))
    late = known_outcomes(origins, horizon)
    found = {
        Policy.KTLO: Forecasts(
            _corrected(own_hours, origins.hours, late, _ONE_HOUR),
            np.minimum(_corrected(own_share, origins.share, late, 0.005), 1.0),
        )
    }
    for policy, (hours, share) in _baselines(history, origins, horizon).items():
        found[policy] = Forecasts(
            _widened(hours, origins.hours, late, _ONE_HOUR),
            np.minimum(_widened(share, origins.share, late, 0.005), 1.0),
        )
    return found


def known_outcomes(origins: Origins, horizon: int) -> list[int]:
    """For each origin, how many earlier ones had their outcome by then."""
    return [int(np.count_nonzero(origins.weeks + horizon <= week)) for week in origins.weeks]


def _baselines(history: History, origins: Origins, horizon: int) -> dict[Policy, tuple[Floats, Floats]]:
    hours, capacity = history.hours(), history.total(history.days.hours)

    def mean(values: Floats, week: int, back: int) -> float:
        place = int(week) - history.first_week
        return float(values[max(0, place - back) : place].mean())

    found: dict[Policy, tuple[Floats, Floats]] = {}
    there = np.array([mean(capacity, week, _LAST) for week in origins.weeks])
    found[Policy.FIXED] = (FIXED * there * horizon, np.full(len(origins), FIXED))
    for policy, back in ((Policy.LAST_QUARTER, _LAST), (Policy.TRAILING_MEAN, _YEAR)):
        spent = np.array([mean(hours, week, back) for week in origins.weeks])
        whole = np.array([mean(capacity, week, back) for week in origins.weeks])
        share = np.divide(spent, whole, out=np.zeros(len(origins)), where=whole > 0)
        found[policy] = (spent * horizon, share)
    return found


def _widened(middle: Floats, outcome: Floats, late: list[int], ground: float) -> Floats:
    """Quantiles around a middle that a rule said, as wide as its own earlier errors."""
    errors = np.abs(np.log((outcome + ground) / (middle + ground)))
    said = np.zeros((middle.size, LEVELS.size))
    for index, known in enumerate(late):
        made = np.sort(np.concatenate((errors[:known], _PSEUDO)))
        both = np.concatenate((-made[::-1], made))
        said[index] = (middle[index] + ground) * np.exp(np.quantile(both, LEVELS)) - ground
    return np.maximum(said, 0.0)


def _corrected(own: Floats, outcome: Floats, late: list[int], ground: float) -> Floats:
    """Ktlo's quantiles, stretched by how far off it was before, in units of its own width."""
    log = np.log(own + ground)
    middle = log[:, LEVELS.size // 2]
    width = np.maximum((log[:, -1] - log[:, 0]) / 2.5631, 1e-3)
    errors = ((np.log(outcome + ground) - middle) / width) ** 2
    said = np.zeros_like(own)
    for index, known in enumerate(late):
        # Giant errors of early days count no more than those of four widths.
        made = np.minimum(errors[:known], 16.0)
        stretch = np.sqrt((_LEARNED + made.sum()) / (_LEARNED + known))
        said[index] = np.exp(middle[index] + stretch * (log[index] - middle[index])) - ground
    return np.maximum(said, 0.0)
