"""The shares that people would choose between, each with what it brings, lived through the same futures."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ktlo.planning.budget.costs import Component, Costs
from ktlo.planning.budget.optimum import LEVEL, best_by_column
from ktlo.planning.demand import Floats

RULE_OF_THUMB = 0.2
"""Advice that is often given; no finding stands behind it."""

_ENDS = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)
_DAYS_PER_WEEK = 7


class Why(enum.StrEnum):
    """Why a share is among the options."""

    BEST = "best"
    IN_FORCE = "in_force"
    RULE = "rule"
    LAST_QUARTER = "last_quarter"
    ASKED = "asked"


@dataclass(frozen=True, slots=True)
class Spread:
    """Expected value over the futures with an 80% interval."""

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Floats) -> Spread:
        """Of one value a future."""
        low, high = (float(end) for end in np.quantile(values, _ENDS))
        mean = float(values.mean())
        return cls(mean, min(low, mean), max(high, mean))


@dataclass(frozen=True, slots=True)
class Option:
    """One share and what it brings over the horizon.

    Attributes:
        share: the share.
        why: all reasons for which it is an option.
        cost: known costs together.
        parts: expected cost by component.
        left_over_items: items that came and are not done at the end.
        left_over_hours: their hours.
        wait_days: days that an item that is no incident waits beyond the week in which it came.
        downtime_hours: hours of downtime.
        incidents: incidents.
        preventive_hours: hours for preventive work and debt.
        feature_weeks: person-weeks that remain for features.
        piles_up: probability, over what the records leave open, that more arrives than is done.
        excess: hours a week by which it is more, on average.
        is_best: probability, over what the records leave open, that it is the cheapest of the options that keep
            up; where none does, the highest share counts as best.
        extra_cost: expected cost beyond that of the first option; below 0 where work is left lying that costs
            nothing known.
    """

    share: float
    why: tuple[Why, ...]
    cost: Spread
    parts: dict[Component, float]
    left_over_items: Spread
    left_over_hours: Spread
    wait_days: float
    downtime_hours: Spread
    incidents: Spread
    preventive_hours: Spread
    feature_weeks: Spread
    piles_up: float
    excess: float
    is_best: float
    extra_cost: float


def compare(costs: Costs, asked: Sequence[tuple[Why, float]], people: int) -> tuple[Option, ...]:
    """Compare shares that were all simulated.

    Args:
        costs: of every share.
        asked: reasons with their shares, the best first; those of one share become one option.
        people: in the team.
    """
    wanted: dict[float, list[Why]] = {}
    for why, share in asked:
        wanted.setdefault(round(share, 6), []).append(why)
    outcomes, total = costs.outcomes, costs.total
    places = [int(np.argmin(np.abs(outcomes.shares - share))) for share in wanted]
    order = np.argsort(list(wanted))
    kept = ~outcomes.piles_up[places]
    winner = order[best_by_column(costs.by_parameter()[places][order], kept[order])]
    expected = total[places].mean(axis=1)
    found = []
    for index, (place, (share, reasons)) in enumerate(zip(places, wanted.items(), strict=True)):
        waiting_items = outcomes.items[place].mean() - outcomes.incidents[place].mean()
        taken = outcomes.reserved[place] + outcomes.overrun[place]
        taken = taken + outcomes.urgent[place] * costs.prices.interruption_hours + outcomes.interest[place]
        person_week = outcomes.capacity[place] / max(people, 1) / max(outcomes.weeks, 1)
        features = np.maximum(outcomes.capacity[place] - taken, 0.0)
        found.append(
            Option(
                share=share,
                why=tuple(reasons),
                cost=Spread.of(total[place]),
                parts={component: float(part[place].mean()) for component, part in costs.parts.items()},
                left_over_items=Spread.of(outcomes.left_over_items[place]),
                left_over_hours=Spread.of(outcomes.left_over[place]),
                wait_days=_DAYS_PER_WEEK * float(outcomes.waiting[place].mean()) / max(waiting_items, 1e-9)
                if waiting_items > 0
                else 0.0,
                downtime_hours=Spread.of(outcomes.downtime[place]),
                incidents=Spread.of(outcomes.incidents[place]),
                preventive_hours=Spread.of(outcomes.preventive[place]),
                feature_weeks=Spread.of(
                    np.divide(features, person_week, out=np.zeros_like(features), where=person_week > 0)
                ),
                piles_up=float(outcomes.piles_up[place].mean()),
                excess=float(outcomes.excess[place].mean()),
                is_best=float((winner == index).mean()),
                extra_cost=float(expected[index] - expected[0]),
            )
        )
    return tuple(found)
