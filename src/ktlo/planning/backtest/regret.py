"""What following each rule's share would have cost, beyond the share that was best in hindsight.

Every quarter by itself: the rule names a share from what was known, the weeks that really were are lived through at
it (:func:`ktlo.planning.budget.simulate.replay`), and the cost is compared with the cheapest share of that quarter.
Where waiting has no price, an hour of work that is left over at the end counts five times, its labour and four more: a
plan that keeps up in four of five quarters says just that (the newsvendor's critical ratio; Arrow, Harris and
Marschak, Econometrica 1951).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ktlo.metrics.estimate import Estimate, not_estimable
from ktlo.planning.assumptions import Prices
from ktlo.planning.backtest.origins import Origins
from ktlo.planning.backtest.policies import FIXED, Policy
from ktlo.planning.backtest.scores import difference
from ktlo.planning.budget.costs import Component, priced
from ktlo.planning.budget.optimum import find_optimum
from ktlo.planning.budget.simulate import replay, simulate
from ktlo.planning.load.capacity import Classification
from ktlo.planning.load.classes import ORDER
from ktlo.planning.load.fitting import fit_load
from ktlo.planning.load.history import History

Floats = npt.NDArray[np.float64]

_DRAWS, _FUTURES = 200, 200
_GRID = np.round(np.arange(0.0, 1.0001, 0.02), 4)
LEFT_OVER = 4.0
"""Hours that an hour of work left over counts for beyond its own labour, where waiting has no price."""
_MOST = 32
"""Quarters that are lived through, the newest."""
LEAST_QUARTERS = 6


@dataclass(frozen=True, slots=True)
class PolicyRegret:
    """What a rule cost beyond the best in hindsight.

    Attributes:
        policy: the rule.
        share: mean of the shares it named.
        regret: mean cost beyond the best, in hours of labour a week.
        kept_up: quarters in which less than a week of work was left over.
        quarters: of how many.
        against: ktlo's regret less this rule's, hours a week, with a 90% interval; for ktlo itself not estimable.
    """

    policy: Policy
    share: float
    regret: float
    kept_up: int
    quarters: int
    against: Estimate


def quarters_of(origins: Origins, horizon: int, step: int) -> npt.NDArray[np.int64]:
    """Places of origins whose horizons do not overlap, oldest first."""
    apart = max(1, -(-horizon // step))
    places = np.arange(len(origins) - 1, -1, -apart)[:_MOST][::-1]
    return places.astype(np.int64)


def regret_of(
    history: History,
    origins: Origins,
    places: npt.NDArray[np.int64],
    prices: Prices,
    horizon: int,
    seed: int,
    report: Callable[[int, int], None],
) -> tuple[PolicyRegret, ...]:
    """Live through the quarters at every rule's share; empty where there are too few.

    Args:
        history: the whole of it; cut here for what the rules know.
        origins: with their outcomes.
        places: of the origins to use; see :func:`quarters_of`.
        prices: in force.
        horizon: weeks of a quarter.
        seed: of ktlo's draws.
        report: called with how many quarters are done, and of how many.
    """
    if places.size < LEAST_QUARTERS or not origins.capacity[places].any():
        return ()
    named: dict[Policy, list[float]] = {policy: [] for policy in Policy}
    lost: dict[Policy, list[float]] = {policy: [] for policy in Policy}
    kept: dict[Policy, int] = dict.fromkeys(Policy, 0)
    for index, place in enumerate(places):
        week = int(origins.weeks[place])
        shares = _shares(history, week, prices, horizon, seed)
        costs, late = _lived(history, week, np.array([*_GRID, *shares.values()]), prices, horizon)
        best = float(costs.min())
        for at, (policy, share) in enumerate(shares.items()):
            own = _GRID.size + at
            named[policy].append(share)
            lost[policy].append((float(costs[own]) - best) / prices.labour_hour / horizon)
            kept[policy] += not late[own]
        report(index + 1, int(places.size))
    own_losses = np.array(lost[Policy.KTLO])
    return tuple(
        PolicyRegret(
            policy,
            float(np.mean(named[policy])),
            float(np.mean(lost[policy])),
            kept[policy],
            int(places.size),
            not_estimable("this is ktlo's own")
            if policy is Policy.KTLO
            else difference(own_losses, np.array(lost[policy]), seed, least=LEAST_QUARTERS, block=1),
        )
        for policy in Policy
    )


def _shares(history: History, week: int, prices: Prices, horizon: int, seed: int) -> dict[Policy, float]:
    """The share that each rule names at the start of a week."""
    hours, everything = history.hours(), history.total(history.days.hours)
    at = week - history.first_week

    def share(back: int) -> float:
        spent, there = hours[max(0, at - back) : at].sum(), everything[max(0, at - back) : at].sum()
        return float(np.clip(spent / there, 0.0, 1.0)) if there > 0 else 0.0

    return {
        Policy.KTLO: _planned(history.known_before(week), prices, horizon, seed, share(26)),
        Policy.FIXED: FIXED,
        Policy.LAST_QUARTER: share(13),
        Policy.TRAILING_MEAN: share(52),
    }


def _planned(known: History, prices: Prices, horizon: int, seed: int, lately: float) -> float:
    """The share that ktlo would have proposed, from nothing but what was known."""
    if not known.hours().any():
        return 0.0
    rng = np.random.default_rng([seed, 6000, known.end_week])
    share = rng.beta(1 + 200 * lately, 1 + 200 * (1 - lately), size=_DRAWS)
    load = fit_load(known, Classification(np.ones(_DRAWS), share, is_known=True), weeks=horizon, seed=seed)
    if not load.demand.classes or load.demand.capacity.hours_per_week.max() <= 0:
        return 0.0
    outcomes = simulate(load.demand, _GRID, futures=_FUTURES, seed=seed, weeks=horizon)
    found = find_optimum(priced(outcomes, prices))
    return found.share if found.share is not None else 1.0


def _lived(
    history: History, week: int, shares: Floats, prices: Prices, horizon: int
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Cost of shares under what really happened, and whether work was left over, both (shares,)."""
    at = week - history.first_week
    weeks = slice(at, at + horizon)
    work = np.array([history.hours(None, place)[weeks] for place in range(len(ORDER))])
    items = np.array([history.counts(None, place)[weeks] for place in range(len(ORDER))], dtype=np.float64)
    capacity = float(history.total(history.days.hours)[weeks].mean())
    outcomes = replay(work, ORDER, shares, capacity=capacity, items=np.maximum(items, (work > 0) * 1.0))
    costs = priced(outcomes, prices)
    total = costs.expected()
    if Component.WAITING in costs.unknown:
        total = total + LEFT_OVER * prices.labour_hour * outcomes.left_over.mean(axis=1)
    # More than a week of work left over is a backlog, less is a Monday.
    late: npt.NDArray[np.bool_] = outcomes.left_over[:, 0] > np.maximum(outcomes.week_of_work[:, 0], 1e-9)
    return total, late
