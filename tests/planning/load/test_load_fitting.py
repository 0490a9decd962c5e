"""A load fitted to worlds whose truth is known."""

from __future__ import annotations

import dataclasses

import load_worlds as worlds
import numpy as np
import pytest

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
