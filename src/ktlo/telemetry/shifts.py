"""Whether things shifted between two stretches, many at once: quasi-likelihood with a false discovery rate.

Both stretches are cut into days; each gives a difference whose variance would be known if calls were independent. They
are not: the dispersion says by how much days differ more than that. It is estimated from successive differences of
days (von Neumann, Annals of Mathematical Statistics 1941, 12:367-395) without the two largest, so that a step in the
middle does not hide itself, shared among all things by empirical Bayes (Smyth, Statistical Applications in Genetics
and Molecular Biology 2004, 3:3), and never taken below one. p-values are then those of t. The false discovery rate is
that of Benjamini and Hochberg (JRSS B 1995, 57:289-300).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import bdtr, bdtrc, digamma, polygamma, stdtr

Floats = npt.NDArray[np.float64]

FEW = 30
"""Events in both stretches together below which p-values are not below those of the exact conditional test."""

_TRIMMED_FROM = 5
"""Differences of neighbouring days from which on the two largest are left out."""
LEAST_SHARED = 10
"""Things from which on their dispersions say something about each other."""

MOST_SHARED = 30.0
"""Degrees of freedom that others can lend at most: more would be sure of a noise that was only guessed."""


@dataclass(frozen=True, slots=True)
class Differences:
    """Differences by block, later minus earlier; things in rows.

    Attributes:
        values: (g, b) differences; anything where the variance is infinite.
        variances: (g, b) variances if calls were independent; infinite where a block has no information.
    """

    values: Floats
    variances: Floats


@dataclass(frozen=True, slots=True)
class Shifts:
    """What was found for each thing.

    Attributes:
        shift: (g,) weighted mean difference; NaN without information.
        error: (g,) its standard error, dispersion included.
        p: (g,) two-sided p-value; 1 without information.
        dispersion: (g,) by how much blocks differ more than chance alone would have it; at least 1.
        blocks: (g,) blocks with information.
    """

    shift: Floats
    error: Floats
    p: Floats
    dispersion: Floats
    blocks: Floats


def shares(
    later: Floats, of_later: Floats, earlier: Floats, of_earlier: Floats, block: npt.NDArray[np.int64]
) -> Differences:
    """Differences of shares by block, hour against the same hour, with the weights of Mantel and Haenszel.

    Args:
        later: (g, h) events by hour of the later stretch.
        of_later: (g, h) calls.
        earlier: (g, h) events in the same hour of the earlier stretch.
        of_earlier: (g, h) calls.
        block: (h,) number of the block that an hour belongs to, from 0 without gaps.
    """
    weight = np.divide(
        of_later * of_earlier,
        of_later + of_earlier,
        out=np.zeros_like(of_later),
        where=(of_later + of_earlier) > 0,
    )
    usable = weight > 0
    one = np.divide(later, of_later, out=np.zeros_like(later), where=usable)
    two = np.divide(earlier, of_earlier, out=np.zeros_like(earlier), where=usable)
    total = np.where(usable, of_later + of_earlier, 0).sum(axis=1)
    events = np.where(usable, later + earlier, 0).sum(axis=1)
    pooled = (events + 0.5) / (total + 1)
    weights = _by_block(weight, block)
    values = np.divide(
        _by_block(weight * (one - two), block), weights, out=np.zeros_like(weights), where=weights > 0
    )
    spread = (pooled * (1 - pooled))[:, None]
    variances = np.divide(spread, weights, out=np.full_like(weights, np.inf), where=weights > 0)
    return Differences(values, variances)


def rates(
    later: Floats, earlier: Floats, there: npt.NDArray[np.bool_], block: npt.NDArray[np.int64]
) -> Differences:
    """Differences of logarithms of counts by block.

    Args:
        later: (g, h) counts by hour.
        earlier: (g, h) counts in the same hour of the earlier stretch.
        there: (g, h) hours that count.
        block: (h,) number of the block of each hour.
    """
    one, two = _by_block(later * there, block), _by_block(earlier * there, block)
    values = np.log((one + 0.5) / (two + 0.5))
    variances = np.where((one + two) > 0, 1 / (one + 0.5) + 1 / (two + 0.5), np.inf)
    return Differences(values, variances)


def _by_block(values: Floats, block: npt.NDArray[np.int64]) -> Floats:
    out = np.zeros((values.shape[0], int(block.max(initial=-1)) + 1))
    for number in range(out.shape[1]):
        out[:, number] = values[:, block == number].sum(axis=1)
    return out


def shifted(of: Differences, asked: npt.NDArray[np.bool_]) -> Shifts:
    """Test each thing's differences against none.

    Args:
        of: differences by block.
        asked: (b,) blocks that the question is about; the others only say how much blocks differ anyway.
    """
    weight = np.where(np.isfinite(of.variances) & asked, 1 / of.variances, 0.0)
    information = weight.sum(axis=1)
    known = information > 0
    shift = np.divide(
        (weight * of.values).sum(axis=1), information, out=np.full(len(information), np.nan), where=known
    )
    # Where few blocks are asked about, the others are the measure: a day is held against how days differ.
    rest = np.where(asked, np.inf, of.variances) if 2 * asked.sum() < len(asked) else of.variances
    raw, freedom = _successive(Differences(of.values, rest))
    prior, common = _shared(raw, freedom, information / np.maximum((weight > 0).sum(axis=1), 1))
    moderated = (np.nan_to_num(raw) * freedom + common * prior) / np.maximum(freedom + prior, 1e-9)
    after = freedom + prior
    dispersion = np.maximum(1.0, moderated)
    error = np.sqrt(np.divide(dispersion, information, out=np.full_like(information, np.inf), where=known))
    statistic = np.where(known, np.abs(np.nan_to_num(shift)) / error, 0.0)
    p = np.where(known & (after > 0), 2 * stdtr(np.clip(after, 1e-3, 1e6), -statistic), 1.0)
    return Shifts(shift, error, p, dispersion, (weight > 0).sum(axis=1).astype(np.float64))


def _successive(of: Differences) -> tuple[Floats, Floats]:
    """Dispersion from differences of neighbouring blocks without the two largest, and its degrees of freedom."""
    apart = np.diff(of.values, axis=1) ** 2
    expected = of.variances[:, 1:] + of.variances[:, :-1]
    usable = np.isfinite(expected)
    ratio = np.divide(apart, expected, out=np.zeros_like(apart), where=usable)
    steps = usable.sum(axis=1)
    ranked = np.sort(np.where(usable, ratio, np.inf), axis=1)
    raw, freedom = np.full(len(steps), np.nan), np.zeros(len(steps))
    for number in np.unique(steps[steps > 0]):
        rows = steps == number
        scale, freedom[rows] = _trimmed(int(number))
        raw[rows] = ranked[rows, : number - _left_out(int(number))].mean(axis=1) / scale
    return raw, freedom


def _left_out(steps: int) -> int:
    """How many of so many differences are left out: a step within a day is in two of them."""
    return 2 if steps >= _TRIMMED_FROM else 0


@functools.cache
def _trimmed(steps: int) -> tuple[float, float]:
    """Mean of the trimmed dispersion where nothing changed, and its degrees of freedom; by 20,000 fixed draws."""
    values = np.random.default_rng(steps).normal(size=(20_000, steps + 1))
    kept = np.sort(np.diff(values, axis=1) ** 2 / 2, axis=1)[:, : steps - _left_out(steps)].mean(axis=1)
    return float(kept.mean()), float(2 * kept.mean() ** 2 / kept.var())


def _shared(raw: Floats, freedom: Floats, information: Floats) -> tuple[float, Floats]:
    """Degrees of freedom and value of the dispersion that all things suggest for each (Smyth 2004, section 6.2).

    The suggestion follows how much is known of a thing: much called operations differ more from day to day than
    chance has it, because chance has little part in them (Law et al., Genome Biology 2014, 15:R29).
    """
    use = (freedom > 0) & (raw > 0) & np.isfinite(raw) & (information > 0)
    if use.sum() < LEAST_SHARED:
        return 0.0, np.ones(len(raw))
    half = freedom[use] / 2
    log = np.log(raw[use]) - digamma(half) + np.log(half)
    known = np.log(np.where(information > 0, information, 1.0))
    middle, wide = float(np.mean(known[use])), float(np.std(known[use]))
    degree = 0 if wide < 1e-6 else 1 if use.sum() < 3 * LEAST_SHARED else 2
    place = np.clip((known - middle) / max(wide, 1e-6), -2.5, 2.5)
    powers = np.vander(place, degree + 1)
    fitted = powers @ np.linalg.lstsq(powers[use], log, rcond=None)[0]
    freely = int(use.sum()) - degree - 1
    beyond = float(np.sum((log - fitted[use]) ** 2) / freely - np.mean(polygamma(1, half)))
    prior = MOST_SHARED if beyond <= 0 else min(MOST_SHARED, 2 * _inverse_trigamma(beyond))
    return prior, np.exp(fitted + digamma(prior / 2) - np.log(prior / 2))


def _inverse_trigamma(value: float) -> float:
    """Newton's steps of Smyth 2004, appendix."""
    if value > 1e7:
        return float(1 / np.sqrt(value))
    if value < 1e-6:
        return 1 / value
    y = 0.5 + 1 / value
    for _ in range(50):
        trigamma = float(polygamma(1, y))
        step = trigamma * (1 - trigamma / value) / float(polygamma(2, y))
        y += step
        if -step / y < 1e-8:
            break
    return y


