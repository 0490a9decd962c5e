"""The verdict is right where it can be worked out by hand, and says so where there is none."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import worlds
from crews import crew, terms

from ktlo.planning.assumptions import Prices
from ktlo.planning.demand import Demand, WorkClass
from ktlo.planning.staffing import trial
from ktlo.planning.staffing.answer import StaffingAnswer, answer_staffing
from ktlo.planning.staffing.crew import joining_order, rotation_order
from ktlo.planning.staffing.outcome import broken_limits, knowledge_of, on_call_share
from ktlo.planning.staffing.simulation import Items, Kind, Rules, simulate
from ktlo.planning.staffing.terms import draw_terms
from ktlo.planning.staffing.trial import Staffing
from ktlo.settings.planning import StaffingSettings

IN_HOURS = Prices("h", 1.0, None, None, 12.5 / 60)
ONE_EACH = StaffingSettings(dedicated=1, on_duty=1)
FOREVER = Rules(patience=math.inf)


def bugs(rate: float = 5.0, work: float = 2.0, **given: object) -> Demand:
    return worlds.demand_of(worlds.weekly(WorkClass.BUG, rate, work, weeks=13, **given))  # type: ignore[arg-type]


def flip(answer: StaffingAnswer, name: str) -> float | None:
    assert answer.comparison is not None
    return next(found.at for found in answer.comparison.flips if found.name == name)


def test_where_interruptions_cost_nothing_and_all_know_everything_pooling_wins() -> None:
    answer = answer_staffing(
        bugs(),
        crew(6),
        IN_HOURS,
        terms(idle_value=0.5, duty_value=0.8, hand_over=1.0),
        StaffingSettings(),
        seed=1,
    )
    compared = answer.comparison
    assert compared is not None
    for other in (compared.rotation, compared.dedicated, *compared.others):
        assert compared.ad_hoc.cost.value < other.cost.value
        assert (compared.ad_hoc.wait_most or 0) <= (other.wait_most or 0)


def test_where_nothing_costs_anything_but_the_work_all_cost_the_same() -> None:
    compared = answer_staffing(bugs(), crew(6), IN_HOURS, terms(), StaffingSettings(), seed=1).comparison
    assert compared is not None
    assert compared.rotation.cost.value == pytest.approx(compared.dedicated.cost.value)
    assert compared.ad_hoc.cost.value == pytest.approx(5 * 2, rel=0.05)


def test_the_hand_over_that_turns_the_verdict_is_the_price_of_the_idle_hours() -> None:
    # One stands ready for 40 h and works 10: 30 idle hours of which half is lost, so 15 h.
    assumed = terms(idle_value=0.5, hand_over=2.0)
    answer = answer_staffing(bugs(), crew(6), IN_HOURS, assumed, ONE_EACH, seed=1, rules=FOREVER)
    assert flip(answer, "hand_over_hours") == pytest.approx(15.0, rel=0.03)
    # And the worth of an idle hour at which 30 (1 - v) = 2.
    assert flip(answer, "idle_value") == pytest.approx(1 - 2 / 30, rel=0.01)


def test_the_load_that_turns_the_verdict_is_found() -> None:
    # (1 - v)(40 - 10 f) = 12: the rotation is cheaper below f = 1.6.
    assumed = terms(idle_value=0.5, hand_over=12.0)
    answer = answer_staffing(bugs(), crew(6), IN_HOURS, assumed, ONE_EACH, seed=1, rules=FOREVER)
    assert answer.comparison is not None
    assert answer.comparison.cheaper is answer.comparison.rotation
    assert flip(answer, "load") == pytest.approx(1.6, rel=0.12)


def test_the_price_of_downtime_that_turns_the_verdict_is_found() -> None:
    # Incidents of the rotation meet somebody who knows nothing three times in four, and last twice as long then.
    incidents = worlds.demand_of(
        worlds.weekly(WorkClass.INCIDENT, 1, 2, weeks=13, down=1.0, down_hours=1.0, draws=200)
    )
    team = crew(4, knowledge=np.array([[1.0, 0.0, 0.0, 0.0]]))
    assumed = terms(idle_value=0.5, unfamiliar=1.0)
    answer = answer_staffing(
        incidents,
        team,
        IN_HOURS,
        assumed,
        ONE_EACH,
        seed=1,
        rules=Rules(patience=math.inf, learning=math.inf),
    )
    turning = flip(answer, "downtime_hour")
    assert turning is not None
    at_it = Prices("h", 1.0, turning, None, 12.5 / 60)
    again = answer_staffing(
        incidents, team, at_it, assumed, ONE_EACH, seed=1, rules=Rules(patience=math.inf, learning=math.inf)
    )
    assert again.comparison is not None
    assert again.comparison.difference.value == pytest.approx(0.0, abs=1e-6)
    # By hand: 38 idle hours of which half is lost; an item of 2 h that takes twice as long in three of four weeks
    # (1.5 h more), with twice the downtime (0.75 h more).
    assert turning == pytest.approx((19 - 1.5) / 0.75, rel=0.15)


def test_nothing_within_reason_is_an_answer() -> None:
    assumed = terms(idle_value=0.5)
    answer = answer_staffing(bugs(), crew(6), IN_HOURS, assumed, ONE_EACH, seed=1, rules=FOREVER)
    assert flip(answer, "duty_value") is not None
    assert flip(answer, "waiting_week") is None
    assert flip(answer, "engineers") is None


def test_the_same_seed_gives_the_same_answer_and_another_seed_another() -> None:
    team, drawn = (
        crew(6, knowledge=0.5),
        draw_terms(StaffingSettings(), IN_HOURS, interruption_said=False, draws=60, seed=3),
    )
    first, again, other = (
        answer_staffing(worlds.team(), team, IN_HOURS, drawn, StaffingSettings(), seed=seed)
        for seed in (3, 3, 4)
    )
    assert first == again
    assert first.comparison != other.comparison


def test_the_probability_counts_the_quarters_in_which_the_rotation_is_cheaper() -> None:
    sure = answer_staffing(bugs(), crew(6), IN_HOURS, terms(idle_value=0.5), ONE_EACH, seed=1).comparison
    never = answer_staffing(bugs(), crew(6), IN_HOURS, terms(hand_over=5.0), ONE_EACH, seed=1).comparison
    assert sure is not None
    assert never is not None
    assert sure.probability.value == 1.0
    assert sure.certainty == 1.0
    assert never.probability.value == 0.0
    assert never.cheaper is never.dedicated


def test_what_is_said_is_taken_and_what_is_not_is_drawn_from_a_wide_range() -> None:
    drawn = draw_terms(
        StaffingSettings(hand_over_hours=3.0), IN_HOURS, interruption_said=True, draws=4000, seed=1
    )
    assert np.unique(drawn.hand_over).tolist() == [3.0]
    assert drawn.said == {"hand_over_hours", "interruption_minutes"}
    assert np.quantile(drawn.unfamiliar, [0.05, 0.95]) == pytest.approx([0.2, 1.3], rel=0.1)
    assert drawn.idle_value.min() >= 0
    assert drawn.idle_value.max() <= 1


def test_the_assumption_that_matters_most_is_named() -> None:
    said = StaffingSettings(unfamiliar=0.0, idle_value=0.5, duty_value=1.0, dedicated=1, on_duty=1)
    drawn = draw_terms(said, IN_HOURS, interruption_said=True, draws=200, seed=1)
    compared = answer_staffing(bugs(), crew(6), IN_HOURS, drawn, said, seed=1).comparison
    assert compared is not None
    assert compared.drivers[0].name == "hand_over_hours"
    assert compared.drivers[0].share > 0.5
    assert next(driver for driver in compared.drivers if driver.name == "idle_value").is_said


@pytest.mark.parametrize(
    ("demand", "people", "why"),
    [
        (worlds.demand_of(), 6, "No reactive work is recorded"),
        (bugs(), 1, "There is one engineer"),
    ],
)
def test_what_cannot_be_compared_is_said(demand: Demand, people: int, why: str) -> None:
    answer = answer_staffing(demand, crew(people), IN_HOURS, terms(), StaffingSettings(), seed=1)
    assert answer.comparison is None
    assert why in answer.missing


def test_engineers_that_are_said_do_not_make_people_where_nobody_worked() -> None:
    said = StaffingSettings(engineers=5)
    answer = answer_staffing(bugs(), crew(0), IN_HOURS, terms(), said, seed=1)
    assert answer.comparison is None
    assert "Nobody has worked lately" in answer.missing


def test_hours_too_few_to_tell_capacity_are_told() -> None:
    answer = answer_staffing(bugs(), crew(4, hours=0.4), IN_HOURS, terms(), StaffingSettings(), seed=1)
    assert answer.comparison is None
    assert "0.4 hours a week" in answer.missing


def test_three_weeks_of_history_are_told() -> None:
    answer = answer_staffing(bugs(history=3), crew(3), IN_HOURS, terms(), StaffingSettings(), seed=1)
    assert answer.comparison is not None
    assert any("3 weeks" in note for note in answer.notes)


def test_a_team_too_small_for_the_load_is_told() -> None:
    answer = answer_staffing(bugs(rate=60), crew(4), IN_HOURS, terms(), ONE_EACH, seed=1)
    assert any("would need help" in note for note in answer.notes)


def test_the_rotation_spreads_load_and_knowledge_and_the_team_does_not() -> None:
    known = np.eye(4, 8) * 0.6
    answer = answer_staffing(
        worlds.team(), crew(8, places=4, knowledge=known), IN_HOURS, terms(unfamiliar=0.5), ONE_EACH, seed=1
    )
    compared = answer.comparison
    assert compared is not None
    assert compared.rotation.busiest < compared.dedicated.busiest
    assert compared.rotation.knowledge.knowers > compared.dedicated.knowledge.knowers
    assert compared.rotation.knowledge.bus_factor > answer.knowledge.bus_factor


def test_limits_of_on_call_are_those_of_the_book() -> None:
    assert broken_limits(Staffing(Kind.ROTATION, 2), 8, 1) == ()
    assert broken_limits(Staffing(Kind.ROTATION, 2), 7, 1) == (
        "each is on call 29% of the weeks, above 25%", "7 take turns, where one site would need 8",
    )  # fmt: skip
    assert (
        broken_limits(Staffing(Kind.DEDICATED, 2), 20, 2)[1] == "2 take turns, where two sites would need 12"
    )
    assert on_call_share(Staffing(Kind.AD_HOC), 10) == 0.1


def test_the_bus_factor_counts_who_must_leave() -> None:
    share = np.array([0.5, 0.3, 0.2])
    alone = np.array([[1.0, 0, 0], [1.0, 0, 0], [0, 1.0, 0]])
    assert knowledge_of(alone, share).bus_factor == 1
    assert knowledge_of(np.ones((3, 3)), share).bus_factor == 3
    assert knowledge_of(np.zeros((3, 3)), share).bus_factor == 0


def test_who_adds_most_knowledge_joins_first_and_zones_alternate_in_a_rotation() -> None:
    known = np.array([[0.9, 0.0, 0.8], [0.1, 0.9, 0.2]])
    assert joining_order(known, np.array([0.9, 0.1]))[0] == 0
    starts = np.array([8.0, 8.0, 16.0, 16.0])
    slot = rotation_order(starts, 2)
    pairs = [set(starts[(slot == 2 * i) | (slot == 2 * i + 1)]) for i in range(2)]
    assert pairs == [{8.0, 16.0}, {8.0, 16.0}]


def test_an_answer_takes_few_simulations_of_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds are measured by benchmarks/staffing_answer.py; what they are spent on is counted here."""
    sizes: list[tuple[int, ...]] = []

    def counted(items: Items, *given: Any) -> Any:
        sizes.append(items.work.shape)
        return simulate(items, *given)

    monkeypatch.setattr(trial, "simulate", counted)
    drawn = draw_terms(StaffingSettings(), IN_HOURS, interruption_said=False, draws=200, seed=1)
    answer_staffing(
        worlds.team(), crew(10, places=5, knowledge=0.5), IN_HOURS, drawn, StaffingSettings(), seed=1
    )
    assert len(sizes) <= 7  # the sizes that are compared, and twice each: load, unfamiliar, engineers
    assert sum(steps for _, steps in sizes) < 3_000
    assert sum(quarters * steps for quarters, steps in sizes) < 3_000_000


def test_real_hours_weigh_less_where_little_of_the_work_is_traced() -> None:
    drawn = draw_terms(StaffingSettings(), IN_HOURS, interruption_said=False, draws=4000, seed=1, pace=0.1)
    assert drawn.traced.min() >= 0.1
    assert drawn.traced.max() <= 1
    assert drawn.traced.mean() == pytest.approx(0.55, abs=0.02)
    assert drawn.rates().hand_over == pytest.approx(drawn.hand_over * drawn.traced)
    whole = draw_terms(StaffingSettings(), IN_HOURS, interruption_said=False, draws=10, seed=1)
    assert whole.traced.tolist() == [1.0] * 10
    # 30 idle hours of which a fifth is lost are worth 6 traced hours: 12 real ones where half is traced.
    half = terms(idle_value=0.8, traced=0.5)
    answer = answer_staffing(bugs(), crew(6), IN_HOURS, half, ONE_EACH, seed=1, rules=FOREVER)
    assert flip(answer, "hand_over_hours") == pytest.approx(12.0, rel=0.03)
