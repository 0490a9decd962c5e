"""The Kaplan-Meier curve against a published table, against lifelines, and by its laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines import KaplanMeierFitter
from lifelines.utils import median_survival_times, restricted_mean_survival_time

from ktlo.metrics.survival import kaplan_meier, summarise
from ktlo.report.words import estimate_text

DAY = 86400.0
samples = st.lists(st.tuples(st.integers(0, 40).map(float), st.booleans()), min_size=1, max_size=60).map(
    lambda rows: (np.array([row[0] for row in rows]), np.array([row[1] for row in rows]))
)


@pytest.fixture(scope="module")
def remission(golden):
    lines = {line[0]: line[1:] for line in golden("kaplan_meier_6mp.txt")}
    words = lines["durations"]
    weeks = np.array([float(word.rstrip("+")) for word in words])
    return weeks, np.array([not word.endswith("+") for word in words])


def published(golden):
    lines = golden("kaplan_meier_6mp.txt")
    return np.array(lines[lines.index(["table"]) + 1 :], dtype=float)


def test_the_curve_is_the_one_in_the_textbook(golden, remission):
    table, curve = published(golden), kaplan_meier(*remission)
    assert np.array_equal(curve.times, table[:, 0])
    assert np.array_equal(curve.at_risk, table[:, 1])
    assert np.array_equal(curve.events, table[:, 2])
    np.testing.assert_allclose(curve.survival, table[:, 3], atol=0.0006)
    np.testing.assert_allclose(curve.survival * np.sqrt(curve.variance), table[:, 4], atol=0.0006)


def test_the_median_is_the_textbooks_and_has_no_upper_end(remission):
    median = kaplan_meier(*remission).quantile(0.5)
    assert (median.value, median.low, median.high) == (23, 13, None)
    assert (median.n, median.censored) == (21, 12)


def test_a_quantile_that_the_curve_does_not_reach_is_not_estimable_and_says_why(remission):
    p75 = kaplan_meier(*remission).quantile(0.75)
    assert p75.value is None
    assert p75.low == 23
    assert p75.reason == "the curve ends at 55% finished and does not reach 75%: 12 of 21 had not ended"


def test_the_restricted_mean_and_its_error_are_those_of_the_survival_package_of_r(remission):
    # print(survfit(...), rmean=35) on the same data: 23.29, standard error 2.83.
    mean = kaplan_meier(*remission).restricted_mean()
    assert mean.horizon == 35
    assert mean.estimate.value == pytest.approx(23.29, abs=0.005)
    assert mean.standard_error == pytest.approx(2.83, abs=0.005)


def test_the_restricted_means_interval_covers_the_truth_as_often_as_it_says(rng):
    truth, hits = DAY * (1 - np.exp(-2.0)), 0
    for _ in range(400):
        times, watched = rng.exponential(DAY, 80), rng.uniform(2, 4, 80) * DAY
        curve = kaplan_meier(np.minimum(times, watched), times <= watched)
        mean = curve.restricted_mean(2 * DAY).estimate
        hits += mean.low <= truth <= mean.high
    assert 0.92 <= hits / 400 <= 0.98


@pytest.mark.parametrize(
    ("durations", "ended"), [([3240.0], "is 1"), ([60.0, 7200.0], "are 2"), ([1.0, 2, 3, 4], "are 4")]
)
def test_the_mean_of_so_few_has_a_value_and_no_interval_and_says_why(durations, ended):
    mean = kaplan_meier(durations, [True] * len(durations)).restricted_mean().estimate
    assert (mean.low, mean.high) == (None, None)
    assert mean.value == pytest.approx(np.mean(durations))
    assert mean.reason == f"an interval of the mean needs 5 that have ended, there {ended}"
    said = estimate_text(mean, "s", "mean")
    assert f"(no interval: {mean.reason})" in said
    many_open = kaplan_meier([*durations, *[9e9] * 50], [True] * len(durations) + [False] * 50)
    assert many_open.restricted_mean().estimate.high is None, "those that have not ended do not make it surer"


def test_the_means_interval_of_five_holds_the_truth_nearly_as_often_as_it_says(rng):
    hits = 0
    for _ in range(2000):
        mean = kaplan_meier(rng.exponential(DAY, 5), np.ones(5, dtype=bool)).restricted_mean().estimate
        hits += mean.low <= DAY <= mean.high
    assert 0.84 <= hits / 2000 <= 0.90  # Student's; the normal one holds it in 0.78


def test_the_medians_interval_covers_the_truth_as_often_as_it_says(rng):
    truth, hits = DAY * np.log(2), 0
    for _ in range(400):
        times, watched = rng.exponential(DAY, 60), rng.uniform(0, 3, 60) * DAY
        median = kaplan_meier(np.minimum(times, watched), times <= watched).quantile(0.5)
        hits += (median.low or 0) <= truth <= (np.inf if median.high is None else median.high)
    assert 0.92 <= hits / 400 <= 0.985


def test_leaving_out_what_is_open_shortens_the_median_and_the_curve_does_not(rng):
    times, watched = rng.exponential(4 * DAY, 20_000), rng.uniform(0, 8, 20_000) * DAY
    observed = times <= watched
    truth = np.log(2) * 4 * DAY
    assert np.median(times[observed]) < 0.75 * truth
    assert kaplan_meier(np.minimum(times, watched), observed).quantile(0.5).value == pytest.approx(
        truth, rel=0.05
    )


@settings(deadline=None, max_examples=60)
@given(samples)
def test_curve_bands_and_quantiles_agree_with_lifelines(sample):
    times, observed = sample
    ours, theirs = kaplan_meier(times, observed), KaplanMeierFitter().fit(times, observed)
    expected = theirs.survival_function_at_times(ours.times).to_numpy()
    np.testing.assert_allclose(ours.survival, expected, atol=1e-12)
    band = theirs.confidence_interval_.loc[ours.times].to_numpy()
    inner = (ours.survival > 0) & np.isfinite(band).all(axis=1)
    np.testing.assert_allclose(ours.low[inner], band[inner, 0], atol=1e-9)
    np.testing.assert_allclose(ours.high[inner], band[inner, 1], atol=1e-9)
    ours_median = ours.quantile(0.5).value
    # lifelines misses a median that is reached exactly, by rounding.
    at_half = np.any(np.abs(ours.survival - 0.5) < 1e-9)
    assert at_half or (np.inf if ours_median is None else ours_median) == theirs.median_survival_time_
    if ours.times.size:
        mean = ours.restricted_mean(ours.last).estimate.value
        assert mean == pytest.approx(restricted_mean_survival_time(theirs, t=ours.last), abs=1e-6)


def test_the_medians_interval_is_that_of_lifelines(remission):
    theirs = median_survival_times(KaplanMeierFitter().fit(*remission).confidence_interval_)
    low, high = sorted(theirs.to_numpy().ravel())
    assert (low, high) == (13, np.inf)


def test_late_entries_count_only_after_they_entered_as_in_lifelines(rng):
    times = np.ceil(rng.exponential(30, 300)) + 1
    entries = np.floor(times * rng.uniform(0, 0.9, 300) * (rng.random(300) < 0.5))
    observed = rng.random(300) < 0.7
    # Someone is at risk from the start on, or an early small risk set would settle the curve for good.
    times[:40], entries[:40] = 200, 0
    ours = kaplan_meier(times, observed, entries)
    theirs = KaplanMeierFitter().fit(times, observed, entry=entries)
    expected = theirs.survival_function_at_times(ours.times).to_numpy()
    np.testing.assert_allclose(ours.survival, expected, atol=1e-12)


def test_entries_of_zero_change_nothing():
    times, observed = [0.0, 1.0, 1.0, 5.0], [True, True, False, True]
    plain, entered = kaplan_meier(times, observed), kaplan_meier(times, observed, [0.0] * 4)
    assert np.array_equal(plain.survival, entered.survival)


@settings(deadline=None, max_examples=100)
@given(samples, st.floats(0.01, 1e6))
def test_the_curve_falls_from_one_inside_its_band_and_stretches_with_time(sample, factor):
    times, observed = sample
    curve, stretched = kaplan_meier(times, observed), kaplan_meier(times * factor, observed)
    assert np.all(np.diff(curve.survival) < 0)
    assert np.all((curve.survival >= 0) & (curve.survival < 1))
    assert np.all((curve.low <= curve.survival) & (curve.survival <= curve.high))
    np.testing.assert_allclose(stretched.times, curve.times * factor)
    np.testing.assert_allclose(stretched.survival, curve.survival)
    for p in (0.5, 0.75, 0.9):
        one, other = curve.quantile(p), stretched.quantile(p)
        for before, after in ((one.value, other.value), (one.low, other.low), (one.high, other.high)):
            assert (before is None) == (after is None)
            assert before is None or after == pytest.approx(before * factor)


@settings(deadline=None, max_examples=50)
@given(samples, st.randoms())
def test_the_order_of_the_rows_does_not_matter(sample, shuffle):
    times, observed = sample
    order = list(range(len(times)))
    shuffle.shuffle(order)
    one, other = kaplan_meier(times, observed), kaplan_meier(times[order], observed[order])
    assert np.array_equal(one.survival, other.survival)


@settings(deadline=None, max_examples=50)
@given(samples)
def test_without_censoring_the_curve_is_the_share_that_took_longer(sample):
    times, _ = sample
    curve = kaplan_meier(times, np.ones(times.size, dtype=bool))
    longer = [(times > moment).mean() for moment in curve.times]
    np.testing.assert_allclose(curve.survival, longer, atol=1e-12)
    assert curve.restricted_mean().estimate.value == pytest.approx(times.mean(), abs=1e-9)


def test_a_drawn_curve_is_small_and_true(rng):
    times = rng.lognormal(10, 2, 50_000)
    curve = kaplan_meier(times, rng.random(50_000) < 0.8)
    drawn = curve.drawn()
    assert drawn.times.size <= 400
    assert drawn.times[0] == 0
    assert drawn.times[-1] == curve.last
    shown = drawn.survival[np.searchsorted(drawn.times, curve.times, side="right") - 1]
    assert np.abs(shown - curve.survival).max() <= 2 / 400 + 1e-3


def test_a_short_curve_is_drawn_whole(remission):
    curve = kaplan_meier(*remission)
    drawn = curve.drawn()
    assert drawn.times.tolist() == [0, *curve.times, 35]
    assert drawn.survival.tolist() == [1, *curve.survival, curve.survival[-1]]


def test_nothing_at_all_is_not_estimable_and_does_not_crash():
    curve = kaplan_meier([], [])
    assert curve.quantile(0.5).value is None
    assert curve.restricted_mean().estimate.reason == "there are none in this period"
    assert curve.drawn().survival.tolist() == [1, 1]


def test_when_nothing_has_ended_the_count_is_still_told():
    said = summarise([DAY, 2 * DAY], [False, False])
    assert said["p50"].value is None
    assert said["mean"].reason == "none of the 2 has ended yet"
    assert said["open"].value == 2
    assert said["count"].value == 2


def test_durations_of_zero_are_legal():
    curve = kaplan_meier([0.0, 0.0, 10.0], [True, True, True])
    assert curve.quantile(0.5).value == 0
    assert curve.restricted_mean().estimate.value == pytest.approx(10 / 3)


def test_a_horizon_beyond_what_was_watched_is_refused_unless_all_have_ended():
    assert kaplan_meier([1.0, 9.0], [True, False]).restricted_mean(20).estimate.value is None
    assert kaplan_meier([1.0, 9.0], [True, True]).restricted_mean(20).estimate.value == 5


@pytest.mark.parametrize(
    ("durations", "observed", "entries"),
    [
        ([-1.0], [True], None),
        ([float("nan")], [True], None),
        ([1.0, 2.0], [True], None),
        ([1.0], [True], [2.0]),
        ([1.0], [True], [-1.0]),
    ],
)
def test_durations_that_cannot_be_are_refused(durations, observed, entries):
    with pytest.raises(ValueError, match=r"negative|number|flags|entry"):
        kaplan_meier(durations, observed, entries)


def test_the_last_one_at_risk_does_not_settle_the_tail():
    curve = kaplan_meier([1.0, 2.0, 3.0], [True, True, True])
    assert (curve.survival[-1], curve.low[-1]) == (0, 0)
    assert curve.high[-1] == curve.high[-2] > 0
    assert curve.quantile(0.9).high is None
