"""A level that drifts: what it finds, how sure it says to be, and what does not carry it away."""

from __future__ import annotations

import load_worlds as worlds
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ktlo.planning.load.arrivals import fit_arrivals
from ktlo.planning.load.season import Season


def drawn(counts: np.ndarray, weeks: int = 13, draws: int = 400, seed: int = 1) -> np.ndarray:
    rate, _ = fit_arrivals(counts[None, :], worlds.FIRST_WEEK).draw(
        0, weeks, draws, np.random.default_rng(seed), worlds.FIRST_WEEK + counts.size
    )
    return rate


@pytest.mark.parametrize(("rate", "size"), [(0.3, np.inf), (4.0, np.inf), (8.0, 3.0)])
def test_four_of_five_intervals_hold_the_true_rate(rate: float, size: float) -> None:
    rng = np.random.default_rng(7)
    held = 0
    for seed in range(60):
        mixed = rate * (np.ones(60) if np.isinf(size) else rng.gamma(size, 1 / size, 60))
        # The level may drift, so the interval is about the next week and a little wider than a fixed rate needs.
        held += worlds.holds(drawn(rng.poisson(mixed), weeks=1, seed=seed)[:, 0], rate)
    assert 0.72 <= held / 60 <= 1.0


def test_four_of_five_intervals_hold_a_rate_that_wanders() -> None:
    rng = np.random.default_rng(8)
    held = 0
    for seed in range(80):
        level = 6.0 * np.exp(np.cumsum(rng.standard_normal(93) * 0.05))
        counts = rng.poisson(level)
        held += worlds.holds(drawn(counts[:80], seed=seed).mean(axis=1), float(level[80:].mean()))
    assert 0.68 <= held / 80 <= 0.92


def test_a_lasting_shift_is_learned_within_a_quarter() -> None:
    rng = np.random.default_rng(9)
    counts = np.concatenate((rng.poisson(3.0, 90), rng.poisson(12.0, 13)))
    assert drawn(counts)[:, 0].mean() == pytest.approx(12.0, rel=0.3)


def test_one_giant_week_is_forgotten_where_a_shift_is_not() -> None:
    rng = np.random.default_rng(10)
    counts = rng.poisson(3.0, 100)
    calm = drawn(counts)[:, 0].mean()
    counts[95] = 300
    assert drawn(counts)[:, 0].mean() < 2 * calm


def test_a_trend_is_damped_so_that_a_year_ahead_is_not_a_multiple() -> None:
    counts = np.random.default_rng(11).poisson(2.0 * np.exp(0.01 * np.arange(150)))
    rate = drawn(counts, weeks=52)
    assert rate[:, 51].mean() < 1.5 * rate[:, 0].mean()


@given(st.lists(st.integers(0, 2000), min_size=1, max_size=40))
def test_whatever_was_counted_the_rates_are_numbers_above_zero(counts: list[int]) -> None:
    rate = drawn(np.array(counts), weeks=4, draws=50)
    assert np.isfinite(rate).all()
    assert (rate > 0).all()


def test_parts_of_a_whole_start_from_their_share_of_it() -> None:
    quiet, loud = np.zeros(12), np.full(12, 10.0)
    found = fit_arrivals(np.stack((quiet, loud)), worlds.FIRST_WEEK, quiet + loud)
    alone = fit_arrivals(quiet[None, :], worlds.FIRST_WEEK)
    rng = np.random.default_rng(1)
    pooled, _ = found.draw(0, 1, 2000, rng, worlds.FIRST_WEEK + 12)
    own, _ = alone.draw(0, 1, 2000, rng, worlds.FIRST_WEEK + 12)
    assert own.mean() < pooled.mean() < 2.5


def _seasonal(weeks: int, swing: float, rng: np.random.Generator) -> np.ndarray:
    angle = 2 * np.pi * np.arange(worlds.FIRST_WEEK, worlds.FIRST_WEEK + weeks) / 52.1775
    return rng.poisson(20 * (1 + swing * np.cos(angle)))


def test_a_season_that_comes_back_each_year_is_found() -> None:
    season = Season.fitted(_seasonal(260, 0.4, np.random.default_rng(1)).astype(float), worlds.FIRST_WEEK)
    year = season.mean(np.arange(52))
    assert year.max() - year.min() > 0.4


def test_a_level_that_wanders_is_not_taken_for_a_season() -> None:
    swings = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        counts = rng.poisson(20 * np.exp(np.cumsum(rng.standard_normal(156) * 0.05)))
        year = Season.fitted(counts.astype(float), worlds.FIRST_WEEK).mean(np.arange(52))
        swings.append(year.max() - year.min())
    assert np.mean(swings) < 0.19


def test_less_than_two_years_show_no_season_and_noise_shows_hardly_any() -> None:
    rng = np.random.default_rng(2)
    assert not Season.fitted(_seasonal(103, 0.4, rng).astype(float), worlds.FIRST_WEEK).is_there
    calm = Season.fitted(_seasonal(208, 0.0, rng).astype(float), worlds.FIRST_WEEK).mean(np.arange(52))
    assert calm.max() - calm.min() < 0.25
