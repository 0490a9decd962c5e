"""Verdicts on changes: right when nothing changed, and "needs about n" is what it takes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines.statistics import logrank_test
from scipy.stats import binomtest

from ktlo.metrics.comparison import compare_durations, compare_proportions, compare_rates, compare_shares
from ktlo.metrics.logrank import logrank
from ktlo.metrics.sample_size import durations_needed, events_needed, pace, schoenfeld_events, trials_needed
from ktlo.metrics.share import Declared, ktlo_share
from ktlo.metrics.survival import kaplan_meier

HOUR = 3600.0
WEEK = 7 * 24 * HOUR
groups = st.lists(st.tuples(st.integers(0, 30).map(float), st.booleans()), min_size=2, max_size=40).map(
    lambda rows: (np.array([row[0] for row in rows]), np.array([row[1] for row in rows]))
)


def test_the_log_rank_test_is_the_one_in_the_textbook(golden):
    lines = {line[0]: line[1:] for line in golden("kaplan_meier_6mp.txt")}
    words = lines["durations"]
    treated = [float(word.rstrip("+")) for word in words], [not word.endswith("+") for word in words]
    placebo = [float(word) for word in lines["placebo"]], [True] * len(lines["placebo"])
    test = logrank(*treated, *placebo)
    assert test.observed == int(lines["logrank_observed"][0])
    assert test.expected == pytest.approx(float(lines["logrank_expected"][0]), abs=0.005)
    assert test.statistic == pytest.approx(float(lines["logrank_statistic"][0]), abs=0.005)
    assert kaplan_meier(*placebo).quantile(0.5).value == float(lines["placebo_median"][0])


@settings(deadline=None, max_examples=40)
@given(groups, groups)
def test_the_log_rank_test_agrees_with_lifelines(first, second):
    ours = logrank(*first, *second)
    if ours.p_value is None:
        return
    theirs = logrank_test(first[0], second[0], first[1], second[1])
    assert ours.statistic == pytest.approx(theirs.test_statistic, abs=1e-8)
    assert ours.p_value == pytest.approx(theirs.p_value, abs=1e-8)


def test_the_log_rank_test_cries_wolf_as_often_as_it_says(rng):
    alarms = 0
    for _ in range(500):
        times, watched = rng.lognormal(10, 1.5, (2, 60)), rng.lognormal(11, 1.0, (2, 60))
        seen = times <= watched
        times = np.minimum(times, watched)
        alarms += compare_durations(times[0], seen[0], times[1], seen[1]).detectable
    assert 0.02 <= alarms / 500 <= 0.08


@pytest.mark.parametrize("shape", [1.0, 0.6])
def test_the_durations_said_to_be_needed_show_the_change_four_times_in_five(rng, shape):
    needed = durations_needed(kaplan_meier(rng.weibull(shape, 5000), np.ones(5000, dtype=bool)), 0.3)
    half, found = needed // 2, 0
    for _ in range(300):
        before, after = rng.weibull(shape, half), 0.7 * rng.weibull(shape, half)
        seen = np.ones(half, dtype=bool)
        found += compare_durations(before, seen, after, seen).detectable
    assert 0.72 <= found / 300 <= 0.88


def test_the_events_said_to_be_needed_show_the_change_four_times_in_five(rng):
    half = events_needed(0.3) / 1.7
    counts = rng.poisson([half, 0.7 * half], size=(400, 2)).tolist()
    found = [compare_rates(before, WEEK, after, WEEK).detectable for before, after in counts]
    assert 0.72 <= np.mean(found) <= 0.88


def test_the_trials_said_to_be_needed_show_the_change_four_times_in_five(rng):
    half = trials_needed(0.2, 0.3) // 2
    counts = rng.binomial(half, [0.2, 0.14], size=(500, 2)).tolist()
    found = [compare_proportions(before, half, after, half).detectable for before, after in counts]
    assert 0.74 <= np.mean(found) <= 0.87


def test_schoenfelds_formula_is_worked_out_by_hand_and_the_same_in_both_directions():
    # 4 * (1.959964 + 0.841621)^2 / ln(0.57)^2 = 31.3955 / 0.315983 = 99.358
    assert schoenfeld_events(0.57) == pytest.approx(99.358, abs=0.01)
    assert schoenfeld_events(2.0) == schoenfeld_events(0.5)
    with pytest.raises(ValueError, match="cannot be looked for"):
        schoenfeld_events(1.0)


def test_pace_is_weibulls_shape_also_when_times_are_rounded(rng):
    times = 20 * rng.weibull(0.6, 20_000)
    everything = np.ones(times.size, dtype=bool)
    assert pace(kaplan_meier(times, everything)) == pytest.approx(0.6, rel=0.1)
    assert pace(kaplan_meier(np.ceil(times), everything)) == pytest.approx(0.6, rel=0.2)


def test_a_ten_percent_improvement_is_out_of_reach_for_most_teams(rng):
    times = rng.exponential(5 * HOUR, 87)
    verdict = compare_durations(times[:41], np.ones(41, bool), times[41:], np.ones(46, bool))
    assert not verdict.detectable
    assert 1_500 < verdict.needed_n < 5_000
    assert verdict.sentence.startswith(
        "not detectable yet: 87 incidents in both periods, and a 10% improvement needs about "
    )


def test_a_change_that_is_there_is_told_with_both_medians(rng):
    before, after = rng.exponential(10 * HOUR, 300), rng.exponential(3 * HOUR, 300)
    verdict = compare_durations(before, np.ones(300, bool), after, np.ones(300, bool))
    assert verdict.detectable
    assert verdict.sentence.startswith("detectable: times got shorter (median ")
    assert verdict.difference.high < 0


def test_enough_data_without_a_change_is_told_as_such(rng):
    times = rng.exponential(HOUR, (2, 5_000))
    seen = np.ones(5_000, bool)
    sentences = {compare_durations(times[0], seen, times[0], seen).sentence}
    assert sentences == {
        "no change found: 10,000 incidents in both periods are enough to show a 10% improvement"
    }


def test_the_difference_of_medians_covers_the_truth_as_often_as_it_says(rng):
    truth, hits = 2 * HOUR * np.log(2), 0
    for _ in range(300):
        before, after = rng.exponential(3 * HOUR, 80), rng.exponential(5 * HOUR, 80)
        gap = compare_durations(before, np.ones(80, bool), after, np.ones(80, bool)).difference
        hits += gap.low <= truth <= gap.high
    assert 0.92 <= hits / 300 <= 0.985


def test_a_period_without_incidents_cannot_be_compared():
    verdict = compare_durations([], [], [HOUR], [True])
    assert verdict.sentence == "cannot be compared: no incidents in the period before"
    assert verdict.p_value is None


def test_periods_in_which_nothing_ended_cannot_be_compared():
    verdict = compare_durations([HOUR], [False], [HOUR], [False])
    assert verdict.sentence == "cannot be compared yet: too few of 2 incidents have ended"
    assert verdict.needed_n is None


@given(st.integers(0, 60), st.integers(0, 60), st.integers(1, 5), st.integers(1, 5))
def test_rates_are_compared_by_the_exact_test_whichever_comes_first(before, after, short, long):
    there = compare_rates(before, short * WEEK, after, long * WEEK)
    back = compare_rates(after, long * WEEK, before, short * WEEK)
    assert there.p_value == pytest.approx(back.p_value)
    if before + after:
        exact = binomtest(after, before + after, long / (short + long)).pvalue
        assert there.p_value == pytest.approx(exact)


def test_rates_say_which_way_they_went():
    assert compare_rates(60, WEEK, 20, WEEK).sentence.startswith(
        "detectable: fewer incidents than before (60"
    )
    assert compare_rates(20, WEEK, 60, WEEK).sentence.startswith("detectable: more incidents than before (20")
    assert compare_rates(3, WEEK, 2, WEEK).sentence == (
        "not detectable yet: 5 incidents in both periods, and a 10% improvement needs about 2,800"
    )
    assert compare_rates(1, WEEK, 0, WEEK).sentence.startswith(
        "not detectable yet: 1 incident in both periods"
    )


def test_nothing_in_both_periods_is_said_plainly():
    assert compare_rates(0, WEEK, 0, WEEK).sentence == "no incidents in this period or the one before"
    assert compare_rates(3, WEEK, 0, 0.0).sentence == "cannot be compared: the period has not begun"
    assert compare_durations([], [], [], []).sentence == "no incidents in this period or the one before"
    assert compare_proportions(0, 0, 0, 0).sentence == "no deployments in this period or the one before"
    assert compare_proportions(1, 4, 0, 0).sentence == "cannot be compared: no deployments in this period"


def test_proportions_of_few_are_judged_exactly():
    assert compare_proportions(0, 3, 1, 3).p_value == 1
    assert compare_proportions(0, 9, 0, 9).p_value == 1
    assert compare_proportions(1, 20, 18, 20).detectable


def test_a_share_of_effort_that_moved_is_seen_through_the_classifiers_mistakes(rng):
    def weeks(share):
        part = rng.normal(share, 0.03, 26)
        return np.stack([20 * (1 - part), 20 * part, np.zeros(26)], axis=1)[:, None, :]

    def estimated(share):
        return ktlo_share(weeks(share), [Declared(0.85, 20)], [False, True])

    verdict = compare_shares(estimated(0.30), estimated(0.40))
    assert verdict.detectable
    assert verdict.sentence.startswith("detectable: the share rose from ")
    alike = [compare_shares(estimated(0.30), estimated(0.30)).detectable for _ in range(40)]
    assert sum(alike) <= 6


def test_a_share_of_effort_says_how_many_weeks_it_needs(rng):
    effort = np.zeros((6, 1, 3))
    effort[:, 0, 1] = rng.uniform(2, 10, 6)
    effort[:, 0, 0] = 20 - effort[:, 0, 1]
    estimated = ktlo_share(effort, [Declared(1.0)], [False, True])
    verdict = compare_shares(estimated, estimated)
    assert (
        verdict.sentence.startswith("no change found")
        or " weeks in both periods, and a 10% improvement needs" in verdict.sentence
    )


def test_one_week_against_another_cannot_be_compared():
    one = ktlo_share(np.ones((1, 1, 3)), [Declared(1.0)], [False, True])
    assert "two weeks" in compare_shares(one, one).sentence
