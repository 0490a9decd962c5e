"""Nodes of a graph have places of their own, and calls run forward where they can."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

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
