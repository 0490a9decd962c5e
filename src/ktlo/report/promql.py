"""Answers in PromQL as something to read: lines with their unit, a table of the series, exemplars.

Asked by the Metrics page and by dashboards; the arithmetic is in ``telemetry/promql``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ktlo.report.charts import (
    COUNT,
    SECONDS,
    SHARE_OF_TIME,
    Head,
    Heading,
    Line,
    LineChart,
    LinePoint,
    Row,
    Table,
    Unit,
    written,
)
from ktlo.report.services import Href
from ktlo.telemetry.promql.asking import Exemplar
from ktlo.telemetry.promql.completing import unit_measured
from ktlo.telemetry.promql.histograms import floats_of
from ktlo.telemetry.promql.labels import NAME, Labels, labels_of, value_of, without
from ktlo.telemetry.promql.labels import written as labels_written
from ktlo.telemetry.promql.question import Answered
from ktlo.telemetry.promql.samples import Bools, Floats
from ktlo.telemetry.promql.unknown import Unknown
from ktlo.telemetry.promql.vector import Scalar, Text

MOST_LINES = 6
MOST_ROWS = 200
_NAMED = {"s": SECONDS, "share": SHARE_OF_TIME, "": COUNT}


def unit_named(name: str) -> Unit:
    """The unit of a chart by what the expression tells; ``%`` and ``ms`` are written after the number."""
    return _NAMED.get(name, Unit(symbol=name))


@dataclass(frozen=True, slots=True)
class Shown:
    """One series of an answer.

    Attributes:
        name: in the legend.
        labels: all of them.
        times: steps at which it is there.
        values: at these; ``None`` where not finite.
    """

    name: str
    labels: Labels
    times: tuple[dt.datetime, ...]
    values: tuple[float | None, ...]

    @property
    def finite(self) -> list[float]:
        """Its values that are numbers."""
        return [value for value in self.values if value is not None]


def how_many(answered: Answered) -> int:
    """Series of an answer, shown or not."""
    value = answered.value
    return 0 if isinstance(value, Text) else 1 if isinstance(value, Scalar) else len(floats_of(value).labels)


def shown(answered: Answered, legend: str = "", expression: str = "", most: int = MOST_ROWS) -> list[Shown]:
    """The series of an answer, the largest last values first.

    Args:
        answered: to a range.
        legend: template such as ``{{job}}``; labels that differ when empty.
        expression: names a series without labels.
        most: at most so many; :func:`how_many` says how many there are.
    """
    value = answered.value
    if isinstance(value, Text):
        return []
    times = [dt.datetime.fromtimestamp(at / 1000, dt.UTC) for at in answered.times.tolist()]
    if isinstance(value, Scalar):
        rows = [((), value.values, np.ones(len(times), dtype=np.bool_))]
    else:
        plain = floats_of(value)
        kept = _largest(plain.values, plain.present, most)
        rows = [(plain.labels[at], plain.values[at], plain.present[at]) for at in kept]  # type: ignore[misc]
    names = _names([labels for labels, _, _ in rows], legend, expression)
    found = [
        Shown(
            name,
            labels,
            tuple(times[at] for at in np.flatnonzero(there)),
            tuple(float(v) if np.isfinite(v) and abs(v) < 1e300 else None for v in values[there]),
        )
        for name, (labels, values, there) in zip(names, rows, strict=True)
    ]
    return sorted(found, key=lambda each: (-(each.finite[-1] if each.finite else -np.inf), each.name))


def _largest(values: Floats, present: Bools, most: int) -> list[int]:
    """Which rows have the largest last finite values, when there are more than ``most``."""
    if len(values) <= most:
        return list(range(len(values)))
    finite = present & np.isfinite(values)
    last = finite.shape[1] - 1 - np.argmax(finite[:, ::-1], axis=1)
    key = np.where(finite.any(axis=1), values[np.arange(len(values)), last], -np.inf)
    return sorted(np.argsort(-key, kind="stable")[:most].tolist())


def _names(labels: Sequence[Labels], legend: str, expression: str) -> list[str]:
    if legend:
        return [_filled(legend, each) or labels_written(each) for each in labels]
    if len(labels) == 1:
        name = value_of(labels[0], NAME)
        return [name or labels_written(labels[0]).strip("{}") or expression or "value"]
    common = set(labels[0]).intersection(*labels[1:]) if labels else set()
    differing = [labels_of([pair for pair in each if pair not in common]) for each in labels]
    return [labels_written(each).strip("{}").replace('"', "") or expression or "value" for each in differing]


def _filled(legend: str, labels: Labels) -> str:
    import re

    return re.sub(r"\{\{\s*([\w.]+)\s*\}\}", lambda found: value_of(labels, found[1]), legend).strip()


def chart(
    head: Head,
    series: Sequence[Shown],
    unit: Unit,
    step_seconds: float,
    traces: Mapping[int, str] | None = None,
) -> LineChart:
    """Lines of the first six series; a missing step breaks a line.

    Args:
        head: name, title, description.
        series: what is drawn.
        unit: of the values.
        step_seconds: distance of the steps.
        traces: link of an exemplar by step number since 1970.
    """
    lines = []
    for index, each in enumerate(series[:MOST_LINES]):
        points: list[LinePoint] = []
        before: dt.datetime | None = None
        for at, value in zip(each.times, each.values, strict=True):
            if before is not None and (at - before).total_seconds() > step_seconds * 1.5:
                points.append(LinePoint(before + dt.timedelta(seconds=step_seconds), None))
            href = (traces or {}).get(int(at.timestamp() // step_seconds), "") if index == 0 or traces else ""
            points.append(LinePoint(at, value, href=href))
            before = at
        lines.append(Line(each.name[:80], tuple(points)))
    return LineChart(head, tuple(lines), unit)


def series_table(series: Sequence[Shown], unit: Unit) -> Table:
    """A row a series: last, least, mean and greatest value."""
    rows = []
    for each in series[:MOST_ROWS]:
        finite = each.finite
        last = each.values[-1] if each.values else None
        rows.append(
            Row(
                (
                    each.name,
                    last,
                    min(finite) if finite else None,
                    float(np.mean(finite)) if finite else None,
                    max(finite) if finite else None,
                    len(finite),
                )
            )
        )
    headings = (
        Heading("Series"), Heading("Last", unit), Heading("Least", unit), Heading("Mean", unit),
        Heading("Greatest", unit), Heading("Steps", COUNT),
    )  # fmt: skip
    return Table(headings, tuple(rows))


def exemplar_links(found: Sequence[Exemplar], step_seconds: float, href: Href) -> dict[int, str]:
    """The link of the largest exemplar of each step."""
    best: dict[int, Exemplar] = {}
    for each in found:
        step = int(each.at / 1000 // step_seconds) + 1
        if step not in best or each.value > best[step].value:
            best[step] = each
    return {step: href("/trace", {"id": each.trace_id}) for step, each in best.items()}


_OF_THE_REPORTER = frozenset({NAME, "otel_scope_name", "service_name", "service_version", "instance"})


def exemplar_table(found: Sequence[Exemplar], href: Href, most: int = 20) -> Table:
    """Measurements with their traces, largest first."""
    unit = unit_named(unit_measured(value_of(found[0].labels, NAME)) if found else "")
    largest = sorted(found, key=lambda each: -each.value)[:most]
    return Table(
        (Heading("Trace"), Heading("Measured", unit), Heading("When"), Heading("Series")),
        tuple(
            Row(
                (
                    each.trace_id,
                    each.value,
                    dt.datetime.fromtimestamp(each.at / 1000, dt.UTC),
                    labels_written(without(each.labels, _OF_THE_REPORTER)).strip("{}").replace('"', ""),
                ),
                href("/trace", {"id": each.trace_id}),
            )
            for each in largest
        ),
    )


def unknown_said(missing: Sequence[Unknown]) -> str:
    """That there are no metrics of some names, in words; empty when there are."""
    named = ", ".join(each.name for each in missing)
    return f"There is no metric {named}" if named else ""


def said(series: Sequence[Shown], unit: Unit, expression: str, among: int) -> str:
    """The answer in words; ``among`` is how many series there are, shown or not."""
    if not series:
        return "Nothing has this value in this stretch"
    largest = series[0]
    last = largest.finite[-1] if largest.finite else None
    value = "no finite number" if last is None else written(last, unit)
    if len(series) == 1:
        spread = ""
        if largest.finite:
            spread = (
                f", between {written(min(largest.finite), unit)} and {written(max(largest.finite), unit)}"
            )
        subject = largest.name if largest.name != expression else "It"
        return f"{subject} is {value} now{spread}"
    return f"{among:,} series; the largest now is {largest.name} with {value}"
