"""Which files are mended more often than comparable code: empirical Bayes, so that bad luck is not taken for debt.

Comparable is as much code, changed as often for other reasons, in the same part of the same repository. Lines and
changes count wherever they are, so a large file is compared with as many lines in smaller ones, which is what
splitting it would make of it. Files that are picked for having many fixes had, among other things, bad luck; next
year they will have fewer without anything being done. Road engineers meet the same with dangerous junctions, and
this is their method: Hauer, Harwood, Council and Griffith, Estimating Safety by the Empirical Bayes Method,
Transportation Research Record 1784, 2002. How much files differ is not forced into one gamma distribution, which would
take half of a single bad file's excess for bad luck, but fitted as a mixture of many (after Koenker and Mizera, Convex
Optimization, Shape Constraints, Compound Decisions, and Empirical Bayes Rules, JASA 2014, 109:674-685).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincc

from ktlo.planning.demand import Floats

Codes = npt.NDArray[np.int64]

LEAST_FIXES = 10
"""Fixes in all files together below which nothing is compared."""
_CYCLES, _SETTLED, _RATES_SETTLED = 200, 1e-6, 1e-5
_BORROWED = 5.0
"""Fixes that a part of a repository is believed to have had in the repository's own proportions; for a repository,
in the proportions of all."""
_PSEUDO = 0.5
_RATIOS = np.exp(np.linspace(np.log(0.03), np.log(40.0), 30))
"""Times as many fixes as comparable code: where the parts of the mixture have their means."""
_SHAPE = 20.0
"""Shape of each part: a standard deviation of 22% of its mean."""
_MOST_FITTED = 6000
"""Files that the mixture is fitted on; of more, every second, third… in order of name."""
_ALIKE = 1.0
"""Files that each part is believed to hold beforehand, all parts together."""


@dataclass(frozen=True, slots=True, eq=False)
class Expectation:
    """What fixes were expected of each file, and how far files like it differ.

    Attributes:
        fixes: (n,) as counted.
        parts: (n, 2) expected of comparable code, for its lines and for its changes.
        weights: (k,) of the mixture's parts: how many files have about ``_RATIOS`` times the fixes of comparable code.
        group: (n,) part of a repository that each file is in.
        behind: (g, 2) how many fixes each group's two rates rest on, overdispersion taken off.
    """

    fixes: Floats
    parts: Floats
    weights: Floats
    group: Codes
    behind: Floats

    @property
    def expected(self) -> Floats:
        """(n,) fixes of comparable code."""
        total: Floats = self.parts.sum(axis=1)
        return total

    def mean_excess(self) -> Floats:
        """(n,) fixes beyond those of comparable code, chance taken out; below zero where there are fewer."""
        expected = self.expected
        means = (self.fixes[:, None] + _SHAPE) / (expected[:, None] + _SHAPE / _RATIOS)
        ratio = np.sum(self._belongs(self.fixes, expected) * means, axis=1)
        excess: Floats = expected * (ratio - 1)
        return excess

    def probability(self) -> Floats:
        """(n,) probability that a file's own rate lies above that of comparable code."""
        expected = self.expected
        above = gammaincc(self.fixes[:, None] + _SHAPE, expected[:, None] + _SHAPE / _RATIOS)
        total: Floats = np.minimum(np.sum(self._belongs(self.fixes, expected) * above, axis=1), 1.0)
        return total

    def draw(self, places: Codes, draws: int, rng: np.random.Generator) -> Floats:
        """Draw the excess of some files over the same period.

        Args:
            places: (m,) of the files.
            draws: how many.
            rng: where they come from.

        Returns:
            (draws, m) fixes beyond those of comparable code; may be negative. The rates that files of a group
            share are drawn once for all of them.
        """
        groups, own = np.unique(self.group[places], return_inverse=True)
        shape = self.behind[groups] + _PSEUDO
        rates = rng.standard_gamma(shape, size=(draws, *shape.shape)) / shape
        expected = np.einsum("dmj,mj->dm", rates[:, own], self.parts[places])
        belongs = np.cumsum(self._belongs(self.fixes[places], self.expected[places]), axis=1)
        picked = rng.random((draws, places.size))
        part = np.minimum((picked[:, :, None] > belongs[None]).sum(axis=2), _RATIOS.size - 1)
        scale = expected + _SHAPE / _RATIOS[part]
        ratio = rng.standard_gamma(self.fixes[places] + _SHAPE, size=expected.shape) / scale
        excess: Floats = expected * (ratio - 1)
        return excess

    def _belongs(self, fixes: Floats, expected: Floats) -> Floats:
        """(n, k) probability that each file belongs to each part of the mixture."""
        told = _likelihood(fixes, expected) * self.weights
        total: Floats = told / told.sum(axis=1, keepdims=True)
        return total


