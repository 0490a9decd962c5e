"""Trends name what changed, and nothing else: simulated with known truth, and read from a store."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from otlp_requests import TEN, segment
from simulated import World, simulated
from versioned import Ran, reports

from ktlo.errors import UsageError
from ktlo.report.trends import said, trends_section, verdict
from ktlo.store.embedded import EmbeddedStore
from ktlo.store.streams import TRACES
from ktlo.telemetry.compared import stretches
from ktlo.telemetry.shifts import discoveries
from ktlo.telemetry.trend import Least, Measure, Verdict
from ktlo.telemetry.trends import judged, trends
from ktlo.telemetry.turning import turn

ANY = Least(200, 1e-9, 1e-9, 1e-9)
"""Every change matters: what is named is a matter of chance alone."""


def named(found) -> set[tuple[str, Measure]]:
    return {(one.key.name, one.measure) for one in found.named if one.verdict is Verdict.CHANGED}


@pytest.mark.parametrize("span", ["day", "week", "4weeks"])
@pytest.mark.parametrize(
    "world",
    [
        World(operations=40),
        World(operations=40, day_noise=0.3),
        World(operations=40, calls=10, failing=0.004),
    ],
    ids=["usual", "noisy-days", "few-calls"],
)
def test_where_nothing_changed_hardly_anything_is_named(span, world):
    """At most one run in twenty may name anything; of twelve, three are beyond what a right test does (2 in 1,000)."""
    rng = np.random.default_rng(20261126)
    runs = 5 if span == "4weeks" else 12
    assert sum(bool(named(judged(simulated(rng, world, span), ANY))) for _ in range(runs)) <= 2


def test_what_changed_is_named_and_of_the_named_few_are_chance():
    rng = np.random.default_rng(11)
    world = World(operations=60, changed=12, slower=2.0, failing_more=3.0)
    wrong = right = 0
    for _ in range(8):
        for name, measure in named(judged(simulated(rng, world), ANY)):
            is_true = int(name.rpartition("/")[2]) < world.changed and measure is not Measure.RATE
            right, wrong = right + is_true, wrong + (not is_true)
    assert right >= 0.9 * 8 * 12 * 2
    assert wrong <= 0.08 * right


def test_a_change_that_does_not_matter_is_not_named_however_sure():
    rng = np.random.default_rng(2)
    found = judged(simulated(rng, World(operations=30, calls=30_000, changed=5, failing=0.2, failing_more=1.1,
                                        day_noise=0.01, hour_noise=0.02)))  # fmt: skip
    errors = [one for one in found.others if one.measure is Measure.ERRORS][:5]
    assert {one.verdict for one in errors} == {Verdict.SMALL}


def test_what_cannot_be_seen_yet_says_how_many_calls_it_needs():
    rng = np.random.default_rng(3)
    found = judged(simulated(rng, World(operations=12, calls=10, failing=0.01)))
    told = {verdict(one) for one in found.others if one.measure is Measure.ERRORS}
    assert any(text.startswith("not detectable yet, needs about") for text in told)


def test_benjamini_and_hochberg_as_in_their_paper():
    p = np.array([0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719,
                  0.6528, 0.7590, 1.0])  # fmt: skip
    assert int((discoveries(p, np.ones(15, dtype=bool)) <= 0.05).sum()) == 4
    assert np.isnan(discoveries(p, p < 0)).all()


@pytest.mark.parametrize("step", [30, 84, 150])
def test_the_hour_of_a_step_is_found_whatever_the_shape_of_the_day(step):
    rng = np.random.default_rng(step)
    hours = np.arange(168)
    values = np.sin(hours / 24 * 2 * np.pi) + rng.normal(0, 0.3, 168) + (hours >= step)
    found = turn(values, np.ones(168))
    assert found is not None
    assert abs(found.at - step) <= 3
    assert found.first <= step <= found.last


def test_a_stretch_is_whole_hours_and_a_day_is_held_against_the_same_day_a_week_before():
    now = dt.datetime(2026, 11, 26, 11, 40, tzinfo=dt.UTC)
    of = stretches("day", now)
    assert (of.later.end, of.later.seconds) == (now.replace(minute=0), 86400)
    assert of.later.start - of.earlier.start == dt.timedelta(days=7)
    with pytest.raises(UsageError, match="no stretch to compare"):
        stretches("year", now)


DAY = 24 * 60


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trends")
    opened = EmbeddedStore(folder / "store")
    opened.migrate()
    file = folder / "one.segment"
    plans = [
        *reports("web", [Ran("1", 0, 11 * DAY, 1, (10, 100)), Ran("2", 11 * DAY, 14 * DAY, 1, (20, 260))]),
        *reports("web", [Ran("1", 0, 14 * DAY, calls=1, took=(5, 50), name="GET /same")]),
        *reports("pay", [Ran("7", 8 * DAY, 14 * DAY, calls=1, name="POST /new")]),
        *reports("late", [Ran("1", 3 * DAY + DAY // 2, 14 * DAY, calls=1, took=(5, 50), name="GET /late")]),
        *reports("old", [Ran("7", 0, 2 * DAY, calls=1, name="GET /gone")]),
    ]  # fmt: skip
    file.write_bytes(segment(*plans))
    opened.load(TRACES, file, "one")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def found(store):
    zero = dt.datetime.fromtimestamp(TEN // 10**9, dt.UTC)
    return trends(store, stretches("week", zero + dt.timedelta(days=14)))


def test_a_slower_operation_is_named_with_when_it_began_and_what_was_deployed_then(found):
    (slower,) = found.of(Measure.P95)
    assert (slower.key.service, slower.key.name, slower.is_worse) == ("web", "GET /", True)
    assert slower.before == pytest.approx(0.095, abs=0.005)
    deployed = dt.datetime.fromtimestamp(TEN // 10**9 + 11 * 86400, dt.UTC)
    assert abs(slower.turned.at - deployed) <= dt.timedelta(hours=2)
    assert slower.turned.deployment.version == "2"
    assert slower.low < slower.ratio < slower.high


def test_operations_that_are_new_or_gone_are_told_as_that(found):
    assert {(one.key.name, one.verdict) for one in found.of(Measure.RATE)} == {
        ("POST /new", Verdict.NEW),
        ("GET /gone", Verdict.GONE),
    }


def test_the_time_that_a_change_adds_is_what_its_callers_wait_longer(found):
    """1,440 calls a day took 55 ms in the mean and then 140 ms, for three of the seven days."""
    (slower,) = found.of(Measure.P95)
    assert slower.added == pytest.approx(1440 * 0.085 * 3 / 7 / 3600, rel=0.1)


def test_an_operation_whose_figures_are_the_same_is_not_named(found):
    assert {
        one.verdict
        for one in found.others
        if one.key.name == "GET /same" and one.measure is not Measure.ERRORS
    } == {Verdict.NONE}


def test_the_first_line_counts_what_changed(found):
    assert said(found) == "Operations: 1 got slower, 1 is new, 1 is no longer called, over 167 of 168 hours"
    section = trends_section(found, lambda path, values: path)
    assert [one.name for one in section.listings] == ["duration", "rate", "others"]


def test_partial_weeks_are_compared_in_the_hours_that_both_have(store):
    zero = dt.datetime.fromtimestamp(TEN // 10**9, dt.UTC)
    short = trends(store, stretches("week", zero + dt.timedelta(days=10)))
    assert short.hours == pytest.approx(3 * 24, abs=1)


def test_a_service_that_began_within_the_earlier_week_is_not_called_more_often_since(found):
    (rate,) = [
        one for one in (*found.named, *found.others)
        if one.key.service == "late" and one.measure is Measure.RATE
    ]  # fmt: skip
    assert (rate.verdict, rate.before, rate.after) == (
        Verdict.NONE, pytest.approx(1, abs=0.02), pytest.approx(1, abs=0.02),
    )  # fmt: skip
    assert rate.hours == pytest.approx(3.5 * 24, abs=1)
    assert 0.9 < rate.low < 1 < rate.high < 1.1


def test_a_store_too_young_to_compare_says_since_when_it_has_data_and_when_that_is_enough(store):
    zero = dt.datetime.fromtimestamp(TEN // 10**9, dt.UTC)
    young = trends(store, stretches("week", zero + dt.timedelta(days=2)))
    assert (young.hours, young.since.replace(second=0, microsecond=0)) == (0, zero.replace(second=0))
    section = trends_section(young, lambda path, values: path)
    assert section.nothing.title == "There is nothing to compare yet"
    assert section.nothing.why == (
        "Telemetry is here since 21 Sep 2026 14:13 UTC; the last seven days against the seven days before needs data"
        " from 9 Sep 2026 14:00 UTC on. All hours can be compared from 5 Oct 2026 15:00 UTC."
    )
    assert section.listings == ()


def test_a_week_that_is_observed_in_part_says_so_in_the_first_line(store):
    zero = dt.datetime.fromtimestamp(TEN // 10**9, dt.UTC)
    partly = trends(store, stretches("week", zero + dt.timedelta(days=10)))
    assert said(partly).endswith(f", over {partly.hours} of 168 hours")
    section = trends_section(partly, lambda path, values: path)
    assert "Telemetry is here since 21 Sep 2026" in section.answer.change
    assert section.nothing is None


def test_the_hour_in_which_a_store_began_is_in_neither_stretch(store):
    zero = dt.datetime.fromtimestamp(TEN // 10**9, dt.UTC)
    first = trends(store, stretches("week", zero + dt.timedelta(days=7, hours=1)))
    assert first.hours == 0
    assert trends(store, stretches("week", zero + dt.timedelta(days=7, hours=2))).hours == 1


def test_a_store_without_a_whole_hour_says_since_when_it_has_data(store):
    zero = dt.datetime.fromtimestamp(TEN // 10**9, dt.UTC)
    first = trends(store, stretches("week", zero + dt.timedelta(minutes=30)))
    section = trends_section(first, lambda path, values: path)
    assert section.answer.said == "Nothing can be compared yet"
    assert section.nothing.why.startswith("Telemetry is here since 21 Sep 2026 14:13 UTC; ")
