"""A change is named when it is more than chance, and only then."""

from __future__ import annotations

import numpy as np
import pytest

from ktlo.telemetry.changes import LEVELS, Measure, Sample, changes


def sample(
    seed: int, *, rate: float = 20, errors: float = 0.02, took_ms: float = 100, minutes: int = 60
) -> Sample:
    dice = np.random.default_rng(seed)
    by_minute = dice.poisson(rate, minutes)
    calls = int(by_minute.sum())
    took = dice.lognormal(np.log(took_ms * 1e6), 0.4, calls)
    return Sample(
        calls,
        int(dice.binomial(calls, errors)),
        float((by_minute.astype(float) ** 2).sum()),
        minutes,
        tuple(float(value) for value in np.quantile(took, LEVELS)),
    )


def found(before: Sample, after: Sample) -> set[Measure]:
    return {
        one.measure for one in changes({"x": before}, {"x": after}, minutes=(before.minutes, after.minutes))
    }


def test_the_same_service_twice_is_hardly_ever_a_change():
    assert sum(bool(found(sample(2 * n), sample(2 * n + 1))) for n in range(400)) <= 4


@pytest.mark.parametrize(
    ("changed", "measure"),
    [({"rate": 35}, Measure.RATE), ({"errors": 0.09}, Measure.ERRORS), ({"took_ms": 160}, Measure.P95)],
)
def test_what_changed_is_named(changed, measure):
    assert all(measure in found(sample(n), sample(n + 500, **changed)) for n in range(20))


def test_traffic_in_waves_is_not_taken_for_a_change_of_rate():
    waves = np.tile([2, 60], 30).astype(float)
    before = Sample(int(waves.sum()), 0, float((waves**2).sum()), 60, ())
    after = Sample(int(waves.sum() * 1.25), 0, float(((waves * 1.25) ** 2).sum()), 60, ())
    assert found(before, after) == set()


def test_what_appears_is_new_only_if_the_stretch_before_would_have_shown_it():
    one, many = Sample(1, 0, 1.0, 60, ()), Sample(50, 0, 100.0, 60, ())
    assert changes({}, {"x": one}, minutes=(60, 60)) == []
    assert [c.measure for c in changes({}, {"x": many}, minutes=(60, 60))] == [Measure.APPEARED]
    assert [c.measure for c in changes({"x": many}, {}, minutes=(60, 60))] == [Measure.GONE]
    assert changes({}, {"x": many}, minutes=(2, 60)) == []


def test_what_got_worse_comes_first():
    before = {"a": sample(1), "b": sample(2)}
    after = {"a": sample(3, took_ms=50), "b": sample(4, errors=0.2)}
    named = changes(before, after, minutes=(60, 60))
    assert [(one.of, one.measure, one.is_worse) for one in named][:1] == [("b", Measure.ERRORS, True)]
    assert not named[-1].is_worse


def test_of_what_got_slower_first_comes_what_adds_most_waiting_not_what_is_called_most():
    before = {"often": sample(1, rate=200, took_ms=1), "seldom": sample(2, rate=10, took_ms=5)}
    after = {"often": sample(3, rate=200, took_ms=1.5), "seldom": sample(4, rate=10, took_ms=130)}
    slower = [c for c in changes(before, after, minutes=(60, 60)) if c.measure is Measure.P95]
    assert [c.of for c in slower] == ["seldom", "often"]
    assert slower[0].added > slower[1].added > 0


def test_too_few_calls_tell_nothing():
    assert found(sample(1, rate=0.1), sample(2, rate=0.1, took_ms=900)) == set()