def _likelihood(fixes: Floats, expected: Floats) -> Floats:
    """(n, k) probability of the counted fixes in each part, up to a factor for each file."""
    mean = expected[:, None] * _RATIOS
    log = fixes[:, None] * np.log(mean / (mean + _SHAPE)) - _SHAPE * np.log1p(mean / _SHAPE)
    told: Floats = np.exp(log - log.max(axis=1, keepdims=True))
    return told


def _mixture(fixes: Floats, expected: Floats) -> Floats:
    """(k,) weights of the mixture's parts, by EM."""
    if fixes.size > _MOST_FITTED:
        every = -(-fixes.size // _MOST_FITTED)
        fixes, expected = fixes[::every], expected[::every]
    told = _likelihood(fixes, expected)
    weights: Floats = np.full(_RATIOS.size, 1 / _RATIOS.size)
    # Before any file is seen, files are taken to be alike.
    alike = np.exp(-0.5 * (np.log(_RATIOS) / 0.5) ** 2)
    believed = _ALIKE * alike / alike.sum()
    for _ in range(_CYCLES):
        share = told * weights
        share /= share.sum(axis=1, keepdims=True)
        moved: Floats = (share.sum(axis=0) + believed) / (fixes.size + _ALIKE)
        if np.abs(moved - weights).max() < _SETTLED:
            return moved
        weights = moved
    return weights


def expectation(
    fixes: Floats, lines: Floats, others: Floats, repository: Codes, group: Codes
) -> Expectation | None:
    """Fit what is expected of code of a size and activity.

    Args:
        fixes: (n,) bug-fixing commits that touched each file.
        lines: (n,) its lines.
        others: (n,) other commits that touched it.
        repository: (n,) code of its repository, from 0.
        group: (n,) code of the part of the repository it is in, from 0; never shared by two repositories.

    Returns:
        The expectation; ``None`` with fewer than ``LEAST_FIXES`` fixes in all.
    """
    if fixes.size == 0 or fixes.sum() < LEAST_FIXES:
        return None
    exposure = np.column_stack((np.maximum(lines, 0.0) / 1000, np.maximum(others, 0.0)))
    nowhere = np.zeros(fixes.size, dtype=np.int64)
    overall = _rates(fixes, exposure, nowhere, np.full((1, 2), np.nan))
    by_repository = _rates(fixes, exposure, repository, overall[np.zeros(repository.max() + 1, dtype=int)])
    home = np.zeros(group.max() + 1, dtype=np.int64)
    home[group] = repository
    rates = _rates(fixes, exposure, group, by_repository[home])
    parts = exposure * rates[group] + 1e-9
    expected = parts.sum(axis=1)
    weights = _mixture(fixes, expected)
    # A group's rates rest on its fixes, less what files differ by beyond chance.
    given = parts * (fixes / expected)[:, None]
    differ = float(weights @ (_RATIOS**2 * (1 + 1 / _SHAPE)) - (weights @ _RATIOS) ** 2)
    inflated = np.average(1 + expected * differ, weights=expected)
    behind = np.column_stack([np.bincount(group, weights=column) for column in given.T]) / inflated
    return Expectation(fixes, parts, weights, group, behind)


def _rates(fixes: Floats, exposure: Floats, group: Codes, prior: Floats) -> Floats:
    """Fixes per thousand lines and per change of each group: EM for a Poisson mean that is a sum of two parts.

    Args:
        fixes: (n,) counts.
        exposure: (n, 2) thousand lines, changes.
        group: (n,) codes.
        prior: (g, 2) rates that a group is drawn to; NaN for none.

    Returns:
        (g, 2) rates, 0 or above.
    """
    groups = len(prior)
    sums = np.column_stack([np.bincount(group, weights=column, minlength=groups) for column in exposure.T])
    has_prior = not np.isnan(prior).any()
    rates = prior.copy() if has_prior else np.full((groups, 2), fixes.sum() / max(exposure.sum(), 1e-9))
    rates = np.maximum(rates, 1e-12)
    extra = np.full((groups, 2), _BORROWED / 2 if has_prior else 0.0)
    extra_exposure = extra / np.maximum(prior, 1e-12) if has_prior else np.zeros((groups, 2))
    for _ in range(_CYCLES):
        parts = exposure * rates[group]
        weight = fixes / np.maximum(parts.sum(axis=1), 1e-12)
        given = np.column_stack(
            [np.bincount(group, weights=column * weight, minlength=groups) for column in parts.T]
        )
        moved = (given + extra) / np.maximum(sums + extra_exposure, 1e-12)
        change = np.abs(moved - rates).max() / max(float(rates.max()), 1e-12)
        rates = moved
        if change < _RATES_SETTLED:
            break
    return rates
