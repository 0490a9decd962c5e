"""A load fitted to worlds whose truth is known."""

from __future__ import annotations

import dataclasses

import load_worlds as worlds
import numpy as np
import pytest

from ktlo.planning.demand import WorkClass
from ktlo.planning.load.ahead import hours_ahead
from ktlo.planning.load.fitting import fit_load


def test_rate_and_hours_of_a_steady_world_are_found() -> None:
    world = worlds.steady(6.0, 130)
    load = fit_load(worlds.history_of(world, 1), worlds.trusted(), weeks=13, seed=1)
    (bugs,) = load.demand.classes
    assert bugs.rate.mean() == pytest.approx(6.0, rel=0.15)
    assert bugs.work_hours.mean() == pytest.approx(world.mean_hours, rel=0.15)
    assert load.demand.capacity.hours_per_week.mean() == pytest.approx(200.0, rel=0.02)


def test_the_same_records_and_seed_give_the_same_draws_and_another_seed_gives_others() -> None:
    history = worlds.history_of(worlds.steady(3.0, 60), 2)
    first, again, other = (
        fit_load(history, worlds.trusted(), weeks=5, seed=seed).demand.classes[0] for seed in (7, 7, 8)
    )
    assert np.array_equal(first.rate, again.rate)
    assert np.array_equal(first.work_hours, again.work_hours)
    assert not np.array_equal(first.rate, other.rate)


def test_four_times_the_history_makes_the_interval_narrower() -> None:
    def width(weeks: int) -> float:
        found = fit_load(worlds.history_of(worlds.steady(5.0, weeks), 3), worlds.trusted(), weeks=13, seed=1)
        (bugs,) = found.demand.classes
        low, high = np.quantile(bugs.rate[:, 0] * bugs.work_hours, [0.1, 0.9])
        return float(high - low)

    assert width(104) < 0.8 * width(8)


@pytest.mark.parametrize("weeks", [0, 1, 3, 12])
def test_a_short_history_gives_draws_that_are_numbers_and_says_that_it_is_short(weeks: int) -> None:
    history = worlds.history_of(worlds.steady(2.0, weeks), 4)
    load = fit_load(history, worlds.trusted(), weeks=13, seed=1)
    assert any("complete week" in note for note in load.demand.notes)
    for each in load.demand.classes:
        for name in ("rate", "dispersion", "work_hours", "work_cv", "floor"):
            assert not np.isnan(getattr(each, name)).any(), name


def test_four_of_five_intervals_hold_the_hours_that_a_quarter_then_asks_for() -> None:
    """The whole chain: what is fitted from 80 weeks against the hours of the 13 that follow."""
    held = 0
    for seed in range(50):
        world = worlds.steady(5.0, 93, size=4.0)
        whole = worlds.history_of(world, seed)
        known = whole.known_before(worlds.FIRST_WEEK + 80)
        load = fit_load(known, worlds.trusted(300), weeks=13, seed=1)
        (bugs,) = load.demand.classes
        hours = hours_ahead(bugs, np.random.default_rng(seed))
        held += worlds.holds(hours, float(whole.hours()[80:].sum()))
    assert 0.68 <= held / 50 <= 0.96


def test_the_shares_asked_for_are_surer_than_hours_and_capacity_by_themselves() -> None:
    """A busy quarter has more of both, so the quotient is not as wide as two guesses would make it."""
    load = fit_load(
        worlds.history_of(worlds.steady(6.0, 104, size=3.0), 1), worlds.trusted(), weeks=13, seed=1
    )
    (bugs,) = load.demand.classes
    rate, there = bugs.rate.mean(axis=1), load.demand.capacity.hours_per_week
    assert np.corrcoef(rate * bugs.work_hours, there)[0, 1] > 0.25
    # Many items bring many hours, so that what one takes does not swing against how many there are.
    assert np.corrcoef(rate, rate * bugs.work_hours)[0, 1] > 0.6


def test_a_team_of_one_is_told_that_it_is_one() -> None:
    alone = dataclasses.replace(
        worlds.history_of(worlds.steady(2.0, 60), 1), people=np.ones(60, dtype=np.int64)
    )
    load = fit_load(alone, worlds.trusted(), weeks=13, seed=1)
    assert load.demand.capacity.people == 1
    assert any("One person" in note for note in load.demand.notes)


def test_one_giant_item_is_named_and_its_interval_is_wide() -> None:
    history = worlds.history_of(worlds.steady(1.0, 60), 2)
    hours = history.spent.hours.copy()
    hours[10] = 5000.0
    giant = dataclasses.replace(history, spent=dataclasses.replace(history.spent, hours=hours))
    calm, wild = (fit_load(each, worlds.trusted(), weeks=13, seed=1) for each in (history, giant))
    assert any("took 5000 h" in note for note in wild.demand.classes[0].evidence.notes)
    width = [np.diff(np.quantile(each.demand.classes[0].work_hours, [0.1, 0.9]))[0] for each in (calm, wild)]
    assert width[1] > 2 * width[0]


def test_incidents_that_left_no_trace_of_work_borrow_how_long_they_lasted_and_say_so() -> None:
    world = dataclasses.replace(worlds.steady(2.0, 60, open_days=0.1), work_class=WorkClass.INCIDENT)
    history = worlds.history_of(world, 3)
    silent = dataclasses.replace(
        history, spent=dataclasses.replace(history.spent, hours=np.zeros(history.spent.hours.size))
    )
    (incidents,) = fit_load(silent, worlds.trusted(), weeks=13, seed=1).demand.classes
    assert incidents.work_hours.mean() == pytest.approx(2.4, rel=0.35)
    assert any("left a trace" in note for note in incidents.evidence.notes)


def test_a_class_that_fell_silent_is_remarked_on_and_its_items_do_not_grow_to_giants() -> None:
    rate = np.concatenate((np.full(30, 10.0), np.zeros(40)))
    history = worlds.history_of(dataclasses.replace(worlds.steady(1.0, 70), rate=rate), 4)
    (bugs,) = fit_load(history, worlds.trusted(), weeks=13, seed=1).demand.classes
    assert bugs.rate.mean() < 1.0
    assert bugs.work_hours.max() < 40.0


def test_one_giant_week_does_not_carry_the_forecast_away() -> None:
    calm = worlds.history_of(worlds.steady(3.0, 104), 5)
    rate = np.full(104, 3.0)
    rate[100] = 200.0
    stormy = worlds.history_of(dataclasses.replace(worlds.steady(3.0, 104), rate=rate), 5)
    expected, found = (
        fit_load(history, worlds.trusted(), weeks=13, seed=1).demand.classes[0].rate.mean()
        for history in (calm, stormy)
    )
    assert found < 2.2 * expected


def test_what_was_not_known_at_a_week_is_not_in_the_history_of_that_week() -> None:
    world = worlds.steady(4.0, 80, open_days=30.0)
    whole = worlds.history_of(world, 6)
    cut = whole.known_before(worlds.FIRST_WEEK + 40)
    assert cut.weeks == 40
    assert np.nanmax(cut.items.ended) < worlds.first_second(worlds.FIRST_WEEK + 40)
    assert np.isnan(cut.items.ended).sum() > np.isnan(whole.items.ended).sum() / 10
    assert cut.hours().sum() == pytest.approx(whole.hours()[:40].sum())
