"""Which input moves the decision, and what knowing it exactly would be worth.

No further simulation: the posterior draws are there. The expected cost of every share given one input is a regression
of the draws' costs on it (Strong, Oakley and Brennan, Medical Decision Making 2014, 34:311-326; here a quadratic in
normal scores), and the best share given the input follows. Work beyond the share counts as the decision counts it.
Prices have no draws: they are halved and doubled.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from ktlo.planning.assumptions import Prices
from ktlo.planning.budget.costs import Costs, priced
from ktlo.planning.budget.optimum import best_by_column, find_optimum, tolerated
from ktlo.planning.demand import Demand, Floats, WorkClass

_SCORE = float(ndtri(0.9))
"""Low and high are the ends of an 80% interval of the input."""

_FEWEST_DRAWS = 40
_PERMUTATIONS = 8
_SEED = 20261126


class Aspect(enum.StrEnum):
    """What about a class, the team or the prices is not known exactly."""

    ARRIVALS = "arrivals"
    WORK = "work"
    PREVENTION = "prevention"
    DOWNTIME = "downtime"
    HOURS = "hours"
    USUAL_PREVENTION = "usual_prevention"
    DOWNTIME_PRICE = "downtime_price"
    WAITING_PRICE = "waiting_price"
    INTERRUPTION = "interruption"


PRICES = frozenset({Aspect.DOWNTIME_PRICE, Aspect.WAITING_PRICE, Aspect.INTERRUPTION})


@dataclass(frozen=True, slots=True)
class Influence:
    """One input and what it moves.

    Attributes:
        aspect: what about it.
        work_class: of which class; ``None`` for the team and the prices.
        low: the input at the lower end of its 80% interval, or half of a price.
        high: at its upper end, or twice a price.
        share_at_low: best share there.
        share_at_high: best share there.
        cost_at_low: expected cost of the best share there.
        cost_at_high: expected cost of the best share there.
        worth: expected saving over the horizon from knowing it exactly before deciding; ``None`` for a price,
            of which nobody said how uncertain it is.
    """

    aspect: Aspect
    work_class: WorkClass | None
    low: float
    high: float
    share_at_low: float
    share_at_high: float
    cost_at_low: float
    cost_at_high: float
    worth: float | None

    @property
    def swing(self) -> float:
        """How far the best share moves."""
        return abs(self.share_at_high - self.share_at_low)


def influences(costs: Costs, demand: Demand) -> tuple[Influence, ...]:
    """Every uncertain input, those whose knowledge is worth most first.

    Args:
        costs: of all shares, ascending.
        demand: from which the futures were drawn, services put together.
    """
    found = [*_of_draws(costs, demand), *_of_prices(costs)]
    return tuple(sorted(found, key=lambda each: (-(each.worth or 0.0), -each.swing, each.aspect)))


def _inputs(demand: Demand, draws: int) -> Iterator[tuple[Aspect, WorkClass | None, Floats]]:
    """Inputs with their draws."""
    for each in demand.classes:
        kind = each.work_class
        yield Aspect.ARRIVALS, kind, each.rate[:draws].mean(axis=1)
        yield Aspect.WORK, kind, each.work_hours[:draws]
        yield Aspect.PREVENTION, kind, each.prevention_scale[:draws]
        yield Aspect.DOWNTIME, kind, (each.downtime_probability * each.downtime_hours)[:draws]
    usual = demand.capacity.hours_per_week * demand.capacity.ktlo_share
    yield Aspect.HOURS, None, demand.capacity.hours_per_week[:draws]
    yield Aspect.USUAL_PREVENTION, None, usual[:draws]


def _of_draws(costs: Costs, demand: Demand) -> Iterator[Influence]:
    draws = costs.outcomes.parameters
    if draws < _FEWEST_DRAWS:
        return
    shares, limit = costs.outcomes.shares, tolerated(costs)
    cost = costs.by_parameter().T  # (draws, shares)
    grew = costs.outcomes.piles_up.astype(np.float64).T
    # A rule that keeps up in all but a part p of the cases takes an hour of shortage for 1/p hours (the newsvendor's
    # critical ratio; Arrow, Harris and Marschak, Econometrica 1951). At that price knowing more never costs.
    short = costs.outcomes.excess.T * costs.outcomes.weeks * costs.prices.labour_hour
    regretted = cost + (1 / limit - 1) * short
    rng = np.random.default_rng(_SEED)
    for aspect, kind, values in _inputs(demand, draws):
        if np.unique(values).size < _FEWEST_DRAWS // 4:
            continue
        scores = _scores(values)
        ends = np.array([-_SCORE, _SCORE])
        cost_there, grew_there = _fitted(scores, cost, ends), _fitted(scores, grew, ends)
        best = best_by_column(cost_there.T, limit >= grew_there.T)
        low, high = (float(end) for end in np.quantile(values, [0.1, 0.9], method="nearest"))
        yield Influence(
            aspect=aspect,
            work_class=kind,
            low=low,
            high=high,
            share_at_low=float(shares[best[0]]),
            share_at_high=float(shares[best[1]]),
            cost_at_low=float(cost_there[0, best[0]]),
            cost_at_high=float(cost_there[1, best[1]]),
            worth=_worth(scores, regretted, rng),
        )


def _worth(scores: Floats, cost: Floats, rng: np.random.Generator) -> float:
    """Expected saving from deciding with the input known, less what chance alone would seem to be worth."""
    without = float(cost.mean(axis=0).min())

    def saved(ordered: Floats) -> float:
        return without - float(_fitted(ordered, cost, ordered).min(axis=1).mean())

    chance = [saved(rng.permutation(scores)) for _ in range(_PERMUTATIONS)]
    return max(0.0, saved(scores) - max(chance))


def _scores(values: Floats) -> Floats:
    """Normal scores by rank; equal values get equal scores. Infinite values are the largest."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    scores: Floats = ndtri((ranks[inverse] - 0.5) / values.size)
    return scores


def _fitted(scores: Floats, values: Floats, at: Floats) -> Floats:
    """Quadratic regression of each column of values on the scores, read at given scores."""
    design = np.stack([np.ones_like(scores), scores, scores**2], axis=1)
    # Three by three: the normal equations are well conditioned in normal scores, and thirty times faster.
    coefficients = np.linalg.solve(
        np.einsum("di,dj->ij", design, design), np.einsum("di,ds->is", design, values)
    )
    fitted: npt.NDArray[np.float64] = np.stack([np.ones_like(at), at, at**2], axis=1) @ coefficients
    return fitted


def _of_prices(costs: Costs) -> Iterator[Influence]:
    prices = costs.prices
    for aspect, name in (
        (Aspect.DOWNTIME_PRICE, "downtime_hour"),
        (Aspect.WAITING_PRICE, "waiting_week"),
        (Aspect.INTERRUPTION, "interruption_hours"),
    ):
        present = getattr(prices, name)
        if not present:
            continue
        low, high = present / 2, present * 2
        ends = [find_optimum(priced(costs.outcomes, _with(prices, name, value))) for value in (low, high)]
        yield Influence(
            aspect=aspect,
            work_class=None,
            low=low,
            high=high,
            share_at_low=_share(ends[0].share),
            share_at_high=_share(ends[1].share),
            cost_at_low=ends[0].cost,
            cost_at_high=ends[1].cost,
            worth=None,
        )


def _with(prices: Prices, name: str, value: float) -> Prices:
    return replace(prices, **{name: value})  # type: ignore[arg-type]


def _share(share: float | None) -> float:
    return 1.0 if share is None else share
