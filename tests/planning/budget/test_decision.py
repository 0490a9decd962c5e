"""Known optima are found, what is not known is not claimed, and every price moves the decision the right way."""

from __future__ import annotations

import math
from dataclasses import replace

import naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import demand_of, one_class, team, weekly

from ktlo.errors import UsageError
from ktlo.planning.assumptions import Prices
from ktlo.planning.budget.breakeven import break_even
from ktlo.planning.budget.costs import Component, priced
from ktlo.planning.budget.limits import check_limits
from ktlo.planning.budget.optimum import best_by_column, cheapest, find_optimum
from ktlo.planning.budget.options import Why
from ktlo.planning.budget.plan import Asked, Doubt, Plan, decide, decide_quickly
from ktlo.planning.budget.sensitivity import Aspect
from ktlo.planning.budget.simulate import simulate
from ktlo.planning.budget.world import Changes
from ktlo.planning.demand import WorkClass

HOURS = Prices("h", 1.0, None, None, 0.0)
EURO = Prices("EUR", 80.0, 2000.0, 15.0, 0.2)
SHARES = np.round(np.arange(0, 1.001, 0.01), 2)


def known_best(rate: float, floor: float, work: float, scale: float, other: float) -> tuple[float, float]:
    """Closed form: x* = h·ln((λ0 - λ∞)·K / (w·h)) with w = 1, and the hours x* + R(x*) that it takes."""
    removable = rate * (1 - floor)
    x = max(0.0, scale * math.log(max(removable * (work + other) / scale, 1e-12)))
    return x, x + (rate * floor + removable * math.exp(-x / scale)) * work


@pytest.mark.parametrize(
    ("rate", "floor", "work", "scale", "down", "price", "hours"),
    [(20, 0.2, 1, 20, 0.3, 10, 100), (60, 0.1, 0.5, 40, 0.1, 20, 160), (30, 0.5, 1, 30, 0.2, 30, 120)],
)
def test_the_best_share_of_one_class_is_the_one_of_the_closed_form(
    rate: float, floor: float, work: float, scale: float, down: float, price: float, hours: float
) -> None:
    prices = Prices("h", 1.0, price, 0.05, 0.0)
    _, needed = known_best(rate, floor, work, scale, down * price)
    demand = one_class(rate=rate, floor=floor, work=work, scale=scale, hours=hours, down=down, down_hours=1)
    costs = priced(simulate(demand, SHARES, futures=1000, lag_weeks=1), prices)
    best = find_optimum(costs)
    assert best.share == pytest.approx(needed / hours, abs=0.03)
    expected = costs.expected()
    at_truth = expected[round(needed / hours * 100)]
    assert expected[round((best.share or 0) * 100)] - at_truth <= 0.01 * at_truth


def test_where_prevention_is_not_worth_its_hours_the_best_share_is_the_load() -> None:
    demand = one_class(rate=40, floor=0.5, work=1, scale=200, hours=100)
    best = find_optimum(priced(simulate(demand, SHARES, lag_weeks=1), replace(HOURS, waiting_week=0.2)))
    assert best.share == pytest.approx(0.4, abs=0.04)


def test_several_classes_cost_what_an_item_by_item_simulation_says() -> None:
    demand = demand_of(
        weekly(WorkClass.INCIDENT, 1.5, 5, down=0.4, down_hours=1.5, scale=40, dispersion=3, draws=1),
        weekly(WorkClass.BUG, 7, 2, scale=60, dispersion=5, draws=1),
        weekly(WorkClass.DEPENDENCY, 6, 0.8, floor=1.0, draws=1),
        hours=150,
        share=0.28,
    )
    shares = [0.1, 0.2, 0.26, 0.32, 0.45]
    ours = simulate(demand, shares, futures=6000, weeks=26, lag_weeks=4)
    for place, share in enumerate(shares):
        truth = naive.mean_of(demand, share, 26, 4, 400, seed=place)
        for name in ("reserved", "overrun", "left_over", "waiting", "downtime", "incidents"):
            value = float(getattr(ours, name)[place].mean())
            assert value == pytest.approx(getattr(truth, name), rel=0.1, abs=3), f"{name} at {share}"


