"""Stacked columns over time: how much of what, per week; with the interval of the part that matters.

Effort by category is its first use. Data: one column per period from the effort metrics; out: SVG with a
mark per segment. Sums may be merged when there are more columns than the width can show; intervals may
not (they do not add up), so a merged drawing leaves them out and says so.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator

from markupsafe import Markup

from ktlo.report.charts.calendar_ticks import start_label, time_ticks
from ktlo.report.charts.chart import Head, Interval, Width
from ktlo.report.charts.frame import (
    INK,
    Plot,
    base_line,
    bottom_axis,
    document,
    drawing_id,
    empty,
    labels_width,
    legend,
    tick_places,
    value_axis,
)  # fmt: skip
from ktlo.report.charts.palette import CATEGORIES, Swatch, fill_of
from ktlo.report.charts.quantity import COUNT, Unit, finite, written, written_interval
from ktlo.report.charts.scale import Linear, instant, padded
from ktlo.report.charts.svg import element, group, mark
from ktlo.report.charts.table import Heading, Row, Table


@dataclasses.dataclass(frozen=True, slots=True)
class Part:
    """A segment: a category's amount in a period."""

    swatch: Swatch
    value: float
    href: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Column:
    """A period's segments, from the ground up, and the interval of the part named by the chart.

    ``only`` says what part of the period it is of where that is not the whole (``20 s``); it is drawn pale.
    """

    start: dt.date
    parts: tuple[Part, ...]
    interval: Interval | None = None
    href: str = ""
    only: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class StackedColumns:
    """Amounts by category over consecutive periods.

    Attributes:
        head: name, title, description.
        columns: ascending by start; a period without work is a column without parts.
        unit: of every value.
        period: one period in a word (``week``).
        interval_of: what a column's interval is about (``kept the lights on, 95%``).
    """

    head: Head
    columns: tuple[Column, ...]
    unit: Unit = COUNT
    period: str = "week"
    interval_of: str = "interval"

    def __post_init__(self) -> None:
        for column in self.columns:
            for part in column.parts:
                if finite(part.value) < 0:
                    raise ValueError(f"a stack cannot hold {part.value} of {part.swatch.label}")
            if column.interval:
                finite(column.interval.low)
                finite(column.interval.high)

    def swatches(self) -> tuple[Swatch, ...]:
        """What appears anywhere, in order of first appearance from the ground up."""
        found = dict.fromkeys(p.swatch for c in self.columns for p in c.parts)
        order = {swatch: i for i, swatch in enumerate(CATEGORIES)}
        return tuple(sorted(found, key=lambda s: order.get(s, len(order))))

    def svg(self, width: Width = Width.WIDE) -> Markup:
        """Draw it."""
        if not self.columns:
            return empty(self.head, width)
        swatches = self.swatches()
        key, top = legend(self.head, width, swatches)
        columns, merged = self._fitted(width)
        tops = [sum(p.value for p in c.parts) for c in columns]
        tops += [c.interval.high for c in columns if c.interval]
        low, high = padded(tops)
        plot = Plot(0, top + 24, width - 12, top + 24 + 220)
        y = Linear(low, high, plot.bottom, plot.top)
        ticks = tick_places(y.ticks(self.unit, 5), y)
        plot = dataclasses.replace(plot, left=labels_width([t[1] for t in ticks]) + 10)
        step = plot.width / len(columns)
        bar = min(max(step - min(4.0, step * 0.25), 1.0), 56.0)
        drawing = drawing_id(self.head, width)
        marks: list[Markup] = []
        whiskers: list[Markup] = []
        for index, column in enumerate(columns):
            x = plot.left + (index + 0.5) * step
            segments = self._segments(column, x - bar / 2, bar, y, drawing)
            marks += [group(segments, opacity="0.5")] if column.only else segments
            if column.interval:
                shape = _whisker(x, y(column.interval.low), y(column.interval.high), bar)
                bounds = written_interval(column.interval.low, column.interval.high, self.unit)
                tip = f"{self.interval_of}, {self.period} from {start_label(column.start)}: {bounds}"
                whiskers.append(mark(shape, tip=tip, href=column.href))
        span = instant(columns[-1].start) - instant(columns[0].start)
        time = Linear(
            instant(columns[0].start), instant(columns[-1].start) if span else instant(columns[0].start),
            plot.left + step / 2, plot.right - step / 2,
        )  # fmt: skip
        if span:
            places = tick_places(time_ticks(time, int(plot.width // 76)), time)
        else:
            places = [(plot.left + step / 2, start_label(columns[0].start))]
        body = [
            value_axis(plot, ticks, self.unit.axis_title),
            group(marks, stroke="var(--paper)", stroke_width=1 if bar > 4 else 0),
            group(whiskers, stroke=INK, stroke_width="1.25", fill="none", pointer_events="bounding-box"),
            base_line(plot, y(0)),
            bottom_axis(plot, places),
        ]
        return document(
            self.head, width, plot.bottom + 26, [key, *body], swatches=swatches,
            note=self._note(merged, bool(whiskers), any(c.only and c.parts for c in columns)),
        )  # fmt: skip

    def table(self) -> Table:
        """A row per period, a column per category, the total and the interval."""
        swatches = self.swatches()
        bounded = any(c.interval for c in self.columns)
        headings = [Heading(f"{self.period.capitalize()} from")]
        headings += [Heading(s.label, self.unit) for s in swatches] + [Heading("Total", self.unit)]
        if bounded:
            headings += [Heading(f"{self.interval_of}, {end}", self.unit) for end in ("low", "high")]
        partly = any(c.only for c in self.columns)
        if partly:
            headings.append(Heading(f"Of the {self.period}"))
        rows = []
        for column in self.columns:
            amounts = {s: sum(p.value for p in column.parts if p.swatch == s) for s in swatches}
            ends: tuple[float | None, ...] = ()
            if bounded:
                ends = (column.interval.low, column.interval.high) if column.interval else (None, None)
            of = (column.only or "the whole",) if partly else ()
            rows.append(
                Row((column.start, *amounts.values(), sum(amounts.values()), *ends, *of), column.href)
            )
        return Table(tuple(headings), tuple(rows))

    def _fitted(self, width: Width) -> tuple[tuple[Column, ...], int]:
        """Columns at least two pixels wide each, and how many periods one of them holds."""
        most = int((width - 60) / 3)
        merged = -(-len(self.columns) // most)
        if merged == 1:
            return self.columns, 1
        return tuple(_sum(self.columns[i : i + merged]) for i in range(0, len(self.columns), merged)), merged

    def _segments(self, column: Column, x: float, bar: float, y: Linear, drawing: str) -> Iterator[Markup]:
        ground = 0.0
        for part in column.parts:
            if part.value == 0:
                continue
            upper, lower = y(ground + part.value), y(ground)
            ground += part.value
            shape = element(
                "rect", x=x, y=upper, width=bar, height=max(lower - upper, 0.3),
                fill=fill_of(part.swatch, drawing),
            )  # fmt: skip
            when = f"{self.period} from {start_label(column.start)}"
            only = f" in {column.only} of it" if column.only else ""
            tip = f"{part.swatch.label}, {when}: {written(part.value, self.unit)}{only}"
            yield mark(shape, tip=tip, href=part.href or column.href)

    def _note(self, merged: int, whiskers: bool, partly: bool) -> str:
        pale = f" Pale: less than a whole {self.period}." if partly else ""
        if merged > 1:
            lost = (
                "; intervals do not add up and are left to the table"
                if any(c.interval for c in self.columns)
                else ""
            )
            return f"Each column adds up {merged} {self.period}s of {len(self.columns)}{lost}.{pale}"
        return f"{f'Whiskers: {self.interval_of}.' if whiskers else ''}{pale}".strip()


def _whisker(x: float, low: float, high: float, bar: float) -> Markup:
    cap = min(bar / 4, 4)
    ends = "".join(f"M{x - cap:.1f} {y:.1f}h{2 * cap:.1f}" for y in (low, high))
    return element("path", d=f"M{x:.1f} {low:.1f}V{high:.1f}{ends}")


def _sum(columns: tuple[Column, ...]) -> Column:
    amounts: dict[Swatch, float] = {}
    for column in columns:
        for part in column.parts:
            amounts[part.swatch] = amounts.get(part.swatch, 0.0) + part.value
    only = next((column.only for column in columns if column.only), "")
    return Column(columns[0].start, tuple(Part(s, v) for s, v in amounts.items()), only=only)
