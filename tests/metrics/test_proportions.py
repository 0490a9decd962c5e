"""Shares of a count against Newcombe's published tables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from ktlo.metrics.estimate import Estimate, not_estimable
from ktlo.metrics.proportions import difference, newcombe, wilson


def sections(golden):
    lines = golden("proportions_newcombe.txt")
    cut = lines.index(["difference"])
    return lines[1:cut], lines[cut + 1 :]


def test_wilsons_intervals_are_those_published(golden):
    for successes, trials, low, high in sections(golden)[0]:
        share = wilson(int(successes), int(trials))
        assert (share.low, share.high) == pytest.approx((float(low), float(high)), abs=6e-5)


def test_newcombes_intervals_are_those_published(golden):
    for first, first_of, second, second_of, low, high in sections(golden)[1]:
        apart = newcombe(int(second), int(second_of), int(first), int(first_of))
        assert (apart.low, apart.high) == pytest.approx((float(low), float(high)), abs=6e-5)


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilsons_interval_agrees_with_scipy_and_mirrors(counts):
    successes, trials = counts
    ours, theirs = wilson(successes, trials), binomtest(successes, trials).proportion_ci(method="wilson")
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)
    other = wilson(trials - successes, trials)
    assert ours.low == pytest.approx(1 - other.high, abs=1e-12)


@given(st.integers(0, 50), st.integers(0, 50), st.integers(50, 90), st.integers(50, 90))
def test_a_difference_the_other_way_round_is_the_negative(first, second, first_of, second_of):
    there, back = newcombe(first, first_of, second, second_of), newcombe(second, second_of, first, first_of)
    assert there.value == pytest.approx(-back.value)
    assert there.low == pytest.approx(-back.high)


def test_no_trials_is_not_estimable_and_neither_is_a_difference_to_it():
    assert wilson(0, 0).value is None
    assert newcombe(0, 0, 3, 10).reason == "there are none in this period"


def test_an_end_that_one_side_lacks_is_lacking_in_the_difference():
    apart = difference(Estimate(5.0, 3.0, None, 10), Estimate(4.0, 2.0, 6.0, 10))
    assert apart.low is None
    assert apart.high == pytest.approx(-1 + 8**0.5)


def test_more_successes_than_trials_is_refused():
    with pytest.raises(ValueError, match="3 of 2 is not a share"):
        wilson(3, 2)


def test_an_estimate_without_value_must_say_why_and_must_lie_in_its_interval():
    assert not_estimable("no rows", 0).reason == "no rows"
    with pytest.raises(ValueError, match="reason"):
        Estimate(None, None, None, 0)
    with pytest.raises(ValueError, match="outside its interval"):
        Estimate(1.0, 2.0, 3.0, 5)
