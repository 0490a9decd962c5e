"""A past quarter measured: effort by what it was for, and what it bought, each with its uncertainty.

Asks the metrics; adds only how many pieces of work of a kind were worked on, which no metric tells. Goes to the
report to the business.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ktlo.metrics.ask import ask, statistics
from ktlo.metrics.comparison import Comparison
from ktlo.metrics.effort import CATEGORIES
from ktlo.metrics.estimate import Estimate, not_estimable
from ktlo.metrics.question import Dimension, Question
from ktlo.metrics.registry import definition
from ktlo.metrics.remembering import Remembering
from ktlo.planning.quarter.calendar import Quarter
from ktlo.records.effort import Category
from ktlo.settings import Settings
from ktlo.store.protocol import Queryable

_PLACES = (Dimension.SERVICE, Dimension.REPOSITORY, Dimension.TEAM)

_VULNERABILITIES = "vulnerabilities"
"""The check whose findings are security weaknesses of other people's software."""

_PIECES = """
SELECT category, uniqExact((item_kind, source, item_id)) AS pieces, uniqExact(person) AS people
FROM ktlo.effort
WHERE day >= {start:Date32} AND day <= {end:Date32}FILTER
GROUP BY category"""


@dataclass(frozen=True, slots=True)
class Spent:
    """Effort that went into one kind of work.

    Attributes:
        category: what it was for.
        days: person-days, corrected for the classifier's mistakes, with a 95% interval.
        pieces: pieces of work that were worked on, as classified.
    """

    category: Category
    days: Estimate
    pieces: int


@dataclass(frozen=True, slots=True)
class Account:
    """One quarter.

    Attributes:
        quarter: which.
        is_over: all of it lies in the past.
        known_until: until when it is measured.
        share: share of effort that kept the lights on.
        share_before: the same of the quarter before.
        change: of the share against the quarter before; ``None`` where that cannot be compared.
        total_days: person-days of all work.
        kept_days: person-days that kept the lights on: the share of what has a category.
        spent: by category, most first; features included.
        unattributed_days: person-days whose purpose nobody knows.
        incidents: how many; ``censored`` still open.
        restore: seconds until half of them were restored.
        downtime: seconds of downtime, with what another such quarter could bring.
        outages: how many.
        bugs_opened: reported in the quarter.
        bugs_closed: closed in it.
        bugs_net: opened less closed, with its interval.
        closed_within: share of the bugs opened that is closed within 30 days.
        weaknesses_found: known vulnerabilities that opened in the quarter; ``None`` where no scan ever looked.
        weaknesses_closed: those that were fixed in it.
        weaknesses_open: those open at its end.
        fix: seconds until half of those found were fixed.
        hours_per_day: hours of a person-day.
        currency: of the price of labour; empty when none is said.
        labour_hour: price of an hour; ``None`` when none is said.
        budget: share that was in force, where one is said; ``None`` else.
    """

    quarter: Quarter
    is_over: bool
    known_until: dt.datetime
    share: Estimate
    share_before: Estimate
    change: Comparison | None
    total_days: float
    kept_days: Estimate
    spent: tuple[Spent, ...]
    unattributed_days: float
    incidents: Estimate
    restore: Estimate
    downtime: Estimate
    outages: Estimate
    bugs_opened: int
    bugs_closed: int
    bugs_net: Estimate
    closed_within: Estimate
    weaknesses_found: int | None
    weaknesses_closed: int
    weaknesses_open: int
    fix: Estimate
    hours_per_day: float
    currency: str
    labour_hour: float | None
    budget: float | None

    @property
    def is_empty(self) -> bool:
        """Nothing was recorded."""
        return not (self.total_days or self.incidents.n or self.bugs_opened or self.bugs_closed)

    def worth(self, days: float) -> float:
        """Person-days as money where an hour has a price; else as they are."""
        return days if self.labour_hour is None else days * self.hours_per_day * self.labour_hour

    def priced(self, cost: float) -> float:
        """A plan's cost (money, or hours where no hour has a price) as money or person-days."""
        return cost if self.labour_hour is not None else cost / self.hours_per_day

    def pieces(self, category: Category) -> int:
        """Pieces of work of one kind."""
        return next((each.pieces for each in self.spent if each.category is category), 0)


