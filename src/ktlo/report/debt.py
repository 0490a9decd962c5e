"""What is owed, what it costs by the month, what to pay first, and what paid off: the debt register as a section.

Entries, schedule and repayments come from ``planning/debt``; here they become sentences, pictures and tables. Nothing
is added up here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ktlo.metrics.question import Question
from ktlo.planning.debt.entry import Entry
from ktlo.planning.debt.outlook import Outlook
from ktlo.planning.debt.paid import How, Paid
from ktlo.planning.debt.register import Register
from ktlo.planning.debt.returns import return_of
from ktlo.planning.debt.schedule import Schedule
from ktlo.report.charts import (
    COUNT,
    SHARE,
    Dot,
    Head,
    Heading,
    Measure,
    Range,
    RangeChart,
    Row,
    Scatter,
    Table,
    unit_named,
    written,
    written_interval,
)
from ktlo.report.charts.calendar_ticks import day_label
from ktlo.report.debt_words import (
    HOW_WORDS,
    amount_words,
    answer_words,
    hours_words,
    return_words,
    schedule_words,
    span_words,
    standing_words,
)
from ktlo.report.pieces import Answer, Card, Nothing
from ktlo.report.sections import Asking, Figure, Links, Listing, Section
from ktlo.store.protocol import Queryable
from ktlo.wording import counted, named

HOURS = unit_named("h")
_MONTHLY = unit_named("h a month")
_LISTED, _DRAWN = 200, 20
_REPOSITORY = "Repository"


@dataclass(frozen=True, slots=True, eq=False)
class Debt:
    """What the section is made from.

    Attributes:
        found: the register.
        shown: its entries that the filters keep, in order.
        outlook: their sums, worked out.
        plan: the schedule.
        paid: repayments.
    """

    found: Register
    shown: tuple[Entry, ...]
    outlook: Outlook
    plan: Schedule
    paid: tuple[Paid, ...]


def debt(store: Queryable, question: Question, links: Links, told: Debt) -> Section:
    """Answer what the known debt costs and what to pay first."""
    asking = Asking(store, question, links)
    nothing = None
    if not told.found.entries:
        nothing = Nothing(
            "No debt is known",
            "Nothing in the records costs extra, no dependency is old, no to-do is left; entries by hand can be added"
            " below.",
            command="ktlo debt add --title 'Split the parser' --hours 40 --interest 4 --by Ada",
            button="Add an entry",
            href="#add",
        )
    return Section(
        key="debt",
        title="Debt",
        answer=Answer(
            "What does known debt cost, and what should be paid first?",
            answer_words(told.found, told.outlook),
        ),
        cards=() if nothing else _cards(asking, told),
        figures=() if nothing else tuple(_figures(links, told)),
        listings=()
        if nothing
        else tuple(_where_it_matters(told, one) for one in (_entries(links, told), *_listings(links, told))),
        known=replace(
            asking.known("hotspots", _sample(told), _missing(told)),
            definition="Principal is what paying an entry back takes, from this team's past work of the same kind;"
            " interest is what it costs a month beyond comparable code, from the effort of the year before"
            f" {day_label(told.found.period.end.date())}. Hours are those that left traces. docs/planning-debt.md has"
            " every formula.",
            definition_href="",
            source="Empirical Bayes: Hauer and others, TRR 1784, 2002; order: Smith, 1956; principal: Bayesian"
            " regression",
        ),
        nothing=nothing,
    )


def _where_it_matters(told: Debt, listing: Listing) -> Listing:
    """The listing, its repositories left out where the register knows one only."""
    known = {entry.repository for entry in told.found.entries} | {one.repository for one in told.paid}
    if len(known - {""}) > 1:
        return listing
    return replace(listing, table=listing.table.without(_REPOSITORY))


def _cards(asking: Asking, told: Debt) -> tuple[Card, ...]:
    outlook, day = told.outlook, told.found.period.hours_per_day
    costing = counted(outlook.costing, "entries") + (
        " shown to cost extra" if outlook.costing else " cost extra"
    )
    paid = told.found.payoffs
    ratio = paid.ratio
    effect = Card(
        "Bug fixes after a refactoring, against files left alone",
        "" if ratio.value is None else f"{written(ratio.value, COUNT)} {named(ratio.value, 'times')}",
        "#paid",
        interval=ratio.reason if ratio.value is None else written_interval(ratio.low, ratio.high, COUNT),
        sample=counted(ratio.n, "past refactorings"),
    )
    return (
        Card(
            "Interest a month",
            hours_words(outlook.interest.value, day) if outlook.costing else "",
            "#entries",
            interval=span_words(outlook.interest, day) if outlook.costing else "no extra cost shown",
            sample=costing,
        ),
        Card(
            "Principal of what costs extra",
            hours_words(outlook.principal.value, day) if outlook.costing else "",
            "#entries",
            interval=span_words(outlook.principal, day) if outlook.costing else "nothing costs extra",
            sample=costing,
        ),
        Card(
            "Entries",
            written(float(outlook.owed), COUNT),
            "#entries",
            sample=f"{written(float(outlook.urgent), COUNT)} urgent" if outlook.urgent else "none urgent",
        ),
        effect,
        asking.card("marker_age", "Age of to-dos, median"),
        asking.card("dependency_age", "Age of dependency lines, median"),
    )


def _figures(links: Links, told: Debt) -> list[Figure]:
    costing = [e for e in told.shown if e.interest.is_shown and e.interest.draws is not None][:_DRAWN]
    if not costing:
        return []
    several = len({entry.repository for entry in costing}) > 1
    chart = RangeChart(
        Head(
            "interest", "What each entry costs a month", "Hours a month beyond comparable code, 95% interval."
        ),
        tuple(
            Range(
                _label(entry, several=several),
                entry.interest.estimate.value,
                entry.interest.estimate.low,
                entry.interest.estimate.high,
                None,
                entry_href(links, entry.key),
            )
            for entry in costing
        ),
        _MONTHLY,
    )
    figures = [
        Figure(
            chart,
            "In the order of return; entries without an extra cost shown are in the table only.",
            links.page("api/v1/debt", {"format": "csv"}),
            links.page("api/v1/debt", {}),
        )
    ]
    drawn = [
        e for e in costing if (e.interest.estimate.value or 0) > 0 and (e.principal.estimate.value or 0) > 0
    ]
    if len(drawn) >= 3:
        figures.append(_scatter(links, drawn, several=several))
    return figures


def _scatter(links: Links, drawn: Sequence[Entry], *, several: bool) -> Figure:
    return Figure(
        Scatter(
            Head(
                "principal-interest",
                "Principal against interest",
                "Upper left: little to pay, much to save. Heat and area are the return.",
            ),
            tuple(
                Dot(
                    _label(entry, several=several),
                    entry.principal.estimate.value or 0.0,
                    entry.interest.estimate.value or 0.0,
                    max(return_of(entry).ratio.value or 0.0, 0.0),
                    max(return_of(entry).ratio.value or 0.0, 0.0),
                    entry_href(links, entry.key),
                )
                for entry in drawn
            ),
            Measure("Principal", HOURS),
            Measure("Interest", _MONTHLY),
            Measure("Return in a year"),
            Measure("Return in a year"),
        ),
        "Return is hours saved in the year after repayment for each hour of principal.",
        links.page("api/v1/debt", {"format": "csv"}),
        links.page("api/v1/debt", {}),
    )


def _label(entry: Entry, *, several: bool) -> str:
    return f"{entry.repository}: {entry.title}" if several and entry.repository else entry.title


def entry_href(links: Links, key: str) -> str:
    """The page of an entry; empty in a document."""
    return links.page("debt/entry", {"key": key})


def _entries(links: Links, told: Debt) -> Listing:
    day = told.found.period.hours_per_day
    rows = []
    for entry in told.shown[:_LISTED]:
        paying = return_of(entry)
        rows.append(
            Row(
                (
                    entry.title,
                    entry.kind.title,
                    entry.repository,
                    amount_words(entry.interest, day, per=" a month")
                    if entry.interest.draws is not None
                    else "not by the month",
                    amount_words(entry.principal, day),
                    return_words(entry),
                    written(paying.pays_back, SHARE)
                    if paying.pays_back is not None and entry.interest.is_shown
                    else "",
                    standing_words(entry),
                    day_label(entry.since.date()) if entry.since is not None else "",
                    ", ".join(knower.name for knower in entry.knowers),
                ),
                entry_href(links, entry.key),
            )
        )
    return Listing(
        "entries",
        "Entries",
        Table(
            (
                Heading("Entry"), Heading("Kind"), Heading(_REPOSITORY), Heading("Interest"), Heading("Principal"),
                Heading("Return in a year"), Heading("Pays back in a year"), Heading("Status"), Heading("Since"),
                Heading("Who knows the code"),
            ),
            tuple(rows),
        ),
        "In the order in which to pay: urgent vulnerabilities, then by return (hours saved in the year after, for each"
        " hour of principal). Amounts are means with 95% intervals.",
        links.page("api/v1/debt", {"format": "csv"}),
    )  # fmt: skip


def _listings(links: Links, told: Debt) -> tuple[Listing, ...]:
    made = []
    if told.plan.slots:
        made.append(schedule_listing(links, told.found, told.plan))
    if told.paid:
        made.append(_paid(links, told))
    return tuple(made)


def schedule_listing(links: Links, found: Register, plan: Schedule) -> Listing:
    """Which entry in which week."""
    titles = {entry.key: entry for entry in found.entries}
    return Listing(
        "schedule",
        "What to pay in which week",
        Table(
            (
                Heading("Week of"),
                Heading("Entry"),
                Heading(_REPOSITORY),
                Heading("Hours", HOURS),
                Heading("Then"),
            ),
            tuple(
                Row(
                    (
                        day_label(plan.monday(slot.week)),
                        titles[slot.key].title,
                        titles[slot.key].repository,
                        slot.hours,
                        "done" if slot.is_done else "goes on",
                    ),
                    entry_href(links, slot.key),
                )
                for slot in plan.slots
            ),
        ),
        schedule_words(found, plan),
    )


def _paid(links: Links, told: Debt) -> Listing:
    rows = []
    for one in told.paid:
        payoff = one.payoff
        rows.append(
            Row(
                (
                    one.title,
                    one.repository,
                    day_label(one.paid_at.date()),
                    HOW_WORDS[one.how] + (f": {one.by}" if one.by else ""),
                    one.hours,
                    payoff.before if payoff else None,
                    payoff.after if payoff else None,
                    payoff.expected if payoff else None,
                    one.sentence,
                ),
                entry_href(links, one.key) if one.key and one.how is How.SAID else "",
            )
        )
    return Listing(
        "paid",
        "What paid off",
        Table(
            (
                Heading("Entry"), Heading(_REPOSITORY), Heading("Paid"), Heading("How we know"),
                Heading("Hours", HOURS), Heading("Bug fixes, half a year before", COUNT),
                Heading("Bug fixes after", COUNT), Heading("Of files as bad, left alone", COUNT),
                Heading("What it brought"),
            ),
            tuple(rows),
        ),
        told.found.payoffs.basis,
    )  # fmt: skip


def _sample(told: Debt) -> str:
    period, history = told.found.period, told.found.history
    days = (period.end - period.start).days
    return (
        f"{counted(told.outlook.owed, 'entries')} over {counted(days, 'days')};"
        f" {counted(history.refactoring.n, 'past refactorings')},"
        f" {counted(history.update.n, 'past updates of dependencies')}"
    )


def _missing(told: Debt) -> tuple[str, ...]:
    return (
        *told.found.notes,
        "Work that leaves no trace (thinking, meetings, waiting for builds): interest is a lower bound.",
        "What all code of the team costs alike: interest is what an entry costs beyond comparable code.",
        f"{told.found.lasting.basis}.",
        f"{told.found.payoffs.basis}.",
    )
