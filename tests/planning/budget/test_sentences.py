"""Every sentence about the decision is read back and held against the numbers, computed anew from the futures.

``READERS`` has one reader for each kind of sentence; a sentence that none of them can read fails, so that nobody can
add one that is not checked.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from worlds import demand_of, team, weekly

from ktlo.planning.assumptions import Prices
from ktlo.planning.budget.costs import Component, priced
from ktlo.planning.budget.optimum import find_optimum
from ktlo.planning.budget.options import Option
from ktlo.planning.budget.plan import Asked, Doubt, Plan, decide
from ktlo.planning.budget.world import Changes
from ktlo.planning.demand import DebtLoad, WorkClass
from ktlo.report.plan import plan_section
from ktlo.report.plan_links import NoPlanLinks
from ktlo.report.plan_sentences import headline, sentences, sentences_of_options

EURO = Prices("EUR", 80.0, 2000.0, 15.0, 0.2)
UNPRICED = Prices("EUR", 80.0, None, None, 0.2)
HOURS = Prices("h", 1.0, None, None, 12.5 / 60)

DEBT = DebtLoad(np.full(200, 300.0), np.full(200, 6.0), np.full(200, 0.01))

PLANS = {
    "usual": (team(), EURO, Asked(in_force=0.3, futures=800)),
    "nothing priced": (team(), UNPRICED, Asked(in_force=0.2, looked_at=0.45, futures=800)),
    "in hours": (team(scale=30), HOURS, Asked(futures=800)),
    "a year": (team(scale=40), EURO, Asked(weeks=52, in_force=0.25, last_quarter=0.25, futures=400)),
    "no effect": (team(scale=math.inf, share=0.5), HOURS, Asked(in_force=0.26, futures=800)),
    "cheap waiting": (team(scale=60), replace(EURO, waiting_week=0.5), Asked(futures=800)),
    "dear downtime": (team(scale=20), replace(EURO, downtime_hour=60_000.0), Asked(futures=800)),
    "too much": (demand_of(weekly(WorkClass.BUG, 30, 10), hours=100), HOURS, Asked(futures=400)),
    "drowning": (demand_of(weekly(WorkClass.INCIDENT, 40, 4), hours=200, people=3), EURO, Asked(futures=400)),
    "vague": (
        demand_of(weekly(WorkClass.BUG, 4, 2, history=3, spread=0.9), hours=30, people=1, spread=0.5),
        HOURS,
        Asked(futures=800),
    ),
    "what if": (team(), EURO, Asked(changes=Changes(demand=1.4, people=0.8, upkeep=0.05), futures=800)),
    "with debt": (
        replace(team(), debt=DEBT), EURO, Asked(in_force=0.3, old_work=0.2, futures=800),
    ),
    "certain": (team(spread=0), EURO, Asked(in_force=0.2, futures=800)),
}  # fmt: skip


@pytest.fixture(scope="module", params=PLANS, ids=list(PLANS))
def plan(request: pytest.FixtureRequest) -> Plan:
    return decide(*PLANS[request.param])


def number(text: str) -> float:
    scale = {"k": 1e3, "M": 1e6, "%": 0.01}.get(text[-1], 1.0)
    return float(text.rstrip("kM%").replace(",", "").replace("\u2212", "-")) * scale


def same(text: str, value: float) -> None:
    """The text is the value, to the digits that numbers are written with."""
    scale = {"k": 1e3, "M": 1e6, "%": 0.01}.get(text[-1], 1.0)
    size = abs(value / scale)
    whole = size >= (9.95 if text.endswith("%") else 99.95)
    allowed = (0.5 if whole else 0.05) * scale
    assert number(text) == pytest.approx(value, abs=allowed * 1.02), f"{text} is not {value}"


def at(plan: Plan, share: float) -> int:
    assert plan.costs is not None
    return int(np.argmin(np.abs(plan.costs.outcomes.shares - share)))


def total(plan: Plan) -> np.ndarray:
    """Expected known cost of every share, summed here from hours and prices."""
    assert plan.costs is not None
    o, p = plan.costs.outcomes, plan.prices
    cost = p.labour_hour * (
        o.reserved + o.overrun + o.left_over + o.interest + p.interruption_hours * o.urgent
    )
    if p.downtime_hour is not None:
        cost = cost + p.downtime_hour * o.downtime
    if p.waiting_week is not None:
        cost = cost + p.waiting_week * o.waiting
    return cost.mean(axis=1)


def option_of(plan: Plan, text: str) -> Option:
    found = [each for each in plan.options if abs(each.share - number(text)) < 0.0051]
    assert found, f"no option of {text}"
    return found[0]


def reserve(plan: Plan, found: re.Match[str]) -> None:
    assert plan.optimum is not None
    assert plan.optimum.share is not None
    share, weeks, hours, team_hours = found.groups()
    same(share, plan.optimum.share)
    assert int(weeks) == plan.asked.weeks
    mean = float(plan.demand.capacity.hours_per_week.mean()) * plan.asked.changes.people
    same(hours, plan.optimum.share * mean)
    same(team_hours, mean)
    cost = total(plan)
    kept = plan.costs.outcomes.piles_up.mean(axis=1) <= plan.optimum.tolerated  # type: ignore[union-attr]
    assert cost[at(plan, plan.optimum.share)] == pytest.approx(cost[kept].min())


def interval(plan: Plan, found: re.Match[str]) -> None:
    assert plan.optimum is not None
    assert plan.costs is not None
    low, high = found.group(1), found.group(3) or found.group(1)
    o = plan.costs.outcomes
    cost = plan.costs.total.reshape(o.shares.size, -1, o.parameters).mean(axis=1)
    best = np.where(o.piles_up, np.inf, cost).argmin(axis=0)
    best[o.piles_up.all(axis=0)] = o.shares.size - 1
    ends = np.quantile(o.shares[best], [0.1, 0.9])
    same(low, min(float(ends[0]), plan.optimum.share or 1))
    same(high, max(float(ends[1]), plan.optimum.share or 0))


def as_good(plan: Plan, found: re.Match[str]) -> None:
    assert plan.optimum is not None
    low, high, dearest = found.groups()
    same(low, plan.optimum.as_good_from)
    same(high, plan.optimum.as_good_to)
    cost = total(plan)
    first, last = at(plan, plan.optimum.as_good_from), at(plan, plan.optimum.as_good_to)
    best = cost[at(plan, plan.optimum.share or 0)]
    same(dearest, float(cost[first : last + 1].max() - best))
    flat = plan.optimum.as_good_to - plan.optimum.as_good_from >= 0.0799
    assert flat == found.group(0).startswith("The cost is flat")


def none_as_good(plan: Plan, _: re.Match[str]) -> None:
    assert plan.optimum is not None
    assert plan.optimum.as_good_from == plan.optimum.as_good_to


def keeps_up(plan: Plan, found: re.Match[str]) -> None:
    assert plan.costs is not None
    share, tolerated = (number(each) for each in found.groups())
    part = plan.costs.outcomes.piles_up.mean(axis=1)
    place = at(plan, share)
    assert part[place] <= tolerated + 1e-9
    assert place == 0 or part[place - 1] > tolerated


def even_all(plan: Plan, found: re.Match[str]) -> None:
    assert plan.costs is not None
    same(found.group(1), plan.hours.mean)
    in_part(found.group(2), float(plan.costs.outcomes.piles_up[-1].mean()))
    assert plan.costs.outcomes.shares[-1] == 1


def in_part(text: str, value: float) -> None:
    if text in ("none", "all"):
        assert value == (0 if text == "none" else 1)
    else:
        assert 0 < value < 1
        assert number(text) == pytest.approx(value, abs=0.0101)


def upkeep(plan: Plan, found: re.Match[str]) -> None:
    arriving, lately, credit = found.groups()
    hours = sum(
        float((each.rate[:, : plan.asked.weeks].mean(axis=1) * each.work_hours).mean())
        for each in plan.demand.classes
    ) * (plan.asked.changes.demand * plan.asked.changes.work)
    same(arriving, hours / plan.hours.mean)
    same(lately, float(np.round(np.median(plan.demand.capacity.ktlo_share), 2)) if plan.asked.last_quarter is None
         else plan.asked.last_quarter)  # fmt: skip
    shown = any(np.isfinite(each.prevention_scale).mean() > 0.5 for each in plan.demand.classes)
    assert credit.startswith("The plan takes all") == shown


def moves(component: Component) -> Callable[[Plan, re.Match[str]], None]:
    def read(plan: Plan, found: re.Match[str]) -> None:
        assert plan.costs is not None
        assert component in plan.costs.unknown
        price, start, then = found.groups()
        name = "downtime_hour" if component is Component.DOWNTIME else "waiting_week"
        keeps = plan.costs.outcomes.piles_up.mean(axis=1) <= 0.2 + 0.3 * (
            plan.prices.waiting_week is not None
        )
        amount = (
            plan.costs.outcomes.downtime if component is Component.DOWNTIME else plan.costs.outcomes.waiting
        )

        def best(value: float) -> float:
            cost = total(replace_price(plan, name, None)) + value * amount.mean(axis=1)
            return float(plan.costs.outcomes.shares[np.where(keeps, cost, np.inf).argmin()])  # type: ignore[union-attr]

        same(start, best(0.0))
        # The price is written in two or three digits; it lies between these two.
        before, after = (best(number(price) * factor) for factor in (0.97, 1.03))
        assert before - 0.0051 <= number(then) <= after + 0.0051
        assert abs(best(number(price) * 0.9) - best(0.0)) < 0.03 - 1e-9

    return read


def replace_price(plan: Plan, name: str, value: float | None) -> Plan:
    return replace(plan, prices=replace(plan.prices, **{name: value}))


def no_move(component: Component) -> Callable[[Plan, re.Match[str]], None]:
    def read(plan: Plan, _: re.Match[str]) -> None:
        assert plan.costs is not None
        name = "downtime_hour" if component is Component.DOWNTIME else "waiting_week"
        even = plan.break_even(component)
        assert even is not None
        for price in (0.0, 1.0, 1e3, 1e6, 1e9):
            costs = priced(plan.costs.outcomes, replace(plan.prices, **{name: price}))
            if component is Component.DOWNTIME:
                assert abs((find_optimum(costs).share or 1) - even.start) < 0.03

    return read


def must_keep_up(plan: Plan, found: re.Match[str]) -> None:
    assert number(found.group(1)) == pytest.approx(1 - plan.optimum.tolerated)  # type: ignore[union-attr]
    assert plan.prices.waiting_week is None


def in_hours(plan: Plan, _: re.Match[str]) -> None:
    assert plan.prices.currency == "h"
    assert plan.prices.labour_hour == 1


def horizon(plan: Plan, found: re.Match[str]) -> None:
    assert plan.optimum is not None
    furthest, now, share = found.groups()
    assert int(now) == plan.asked.weeks
    there = {each.weeks: each.optimum.share for each in plan.horizons}
    same(share, there[int(furthest)] or 0)
    near = abs((there[int(furthest)] or 0) - (plan.optimum.share or 0)) < 0.0199
    assert near == found.group(0).endswith("much the same.")


def worth(plan: Plan, found: re.Match[str]) -> None:
    amount, weeks, low, high, at_low, at_high = found.groups()[1:]
    first = max(
        (each for each in plan.influences if each.worth is not None), key=lambda each: each.worth or 0
    )
    same(amount, first.worth or 0)
    assert int(weeks) == plan.asked.weeks
    assert number(low) == pytest.approx(first.low, rel=0.06)
    assert number(high) == pytest.approx(first.high, rel=0.06)
    same(at_low, first.share_at_low)
    same(at_high, first.share_at_high)


def worthless(plan: Plan, _: re.Match[str]) -> None:
    team = plan.hours.mean * plan.asked.weeks * plan.prices.labour_hour
    assert all((each.worth or 0) < 0.001 * team for each in plan.influences)


def operations(plan: Plan, found: re.Match[str]) -> None:
    same(found.group(1), plan.options[0].share)
    assert plan.options[0].share > 0.5


def on_call(plan: Plan, found: re.Match[str]) -> None:
    people = max(1, round(plan.demand.capacity.people * plan.asked.changes.people))
    same(found.group(1), min(1.0, 2 / people))
    assert people < 8


def shifts(plan: Plan, found: re.Match[str]) -> None:
    assert plan.costs is not None
    per_shift = plan.costs.outcomes.incidents[at(plan, plan.options[0].share)].mean() / plan.asked.weeks / 14
    same(found.group(1), float(per_shift))
    assert per_shift > 2


def compared(plan: Plan, found: re.Match[str]) -> None:
    assert plan.costs is not None
    o = plan.costs.outcomes
    share, _, amount, more, best_share, known, rest = found.groups()
    option, best = option_of(plan, share), plan.options[0]
    same(best_share, best.share)
    here, there = at(plan, option.share), at(plan, best.share)
    extra = float(total(plan)[here] - total(plan)[there])
    if amount is None:
        assert abs(extra) < 1e-4 * total(plan)[there]
    else:
        same(amount, abs(extra))
        assert more == ("more" if extra >= 0 else "less")
    assert bool(known) == bool(plan.costs.unknown)
    people = max(1, round(plan.demand.capacity.people * plan.asked.changes.people))

    def features(place: int) -> float:
        hours = o.capacity[place] - o.reserved[place] - o.overrun[place] - o.interest[place]
        hours = np.maximum(hours - plan.prices.interruption_hours * o.urgent[place], 0)
        return float((hours / (o.capacity[place] / people / o.weeks)).mean())

    def wait(place: int) -> float:
        ordinary = o.items[place].mean() - o.incidents[place].mean()
        return 7 * float(o.waiting[place].mean()) / ordinary if ordinary > 0 else 0.0

    values = {
        "person-weeks": features,
        "hours": lambda place: float(o.downtime[place].mean()),
        "days": wait,
    }
    told = re.findall(r"(the same )?([\d,.]+)(?: instead of ([\d,.]+))? (person-weeks|hours|days)", rest)
    assert {unit for *_, unit in told} >= {"person-weeks", "days"}
    for alike, first, second, unit in told:
        same(first, values[unit](here))
        same(first if alike else second, values[unit](there))
    piles = re.search(r"too small in (\S+) of the cases", rest)
    assert piles
    in_part(piles[1], float(o.piles_up[here].mean()))
    wins = re.search(r"best of these options in (\S+) of them", rest)
    assert wins
    in_part(wins[1], option.is_best)


SHARE = r"([\d.,]+%)"
AMOUNT = r"([\d.,]+[kM]?) (?:EUR|h of labour)"
WORTH = (
    rf"Most worth knowing better: (.*)\. It would save {AMOUNT} over the (\d+) weeks; as it goes from ([\d.,]+k?)"
    rf" to ([\d.,]+k?), the best share goes from {SHARE} to {SHARE}\."
)
COMPARED = (
    rf"{SHARE}, (.*), costs (?:{AMOUNT} (more|less) than|the same as) {SHARE}"
    r"(, as far as prices are known)?\. (.*)"
)
MUST_KEEP_UP = (
    rf"Nobody has said what waiting costs; instead .* keep up in {SHARE} of the cases\. No price .*"
)
READERS: list[tuple[str, Callable[[Plan, re.Match[str]], None]]] = [
    (rf"Reserve {SHARE} of the team's hours .* next (\d+) weeks: about ([\d.,]+) h of ([\d.,]+) h a week\.", reserve),
    (rf"What the records leave open puts the best share at {SHARE}( to {SHARE})? in 80% of the cases\.", interval),
    (rf"The cost is flat there: anything from {SHARE} to {SHARE} is as good; the dearest .* {AMOUNT} more\.", as_good),
    (rf"Shares from {SHARE} to {SHARE} are as good; the dearest of them costs {AMOUNT} more\.", as_good),
    (r"No neighbouring share is as good\.", none_as_good),
    (rf"From {SHARE} on the work keeps up: more arrives than .* can do in at most {SHARE} of the cases\.", keeps_up),
    (r"Even if all ([\d.,]+) h a week kept the lights on, .* in (\S+) of the cases\.", even_all),
    (rf"Work that arrives takes {SHARE} of the hours; {SHARE} kept the lights on .*upkeep\. (.*)", upkeep),
    (rf"Nobody has said what downtime costs.* From {AMOUNT} per hour of downtime on, .* {SHARE} to {SHARE}\.",
     moves(Component.DOWNTIME)),
    (r"Nobody has said what downtime costs.* No price .* by 3 points or more\.", no_move(Component.DOWNTIME)),
    (rf"Nobody has said what waiting costs.* From {AMOUNT} per open item and week on, .* {SHARE} to {SHARE}\.",
     moves(Component.WAITING)),
    (MUST_KEEP_UP, must_keep_up),
    (r"Costs are in hours of labour, because no price of an hour is said\.", in_hours),
    (rf"Looking (\d+) weeks ahead instead of (\d+)(?: gives|, the best share is) {SHARE}.*", horizon),
    (WORTH, worth),
    (r"Knowing any single input exactly would save next to nothing, .*", worthless),
    (rf"{SHARE} is above the 50% that site reliability engineering allows .*", operations),
    (rf"With two people on call at a time each is on call {SHARE} of the time; the limit is 25%, .*", on_call),
    (r"([\d.,]+) incidents in a shift of twelve hours are more than the 2 .*", shifts),
    (COMPARED, compared),
]  # fmt: skip


def test_every_sentence_is_read_back_and_true(plan: Plan) -> None:
    said = [*sentences(plan), *sentences_of_options(plan)]
    assert said
    for sentence in said:
        readers = [(re.fullmatch(pattern, sentence), read) for pattern, read in READERS]
        understood = [(found, read) for found, read in readers if found]
        assert len(understood) == 1, f"{len(understood)} readers for: {sentence}"
        found, read = understood[0]
        read(plan, found)


def test_the_first_line_is_the_best_share_or_says_why_there_is_none(plan: Plan) -> None:
    said, best = headline(plan), plan.optimum
    assert best is not None
    assert plan.costs is not None
    if best.share is None:
        assert said.startswith("No share keeps up")
        assert plan.costs.outcomes.piles_up[-1].mean() > best.tolerated
    elif best.high - best.low >= 0.25:
        found = re.fullmatch(rf"Somewhere between {SHARE} and {SHARE} of the team's hours; .*", said)
        assert found
        same(found[1], best.low)
        same(found[2], best.high)
    else:
        found = re.match(rf"{SHARE} of the team's hours keep the lights on at the lowest cost", said)
        assert found
        same(found[1], best.share)
        assert said.endswith("piling up") == (plan.prices.waiting_week is None)


def test_the_line_below_it_holds_the_share_in_force_against_the_best(plan: Plan) -> None:
    change = plan_section(plan, NoPlanLinks()).answer.change
    if plan.optimum is None or plan.optimum.share is None:
        assert change == ""
    elif plan.asked.in_force is None:
        assert change.startswith("No share is in force yet")
    elif "would cost" in change:
        found = re.match(rf"The {SHARE} in force would cost {AMOUNT} (more|less)", change)
        assert found
        same(found[1], plan.asked.in_force)
        extra = total(plan)[at(plan, plan.asked.in_force)] - total(plan)[at(plan, plan.optimum.share)]
        same(found[2], abs(float(extra)))
        assert found[3] == ("more" if extra >= 0 else "less")
    else:
        assert plan.optimum.as_good_from - 1e-9 <= plan.asked.in_force <= plan.optimum.as_good_to + 1e-9


def test_every_kind_of_sentence_is_said_by_some_plan() -> None:
    unsaid = {pattern for pattern, _ in READERS}
    for given in PLANS.values():
        plan = decide(given[0], given[1], replace(given[2], futures=400))
        for sentence in (*sentences(plan), *sentences_of_options(plan)):
            unsaid -= {pattern for pattern in unsaid if re.fullmatch(pattern, sentence)}
    rare = {
        pattern
        for pattern in unsaid
        if pattern.startswith(("No neighbouring", "Knowing any", "Nobody has said"))
    }
    assert unsaid == rare, unsaid


def test_the_table_of_options_and_the_picture_hold_the_same_numbers_as_the_sentences() -> None:
    plan = decide(*PLANS["usual"])
    made = plan_section(plan, NoPlanLinks())
    table = next(each for each in made.listings if each.name == "plan-options").table
    for row, option in zip(table.rows, plan.options, strict=True):
        assert row.cells[1] == option.share
        assert row.cells[2] == pytest.approx(float(total(plan)[at(plan, option.share)]))
    curve = made.figures[0].chart.table()
    for row in curve.rows:
        assert isinstance(row.cells[0], float)
        assert row.cells[-3] == pytest.approx(float(total(plan)[at(plan, row.cells[0])]))


@pytest.mark.parametrize(
    ("given", "doubt", "words"),
    [
        (demand_of(), Doubt.NO_DEMAND, "nothing can be planned"),
        (demand_of(weekly(WorkClass.BUG, 3, 2), hours=0), Doubt.NO_HOURS, "nothing to take a share of"),
        (demand_of(weekly(WorkClass.BUG, 3, 2, history=3)), Doubt.SHORT_HISTORY, "Only 3 weeks of history"),
        (demand_of(weekly(WorkClass.BUG, 3, 2), people=1), Doubt.ONE_PERSON, "One person is the whole team"),
        (demand_of(weekly(WorkClass.BUG, 3, 2)), Doubt.NO_INCIDENTS, "No incident is in the records"),
        (demand_of(weekly(WorkClass.BUG, 3, 2)), Doubt.NO_EFFECT, "No effect of preventive work is shown"),
        (demand_of(weekly(WorkClass.BUG, 3, 2, open_items=900)), Doubt.OLD_WORK, "The 900 items open today"),
        (
            demand_of(weekly(WorkClass.BUG, 30, 10)),
            Doubt.NOTHING_KEEPS_UP,
            "More work arrives than there are hours",
        ),
    ],
)
def test_what_cannot_be_said_is_said(given: object, doubt: Doubt, words: str) -> None:
    plan = decide(given, HOURS, Asked(futures=200))  # type: ignore[arg-type]
    assert doubt in plan.doubts
    assert words in " ".join(plan_section(plan, NoPlanLinks()).known.missing)
