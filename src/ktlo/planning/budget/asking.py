"""Asks for a plan: the fitted load, the share in force and what was measured lately, put together and remembered.

Faces ask here. A question that differs only in a slider finds its load in memory, so that its answer takes the time
of a simulation.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

from ktlo.metrics.question import Question
from ktlo.metrics.remembering import Remembering
from ktlo.planning.budget.journal import Budget, in_force
from ktlo.planning.budget.plan import FUTURES, QUICK_FUTURES, Plan, decide, decide_quickly
from ktlo.planning.budget.quarters import measured_lately
from ktlo.planning.budget.terms import Terms
from ktlo.planning.debt import debt_load
from ktlo.planning.debt.journal import SUBJECT
from ktlo.planning.demand import DebtLoad, Demand
from ktlo.planning.load.asking import content_key, remembered_load
from ktlo.planning.remembered import Remembered
from ktlo.settings import Settings
from ktlo.store.protocol import Queryable
from ktlo.store.state import State

WEEKS_AHEAD = 52
"""A load is fitted for a year, so that every horizon is about the same draws."""

_plans: Remembered[Plan] = Remembered()
_debts: Remembered[DebtLoad | None] = Remembered()
_measured: Remembered[float | None] = Remembered()


def demand_behind(
    store: Queryable, question: Question, settings: Settings, seed: int, state: State | None = None
) -> Demand:
    """The fitted demand of a question with the known debt, from memory where nothing has changed.

    Args:
        store: where the records are.
        question: its end and filters.
        settings: hours of a person-day and prices.
        seed: of the draws.
        state: what people said about debt; ``None`` for what the records alone tell.

    Raises:
        UsageError: a filter that a load does not have.
    """
    whole = replace(question, by=None, grain=None)
    demand = remembered_load(store, whole, settings, weeks=WEEKS_AHEAD, seed=seed).demand
    if not demand.classes:
        return demand
    said = len(state.history(SUBJECT)) if state is not None else -1
    key = content_key(store, whole, settings, demand.draws, seed, said)
    debt = _debts.once(
        key, lambda: debt_load(store, whole, settings, draws=demand.draws, seed=seed, state=state)
    )
    return replace(demand, debt=debt)


def ask_plan(
    store: Queryable,
    question: Question,
    settings: Settings,
    terms: Terms,
    budgets: Sequence[Budget] = (),
    *,
    state: State | None = None,
    quickly: bool = False,
) -> Plan:
    """The decision for what is asked.

    Args:
        store: where the records are.
        question: its end and filters.
        settings: prices, limits, the share in force.
        terms: what a person changes.
        budgets: in order of their first day; the one in force when the plan starts is compared.
        state: what people said about debt; ``None`` for what the records alone tell.
        quickly: fewer futures, and neither horizons nor influences: for sliders.

    Raises:
        UsageError: terms or filters that make no plan.
    """
    store = Remembering(store)  # what the store holds is asked once a question, not once a memory
    seed = int(terms.seed if terms.seed is not None else settings.planning.seed)
    demand = demand_behind(store, question, settings, seed, state)
    ruling = in_force(budgets, demand.start)
    share = ruling.share if ruling else None
    said = len(state.history(SUBJECT)) if state is not None else -1
    key = content_key(store, question, settings, terms, share, said, quickly)

    def decided() -> Plan:
        asked = terms.asked(
            settings.planning,
            demand.capacity.people,
            in_force=share,
            last_quarter=_measured_share(store, question, settings, demand.start),
            futures=QUICK_FUTURES if quickly else FUTURES,
        )
        prices = terms.prices(settings.planning)
        return decide_quickly(demand, prices, asked) if quickly else decide(demand, prices, asked)

    return _plans.once(key, decided)


def _measured_share(store: Queryable, question: Question, settings: Settings, until: dt.date) -> float | None:
    key = content_key(store, question, settings, until)
    return _measured.once(key, lambda: measured_lately(store, question, until).value)
