"""The simulation waits as long as queueing theory says, and works when people work."""

from __future__ import annotations

import math

import numpy as np
import pytest
from crews import crew, items, runs
from hypothesis import given
from hypothesis import strategies as st

from ktlo.planning.staffing.erlang import least_servers, mean_wait, waits_probability
from ktlo.planning.staffing.simulation import Kind, Rules, simulate
from ktlo.planning.staffing.week import WorkingWeek

FOREVER = Rules(patience=math.inf)


def test_erlang_c_agrees_with_its_published_table() -> None:
    # Two servers: C = 2 rho² / (1 + rho); one server: C = rho.
    assert waits_probability(1, 0.7) == pytest.approx(0.7)
    assert waits_probability(2, 1.0) == pytest.approx(1 / 3)
    assert waits_probability(10, 8.0) == pytest.approx(0.4092, abs=5e-4)
    assert waits_probability(3, 3.0) == 1.0
    assert mean_wait(3, 3.0, 1.0) == math.inf


def test_the_least_number_of_servers_is_the_first_that_keeps_the_wait() -> None:
    least = least_servers(2.0, 1.2, 1.0, 1.0, 50)
    assert mean_wait(least, 2.0, 1.2) <= 1.0 < mean_wait(least - 1, 2.0, 1.2)
    assert least_servers(10.0, 5.0, 1.0, 1.0, 7) == 7


@pytest.mark.parametrize(("servers", "utilisation"), [(1, 0.6), (2, 0.7), (3, 0.8), (6, 0.85)])
def test_waits_of_a_dedicated_team_are_those_of_erlang_c(servers: int, utilisation: float) -> None:
    rng = np.random.default_rng(servers)
    rows, count, warm = 300, 900, 300
    rate = servers * utilisation  # an item takes one hour on average
    at = np.cumsum(rng.exponential(1 / rate, (rows, count)), axis=1)
    work = rng.exponential(1.0, (rows, count))
    team = crew(servers, around_the_clock=True)
    trace = simulate(
        items(at, work), runs(Kind.DEDICATED, servers, servers, rows), team.week, team.knowledge, FOREVER
    )
    waited = (trace.start - at)[:, warm:]
    assert waited.mean() == pytest.approx(mean_wait(servers, rate, 1.0), rel=0.06)
    assert (waited > 1e-9).mean() == pytest.approx(waits_probability(servers, rate), rel=0.05)


def test_uneven_work_waits_longer_by_pollaczek_and_khinchine() -> None:
    rng = np.random.default_rng(4)
    at = np.cumsum(rng.exponential(2.0, (300, 900)), axis=1)
    sigma = math.sqrt(math.log(1 + 1.5**2))
    work = np.exp(sigma * rng.standard_normal(at.shape) - sigma**2 / 2)
    team = crew(1, around_the_clock=True)
    trace = simulate(items(at, work), runs(Kind.DEDICATED, 1, 1, 300), team.week, team.knowledge, FOREVER)
    assert (trace.start - at)[:, 300:].mean() == pytest.approx(mean_wait(1, 0.5, 1.0, 1.5), rel=0.08)


@given(st.floats(-500, 2000), st.floats(-12, 12), st.integers(4, 48), st.integers(1, 7))
def test_a_moment_is_found_again_from_the_hours_worked_by_it(
    at: float, start: float, quarters: int, days: int
) -> None:
    week = WorkingWeek(np.array([start]), quarters / 4, days)
    moment = np.array([[at]])
    worked = week.worked(moment)
    back = week.moment(worked)
    assert week.worked(back)[0, 0] == pytest.approx(worked[0, 0], abs=1e-6)
    if week.is_working(moment)[0, 0]:
        assert back[0, 0] == pytest.approx(at, abs=1e-6)
    else:
        assert back[0, 0] >= at - 1e-6


def test_a_week_has_no_more_hours_than_it_says() -> None:
    week = WorkingWeek(np.array([9.0, -3.0]), 8.0, 5)
    passed = week.worked(np.array([[168.0 * 3]])) - week.worked(np.array([[0.0]]))
    assert passed == pytest.approx(np.full((1, 2), 120.0))
    with pytest.raises(ValueError, match="no working week"):
        WorkingWeek(np.array([0.0]), 0.0)


def test_what_arrives_on_saturday_is_begun_on_monday_morning() -> None:
    team = crew(1, starts=[9.0])
    saturday = 5 * 24 + 12.0
    trace = simulate(
        items([saturday], 2.0), runs(Kind.DEDICATED, 1, 1, 1), team.week, team.knowledge, FOREVER
    )
    assert trace.start[0, 0] == 168 + 9
    assert trace.finish[0, 0] == 168 + 11


