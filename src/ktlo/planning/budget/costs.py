"""Outcomes with prices on them: what each share costs, by component.

An hour of keeping the lights on costs its labour, and that is also what it takes from features: the feature that is
not built was worth at least the hour, so it is counted once. A price that nobody said stays unknown: its component is
left out of the total and named, never counted as nothing.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ktlo.planning.assumptions import Prices
from ktlo.planning.budget.simulate import Outcomes
from ktlo.planning.demand import Floats


class Component(enum.StrEnum):
    """What a share costs, from the ground of the picture up."""

    LABOUR = "labour"
    """Hours of the share and hours of incidents beyond it: taken from features."""
    LEFT_OVER = "left_over"
    """Hours of arrived work that is still to be done at the end: owed, not saved."""
    INTERRUPTION = "interruption"
    """Hours lost around incidents and vulnerabilities by leaving other work and finding back."""
    INTEREST = "interest"
    """Hours that known debt costs while it stands."""
    WAITING = "waiting"
    DOWNTIME = "downtime"


@dataclass(frozen=True, slots=True, eq=False)
class Costs:
    """What shares cost over the horizon.

    Attributes:
        outcomes: what was priced.
        prices: with what.
        parts: cost by component, each (shares, futures); unknown ones are left out.
        unknown: components without a price.
    """

    outcomes: Outcomes
    prices: Prices
    parts: Mapping[Component, Floats]
    unknown: tuple[Component, ...]

    @property
    def total(self) -> Floats:
        """Known costs together, (shares, futures)."""
        return np.sum(list(self.parts.values()), axis=0)  # type: ignore[no-any-return]

    def by_parameter(self) -> Floats:
        """Expected known costs for each posterior draw, the course of chance averaged out: (shares, parameters)."""
        return self.outcomes.averaged(self.total)

    def interval(self) -> tuple[Floats, Floats]:
        """Ends of the 80% interval of the known costs over the futures, each (shares,)."""
        low, high = np.quantile(self.total, [0.1, 0.9], axis=1)
        return low, high

    def expected(self, component: Component | None = None) -> Floats:
        """Expected cost of a component, or of all known ones, (shares,)."""
        chosen = self.total if component is None else self.parts[component]
        mean: Floats = chosen.mean(axis=1)
        return mean


def amount(outcomes: Outcomes, component: Component) -> Floats:
    """What a component's price is multiplied with, (shares, futures): hours, or item-weeks of waiting."""
    return {
        Component.LABOUR: outcomes.reserved + outcomes.overrun,
        Component.LEFT_OVER: outcomes.left_over,
        Component.INTERRUPTION: outcomes.urgent,
        Component.INTEREST: outcomes.interest,
        Component.WAITING: outcomes.waiting,
        Component.DOWNTIME: outcomes.downtime,
    }[component]


def price(prices: Prices, component: Component) -> float | None:
    """Price of one unit of :func:`amount`; ``None`` when unknown."""
    return {
        Component.LABOUR: prices.labour_hour,
        Component.LEFT_OVER: prices.labour_hour,
        Component.INTERRUPTION: prices.labour_hour * prices.interruption_hours,
        Component.INTEREST: prices.labour_hour,
        Component.WAITING: prices.waiting_week,
        Component.DOWNTIME: prices.downtime_hour,
    }[component]


def priced(outcomes: Outcomes, prices: Prices) -> Costs:
    """Put prices on outcomes."""
    known = {component: price(prices, component) for component in Component}
    return Costs(
        outcomes=outcomes,
        prices=prices,
        parts={
            component: amount(outcomes, component) * value
            for component, value in known.items()
            if value is not None
        },
        unknown=tuple(component for component, value in known.items() if value is None),
    )
