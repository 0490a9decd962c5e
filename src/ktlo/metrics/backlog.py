"""What things that are opened and ended have in common: how old the open ones are, whether their number grows.

Bugs and findings are told by these; the ages and counts are their definitions' own.
"""

from __future__ import annotations

import math

import numpy as np

from ktlo.metrics.estimate import Estimate, not_estimable
from ktlo.metrics.registry import Statistics
from ktlo.metrics.rows import Floats

_QUANTILES = (50, 75, 90)
_NORMAL = 1.959964
"""97.5th percentile of the normal distribution."""


def no_ages(reason: str) -> Statistics:
    """Quantiles of ages that are not estimable, with the reason."""
    none = not_estimable(reason)
    return {f"p{p}": none for p in _QUANTILES}


def age_quantiles(ages: Floats, nothing: str) -> Statistics:
    """Quantiles of a full count of ages, without an interval.

    Args:
        ages: of the open ones, in seconds.
        nothing: why there is none when no one is open.
    """
    n = int(ages.size)
    if n == 0:
        return no_ages(nothing)
    return {f"p{p}": Estimate(float(np.quantile(ages, p / 100)), None, None, n) for p in _QUANTILES}


def net_flow(opened: int, ended: int, ending: str, nothing: str) -> Statistics:
    """Opened minus ended, with the interval of the difference of two Poisson counts (normal approximation).

    Args:
        opened: how many were opened.
        ended: how many were ended.
        ending: name of the statistic that counts those: ``closed``, ``fixed``.
        nothing: why there is no net when there were neither.
    """
    n = opened + ended
    half = _NORMAL * math.sqrt(n)
    net = float(opened - ended)
    return {
        "net": Estimate(net, net - half, net + half, n) if n else not_estimable(nothing),
        "opened": Estimate(float(opened), None, None, opened),
        ending: Estimate(float(ended), None, None, ended),
    }