def test_several_classes_have_the_best_share_of_brute_force_and_little_regret() -> None:
    demand = demand_of(
        weekly(WorkClass.INCIDENT, 1.5, 5, down=0.4, down_hours=1.5, scale=40, dispersion=3, draws=1),
        weekly(WorkClass.BUG, 7, 2, scale=60, dispersion=5, draws=1),
        hours=150,
        share=0.2,
    )
    prices = Prices("h", 1.0, 60.0, 0.5, 0.2)
    grid = np.round(np.arange(0.1, 0.61, 0.05), 2)

    def cost(share: float) -> float:
        told = naive.mean_of(demand, share, 26, 8, 500, seed=5)
        return told.reserved + told.overrun + told.left_over + 0.5 * told.waiting + 60 * told.downtime

    truth = np.array([cost(share) for share in grid])
    best = find_optimum(priced(simulate(demand, grid, futures=4000, weeks=26), prices))
    regret = truth[int(np.argmin(np.abs(grid - (best.share or 0))))] - truth.min()
    assert regret <= 0.02 * truth.min()
    assert best.as_good_from - 0.05 <= grid[int(truth.argmin())] <= best.as_good_to + 0.05


def test_the_interval_of_the_best_share_is_that_of_the_optima_that_the_draws_allow() -> None:
    demand = one_class(rate=20, floor=0.2, work=1, scale=20, hours=100, down=0.3, down_hours=1, draws=300)
    spread = np.exp(0.4 * np.random.default_rng(3).standard_normal(300))
    only = demand.classes[0]
    demand = replace(demand, classes=(replace(only, downtime_hours=only.downtime_hours * spread),))
    optima = [known_best(20, 0.2, 1, 20, 0.3 * 10 * factor)[1] / 100 for factor in spread]
    costs = priced(simulate(demand, SHARES, futures=3000, lag_weeks=1), Prices("h", 1.0, 10.0, 0.05, 0.0))
    best = find_optimum(costs)
    assert (best.low, best.high) == pytest.approx(tuple(np.quantile(optima, [0.1, 0.9])), abs=0.03)


def told(plan: Plan) -> str:
    return repr((plan.optimum, plan.options, plan.break_evens, plan.horizons, plan.influences, plan.checks))


def test_the_same_demand_prices_and_seed_give_the_same_plan() -> None:
    asked = Asked(in_force=0.3, futures=400)
    assert told(decide(team(), EURO, asked)) == told(decide(team(), EURO, asked))
    assert told(decide(team(), EURO, asked)) != told(decide(team(), EURO, replace(asked, seed=2)))


def test_without_a_price_for_waiting_only_a_share_that_keeps_up_in_four_of_five_futures_is_named() -> None:
    plan = decide_quickly(team(), HOURS, Asked())
    assert plan.optimum is not None
    assert plan.optimum.tolerated == 0.2
    best = plan.option(Why.BEST)
    assert best is not None
    assert best.piles_up <= 0.2
    priced_plan = decide_quickly(team(), EURO, Asked())
    assert priced_plan.optimum is not None
    assert priced_plan.optimum.tolerated == 0.5


def test_a_share_too_small_has_a_growing_backlog() -> None:
    plan = decide(team(), EURO, Asked(looked_at=0.1, futures=500))
    small, best = plan.option(Why.ASKED), plan.option(Why.BEST)
    assert small is not None
    assert best is not None
    assert small.piles_up > 0.95
    assert small.left_over_hours.mean > 5 * best.left_over_hours.mean
    assert small.wait_days > best.wait_days
    assert plan.optimum is not None
    assert plan.optimum.keeps_up_from is not None
    assert plan.optimum.keeps_up_from > 0.1


def test_options_with_one_share_are_one_option_and_probabilities_add_up() -> None:
    plan = decide(team(), EURO, Asked(in_force=0.2, last_quarter=0.2, futures=500))
    assert [option.why for option in plan.options[1:]] == [(Why.IN_FORCE, Why.RULE, Why.LAST_QUARTER)]
    assert sum(option.is_best for option in plan.options) == pytest.approx(1)


