"""Shares of a count, such as the reopen rate or the change failure rate, and differences between two.

Counts come from the definitions of metrics; estimates go back to them and to ``comparison``. Wilson 1927;
Newcombe, Statistics in Medicine 1998, 17:857-872 (method 3) and 17:873-890 (method 10), neither with a
continuity correction.
"""

from __future__ import annotations

import math

from scipy.special import ndtri

from ktlo.metrics.estimate import LEVEL, Estimate, not_estimable


def wilson(successes: int, trials: int, level: float = LEVEL) -> Estimate:
    """Return a share with Wilson's score interval, 0.95 by default.

    Args:
        successes: how many had the property.
        trials: out of how many.
        level: level of the interval.

    Raises:
        ValueError: a negative count, or more successes than trials.
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} of {trials} is not a share")
    if trials == 0:
        return not_estimable("there are none in this period")
    z = float(ndtri((1 + level) / 2))
    share = successes / trials
    centre = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * math.sqrt(share * (1 - share) / trials + (z / (2 * trials)) ** 2)
    # At the ends the formula is exactly 0 or 1, and rounding must not put the value outside.
    low = 0.0 if successes == 0 else min(share, centre - half)
    high = 1.0 if successes == trials else max(share, centre + half)
    return Estimate(share, low, high, trials)


def difference(before: Estimate, after: Estimate) -> Estimate:
    """Return ``after`` - ``before`` with an interval recovered from the two intervals.

    The square-and-add rule (Newcombe's method 10 when both are Wilson's; Zou and Donner, Statistics in
    Medicine 2008, 27:1693-1702 in general): right for skewed intervals, and needs no resampling. An end
    that one of the two lacks is lacking in the answer.
    """
    n, censored = before.n + after.n, before.censored + after.censored
    if before.value is None or after.value is None:
        missing = before if before.value is None else after
        return not_estimable(missing.reason, n, censored)
    value = after.value - before.value
    low = high = None
    if after.low is not None and before.high is not None:
        low = value - math.hypot(after.value - after.low, before.high - before.value)
    if after.high is not None and before.low is not None:
        high = value + math.hypot(after.high - after.value, before.value - before.low)
    return Estimate(value, low, high, n, censored)


def newcombe(
    before_successes: int,
    before_trials: int,
    after_successes: int,
    after_trials: int,
    level: float = LEVEL,
) -> Estimate:
    """Return the difference of two shares, after - before, with Newcombe's interval (method 10).

    Raises:
        ValueError: as :func:`wilson`.
    """
    return difference(
        wilson(before_successes, before_trials, level), wilson(after_successes, after_trials, level)
    )
