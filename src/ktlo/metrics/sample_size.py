"""How many observations a change needs before it can be told from chance, both periods together.

Used by ``comparison`` for "needs about n". All assume two periods of equal size, a two-sided test at 0.05
and a power of 0.8. Durations: Schoenfeld, Biometrika 1981, 68:316-319; rates and proportions: the normal
approximations in Fleiss, Levin and Paik, Statistical Methods for Rates and Proportions, chapter 4.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtri

from ktlo.metrics.estimate import LEVEL
from ktlo.metrics.survival import SurvivalCurve

POWER = 0.8
"""Probability with which a change of the asked size would be seen."""

_ALPHA = float(ndtri((1 + LEVEL) / 2))
_BETA = float(ndtri(POWER))


def schoenfeld_events(hazard_ratio: float) -> float:
    """Return how many ends both groups together need for the log-rank test.

    Args:
        hazard_ratio: of the two groups; above 0 and not 1.

    Raises:
        ValueError: a ratio that is not positive, or 1, which no sample can show.
    """
    if hazard_ratio <= 0 or hazard_ratio == 1:
        raise ValueError(f"a change of pace by the factor {hazard_ratio} cannot be looked for")
    return 4 * (_ALPHA + _BETA) ** 2 / math.log(hazard_ratio) ** 2


def pace(curve: SurvivalCurve) -> float:
    """Return Weibull's shape: how the hazard moves when time is stretched.

    If all durations shrink by the factor f, the hazard ratio is f ** -shape: 1 / f for exponential ones,
    less for the heavy tails of real incidents, which therefore need more of them. Read off the slope of
    log(-log S) over log t, weighted by events, between 5% and 95% finished; 1 where that is too short.
    """
    inner = (curve.survival > 0.05) & (curve.survival < 0.95) & (curve.times > 0)
    if np.count_nonzero(inner) < 5:
        return 1.0
    x, y = np.log(curve.times[inner]), np.log(-np.log(curve.survival[inner]))
    weight = curve.events[inner].astype(np.float64)
    centred = x - np.average(x, weights=weight)
    spread = float(np.sum(weight * centred**2))
    slope = float(np.sum(weight * centred * y)) / spread if spread > 0 else 1.0
    return slope if slope > 0 else 1.0


def durations_needed(curve: SurvivalCurve, improvement: float) -> int | None:
    """Return how many durations both periods need to show that all got shorter by a share.

    Args:
        curve: of what is known so far; its share of ends and its shape are assumed to stay.
        improvement: 0.1 for durations that are 10% shorter.

    Returns:
        The number, or ``None`` when nothing has ended yet.
    """
    ended = curve.n - curve.censored
    if ended == 0:
        return None
    events = schoenfeld_events((1 - improvement) ** -pace(curve))
    return math.ceil(events * curve.n / ended)


def events_needed(improvement: float, later_share: float = 0.5) -> int:
    """Return how many events both periods need to show that their rate fell by a share.

    Args:
        improvement: 0.1 for a rate that is 10% lower.
        later_share: the later period's part of the exposure.
    """
    expected = later_share
    ratio = 1 - improvement
    changed = ratio * later_share / (ratio * later_share + 1 - later_share)
    error = _ALPHA * math.sqrt(expected * (1 - expected)) + _BETA * math.sqrt(changed * (1 - changed))
    return math.ceil((error / (changed - expected)) ** 2)


def trials_needed(share: float, improvement: float) -> int | None:
    """Return how many trials both periods need to show that a share fell by a part of itself.

    Args:
        share: the share before, 0 to 1.
        improvement: 0.1 for a share that is 10% lower (0.30 to 0.27).

    Returns:
        The number, or ``None`` when the share is 0 and cannot fall.
    """
    if share <= 0:
        return None
    changed = share * (1 - improvement)
    middle = (share + changed) / 2
    error = _ALPHA * math.sqrt(2 * middle * (1 - middle)) + _BETA * math.sqrt(
        share * (1 - share) + changed * (1 - changed)
    )
    return 2 * math.ceil((error / (share - changed)) ** 2)
