"""The budget decision in plain words: every sentence is made from the plan's numbers, none is fixed text about them.

Takes a :class:`~ktlo.planning.budget.plan.Plan`, gives sentences for the page, the document and the terminal. A test
reads each of them back and holds it against the numbers.
"""

from __future__ import annotations

from collections.abc import Iterator

from ktlo.planning.budget.breakeven import WORTH_SAYING, BreakEven
from ktlo.planning.budget.costs import Component
from ktlo.planning.budget.limits import (
    MOST_INCIDENTS_PER_SHIFT,
    MOST_ON_CALL,
    MOST_OPERATIONS,
    PEOPLE_AT_EACH_OF_TWO_SITES,
    PEOPLE_AT_ONE_SITE,
    Check,
    Limit,
)
from ktlo.planning.budget.optimum import LEVEL, Optimum
from ktlo.planning.budget.options import Option, Why
from ktlo.planning.budget.plan import Doubt, Plan
from ktlo.report.charts import written
from ktlo.report.charts.quantity import Unit, fixed, share
from ktlo.report.plan_terms import (
    CLASSES,
    HOURS,
    WHY,
    between,
    cost,
    input_name,
    part,
)  # fmt: skip
from ktlo.wording import counted

_WIDE = 0.25
"""From this width on an interval says more than its middle."""

_WORTHLESS = 0.001
"""What saves less than this part of all the team's hours is not worth a sentence of its own."""

_SAME = 1e-6
"""Costs that differ by less, relatively, are told as the same."""

_MUCH = 0.05
"""From so much of the hours on, upkeep beyond what arrives is worth a sentence."""


def is_vague(best: Optimum) -> bool:
    """Whether the interval of the best share is so wide that it comes first."""
    return best.high - best.low >= _WIDE - 1e-9


def headline(plan: Plan) -> str:
    """The answer in one line."""
    best = plan.optimum
    if best is None:
        return "There is nothing to plan from yet"
    if best.share is None:
        return "No share keeps up: more work arrives than the team has hours"
    if is_vague(best):
        return (
            f"Somewhere between {share(best.low)} and {share(best.high)} of the team's hours;"
            " the records do not say it closer"
        )
    if Component.WAITING in plan.costs.unknown if plan.costs else False:
        return f"{share(best.share)} of the team's hours keep the lights on at the lowest cost without work piling up"
    return f"{share(best.share)} of the team's hours keep the lights on at the lowest cost"


def sentences(plan: Plan) -> tuple[str, ...]:
    """The decision explained, in reading order."""
    best = plan.optimum
    if best is None or plan.costs is None:
        return tuple(doubts(plan))
    if best.share is None:
        return (*_decision(plan, best), *limits(plan))
    return (
        *_decision(plan, best),
        *_upkeep(plan),
        *_unpriced(plan),
        *_horizons(plan, best),
        *_measuring(plan),
        *limits(plan),
    )


def sentences_of_options(plan: Plan) -> tuple[str, ...]:
    """A few sentences for each share that could be chosen instead of the best, joined."""
    if plan.optimum is None or plan.optimum.share is None:
        return ()
    return tuple(" ".join(compared(plan, option)) for option in plan.options[1:])


def _decision(plan: Plan, best: Optimum) -> Iterator[str]:
    weeks = plan.asked.weeks
    if best.share is None:
        yield (
            f"Even if all {written(plan.hours.mean, HOURS)} a week kept the lights on, more would arrive than is done"
            f" in {part(plan.options[0].piles_up)} of the cases."
        )
        return
    yield (
        f"Reserve {share(best.share)} of the team's hours for keeping the lights on over the next"
        f" {counted(weeks, 'weeks')}:"
        f" about {written(best.share * plan.hours.mean, HOURS)} of {written(plan.hours.mean, HOURS)} a week."
    )
    yield (
        f"What the records leave open puts the best share at {between(best.low, best.high)}"
        f" in {share(LEVEL)} of the cases."
    )
    within = f"the dearest of them costs {cost(best.as_good_within, plan.prices)} more"
    if best.is_flat:
        yield (
            f"The cost is flat there: anything from {share(best.as_good_from)} to {share(best.as_good_to)} is as good;"
            f" {within}."
        )
    elif best.as_good_from < best.as_good_to:
        yield f"Shares from {share(best.as_good_from)} to {share(best.as_good_to)} are as good; {within}."
    else:
        yield "No neighbouring share is as good."
    if best.keeps_up_from is not None:
        yield (
            f"From {share(best.keeps_up_from)} on the work keeps up: more arrives than the share can do"
            f" in at most {share(best.tolerated)} of the cases."
        )


