"""The schedule: never over the hours, best return first, prerequisites before what needs them, duty before choice."""

from __future__ import annotations

import datetime as dt
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ktlo.errors import UsageError
from ktlo.planning.debt.entry import (
    WEEKS_A_MONTH,
    Entry,
    Kind,
    Standing,
    Status,
    amount,
    nothing_shown,
    unknown,
)
from ktlo.planning.debt.returns import expected_ratio, in_order, return_of, saved_per_week
from ktlo.planning.debt.schedule import Schedule, Why, schedule

MONDAY = dt.date(2026, 11, 30)
DRAWS = 20


def entry(
    key: str, principal: float, interest: float, *, after: tuple[str, ...] = (), urgent: bool = False,
    standing: Standing | None = None, relief: float = 1.0,
) -> Entry:  # fmt: skip
    """An entry whose hours are known exactly."""
    told = amount(np.full(DRAWS, interest), 9, "known") if interest else nothing_shown(0.0, 0, "none", DRAWS)
    return Entry(
        key=key, kind=Kind.HOTSPOT, title=key, repository="acme/shop", path=key,
        principal=amount(np.full(DRAWS, principal), 9, "known"), interest=told, relief=np.full(DRAWS, relief),
        after=after, is_urgent=urgent, standing=standing or Standing(),
    )  # fmt: skip


def planned(*entries: Entry, hours: float = 10, weeks: int = 4, least: float = 1.0) -> Schedule:
    return schedule(entries, start=MONDAY, weeks=weeks, hours_per_week=hours, least=least)


amounts = st.floats(0.1, 60).map(lambda value: round(value, 2))


@st.composite
def registers(draw: st.DrawFn) -> list[Entry]:
    n = draw(st.integers(0, 9))
    return [
        entry(
            f"e{i}",
            draw(amounts),
            draw(st.one_of(st.just(0.0), amounts)),
            after=tuple(f"e{j}" for j in draw(st.lists(st.integers(0, n - 1), max_size=2)) if j != i),
            urgent=draw(st.integers(0, 9)) == 0,
            standing=draw(
                st.sampled_from(
                    [
                        Standing(),
                        Standing(Status.SCHEDULED, week=MONDAY + dt.timedelta(weeks=1)),
                        Standing(Status.PAID),
                        Standing(Status.ACCEPTED, "for now"),
                    ]
                )
            ),
        )
        for i in range(n)
    ]


@settings(max_examples=150, deadline=None)
@given(registers(), st.floats(0, 50), st.integers(1, 12), st.sampled_from([0.0, 0.5, 1.0, 3.0]))
def test_no_week_takes_more_than_its_hours_and_what_is_planned_is_planned_whole(
    entries: list[Entry], hours: float, weeks: int, least: float
) -> None:
    plan = planned(*entries, hours=hours, weeks=weeks, least=least)
    by_key = {each.key: each for each in entries}
    for week, slots in itertools.groupby(plan.slots, key=lambda slot: slot.week):
        assert 0 <= week < weeks
        assert sum(slot.hours for slot in slots) <= hours + 1e-6
    for key in plan.order:
        given_hours = sum(slot.hours for slot in plan.slots if slot.key == key)
        value = by_key[key].principal.estimate.value
        assert value is not None
        assert value - 1e-6 <= given_hours < value + 0.25 + 1e-6
        assert [slot.is_done for slot in plan.slots if slot.key == key].count(True) == 1
    assert {slot.key for slot in plan.slots} == set(plan.order)
    owed = {e.key for e in entries if e.standing.status in (Status.OPEN, Status.SCHEDULED)}
    assert set(plan.order) | set(plan.left) == owed
    assert not set(plan.order) & set(plan.left)


@settings(max_examples=150, deadline=None)
@given(registers(), st.floats(1, 50), st.integers(1, 12))
def test_what_must_be_paid_first_is_done_by_then(entries: list[Entry], hours: float, weeks: int) -> None:
    plan = planned(*entries, hours=hours, weeks=weeks)
    done = {slot.key: slot.week for slot in plan.slots if slot.is_done}
    by_key = {each.key: each for each in entries}
    cyclic = {key for key in by_key if _reaches(by_key, key, key)}
    for key in set(plan.order) - cyclic:
        for before in by_key[key].after:
            if before in done and before not in cyclic:
                assert done[before] <= done[key]
            owed = by_key[before].standing.status in (Status.OPEN, Status.SCHEDULED)
            assert before in done or not owed or before in cyclic


def _reaches(by_key: dict[str, Entry], start: str, goal: str) -> bool:
    seen, waiting = set(), list(by_key[start].after)
    while waiting:
        key = waiting.pop()
        if key == goal:
            return True
        if key not in seen and key in by_key:
            seen.add(key)
            waiting += by_key[key].after
    return False


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(amounts, amounts), min_size=1, max_size=8), st.floats(2, 60))
def test_no_other_choice_saves_more_within_the_hours(pairs: list[tuple[float, float]], hours: float) -> None:
    entries = [entry(f"e{i}", principal, interest) for i, (principal, interest) in enumerate(pairs)]
    plan = planned(*entries, hours=hours, weeks=1, least=0.0)

    def saved(keys: tuple[str, ...]) -> float:
        return sum(float(saved_per_week(each).mean()) * 52 for each in entries if each.key in keys)

    def takes(keys: tuple[str, ...]) -> float:
        return sum(
            np.ceil((each.principal.estimate.value or 0) * 4) / 4 for each in entries if each.key in keys
        )

    every = [each.key for each in entries]
    best = max(
        saved(keys)
        for size in range(len(every) + 1)
        for keys in itertools.combinations(every, size)
        if takes(keys) <= np.floor(hours * 4 + 1e-9) / 4
    )
    assert saved(plan.order) >= best - len(entries) / 60


