"""Deployments that follow from which version was seen in which minute."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ktlo.telemetry.rollouts import Outcome, rollouts, stretches

DAY = 24 * 60


def minutes(*spans: tuple[int, int]) -> np.ndarray:
    """Every minute of half-open stretches."""
    return np.concatenate([np.arange(first, after) for first, after in spans])


def told(seen) -> list[tuple[str, str, str, bool, int, int | None]]:
    return [
        (one.version, one.previous, str(one.outcome), one.is_rollback, one.started, one.finished)
        for one in rollouts(seen)
    ]


def test_what_was_there_first_is_no_deployment():
    assert told({"1": minutes((0, 500))}) == []


def test_a_rollout_begins_with_the_first_call_and_ends_with_the_last_to_the_old_version():
    assert told({"1": minutes((0, 110)), "2": minutes((100, 500))}) == [
        ("2", "1", "complete", False, 100, 109)
    ]


def test_a_stop_and_a_start_with_silence_between_is_one_deployment():
    assert told({"1": minutes((0, 100)), "2": minutes((130, 500))}) == [
        ("2", "1", "complete", False, 130, 130)
    ]


def test_a_restart_of_the_same_version_is_none():
    assert told({"1": minutes((0, 100), (400, 500))}) == []


def test_a_rollback_is_a_deployment_too_and_each_is_told_once():
    seen = {"1": minutes((0, 110), (200, 600)), "2": minutes((100, 210))}
    assert told(seen) == [("2", "1", "complete", False, 100, 109), ("1", "2", "complete", True, 200, 209)]


def test_a_canary_that_went_again_is_withdrawn_and_the_old_version_was_not_deployed_again():
    assert told({"1": minutes((0, 600)), "2": minutes((100, 160))}) == [
        ("2", "1", "withdrawn", False, 100, 159)
    ]


def test_a_canary_that_becomes_a_rollout_is_one_deployment():
    seen = {"1": minutes((0, 400)), "2": minutes((100, 900))}
    assert told(seen) == [("2", "1", "complete", False, 100, 399)]


def test_a_rare_canary_does_not_flap():
    rng = np.random.default_rng(7)
    canary = np.flatnonzero(rng.random(2 * DAY) < 0.03) + 200
    found = rollouts({"1": minutes((0, 3 * DAY + 400)), "2": canary})
    assert [(one.outcome, one.version) for one in found] == [(Outcome.WITHDRAWN, "2")]


def test_two_versions_for_longer_than_a_day_live_side_by_side():
    seen = {"1": minutes((0, 3 * DAY)), "2": minutes((100, 3 * DAY))}
    assert told(seen) == [("2", "1", "side_by_side", False, 100, None)]


def test_a_rollout_that_goes_on_is_in_progress():
    assert told({"1": minutes((0, 200)), "2": minutes((150, 200))}) == [
        ("2", "1", "in_progress", False, 150, None)
    ]


def test_a_straggler_of_the_old_version_is_no_rollback():
    seen = {"1": minutes((0, 110), (300, 301)), "2": minutes((100, 900))}
    assert told(seen) == [("2", "1", "complete", False, 100, 109)]


def test_a_version_that_was_overtaken_before_it_was_alone_is_withdrawn():
    seen = {"1": minutes((0, 140)), "2": minutes((100, 125)), "3": minutes((120, 900))}
    assert told(seen) == [("2", "1", "withdrawn", False, 100, 124), ("3", "1", "complete", False, 120, 139)]


def test_calls_that_say_no_version_are_nobodys_deployment():
    assert told({"": minutes((0, 100)), "2": minutes((50, 500))}) == []


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), often=st.floats(0.08, 1.0))
def test_two_versions_behind_one_balancer_are_never_many_deployments(seed, often):
    """Calls come now and then, and chance says which of two versions answers: that is one arrival."""
    rng = np.random.default_rng(seed)
    active = np.flatnonzero(rng.random(2000) < often)
    by_new = (active > 500) & (rng.random(active.size) < 0.5)
    found = rollouts({"1": active[~by_new], "2": active[by_new]})
    assert len(found) <= 1


@settings(max_examples=100, deadline=None)
@given(
    lengths=st.lists(st.integers(40, 300), min_size=1, max_size=12),
    overlap=st.integers(0, 20),
    shift=st.integers(0, 10**7),
)
def test_every_version_after_the_first_is_one_deployment_wherever_the_clock_begins(lengths, overlap, shift):
    seen, at = {}, shift
    for number, length in enumerate(lengths):
        seen[f"v{number}"] = minutes((max(shift, at - (overlap if number else 0)), at + length))
        at += length
    found = rollouts(seen)
    assert [one.version for one in found] == [f"v{number}" for number in range(1, len(lengths))]


@pytest.mark.parametrize("share", [1.0, 0.5, 0.2])
def test_how_long_a_silence_must_be_depends_on_how_often_a_version_was_seen(share):
    often = np.arange(0, 3000, round(1 / share))
    gone = {
        silence: [
            one for one in stretches({"1": often, "2": minutes((0, 3000 + silence))}) if not one.is_live
        ]
        for silence in (8, 200)
    }
    assert gone[8] == []
    assert [(one.version, one.last) for one in gone[200]] == [("1", int(often[-1]))]


def test_a_version_that_answers_less_often_since_another_came_is_not_gone():
    old = np.concatenate([np.arange(0, 100), np.arange(100, 400, 12)])
    new = np.setdiff1d(np.arange(100, 390), old)
    assert told({"1": old, "2": new}) == [("2", "1", "in_progress", False, 101, None)]
