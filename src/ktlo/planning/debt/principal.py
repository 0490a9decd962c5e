"""Hours that paying back takes, from what similar work took this team before; a stated prior where there is none.

Past work comes as (size, hours) pairs: refactorings by lines, updates by how many dependencies, fixes of flaky tests.
Hours of one kind of work are taken as lognormal around a power of its size. The regression is Bayesian (normal and
inverse gamma, conjugate: Gelman et al., Bayesian Data Analysis, 3rd edition, 14.2), so that three past refactorings
weigh as three, and none leaves the prior with the width that it was given.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ktlo.planning.demand import Floats
from ktlo.wording import counted

_PRIOR_SHAPE = 6.0
"""Half the number of observations that the prior's spread is worth."""
_SLOPE_SD, _LEVEL_SD = 0.3, 0.6
_NOTHING = 1e-6
_LEAST, _MOST = 0.05, 2_000.0
"""Hours beyond which a draw is no piece of work any more."""


@dataclass(frozen=True, slots=True)
class Prior:
    """What is believed of a kind of work before any of it was seen.

    Attributes:
        work: what the past work is, in the plural: ``refactorings``.
        unit: what its size counts, in the plural: ``lines``.
        at: a size.
        hours: hours that work of that size takes, as the median.
        slope: hours grow as the size to this power.
        spread: standard deviation of the logarithm of hours; 0.6 means two thirds within about half and twice.
    """

    work: str
    unit: str
    at: float
    hours: float
    slope: float
    spread: float = 0.6


REFACTORING = Prior("refactorings of a file", "lines", at=300, hours=8, slope=0.5)
UPDATE = Prior("updates of dependencies", "dependencies", at=1, hours=1, slope=0.7)
SMALL_REPAIR = Prior("small repairs", "to-dos", at=1, hours=2, slope=0.8)
FLAKY_REPAIR = Prior("repairs of flaky tests", "workflows", at=1, hours=4, slope=0.5)
SECURITY_REPAIR = Prior("security repairs", "repairs", at=1, hours=3, slope=0.5)


@dataclass(frozen=True, slots=True, eq=False)
class PastWork:
    """How long work of one kind took, fitted.

    Attributes:
        prior: what was believed beforehand.
        n: pieces of past work.
        coefficients: (2,) level and slope of log hours over centred log size.
        covariance: (2, 2) of the coefficients over the variance.
        shape: of the inverse gamma of the variance.
        rate: of the same.
    """

    prior: Prior
    n: int
    coefficients: Floats
    covariance: Floats
    shape: float
    rate: float

    @property
    def basis(self) -> str:
        """Where the hours come from, in words."""
        prior = self.prior
        median = f"{prior.hours:g} h for {counted(round(prior.at), prior.unit)}"
        if self.n == 0:
            return (
                f"No {prior.work} in this team's history yet: a stated prior stands in, {median},"
                " give or take a factor of six"
            )
        if self.n < 5:
            return f"From {counted(self.n, prior.work)} of this team, and mostly a stated prior ({median})"
        return f"From {counted(self.n, prior.work)} of this team"

    def draw(self, size: float, draws: int, rng: np.random.Generator) -> Floats:
        """Draw hours of one more piece of work.

        Args:
            size: of it, above 0.
            draws: how many.
            rng: where they come from.

        Returns:
            (draws,) hours above 0; the spread is that of a single piece of work, not of a mean.
        """
        row = np.array([1.0, np.log(max(size, _NOTHING) / self.prior.at)])
        variance = self.rate / rng.standard_gamma(self.shape, size=draws)
        spread = np.sqrt(variance * (1 + row @ self.covariance @ row))
        hours = np.exp(row @ self.coefficients + spread * rng.standard_normal(draws))
        clipped: Floats = np.clip(hours, _LEAST, _MOST)
        return clipped


def past_work(prior: Prior, sizes: Floats, hours: Floats) -> PastWork:
    """Update a prior with past work.

    Args:
        prior: what is believed beforehand.
        sizes: (n,) of each piece of work; those not above 0 are left out.
        hours: (n,) that it took; those not above 0 are left out.
    """
    kept = (sizes > _NOTHING) & (hours > _NOTHING)
    row = np.column_stack((np.ones(int(kept.sum())), np.log(sizes[kept] / prior.at)))
    told = np.log(hours[kept])
    before = np.array([np.log(prior.hours), prior.slope])
    # Precisions in units of the variance of a single piece of work.
    precision = np.diag([(prior.spread / _LEVEL_SD) ** 2, (prior.spread / _SLOPE_SD) ** 2])
    after = precision + row.T @ row
    coefficients = np.linalg.solve(after, precision @ before + row.T @ told)
    rate = _PRIOR_SHAPE * prior.spread**2 + 0.5 * (
        told @ told + before @ precision @ before - coefficients @ after @ coefficients
    )
    return PastWork(
        prior=prior,
        n=int(kept.sum()),
        coefficients=coefficients,
        covariance=np.linalg.inv(after),
        shape=_PRIOR_SHAPE + kept.sum() / 2,
        rate=float(max(rate, 1e-9)),
    )
