"""Means of heavy-tailed amounts, of which some are only known to be more."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from load_worlds import holds

from ktlo.planning.load.heavy_tails import Amounts, Belief, believe, draw_means

BELIEF = Belief(float(np.log(3.0)), 1.0)


def amounts(values: np.ndarray, known: np.ndarray | None = None) -> Amounts:
    flags = np.ones(values.size, dtype=bool) if known is None else known
    return Amounts(values, flags, np.ones(values.size))


def test_four_of_five_intervals_hold_the_true_mean() -> None:
    rng = np.random.default_rng(1)
    truth = float(np.exp(0.5 + 0.9**2 / 2))
    held = sum(
        holds(draw_means(amounts(rng.lognormal(0.5, 0.9, 60)), BELIEF, 300, rng)[0], truth) for _ in range(80)
    )
    assert 0.66 <= held / 80 <= 0.94


def test_items_that_are_open_raise_the_mean_above_that_of_the_finished() -> None:
    rng = np.random.default_rng(2)
    full = rng.lognormal(1.0, 1.0, 400)
    seen = np.minimum(full, rng.exponential(4.0, 400))
    finished = seen == full
    mean, _ = draw_means(amounts(seen, finished), BELIEF, 300, rng)
    assert full[finished].mean() < 0.8 * full.mean()
    assert mean.mean() == pytest.approx(full.mean(), rel=0.25)


def test_nothing_seen_gives_the_belief_and_its_whole_width() -> None:
    rng = np.random.default_rng(3)
    mean, cv = draw_means(amounts(np.zeros(0)), BELIEF, 2000, rng)
    low, high = np.quantile(mean, [0.1, 0.9])
    assert high / low > 3
    assert np.isfinite(cv).all()


def test_one_item_of_a_thousand_hours_widens_the_interval_more_than_it_moves_the_middle() -> None:
    rng = np.random.default_rng(4)
    calm = rng.lognormal(1.0, 0.5, 40)
    wild = np.append(calm, 1000.0)
    before, after = (draw_means(amounts(v), BELIEF, 2000, rng)[0] for v in (calm, wild))
    width = np.diff(np.quantile(after, [0.1, 0.9])) / np.diff(np.quantile(before, [0.1, 0.9]))
    assert width > 10
    assert np.quantile(after, 0.1) < 3 * before.mean()


def test_many_alike_items_are_brought_together_without_moving_the_mean() -> None:
    rng = np.random.default_rng(5)
    values = rng.lognormal(1.0, 1.0, 5000)
    known = rng.random(5000) < 0.9
    mean, _ = draw_means(amounts(values, np.ones(5000, dtype=bool)), BELIEF, 200, rng)
    assert mean.mean() == pytest.approx(values.mean(), rel=0.02)
    censored, _ = draw_means(amounts(values, known), BELIEF, 200, rng)
    assert censored.mean() > mean.mean()


@given(
    st.lists(st.tuples(st.floats(0, 1e6), st.booleans()), min_size=0, max_size=30),
    st.integers(0, 2**20),
)
def test_whatever_was_spent_means_are_numbers(items: list[tuple[float, bool]], seed: int) -> None:
    values, known = np.array([v for v, _ in items]), np.array([k for _, k in items], dtype=bool)
    mean, cv = draw_means(
        Amounts(values, known, np.ones(values.size)), BELIEF, 30, np.random.default_rng(seed)
    )
    assert np.isfinite(mean).all()
    assert (mean > 0).all()
    assert np.isfinite(cv).all()


def test_a_lognormal_is_recovered_from_censored_items() -> None:
    rng = np.random.default_rng(6)
    full, limit = rng.lognormal(1.2, 0.7, 600), rng.lognormal(1.5, 0.7, 600)
    found = believe(amounts(np.minimum(full, limit), full <= limit), BELIEF)
    assert found.log_median == pytest.approx(1.2, abs=0.12)
    assert found.sigma == pytest.approx(0.7, abs=0.1)
