"""Questions in PromQL to the store: expressions, what the metrics mean, exemplars."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import promql_parser as ast

from ktlo.store.protocol import Queryable
from ktlo.telemetry.promql.evaluate import answer
from ktlo.telemetry.promql.labels import Labels
from ktlo.telemetry.promql.names import Family
from ktlo.telemetry.promql.parsing import milliseconds, parsed, selector_of, selectors_in
from ktlo.telemetry.promql.places import PromqlError
from ktlo.telemetry.promql.question import Answered, Asked
from ktlo.telemetry.promql.samples import Samples, Selector, Stretch
from ktlo.telemetry.promql.spans import CALLS, LATENCY, SpanMetrics
from ktlo.telemetry.promql.stored import TARGET_INFO, Stored, moment

_EXEMPLARS = """
SELECT p.series AS series, tupleElement(e, 1) AS trace, tupleElement(e, 2) AS span, tupleElement(e, 3) AS number,
  toUnixTimestamp64Milli(tupleElement(e, 4)) AS at
FROM ktlo.%s AS p
ARRAY JOIN arrayZip(p.exemplar_traces, p.exemplar_spans, p.exemplar_values, p.exemplar_times) AS e
WHERE p.series IN {ids:Array(String)} AND p.at >= {start:DateTime64(9, 'UTC')} AND p.at <= {end:DateTime64(9, 'UTC')}
  AND notEmpty(p.exemplar_values)
ORDER BY at DESC LIMIT {most:UInt32}"""

_SPAN_METADATA = (
    (
        CALLS,
        "counter",
        "Spans, by service, operation, kind and status; follows from the spans by minute.",
        "",
    ),
    (LATENCY, "histogram", "Duration of spans in seconds; follows from the spans by minute.", "seconds"),
    (TARGET_INFO, "gauge", "1 for each resource that reports; its attributes as labels.", ""),
)

_DESCRIBED = """
SELECT s.name AS name, s.type AS type, s.unit AS unit, s.temporality AS temporality, s.monotonic AS monotonic,
  argMax(s.description, s.last_at) AS description
FROM ktlo.metric_series AS s
WHERE s.last_at >= {start:DateTime64(9, 'UTC')} AND s.first_at <= {end:DateTime64(9, 'UTC')}
  AND s.name IN (
    SELECT DISTINCT n.name FROM ktlo.metric_series_states AS n
    WHERE n.last_at >= {start:DateTime64(9, 'UTC')} AND n.first_at <= {end:DateTime64(9, 'UTC')}
      AND ({all:Bool} OR n.name IN {names:Array(String)}) ORDER BY n.name LIMIT {most:UInt32})
GROUP BY name, type, unit, temporality, monotonic ORDER BY name"""


class Everything:
    """The metrics of services and of their spans as one source."""

    def __init__(self, store: Queryable) -> None:
        self._stored = Stored(store)
        self._spans = SpanMetrics(store)

    def read(self, selector: Selector, of: Stretch) -> Iterator[Samples]:
        """See :meth:`ktlo.telemetry.promql.samples.Source.read`."""
        yield from self._stored.read(selector, of)
        yield from self._spans.read(selector, of)


@dataclass(frozen=True, slots=True)
class Exemplar:
    """One measurement with its trace.

    Attributes:
        labels: of the series.
        trace_id: it.
        span_id: the span that measured.
        value: what was measured.
        at: milliseconds since 1970.
    """

    labels: Labels
    trace_id: str
    span_id: str
    value: float
    at: int


@dataclass(frozen=True, slots=True)
class Described:
    """What a metric is.

    Attributes:
        name: in Prometheus' letters; of a histogram without suffix.
        raw: as it was reported.
        kind: counter, gauge, histogram or summary.
        unit: UCUM, as reported.
        description: as reported.
    """

    name: str
    raw: str
    kind: str
    unit: str
    description: str


def ask(store: Queryable, asked: Asked) -> Answered:
    """Compute an expression over what is stored; see :func:`ktlo.telemetry.promql.evaluate.answer`."""
    return answer(asked, Everything(store))


def range_of(store: Queryable, expression: str, at: int) -> Samples | None:
    """The samples of an expression that is a range (``up[5m]``), as they were reported; ``None`` for any other."""
    tree = parsed(expression)
    while isinstance(tree, ast.ParenExpr):
        tree = tree.expr
    if not isinstance(tree, ast.MatrixSelector):
        return None
    selector = tree.vector_selector
    end = at - milliseconds(selector.offset)
    start = end - milliseconds(tree.range) + 1
    parts = list(Everything(store).read(selector_of(selector), Stretch(start, end)))
    series = [
        (labels, part.times[low:high], part.values[low:high])
        for part in (each.without_stale() for each in parts)
        for labels, low, high in zip(part.labels, part.starts[:-1], part.starts[1:], strict=True)
        if high > low
    ]
    return Samples.of(series)


def selector_from(text: str) -> Selector:
    """Read a selector as ``match[]`` of Prometheus' API has it.

    Raises:
        PromqlError: it is none.
    """
    tree = parsed(text)
    while isinstance(tree, ast.ParenExpr):
        tree = tree.expr
    if not isinstance(tree, ast.VectorSelector):
        raise PromqlError("a selector of series is needed here", text, fix='Write one, such as up{job="api"}')
    return selector_of(tree)


def described(store: Queryable, start: int, end: int, name: str, most: int) -> list[Described]:
    """Metrics with their type, unit and description.

    Args:
        store: where they are.
        start: first moment of the stretch in which they were reported, milliseconds since 1970.
        end: last one.
        name: only this one, in Prometheus' letters; empty for all.
        most: names at most of what services report; those of spans are told, too.
    """
    named = (
        [each.name for each in Stored(store).families(start, end, name) if each.prometheus == name]
        if name
        else []
    )
    asked = {"start": moment(start), "end": moment(end), "all": not name, "names": named, "most": most}
    rows = store.query(_DESCRIBED, asked).to_pylist()
    found = []
    for row in rows:
        family = Family(row["name"], row["type"], row["unit"], row["temporality"], bool(row["monotonic"]))
        found.append(
            Described(family.prometheus, row["name"], family.prometheus_type, row["unit"], row["description"])
        )
    own = [Described(named, named, kind, unit, text) for named, kind, text, unit in _SPAN_METADATA]
    return [each for each in found + own if not name or each.name == name]


def exemplars(store: Queryable, expression: str, start: int, end: int, most: int = 500) -> list[Exemplar]:
    """Measurements with traces of the series that an expression selects, newest first.

    Raises:
        PromqlError: it is no PromQL.
    """
    members = {
        (member.series, member.exposed.part == "value"): member
        for selector in selectors_in(expression)
        for member in Stored(store).members(selector, start, end)
    }
    found = []
    for is_point, table in ((True, "metric_points"), (False, "metric_histograms")):
        ids = [one for one, plain in members if plain is is_point]
        if not ids:
            continue
        asked = {"ids": ids, "start": moment(start), "end": moment(end), "most": most}
        found += [
            Exemplar(
                members[(row["series"], is_point)].labels,
                row["trace"],
                row["span"],
                float(row["number"]),
                row["at"],
            )
            for row in store.query(_EXEMPLARS % table, asked).to_pylist()
            if row["trace"]
        ]
    return sorted(
        {(each.trace_id, each.span_id, each.at): each for each in found}.values(), key=lambda each: -each.at
    )


def since_1970(at: dt.datetime) -> int:
    """Milliseconds of an instant."""
    return round(at.timestamp() * 1000)
