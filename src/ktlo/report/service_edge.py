"""One edge of the map as something to read: a sentence, how it went over time, and calls worth looking at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ktlo.report.charts import SECONDS, Heading, LineChart, Row, Table
from ktlo.report.charts.calendar_ticks import moment_label
from ktlo.report.pieces import Answer, Known
from ktlo.report.service_map import red_words
from ktlo.report.services import Href, red_charts, stretch_text
from ktlo.telemetry.edge import Example
from ktlo.telemetry.interval import Interval
from ktlo.telemetry.service_map import Edge, Way
from ktlo.telemetry.services import Moment
from ktlo.wording import counted


@dataclass(frozen=True, slots=True)
class EdgeView:
    """The page of one edge.

    Attributes:
        answer: first line.
        charts: over time.
        examples: calls that are worth looking at.
        known: what it rests on.
        is_empty: nothing was called along it in the stretch.
    """

    answer: Answer
    charts: tuple[LineChart, ...]
    examples: Table
    known: Known
    is_empty: bool


def edge_view(
    edge: Edge | None,
    way: Way,
    moments: Sequence[Moment],
    examples: Sequence[Example],
    of: Interval,
    href: Href,
) -> EdgeView:
    """Make the page of one edge; ``edge`` is ``None`` where nothing was called along it in the stretch."""
    calls = edge.red.calls if edge else 0
    return EdgeView(
        Answer(
            f"How does {way.client} call {way.server}?",
            red_words(edge.red) if edge else "Nothing was called in this stretch",
            change=f"{way.kind}, {stretch_text(of)}",
        ),
        red_charts(moments, lambda red: ""),
        Table(
            (
                Heading("Operation"), Heading("Began, UTC"), Heading("Took", SECONDS), Heading("Status"),
                Heading("Trace"),
            ),
            tuple(
                Row(
                    (
                        one.name or "(no name)", moment_label(one.started_at), one.duration_ns / 1e9,
                        "error" if one.is_error else "", one.trace_id[:12],
                    ),
                    href("/trace", {"id": one.trace_id, "span": one.span_id}),
                )
                for one in examples
            ),
        ),
        Known(
            "Calls from one to the other, each once, with the duration that the caller saw; where it does not report,"
            " with that of the answer.",
            sample=f"{counted(calls, 'calls')}, {stretch_text(of)}",
            freshness="edges follow the spans within about ten seconds, later under load; late spans correct them",
            missing=("What the services sampled away before they reported it.",),
        ),
        edge is None,
    )  # fmt: skip