def _upkeep(plan: Plan) -> Iterator[str]:
    """What the share measured lately holds beyond the work that arrives: the plan may give it no credit."""
    measured = plan.option(Why.LAST_QUARTER)
    arriving = sum(load.hours.mean for load in plan.loads) / plan.hours.mean
    if measured is None or measured.share - arriving < _MUCH or plan.asked.changes.upkeep:
        return
    credit = (
        "No effect of it on what arrives is shown, so the plan takes it for a cost; what of it must be done anyway"
        " belongs into “other upkeep”."
        if Doubt.NO_EFFECT in plan.doubts
        else "The plan takes all of it for preventive work."
    )
    yield (
        f"Work that arrives takes {share(arriving)} of the hours; {share(measured.share)} kept the lights on lately."
        f" The difference is infrastructure, performance, debt and other upkeep. {credit}"
    )


def name(option: Option) -> str:
    """``30%, the share in force``."""
    called = {
        Why.IN_FORCE: "the share in force",
        Why.RULE: "the 20/80 rule",
        Why.LAST_QUARTER: "the share measured lately",
        Why.ASKED: "the share looked at",
        Why.BEST: "the best share",
    }
    return f"{share(option.share)}, {' and '.join(called[why] for why in option.why)},"


def compared(plan: Plan, option: Option) -> Iterator[str]:
    """What an option brings against the best."""
    best = plan.options[0]
    amount = cost(abs(option.extra_cost), plan.prices)
    known = ", as far as prices are known" if plan.costs and plan.costs.unknown else ""
    more = "more" if option.extra_cost >= 0 else "less"
    if abs(option.extra_cost) <= _SAME * max(abs(best.cost.mean), 1.0):
        yield f"{name(option)} costs the same as {share(best.share)}{known}."
    else:
        yield f"{name(option)} costs {amount} {more} than {share(best.share)}{known}."
    parts = [
        f"leaves {_against(option.feature_weeks.mean, best.feature_weeks.mean, 'person-weeks')} for features"
    ]
    if best.incidents.mean > 0:
        parts.append(
            f"brings {_against(option.downtime_hours.mean, best.downtime_hours.mean, 'hours')} of downtime"
        )
    parts.append(f"lets an item wait {_against(option.wait_days, best.wait_days, 'days')}")
    yield f"It {', '.join(parts[:-1])} and {parts[-1]}."
    yield (
        f"It is too small in {part(option.piles_up)} of the cases, and the best of these options"
        f" in {part(option.is_best)} of them."
    )


def _against(value: float, other: float, unit: str) -> str:
    """``54.3 instead of 56.6 person-weeks``, or ``the same 54.3 person-weeks``."""
    words = [fixed(each, 1) for each in (value, other)]
    if words[0] == words[1]:
        return f"the same {words[0]} {unit}"
    return f"{words[0]} instead of {words[1]} {unit}"


def _unpriced(plan: Plan) -> Iterator[str]:
    assert plan.costs is not None  # noqa: S101 - there is an optimum
    if Component.DOWNTIME in plan.costs.unknown:
        even = plan.break_even(Component.DOWNTIME)
        if even is not None:
            moves = _moves(plan, even, "per hour of downtime")
            yield f"Nobody has said what downtime costs, so it is in no total. {moves}"
    if Component.WAITING in plan.costs.unknown:
        even = plan.break_even(Component.WAITING)
        if even is not None:
            yield (
                "Nobody has said what waiting costs; instead the share must keep up"
                f" in {share(1 - plan.optimum.tolerated if plan.optimum else 0)} of the cases."
                f" {_moves(plan, even, 'per open item and week')}"
            )
    if plan.prices.currency == "h":
        yield "Costs are in hours of labour, because no price of an hour is said."


def _moves(plan: Plan, even: BreakEven, per: str) -> str:
    first = even.first
    if first is None:
        return f"No price {per} would move the best share by {fixed(WORTH_SAYING * 100, 0)} points or more."
    return (
        f"From {cost(first.price, plan.prices)} {per} on, the best share moves from {share(even.start)}"
        f" to {share(first.share)}."
    )


