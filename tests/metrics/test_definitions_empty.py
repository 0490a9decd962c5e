"""Every metric where there is nothing, or one record, to compute it from; and the plain arithmetic on rows."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from world import END, PERIOD, START, at, incident, put

from ktlo.metrics.ask import ask, rows_behind
from ktlo.metrics.bugs import bug_net_flow
from ktlo.metrics.downtime import availability, down, downtime
from ktlo.metrics.question import Dimension, Grain, Window
from ktlo.metrics.registry import definition, definitions
from ktlo.metrics.reliability import incidents
from ktlo.metrics.rows import Rows
from ktlo.metrics.trend import buckets
from ktlo.store.embedded import EmbeddedStore

NAMES = sorted(definitions())
COUNTED = {
    "incidents": "count",
    "deployment_frequency": "count",
    "person_days": "total",
    "effort_by_category": "total",
}
"""Metrics whose answer is zero where nothing is recorded: plain counts."""


@pytest.mark.parametrize("name", NAMES)
def test_a_metric_without_records_says_why_it_has_no_number(name: str, empty_store: EmbeddedStore) -> None:
    defined = definition(name)
    answer = ask(empty_store, defined, PERIOD)
    headline = answer.headline(defined)
    assert headline.n == 0
    if name in COUNTED:
        assert headline.value == 0.0
    else:
        assert headline.value is None
        assert headline.reason
        assert "nan" not in headline.reason.lower()
    assert answer.collected_at is None
    assert answer.comparison is None
    assert rows_behind(empty_store, defined, PERIOD).num_rows == 0


def test_groups_and_series_of_nothing_are_empty_and_no_error(empty_store: EmbeddedStore) -> None:
    for defined in definitions().values():
        assert ask(empty_store, defined, replace(PERIOD, by=Dimension.SERVICE)).figures == ()
    series = ask(empty_store, definition("time_to_restore"), replace(PERIOD, grain=Grain.WEEK)).figures
    assert [figure.statistics["p50"].n for figure in series] == [0, 0, 0, 0]


def test_one_incident_is_its_own_median(empty_store: EmbeddedStore) -> None:
    put(empty_store, [incident("I1", "01-09 10:00", resolved_at=at("01-09 12:00"))])
    found = ask(empty_store, definition("time_to_restore"), PERIOD).figures[0].statistics
    assert (found["p50"].value, found["p50"].n, found["open"].value) == (7200.0, 1, 0.0)
    assert ask(empty_store, definition("downtime"), PERIOD).figures[0].statistics["total"].value is None


# From here on: rows made by hand, without a store.

MOMENTS = st.integers(min_value=-40 * 86400, max_value=68 * 86400)
"""Seconds from the start of the period: before it, in it, and after it."""
WINDOW = Window(START, END, PERIOD.now)


def _moments(seconds: list[int | None]) -> pa.Array:
    values = [None if each is None else START + dt.timedelta(seconds=each) for each in seconds]
    return pa.array(values, pa.timestamp("us", "UTC"))


def _outages(given_rows: list[tuple[str, int, int | None, bool]]) -> Rows:
    return Rows(
        pa.table(
            {
                "service": pa.array([row[0] for row in given_rows], pa.string()),
                "at": _moments([row[1] for row in given_rows]),
                "ended_at": _moments([row[2] for row in given_rows]),
                "is_planned": pa.array([row[3] for row in given_rows], pa.bool_()),
                "known_until": pa.array([PERIOD.now] * len(given_rows), pa.timestamp("us", "UTC")),
            }
        )
    )


OUTAGES = st.lists(
    st.tuples(st.sampled_from(["shop", "search", ""]), MOMENTS, st.none() | MOMENTS, st.booleans()),
    max_size=12,
).map(_outages)


@settings(deadline=None)
@given(OUTAGES, st.sampled_from(list(Grain)))
def test_downtime_never_exceeds_the_window_and_its_buckets_add_up(rows: Rows, grain: Grain) -> None:
    found = down(rows, WINDOW)
    assert found.seconds <= WINDOW.seconds * found.services + 1e-6
    parts = [down(rows, Window(*edges, PERIOD.now)) for edges in buckets(START, END, grain.value)]
    assert sum(part.seconds for part in parts) == pytest.approx(found.seconds)
    assert sum(part.failures for part in parts) == found.failures
    total, share = downtime(rows, WINDOW)["total"], availability(rows, WINDOW)["share"]
    assert share.value is None or 0 <= share.value <= 1
    assert (total.value is None) == (len(rows) == 0)


@settings(deadline=None)
@given(OUTAGES)
def test_planned_outages_change_nothing(rows: Rows) -> None:
    unplanned = rows.where(rows.numbers("is_planned") == 0)
    assert down(rows, WINDOW).seconds == down(unplanned, WINDOW).seconds


@settings(deadline=None)
@given(
    st.lists(st.tuples(MOMENTS, st.none() | MOMENTS, st.sampled_from(["", "a", "b"])), max_size=30),
    st.sampled_from(list(Grain)),
)
def test_cutting_a_period_or_its_rows_neither_loses_nor_repeats_a_count(
    drawn: list[tuple[int, int | None, str]], grain: Grain
) -> None:
    rows = Rows(
        pa.table(
            {
                "at": _moments([row[0] for row in drawn]),
                "closed_at": _moments([row[1] for row in drawn]),
                "restored_at": _moments([row[1] for row in drawn]),
                "is_over": pa.array([row[1] is not None for row in drawn], pa.bool_()),
                "team": pa.array([row[2] for row in drawn], pa.string()),
            }
        )
    )
    windows = [Window(*edges, PERIOD.now) for edges in buckets(START, END, grain.value)]
    for estimate, statistic in ((incidents, "count"), (bug_net_flow, "opened"), (bug_net_flow, "closed")):
        whole = estimate(rows, WINDOW)[statistic].value
        assert sum(estimate(rows, window)[statistic].value or 0 for window in windows) == whole
        groups = rows.groups("team").values()
        assert sum(estimate(group, WINDOW)[statistic].value or 0 for group in groups) == whole


def test_a_part_of_the_rows_has_the_same_values_whether_read_before_or_after_it_was_cut() -> None:
    table = pa.table({"name": ["b", None, "a", "b"], "n": [1, None, 3, 4], "at": _moments([0, None, 5, 9])})
    for is_read_first in (True, False):
        rows = Rows(table)
        if is_read_first:
            rows.numbers("n")
            rows.seconds("at")
        part = rows.where(np.array([False, True, True, True])).groups("name")
        assert list(part) == ["", "a", "b"]  # of equal size, so by name
        assert part["b"].numbers("n").tolist() == [4.0]
        assert part["a"].seconds("at").tolist() == [START.timestamp() + 5]
        assert np.isnan(part[""].numbers("n")).all()
        assert part["b"].table.to_pydict()["name"] == ["b"]
        assert len(part["b"]) == part["b"].table.num_rows == 1


def test_one_column_can_be_read_as_number_and_as_instant() -> None:
    rows = Rows(pa.table({"at": _moments([0])}))
    assert rows.seconds("at").tolist() == [START.timestamp()]
    assert rows.text("at")[0] is not None
    assert rows.seconds("at").tolist() == [START.timestamp()]


def test_the_order_of_the_definitions_does_not_follow_from_what_was_imported_first() -> None:
    import subprocess
    import sys

    asked = "; from ktlo.metrics.registry import definitions; print(*definitions())"
    listed = {
        subprocess.run(
            [sys.executable, "-c", f"import ktlo.metrics.{first}{asked}"],
            capture_output=True, text=True, check=True,
        ).stdout
        for first in ("findings", "reliability", "effort")
    }  # fmt: skip
    assert len(listed) == 1