def test_work_that_is_longer_than_a_day_goes_on_the_next_morning() -> None:
    team = crew(1, starts=[9.0])
    trace = simulate(items([9.0], 10.0), runs(Kind.DEDICATED, 1, 1, 1), team.week, team.knowledge, FOREVER)
    assert trace.finish[0, 0] == 24 + 11


def test_an_incident_at_night_wakes_whose_turn_it_is_and_a_bug_does_not() -> None:
    team = crew(2, starts=[9.0, 9.0])
    night = 24 + 3.0
    urgent = items([night, 168 + night], 1.0, is_incident=[[True, True]])
    trace = simulate(urgent, runs(Kind.DEDICATED, 2, 2, 1), team.week, team.knowledge, FOREVER)
    assert trace.start.tolist() == [[night, 168 + night]]
    assert trace.woken.all()
    assert trace.who.tolist() == [[0, 1]]  # week by week
    calm = simulate(items([night], 1.0), runs(Kind.DEDICATED, 2, 2, 1), team.week, team.knowledge, FOREVER)
    assert not calm.woken.any()
    assert calm.start[0, 0] == 24 + 9


def test_nobody_is_woken_while_the_sun_shines_on_a_colleague() -> None:
    team = crew(3, starts=[0.0, 8.0, 16.0])
    hours = np.arange(0.5, 5 * 24)
    urgent = items([hours], 0.1, is_incident=[np.ones(120, dtype=bool)])
    trace = simulate(urgent, runs(Kind.DEDICATED, 3, 3, 1), team.week, team.knowledge, FOREVER)
    assert not trace.woken.any()
    assert set(trace.who[0].tolist()) == {0, 1, 2}


def test_an_incident_goes_before_the_work_in_hand_which_is_finished_later() -> None:
    team = crew(1, starts=[9.0])
    given_items = items([9.0, 10.0, 10.5], [4.0, 2.0, 1.0], is_incident=[[False, True, False]])
    trace = simulate(given_items, runs(Kind.DEDICATED, 1, 1, 1), team.week, team.knowledge, FOREVER)
    assert trace.start[0].tolist() == [9.0, 10.0, 15.0]
    assert trace.interrupts[0].tolist() == [False, True, False]


def test_what_waits_at_the_change_of_shift_passes_to_the_next() -> None:
    team = crew(2, starts=[0.0, 0.0])
    friday = 4 * 24 + 7.0  # an hour before the end of the last day
    waiting = items([friday, friday + 0.5], [5.0, 1.0])
    trace = simulate(waiting, runs(Kind.ROTATION, 1, 2, 1), team.week, team.knowledge, FOREVER)
    assert trace.who[0].tolist() == [0, 1]
    assert trace.passed[0].tolist() == [False, True]
    assert trace.start[0, 1] == 168.0


def test_others_are_asked_only_when_the_wait_is_longer_than_patience() -> None:
    team = crew(3, starts=[0.0] * 3)
    queue = items([0.0, 0.1, 0.2], [6.0, 6.0, 6.0])
    patient = simulate(queue, runs(Kind.DEDICATED, 1, 3, 1), team.week, team.knowledge, Rules(patience=8))
    # The second waits under 8 hours; the third would wait longer.
    assert patient.by_others[0].tolist() == [False, False, True]
    assert patient.interrupts[0].tolist() == [False, False, True]


def test_an_item_takes_longer_who_does_not_know_the_place_and_less_each_time() -> None:
    team = crew(1, knowledge=0.0)
    many = items([np.arange(40) * 24.0], 1.0)
    trace = simulate(many, runs(Kind.DEDICATED, 1, 1, 1, unfamiliar=1.0), team.week, team.knowledge, FOREVER)
    assert trace.labour[0, 0] == 2.0
    # After ten items 63% of what was not known is learned.
    assert trace.labour[0, 10] == pytest.approx(1 + math.exp(-1), rel=1e-9)
    assert np.all(np.diff(trace.labour[0]) < 0)


def test_the_one_who_knows_is_asked_until_waiting_costs_more_than_knowing() -> None:
    team = crew(2, knowledge=np.array([[0.0, 1.0]]))
    queue = items([0.0, 0.1], [2.0, 2.0])
    little = simulate(queue, runs(Kind.AD_HOC, 0, 2, 1, unfamiliar=3.0), team.week, team.knowledge, FOREVER)
    assert little.who[0].tolist() == [1, 1]
    much = simulate(queue, runs(Kind.AD_HOC, 0, 2, 1, unfamiliar=0.2), team.week, team.knowledge, FOREVER)
    assert much.who[0].tolist() == [1, 0]
