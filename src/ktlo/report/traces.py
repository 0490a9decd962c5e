"""Found traces and one trace as something to read: the waterfall's rows, errors first, and where the time went."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from ktlo.report.charts import COUNT, SECONDS, SHARE, Heading, Row, Table, written
from ktlo.report.charts.calendar_ticks import moment_label
from ktlo.report.pieces import Answer
from ktlo.report.services import Href, stretch_text
from ktlo.telemetry.interval import Interval
from ktlo.telemetry.logs import Record
from ktlo.telemetry.search import Found
from ktlo.telemetry.trace import Node, Trace
from ktlo.telemetry.waterfall import FITS, parents_of, rows
from ktlo.telemetry.waterfall import Row as Drawn
from ktlo.wording import counted

_DEEPEST = 24
"""Levels that are drawn indented; deeper ones stand where this one does, with their depth in words."""
_COLOURS = 6
MOST_FAILURES = 50


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the waterfall.

    Attributes:
        node: the span; ``None`` for a log record.
        log: the record; ``None`` for a span.
        indent: level that it is drawn at.
        left: beginning within the trace, in thousandths.
        width: length within the trace, in thousandths; at least what can be seen.
        colour: number of the service's colour, from 1.
        took: duration in words.
        own: self time in words.
        hidden: spans below it that are not drawn.
        hidden_errors: of them, with status error.
        anchor: identifier on the page; empty for a twin.
    """

    node: Node | None
    log: Record | None
    indent: int
    left: float
    width: float
    colour: int
    took: str
    own: str
    hidden: int = 0
    hidden_errors: int = 0
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """A span that failed, for the list above the waterfall.

    Attributes:
        node: it.
        said: what went wrong, in words.
        group_href: page of the error that it is one of; empty when none.
    """

    node: Node
    said: str
    group_href: str


@dataclass(frozen=True, slots=True)
class TraceView:
    """A trace as a page.

    Attributes:
        answer: first line.
        lines: the waterfall.
        services: with their colour's number.
        failures: spans that failed, causes before what they caused.
        failed: how many there are.
        time: where the time went, by service and operation.
        by_service: the same by service.
        ticks: marks of the time axis, (thousandths, words).
        cut: how many spans are stored that were not read.
        folded: how many were read and are not drawn.
        logs: how many log records stand among the spans.
        logs_left: how many more there are.
    """

    answer: Answer
    lines: tuple[Line, ...]
    services: tuple[tuple[str, int], ...]
    failures: tuple[Failure, ...]
    failed: int
    time: Table
    by_service: Table
    ticks: tuple[tuple[float, str], ...]
    cut: int
    folded: int
    logs: int
    logs_left: int


def found_answer(found: list[Found], of: Interval, most: int, *, narrowed: bool = True) -> Answer:
    """First line of the search; ``narrowed`` when it was asked for anything but a stretch of time."""
    failed = sum(1 for one in found if one.errors)
    if not found:
        said = "No trace is like that" if narrowed else "No trace began in this stretch"
    elif len(found) >= most:
        said = (
            f"The newest {len(found)} of the traces that are like that"
            if narrowed
            else f"The newest {counted(len(found), 'traces')}"
        )
    elif narrowed:
        said = f"{len(found)} trace{' is' if len(found) == 1 else 's are'} like that"
    else:
        said = counted(len(found), "traces")
    errors = f"; {failed} with an error" if failed else ""
    return Answer("Which requests?", f"{said}{errors}", change=stretch_text(of))


