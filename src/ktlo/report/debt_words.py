"""Debt in words: hours as people say them, amounts with their intervals, and the sentences of the page.

The same on the page, in the terminal and in exports. Takes the register's numbers and adds up nothing.
"""

from __future__ import annotations

import datetime as dt

from ktlo.metrics.estimate import Estimate
from ktlo.planning.debt.entry import Amount, Entry, Fact, Status
from ktlo.planning.debt.outlook import Outlook
from ktlo.planning.debt.paid import How
from ktlo.planning.debt.register import Register
from ktlo.planning.debt.returns import return_of
from ktlo.planning.debt.schedule import Schedule, Why
from ktlo.report.charts import COUNT, SHARE, unit_named, written, written_interval
from ktlo.report.charts.calendar_ticks import day_label
from ktlo.wording import counted

STATUS_WORDS = {
    Status.OPEN: "open",
    Status.SCHEDULED: "scheduled",
    Status.ACCEPTED: "accepted",
    Status.PAID: "paid",
}
WHY_WORDS = {
    Why.NOT_WORTH_IT: "would not bring back within a year what it takes",
    Why.NO_COST_SHOWN: "no extra cost shown",
    Why.NO_ROOM: "does not fit into the hours",
    Why.WAITS: "waits for another entry that does not fit",
}
HOW_WORDS = {
    How.SAID: "said by a person",
    How.GONE: "gone from the records",
    How.REFACTORED: "a refactoring in the history",
}


def hours_words(hours: float | None, hours_per_day: float) -> str:
    """``40 min``, ``1.2 hours``, ``3.5 days``: hours of work as people say them."""
    if hours is None:
        return "not estimable"
    if hours >= 2 * hours_per_day:
        return written(hours / hours_per_day, unit_named("days"))
    if 0 < hours < 1:
        return f"{max(1, round(hours * 60))} min"
    return written(hours, unit_named("hours"))


def span_words(estimate: Estimate, hours_per_day: float) -> str:
    """``0.5 to 2.4 hours``, with one unit where both ends share it."""
    low, high = (hours_words(end, hours_per_day) for end in (estimate.low, estimate.high))
    number, _, unit = low.partition(" ")
    return f"{number} to {high}" if not estimate.low or high.endswith(unit) else f"{low} to {high}"


def answer_words(found: Register, outlook: Outlook) -> str:
    """The one sentence."""
    day = found.period.hours_per_day
    if not found.entries:
        return "No debt is known"
    if not outlook.costing:
        return (
            f"{counted(outlook.owed, 'entries')} {'is' if outlook.owed == 1 else 'are'} known, and none is shown to"
            " cost extra"
        )
    said = (
        f"The known debt costs about {hours_words(outlook.interest.value, day)} a month"
        f" ({span_words(outlook.interest, day)})"
    )
    first = "the first entry" if outlook.first == 1 else f"the first {counted(outlook.first, 'entries')}"
    takes = hours_words(outlook.first_hours, day)
    if outlook.first_months is None:
        return f"{said}; what paying {first} would bring back is not known"
    if outlook.first_months <= 24:
        return f"{said}; paying {first} takes {takes}, and brings it back in {_months(outlook.first_months)}"
    return f"{said}; paying {first} takes {takes}, which would take more than two years to come back"


def _months(months: float) -> str:
    return counted(max(1, round(months)), "months")


def amount_words(amount: Amount, hours_per_day: float, *, per: str = "") -> str:
    """``1.2 hours (0.5 to 2.4)``, ``no extra cost shown``, or why there is none."""
    if amount.draws is None:
        return amount.estimate.reason
    if not amount.is_shown:
        high = amount.estimate.high or 0.0
        return (
            f"no extra cost shown (at most {hours_words(high, hours_per_day)}{per})"
            if high > 0
            else "no extra cost shown"
        )
    return f"{hours_words(amount.estimate.value, hours_per_day)}{per} ({span_words(amount.estimate, hours_per_day)})"


def return_words(entry: Entry) -> str:
    """``2.3 (0.4 to 9)``; empty where nothing is shown."""
    if not entry.interest.is_shown:
        return ""
    ratio = return_of(entry).ratio
    if ratio.value is None:
        return ""
    return f"{written(ratio.value, COUNT)} ({written_interval(ratio.low, ratio.high, COUNT)})"


def standing_words(entry: Entry) -> str:
    """``open``, ``accepted until 31 Mar 2027: rewritten in spring``."""
    standing = entry.standing
    said = STATUS_WORDS[standing.status]
    if standing.expires is not None:
        said += f" until {day_label(standing.expires)}"
    if standing.week is not None:
        said += f" for the week of {day_label(standing.week)}"
    return f"{said}: {standing.reason}" if standing.reason else said


def fact_words(fact: Fact, hours_per_day: float) -> str:
    """A piece of evidence, its value in words."""
    value = fact.value
    if value is None:
        return "not estimable"
    if isinstance(value, dt.datetime):
        return day_label(value.date())
    if isinstance(value, str):
        return value
    if fact.unit == "h":
        return hours_words(value, hours_per_day)
    return written(value, unit_named(fact.unit))


def schedule_words(found: Register, plan: Schedule) -> str:
    """What the schedule does, in one or two sentences."""
    day = found.period.hours_per_day
    budget = f"{hours_words(plan.hours_per_week, day)} a week"
    if plan.basis:
        budget += f" ({plan.basis})"
    if plan.hours_per_week <= 0:
        return f"There are no hours for paying back: {plan.basis}. Give some above."
    if not plan.order:
        worth = [why for why in plan.left.values() if why is Why.NOT_WORTH_IT]
        if worth:
            return (
                f"With {budget} nothing is scheduled: of {counted(len(worth), 'entries')} that cost extra, none is"
                " expected to bring back within a year what it takes. Ask for a lower return to see them."
            )
        return f"With {budget} nothing is scheduled: no entry is shown to cost extra."
    said = (
        f"With {budget}, {counted(len(plan.order), 'entries')} can be paid in {counted(plan.weeks, 'weeks')}:"
        f" {hours_words(plan.hours, day)} of work"
    )
    if plan.saves.value:
        said += f", which saves about {hours_words(plan.saves.value, day)} in the year after"
    if plan.fits is not None:
        said += f". The probability that it fits into the hours is {written(plan.fits, SHARE)}"
    if plan.pays_back is not None:
        said += f", that it pays back within a year {written(plan.pays_back, SHARE)}"
    rooms = sum(why is Why.NO_ROOM for why in plan.left.values())
    if rooms:
        said += f". {counted(rooms, 'entries')} {'does' if rooms == 1 else 'do'} not fit"
    poor = sum(why is Why.NOT_WORTH_IT for why in plan.left.values())
    if poor:
        said += (
            f". {counted(poor, 'entries')} {'is' if poor == 1 else 'are'} not expected to bring back as much as"
            " you ask for"
        )
    return f"{said}."
