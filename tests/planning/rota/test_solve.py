"""A plan keeps every hard rule, shares nights and weekends out, and is the same each time."""

from __future__ import annotations

import datetime as dt
import itertools
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ktlo.planning.rota.board import Kind, Problem
from ktlo.planning.rota.check import troubles
from ktlo.planning.rota.duties import Duty, Mood, Wish, overlaps
from ktlo.planning.rota.explain import explain
from ktlo.planning.rota.fairness import served_by
from ktlo.planning.rota.rules import SHADOW, Rota
from ktlo.planning.rota.shifts import Burden, shifts_between
from ktlo.planning.rota.solve import Plan, Unsolved, solve

from .teams import NAMES, START, after, away, rota

EFFORT = 0.3


def planned(team: Rota, days: int = 84, **said: Any) -> Plan:
    shifts = shifts_between(team, START, after(days))
    plan = solve(Problem(team, shifts, **{"effort": EFFORT, **said}))
    assert isinstance(plan, Plan), explain(Problem(team, shifts, **said)).words
    return plan


@st.composite
def teams(draw: st.DrawFn) -> tuple[Rota, tuple[Any, ...]]:
    count = draw(st.integers(1, 9))
    length = draw(st.sampled_from(("weekly", "daily", "12h")))
    zones = ("Europe/Berlin", "America/New_York", "Asia/Tokyo")
    people = {
        name: {
            "time_zone": draw(st.sampled_from(zones)),
            "skills": draw(st.lists(st.sampled_from(("db", "web")), unique=True)),
            "shadows": draw(st.sampled_from((0, 0, 0, 1))),
        }
        for name in NAMES[:count]
    }
    skills = ["db"] if any("db" in person["skills"] for person in people.values()) else []
    team = rota(
        count, people, shift=length, time_zone=draw(st.sampled_from(zones)),
        roles={"primary": {}, "secondary": {}} if draw(st.booleans()) else {"primary": {}},
        skills=draw(st.sampled_from(([], skills))), rest_hours=draw(st.sampled_from((0, 11, 24))),
        most_share=draw(st.sampled_from((0.25, 0.5, 1.0))), share_weeks=4,
        most_nights=draw(st.sampled_from((None, None, 10))),
    )  # fmt: skip
    absences = tuple(
        away(draw(st.sampled_from(NAMES[:count])), first, first + draw(st.integers(0, 6)), f"off{number}")
        for number, first in enumerate(draw(st.lists(st.integers(0, 20), max_size=4)))
    )
    return team, absences


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(teams())
def test_every_shift_is_filled_within_the_rules_or_it_is_explained_why_not(
    given_team: tuple[Rota, tuple[Any, ...]],
) -> None:
    team, absences = given_team
    shifts = shifts_between(team, START, after(21))
    problem = Problem(team, shifts, absences=absences, effort=0.1)
    found = solve(problem)
    if isinstance(found, Unsolved):
        told = explain(problem)
        assert told.reasons or not told.is_proven
        assert told.ways_out or told.cheapest or not told.is_proven
        return
    span = (shifts[0].first, shifts[-1].last)
    # The check reads the rules by itself and knows nothing of the solver.
    assert troubles(team, found.duties, absences, span, planned_until=span[1]) == ()
    on_duty = [duty for duty in found.duties if duty.role != SHADOW]
    assert Counter(duty.start for duty in on_duty) == {shift.start: len(team.roles) for shift in shifts}
    for person in team.members:
        own = sorted(duty.start for duty in on_duty if duty.person == person.key)
        along = sorted(d.end for d in found.duties if d.person == person.key and d.role == SHADOW)
        assert not own or len([end for end in along if end <= own[0]]) >= person.shadows


@pytest.mark.parametrize("length", ["weekly", "daily"])
def test_shifts_are_shared_out_as_evenly_as_they_can_be(length: str) -> None:
    team = rota(8, shift=length)
    plan = planned(team, days=7 * 16 if length == "weekly" else 56)
    counts = Counter(duty.person for duty in plan.duties)
    assert max(counts.values()) - min(counts.values()) <= (0 if length == "weekly" else 1)
    weekends = [one.served.weekend for one in served_by(team, plan.duties, (START, after(112)), ())]
    assert max(weekends) - min(weekends) <= 48


def test_the_same_records_and_seed_give_the_same_plan() -> None:
    team = rota(7, shift="daily", roles={"primary": {}, "secondary": {}}, most_share=0.4)
    absences = (away("ada", 3, 9), away("bob", 20, 21))
    first, second = (planned(team, 42, absences=absences, effort=0.2, seed=3).duties for _ in range(2))
    assert first == second


def test_who_served_more_before_serves_less_now() -> None:
    team = rota(4, most_share=1.0)
    before = tuple(
        Duty("checkout", "primary", "ada" if week % 2 else "bob", after(-7 * week - 7), after(-7 * week))
        for week in range(1, 9)
    )
    counts = Counter(duty.person for duty in planned(team, 56, fixed=before).duties)
    assert counts["ada"] + counts["bob"] == 0
    assert counts["cyd"] == counts["dan"] == 4


def test_who_was_woken_more_serves_less() -> None:
    team = rota(4, most_share=1.0, rest_hours=0)
    pages = {"ada": Burden(hours=500, night=200)}
    counts = Counter(duty.person for duty in planned(team, 56, pages=pages).duties)
    assert counts["ada"] < 2


