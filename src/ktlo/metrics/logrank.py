"""Do two groups of durations differ? The log-rank test, with censoring.

Used by ``comparison`` to say whether a change between two periods can be told from chance. Mantel 1966;
Peto and Peto 1972, whose one-step estimate of the hazard ratio gives the direction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from ktlo.metrics.survival import checked


@dataclass(frozen=True, slots=True)
class LogRank:
    """Outcome of the test.

    Attributes:
        statistic: chi-squared with one degree of freedom.
        p_value: two-sided; ``None`` when nothing ended while both groups were at risk.
        observed: ends seen in the second group.
        expected: ends expected there if both were alike.
        events: ends in both groups.
        log_hazard_ratio: of the second against the first; above 0 the second ends sooner. 0 without a
            p-value.
    """

    statistic: float
    p_value: float | None
    observed: int
    expected: float
    events: int
    log_hazard_ratio: float


def logrank(
    first_durations: npt.ArrayLike,
    first_observed: npt.ArrayLike,
    second_durations: npt.ArrayLike,
    second_observed: npt.ArrayLike,
) -> LogRank:
    """Test whether two groups end at the same pace.

    Args:
        first_durations: (n,) seconds.
        first_observed: (n,) True where the end was seen.
        second_durations: (m,) seconds.
        second_observed: (m,) True where the end was seen.

    Raises:
        ValueError: lengths differ, or a duration is negative or missing.
    """
    first, first_seen = checked(first_durations, first_observed)
    second, second_seen = checked(second_durations, second_observed)
    times, deaths = np.unique(np.concatenate((first[first_seen], second[second_seen])), return_counts=True)
    ended = deaths.astype(np.float64)
    in_first = (first.size - np.searchsorted(np.sort(first), times)).astype(np.float64)
    in_second = (second.size - np.searchsorted(np.sort(second), times)).astype(np.float64)
    total = in_first + in_second
    expected = float(np.sum(ended * in_second / total))
    spread = ended * in_first * in_second * (total - ended)
    variance = float(np.sum(spread / (total**2 * np.maximum(total - 1, 1))))
    observed = int(np.count_nonzero(second_seen))
    events = int(deaths.sum())
    if variance <= 0:
        return LogRank(0.0, None, observed, expected, events, 0.0)
    excess = observed - expected
    z = excess / np.sqrt(variance)
    return LogRank(float(z**2), float(2 * ndtr(-abs(z))), observed, expected, events, excess / variance)
