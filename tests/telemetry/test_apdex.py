"""Apdex by its specification, from a digest of durations."""

from __future__ import annotations

import numpy as np
import pytest

from ktlo.telemetry.apdex import LEVELS, Targets, score


def digest(durations_ms) -> tuple[float, ...]:
    return tuple(float(value) * 1e6 for value in np.quantile(durations_ms, LEVELS))


def test_the_example_of_the_specification():
    # 170 of 200 within T, 20 within 4 T, 10 beyond: (170 + 20 / 2) / 200.
    found = score(digest([1.0] * 170 + [9.0] * 20 + [99.0] * 10), 200, 0, 3e6)
    assert found is not None
    assert found.value == pytest.approx(0.90, abs=0.01)
    assert found.low < 0.9 < found.high


def test_failed_calls_satisfy_nobody_however_fast():
    found = score(digest([1.0] * 100), 100, 40, 500e6)
    assert found is not None
    assert found.value == pytest.approx(0.6)


def test_a_limit_between_two_quantiles_is_read_between_them():
    durations = np.random.default_rng(1).lognormal(5, 0.7, 5000)
    for target in (60, 150, 300, 900):
        satisfied, tolerating = (
            np.mean(durations <= target),
            np.mean((durations > target) & (durations <= 4 * target)),
        )
        found = score(digest(durations), 5000, 0, target * 1e6)
        assert found is not None
        assert found.value == pytest.approx(satisfied + tolerating / 2, abs=0.006)


def test_without_calls_there_is_no_score():
    assert score((float("nan"),) * len(LEVELS), 0, 0, 1e9) is None


def test_a_service_has_its_own_target():
    targets = Targets(500e6, {"report": 5e9})
    assert (targets.of("report"), targets.of("web")) == (5e9, 500e6)
