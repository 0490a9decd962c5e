"""The report to the business for a quarter: where effort went, what it bought, what the next quarter will cost.

One section, so that the page, its twin, Markdown and HTML come from the writers that all sections have; the PDF of
one page is set by ``business_pdf`` from the same section.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from ktlo.planning.budget.costs import Component
from ktlo.planning.quarter.account import Account
from ktlo.planning.quarter.outlook import Business, Outlook
from ktlo.records.effort import Category
from ktlo.report.business_words import (
    KINDS,
    against,
    amount,
    arriving,
    bought,
    change,
    debt,
    lead,
    lead_range,
    money_unit,
    not_known,
    option_name,
    proposal,
    reach,
    spread_text,
    staffing,
)
from ktlo.report.charts import COUNT, SHARE, Bar, BarChart, Head, Heading, Interval, Row, Table, Unit
from ktlo.report.charts.quantity import share
from ktlo.report.document import Document
from ktlo.report.pieces import Answer, Card, Known, Nothing
from ktlo.report.sections import Figure, Links, Listing, NoLinks, Section
from ktlo.report.words import period_text
from ktlo.wording import counted

WENT, BOUGHT, CHOICES = "where-it-went", "what-it-bought", "choices"
"""Names of the listings."""

_DEFINITION = (
    "Effort is read from what people record in their tools, at most one day a person and day. Keeping existing systems"
    " running is everything but new features. Ranges about the past hold in 95 of 100 cases, those about the coming"
    " quarter in 80 of 100."
)
_SMALL = 0.01
"""Kinds of work below this part of the effort are put together."""
_NO_RESULT = "No result is recorded: no incident, defect, security or update work."
TITLE = "Keeping existing systems running"


def business_section(found: Business, links: Links) -> Section:
    """Tell a quarter and the next one to the business."""
    account, outlook = found.account, found.outlook
    nothing = None
    if account.is_empty and outlook is None:
        nothing = Nothing(
            lead(account),
            "The report is made from work, incidents and defects that the sources record.",
            command="ktlo plan report --quarter 2026-Q3",
            button="See what is connected",
            href=links.page("sources", {}),
        )
    return Section(
        key="plan/report",
        title=f"{TITLE}: {account.quarter.title}",
        answer=Answer(
            question=f"What did the {account.quarter.title} cost and bring, and what should the next one?",
            said=lead(account),
            interval=lead_range(account),
            change=change(account),
        ),
        cards=() if nothing else _cards(account, outlook),
        figures=(_picture(account),) if account.total_days else (),
        listings=() if nothing else _listings(account, outlook),
        known=Known(
            definition=_DEFINITION,
            sample=f"{amount(account.total_days, _plain(account))} of recorded effort",
            freshness=f"records until {account.known_until:%d %b %Y}",
            missing=not_known(account, outlook),
            source="docs/planning-report.md",
        ),
        nothing=nothing,
        sentences=_sentences(account, outlook),
    )


def business_document(found: Business, scope: str, made_at: dt.datetime) -> Document:
    """The same as a document with one section.

    Args:
        found: the quarter and the next.
        scope: filters in words.
        made_at: when the document is made.
    """
    account = found.account
    return Document(
        title="Report to the business",
        period=period_text(account.quarter.start, account.known_until),
        scope=scope,
        made_at=made_at,
        sections=(business_section(found, NoLinks()),),
    )


def _plain(account: Account) -> Account:
    """The account without a price, for amounts that stay in person-days."""
    return replace(account, labour_hour=None, currency="")


def _sentences(account: Account, outlook: Outlook | None) -> tuple[str, ...]:
    if outlook is None:
        return ()
    told = [
        arriving(account, outlook),
        proposal(account, outlook),
        *against(account, outlook),
        debt(account, outlook.debt),
        staffing(account, outlook),
    ]
    return tuple(sentence for sentence in told if sentence)


def _cards(account: Account, outlook: Outlook | None) -> tuple[Card, ...]:
    kept = account.kept_days
    cards = []
    if kept.value is not None:
        low, high = (None if end is None else account.worth(end) for end in (kept.low, kept.high))
        plain = _plain(account)
        cards.append(
            Card(
                "Keeping systems running",
                amount(account.worth(kept.value), account),
                interval=reach(low, high, account),
                sample=f"of {amount(account.worth(account.total_days), account)} in all"
                if account.labour_hour is None
                else f"{amount(kept.value, plain)} of {amount(account.total_days, plain)}",
            )
        )
    rows = list(bought(account))
    cards += [Card(what, how_much, interval=rest) for what, how_much, rest in rows[:2]]
    if outlook is not None and outlook.plan.optimum is not None and outlook.reserved_hours is not None:
        best = outlook.plan.optimum
        labour = account.worth(outlook.reserved_hours / account.hours_per_day)
        cards.append(
            Card(
                "Proposed for the next quarter",
                f"{share(outlook.plan.options[0].share)} of effort",
                interval=f"about {amount(labour, account)}",
                sample=f"likely best: {share(best.low)} to {share(best.high)}",
            )
        )
    return tuple(cards)


def _picture(account: Account) -> Figure:
    unit = money_unit(account)
    bars = []
    for name, value, low, high in _went(account):
        ends = Interval(low, high) if low is not None and high is not None else None
        bars.append(Bar(name, value, ends))
    return Figure(
        BarChart(
            Head("went", "Effort by what it was for", "Amounts by what the work was for."), tuple(bars), unit
        ),
        "Effort of the quarter; whiskers hold in 95 of 100 cases.",
    )


def _went(account: Account) -> list[tuple[str, float, float | None, float | None]]:
    """Kinds of work with amounts; small ones together, what nobody knows last."""
    least = _SMALL * account.total_days
    rows: list[tuple[str, float, float | None, float | None]] = []
    rest = 0.0
    for each in account.spent:
        value = each.days.value or 0.0
        if value < least and each.category is not Category.FEATURE:
            rest += value
            continue
        ends = [None if end is None else account.worth(end) for end in (each.days.low, each.days.high)]
        rows.append((KINDS[each.category], account.worth(value), ends[0], ends[1]))
    if rest >= 0.001 * account.total_days:
        rows.append(("Other upkeep", account.worth(rest), None, None))
    if account.unattributed_days > 0:
        rows.append(("Not known what for", account.worth(account.unattributed_days), None, None))
    return rows


def _listings(account: Account, outlook: Outlook | None) -> tuple[Listing, ...]:
    unit = money_unit(account)
    whole = account.worth(account.total_days)
    went = Table(
        (Heading("What for"), Heading("Amount", unit), Heading("Range"), Heading("Of all", SHARE)),
        tuple(
            Row((name, value, reach(low, high, account), value / whole))
            for name, value, low, high in (_went(account) if whole else ())
        ),
    )
    got = Table(
        (Heading("What"), Heading("How much"), Heading("More")), tuple(Row(row) for row in bought(account))
    )
    listings = [
        *([Listing(WENT, "Where the effort went", went, "Ranges hold in 95 of 100 cases.")] if whole else []),
        Listing(BOUGHT, "What it bought", got, "Counted in the quarter." if got.rows else _NO_RESULT),
    ]
    if outlook is not None and outlook.plan.options:
        listings.append(_choices(account, outlook))
    return tuple(listings)


def _choices(account: Account, outlook: Outlook) -> Listing:
    plan, unit = outlook.plan, money_unit(account)
    has_downtime = any(option.downtime_hours.mean > 0 for option in plan.options)
    proposed = plan.optimum is not None and plan.optimum.share is not None
    headings = [
        Heading("Choice"),
        Heading("Of effort", SHARE),
        Heading("Working time", unit),
        Heading("Expected cost in all"),
        Heading("Left for features", Unit(symbol="person-weeks")),
        Heading("Work piles up", SHARE),
    ]
    if has_downtime:
        headings.append(Heading("Hours down", COUNT))
    rows = []
    for option in plan.options:
        cells: list[str | float] = [
            option_name(option) if proposed or option is not plan.options[0] else "All of it",
            option.share,
            account.priced(option.parts.get(Component.LABOUR, 0.0)),
            spread_text(option.cost, account),
            option.feature_weeks.mean,
            option.piles_up,
        ]
        if has_downtime:
            cells.append(option.downtime_hours.mean)
        rows.append(Row(tuple(cells)))
    return Listing(
        CHOICES,
        f"Choices for the {outlook.quarter.title}",
        Table(tuple(headings), tuple(rows)),
        f"Over {counted(plan.asked.weeks, 'weeks')}. The expected cost holds working time, work left over and what"
        " else has a price. Person-weeks are calendar weeks of the people in the team; person-days are those that left"
        " records, and are fewer.",
    )
