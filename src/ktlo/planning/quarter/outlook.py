"""The quarter ahead: the work that will arrive, the budget with its alternatives, debt worth paying, and who does it.

Only puts answers of the other rooms side by side, as of the end of the quarter that is accounted for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ktlo.errors import UsageError
from ktlo.metrics.question import Question
from ktlo.planning.budget.asking import ask_plan, demand_behind
from ktlo.planning.budget.costs import Component
from ktlo.planning.budget.journal import Budget
from ktlo.planning.budget.options import Spread
from ktlo.planning.budget.plan import Plan
from ktlo.planning.budget.terms import Terms
from ktlo.planning.debt.outlook import Outlook as DebtOutlook
from ktlo.planning.debt.outlook import outlook_of
from ktlo.planning.debt.register import DRAWS as DEBT_DRAWS
from ktlo.planning.debt.register import Register
from ktlo.planning.demand import Demand
from ktlo.planning.load.asking import content_key
from ktlo.planning.quarter.account import Account, account_of
from ktlo.planning.quarter.calendar import Quarter
from ktlo.planning.remembered import Remembered
from ktlo.planning.staffing.answer import StaffingAnswer
from ktlo.planning.staffing.asking import ask_staffing
from ktlo.settings import Settings
from ktlo.store.protocol import Queryable
from ktlo.store.state import State

WEEKS = 13


@dataclass(frozen=True, slots=True, eq=False)
class Outlook:
    """The quarter ahead.

    Attributes:
        quarter: which.
        plan: the budget decision.
        reserved_hours: hours that the proposed share reserves over the quarter; ``None`` where no share keeps up.
        arriving_hours: hours of work that will arrive by itself, all kinds, with an 80% interval.
        debt: sums over the debt register.
        staffing: who should do the work.
        staffing_saves: what the cheaper staffing saves in a quarter, in the prices' currency; ``None`` where nothing
            can be compared.
    """

    quarter: Quarter
    plan: Plan
    reserved_hours: float | None
    arriving_hours: Spread
    debt: DebtOutlook
    staffing: StaffingAnswer
    staffing_saves: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Business:
    """A quarter and the one after it.

    Attributes:
        account: what was.
        outlook: what comes; ``None`` where nothing was recorded to plan from.
    """

    account: Account
    outlook: Outlook | None


_kept: Remembered[Business] = Remembered(12)


def ask_business(
    store: Queryable,
    question: Question,
    quarter: Quarter,
    settings: Settings,
    owed: Callable[[Question], Register],
    budgets: Sequence[Budget] = (),
    budget: float | None = None,
    *,
    state: State | None = None,
) -> Business:
    """Account for a quarter and look at the next, from memory where nothing has changed.

    Args:
        store: where the records are.
        question: its filters and the moment of asking.
        quarter: which quarter is accounted for.
        settings: prices and limits.
        owed: gives the debt register that a question is about.
        budgets: recorded shares, in order of their first day.
        budget: mean of the shares that were in force in the quarter.
        state: what people said about debt; ``None`` for what the records alone tell.

    Raises:
        UsageError: the quarter has not begun, or a filter that a load does not have.
    """
    until = min(quarter.end, question.now)
    if until <= quarter.start:
        raise UsageError(
            f"the {quarter.title} has not begun",
            fix=f"Choose one up to {Quarter.of(question.now.date()).name}; what is ahead is at /plan",
        )
    asked = replace(question, start=quarter.start, end=until, by=None, grain=None)
    debt = outlook_of(owed(asked).entries, DEBT_DRAWS)
    key = content_key(store, asked, settings, quarter, tuple(budgets), budget, repr(debt))

    def answer() -> Business:
        account = account_of(store, question, quarter, settings, budget)
        plan = ask_plan(store, asked, settings, Terms(weeks=WEEKS), budgets, state=state)
        outlook = None
        if plan.optimum is not None:
            demand = demand_behind(store, asked, settings, settings.planning.seed, state)
            staffing = ask_staffing(store, asked, settings, weeks=WEEKS)
            compared = staffing.comparison
            outlook = Outlook(
                quarter=quarter.next(),
                plan=plan,
                reserved_hours=None
                if plan.optimum.share is None
                else plan.options[0].parts[Component.LABOUR] / plan.prices.labour_hour,
                arriving_hours=Spread.of(arriving(demand)),
                debt=debt,
                staffing=staffing,
                staffing_saves=WEEKS * abs(compared.difference.value or 0.0) if compared else None,
            )
        return Business(account, outlook)

    return _kept.once(key, answer)


def arriving(demand: Demand) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Expected hours of all classes over a quarter, one a draw."""
    total = np.zeros(demand.draws)
    for part in demand.classes:
        total = total + part.rate[:, :WEEKS].sum(axis=1) * part.work_hours
    return total
