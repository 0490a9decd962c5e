"""The share of effort that kept the lights on, with the classifier's mistakes taken out and shown.

Person-days by week, verdict layer and predicted category come from ``effort`` records; the share, effort by
category and their intervals go to the effort metrics. A model that takes one category for another shifts a
plain share; here its confusion is inverted for each of many draws: the confusion from a Dirichlet
distribution, the weeks by a block bootstrap (m = n - 1, McCarthy and Snowden 1985), the true mixture by
the EM of Saerens, Latinne and Decaestecker, Neural Computation 2002, 14:21-41 (a measured confusion) or by
moving the wrong part (a declared reliability).
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ktlo.metrics.estimate import LEVEL, Estimate, not_estimable

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

DRAWS = 500
SEED = 20260101
"""The same question gets the same answer."""

_PRIOR = 4.0
"""Checked items that each row of a confusion is believed to have had beforehand; measured in simulations:
with 1 the share is biased and its interval too narrow where few items were checked."""

_CYCLES, _SETTLED, _REACH = 40, 1e-6, 64.0


class Reliability(Protocol):
    """How far the verdicts of one layer can be trusted."""

    def true_mixtures(self, observed: Floats, rng: np.random.Generator) -> Floats:
        """Return true shares for observed ones.

        Args:
            observed: (draws + 1, categories) shares by predicted category; row 0 is the plain one.
            rng: where the draws of the confusion come from; row 0 uses its mean.

        Returns:
            (draws + 1, categories) shares by true category; each row adds up to 1.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """A layer whose verdicts were compared with the truth, such as the model.

    Attributes:
        counts: (categories, categories + 1) items by true category (rows) and verdict (columns), the last
            column being the abstentions. A truth that was never checked has a row of zeros.
    """

    counts: npt.NDArray[np.float64] | npt.NDArray[np.int64]

    def true_mixtures(self, observed: Floats, rng: np.random.Generator) -> Floats:
        """Invert a drawn confusion for each row. See :class:`Reliability`."""
        # Effort with a verdict is corrected by how verdicts go wrong; abstentions are bounded elsewhere.
        given = np.asarray(self.counts, dtype=np.float64)[:, :-1]
        weights = given + self._prior(given)
        mean = weights / weights.sum(axis=1, keepdims=True)
        drawn = rng.standard_gamma(np.broadcast_to(weights, (len(observed) - 1, *weights.shape)))
        drawn /= np.maximum(drawn.sum(axis=2, keepdims=True), np.finfo(float).tiny)
        return _mixture(observed, np.concatenate((mean[None], drawn)))

    @staticmethod
    def _prior(given: Floats) -> Floats:
        """A few items' worth of belief a row: as right as the whole, its mistakes as all verdicts fall."""
        total = given.sum()
        accuracy = float(np.trace(given) / total) if total else 0.5
        falls = (given.sum(axis=0) + 1) / (total + len(given))
        prior: Floats = _PRIOR * (np.eye(len(given)) * accuracy + (1 - accuracy) * falls)
        return prior


@dataclass(frozen=True, slots=True)
class Declared:
    """A layer whose reliability is stated, such as a rule or a person's correction.

    The truth behind a wrong verdict is taken to be each other category as often as that category is found.
    What is stated is how often a verdict is right, so nothing is inverted, and no category that a rule names
    can vanish.

    Attributes:
        reliability: probability that a verdict of it is right (its precision), above 0 and up to 1.
        checked: how many checked items that statement is worth; its uncertainty follows from it.
    """

    reliability: float
    checked: float = 50.0

    def __post_init__(self) -> None:
        """Refuse what is no probability.

        Raises:
            ValueError: not above 0 and up to 1, or worth less than one item.
        """
        if not 0 < self.reliability <= 1 or self.checked < 1:
            raise ValueError(f"a reliability of {self.reliability} by {self.checked} checks means nothing")

    def true_mixtures(self, observed: Floats, rng: np.random.Generator) -> Floats:
        """Move what a drawn reliability leaves to be wrong. See :class:`Reliability`."""
        right = np.full((len(observed), 1), self.reliability)
        if self.reliability < 1:
            strength = self.checked * self.reliability, self.checked * (1 - self.reliability)
            right[1:, 0] = rng.beta(*strength, size=len(observed) - 1)
        # A wrong verdict hides one of the other categories, each as likely as it is common.
        common = 0.9 * observed + 0.1 / observed.shape[1]
        leaving = observed / (1 - common)
        arriving = common * (leaving.sum(axis=1, keepdims=True) - leaving)
        moved: Floats = right * observed + (1 - right) * arriving
        return moved


