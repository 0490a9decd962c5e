"""The budget decision as a whole: one question in, one frozen plan out, which every face tells.

Reads a fitted :class:`~ktlo.planning.demand.Demand`, prices and what is asked; gives a :class:`Plan`. Nothing here
reads a store or a clock: the same demand, prices and question give the same plan.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

import numpy as np

from ktlo.errors import UsageError
from ktlo.planning.assumptions import Prices
from ktlo.planning.budget.breakeven import BreakEven, break_even
from ktlo.planning.budget.costs import Component, Costs, priced
from ktlo.planning.budget.limits import Check, check_limits
from ktlo.planning.budget.merging import merged
from ktlo.planning.budget.optimum import Optimum, find_optimum
from ktlo.planning.budget.options import RULE_OF_THUMB, Option, Spread, Why, compare
from ktlo.planning.budget.sensitivity import Influence, influences
from ktlo.planning.budget.simulate import Outcomes, simulate
from ktlo.planning.budget.world import Changes
from ktlo.planning.demand import Demand, Floats, WorkClass

FUTURES = 2000
"""Courses of events of a plan."""

_COURSES = 8
"""Courses of chance of each posterior draw, about."""

_FEWER = 800
"""Courses of events of the other horizons."""

QUICK_FUTURES = 400
"""Courses of events of an answer to a slider."""

HORIZONS = (13, 26, 39, 52)
FEWEST_WEEKS = 13
"""Below a quarter of history a plan is said to rest on little."""

_GRID = np.round(np.arange(0, 1.0001, 0.01), 4)
_COARSE = np.round(np.arange(0, 1.0001, 0.02), 4)


class Doubt(enum.StrEnum):
    """What limits what can be said; the words are the report's."""

    NO_DEMAND = "no_demand"
    NO_HOURS = "no_hours"
    SHORT_HISTORY = "short_history"
    ONE_PERSON = "one_person"
    NO_INCIDENTS = "no_incidents"
    NO_EFFECT = "no_effect"
    NOTHING_KEEPS_UP = "nothing_keeps_up"
    NO_DEBT = "no_debt"
    OLD_WORK = "old_work"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a plan is asked for.

    Attributes:
        weeks: horizon, 1 to 52.
        seed: of the simulation.
        in_force: share in force; ``None`` when none was said.
        last_quarter: share measured over the last quarter; ``None`` when there is none.
        looked_at: a further share to compare; ``None`` for none.
        changes: what a what-if multiplies.
        old_work: share of what is open today that shall be worked down within the horizon.
        futures: courses of events.
    """

    weeks: int = 13
    seed: int = 1
    in_force: float | None = None
    last_quarter: float | None = None
    looked_at: float | None = None
    changes: Changes = field(default_factory=Changes)
    old_work: float = 0.0
    futures: int = FUTURES

    def __post_init__(self) -> None:
        """Refuse what cannot be planned.

        Raises:
            UsageError: a share outside 0 to 1, or a horizon outside 1 to 52 weeks.
        """
        for name in ("in_force", "last_quarter", "looked_at", "old_work"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise UsageError(
                    f"{name.replace('_', ' ')}: {value:g} is no share",
                    fix="Give a number from 0 to 1, such as 0.25 for a quarter of the hours",
                )
        if not 1 <= self.weeks <= 52:
            raise UsageError(f"a plan looks 1 to 52 weeks ahead, not {self.weeks}", fix="A quarter is 13")


@dataclass(frozen=True, slots=True)
class Horizon:
    """The best share when so many weeks are looked ahead."""

    weeks: int
    optimum: Optimum


@dataclass(frozen=True, slots=True)
class Load:
    """What arrives in a week of one class, as fitted."""

    work_class: WorkClass
    items: Spread
    hours: Spread
    open_items: int
    shows_effect: float
    """Part of the posterior draws in which preventive work has any effect."""


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """The decision with everything that stands behind it.

    Attributes:
        asked: the question.
        demand: as fitted, services put together.
        prices: in force.
        doubts: what limits what can be said.
        loads: what arrives, by class.
        hours: hours that the team gives in a week.
        costs: of every share; ``None`` when there is nothing to decide.
        optimum: the best share; ``None`` when there is nothing to decide.
        options: shares compared, the best first.
        break_evens: for the prices that are unknown, and for those in force.
        horizons: the best share by how far one looks ahead; empty in a quick answer.
        influences: which input matters; empty in a quick answer.
        checks: limits of the trade at the best share.
    """

    asked: Asked
    demand: Demand
    prices: Prices
    doubts: tuple[Doubt, ...]
    loads: tuple[Load, ...]
    hours: Spread
    costs: Costs | None = None
    optimum: Optimum | None = None
    options: tuple[Option, ...] = ()
    break_evens: tuple[BreakEven, ...] = ()
    horizons: tuple[Horizon, ...] = ()
    influences: tuple[Influence, ...] = ()
    checks: tuple[Check, ...] = ()

    def option(self, why: Why) -> Option | None:
        """The option that is there for a reason."""
        return next((option for option in self.options if why in option.why), None)

    def break_even(self, component: Component) -> BreakEven | None:
        """The break-even of a price."""
        return next((each for each in self.break_evens if each.component is component), None)


def decide(demand: Demand, prices: Prices, asked: Asked) -> Plan:
    """Answer what share should keep the lights on, with everything that explains it."""
    plan = _quick(demand, prices, asked, _GRID)
    if plan.costs is None or plan.optimum is None:
        return plan
    return _replaced(
        plan,
        horizons=_horizons(demand, prices, asked, plan.optimum),
        influences=influences(plan.costs, plan.demand),
    )


def decide_quickly(demand: Demand, prices: Prices, asked: Asked) -> Plan:
    """The same without horizons and influences, for a slider: shares in steps of two points."""
    return _quick(demand, prices, asked, _COARSE)


def _quick(demand: Demand, prices: Prices, asked: Asked, grid: Floats) -> Plan:
    whole = merged(demand)
    capacity = whole.capacity.hours_per_week * asked.changes.people
    plan = Plan(
        asked=asked,
        demand=whole,
        prices=prices,
        doubts=(),
        loads=_loads(whole, asked),
        hours=Spread.of(capacity),
    )
    if not any(load.items.mean > 0 for load in plan.loads):
        return _replaced(plan, doubts=(Doubt.NO_DEMAND,))
    if capacity.mean() <= 0:
        return _replaced(plan, doubts=(Doubt.NO_HOURS,))
    named = [share for _, share in _named(whole, asked)]
    shares = np.unique(np.concatenate([grid, np.round(named, 4)]))
    costs = priced(_simulated(demand, shares, asked, asked.weeks, asked.futures), prices)
    optimum = find_optimum(costs)
    best = optimum.share if optimum.share is not None else 1.0
    people = max(1, round(whole.capacity.people * asked.changes.people))
    options = compare(costs, [(Why.BEST, best), *_named(whole, asked)], people)
    evens = [
        break_even(costs, component, present)
        for component, present in (
            (Component.DOWNTIME, prices.downtime_hour),
            (Component.WAITING, prices.waiting_week),
        )
    ]
    done = _replaced(
        plan,
        costs=costs,
        optimum=optimum,
        options=options,
        break_evens=tuple(each for each in evens if each is not None),
        checks=check_limits(best, people, options[0].incidents.mean / asked.weeks),
    )
    return _replaced(done, doubts=_doubts(done))


def _simulated(demand: Demand, shares: Floats, asked: Asked, weeks: int, futures: int) -> Outcomes:
    return simulate(
        demand,
        shares,
        futures=futures,
        seed=asked.seed,
        weeks=weeks,
        changes=asked.changes,
        parameters=max(1, futures // _COURSES),
        old_work=asked.old_work,
    )


def _replaced(plan: Plan, **changed: object) -> Plan:
    import dataclasses

    return dataclasses.replace(plan, **changed)  # type: ignore[arg-type]


def _named(demand: Demand, asked: Asked) -> list[tuple[Why, float]]:
    """Shares to compare besides the best, with their reasons."""
    measured = asked.last_quarter
    if measured is None and demand.capacity.ktlo_share.size:
        measured = float(np.median(demand.capacity.ktlo_share))
    if measured is not None:
        measured = round(measured, 2)  # it is an estimate; no more digits than that
    given = (
        (Why.ASKED, asked.looked_at),
        (Why.IN_FORCE, asked.in_force),
        (Why.RULE, RULE_OF_THUMB),
        (Why.LAST_QUARTER, measured),
    )
    return [(why, round(share, 4)) for why, share in given if share is not None]


def _horizons(demand: Demand, prices: Prices, asked: Asked, optimum: Optimum) -> tuple[Horizon, ...]:
    found = []
    for weeks in HORIZONS:
        if weeks == asked.weeks:
            found.append(Horizon(weeks, optimum))
        elif weeks <= demand.weeks:
            outcomes = _simulated(demand, _COARSE, asked, weeks, min(asked.futures, _FEWER))
            found.append(Horizon(weeks, find_optimum(priced(outcomes, prices))))
    return tuple(found)


def _loads(demand: Demand, asked: Asked) -> tuple[Load, ...]:
    changes = asked.changes
    found = []
    for each in demand.classes:
        items = each.rate[:, : asked.weeks].mean(axis=1) * changes.demand
        found.append(
            Load(
                work_class=each.work_class,
                items=Spread.of(items),
                hours=Spread.of(items * each.work_hours * changes.work),
                open_items=each.open_items,
                shows_effect=float((np.isfinite(each.prevention_scale) & (each.floor < 1)).mean())
                if changes.prevention > 0
                else 0.0,
            )
        )
    return tuple(found)


def _doubts(plan: Plan) -> tuple[Doubt, ...]:
    history = max(each.evidence.weeks for each in plan.demand.classes)
    kinds = {each.work_class for each in plan.demand.classes if each.evidence.items}
    old_hours = sum(float((each.open_items * each.work_hours).mean()) for each in plan.demand.classes)
    best = plan.optimum.share if plan.optimum and plan.optimum.share is not None else 1.0
    said = {
        Doubt.SHORT_HISTORY: history < FEWEST_WEEKS,
        Doubt.ONE_PERSON: plan.demand.capacity.people <= 1,
        Doubt.NO_INCIDENTS: WorkClass.INCIDENT not in kinds,
        Doubt.NO_EFFECT: all(load.shows_effect < 0.5 for load in plan.loads),
        Doubt.NOTHING_KEEPS_UP: plan.optimum is not None and plan.optimum.share is None,
        Doubt.NO_DEBT: plan.demand.debt is None,
        Doubt.OLD_WORK: plan.asked.old_work == 0 and old_hours > best * plan.hours.mean,
    }
    return tuple(doubt for doubt, holds in said.items() if holds)
