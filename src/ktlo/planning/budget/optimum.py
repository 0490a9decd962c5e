"""The share with the lowest expected cost, how sure that is, and which other shares are as good.

The share is sought among those at which the work keeps up: no more arrives than is done, were all as expected. Where
waiting has a price, a backlog is paid for in the cost, and keeping up as likely as not is enough; where it has none,
nothing in the cost speaks against letting work lie, so that a share must keep up in four of five cases.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ktlo.planning.budget.costs import Component, Costs
from ktlo.planning.demand import Floats

LEVEL = 0.8
"""Level of every interval of a plan: four of five."""

AS_GOOD = 0.01
"""A share is as good as the best when it costs at most this part of all the team's hours more."""

_EQUAL = 1e-9
"""Costs that differ by less, relatively, are the same."""

_ENDS = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)


@dataclass(frozen=True, slots=True)
class Optimum:
    """The best share and what surrounds it.

    Attributes:
        share: of the lowest expected cost among those that keep up; ``None`` when none does.
        low: lower end of the 80% interval of the best share: it moves with what the records leave open.
        high: its upper end.
        as_good_from: lowest share that costs at most 1% of all the team's hours more, or no more than the noise of
            the simulation.
        as_good_to: highest such share.
        as_good_within: most that one of these shares costs more than the best, at least 0.
        keeps_up_from: lowest share at which work piles up in at most ``tolerated`` of the cases that the records
            leave open; ``None`` when there is none.
        keeps_up_low: share below which it does in nine of ten cases.
        keeps_up_high: share above which it does in one of ten; ``None`` beyond all hours.
        tolerated: part of the cases in which work may pile up.
        cost: expected cost at the share, over the horizon.
        cheapest_anyway: share of the lowest expected cost whether it keeps up or not.
    """

    share: float | None
    low: float
    high: float
    as_good_from: float
    as_good_to: float
    as_good_within: float
    keeps_up_from: float | None
    keeps_up_low: float
    keeps_up_high: float | None
    tolerated: float
    cost: float
    cheapest_anyway: float

    @property
    def is_flat(self) -> bool:
        """Whether shares that differ by eight points or more are as good as each other."""
        return self.as_good_to - self.as_good_from >= 0.08 - 1e-9


def tolerated(costs: Costs) -> float:
    """In which part of the cases work may pile up; see this module."""
    return 0.2 if Component.WAITING in costs.unknown else 0.5


def find_optimum(costs: Costs) -> Optimum:
    """Find the best share of those that were simulated, which must be ascending."""
    shares, piles_up = costs.outcomes.shares, costs.outcomes.piles_up
    limit = tolerated(costs)
    keeps_up = piles_up.mean(axis=1) <= limit
    expected = costs.expected()
    best = cheapest(expected, keeps_up)
    by_parameter = costs.by_parameter()
    found = shares[best_by_column(by_parameter, ~piles_up)]
    at = best if best is not None else shares.size - 1
    low, high = (float(end) for end in np.quantile(found, _ENDS))
    share = float(shares[at])
    first, last = _as_good(costs, by_parameter, expected, keeps_up, at)
    start = thresholds(shares, piles_up)
    return Optimum(
        share=share if best is not None else None,
        low=min(low, share),
        high=max(high, share),
        as_good_from=float(shares[first]),
        as_good_to=float(shares[last]),
        as_good_within=float(np.max(expected[first : last + 1] - expected[at])),
        keeps_up_from=float(shares[int(np.argmax(keeps_up))]) if keeps_up.any() else None,
        keeps_up_low=min(float(np.quantile(start, _ENDS[0], method="lower")), 1.0),
        keeps_up_high=_inside(float(np.quantile(start, _ENDS[1], method="higher"))),
        tolerated=limit,
        cost=float(expected[at]),
        cheapest_anyway=float(shares[int(np.argmin(expected))]),
    )


def cheapest(expected: Floats, allowed: npt.NDArray[np.bool_]) -> int | None:
    """Place of the lowest of the allowed costs; the lowest share of equals."""
    if not allowed.any():
        return None
    lowest = float(expected[allowed].min())
    same = allowed & (expected <= lowest + _EQUAL * max(abs(lowest), 1.0))
    return int(np.argmax(same))


def best_by_column(costs: Floats, allowed: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Places of the lowest allowed cost of each column; the last place where nothing is allowed."""
    places = np.argmin(np.where(allowed, costs, np.inf), axis=0)
    found: npt.NDArray[np.int64] = np.where(allowed.any(axis=0), places, costs.shape[0] - 1)
    return found


def thresholds(shares: Floats, piles_up: npt.NDArray[np.bool_]) -> Floats:
    """Lowest share at which work keeps up in each case; infinite where there is none, (parameters,)."""
    kept = ~piles_up
    return np.where(kept.any(axis=0), shares[np.argmax(kept, axis=0)], np.inf)


def _inside(share: float) -> float | None:
    return share if np.isfinite(share) else None


def _as_good(
    costs: Costs, by_parameter: Floats, expected: Floats, keeps_up: npt.NDArray[np.bool_], best: int
) -> tuple[int, int]:
    """First and last place around the best whose cost is as good: close, or within twice its own noise."""
    extra = by_parameter - by_parameter[best]
    noise = 2 * extra.std(axis=1) / np.sqrt(max(extra.shape[1], 1))
    team = costs.prices.labour_hour * float(costs.outcomes.capacity[best].mean())
    close = (expected - expected[best] <= np.maximum(AS_GOOD * team, noise)) & keeps_up
    close[best] = True
    first = last = best
    while first > 0 and close[first - 1]:
        first -= 1
    while last < close.size - 1 and close[last + 1]:
        last += 1
    return first, last