def test_hours_for_features_are_what_keeping_the_lights_on_leaves() -> None:
    plan = decide(team(), HOURS, Asked(looked_at=0.5, futures=500))
    half = plan.option(Why.ASKED)
    assert half is not None
    assert half.feature_weeks.mean == pytest.approx(0.5 * 6 * 13, rel=0.02)


def test_a_break_even_is_where_the_best_share_really_moves() -> None:
    plan = decide(team(scale=24), replace(EURO, downtime_hour=None), Asked(futures=1000))
    even = plan.break_even(Component.DOWNTIME)
    assert even is not None
    assert even.first is not None
    assert plan.costs is not None
    for move in even.moves[:6]:
        for factor, share in ((1.001, move.share), (0.999, even.share_at(move.price * 0.999))):
            prices = replace(EURO, downtime_hour=move.price * factor)
            assert find_optimum(priced(plan.costs.outcomes, prices)).share == pytest.approx(share), move


def test_no_price_of_downtime_moves_a_decision_that_prevention_cannot_help() -> None:
    plan = decide(team(scale=math.inf), HOURS, Asked(futures=500))
    even = plan.break_even(Component.DOWNTIME)
    assert even is not None
    assert even.first is None
    assert Doubt.NO_EFFECT in plan.doubts


@settings(max_examples=15, deadline=None)
@given(
    scale=st.floats(5, 200), low=st.floats(0, 3000), more=st.floats(0, 20_000), seed=st.integers(0, 50),
    waiting=st.none() | st.floats(0, 100),
)  # fmt: skip
def test_dearer_downtime_never_lowers_the_best_share(
    scale: float, low: float, more: float, seed: int, waiting: float | None
) -> None:
    outcomes = simulate(team(scale=scale, draws=30), SHARES[::4], futures=60, weeks=13, seed=seed)
    first, second = (
        find_optimum(priced(outcomes, Prices("EUR", 80, value, waiting, 0.2))) for value in (low, low + more)
    )
    assert (second.share or 1) >= (first.share or 1)
    costs = priced(outcomes, Prices("EUR", 80, low, waiting, 0.2))
    assert all((part >= 0).all() for part in costs.parts.values())
    assert first.low <= (first.share or 1) <= first.high
    assert first.as_good_from <= (first.share or 1) <= first.as_good_to


def test_unknown_prices_are_named_and_not_counted() -> None:
    costs = priced(simulate(team(), [0.3], weeks=13), HOURS)
    assert costs.unknown == (Component.WAITING, Component.DOWNTIME)
    assert costs.total.mean() == pytest.approx(sum(part.mean() for part in costs.parts.values()))
    assert Component.DOWNTIME not in costs.parts


def test_no_demand_and_no_hours_are_said_and_nothing_is_decided() -> None:
    for demand, doubt in (
        (demand_of(), Doubt.NO_DEMAND),
        (demand_of(weekly(WorkClass.BUG, 0, 2)), Doubt.NO_DEMAND),
        (demand_of(weekly(WorkClass.BUG, 3, 2), hours=0), Doubt.NO_HOURS),
    ):
        plan = decide(demand, EURO, Asked())
        assert plan.doubts == (doubt,)
        assert plan.optimum is None
        assert plan.options == ()


def test_work_beyond_all_hours_has_no_share_that_keeps_up() -> None:
    plan = decide(demand_of(weekly(WorkClass.BUG, 30, 10), hours=100), EURO, Asked(futures=300))
    assert plan.optimum is not None
    assert plan.optimum.share is None
    assert plan.optimum.keeps_up_from is None
    assert Doubt.NOTHING_KEEPS_UP in plan.doubts


def test_little_history_one_person_and_no_incidents_are_said() -> None:
    demand = demand_of(weekly(WorkClass.BUG, 2, 2, history=3, spread=0.8), hours=30, people=1, spread=0.5)
    plan = decide(demand, HOURS, Asked(futures=400))
    assert {Doubt.SHORT_HISTORY, Doubt.ONE_PERSON, Doubt.NO_INCIDENTS} <= set(plan.doubts)
    assert plan.optimum is not None
    assert plan.optimum.high - plan.optimum.low > 0.1