def not_below_exact(p: Floats, later: Floats, earlier: Floats, share: Floats) -> Floats:
    """Raise p-values of few events to those of the exact conditional test (Przyborowski and Wilenski 1940).

    Args:
        p: (g,) p-values.
        later: (g,) events of the later stretch.
        earlier: (g,) events of the earlier one.
        share: (g,) part of the events that the later one has when nothing changed.
    """
    total = np.rint(later + earlier)
    few = total < FEW
    n, hit = np.where(few, total, 0).astype(np.int64), np.rint(later)
    exact = 2 * np.minimum(bdtr(hit, n, share), bdtrc(hit - 1, n, share))
    return np.where(few, np.maximum(p, np.minimum(1.0, np.nan_to_num(exact, nan=1.0))), p)


def discoveries(p: Floats, tested: npt.NDArray[np.bool_]) -> Floats:
    """Benjamini and Hochberg's adjusted p-values; NaN for what was not tested.

    Naming what is at most 0.05 keeps the expected share of false names at 5%.
    """
    out = np.full(p.shape, np.nan)
    places = np.flatnonzero(tested)
    if places.size == 0:
        return out
    order = places[np.argsort(p[places], kind="stable")]
    scaled = p[order] * places.size / np.arange(1, places.size + 1)
    out[order] = np.minimum(1.0, np.minimum.accumulate(scaled[::-1])[::-1])
    return out
