"""Saved scenarios side by side: what each says today, what it said when it was saved, and what it changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ktlo.planning.budget.journal import Scenario
from ktlo.planning.budget.plan import Plan
from ktlo.planning.budget.terms import TERMS, Terms
from ktlo.report.charts import COUNT, SHARE, Head, Heading, Range, RangeChart, Row, Table, Unit
from ktlo.report.charts.quantity import compact, share
from ktlo.report.pieces import Answer, Known, Nothing
from ktlo.report.plan_terms import DAYS, HOURS, PERSON_WEEKS, between, money
from ktlo.report.sections import Figure, Listing, Section
from ktlo.wording import counted

TODAY = "As things are"
"""The plan without any change, which scenarios are held against."""


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """A scenario with its plan as it stands now; ``scenario`` is ``None`` for the plan without changes."""

    scenario: Scenario | None
    plan: Plan
    href: str = ""

    @property
    def name(self) -> str:
        """What it is called."""
        return self.scenario.name if self.scenario else TODAY


def terms_in_words(terms: Terms) -> str:
    """``Demand 120 % of today; people 5``; empty where nothing is changed."""
    parts = []
    for name, text in terms.query().items():
        term = TERMS[name]
        unit = "" if term.unit in ("money", "people", "weeks", "") else f" {term.unit}"
        parts.append(f"{term.label} {compact(float(text))}{unit}")
    said = "; ".join(part[0].lower() + part[1:] for part in parts)
    return said[:1].upper() + said[1:]


def scenarios_section(compared: Sequence[Compared], save_href: str) -> Section:
    """Answer which scenario needs which share.

    Args:
        compared: the plan without changes first.
        save_href: where a scenario can be saved.
    """
    saved = compared[1:]
    decided = [each for each in compared if each.plan.optimum is not None]
    return Section(
        key="plan/scenarios",
        title="Scenarios",
        answer=Answer("Which share would other circumstances need?", _said(compared)),
        cards=(),
        figures=(Figure(_chart(decided), "Best share of each scenario with its 80% interval."),)
        if saved and decided
        else (),
        listings=(_table(compared),) if saved else (),
        known=Known(
            definition="Each scenario is planned anew from today's records, with the changes that were saved; “then” is"
            " what it said when it was saved.",
            sample=counted(len(saved), "scenarios"),
            source="docs/planning-budget.md",
        ),
        nothing=None
        if saved
        else Nothing(
            "No scenario is saved yet",
            "Change something on the plan and give it a name: a scenario is a link with a name.",
            "ktlo plan save hire-two --people 8",
            "To the plan",
            save_href,
        ),
    )


def _said(compared: Sequence[Compared]) -> str:
    saved = compared[1:]
    if not saved:
        return "No scenario is saved yet"
    told = [
        (each.plan.optimum.share, each.name)
        for each in saved
        if each.plan.optimum is not None and each.plan.optimum.share is not None
    ]
    if not told:
        return f"None of {counted(len(saved), 'scenarios')} has a share that keeps up"
    low, high = min(told), max(told)
    if len(told) == 1:
        return f"{share(low[0])} in {low[1]}"
    if low[0] == high[0]:
        return f"{share(low[0])} in all of them"
    return f"From {share(low[0])} in {low[1]} to {share(high[0])} in {high[1]}"


def _chart(decided: Sequence[Compared]) -> RangeChart:
    ranges = []
    for each in decided:
        best = each.plan.optimum
        assert best is not None  # noqa: S101 - only decided ones are given
        ranges.append(Range(each.name, best.share, best.low, best.high, href=each.href))
    return RangeChart(
        Head(
            "plan-scenarios", "Best share by scenario", "One line a scenario, the plan without changes first."
        ),
        tuple(ranges),
        SHARE,
        interval_of="80% interval",
    )


_COLUMNS: tuple[tuple[str, Unit | None, Callable[[Plan], float | str | None]], ...] = (
    ("Best share", SHARE, lambda plan: plan.optimum.share if plan.optimum else None),
    ("80% interval", None, lambda plan: between(plan.optimum.low, plan.optimum.high) if plan.optimum else ""),
    ("Keeps up from", SHARE, lambda plan: plan.optimum.keeps_up_from if plan.optimum else None),
    ("For features", PERSON_WEEKS, lambda plan: plan.options[0].feature_weeks.mean if plan.options else None),
    ("Downtime", HOURS, lambda plan: plan.options[0].downtime_hours.mean if plan.options else None),
    ("Wait", DAYS, lambda plan: plan.options[0].wait_days if plan.options else None),
    ("Weeks", COUNT, lambda plan: plan.asked.weeks),
)


def _table(compared: Sequence[Compared]) -> Listing:
    return Listing(
        "plan-scenarios-table",
        "Side by side",
        scenarios_table(compared),
        "Each at its best share. Costs are only comparable where the prices are the same.",
        "/plan/scenarios.csv",
    )


def scenarios_table(compared: Sequence[Compared]) -> Table:
    """Scenarios in rows."""
    units = {money(each.plan.prices) for each in compared}
    unit = units.pop() if len(units) == 1 else Unit(symbol="of its prices")
    headings = [Heading("Scenario"), Heading("What is changed")]
    headings += [Heading(title, given) for title, given, _ in _COLUMNS]
    headings += [Heading("Cost", unit), Heading("Best share then", SHARE), Heading("Saved"), Heading("Note")]
    rows = []
    for each in compared:
        saved = each.scenario
        cells = [value(each.plan) for _, _, value in _COLUMNS]
        rows.append(
            Row(
                (
                    each.name,
                    terms_in_words(saved.terms) if saved else "",
                    *cells,
                    each.plan.optimum.cost if each.plan.optimum else None,
                    saved.told.get("share") if saved else None,
                    f"{saved.saved_at:%Y-%m-%d} by {saved.author}" if saved else "",
                    saved.note if saved else "",
                ),
                each.href,
            )
        )
    return Table(tuple(headings), tuple(rows))