@dataclass(frozen=True, slots=True, eq=False)
class ShareEstimate:
    """What is known about the share.

    Attributes:
        share: KTLO person-days over person-days with a category, confusion corrected; n is person-days,
            rounded.
        naive: the same share as the verdicts say, not corrected; ``None`` without effort.
        if_none: the corrected share of all effort if none of the unattributed kept the lights on.
        if_all: the same if all of it did.
        categories: corrected person-days, one estimate a category; their intervals hold what the
            classifier may have got wrong, not what other weeks would have brought.
        attributed: person-days with a category.
        unattributed: person-days without.
        weeks: weeks with attributed effort.
        draws: (draws,) corrected shares, for paired comparisons.
    """

    share: Estimate
    naive: float | None
    if_none: float | None
    if_all: float | None
    categories: tuple[Estimate, ...]
    attributed: float
    unattributed: float
    weeks: int
    draws: Floats


def ktlo_share(
    effort: npt.ArrayLike,
    reliabilities: Sequence[Reliability],
    is_ktlo: npt.ArrayLike,
    *,
    level: float = LEVEL,
    draws: int = DRAWS,
    seed: int = SEED,
) -> ShareEstimate:
    """Estimate the share of effort that kept the lights on, and effort by category.

    Args:
        effort: (weeks, layers, categories + 1) person-days by predicted category; the last column is
            unattributed.
        reliabilities: (layers,) how far each layer's verdicts can be trusted.
        is_ktlo: (categories,) True where the category keeps the lights on.
        level: level of the intervals, 0.95 by default.
        draws: number of draws.
        seed: of the draws; keep it to compare two periods.

    Raises:
        ValueError: shapes that do not fit, or effort that is negative or no number.
    """
    days = np.asarray(effort, dtype=np.float64)
    keeps = np.asarray(is_ktlo, dtype=np.bool_)
    if days.ndim != 3 or days.shape[1:] != (len(reliabilities), keeps.size + 1):
        raise ValueError(
            f"effort of shape {days.shape} does not fit {len(reliabilities)} layers"
            f" and {keeps.size} categories and unattributed"
        )
    if not np.isfinite(days).all() or (days.size and days.min() < 0):
        raise ValueError("person-days must be numbers, 0 or more")
    with_category = days[:, :, :-1]
    attributed, unattributed = float(with_category.sum()), float(days[:, :, -1].sum())
    worked = with_category.sum(axis=(1, 2)) > 0
    weeks = int(np.count_nonzero(worked))
    if weeks == 0:
        reason = "no effort with a category in this period"
        blank = not_estimable(reason)
        return ShareEstimate(
            blank,
            None,
            0.0 if unattributed else None,
            1.0 if unattributed else None,
            (blank,) * keeps.size,
            attributed,
            unattributed,
            0,
            np.zeros(0),
        )
    days = with_category[worked]
    mixtures = _drawn_mixtures(days, reliabilities, _drawn_weeks(weeks, draws, seed), seed)
    shares = mixtures[:, keeps].sum(axis=1)
    n = round(attributed)
    share = (
        _with_interval(shares, 1.0, n, level)
        if weeks > 1
        else Estimate(float(shares[0]), None, None, n, 0, "one week only: an interval needs at least two")
    )
    # What was spent was spent: other weeks could not have changed it, only the classifier's mistakes can.
    spent = _drawn_mixtures(days, reliabilities, np.ones((draws + 1, weeks)), seed)
    ktlo, everything = float(shares[0]) * attributed, attributed + unattributed
    return ShareEstimate(
        share=share,
        naive=float(with_category[:, :, keeps].sum() / attributed),
        if_none=ktlo / everything,
        if_all=(ktlo + unattributed) / everything,
        categories=tuple(
            _with_interval(spent[:, category], attributed, n, level) for category in range(keeps.size)
        ),
        attributed=attributed,
        unattributed=unattributed,
        weeks=weeks,
        draws=shares[1:],
    )


def _with_interval(drawn: Floats, scale: float, n: int, level: float) -> Estimate:
    # Shares cannot fall below 0, which pushes draws of rare categories up and so skews all. Each end is
    # the wider of the percentile's and the basic bootstrap's; simulations in the tests show the coverage.
    value = float(drawn[0])
    low, high = (float(end) for end in np.quantile(drawn[1:], [(1 - level) / 2, (1 + level) / 2]))
    low, high = max(0.0, min(low, 2 * value - high)), min(1.0, max(high, 2 * value - low))
    return Estimate(value * scale, min(value, low) * scale, max(value, high) * scale, n)