def found_table(found: list[Found], href: Href) -> Table:
    """The traces that were found, newest first."""
    return Table(
        (
            Heading("Root"),
            Heading("Began, UTC"),
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
                    moment_label(one.started_at),
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


def trace_view(
    of: Trace,
    href: Href,
    logs: Sequence[Record] = (),
    errors: Mapping[str, tuple[str, str, str]] | None = None,
    opened: Collection[str] = (),
    fits: int = FITS,
) -> TraceView:
    """A trace as its page shows it.

    Args:
        of: the trace.
        href: makes URLs.
        logs: its log records, oldest first.
        errors: by span the group, type and message of its error.
        opened: spans whose children are drawn.
        fits: spans that are drawn of a large trace beyond what must be.
    """
    colours = {
        name: place % _COLOURS + 1 for place, name in enumerate(dict.fromkeys(n.service for n in of.nodes))
    }
    drawn = rows(of.nodes, logs, opened, fits=fits)
    lines = _lines(of, drawn, colours)
    spans = sum(row.node is not None for row in drawn)
    bad = sum(node.is_error for node in of.nodes)
    failed = f", {bad} with an error" if bad else ""
    root = next((node for node in of.nodes if not node.is_orphan), of.nodes[0])
    said = (
        f"It took {written(of.duration_ns / 1e9, SECONDS)} in {counted(len(of.nodes), 'spans')} of"
        f" {counted(len(colours), 'services')}{failed}"
    )
    missing = sum(node.is_orphan for node in of.nodes)
    change = f"{moment_label(of.started_at)} UTC · trace {of.trace_id}"
    if missing:
        change += (
            f" · {missing} span{' names a parent' if missing == 1 else 's name parents'} that has not arrived"
        )
    return TraceView(
        Answer(f"{root.service}: {root.name}", said, change=change),
        lines,
        tuple(colours.items()),
        _failures(of, errors or {}, href),
        sum(node.is_error for node in of.nodes),
        _time(of),
        _by_service(of, href),
        tuple(
            (at, written(of.duration_ns * at / 1e12, SECONDS)) for at in (0.0, 250.0, 500.0, 750.0, 1000.0)
        ),
        of.total - len(of.nodes),
        len(of.nodes) - spans,
        len(drawn) - spans,
        len(logs) - (len(drawn) - spans),
    )


def _lines(of: Trace, drawn: Sequence[Drawn], colours: Mapping[str, int]) -> tuple[Line, ...]:
    whole = max(of.duration_ns, 1)
    anchors: set[str] = set()
    made = []
    for row in drawn:
        indent = min(row.depth, _DEEPEST)
        if row.log is not None:
            left = min(max((row.log.logged_ns - of.start_ns) * 1000 / whole, 0.0), 1000.0)
            colour = colours.get(row.log.service, 1)
            at = f"+{written(max(row.log.logged_ns - of.start_ns, 0) / 1e9, SECONDS)}"
            made.append(Line(None, row.log, indent, round(left, 2), 0.0, colour, at, ""))
        elif row.node is not None:
            node = row.node
            anchor = "" if node.span_id in anchors else f"s-{node.span_id}"
            anchors.add(node.span_id)
            made.append(
                Line(
                    node, None, indent,
                    round((node.start_ns - of.start_ns) * 1000 / whole, 2),
                    max(round(node.duration_ns * 1000 / whole, 2), 1.5),
                    colours[node.service],
                    written(node.duration_ns / 1e9, SECONDS), written(node.self_ns / 1e9, SECONDS),
                    row.hidden, row.hidden_errors, anchor,
                )
            )  # fmt: skip
    return tuple(made)


def _causes_first(nodes: Sequence[Node], errors: Collection[str]) -> list[Node]:
    """Spans that failed, what went wrong first first: one below another that failed before it, else by their end.

    Args:
        nodes: spans, parents before their children.
        errors: spans that report an exception, failed or not.
    """
    parents = parents_of(nodes)
    ends: dict[int, int] = {}
    wrong = [place for place, node in enumerate(nodes) if node.is_error or node.span_id in errors]
    # What failed within another is its cause even where clocks say that it ended later.
    for place in wrong:
        end = nodes[place].start_ns + nodes[place].duration_ns
        above: int | None = place
        while above is not None:
            ends[above] = max(ends.get(above, end), end)
            above = parents[above]
    wrong.sort(key=lambda place: (ends[place], -nodes[place].depth, place))
    return [nodes[place] for place in wrong]


def _failures(of: Trace, errors: Mapping[str, tuple[str, str, str]], href: Href) -> tuple[Failure, ...]:
    """Spans that failed, and those that report an exception without failing."""
    found = []
    for node in _causes_first(of.nodes, errors):
        known = errors.get(node.span_id)
        group, kind, message = known or ("", "", "")
        said = ": ".join(part for part in (kind, message[:200]) if part) or "failed without a word"
        found.append(Failure(node, said, href("/errors/error", {"fingerprint": group}) if group else ""))
        if len(found) >= MOST_FAILURES:
            break
    return tuple(found)


def _by_service(of: Trace, href: Href) -> Table:
    """Self time by service, most first, with its share of all work."""
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for node in of.nodes:
        of_service = sums[node.service]
        of_service[0] += node.self_ns
        of_service[1] += 1
        of_service[2] += node.is_error
    work = sum(own for own, _, _ in sums.values())
    return Table(
        (Heading("Service"), Heading("Self time", SECONDS), Heading("Share", SHARE), Heading("Spans", COUNT),
         Heading("Errors", COUNT)),
        tuple(
            Row(
                (service or "(no service.name)", own / 1e9, own / work if work else None, spans, errors),
                href("/services/service", {"name": service}),
            )
            for service, (own, spans, errors) in sorted(sums.items(), key=lambda each: -each[1][0])
        ),
    )  # fmt: skip


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
