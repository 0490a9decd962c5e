"""A trace taken apart: every span once, whatever its parents say; self time and critical path by hand."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ktlo.errors import NotFoundError, UsageError
from ktlo.telemetry.trace import arranged, read_id, span_details, trace

CHECKOUT = "c" * 32


def span(name: str, start: int, took: int, parent: str = "", status: str = "unset") -> dict:
    return {
        "span_id": name, "parent_span_id": parent, "service": "s", "name": name, "kind": "internal",
        "start_ns": start, "duration_ns": took, "status": status,
    }  # fmt: skip


def drawn(*rows) -> list[tuple]:
    made = arranged("t", sorted(rows, key=lambda row: row["start_ns"]), len(rows))
    return [(node.name, node.depth, node.self_ns, node.is_critical) for node in made.nodes]


def test_a_stored_trace_is_a_tree_with_self_times(store):
    made = trace(store, CHECKOUT)
    assert [(n.service, n.name, n.depth, n.self_ns // 1_000_000) for n in made.nodes] == [
        ("web", "GET /checkout", 0, 50), ("web", "charge", 1, 10), ("pay", "POST /charge", 2, 40),
    ]  # fmt: skip
    assert (made.duration_ns, made.total) == (100_000_000, 3)
    assert [node.is_error for node in made.nodes] == [False, False, True]


def test_overlapping_children_are_taken_off_once():
    assert drawn(span("root", 0, 100), span("a", 10, 40, "root"), span("b", 30, 40, "root")) == [
        ("root", 0, 40, True), ("a", 1, 40, False), ("b", 1, 40, True),
    ]  # fmt: skip


def test_a_child_that_outlives_its_parent_takes_off_only_the_common_part():
    assert drawn(span("root", 0, 100), span("late", 90, 500, "root"))[0] == ("root", 0, 90, True)


def test_the_critical_path_is_what_the_trace_waited_for():
    rows = (
        span("root", 0, 100), span("fast", 0, 20, "root"), span("slow", 0, 60, "root"),
        span("inner", 10, 40, "slow"), span("after", 65, 30, "root"),
    )  # fmt: skip
    assert [name for name, _, _, critical in drawn(*rows) if critical] == ["root", "slow", "inner", "after"]


def test_spans_without_their_parent_are_roots_that_say_so():
    made = arranged("t", [span("a", 0, 5, "gone")], 1)
    assert (made.nodes[0].depth, made.nodes[0].is_orphan) == (0, True)


@pytest.mark.parametrize(
    "rows",
    [
        [span("a", 0, 5, "a")],
        [span("a", 0, 5, "b"), span("b", 1, 5, "a")],
        [span("a", 0, 5, "c"), span("b", 1, 5, "a"), span("c", 2, 5, "b"), span("d", 3, 1, "c")],
        [span("a", 0, 5), span("a", 1, 5), span("b", 2, 1, "a")],
    ],
)
def test_circles_and_twins_hide_nothing(rows):
    assert sorted(name for name, *_ in drawn(*rows)) == sorted(row["name"] for row in rows)


@given(
    st.lists(
        st.tuples(st.integers(0, 8), st.integers(0, 8), st.integers(0, 100), st.integers(0, 100)),
        min_size=1, max_size=25,
    )
)  # fmt: skip
def test_whatever_is_reported_every_span_is_drawn_once_and_no_self_time_is_negative(said):
    rows = [span(str(own), start, took, str(parent)) for own, parent, start, took in said]
    nodes = arranged("t", sorted(rows, key=lambda row: row["start_ns"]), len(rows)).nodes
    assert sorted(node.span_id for node in nodes) == sorted(row["span_id"] for row in rows)
    assert all(0 <= node.self_ns <= node.duration_ns for node in nodes)
    for before, node in itertools.pairwise(nodes):
        assert node.depth <= before.depth + 1


def test_ten_thousand_spans_in_a_row_are_no_problem():
    rows = [span(str(n), n, 20_000 - n, str(n - 1) if n else "") for n in range(10_000)]
    assert arranged("t", rows, len(rows)).nodes[-1].depth == 9_999


def test_identifiers_are_read_as_people_paste_them(store):
    assert read_id(f" {CHECKOUT.upper()} ") == CHECKOUT
    assert read_id("cccccccc-cccc-cccc-cccc-cccccccccccc") == CHECKOUT
    for bad in ("", "c" * 31, "g" * 32, "c" * 33):
        with pytest.raises(UsageError):
            read_id(bad)
    with pytest.raises(NotFoundError, match="keep_days"):
        trace(store, "9" * 32)


def test_one_span_has_all_its_details(store):
    (detail,) = span_details(store, CHECKOUT, "3" * 16)
    assert dict(detail["event_attributes"][0]) == {"exception.type": "Declined"}
    assert span_details(store, CHECKOUT, "9" * 16) == []
