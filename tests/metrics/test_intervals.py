"""Outages counted once, and rates with Garwood's limits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ktlo.metrics.intervals import (
    Spans,
    availability,
    downtime,
    error_budget_left,
    mean_between_failures,
    poisson_limits,
    rate,
    total_length,
    union,
)

NAN = float("nan")
HOUR = 3600.0
outages = st.lists(st.tuples(st.integers(-50, 150), st.integers(0, 60), st.booleans()), max_size=25).map(
    lambda rows: [(float(at), NAN if is_open else float(at + length)) for at, length, is_open in rows]
)


def covered(rows, start=0.0, end=100.0, now=100.0):
    return union([row[0] for row in rows], [row[1] for row in rows], start, end, now)


def pairs(spans):
    return list(zip(spans.starts.tolist(), spans.ends.tolist(), strict=True))


def test_overlapping_outages_count_once():
    assert pairs(covered([(10, 30), (20, 40), (60, 70)])) == [(10, 40), (60, 70)]


def test_an_outage_inside_another_adds_nothing():
    assert pairs(covered([(10, 90), (20, 30), (40, 50)])) == [(10, 90)]


def test_outages_that_touch_are_one():
    assert pairs(covered([(10, 20), (20, 30)])) == [(10, 30)]


def test_an_outage_that_has_not_ended_lasts_until_now():
    assert pairs(covered([(10, NAN)], now=60)) == [(10, 60)]


def test_nothing_after_now_counts():
    assert pairs(covered([(10, 80), (70, NAN), (90, 95)], now=60)) == [(10, 60)]


@given(outages, st.randoms())
def test_the_order_of_the_outages_does_not_matter(rows, shuffle):
    shuffled = list(rows)
    shuffle.shuffle(shuffled)
    assert pairs(covered(rows)) == pairs(covered(shuffled))


@given(outages)
def test_the_union_of_a_union_is_itself(rows):
    once = covered(rows)
    assert pairs(covered(pairs(once))) == pairs(once)
    assert pairs(covered(rows + rows)) == pairs(once)


@given(outages, st.integers(0, 40), st.integers(50, 100), st.integers(-10, 120))
def test_every_second_counts_as_down_just_when_an_outage_covers_it(rows, start, end, now):
    spans = covered(rows, start, end, now)
    seconds = np.arange(-60, 160) + 0.5
    down = np.zeros(seconds.size, dtype=bool)
    for first, last in rows:
        down |= (seconds > first) & (seconds < (np.inf if np.isnan(last) else last))
    down &= (seconds > start) & (seconds < min(end, now))
    assert total_length(spans) == np.count_nonzero(down)
    assert total_length(spans) <= end - start
    assert np.all(spans.starts[1:] > spans.ends[:-1])


@pytest.mark.parametrize("rows", [[(20, 10)], [(NAN, 10)]])
def test_an_outage_without_a_start_or_with_an_end_before_it_is_refused(rows):
    with pytest.raises(ValueError, match="start"):
        covered(rows)


def test_poisson_limits_are_those_published(golden):
    for count, low, high in golden("poisson_limits_garwood.txt"):
        assert poisson_limits(int(count)) == pytest.approx((float(low), float(high)), abs=6e-4)


def test_a_rate_of_nothing_is_zero_and_has_an_upper_end():
    calm = rate(0, 10 * HOUR, per=HOUR)
    assert (calm.value, calm.low) == (0, 0)
    assert calm.high == pytest.approx(0.3689, abs=1e-4)


def test_rates_cover_the_truth_at_least_as_often_as_they_say(rng):
    counts = rng.poisson(3.0, 2000)
    hits = [limits[0] <= 3.0 <= limits[1] for limits in map(poisson_limits, counts.tolist())]
    assert np.mean(hits) >= 0.95


def test_mtbf_is_operating_time_over_failures():
    mtbf = mean_between_failures(4, 400 * HOUR)
    assert mtbf.value == 100 * HOUR
    assert mtbf.low == pytest.approx(400 * HOUR / 10.242, rel=1e-3)
    assert mtbf.high == pytest.approx(400 * HOUR / 1.0899, rel=1e-3)


def test_without_a_failure_mtbf_is_unknown_but_not_below_a_bound():
    mtbf = mean_between_failures(0, 368.9 * HOUR)
    assert mtbf.value is None
    assert mtbf.reason == "nothing failed in this period"
    assert mtbf.low == pytest.approx(100 * HOUR, rel=1e-3)


def test_availability_is_the_share_of_time_up():
    up = availability(covered([(10, 15), (12, 20)]), 100.0)
    assert up.value == pytest.approx(0.9)
    assert up.low < 0.9 < up.high <= 1


def test_a_period_without_outage_is_all_up_with_an_unknown_lower_end():
    up = availability(covered([]), 100.0)
    assert (up.value, up.low, up.high) == (1.0, None, 1.0)
    assert "no outage yet" in up.reason


def test_downtimes_interval_covers_what_the_service_is_like(rng):
    period, mean, hits = 1000 * HOUR, 2 * HOUR, 0
    for _ in range(600):
        lengths = rng.exponential(mean, rng.poisson(12))
        starts = np.arange(lengths.size) * 80 * HOUR
        down = downtime(Spans(starts, starts + lengths), period)
        hits += down.low <= 12 * mean <= (np.inf if down.high is None else down.high)
    assert hits / 600 >= 0.93


def test_more_downtime_than_time_is_refused():
    with pytest.raises(ValueError, match="down in a period"):
        downtime(covered([(0, 100)]), 50.0)


def test_a_period_that_has_not_begun_is_not_estimable():
    assert availability(covered([], now=-5), 0.0).value is None
    assert rate(0, 0.0).value is None
    assert mean_between_failures(0, 0.0).value is None


def test_the_error_budget_is_what_the_objective_allows():
    month = 30 * 24 * HOUR
    assert error_budget_left(0.0, month, 0.999).value == 1
    assert error_budget_left(0.0005 * month, month, 0.999).value == pytest.approx(0.5)
    assert error_budget_left(0.002 * month, month, 0.999).value == pytest.approx(-1)
