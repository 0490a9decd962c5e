"""Nodes of a graph have places of their own, and calls run forward where they can."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from ktlo.report.charts.lanes import ABOVE, BELOW, points
from ktlo.report.charts.layers import DEEPEST, layered

_NODES = [f"n{number}" for number in range(30)]


@given(st.lists(st.tuples(st.sampled_from(_NODES), st.sampled_from(_NODES)), max_size=80))
def test_every_node_has_a_place_of_its_own_whatever_leads_where(arrows):
    grid = layered(_NODES, arrows)
    assert sorted(grid.places) == sorted(_NODES) == sorted(grid.order)
    assert len(set(grid.places.values())) == len(_NODES)
    assert all(0 <= at < grid.columns and 0 <= row < grid.rows for at, row in grid.places.values())


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=20))
def test_without_circles_every_call_runs_from_left_to_right(pairs):
    arrows = [(f"n{min(pair)}", f"n{max(pair)}") for pair in pairs if pair[0] != pair[1]]
    places = layered([f"n{number}" for number in range(7)], arrows).places
    assert all(places[start][0] < places[end][0] for start, end in arrows)


def test_a_circle_is_opened_at_one_place_only():
    places = layered(["a", "b", "c"], [("a", "b"), ("b", "c"), ("c", "a")]).places
    assert sum(places[s][0] > places[e][0] for s, e in (("a", "b"), ("b", "c"), ("c", "a"))) == 1


def test_a_chain_longer_than_there_is_room_ends_in_the_last_layer():
    nodes = [f"n{number}" for number in range(40)]
    grid = layered(nodes, list(itertools.pairwise(nodes)))
    assert grid.columns >= DEEPEST
    assert len(set(grid.places.values())) == 40


def test_a_thousand_deep_chain_needs_no_recursion():
    nodes = [f"n{number}" for number in range(5000)]
    assert len(layered(nodes, list(itertools.pairwise(nodes))).places) == 5000


def test_a_link_past_a_node_bends_into_a_lane_and_one_that_meets_none_is_straight():
    start, end = (100.0, 50.0), (500.0, 50.0)
    assert points(start, end, {(300.0, 110.0): 15.0}) == [start, end]
    assert points(start, end, {(300.0, 50.0): 15.0}) == [start, (300.0, 50.0 - ABOVE), end]
    # What stands right above leaves the lane below.
    crowded = {(300.0, 50.0): 15.0, (300.0, 10.0): 15.0}
    assert points(start, end, crowded) == [start, (300.0, 50.0 + BELOW), end]
    # What stands beside both ends is not between them.
    assert points(start, end, {(600.0, 50.0): 15.0, (40.0, 50.0): 15.0}) == [start, end]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=20, unique=True))
def test_a_bend_is_never_at_a_node_or_its_name_in_rows_of_their_height(stood):
    nodes = {(200.0 + 100 * at, 26.0 + 60 * row): 15.0 for at, row in stood}
    for x, y in points((100.0, 146.0), (900.0, 86.0), nodes)[1:-1]:
        assert not any(x == other and -ABOVE < y - at < BELOW for other, at in nodes)