@given(st.lists(st.tuples(amounts, amounts), min_size=2, max_size=10))
def test_the_order_goes_by_return(pairs: list[tuple[float, float]]) -> None:
    entries = in_order([entry(f"e{i}", *pair) for i, pair in enumerate(pairs)])
    ratios = [expected_ratio(each) for each in entries]
    assert ratios == sorted(ratios, reverse=True)
    plan = planned(*entries, hours=1000, weeks=1, least=0.0)
    scheduled = [saved_per_week(each).mean() for each in entries]
    assert len(plan.order) == len(scheduled)


@given(amounts, amounts, st.floats(0.1, 50))
def test_more_interest_or_less_principal_never_lowers_a_return(
    principal: float, interest: float, more: float
) -> None:
    base = expected_ratio(entry("a", principal, interest))
    assert expected_ratio(entry("b", principal, interest + more)) >= base
    assert expected_ratio(entry("c", principal + more, interest)) <= base


def test_a_small_entry_by_hand() -> None:
    """12 hours at 3 hours a month: 36 hours a year saved, three times what it takes, back after four months."""
    paying = return_of(entry("a", 12, 3))
    assert paying.ratio.value == pytest.approx(3, rel=0.01)
    assert paying.months == pytest.approx(4, rel=0.01)
    assert paying.pays_back == 1
    assert float(saved_per_week(entry("a", 12, 3)).mean()) == pytest.approx(3 / WEEKS_A_MONTH)


def test_half_a_relief_is_half_a_return() -> None:
    half = return_of(entry("a", 12, 3, relief=0.5)).ratio.value
    assert half == pytest.approx(1.5, rel=0.01)


def test_the_best_return_is_paid_first_and_the_rest_week_by_week() -> None:
    plan = planned(entry("slow", 12, 2), entry("quick", 6, 4), hours=8, weeks=3)
    assert plan.order == ("quick", "slow")
    assert [(slot.week, slot.key, slot.hours, slot.is_done) for slot in plan.slots] == [
        (0, "quick", 6.0, True), (0, "slow", 2.0, False), (1, "slow", 8.0, False), (2, "slow", 2.0, True),
    ]  # fmt: skip
    assert plan.saves.value == pytest.approx(6 * 12, rel=0.01)
    assert plan.fits == 1


def test_what_is_urgent_or_scheduled_by_a_person_goes_first() -> None:
    week = Standing(Status.SCHEDULED, week=MONDAY + dt.timedelta(weeks=2))
    risk = entry("risk", 4, 0, urgent=True)
    plan = planned(entry("best", 4, 30), entry("said", 4, 0, standing=week), risk, hours=6, weeks=4)
    assert plan.slots[0].key == "risk"
    assert [slot.week for slot in plan.slots if slot.key == "said"] == [2]


def test_why_an_entry_is_left_out_is_said() -> None:
    poor, none, large = entry("poor", 40, 1), entry("none", 1, 0), entry("large", 500, 100)
    plan = planned(poor, none, large, entry("waits", 1, 30, after=("large",)), hours=5, weeks=2)
    assert plan.left == {
        "poor": Why.NOT_WORTH_IT, "none": Why.NO_COST_SHOWN, "large": Why.NO_ROOM, "waits": Why.NO_ROOM,
    }  # fmt: skip
    assert plan.order == ()


def test_a_loop_of_prerequisites_ends() -> None:
    plan = planned(entry("a", 2, 20, after=("b",)), entry("b", 2, 20, after=("a",)), hours=10)
    assert set(plan.order) | set(plan.left) == {"a", "b"}


def test_an_unknown_interest_is_no_reason_to_plan() -> None:
    one = entry("a", 2, 1)
    silent = Entry(
        key="b", kind=Kind.VULNERABILITY, title="b", repository="", path="", principal=one.principal,
        interest=unknown("by its risk"), relief=one.relief,
    )  # fmt: skip
    assert planned(silent).left == {"b": Why.NO_COST_SHOWN}
    assert return_of(silent).ratio.reason == "by its risk"


@pytest.mark.parametrize(
    ("hours", "weeks", "least", "where"),
    [(-1, 4, 1, "hours"), (float("nan"), 4, 1, "hours"), (1e6, 4, 1, "hours"), (5, 0, 1, "weeks"),
     (5, 500, 1, "weeks"), (5, 4, -1, "least")],
)  # fmt: skip
def test_absurd_hours_and_weeks_are_refused(hours: float, weeks: int, least: float, where: str) -> None:
    with pytest.raises(UsageError) as refused:
        planned(entry("a", 1, 1), hours=hours, weeks=weeks, least=least)
    assert refused.value.where == where
    assert refused.value.fix


def test_no_hours_plan_nothing() -> None:
    assert planned(entry("a", 1, 5), hours=0).order == ()