def _horizons(plan: Plan, best: Optimum) -> Iterator[str]:
    others = [each for each in plan.horizons if each.optimum.share is not None]
    if best.share is None or len(others) < 2:
        return
    furthest = others[-1]
    found = furthest.optimum.share
    assert found is not None  # noqa: S101 - filtered above
    if furthest.weeks == plan.asked.weeks:
        furthest = others[0]
        found = furthest.optimum.share or 0.0
    looking = f"Looking {counted(furthest.weeks, 'weeks')} ahead instead of {plan.asked.weeks}"
    if abs(found - best.share) < 0.02 - 1e-9:
        yield f"{looking} gives {share(found)}, much the same."
    else:
        yield f"{looking}, the best share is {share(found)}."


def _measuring(plan: Plan) -> Iterator[str]:
    known = [each for each in plan.influences if each.worth is not None]
    if not known:
        return
    first = known[0]
    team = plan.hours.mean * plan.asked.weeks * plan.prices.labour_hour
    if not first.worth or first.worth < _WORTHLESS * team:
        yield "Knowing any single input exactly would save next to nothing, so none is worth measuring for this."
        return
    yield (
        f"Most worth knowing better: {input_name(first)}. It would save {cost(first.worth, plan.prices)}"
        f" over the {counted(plan.asked.weeks, 'weeks')}; as it goes from {written(first.low, Unit())} to"
        f" {written(first.high, Unit())}, the best share goes from {share(first.share_at_low)}"
        f" to {share(first.share_at_high)}."
    )


def limits(plan: Plan) -> Iterator[str]:
    """A sentence for each limit that is broken."""
    for check in plan.checks:
        if check.is_broken:
            yield _limit(check)


def _limit(check: Check) -> str:
    if check.limit is Limit.OPERATIONS:
        return (
            f"{share(check.value)} is above the {share(MOST_OPERATIONS)} that site reliability engineering allows for"
            " operations: beyond it nobody has time to make the work less."
        )
    if check.limit is Limit.ON_CALL:
        return (
            f"With two people on call at a time each is on call {share(check.value)} of the time; the limit is"
            f" {share(MOST_ON_CALL)}, which takes {PEOPLE_AT_ONE_SITE} people at one site"
            f" or {PEOPLE_AT_EACH_OF_TWO_SITES} at each of two."
        )
    return (
        f"{written(check.value, Unit(symbol='incidents'))} in a shift of twelve hours are more than the"
        f" {written(MOST_INCIDENTS_PER_SHIFT, Unit())} that can be handled and learned from."
    )


def doubts(plan: Plan) -> Iterator[str]:
    """What cannot be said, and why, one sentence each; those of the fitted demand included."""
    history = max((each.evidence.weeks for each in plan.demand.classes), default=0)
    weeks = plan.asked.weeks
    said = {
        Doubt.NO_DEMAND: "No incident, bug, vulnerability, update or request is in the records, so nothing can be"
        " planned: connect a tracker or import a file.",
        Doubt.NO_HOURS: "No hours of work are in the records, so there is nothing to take a share of:"
        " connect the team's repositories.",
        Doubt.SHORT_HISTORY: f"Only {written(history, Unit(symbol='weeks'))} of history: seasons and rare incidents"
        " cannot be in it, so the intervals are wide and may still be too narrow.",
        Doubt.ONE_PERSON: "One person is the whole team: holidays and illness are not in the plan,"
        " and nobody can take turns.",
        Doubt.NO_INCIDENTS: "No incident is in the records: the plan knows nothing of downtime.",
        Doubt.NO_EFFECT: "No effect of preventive work is shown yet, so hours beyond the load are a cost without a"
        " gain here. That does not mean that there is none: a quarter with a clearly different share would show it.",
        Doubt.NOTHING_KEEPS_UP: "More work arrives than there are hours; what is not done at all has to be chosen"
        " by people.",
        Doubt.NO_DEBT: "Interest on known debt is not in the plan: no register of debt was read.",
        Doubt.OLD_WORK: f"The {_open(plan)} open today are taken as they stand: in none of these options are they"
        f" worked down within the {written(weeks, Unit(symbol='weeks'))}. Ask for it with “old work to finish”.",
    }
    for doubt in plan.doubts:
        yield said[doubt]
    yield from dict.fromkeys(plan.demand.notes)
    for each in plan.demand.classes:
        yield from (f"{CLASSES[each.work_class].capitalize()}: {note}" for note in each.evidence.notes)


def _open(plan: Plan) -> str:
    return written(sum(each.open_items for each in plan.demand.classes), Unit(symbol="items"))


def labels(option: Option) -> str:
    """``In force, 20/80 rule``."""
    first, *rest = (WHY[why] for why in option.why)
    return ", ".join([first, *(each[0].lower() + each[1:] for each in rest)])
