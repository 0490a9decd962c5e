"""Whether preventive work helps: shown where it does, not where it does not, and how an experiment would tell."""

from __future__ import annotations

import numpy as np
import pytest

from ktlo.planning.load.experiment import design, smallest_shown, weeks_needed
from ktlo.planning.load.prevention import draw_effect, fit_effect


def prevention(weeks: int, rng: np.random.Generator) -> np.ndarray:
    """Preventive hours that change every quarter."""
    return np.repeat(rng.uniform(0, 80, weeks // 13 + 1), 13)[:weeks]


def world(slope: float, weeks: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    hours = prevention(weeks, rng)
    weight = 0.5 ** (np.arange(26) / 8)
    felt = np.concatenate(([hours[0]], np.convolve(hours, weight / weight.sum())[: weeks - 1]))
    return rng.poisson(20 * np.exp(-slope * felt)), hours, np.full(weeks, 10.0)


def test_a_strong_effect_is_shown_and_its_size_is_right() -> None:
    found = fit_effect(*world(0.02, 260, np.random.default_rng(1)))
    assert found.is_shown
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.02 < found.high
    mean, low, high = found.fewer_with(10)
    assert low < mean < high
    assert mean == pytest.approx(0.18, abs=0.06)


def test_where_there_is_no_effect_one_is_seldom_shown() -> None:
    shown = sum(fit_effect(*world(0.0, 208, np.random.default_rng(seed))).is_shown for seed in range(60))
    assert shown <= 6


def test_a_team_that_mends_more_when_more_breaks_shows_no_effect() -> None:
    """Two series that wander together are no proof; nor is prevention that follows the trouble."""
    shown = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        level = 10 * np.exp(np.cumsum(rng.standard_normal(208) * 0.06))
        hours = 3 * level + rng.uniform(0, 5, 208)
        shown += fit_effect(rng.poisson(level), hours, np.full(208, 5.0)).is_shown
    assert shown <= 4


@pytest.mark.parametrize(
    ("weeks", "rate", "hours", "words"),
    [
        (60, 5.0, 20.0, "weeks of history are too few"),
        (120, 0.2, 20.0, "items are too few"),
        (120, 5.0, 0.0, "hardly varied"),
    ],
)
def test_what_cannot_be_told_has_its_reason(weeks: int, rate: float, hours: float, words: str) -> None:
    rng = np.random.default_rng(2)
    found = fit_effect(rng.poisson(rate, weeks), np.full(weeks, hours), np.ones(weeks))
    assert found.per_hour is None
    assert words in found.reason
    assert not found.is_shown


def test_an_effect_that_is_not_shown_gives_endless_scales_and_one_from_outside_a_floor_of_one() -> None:
    rng = np.random.default_rng(3)
    floor, scale = draw_effect(fit_effect(*world(0.0, 208, rng)), 50, rng)
    assert np.isinf(scale).all()
    assert ((floor > 0) & (floor < 1)).all()
    floor, scale = draw_effect(None, 50, rng)
    assert (floor == 1).all()
    assert np.isinf(scale).all()


def test_draws_of_a_shown_effect_have_its_slope_at_the_work_of_today() -> None:
    rng = np.random.default_rng(4)
    found = fit_effect(*world(0.02, 260, rng))
    floor, scale = draw_effect(found, 4000, rng)
    assert np.median((1 - floor) / scale) == pytest.approx(found.per_hour, rel=0.1)


def test_the_weeks_of_an_experiment_give_the_power_that_is_promised() -> None:
    rng = np.random.default_rng(5)
    mean, size, baseline = 12.0, 10.0, 104
    weeks = weeks_needed(mean, size, baseline)
    assert weeks is not None

    def counts(rate: float, n: int) -> np.ndarray:
        return rng.poisson(rate * rng.gamma(size, 1 / size, (2000, n)))

    before, after = counts(mean, baseline), counts(0.8 * mean, weeks)
    gap = np.log(before.mean(axis=1) / after.mean(axis=1))
    error = np.sqrt(
        (1 / before.mean(axis=1) + 1 / size) / baseline + (1 / after.mean(axis=1) + 1 / size) / weeks
    )
    assert (gap / error > 1.96).mean() == pytest.approx(0.8, abs=0.04)


def test_rare_work_needs_more_than_three_years_and_is_told_what_a_year_would_show() -> None:
    rng = np.random.default_rng(6)
    found = design(rng.poisson(2.0, 104), 2.0, 5.0, 8.0)
    assert found.weeks is None
    assert found.shown_in_a_year is not None
    assert found.shown_in_a_year > 0.2
    assert smallest_shown(0.05, 5.0, 104, 52) is None
