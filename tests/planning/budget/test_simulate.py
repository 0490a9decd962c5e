"""Every share lives through the same weeks; what differs is what is done about them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import demand_of, one_class, team, weekly

from ktlo.errors import UsageError
from ktlo.planning.budget.merging import merged
from ktlo.planning.budget.simulate import Outcomes, live, replay, simulate
from ktlo.planning.budget.world import TODAY, Changes, draw_world
from ktlo.planning.demand import DebtLoad, WorkClass

SHARES = np.arange(0, 1.01, 0.1)


def same(one: Outcomes, other: Outcomes) -> bool:
    return all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("left_over", "downtime", "reactive")
    )


def test_the_same_seed_gives_the_same_numbers_and_another_seed_others() -> None:
    assert same(simulate(team(), SHARES, seed=4), simulate(team(), SHARES, seed=4))
    assert not same(simulate(team(), SHARES, seed=4), simulate(team(), SHARES, seed=5))


def test_a_share_has_the_same_outcome_whatever_other_shares_are_asked_for() -> None:
    many, one = simulate(team(), SHARES), simulate(team(), [0.3])
    assert np.allclose(many.left_over[3], one.left_over[0])
    assert np.allclose(many.downtime[3], one.downtime[0])


def test_hours_are_neither_lost_nor_made() -> None:
    world = draw_world(team(), futures=300, seed=2)
    out = live(world, world, SHARES)
    # Without prevention below today's, what arrived is at least what was drawn; all of it is done or left over.
    kept = demand_of(
        weekly(WorkClass.INCIDENT, 2, 6), weekly(WorkClass.BUG, 8, 2.5), weekly(WorkClass.REQUEST, 5, 1)
    )
    world = draw_world(kept, futures=300, seed=2)
    out = live(world, world, SHARES)
    arrived = world.work[:, :TODAY].sum(axis=(0, 1, 2))
    assert np.allclose(out.reactive + out.left_over, arrived)
    assert np.allclose(out.reserved + out.overrun, out.reactive + out.preventive)


def test_drawn_arrivals_have_the_mean_and_the_spread_that_they_are_drawn_from() -> None:
    kind = weekly(WorkClass.BUG, 6, 3, work_cv=1.5, dispersion=4, draws=1, weeks=40)
    world = draw_world(demand_of(kind), futures=4000, seed=9)
    items, work = world.items[0, :TODAY].sum(axis=0), world.work[0, :TODAY].sum(axis=0)
    assert items.mean() == pytest.approx(6, rel=0.02)
    assert items.var() == pytest.approx(6 + 36 / 4, rel=0.03)
    assert work.mean() == pytest.approx(18, rel=0.02)
    # Variance of a compound sum: E[N]·var(S) + var(N)·E[S]².
    assert work.var() == pytest.approx(6 * (1.5 * 3) ** 2 + (6 + 9) * 9, rel=0.04)


def test_thinned_arrivals_keep_the_spread_of_fewer_arrivals() -> None:
    """Half the rate is as if half the items had never come, not as if each were half as large."""
    kind = weekly(WorkClass.BUG, 8, 1, work_cv=0, draws=1, weeks=1, floor=0.5, scale=1e-6)
    world = draw_world(demand_of(kind, hours=1000, share=0.008), futures=20_000, seed=3)
    out = live(world, world, [1.0], lag_weeks=1)
    assert out.reactive.mean() == pytest.approx(8, rel=0.02)  # the first week is not yet prevented
    two = draw_world(
        demand_of(weekly(WorkClass.BUG, 8, 1, work_cv=0, draws=1, weeks=2, floor=0.5, scale=1e-6), hours=1000,
                  share=0.008),
        futures=20_000, seed=3,
    )  # fmt: skip
    second = live(two, two, [1.0], lag_weeks=1).reactive - two.work[0, :TODAY, 0].sum(axis=0)
    assert second.mean() == pytest.approx(4, rel=0.02)
    assert second.var() == pytest.approx(4, rel=0.05)


def test_incidents_are_worked_on_even_without_a_budget() -> None:
    out = simulate(demand_of(weekly(WorkClass.INCIDENT, 2, 6)), [0.0])
    assert out.left_over.max() == 0
    assert out.overrun.mean() == pytest.approx(2 * 6 * 52, rel=0.05)


def test_other_work_waits_and_the_urgent_goes_first() -> None:
    demand = demand_of(
        weekly(WorkClass.VULNERABILITY, 10, 2, work_cv=0), weekly(WorkClass.DEPENDENCY, 10, 2, work_cv=0)
    )
    short = simulate(demand, [0.11], weeks=26)  # 22 of 40 hours a week
    enough = simulate(demand, [0.5], weeks=26)
    assert short.left_over.mean() == pytest.approx(18 * 26, rel=0.1)
    assert enough.left_over.mean() < 10
    assert short.waiting.mean() > 100 * max(enough.waiting.mean(), 0.01)


def test_today_goes_on_as_today_at_the_share_of_today() -> None:
    out = simulate(team(spread=0, share=0.35, scale=48), [0.35], futures=2000)
    assert out.incidents.mean() == pytest.approx(2 * 52, rel=0.05)


def test_less_prevention_than_today_brings_more_incidents_and_more_brings_fewer() -> None:
    less, today, more = simulate(
        team(spread=0, share=0.35, scale=24), [0.22, 0.35, 0.5], futures=1000
    ).incidents.mean(axis=1)
    assert less > today * 1.2
    assert more < today * 0.8


def test_prevention_without_an_effect_changes_nothing() -> None:
    out = simulate(team(scale=math.inf), [0.25, 0.5, 1.0])
    assert np.array_equal(out.incidents[0], out.incidents[2])
    assert np.array_equal(out.downtime[0], out.downtime[2])


def test_debt_grows_by_itself_and_is_paid_back_by_what_is_left() -> None:
    debt = DebtLoad(np.full(200, 300.0), np.full(200, 5.0), np.full(200, 0.01))
    demand = demand_of(weekly(WorkClass.BUG, 8, 2.5), debt=debt)
    starved, paid = simulate(demand, [0.0, 0.5], weeks=13).debt.mean(axis=1)
    assert starved == pytest.approx(300 * 1.01**13)
    assert paid == 0
    interest = simulate(demand, [0.0, 0.5], weeks=13).interest.mean(axis=1)
    assert interest[0] > 5 * 13 > interest[1] > 0


def test_a_plan_for_a_quarter_is_the_first_quarter_of_a_plan_for_a_year() -> None:
    assert simulate(team(), [0.2], weeks=13).weeks == 13
    with pytest.raises(UsageError, match="52 weeks ahead, not 60"):
        simulate(team(), [0.2], weeks=60)


def test_services_are_put_together_without_changing_the_load_or_its_spread() -> None:
    apart = demand_of(
        weekly(WorkClass.BUG, 3, 2, work_cv=1, dispersion=2, service="pay", scale=10, draws=1),
        weekly(WorkClass.BUG, 5, 4, work_cv=0.5, dispersion=9, service="shop", scale=30, draws=1),
    )
    (whole,) = merged(apart).classes
    assert whole.rate[0, 0] == 8
    assert whole.work_hours[0] == pytest.approx(26 / 8)
    second = (3 * 4 * (1 + 1) + 5 * 16 * 1.25) / 8
    assert whole.work_hours[0] ** 2 * (1 + whole.work_cv[0] ** 2) == pytest.approx(second)
    assert 8 + 64 / whole.dispersion[0] == pytest.approx(3 + 9 / 2 + 5 + 25 / 9)
    assert whole.evidence.items == sum(each.evidence.items for each in apart.classes)


@pytest.mark.parametrize("shares", [[-0.1], [1.2], [], [math.nan], [[0.2]]])
def test_what_is_no_share_is_refused(shares: list[float]) -> None:
    with pytest.raises(UsageError, match="a number from 0 to 1"):
        simulate(team(), shares)


@pytest.mark.parametrize("factor", [-1, 11, math.nan, math.inf])
def test_what_is_no_change_is_refused(factor: float) -> None:
    with pytest.raises(UsageError, match="says nothing"):
        Changes(demand=factor)


def test_no_demand_costs_nothing_but_the_hours_reserved() -> None:
    out = simulate(demand_of(), [0.0, 0.2], weeks=13)
    assert out.left_over.sum() == out.downtime.sum() == out.reactive.sum() == 0


def test_a_team_without_hours_leaves_everything_over() -> None:
    out = simulate(demand_of(weekly(WorkClass.BUG, 2, 3), hours=0), [0.0, 1.0], weeks=13)
    assert out.reactive.sum() == 0
    assert out.left_over.mean() == pytest.approx(2 * 3 * 13, rel=0.1)


def test_real_weeks_are_taken_as_they_came() -> None:
    work = np.array([[10.0, 0, 30, 0], [4, 4, 4, 4]])
    out = replay(work, [WorkClass.BUG, WorkClass.INCIDENT], [0.0, 0.1, 1.0], capacity=100)
    assert out.left_over[:, 0].tolist() == pytest.approx([40, 40 - (6 + 4 + 6 + 6), 0])
    assert out.reserved[:, 0].tolist() == pytest.approx([0, 40, 400])
    assert out.overrun[0, 0] == pytest.approx(16)
    with pytest.raises(UsageError, match="classes, weeks"):
        replay(work, [WorkClass.BUG], [0.1], capacity=100)


@settings(max_examples=25, deadline=None)
@given(
    rate=st.floats(0, 20), work=st.floats(0.1, 20), scale=st.floats(0.5, 200), floor=st.floats(0, 1),
    usual=st.floats(0, 40), hours=st.floats(0, 300),
)  # fmt: skip
def test_a_higher_share_never_leaves_more_over_nor_brings_more_downtime(
    rate: float, work: float, scale: float, floor: float, usual: float, hours: float
) -> None:
    demand = one_class(
        rate=rate, floor=floor, work=work, scale=scale, hours=max(hours, 1e-3), usual=usual, down=0.5,
        down_hours=2, draws=10, weeks=8,
    )  # fmt: skip
    out = simulate(demand, np.linspace(0, 1, 9), futures=40)
    for name in ("left_over", "waiting", "downtime"):
        values = getattr(out, name)
        assert (np.diff(values, axis=0) <= 1e-9 * (1 + values[:-1])).all(), name
    for name in ("left_over", "waiting", "downtime", "preventive", "reactive", "overrun", "reserved"):
        assert (getattr(out, name) >= -1e-9).all()
