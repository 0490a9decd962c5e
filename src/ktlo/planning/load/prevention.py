"""Whether preventive work made less arrive: a distributed-lag regression that may say "not shown yet".

Weekly arrivals on past preventive hours (a geometric lag), with the amount of change and a slow drift of the level
held fixed; quasi-Poisson with Newey and West's covariance (Econometrica 1987), since one week is like the next; a
normal prior around no effect. Lags: Almon 1965 and Koyck 1954 as in Schwartz, Epidemiology 2000. What is found is
association: teams also mend more when more breaks. So an effect counts as shown only when the whole 95% interval
lies below none; otherwise an experiment is described (:mod:`ktlo.planning.load.experiment`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ktlo.wording import counted

Floats = npt.NDArray[np.float64]

LEAST_WEEKS, LEAST_ITEMS = 78, 60
_HALF_LIFE = 8.0
"""Weeks after which an hour of prevention is taken to count for half."""
_LAGS = 26
_KNOT = 52
"""Weeks between the knots of the slow drift."""
_NEIGHBOURS = 13
"""Weeks over which residuals are taken to be alike."""
_PRIOR_SD = 0.5
"""Prior: stopping all preventive work changes the logarithm of arrivals by about this much, either way."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What is known about the effect of one more preventive hour a week.

    Attributes:
        per_hour: mean relative reduction of arrivals by one hour a week more; ``None`` when not estimable.
        low: lower end of its 95% interval.
        high: upper end.
        is_shown: the whole interval says that less arrives.
        weeks: weeks used.
        items: items in them.
        usual_hours: preventive hours of a usual week.
        reason: why there is no estimate; else empty.
    """

    per_hour: float | None
    low: float | None
    high: float | None
    is_shown: bool
    weeks: int
    items: int
    usual_hours: float
    reason: str = ""

    def fewer_with(self, hours: float) -> tuple[float, float, float]:
        """Relative reduction with so many hours a week more: mean, and the ends of its 95% interval.

        Below 0 where more arrives. Zeros where nothing is known.
        """
        mean, low, high = (
            1 - float(np.exp(-(value or 0.0) * hours)) for value in (self.per_hour, self.low, self.high)
        )
        return mean, low, high

    @property
    def spread(self) -> float:
        """Standard deviation of the posterior."""
        if self.low is None or self.high is None:
            return 0.0
        return (self.high - self.low) / (2 * 1.959964)


def fit_effect(counts: npt.ArrayLike, preventive: npt.ArrayLike, churn: npt.ArrayLike) -> Effect:
    """Estimate the effect from weekly series of one length, oldest first.

    Args:
        counts: items that arrived.
        preventive: hours of preventive work.
        churn: how much was changed: items of chosen work.
    """
    y = np.asarray(counts, dtype=np.float64)
    hours = np.asarray(preventive, dtype=np.float64)
    usual = float(hours[-52:].mean()) if hours.size else 0.0
    items, weeks = int(y.sum()), int(y.size)

    def none(reason: str) -> Effect:
        return Effect(None, None, None, False, weeks, items, usual, reason)

    if weeks < LEAST_WEEKS:
        return none(
            f"{counted(weeks, 'weeks')} of history {'is' if weeks == 1 else 'are'} too few;"
            f" {LEAST_WEEKS} are the least that can tell"
        )
    if items < LEAST_ITEMS:
        return none(
            f"{counted(items, 'items')} {'is' if items == 1 else 'are'} too few;"
            f" {LEAST_ITEMS} are the least that can tell"
        )
    lagged, moved = _lagged(hours), np.log1p(_lagged(np.asarray(churn, dtype=np.float64)))
    y, lagged, moved = y[_LAGS:], lagged[_LAGS:], moved[_LAGS:]
    if y.sum() < LEAST_ITEMS / 2:
        return none("too little arrived after the first half year")
    if lagged.mean() <= 0 or lagged.std() < 0.05 * lagged.mean():
        return none("preventive work hardly varied, so nothing can be compared")
    time = np.arange(y.size, dtype=np.float64)
    knots = np.arange(_KNOT, y.size - _KNOT / 2, _KNOT)
    drift = [np.maximum(time - knot, 0.0) / _KNOT for knot in knots]
    design = np.stack((np.ones(y.size), lagged, moved, time / _KNOT, *drift), axis=1)
    scale = design.std(axis=0)
    scale[0] = 1.0
    usable = scale > 1e-9
    coefficients, covariance = _regression(y, design[:, usable] / scale[usable])
    at = int(np.flatnonzero(np.flatnonzero(usable) == 1)[0])
    slope, variance = coefficients[at] / scale[1], covariance[at, at] / scale[1] ** 2
    prior = (_PRIOR_SD / max(float(lagged.mean()), 1e-9)) ** 2
    precision = 1 / variance + 1 / prior
    mean, spread = slope / variance / precision, precision**-0.5
    less = -mean
    low, high = less - 1.959964 * spread, less + 1.959964 * spread
    return Effect(float(less), float(low), float(high), bool(low > 0), weeks, items, usual)


def _lagged(values: Floats) -> Floats:
    """Weighted mean of the weeks before each week; the present one is not in it."""
    weight = 0.5 ** (np.arange(_LAGS) / _HALF_LIFE)
    weight /= weight.sum()
    return np.concatenate(([0.0], np.convolve(values, weight)[: values.size - 1]))


def _regression(y: Floats, design: Floats) -> tuple[Floats, Floats]:
    """Quasi-Poisson regression with a covariance that allows for likeness of neighbouring weeks."""
    ridge = np.eye(design.shape[1]) * 1e-3
    ridge[0, 0] = 0.0
    beta = np.zeros(design.shape[1])
    beta[0] = np.log(max(y.mean(), 1e-3))
    # A giant week may pull no more than a very high one.
    bounded = np.minimum(y, np.quantile(y, 0.98) + 3)
    for _ in range(50):
        mean = np.exp(np.clip(design @ beta, -20, 20))
        step = np.linalg.solve(
            (design * mean[:, None]).T @ design + ridge, design.T @ (bounded - mean) - ridge @ beta
        )
        beta = beta + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-8:
            break
    mean = np.exp(np.clip(design @ beta, -20, 20))
    bread = np.linalg.inv((design * mean[:, None]).T @ design + ridge)
    score = design * (bounded - mean)[:, None]
    meat = score.T @ score
    for lag in range(1, min(_NEIGHBOURS, y.size - 1) + 1):
        together = score[lag:].T @ score[:-lag]
        meat += (1 - lag / (_NEIGHBOURS + 1)) * (together + together.T)
    small = y.size / max(y.size - design.shape[1], 1)
    # Smooth regressors and few effective weeks: never believe less spread than independent weeks would have.
    sandwich = bread @ meat @ bread * small
    spread = float((np.square(bounded - mean) / mean).sum() / max(y.size - design.shape[1], 1))
    independent = bread * max(spread, 1.0)
    widest = np.maximum(np.diag(sandwich), np.diag(independent))
    return beta, np.diag(widest)


def draw_effect(effect: Effect | None, draws: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Draws of the floor and of the scale in hours, as a ``ClassDemand`` has them.

    Args:
        effect: as fitted; ``None`` for a class that no preventive work of the team can reach.
        draws: how many.
        rng: where they come from.
    """
    floor = rng.beta(2.0, 3.0, size=draws)
    if effect is None:
        return np.ones(draws), np.full(draws, np.inf)
    if not effect.is_shown or effect.per_hour is None:
        return floor, np.full(draws, np.inf)
    slope = np.abs(effect.per_hour + effect.spread * rng.standard_normal(draws))
    # The slope at today's work is (1 - floor) / scale.
    return floor, np.maximum((1 - floor) / np.maximum(slope, 1e-9), 1e-3)