def account_of(
    store: Queryable, question: Question, quarter: Quarter, settings: Settings, budget: float | None = None
) -> Account:
    """Measure one quarter.

    Args:
        store: where the records are.
        question: its filters and the moment of asking; its period does not matter.
        quarter: which.
        settings: price of labour, hours of a day.
        budget: the share that was in force.

    Raises:
        UsageError: the quarter has not begun.
    """
    once = Remembering(store)
    asked = replace(question, start=quarter.start, end=min(quarter.end, question.now), by=None, grain=None)

    def told(metric: str, asked: Question = asked) -> Mapping[str, Estimate]:
        defined = definition(metric)
        only = {name: kept for name, kept in asked.only.items() if name in defined.dimensions}
        return statistics(once, defined, replace(asked, only=only))

    share_answer = ask(once, definition("ktlo_share"), _narrowed(asked))
    share = share_answer.figures[0].statistics["share"]
    before = quarter.before()
    earlier = replace(asked, start=before.start, end=before.end)
    by_category = told("effort_by_category")
    pieces = _pieces(once, asked)
    spent = [
        Spent(category, by_category[category.value], pieces.get(category.value, 0)) for category in CATEGORIES
    ]
    bugs, incidents, down = told("bug_net_flow"), told("incidents"), told("downtime")
    weaknesses = replace(asked, only={**asked.only, Dimension.CHECK: (_VULNERABILITIES,)})
    findings, still = told("finding_net_flow", weaknesses), told("open_findings", weaknesses)["open"]
    attributed = sum(each.days.value or 0.0 for each in spent)
    planning = settings.planning
    return Account(
        quarter=quarter,
        is_over=question.now >= quarter.end,
        known_until=min(quarter.end, question.now),
        share=share,
        share_before=told("ktlo_share", earlier)["share"],
        change=share_answer.comparison,
        total_days=by_category["total"].value or 0.0,
        kept_days=_times(share, attributed),
        spent=tuple(sorted(spent, key=lambda each: -(each.days.value or 0.0))),
        unattributed_days=by_category["unattributed"].value or 0.0,
        incidents=incidents["count"],
        restore=told("time_to_restore")["p50"],
        downtime=down["total"],
        outages=down["outages"],
        bugs_opened=int(bugs["opened"].value or 0),
        bugs_closed=int(bugs["closed"].value or 0),
        bugs_net=bugs["net"],
        closed_within=told("bug_resolution_rate")["share"],
        weaknesses_found=int(findings["opened"].value or 0) if still.value is not None else None,
        weaknesses_closed=int(findings["fixed"].value or 0),
        weaknesses_open=int(still.value or 0),
        fix=told("finding_time_to_fix", weaknesses)["p50"],
        hours_per_day=settings.effort.hours_per_day,
        currency=planning.currency if planning.labour_hour is not None else "",
        labour_hour=planning.labour_hour,
        budget=budget,
    )


def _narrowed(question: Question) -> Question:
    return replace(question, only={name: kept for name, kept in question.only.items() if name in _PLACES})


def _times(share: Estimate, days: float) -> Estimate:
    """A share of some days, as days."""
    if share.value is None:
        return not_estimable(share.reason, share.n)
    low = None if share.low is None else share.low * days
    high = None if share.high is None else share.high * days
    return Estimate(share.value * days, low, high, share.n)


def _pieces(store: Queryable, question: Question) -> dict[str, int]:
    filters = [name for name in _PLACES if question.only.get(name)]
    where = "".join(f" AND has({{{name}:Array(String)}}, toString({name}))" for name in filters)
    bound = {name.value: list(question.only[name]) for name in filters}
    rows = store.query(
        _PIECES.replace("FILTER", where),
        {
            **bound,
            "start": question.start.date(),
            "end": (question.end - dt.timedelta(microseconds=1)).date(),
        },
    )
    return {row["category"]: int(row["pieces"]) for row in rows.to_pylist()}
