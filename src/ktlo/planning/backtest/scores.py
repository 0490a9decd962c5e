"""Scores of quantile forecasts, and whether two rules differ by more than chance.

Pinball loss (Koenker and Machado, JASA 1999; Gneiting and Raftery, JASA 2007), averaged over the levels and weighted
twice, so that at the median it is the absolute error. Differences by a moving block bootstrap over origins (Künsch
1989), since horizons of neighbouring origins overlap.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ktlo.metrics.estimate import Estimate, not_estimable
from ktlo.planning.backtest.policies import LEVELS
from ktlo.wording import counted

Floats = npt.NDArray[np.float64]

BLOCK = 4
"""Origins whose horizons overlap: a quarter holds a little more than three steps."""
_DRAWS = 1000
LEVEL = 0.9
"""Level of the interval of a difference: three rules are compared, and one of ten may look better by chance."""
LEAST_ORIGINS = 8
"""Origins below which no difference is told."""


def pinball(quantiles: Floats, outcome: Floats) -> Floats:
    """Mean pinball loss over the levels, times two, (origins,)."""
    gap = outcome[:, None] - quantiles
    loss: Floats = 2 * np.maximum(LEVELS * gap, (LEVELS - 1) * gap).mean(axis=1)
    return loss


def inside(quantiles: Floats, outcome: Floats) -> npt.NDArray[np.bool_]:
    """Where the outcome lies between the 10% and the 90% quantile, (origins,)."""
    return (outcome >= quantiles[:, 0]) & (outcome <= quantiles[:, -1])


def difference(
    one: Floats,
    other: Floats,
    seed: int,
    *,
    level: float = LEVEL,
    least: int = LEAST_ORIGINS,
    block: int = BLOCK,
) -> Estimate:
    """Mean of one rule's losses less another's, with the interval of a block bootstrap; below 0, one is better.

    Args:
        one: losses of one rule, (origins,).
        other: of the other.
        seed: of the bootstrap.
        level: of the interval.
        least: losses below which no difference is told.
        block: neighbouring losses that are drawn together.
    """
    n = int(one.size)
    if n < least:
        return not_estimable(
            f"{counted(n, 'past forecasts')} {'is' if n == 1 else 'are'} too few to tell two rules apart", n
        )
    rng = np.random.default_rng([seed, 5000])
    gaps = one - other
    together = min(block, n)
    blocks = -(-n // together)
    start = rng.integers(0, n - together + 1, size=(_DRAWS, blocks))
    places = (start[:, :, None] + np.arange(together)).reshape(_DRAWS, -1)[:, :n]
    low, high = np.quantile(gaps[places].mean(axis=1), [(1 - level) / 2, (1 + level) / 2])
    mean = float(gaps.mean())
    return Estimate(mean, min(float(low), mean), max(float(high), mean), n)
