"""What the weeks ahead ask for, drawn from a demand: items of each week, and hours in all.

Used by the load's page, and by the backtest as ktlo's forecast. Items of a week are negative binomial (a
Gamma-mixed Poisson), hours of many items together are Gamma with the mean and variance that they add up to.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ktlo.planning.demand import ClassDemand

Floats = npt.NDArray[np.float64]


def items_ahead(demand: ClassDemand, rng: np.random.Generator) -> Floats:
    """Draw how many items arrive in each week ahead, (draws, weeks)."""
    size = np.where(np.isfinite(demand.dispersion), demand.dispersion, 1e9)[:, None]
    mixed = rng.standard_gamma(np.broadcast_to(size, demand.rate.shape)) / size * demand.rate
    return rng.poisson(np.minimum(mixed, 1e9)).astype(np.float64)


def hours_of(items: Floats, demand: ClassDemand, rng: np.random.Generator) -> Floats:
    """Draw the hours that some items take together.

    Args:
        items: number of items, (draws,).
        demand: says what one takes.
        rng: where the draws come from.
    """
    shape = items / demand.work_cv**2
    scale = demand.work_hours * demand.work_cv**2
    return np.where(items > 0, rng.standard_gamma(np.maximum(shape, 1e-9)) * scale, 0.0)


def hours_ahead(demand: ClassDemand, rng: np.random.Generator, weeks: int | None = None) -> Floats:
    """Draw the hours that the weeks ahead ask for together, (draws,).

    Args:
        demand: of one class.
        rng: where the draws come from.
        weeks: how many weeks; all that the demand has when not given.
    """
    return hours_of(items_ahead(demand, rng)[:, :weeks].sum(axis=1), demand, rng)
