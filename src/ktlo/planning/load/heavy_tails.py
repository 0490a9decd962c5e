"""Means of heavy-tailed amounts of which some are only known to be more: hours of work, hours down.

Item amounts go in, draws of their mean and coefficient of variation come out. The distribution has a Dirichlet
process prior (Ferguson, Annals of Statistics 1973; with censoring, Susarla and Van Ryzin, JASA 1976): the
Bayesian bootstrap (Rubin 1981) of the Kaplan-Meier curve, with a few believed items mixed in, so that a handful of
observations keeps the width it deserves. Beyond the longest time seen, what is left of the curve follows a
lognormal tail, cut at a multiple of the longest seen: the mean is restricted, as it must be (facts: means of
heavy tails do not settle).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import log_ndtr, ndtri

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

BELIEVED = 4.0
"""How many items the belief beforehand is worth."""
_ATOMS = 12
"""Items drawn from the belief for each draw; together they weigh ``BELIEVED``."""
_GROUPS = 300
"""Amounts are brought together in at most so many groups."""
_BEYOND = 3.0
"""The mean is restricted to this multiple of the longest amount seen."""
_WIDEST_CV = 12.0


@dataclass(frozen=True, slots=True)
class Belief:
    """A lognormal distribution that items follow as far as they are not known.

    Attributes:
        log_median: logarithm of the median.
        sigma: standard deviation of the logarithm.
        zero: share of items that take nothing at all.
    """

    log_median: float
    sigma: float
    zero: float = 0.0

    @property
    def mean(self) -> float:
        """Its mean."""
        return float((1 - self.zero) * np.exp(self.log_median + self.sigma**2 / 2))

    def sample(self, shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
        """Draw items."""
        amounts: Floats = np.exp(self.log_median + self.sigma * rng.standard_normal(shape))
        return np.where(rng.random(shape) < self.zero, 0.0, amounts)


@dataclass(frozen=True, slots=True, eq=False)
class Amounts:
    """Amounts of items, each with its weight.

    Attributes:
        values: amount, or amount so far, (n,).
        is_known: True where it is final, (n,).
        weights: how much each counts, 1 for a recent item, (n,).
    """

    values: Floats
    is_known: Flags
    weights: Floats


def believe(amounts: Amounts, before: Belief) -> Belief:
    """A lognormal distribution by censored maximum likelihood, with a few items' worth of an earlier belief.

    The likelihood of an amount that is known is its density, of one that is known to be more the probability
    of being more (Tobit's, on the logarithm). The earlier belief counts as ``BELIEVED`` items.
    """
    known = amounts.is_known
    positive = amounts.values > 0
    zero_weight = float(amounts.weights[known & ~positive].sum())
    used = positive & (amounts.weights > 1e-6)
    y, seen, weight = np.log(amounts.values[used]), known[used], amounts.weights[used]
    zero = (zero_weight + BELIEVED * before.zero) / (zero_weight + float(weight.sum()) + BELIEVED)
    if not seen.any():
        return Belief(before.log_median, before.sigma, float(zero))

    def loss(at: Floats) -> float:
        mu, sigma = at[0], np.exp(at[1])
        z = (y - mu) / sigma
        each = np.where(seen, -0.5 * z**2 - at[1], log_ndtr(-z))
        # The belief as BELIEVED items that lie as its distribution says.
        gap = (mu - before.log_median) ** 2 + before.sigma**2
        prior = BELIEVED * (-0.5 * gap / sigma**2 - at[1])
        return float(-(weight * each).sum() - prior)

    from scipy.optimize import minimize

    start = np.array([float(np.average(y, weights=weight)), np.log(max(float(y.std()), 0.3))])
    found = minimize(
        loss, start, method="Nelder-Mead", options={"maxiter": 200, "xatol": 1e-3, "fatol": 1e-3}
    )
    return Belief(float(found.x[0]), float(np.clip(np.exp(found.x[1]), 0.1, 3.0)), float(zero))


def draw_means(
    amounts: Amounts, before: Belief, draws: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Draw the mean of the amounts and their coefficient of variation, both of shape (draws,).

    Args:
        amounts: of the items; none is legal and gives what is believed beforehand.
        before: what is believed about items that were not seen.
        draws: how many.
        rng: where they come from.
    """
    values, known, weights = _grouped(amounts)
    longest = float(values.max()) if values.size else 0.0
    typical = np.exp(before.log_median + 2 * before.sigma)
    cap = max(_BEYOND * longest, typical)
    atoms = np.minimum(before.sample((draws, _ATOMS), rng), cap)
    mass = np.concatenate(
        (
            rng.standard_gamma(np.broadcast_to(weights, (draws, weights.size))),
            rng.standard_gamma(BELIEVED / _ATOMS, (draws, _ATOMS)),
        ),
        axis=1,
    )
    at = np.concatenate((np.broadcast_to(values, (draws, values.size)), atoms), axis=1)
    final = np.concatenate((known, np.ones(_ATOMS, dtype=np.bool_)))
    if known.all():
        total = mass.sum(axis=1)
        mean = (mass * at).sum(axis=1) / total
        square = (mass * at**2).sum(axis=1) / total
    else:
        tail = believe(Amounts(values, known, weights), before)
        mean, square = _restricted(at, np.broadcast_to(final, at.shape), mass, tail, cap)
    mean = np.maximum(mean, 1e-6)
    cv = np.sqrt(np.maximum(square / mean**2 - 1, 0.0))
    return mean, np.clip(cv, 0.05, _WIDEST_CV)


def _restricted(at: Floats, final: Flags, mass: Floats, tail: Belief, cap: float) -> tuple[Floats, Floats]:
    """First and second moment of weighted Kaplan-Meier curves, one a row."""
    # At the same amount, what ended comes before what is only known to be more.
    order = np.lexsort((~final, at), axis=1)
    at, mass = np.take_along_axis(at, order, axis=1), np.take_along_axis(mass, order, axis=1)
    final = np.take_along_axis(final, order, axis=1)
    risk = np.cumsum(mass[:, ::-1], axis=1)[:, ::-1]
    left = np.where(final, 1 - mass / np.maximum(risk, 1e-300), 1.0)
    curve = np.cumprod(np.clip(left, 0.0, 1.0), axis=1)
    before = np.concatenate((np.ones((at.shape[0], 1)), curve[:, :-1]), axis=1)
    drop = before - curve
    rest = curve[:, -1]
    last = at[:, -1]
    first, second = _tail(tail, last, cap)
    mean = (drop * at).sum(axis=1) + rest * first
    square = (drop * at**2).sum(axis=1) + rest * second
    return mean, square


def _tail(tail: Belief, beyond: Floats, cap: float) -> tuple[Floats, Floats]:
    """Moments of a lognormal amount that is more than ``beyond``, cut at ``cap``: by its quantiles."""
    start = np.log(np.maximum(beyond, 1e-9))
    z = (start - tail.log_median) / tail.sigma
    more = np.exp(log_ndtr(-z))[:, None]
    levels = (np.arange(24) + 0.5) / 24
    reached = -ndtri(np.clip(more * (1 - levels), 1e-300, 1.0))
    amounts = np.clip(np.exp(tail.log_median + tail.sigma * reached), beyond[:, None], max(cap, 1e-9))
    amounts = np.maximum(amounts, beyond[:, None])
    return amounts.mean(axis=1), (amounts**2).mean(axis=1)


def _grouped(amounts: Amounts) -> tuple[Floats, Flags, Floats]:
    """Small amounts that are alike brought together; weights add up. The largest, which decide, stay single."""
    kept = amounts.weights > 1e-6
    order = np.argsort(amounts.values[kept], kind="stable")
    values, known = amounts.values[kept][order], amounts.is_known[kept][order]
    weights = amounts.weights[kept][order]
    if values.size <= _GROUPS:
        return values, known, weights
    many = values.size - _GROUPS // 3
    bucket = (np.arange(many) * (_GROUPS // 3)) // many * 2 + known[:many]
    count = np.bincount(bucket, weights=weights[:many], minlength=_GROUPS)
    total = np.bincount(bucket, weights=weights[:many] * values[:many], minlength=_GROUPS)
    there = np.flatnonzero(count > 0)
    return (
        np.concatenate((total[there] / count[there], values[many:])),
        np.concatenate((there % 2 == 1, known[many:])),
        np.concatenate((count[there], weights[many:])),
    )
