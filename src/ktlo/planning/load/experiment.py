"""The experiment that would show whether preventive work helps: how many weeks at how many hours more.

A rate after against a rate before, both overdispersed: the variance of the logarithm of their ratio is
(1/λ + 1/r)(1/n + 1/m), as for the comparison of two negative binomial rates (Zhu and Lakkis, Statistics in Medicine
2014, 33:376-387), times what neighbouring weeks have in common. Power 80%, two-sided at 5%.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

PLAUSIBLE = 0.2
"""Effect that the experiment should be able to show: a fifth fewer."""
POWER, LEVEL = 0.8, 0.05
YEAR = 52
_LONGEST = 156
_BASELINE = 104
_NEEDED = (float(ndtri(1 - LEVEL / 2)) + float(ndtri(POWER))) ** 2


@dataclass(frozen=True, slots=True)
class Experiment:
    """How to find out.

    Attributes:
        extra_hours: preventive hours more in each week of it.
        fewer: relative reduction that is plausible.
        weeks: weeks that show a reduction of that size; ``None`` when more than three years would be needed.
        shown_in_a_year: smallest relative reduction that a year would show; ``None`` when not even all would.
        baseline_weeks: weeks before, to compare with.
    """

    extra_hours: float
    fewer: float
    weeks: int | None
    shown_in_a_year: float | None
    baseline_weeks: int


def weeks_needed(
    mean: float, size: float, baseline: int, alike: float = 1.0, fewer: float = PLAUSIBLE
) -> int | None:
    """Weeks of the experiment, or ``None`` beyond three years.

    Args:
        mean: arrivals of a week before.
        size: *r* of the negative binomial, ``inf`` for Poisson.
        baseline: weeks of history to compare with.
        alike: how many times neighbouring weeks enlarge the variance of a mean; 1 when they are independent.
        fewer: relative reduction to be shown.
    """
    if mean <= 0 or baseline < 1 or not 0 < fewer < 1:
        return None
    weeks = np.arange(1, _LONGEST + 1)
    variance = alike * ((1 / mean + 1 / size) / baseline + (1 / (mean * (1 - fewer)) + 1 / size) / weeks)
    enough = np.flatnonzero(variance * _NEEDED <= np.log(1 - fewer) ** 2)
    return int(weeks[enough[0]]) if enough.size else None


def smallest_shown(mean: float, size: float, baseline: int, weeks: int, alike: float = 1.0) -> float | None:
    """Smallest relative reduction, in whole percent, that an experiment of some weeks shows with the same power."""
    for percent in range(5, 96):
        needed = weeks_needed(mean, size, baseline, alike, percent / 100)
        if needed is not None and needed <= weeks:
            return percent / 100
    return None


def likeness(counts: npt.ArrayLike) -> float:
    """How much larger the variance of a quarter's mean is than independent weeks would have, 1 to 6."""
    y = np.asarray(counts, dtype=np.float64)[-156:]
    blocks = y.size // 13
    if blocks < 4 or y.var() == 0:
        return 1.5
    means = y[y.size - blocks * 13 :].reshape(blocks, 13).mean(axis=1)
    return float(np.clip(means.var(ddof=1) * 13 / y.var(ddof=1), 1.0, 6.0))


def design(
    counts: npt.ArrayLike, mean: float, size: float, extra_hours: float, fewer: float = PLAUSIBLE
) -> Experiment:
    """Describe the experiment for one class.

    Args:
        counts: its weekly arrivals, oldest first.
        mean: arrivals of a week now.
        size: *r* of the negative binomial.
        extra_hours: preventive hours more a week.
        fewer: relative reduction to be shown.
    """
    baseline, alike = int(min(_BASELINE, np.size(counts))), likeness(counts)
    return Experiment(
        extra_hours=extra_hours,
        fewer=fewer,
        weeks=weeks_needed(mean, size, baseline, alike, fewer),
        shown_in_a_year=smallest_shown(mean, size, baseline, YEAR, alike),
        baseline_weeks=baseline,
    )
