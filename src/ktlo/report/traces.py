"""Found traces and one trace as something to read: the waterfall's rows, and where the time went."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from ktlo.report.charts import COUNT, SECONDS, Heading, Row, Table, written
from ktlo.report.charts.calendar_ticks import minute_label
from ktlo.report.pieces import Answer
from ktlo.report.services import Href, stretch_text
from ktlo.telemetry.interval import Interval
from ktlo.telemetry.search import Found
from ktlo.telemetry.trace import Node, Trace

_DEEPEST = 24
"""Levels that are drawn indented; deeper ones stand where this one does, with their depth in words."""
_COLOURS = 6


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the waterfall.

    Attributes:
        node: the span.
        indent: level that it is drawn at.
        left: beginning within the trace, in thousandths.
        width: length within the trace, in thousandths; at least what can be seen.
        colour: number of the service's colour, from 1.
        took: duration in words.
        own: self time in words.
    """

    node: Node
    indent: int
    left: float
    width: float
    colour: int
    took: str
    own: str


@dataclass(frozen=True, slots=True)
class TraceView:
    """A trace as a page.

    Attributes:
        answer: first line.
        lines: the waterfall.
        services: with their colour's number.
        time: where the time went, by service and operation.
        ticks: marks of the time axis, (thousandths, words).
        cut: how many spans are stored that are not shown.
    """

    answer: Answer
    lines: tuple[Line, ...]
    services: tuple[tuple[str, int], ...]
    time: Table
    ticks: tuple[tuple[float, str], ...]
    cut: int


def found_answer(found: list[Found], of: Interval, most: int) -> Answer:
    """First line of the search."""
    failed = sum(1 for one in found if one.errors)
    if not found:
        said = "No trace is like that"
    elif len(found) >= most:
        said = f"The newest {len(found)} of the traces that are like that"
    else:
        said = f"{len(found)} trace{' is' if len(found) == 1 else 's are'} like that"
    errors = f"; {failed} with an error" if failed else ""
    return Answer("Which requests?", f"{said}{errors}", change=stretch_text(of))


def found_table(found: list[Found], href: Href) -> Table:
    """The traces that were found, newest first."""
    return Table(
        (
            Heading("Root"),
            Heading("Began"),
            Heading("Took", SECONDS),
            Heading("Spans", COUNT),
            Heading("Errors", COUNT),
            Heading("Matching spans", COUNT),
            Heading("Services"),
            Heading("Trace"),
        ),
        tuple(
            Row(
                (
                    f"{one.root_service}: {one.root_name}" if one.root_name else "(root not here)",
                    one.started_at,
                    one.duration_ns / 1e9,
                    one.spans,
                    one.errors,
                    one.matched,
                    ", ".join(one.services),
                    one.trace_id[:12],
                ),
                href("/trace", {"id": one.trace_id}),
            )
            for one in found
        ),
    )


def trace_view(of: Trace) -> TraceView:
    """A trace as its page shows it."""
    colours = {
        name: place % _COLOURS + 1 for place, name in enumerate(dict.fromkeys(n.service for n in of.nodes))
    }
    whole = max(of.duration_ns, 1)
    lines = tuple(
        Line(
            node,
            min(node.depth, _DEEPEST),
            round((node.start_ns - of.start_ns) * 1000 / whole, 2),
            max(round(node.duration_ns * 1000 / whole, 2), 1.5),
            colours[node.service],
            written(node.duration_ns / 1e9, SECONDS),
            written(node.self_ns / 1e9, SECONDS),
        )
        for node in of.nodes
    )
    errors = sum(node.is_error for node in of.nodes)
    failed = f", {errors} with an error" if errors else ""
    root = next((node for node in of.nodes if not node.is_orphan), of.nodes[0])
    said = (
        f"It took {written(of.duration_ns / 1e9, SECONDS)} in {len(of.nodes):,}"
        f" span{'' if len(of.nodes) == 1 else 's'} of {len(colours)}"
        f" service{'' if len(colours) == 1 else 's'}{failed}"
    )
    missing = sum(node.is_orphan for node in of.nodes)
    change = f"{minute_label(of.started_at)} · trace {of.trace_id}"
    if missing:
        change += (
            f" · {missing} span{' names a parent' if missing == 1 else 's name parents'} that has not arrived"
        )
    return TraceView(
        Answer(f"{root.service}: {root.name}", said, change=change),
        lines,
        tuple(colours.items()),
        _time(of),
        tuple(
            (at, written(of.duration_ns * at / 1e12, SECONDS)) for at in (0.0, 250.0, 500.0, 750.0, 1000.0)
        ),
        of.total - len(of.nodes),
    )


def _time(of: Trace) -> Table:
    """Self time by service and operation, most first: it adds up to the work that was done."""
    sums: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for node in of.nodes:
        of_operation = sums[node.service, node.name]
        of_operation[0] += node.self_ns
        of_operation[1] += 1
        of_operation[2] += node.is_error
        of_operation[3] = max(of_operation[3], node.duration_ns)
    ordered = sorted(sums.items(), key=lambda each: -each[1][0])
    return Table(
        (
            Heading("Operation"),
            Heading("Service"),
            Heading("Self time", SECONDS),
            Heading("Spans", COUNT),
            Heading("Errors", COUNT),
            Heading("Longest", SECONDS),
        ),
        tuple(
            Row((name, service, own / 1e9, spans, errors, longest / 1e9))
            for (service, name), (own, spans, errors, longest) in ordered
        ),
    )
