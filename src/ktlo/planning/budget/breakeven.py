"""From which price on the best share would be another: the answer while a price is unknown.

The expected cost is a straight line in every price, so the best share as a function of one price is the lower envelope
of the shares' lines: exact, without a further simulation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ktlo.planning.budget.costs import Component, Costs, amount
from ktlo.planning.budget.optimum import cheapest, tolerated
from ktlo.planning.demand import Floats

WORTH_SAYING = 0.03
"""Shares that differ by less are one decision."""


@dataclass(frozen=True, slots=True)
class Move:
    """From ``price`` on, ``share`` is the best."""

    price: float
    share: float


@dataclass(frozen=True, slots=True)
class BreakEven:
    """How the best share moves with one price, all other prices as they are.

    Attributes:
        component: whose price.
        start: best share at a price of nothing.
        moves: ascending; empty when no price moves it.
        present: the price in force; ``None`` when it is unknown.
    """

    component: Component
    start: float
    moves: tuple[Move, ...]
    present: float | None

    def share_at(self, price: float) -> float:
        """Best share at a price."""
        return next((move.share for move in reversed(self.moves) if move.price <= price), self.start)

    @property
    def first(self) -> Move | None:
        """The first move of three points or more from where it starts; ``None`` when no price makes one."""
        return next(
            (move for move in self.moves if abs(move.share - self.start) >= WORTH_SAYING - 1e-9), None
        )

    @property
    def last(self) -> float:
        """Best share at a price beyond all bounds."""
        return self.moves[-1].share if self.moves else self.start


def break_even(costs: Costs, component: Component, present: float | None) -> BreakEven | None:
    """How the best share moves with the price of a component; ``None`` when no share keeps up.

    Args:
        costs: prices in force; the component's own is taken out.
        component: WAITING or DOWNTIME.
        present: its price in force.
    """
    keeps_up = costs.outcomes.piles_up.mean(axis=1) <= tolerated(costs)
    fixed = costs.expected() - (costs.expected(component) if component in costs.parts else 0.0)
    quantity = amount(costs.outcomes, component).mean(axis=1)
    place = cheapest(fixed, keeps_up)
    if place is None:
        return None
    start, moves, price = place, [], 0.0
    while True:
        step = _next(fixed, quantity, keeps_up, place, price)
        if step is None:
            break
        price, place = step
        moves.append(Move(price, float(costs.outcomes.shares[place])))
    return BreakEven(component, float(costs.outcomes.shares[start]), tuple(moves), present)


def _next(
    fixed: Floats, quantity: Floats, allowed: np.ndarray, place: int, price: float
) -> tuple[float, int] | None:
    """The next crossing of the envelope: price and place; ``None`` after the last."""
    saved = quantity[place] - quantity
    better = allowed & (saved > 1e-9 * max(1.0, float(np.abs(quantity).max())))
    if not better.any():
        return None
    crossing = np.where(better, (fixed - fixed[place]) / np.where(better, saved, 1.0), np.inf)
    at = max(float(crossing.min()), price)
    # Of lines that cross at one price the flattest lies lowest after it.
    tied = better & (crossing <= at * (1 + 1e-12) + 1e-12)
    return at, int(np.argmin(np.where(tied, quantity, np.inf)))
