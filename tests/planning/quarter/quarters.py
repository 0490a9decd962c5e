"""A quarter and the next one by hand, as large as one page must hold."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from functools import cache

import worlds
from crews import crew

from ktlo.metrics.comparison import Comparison
from ktlo.metrics.estimate import Estimate
from ktlo.planning.assumptions import Prices
from ktlo.planning.budget.costs import Component
from ktlo.planning.budget.options import Spread
from ktlo.planning.budget.plan import Asked, Plan, decide
from ktlo.planning.debt.outlook import Outlook as DebtOutlook
from ktlo.planning.quarter.account import Account, Spent
from ktlo.planning.quarter.calendar import Quarter
from ktlo.planning.quarter.outlook import Business, Outlook, arriving
from ktlo.planning.staffing.answer import answer_staffing
from ktlo.planning.staffing.terms import draw_terms
from ktlo.records.effort import Category
from ktlo.settings.planning import StaffingSettings

NOTES = tuple(
    f"A note on what the records of source {letter} do not tell, as long as such notes are at their longest, with a"
    " reason, a date and what would mend it."
    for letter in "ABCD"
)
EUROS = Prices("EUR", 80.0, 400.0, None, 12.5 / 60)
HOURS = Prices("h", 1.0, None, None, 12.5 / 60)
_DAYS = {
    Category.FEATURE: 140.0, Category.BUG_FIX: 62.0, Category.DEBT: 21.0, Category.INCIDENT: 14.0,
    Category.INFRASTRUCTURE: 11.0, Category.DEPENDENCY: 9.0, Category.SECURITY: 7.5, Category.SUPPORT: 6.0,
    Category.PERFORMANCE: 0.4,
}  # fmt: skip


def account(prices: Prices = EUROS, **changed: object) -> Account:
    """A full quarter of a team of six."""
    spent = tuple(
        Spent(category, Estimate(days, days * 0.9, days * 1.15, 200), int(days))
        for category, days in _DAYS.items()
    )
    found = Account(
        quarter=Quarter(2026, 3),
        is_over=True,
        known_until=dt.datetime(2026, 10, 1, tzinfo=dt.UTC),
        share=Estimate(0.483, 0.42, 0.55, 290),
        share_before=Estimate(0.39, 0.33, 0.45, 280),
        change=Comparison(True, 0.01, None, "more than chance", Estimate(0.09, 0.02, 0.16, 26)),
        total_days=290.0,
        kept_days=Estimate(130.9, 113.8, 149.0, 290),
        spent=spent,
        unattributed_days=19.1,
        incidents=Estimate(24.0, None, None, 24, 2),
        restore=Estimate(3.4 * 3600, 2 * 3600.0, 6 * 3600.0, 24, 2),
        downtime=Estimate(5.2 * 3600, 3600.0, 20 * 3600.0, 4),
        outages=Estimate(4.0, None, None, 4),
        bugs_opened=112,
        bugs_closed=74,
        bugs_net=Estimate(38.0, 11.3, 64.7, 186),
        closed_within=Estimate(0.62, 0.5, 0.74, 112),
        weaknesses_found=9,
        weaknesses_closed=11,
        weaknesses_open=4,
        fix=Estimate(12 * 86400.0, 5 * 86400.0, 30 * 86400.0, 9),
        hours_per_day=8.0,
        currency="EUR" if prices.currency == "EUR" else "",
        labour_hour=prices.labour_hour if prices.currency == "EUR" else None,
        budget=0.3,
    )
    return replace(found, **changed)  # type: ignore[arg-type]


@cache
def plan(currency: str) -> Plan:
    """The decision for the usual team."""
    demand = replace(worlds.team(), notes=NOTES)
    prices = EUROS if currency == "EUR" else HOURS
    return decide(demand, prices, Asked(weeks=13, in_force=0.3, last_quarter=0.48, futures=400))


@cache
def outlook(currency: str = "EUR") -> Outlook:
    """The quarter ahead of the usual team."""
    prices = EUROS if currency == "EUR" else HOURS
    decided = plan(currency)
    assert decided.optimum is not None
    terms = draw_terms(StaffingSettings(), prices, interruption_said=False, draws=40, seed=1)
    staffing = answer_staffing(
        worlds.team(draws=40), crew(6, knowledge=0.5), prices, terms, StaffingSettings(), seed=1
    )
    assert staffing.comparison is not None
    return Outlook(
        quarter=Quarter(2026, 4),
        plan=decided,
        reserved_hours=decided.options[0].parts[Component.LABOUR] / prices.labour_hour,
        arriving_hours=Spread.of(arriving(decided.demand)),
        debt=DebtOutlook(
            31, 2, 5, Estimate(40.0, 18.0, 75.0, 5), Estimate(90.0, 60.0, 140.0, 5), 3, 60.0, 60.0 / 21.0
        ),
        staffing=staffing,
        staffing_saves=13 * abs(staffing.comparison.difference.value or 0.0),
    )


def business(prices: Prices = EUROS, **changed: object) -> Business:
    """Both together."""
    return Business(account(prices, **changed), outlook("EUR" if prices.currency == "EUR" else "h"))