def test_limits_are_held_against_the_share_the_team_and_its_incidents() -> None:
    def broken(share: float, people: int, incidents: float) -> set[str]:
        return {each.limit.value for each in check_limits(share, people, incidents) if each.is_broken}

    assert broken(0.5, 8, 28) == set()
    assert broken(0.51, 7, 29) == {"operations", "on_call", "incidents"}
    assert broken(0.3, 1, 0) == set()  # without incidents nobody is on call


def test_the_extremes_of_a_share_are_answered() -> None:
    plan = decide(team(), EURO, Asked(in_force=0.0, looked_at=1.0, futures=300))
    nothing, everything = plan.option(Why.IN_FORCE), plan.option(Why.ASKED)
    assert nothing is not None
    assert everything is not None
    assert nothing.piles_up == 1
    assert everything.feature_weeks.mean == 0


@pytest.mark.parametrize("wrong", [{"in_force": 1.5}, {"looked_at": -0.1}, {"weeks": 0}, {"weeks": 53}])
def test_what_cannot_be_planned_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        Asked(**wrong)  # type: ignore[arg-type]


def test_more_demand_fewer_people_and_slower_work_raise_the_share_that_keeps_up() -> None:
    def needed(changes: Changes) -> float:
        found = decide_quickly(team(), EURO, Asked(changes=changes)).optimum
        assert found is not None
        return found.keeps_up_from or 1.0

    today = needed(Changes())
    assert needed(Changes(demand=1.3)) > today
    assert needed(Changes(people=0.7)) > today
    assert needed(Changes(work=1.3)) > today
    assert needed(Changes(demand=0.7)) < today


def test_the_input_that_matters_is_found_and_one_that_does_not_is_worth_nothing() -> None:
    bugs = weekly(WorkClass.BUG, 10, 3, spread=0.6, draws=400, work_cv=0.5)
    still = replace(bugs, work_hours=np.full(400, 3.0))
    updates = weekly(WorkClass.DEPENDENCY, 6, 0.5, draws=400, spread=0.1)
    plan = decide(demand_of(still, updates), replace(HOURS, waiting_week=1.0), Asked())
    first = plan.influences[0]
    assert (first.aspect, first.work_class) == (Aspect.ARRIVALS, WorkClass.BUG)
    assert first.share_at_high > first.share_at_low
    assert first.worth is not None
    assert first.worth > 0
    rest = [each for each in plan.influences if each.work_class is WorkClass.DEPENDENCY]
    assert all((each.worth or 0) < 0.1 * first.worth for each in rest)


def test_a_plan_looks_at_every_horizon_that_the_demand_reaches() -> None:
    assert [each.weeks for each in decide(team(), EURO, Asked(futures=200)).horizons] == [13, 26, 39, 52]
    short = demand_of(weekly(WorkClass.BUG, 5, 2, weeks=26))
    assert [each.weeks for each in decide(short, EURO, Asked(futures=200)).horizons] == [13, 26]


def test_hours_of_a_whole_backlog_are_only_worked_down_when_asked() -> None:
    demand = demand_of(weekly(WorkClass.BUG, 5, 2, open_items=400), hours=100)
    plan = decide(demand, HOURS, Asked(futures=300))
    assert Doubt.OLD_WORK in plan.doubts
    cleared = decide(demand, HOURS, Asked(futures=300, old_work=0.5))
    assert plan.optimum is not None
    assert cleared.optimum is not None
    assert (cleared.optimum.share or 1) > (plan.optimum.share or 1) + 0.2


def test_break_even_is_none_where_no_share_keeps_up() -> None:
    costs = priced(simulate(demand_of(weekly(WorkClass.BUG, 30, 10), hours=100), SHARES, weeks=13), EURO)
    assert break_even(costs, Component.DOWNTIME, None) is None


def test_the_best_of_each_case_is_the_cheapest_that_keeps_up_and_all_hours_where_none_does() -> None:
    costs = np.array([[1.0, 5.0, 1.0], [2.0, 4.0, 2.0], [3.0, 3.0, 3.0]])
    allowed = np.array([[False, True, False], [True, True, False], [True, True, False]])
    assert best_by_column(costs, allowed).tolist() == [1, 2, 2]
    assert cheapest(np.array([2.0, 1.0 + 1e-13, 1.0]), np.array([True, True, True])) == 1
    assert cheapest(np.array([2.0, 1.0]), np.array([False, False])) is None