def _drawn_mixtures(days: Floats, reliabilities: Sequence[Reliability], times: Floats, seed: int) -> Floats:
    """Return (draws + 1, categories) true shares over all layers; row 0 is the estimate itself.

    Args:
        days: (weeks, layers, categories) person-days.
        reliabilities: of the layers.
        times: (draws + 1, weeks) how often each week counts; row 0 is each once.
        seed: of the confusion's draws.
    """
    of_layers = np.random.SeedSequence(seed).spawn(2)[1]
    _, layers, categories = days.shape
    # Not `@`: for matrices this small the linear algebra's threads cost ten times what they save.
    summed = np.einsum("dw,wlc->dlc", times, days)
    true = np.zeros((len(times), categories))
    # A stream for each layer: two periods then see the same confusion, whatever their weeks.
    for layer, (reliability, stream) in enumerate(zip(reliabilities, of_layers.spawn(layers), strict=True)):
        total = summed[:, layer].sum(axis=1, keepdims=True)
        if total.any():
            observed = np.divide(
                summed[:, layer], total, out=np.full_like(summed[:, layer], 1 / categories), where=total > 0
            )
            true += total * reliability.true_mixtures(observed, np.random.default_rng(stream))
    mixtures: Floats = true / true.sum(axis=1, keepdims=True)
    return mixtures


@functools.lru_cache(maxsize=64)
def _drawn_weeks(weeks: int, draws: int, seed: int) -> Floats:
    """Return (draws + 1, weeks) how often each week was drawn; row 0 is each once. Groups of a page share it."""
    times = np.ones((draws + 1, weeks))
    if weeks > 1:
        # Drawing one week fewer than there are makes the variance unbiased for few weeks.
        generator = np.random.default_rng(np.random.SeedSequence(seed).spawn(2)[0])
        times[1:] = generator.multinomial(weeks - 1, np.full(weeks, 1 / weeks), size=draws)
    times.setflags(write=False)
    return times


def _mixture(observed: Floats, confusion: Floats) -> Floats:
    """Return the most likely true shares for each row, by expectation-maximisation.

    Plain steps creep where categories are often confused; squared extrapolation (SQUAREM, Varadhan and
    Roland, Scandinavian Journal of Statistics 2008, 35:335-353) gets there in a tenth of them.

    Args:
        observed: (rows, verdicts) shares; each row adds up to 1.
        confusion: (rows, truths, verdicts) probabilities of a verdict given the truth.
    """
    found = np.full((len(observed), confusion.shape[1]), 1 / confusion.shape[1])
    moving, mixture = np.arange(len(observed)), found
    for _ in range(_CYCLES):
        once = _step(mixture, observed, confusion)
        twice = _step(once, observed, confusion)
        first = once - mixture
        settled = np.abs(first).max(axis=1) < _SETTLED
        if settled.any():  # a few rows creep; the many that have arrived need not walk with them
            found[moving[settled]] = twice[settled]
            still = ~settled
            moving, observed, confusion = moving[still], observed[still], confusion[still]
            once, twice, first = once[still], twice[still], first[still]
            mixture = mixture[still]
            if not moving.size:
                return found
        second = twice - once - first
        length = np.sum(first**2, axis=1, keepdims=True) / np.maximum(
            np.sum(second**2, axis=1, keepdims=True), np.finfo(float).tiny
        )
        reach = np.clip(np.sqrt(length), 1.0, _REACH)
        # A share that was extrapolated below 0 could never come back: keep a hundredth of it.
        leap = np.maximum(mixture + 2 * reach * first + reach**2 * second, twice / 100)
        mixture = _step(leap / leap.sum(axis=1, keepdims=True), observed, confusion)
    found[moving] = mixture
    return found


def _step(mixture: Floats, observed: Floats, confusion: Floats) -> Floats:
    expected = np.matmul(mixture[:, None, :], confusion)[:, 0]
    ratio = np.divide(observed, expected, out=np.zeros_like(observed), where=expected > 0)
    better: Floats = mixture * np.matmul(confusion, ratio[:, :, None])[:, :, 0]
    better /= better.sum(axis=1, keepdims=True)
    return better
