"""The report to the business in the words of a finance reader: no term of the trade, every number with its range.

Takes a quarter's account and the outlook on the next; gives sentences for the page, the document and the PDF. A test
reads them back and holds them against the numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from ktlo.metrics.estimate import Estimate
from ktlo.planning.budget.costs import Component
from ktlo.planning.budget.options import Option, Spread, Why
from ktlo.planning.budget.plan import Plan
from ktlo.planning.debt.outlook import Outlook as DebtOutlook
from ktlo.planning.quarter.account import Account
from ktlo.planning.quarter.outlook import Outlook
from ktlo.records.effort import Category
from ktlo.report.charts import PERSON_DAYS, SECONDS, SHARE, Unit, written
from ktlo.report.charts.quantity import fixed, share
from ktlo.report.staffing_words import LIKELY, name_of
from ktlo.wording import counted

KINDS = {
    Category.FEATURE: "New features",
    Category.BUG_FIX: "Repairing defects",
    Category.SECURITY: "Closing security weaknesses",
    Category.PERFORMANCE: "Making it faster",
    Category.DEPENDENCY: "Updating software of others",
    Category.INCIDENT: "Ending service incidents",
    Category.INFRASTRUCTURE: "Build and operation",
    Category.DEBT: "Cleaning up old code",
    Category.SUPPORT: "Answering requests",
}
"""What each category is called before a finance reader."""

_WHY = {
    Why.BEST: "the proposal",
    Why.IN_FORCE: "as budgeted today",
    Why.RULE: "the 20% rule of thumb",
    Why.LAST_QUARTER: "as it has been lately",
    Why.ASKED: "as asked",
}
_MOST_NOTES = 3
_LITTLE = 10.0
"""Person-days in a quarter below which effort is said to rest on little."""


def money_unit(account: Account) -> Unit:
    """The unit of amounts: the currency where an hour has a price, else person-days."""
    return Unit(symbol=account.currency or "units") if account.labour_hour is not None else PERSON_DAYS


def amount(value: float, account: Account) -> str:
    """An amount in its unit, to three figures: ``33,300 EUR``, ``52 person-days``."""
    return f"{figures(value)} {_unit(value, account)}"


def figures(value: float) -> str:
    """A number to three figures with thousands separated; less than ten to two."""
    if value == 0:
        return "0"
    places = (2 if abs(value) < 10 else 3) - 1 - math.floor(math.log10(abs(value)))
    rounded = round(value, places)
    return fixed(rounded, max(places, 0))


def _unit(value: float, account: Account) -> str:
    unit = money_unit(account).symbol
    return unit.removesuffix("s") if unit == PERSON_DAYS.symbol and figures(value) == "1" else unit


def reach(low: float | None, high: float | None, account: Account) -> str:
    """``29,000 to 38,000 EUR``; empty where an end is not known."""
    if low is None or high is None:
        return ""
    return f"{figures(low)} to {figures(high)} {money_unit(account).symbol}"


def lead(account: Account) -> str:
    """The answer: what part of the effort kept existing systems running."""
    if account.is_empty:
        return f"Nothing is recorded in the {account.quarter.title}"
    if account.share.value is None:
        return f"How much effort kept existing systems running in the {account.quarter.title} cannot be told"
    so_far = "" if account.is_over else ", so far"
    return f"{share(account.share.value)} of engineering effort kept existing systems running{so_far}"


def lead_range(account: Account) -> str:
    """The range of the lead."""
    if account.share.low is None or account.share.high is None:
        return ""
    return f"{share(account.share.low)} to {share(account.share.high)}"


def change(account: Account) -> str:
    """Against the quarter before and the budget."""
    told = []
    before, now = account.share_before.value, account.share.value
    if now is not None and before is not None and account.change is not None:
        if account.change.detectable:
            told.append(f"{'Up' if now > before else 'Down'} from {share(before)} in the quarter before")
        else:
            told.append(f"In the quarter before it was {share(before)}; the difference may be chance")
    if account.budget is not None and now is not None:
        told.append(f"budgeted were {share(account.budget)}{_judged(account)}")
    said = "; ".join(told)
    return said[:1].upper() + said[1:]


def _judged(account: Account) -> str:
    low, high = account.share.low, account.share.high
    if low is None or high is None or account.budget is None:
        return ""
    if low > account.budget:
        return ", which it is clearly above"
    return ", which it is clearly below" if high < account.budget else ", which it may well have been"


def bought(account: Account) -> Iterator[tuple[str, str, str]]:
    """What the effort bought: what, how much, and the rest of it."""
    open_ = account.incidents.censored
    if account.incidents.n:
        yield (
            "Service incidents",
            f"{account.incidents.n:,}",
            _half_over(account.restore) + (f"; {open_:,} still open" if open_ else ""),
        )
    if account.downtime.value is not None:
        yield (
            "Services down",
            written(account.downtime.value, SECONDS),
            f"in {counted(account.outages.n, 'outages')}",
        )
    if account.bugs_opened or account.bugs_closed:
        yield "Defects closed", f"{account.bugs_closed:,}", _flow(account)
    if account.closed_within.value is not None:
        within = account.closed_within
        ends = (
            f"{share(within.low)} to {share(within.high)}"
            if within.low is not None and within.high is not None
            else ""
        )
        yield "Reported defects closed within 30 days", written(within.value, SHARE), ends
    if account.weaknesses_found is not None:
        yield "Known security weaknesses closed", f"{account.weaknesses_closed:,}", _weaknesses(account)
    for category, what in (
        (Category.SECURITY, "Pieces of security work"),
        (Category.DEPENDENCY, "Updates of software of others"),
    ):
        pieces = account.pieces(category)
        if pieces:
            days = next(each.days.value or 0.0 for each in account.spent if each.category is category)
            yield what, f"{pieces:,}", f"{amount(account.worth(days), account)} of work"


def _weaknesses(account: Account) -> str:
    told = f"{account.weaknesses_found:,} came up; {account.weaknesses_open:,} open at the end"
    if account.fix.value is None:
        return told
    return f"{told}; half of the new ones were closed within {written(account.fix.value, SECONDS)}"


def _half_over(restore: Estimate) -> str:
    if restore.value is None:
        return "how long they lasted cannot be told"
    ends = (
        f" ({written(restore.low, SECONDS)} to {written(restore.high, SECONDS)})"
        if restore.low is not None and restore.high is not None
        else ""
    )
    return f"half were over within {written(restore.value, SECONDS)}{ends}"


def _flow(account: Account) -> str:
    net = account.bugs_net
    reported = f"{counted(account.bugs_opened, 'defects')} reported"
    if net.low is not None and net.low > 0:
        return f"{reported}: more came than went"
    if net.high is not None and net.high < 0:
        return f"{reported}: more went than came"
    return f"{reported}; no clear growth"


def arriving(account: Account, outlook: Outlook) -> str:
    """The work that comes whatever is decided."""
    hours = outlook.arriving_hours
    days = [value / account.hours_per_day for value in (hours.mean, hours.low, hours.high)]
    value, low, high = (account.worth(each) for each in days)
    return (
        f"Work that arrives by itself, such as defects and incidents, will take about {amount(value, account)} in the"
        f" {outlook.quarter.title} (likely {reach(low, high, account)})."
    )


def proposal(account: Account, outlook: Outlook) -> str:
    """The budget that is proposed."""
    best, plan = outlook.plan.optimum, outlook.plan
    if best is None or best.share is None:
        return (
            "No budget is proposed: more work arrives than the whole team can do, whatever part is reserved."
        )
    option = plan.options[0]
    labour = account.worth((outlook.reserved_hours or 0.0) / account.hours_per_day)
    good = (
        f"; anything from {share(best.as_good_from)} to {share(best.as_good_to)} is as good"
        if share(best.as_good_from) != share(best.as_good_to)
        else ""
    )
    return (
        f"We propose to reserve {share(option.share)} of the effort, about {amount(labour, account)}{good}. With"
        f" what is not known, the best part likely lies between {share(best.low)} and {share(best.high)}."
    )


def option_name(option: Option) -> str:
    """``20%, the 20% rule of thumb``."""
    return " and ".join(_WHY[why] for why in option.why).capitalize()


def against(account: Account, outlook: Outlook) -> Iterator[str]:
    """What each alternative would bring instead of the proposal."""
    plan = outlook.plan
    if plan.optimum is None or plan.optimum.share is None:
        return
    best = plan.options[0]
    for option in plan.options[1:]:
        extra = account.priced(option.extra_cost)
        more = "more" if extra >= 0 else "less"
        weeks = option.feature_weeks.mean - best.feature_weeks.mean
        told = (
            f"{share(option.share)} ({option_name(option).lower()}) would cost {amount(abs(extra), account)} {more} and"
            f" leave {figures(abs(weeks))} person-weeks {'more' if weeks >= 0 else 'fewer'} for new features"
        )
        if option.piles_up >= 0.5 or (extra < 0 and option.piles_up > best.piles_up):
            told += (
                f", but unfinished work would pile up ({share(min(option.piles_up, 0.99))} likely, with the proposal"
                f" {share(min(best.piles_up, 0.99))})"
            )
        yield f"{told}."


def debt(account: Account, known: DebtOutlook) -> str:
    """Old burdens that cost work every month."""
    if not known.owed:
        return "No old burden in the code is known."
    if not known.costing:
        return f"Of {counted(known.owed, 'known burdens')} in the code, none is shown to cost extra work."
    monthly = known.interest
    value, low, high = (
        None if each is None else account.worth(each / account.hours_per_day)
        for each in (monthly.value, monthly.low, monthly.high)
    )
    told = (
        f"{known.costing} of {counted(known.owed, 'known burdens')} in the code"
        f" {'costs' if known.costing == 1 else 'cost'} about {amount(value or 0.0, account)} of work a month"
        f" ({reach(low, high, account)})"
    )
    if not known.first:
        return f"{told}."
    once = account.worth(known.first_hours / account.hours_per_day)
    comes_back = (
        f"comes back in {counted(max(1, round(known.first_months)), 'months')}"
        if known.first_months is not None and known.first_months <= 24
        else "does not come back within two years"
    )
    which = "the one that pays" if known.first == 1 else f"the {known.first} that pay"
    return f"{told}. Removing {which} most takes {amount(once, account)} once, which {comes_back}."


def staffing(account: Account, outlook: Outlook) -> str:
    """Who should do the work."""
    compared = outlook.staffing.comparison
    if compared is None or compared.difference.value is None:
        return ""
    saves = account.priced(outlook.staffing_saves or 0.0)
    one, other = name_of(compared.cheaper), name_of(compared.dearer)
    if compared.certainty < LIKELY:
        return (
            f"Whether {name_of(compared.rotation)} or {name_of(compared.dedicated)} should do this work cannot be"
            " told yet from its cost."
        )
    return (
        f"{one.capitalize()} would do this work for about {amount(saves, account)} a quarter less than {other}"
        f" ({share(compared.certainty)} likely to be cheaper)."
    )


def not_known(account: Account, outlook: Outlook | None) -> tuple[str, ...]:
    """What the reader should not take for certain."""
    told = []
    if account.total_days == 0:
        told.append("No work of people is recorded in the quarter, so nothing is told about effort.")
    elif account.total_days < _LITTLE:
        told.append(
            f"Only {figures(account.total_days)} person-days of work are recorded in the quarter; what is told about"
            " effort rests on little."
        )
    if account.labour_hour is None:
        told.append("Nobody has said what an hour of work costs, so amounts are in person-days.")
    if account.unattributed_days > 0 and account.total_days > 0:
        part = account.unattributed_days / account.total_days
        told.append(
            f"What {share(part)} of the recorded effort was for is not known; it is left out of the part above."
        )
    told.append("Meetings, calls and other work that leaves no record are not counted.")
    if account.incidents.n == 0:
        told.append(
            "No service incident is recorded; that can mean that none happened or that none is collected."
        )
    if outlook is not None:
        told += _unpriced(outlook.plan)
        told += [note for note in outlook.plan.demand.notes if "incident" not in note.lower()][:_MOST_NOTES]
    return tuple(dict.fromkeys(told))


def _unpriced(plan: Plan) -> list[str]:
    unknown = plan.costs.unknown if plan.costs else ()
    told = []
    if Component.DOWNTIME in unknown and any(option.downtime_hours.mean > 0 for option in plan.options):
        told.append("Nobody has said what an hour of downtime costs, so losses from it are in no amount.")
    if Component.WAITING in unknown:
        told.append("Nobody has said what it costs when repairs wait, so waiting is in no amount.")
    return told


def spread_text(value: Spread, account: Account) -> str:
    """A plan's amount with its range."""
    low, high = account.priced(value.low), account.priced(value.high)
    return f"{amount(account.priced(value.mean), account)} ({reach(low, high, account)})"