def test_a_newcomer_goes_along_before_the_first_shift_of_their_own() -> None:
    team = rota(5, {"eve": {"shadows": 2}})
    own = [duty for duty in planned(team, 84).duties if duty.person == "eve"]
    assert [duty.role for duty in own[:2]] == [SHADOW, SHADOW]
    assert own[2].role == "primary"


def test_nobody_is_up_at_night_where_it_is_day_for_somebody_else() -> None:
    zones = {
        "ada": "Europe/Berlin",
        "bob": "Europe/Berlin",
        "cyd": "Australia/Brisbane",
        "dan": "Australia/Brisbane",
    }
    team = rota(
        list(zones), {name: {"time_zone": zone} for name, zone in zones.items()}, shift="12h",
        time_zone="Europe/Berlin", handover_time="09:00", most_share=0.5,
    )  # fmt: skip
    plan = planned(team, 21)
    for duty in plan.duties:
        evening = duty.start.astimezone(team.zone).hour == 21
        assert zones[duty.person] == ("Australia/Brisbane" if evening else "Europe/Berlin")


def test_what_somebody_would_rather_not_is_kept_where_others_can_as_well() -> None:
    team = rota(6)
    days = (after(13), after(14))
    wishes = tuple(Wish(f"w{i}", name, Mood.RATHER_NOT, *days, "then") for i, name in enumerate(NAMES[:5]))
    plan = planned(team, 42, wishes=wishes)
    assert [duty.person for duty in plan.duties if overlaps(duty.span, days)] == ["fay"]
    assert plan.wishes_missed == ()


def test_a_wish_that_cannot_be_kept_is_told() -> None:
    team = rota(4)
    days = (after(13), after(14))
    wishes = tuple(Wish(f"w{i}", name, Mood.RATHER_NOT, *days, "then") for i, name in enumerate(NAMES[:4]))
    assert len(planned(team, 28, wishes=wishes).wishes_missed) == 1


def test_planning_again_changes_only_what_must_change() -> None:
    team = rota(8, roles={"primary": {}, "secondary": {}}, share_weeks=8)
    before = planned(team, 84)
    seventh = next(duty for duty in before.duties if duty.start >= after(42))
    absence = away(seventh.person, 44, 45)
    again = planned(team, 84, standing=before.duties, absences=(absence,))
    assert 1 <= again.changed <= 3
    assert sum(old != new for old, new in zip(before.duties, again.duties, strict=True)) <= 3


def test_a_plan_continues_from_the_shifts_before_it() -> None:
    team = rota(4)
    last = Duty(
        "checkout", "primary", "ada", after(-7) + dt.timedelta(hours=9), after(0) + dt.timedelta(hours=9)
    )
    plan = planned(team, 28, fixed=(last,))
    assert plan.duties[0].person != "ada"
    assert Counter(duty.person for duty in plan.duties[:3])["ada"] == 0


def test_nobody_is_in_two_rotas_at_once() -> None:
    team = rota(5)
    elsewhere = tuple(
        Duty("search", "primary", "ada", after(7 * week), after(7 * week + 7)) for week in range(0, 8, 2)
    )
    plan = planned(team, 56, elsewhere=elsewhere)
    assert not [
        duty for duty in plan.duties for other in elsewhere
        if duty.person == "ada" and overlaps(duty.span, other.span)
    ]  # fmt: skip


def test_of_four_hundred_people_those_to_whom_most_is_due_are_weighed() -> None:
    team = rota([f"p{number}" for number in range(400)])
    plan = planned(team, 84)
    assert "400 people are in the rota" in plan.notes[0]
    assert len({duty.person for duty in plan.duties}) == 12


def test_no_shift_in_the_time_is_said() -> None:
    plan = solve(Problem(rota(4), ()))
    assert isinstance(plan, Plan)
    assert plan.notes == ("No shift starts in this time.",)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
def test_a_quarter_with_a_change_of_clocks_keeps_the_share(zone: str) -> None:
    team = rota(4, time_zone=zone)
    start = dt.datetime(2026, 9, 7, tzinfo=dt.UTC)
    shifts = shifts_between(team, start, start + dt.timedelta(weeks=16))
    plan = solve(Problem(team, shifts, effort=EFFORT))
    assert isinstance(plan, Plan)
    assert Counter(duty.person for duty in plan.duties) == dict.fromkeys(NAMES[:4], 4)
    found = troubles(team, plan.duties, (), (shifts[0].first, shifts[-1].last), planned_until=shifts[-1].last)
    assert [one for one in found if one.kind is Kind.SHARE] == []


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from(NAMES[:3]), st.integers(0, 5)), max_size=3, unique=True))
def test_of_every_possible_schedule_of_a_small_team_none_is_much_fairer(off: list[tuple[str, int]]) -> None:
    team = rota(3, shift="daily", most_share=1, rest_hours=0, handover_time="00:00")
    absences = tuple(away(name, day, day, f"off{number}") for number, (name, day) in enumerate(off))
    shifts = shifts_between(team, START, after(6))
    spreads = []
    for chosen in itertools.product(NAMES[:3], repeat=len(shifts)):
        if not any((name, day) in off for day, name in enumerate(chosen)):
            counts = Counter(chosen)
            spreads.append(max(counts[name] for name in NAMES[:3]) - min(counts[name] for name in NAMES[:3]))
    found = solve(Problem(team, shifts, absences=absences, effort=EFFORT))
    assert isinstance(found, Plan) == bool(spreads)
    if isinstance(found, Plan):
        counts = Counter(duty.person for duty in found.duties)
        spread = max(counts[name] for name in NAMES[:3]) - min(counts[name] for name in NAMES[:3])
        assert spread <= min(spreads) + 1
