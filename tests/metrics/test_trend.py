"""Slopes that outliers cannot bend, and calendars that cover a period exactly."""

from __future__ import annotations

import datetime as dt
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau, norm

from ktlo.metrics.trend import Bucket, buckets, mann_kendall, trend

ZONES = [dt.UTC, dt.timezone(dt.timedelta(hours=9))]
moments = st.builds(
    lambda seconds, zone: dt.datetime.fromtimestamp(seconds, tz=zone),
    st.integers(0, 4_260_000_000),
    st.sampled_from(ZONES),
)


def day(year, month, number):
    return dt.datetime(year, month, number, tzinfo=dt.UTC)


def test_a_straight_line_has_its_slope_and_one_wild_point_does_not_change_it():
    times = np.arange(20.0)
    values = 3 * times + 1
    values[7] = 1_000
    found = trend(times, values)
    assert found.slope.value == pytest.approx(3)
    assert found.is_detectable


def test_the_slopes_interval_covers_the_truth_as_often_as_it_says(rng):
    times, hits = np.arange(30.0), 0
    for _ in range(300):
        slope = trend(times, 0.2 * times + rng.standard_t(3, 30)).slope
        hits += slope.low <= 0.2 <= slope.high
    assert 0.92 <= hits / 300 <= 0.985


def test_noise_is_called_a_trend_as_seldom_as_it_says(rng):
    alarms = [trend(np.arange(24.0), rng.normal(size=24)).is_detectable for _ in range(400)]
    assert 0.02 <= np.mean(alarms) <= 0.08


@settings(deadline=None)
@given(st.lists(st.integers(0, 9), min_size=8, max_size=60).filter(lambda values: len(set(values)) > 1))
def test_the_trend_test_is_kendalls_with_the_correction_for_continuity(values):
    score = abs(sum(np.sign(later - earlier) for earlier, later in combinations(values, 2)))
    assume(score > 0)
    plain = norm.isf(kendalltau(np.arange(len(values)), values, method="asymptotic").pvalue / 2)
    assert norm.isf(mann_kendall(values) / 2) == pytest.approx(plain * (score - 1) / score, abs=1e-9)


def test_a_rising_series_gets_the_p_value_worked_out_by_hand():
    # n = 10, S = 45, Var = 10 * 9 * 25 / 18 = 125, z = 44 / sqrt(125) = 3.9355
    assert mann_kendall(range(10)) == pytest.approx(8.303e-05, rel=1e-3)


def test_too_few_points_or_one_moment_have_no_trend():
    assert trend([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]).slope.reason == "3 points; a trend needs 4"
    assert trend([1.0] * 5, range(5)).slope.value is None
    assert not trend([1.0] * 5, range(5)).is_detectable


def test_points_without_a_value_are_left_out():
    assert trend([0, 1, 2, 3, 4], [0, 2, np.nan, 6, 8]).slope.n == 4


def test_weeks_begin_on_monday_and_the_first_and_last_are_cut_off():
    assert buckets(day(2026, 11, 18), day(2026, 12, 1), "week") == (
        Bucket(day(2026, 11, 18), day(2026, 11, 23)),
        Bucket(day(2026, 11, 23), day(2026, 11, 30)),
        Bucket(day(2026, 11, 30), day(2026, 12, 1)),
    )


def test_months_and_quarters_cross_the_year():
    assert [bucket.start for bucket in buckets(day(2025, 11, 1), day(2026, 2, 1), "month")] == [
        day(2025, 11, 1),
        day(2025, 12, 1),
        day(2026, 1, 1),
    ]
    assert [bucket.start for bucket in buckets(day(2025, 7, 1), day(2026, 2, 1), "quarter")] == [
        day(2025, 7, 1),
        day(2025, 10, 1),
        day(2026, 1, 1),
    ]


@settings(deadline=None)
@given(moments, st.integers(1, 400 * 86400), st.sampled_from(["day", "week", "month", "quarter"]))
def test_buckets_cover_the_period_without_gap_or_overlap(start, seconds, grain):
    end = start + dt.timedelta(seconds=seconds)
    found = buckets(start, end, grain)
    assert (found[0].start, found[-1].end) == (start, end)
    assert all(one.end == other.start for one, other in pairwise(found))
    assert all(bucket.start < bucket.end for bucket in found)
    assert all(bucket.end.utcoffset() == dt.timedelta(0) for bucket in found)
    assert all(bucket.end.hour == bucket.end.minute == 0 for bucket in found[:-1])


def test_an_unknown_grain_or_a_time_without_zone_is_refused():
    with pytest.raises(ValueError, match="not 'hour'"):
        buckets(day(2026, 1, 1), day(2026, 1, 2), "hour")
    with pytest.raises(ValueError, match="time zone"):
        buckets(dt.datetime(2026, 1, 1), day(2026, 1, 2), "day")  # noqa: DTZ001 - what is refused


def test_an_empty_period_has_no_buckets():
    assert buckets(day(2026, 1, 1), day(2026, 1, 1), "day") == ()
