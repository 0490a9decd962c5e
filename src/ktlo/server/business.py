"""The report to the business as it is asked for: which quarter, which filters, with the budgets that were in force.

Pages, API and documents ask here, so that all of them are about the same quarter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ktlo.metrics.question import Question
from ktlo.planning.budget import journal
from ktlo.planning.budget.quarters import mean_budget
from ktlo.planning.quarter.calendar import Quarter, last_complete
from ktlo.planning.quarter.outlook import Business, ask_business
from ktlo.server.registers import register_of
from ktlo.server.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Reported:
    """A report with what was asked."""

    business: Business
    question: Question
    quarter: Quarter

    @property
    def scope(self) -> str:
        """Filters in words."""
        told = [f"{name} {', '.join(values)}" for name, values in self.question.only.items() if values]
        return "; ".join(told) or "everything that is connected"


def quarter_of(given: Mapping[str, Sequence[str]], question: Question) -> Quarter:
    """The quarter that is asked for; else the newest complete one with records.

    Raises:
        UsageError: no quarter.
    """
    named = [value for value in given.get("quarter", ()) if value]
    return Quarter.read(named[-1]) if named else last_complete(min(question.end, question.now), question.now)


def report_business(running: Runtime, question: Question, quarter: Quarter) -> Reported:
    """Account for a quarter and look at the next."""
    budgets = journal.budgets(running.state, running.settings.planning.share)
    until = min(quarter.end, max(question.now, quarter.start))
    mean, _ = mean_budget(budgets, quarter.start.date(), until.date())
    found = ask_business(
        running.store,
        question,
        quarter,
        running.settings,
        lambda asked: register_of(running, asked),
        budgets,
        mean,
        state=running.state,
    )
    return Reported(found, question, quarter)
