"""Each past quarter against its budget: what was meant, what was spent, and what came of it.

Asks the metrics for every calendar quarter and the journal for the budget in force; gives a verdict that only says
"above" or "below" where the interval of the measured share says so.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ktlo.metrics.ask import ask
from ktlo.metrics.estimate import Estimate, not_estimable
from ktlo.metrics.question import Dimension, Grain, Question
from ktlo.metrics.registry import definition
from ktlo.planning.budget.journal import Budget, in_force
from ktlo.store.protocol import Queryable

MOST_QUARTERS = 12
_HALF = 0.5


class Verdict(enum.StrEnum):
    """How a quarter went against its budget."""

    WITHIN = "within"
    ABOVE = "above"
    BELOW = "below"
    NO_BUDGET = "no_budget"
    NOT_TOLD = "not_told"


@dataclass(frozen=True, slots=True)
class Quarter:
    """One calendar quarter, and what happened in it.

    Attributes:
        start: first day.
        end: first day after.
        is_over: whether all of it lies behind us.
        budget: mean of the shares in force over its days; ``None`` where none was on half of them.
        budgets: those that were in force on any of its days.
        share: share of effort that kept the lights on.
        opened: bugs opened.
        closed: bugs closed.
        net: opened less closed.
        incidents: incidents.
        downtime: seconds of downtime.
        restore: median seconds to restore.
        verdict: the share against the budget.
    """

    start: dt.date
    end: dt.date
    is_over: bool
    budget: float | None
    budgets: tuple[Budget, ...]
    share: Estimate
    opened: Estimate
    closed: Estimate
    net: Estimate
    incidents: Estimate
    downtime: Estimate
    restore: Estimate
    verdict: Verdict


def quarter_start(day: dt.date) -> dt.date:
    """First day of a day's calendar quarter."""
    return dt.date(day.year, (day.month - 1) // 3 * 3 + 1, 1)


def _next(start: dt.date) -> dt.date:
    return quarter_start(start + dt.timedelta(days=100))


def past_quarters(
    store: Queryable, question: Question, budgets: Sequence[Budget], most: int = MOST_QUARTERS
) -> tuple[Quarter, ...]:
    """Quarters up to the question's end that have any record, newest first.

    Args:
        store: where the records are.
        question: its end and filters; the start does not matter.
        budgets: in order of their first day.
        most: how many quarters back.
    """
    known_until = min(question.end, question.now)
    start = quarter_start((known_until - dt.timedelta(microseconds=1)).date())
    for _ in range(most - 1):
        start = quarter_start(start - dt.timedelta(days=1))
    whole = replace(
        question,
        start=dt.datetime.combine(start, dt.time(), dt.UTC),
        end=known_until,
        by=None,
        grain=Grain.QUARTER,
    )
    told = {metric: _by_quarter(store, whole, metric) for metric in _METRICS}
    found = [_quarter(each, known_until, told, budgets) for each in told["ktlo_share"]]
    return tuple(each for each in reversed(found) if _has_records(each))


_METRICS = ("ktlo_share", "bug_net_flow", "incidents", "downtime", "time_to_restore")


def _by_quarter(store: Queryable, whole: Question, metric: str) -> dict[dt.date, Mapping[str, Estimate]]:
    defined = definition(metric)
    only = {name: kept for name, kept in whole.only.items() if name in defined.dimensions}
    answer = ask(store, defined, replace(whole, only=only))
    return {figure.start.date(): figure.statistics for figure in answer.figures}


def _has_records(quarter: Quarter) -> bool:
    return any(
        estimate.n > 0 for estimate in (quarter.share, quarter.net, quarter.incidents, quarter.downtime)
    )


def _quarter(
    start: dt.date,
    known_until: dt.datetime,
    told: Mapping[str, Mapping[dt.date, Mapping[str, Estimate]]],
    budgets: Sequence[Budget],
) -> Quarter:
    end = _next(start)

    def statistic(metric: str, name: str) -> Estimate:
        return told[metric].get(start, {}).get(name) or not_estimable("not told")

    share = statistic("ktlo_share", "share")
    budget, those = mean_budget(budgets, start, min(end, known_until.date()))
    return Quarter(
        start=start,
        end=end,
        is_over=known_until >= dt.datetime.combine(end, dt.time(), dt.UTC),
        budget=budget,
        budgets=those,
        share=share,
        opened=statistic("bug_net_flow", "opened"),
        closed=statistic("bug_net_flow", "closed"),
        net=statistic("bug_net_flow", "net"),
        incidents=statistic("incidents", "count"),
        downtime=statistic("downtime", "total"),
        restore=statistic("time_to_restore", "p50"),
        verdict=judged(budget, share),
    )


def mean_budget(
    budgets: Sequence[Budget], start: dt.date, end: dt.date
) -> tuple[float | None, tuple[Budget, ...]]:
    """Mean share in force over the days of a stretch, and the budgets it comes from; ``None`` on fewer than half."""
    days = [start + dt.timedelta(days=ahead) for ahead in range(max((end - start).days, 1))]
    ruling = [each for day in days if (each := in_force(budgets, day)) is not None]
    if len(ruling) < _HALF * len(days):
        return None, ()
    return sum(each.share for each in ruling) / len(ruling), tuple(dict.fromkeys(ruling))


def judged(budget: float | None, share: Estimate) -> Verdict:
    """Hold a measured share against its budget; only an interval that leaves it out says that it was missed."""
    if budget is None:
        return Verdict.NO_BUDGET
    if share.value is None or share.low is None or share.high is None:
        return Verdict.NOT_TOLD
    if share.low > budget:
        return Verdict.ABOVE
    if share.high < budget:
        return Verdict.BELOW
    return Verdict.WITHIN


def measured_lately(store: Queryable, question: Question, until: dt.date, weeks: int = 13) -> Estimate:
    """Share of effort that kept the lights on over the weeks before a day."""
    end = dt.datetime.combine(until, dt.time(), dt.UTC)
    defined = definition("ktlo_share")
    only = {name: kept for name, kept in question.only.items() if name in defined.dimensions}
    asked = replace(
        question, start=end - dt.timedelta(weeks=weeks), end=end, only=only, by=None, grain=None,
        now=max(question.now, end),
    )  # fmt: skip
    return ask(store, defined, asked).figures[0].statistics["share"]


def by_filter(question: Question) -> dict[str, tuple[str, ...]]:
    """Filters of a question as texts, for a scenario."""
    return {str(Dimension(name)): tuple(values) for name, values in question.only.items() if values}
