"""What of a trace is drawn, where its logs stand in it, and what two traces differ in."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ktlo.report.trace_compare import sentences
from ktlo.telemetry.compare import compare, typical
from ktlo.telemetry.logs import Record
from ktlo.telemetry.trace import Trace, arranged, trace
from ktlo.telemetry.waterfall import FITS, drawn, parents_of, rows

MS = 1_000_000


def span(
    name: str, start: int, took: int, parent: str = "", *, error: bool = False, op: str = ""
) -> dict[str, Any]:
    return {
        "span_id": name, "parent_span_id": parent, "service": "s", "name": op or name, "kind": "internal",
        "start_ns": start * MS, "duration_ns": took * MS, "status": "error" if error else "unset",
    }  # fmt: skip


def made(*spans: dict[str, Any]) -> Trace:
    return arranged("t", sorted(spans, key=lambda one: one["start_ns"]), len(spans))


def record(at: float, span_id: str = "", body: str = "said") -> Record:
    return Record(round(at * MS), "s", "", "", "", "info", "", body, "", "t", span_id, {}, {}, "", 0, 0)


def names(trace: Trace, logs: list[Record] | None = None, **said: Any) -> list[str]:
    return [
        f"{'.' * row.depth}{row.node.span_id if row.node else row.log.body if row.log else ''}"
        + (f"+{row.hidden}" if row.hidden else "")
        for row in rows(trace.nodes, logs or [], **said)
    ]


SMALL = made(span("a", 0, 100), span("b", 10, 20, "a"), span("c", 12, 5, "b"), span("d", 50, 20, "a"))


def test_logs_stand_among_the_children_of_their_span_by_time():
    logs = [record(5, "a", "first"), record(40, "a", "between"), record(13, "c", "inner"), record(1, "", "nobody's"),
            record(90, "elsewhere", "stray")]  # fmt: skip
    assert names(SMALL, logs) == [
        "a", ".first", ".b", "..c", "...inner", ".between", ".d", "nobody's", "stray",
    ]  # fmt: skip


def test_a_large_trace_shows_its_critical_path_errors_and_upper_levels_first():
    spans = [span("root", 0, 1000), span("main", 0, 1000, "root")]
    spans += [span(f"m{n}", n, 5, "root") for n in range(8)]
    spans += [span(f"m{n}-{k}", n, 1, f"m{n}") for n in range(8) for k in range(5)]
    spans += [span("deep", 3, 1, "m7-4", error=True), span("last", 900, 100, "main")]
    shown = names(made(*spans), fits=13)
    assert "...deep" in shown
    assert shown[:3] == ["root", ".main", "..last"]
    assert sum(name.startswith(".m") for name in shown) == 9
    total = sum(int(name.partition("+")[2] or 0) for name in shown) + len(shown)
    assert total == len(spans), "every span is drawn or counted at one that is"


def test_opening_a_span_draws_its_children():
    spans = [span("root", 0, 100), span("c", 0, 100, "root")]
    spans += [span(f"c{n}", n, 0, "root") for n in range(20)]
    spans += [span(f"c5-{n}", 5, 0, "c5") for n in range(3)]
    before, after = names(made(*spans), fits=3), names(made(*spans), opened=["c5"], fits=3)
    assert not any("c5-" in name for name in before)
    assert [name for name in after if "c5" in name] == [".c5", "..c5-0", "..c5-1", "..c5-2"]


def test_a_log_of_a_span_that_is_folded_stands_under_the_nearest_that_is_drawn():
    spans = [span("root", 0, 100), span("c", 0, 100, "root")]
    spans += [span(f"c{n}", n, 0, "root") for n in range(20)]
    assert ".far" in names(made(*spans), [record(19, "c19", "far")], fits=3)


def _root(place: int, parent: list[int | None]) -> int:
    while (above := parent[place]) is not None:
        place = above
    return place


@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(0, 50), st.booleans()),
        min_size=1,
        max_size=60,
    ),
    st.integers(1, 20),
    st.lists(st.tuples(st.integers(0, 90), st.integers(-1, 40)), max_size=10),
)
def test_whatever_is_folded_every_span_is_drawn_or_counted_and_every_log_stands_once(said, fits, logged):
    of = made(
        *(span(f"{n}", start, 5, str(parent), error=bad) for n, (parent, _, start, bad) in enumerate(said))
    )
    logs = [record(at, str(own) if own >= 0 else "", f"log {n}") for n, (at, own) in enumerate(logged)]
    shown = rows(of.nodes, logs, fits=fits)
    spans = [row for row in shown if row.node]
    kept, parent = drawn(of.nodes, fits=fits), parents_of(of.nodes)
    roots = [n for n, above in enumerate(parent) if above is None and not kept[n]]
    below_no_line = sum(1 for n in range(len(of.nodes)) if _root(n, parent) in roots)
    assert len(spans) + sum(row.hidden for row in spans) + below_no_line == len(of.nodes)
    assert sorted(row.log.body for row in shown if row.log) == sorted(one.body for one in logs)
    assert (
        all(row.node.is_error for row in spans if row.node)
        or fits < len(of.nodes)
        or len(spans) == len(of.nodes)
    )
    kept, parent = drawn(of.nodes, fits=fits), parents_of(of.nodes)
    assert all(kept[parent[n]] for n, one in enumerate(kept) if one and parent[n] is not None)  # type: ignore[index]
    assert all(kept[n] for n, node in enumerate(of.nodes) if node.is_error)


def wide(count: int) -> Trace:
    return made(
        span("r", 0, 10_000),
        *(span(f"{n}", n, 1, "r" if n < 100 else f"{n % 100}") for n in range(count - 1)),
    )


def deep(count: int) -> Trace:
    return made(*(span(f"{n}", n, count - n, f"{n - 1}" if n else "") for n in range(count)))


def test_ten_thousand_spans_are_folded_to_what_fits():
    assert len(rows(wide(10_000).nodes)) <= FITS + 400


def instructions(task: Callable[[], object]) -> int:
    """How many instructions of Python a task runs; unlike its time, the same on every machine."""
    count, before = 0, sys.gettrace()

    def follow(frame: Any, event: str, _: object) -> Any:
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return follow

    sys.settrace(follow)
    try:
        task()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("shape", [wide, deep])
def test_a_large_trace_is_folded_in_a_few_hundred_instructions_a_span(shape):
    logs = [record(n, f"{n}") for n in range(200)]
    small, large = shape(1_500).nodes, shape(3_000).nodes
    once, twice = (instructions(lambda of=of: rows(of, logs, opened=["7"])) for of in (small, large))
    assert twice < 2.2 * once
    assert once < 1_500 * 1_000  # 270 a span on Python 3.11


# Two traces ----------------------------------------------------------------------------------------

QUICK = made(
    span("1", 0, 100, op="GET /"), span("2", 10, 20, "1", op="SELECT"), span("3", 40, 10, "1", op="cache")
)
SLOW = made(
    span("1", 0, 300, op="GET /", error=True), span("2", 10, 120, "1", op="SELECT"),
    span("4", 150, 20, "1", op="SELECT"), span("5", 200, 50, "1", op="POST /pay"),
)  # fmt: skip


def test_what_is_new_gone_and_slower_is_told_in_words():
    said = sentences(compare(QUICK, SLOW))
    assert said == [
        "s: SELECT spends 120 ms more: 20 ms in A, 140 ms in B, called once and twice.",
        "s: GET / spends 40 ms more: 70 ms in A, 110 ms in B.",
        "Only B has s: POST /pay (once, 50 ms).",
        "Only A has s: cache (once, 10 ms).",
        "B has errors that the other has not: s: GET /.",
    ]


def test_the_same_trace_differs_in_nothing():
    made_of = compare(QUICK, QUICK)
    assert all(one.own_ns == 0 for one in made_of.differences)
    assert sentences(made_of) == [
        "They have the same calls, and none of them differs by a twentieth of the duration."
    ]


@pytest.mark.parametrize(("a", "b"), [(QUICK, SLOW), (SLOW, QUICK), (SMALL, QUICK)])
def test_differences_add_up_to_the_difference_of_the_work(a, b):
    found = compare(a, b).differences
    assert sum(one.own_ns for one in found) == sum(n.self_ns for n in b.nodes) - sum(
        n.self_ns for n in a.nodes
    )
    assert sum(one.before.spans for one in found) == len(a.nodes)
    ways = [one.way for one in found]
    assert all(way[:-1] in ways[: ways.index(way)] for way in ways if len(way) > 1), "parents come first"


def test_a_typical_request_is_the_median_of_those_without_an_error(store, tmp_path):
    from otlp_requests import Said, request, segment

    from ktlo.store.streams import TRACES

    file = tmp_path / "typical"
    file.write_bytes(segment(request("typ", *(
        Said(f"{n:016x}", "GET /t", n, took, trace_id=f"{n:032x}", error=took >= 900)
        for n, took in enumerate((10, 20, 30, 40, 900, 901, 902), start=700)
    ))))  # fmt: skip
    store.load(TRACES, file, "typical")
    bad = trace(store, f"{704:032x}")
    assert typical(store, bad) == (f"{702:032x}", 4)
    assert typical(store, trace(store, "7" * 32)) == ("", 0)
