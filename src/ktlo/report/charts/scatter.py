"""Points by two measures on logarithmic axes: files by change frequency and complexity.

Data: one dot per file from the hotspot metric; out: SVG in which area is a third measure and heat a
fourth. The hottest are named in the drawing; when there are too many, the rest is left to the table.
"""

from __future__ import annotations

import dataclasses

from markupsafe import Markup

from ktlo.report.charts.chart import Head, Steps, Width
from ktlo.report.charts.frame import (
    INK,
    SMALL,
    Plot,
    bottom_axis,
    document,
    empty,
    labels_width,
    tick_places,
    value_axis,
)  # fmt: skip
from ktlo.report.charts.palette import HEAT, HEAT_BY_RANK, heat_ranks
from ktlo.report.charts.quantity import COUNT, Unit, finite, written
from ktlo.report.charts.scale import Linear, Log, padded, padded_log
from ktlo.report.charts.svg import element, group, mark, shortened, text, text_width
from ktlo.report.charts.table import Heading, Row, Table

MOST_DOTS, NAMED = 600, 6


@dataclasses.dataclass(frozen=True, slots=True)
class Dot:
    """A thing with two measures, a size (area) and a heat."""

    label: str
    x: float
    y: float
    size: float = 1.0
    heat: float = 0.0
    href: str = ""

    def __post_init__(self) -> None:
        for value in (self.x, self.y, self.size, self.heat):
            if finite(value) < 0:
                raise ValueError(f"{self.label}: measures are amounts, not {value}")


@dataclasses.dataclass(frozen=True, slots=True)
class Measure:
    """What an axis, the area or the heat stands for."""

    title: str
    unit: Unit = COUNT


@dataclasses.dataclass(frozen=True, slots=True)
class Scatter:
    """Dots with named measures; ``steps`` for both axes."""

    head: Head
    dots: tuple[Dot, ...]
    x: Measure
    y: Measure
    size: Measure = Measure("Size")
    heat: Measure = Measure("Heat")
    steps: Steps = Steps.LOG

    def svg(self, width: Width = Width.WIDE) -> Markup:
        """Draw it."""
        if not self.dots:
            return empty(self.head, width)
        ranked = sorted(self.dots, key=lambda d: (-d.heat, -d.size, d.label))
        shown = ranked[:MOST_DOTS]
        plot = Plot(0, 28, width - 8, 28 + (320 if width is Width.WIDE else 280))
        y = self._scale([d.y for d in shown], plot.bottom - 8, plot.top + 8)
        ticks = tick_places(y.ticks(self.y.unit, 6), y)
        plot = dataclasses.replace(plot, left=labels_width([t[1] for t in ticks]) + 12)
        x = self._scale([d.x for d in shown], plot.left + 12, plot.right - 12)
        largest = max(d.size for d in shown)
        steps = heat_ranks([d.heat for d in self.dots])
        most = 20 if width is Width.WIDE else 13
        marks = [
            self._dot(
                d, x(d.x), y(d.y), 3 + most * (d.size / largest) ** 0.5 if largest else 4.0, steps[d.heat]
            )
            # Small ones last, so that none hides under a large one.
            for d in sorted(shown, key=lambda d: -d.size)
        ]
        names = _names(shown, x, y, plot, 3.0 + most, largest, width)
        notes = [f"Area: {self.size.title.lower()}. Heat: {self.heat.title.lower()}, {HEAT_BY_RANK}."]
        if self.steps is Steps.LOG and any(d.x == 0 or d.y == 0 for d in shown):
            notes.append("Zeros lie on the edge of the logarithmic axis.")
        if len(self.dots) > MOST_DOTS:
            notes.append(f"The hottest {MOST_DOTS:,} of {len(self.dots):,}; the table has all.")
        body = [
            value_axis(plot, ticks, self.y.title), group(marks, stroke="var(--ink)", stroke_opacity="0.55"),
            names,
            bottom_axis(plot, tick_places(x.ticks(self.x.unit, int(plot.width // 80)), x), self.x.title),
        ]  # fmt: skip
        return document(self.head, width, plot.bottom + 42, body, note=" ".join(notes))

    def table(self) -> Table:
        """A row per dot, hottest first."""
        headings = (
            Heading("Name"), Heading(self.x.title, self.x.unit), Heading(self.y.title, self.y.unit),
            Heading(self.size.title, self.size.unit), Heading(self.heat.title, self.heat.unit),
        )  # fmt: skip
        ranked = sorted(self.dots, key=lambda d: (-d.heat, -d.size, d.label))
        return Table(headings, tuple(Row((d.label, d.x, d.y, d.size, d.heat), d.href) for d in ranked))

    def _scale(self, values: list[float], start: float, end: float) -> Linear | Log:
        if self.steps is Steps.LOG:
            return Log(*padded_log(values), start, end)
        return Linear(*padded(values), start, end)

    def _dot(self, dot: Dot, x: float, y: float, radius: float, step: int) -> Markup:
        told = ", ".join(
            f"{m.title.lower()} {written(v, m.unit)}"
            for m, v in ((self.x, dot.x), (self.y, dot.y), (self.size, dot.size), (self.heat, dot.heat))
        )
        shape = element(
            "circle", cx=x, cy=y, r=radius, fill=f"var({HEAT[step]})",
            fill_opacity="0.85",
        )  # fmt: skip
        return mark(shape, tip=f"{dot.label}: {told}", href=dot.href)


def _names(
    ranked: list[Dot],
    x: Linear | Log,
    y: Linear | Log,
    plot: Plot,
    reach: float,
    largest: float,
    width: Width,
) -> Markup:
    """Labels of the hottest, each where no earlier label is."""
    taken: list[tuple[float, float, float]] = []
    made: list[Markup] = []
    for dot in ranked[: NAMED if width is Width.WIDE else 3]:
        if dot.heat <= 0:
            break
        radius = 3 + (reach - 3) * (dot.size / largest) ** 0.5 if largest else 4.0
        label = shortened(dot.label, 150, SMALL)
        wide = text_width(label, SMALL)
        at = x(dot.x) + radius + 4
        if at + wide > plot.right + 8:
            at = x(dot.x) - radius - 4 - wide
        base = y(dot.y) + 4
        if any(abs(base - b) < 13 and at < end and start < at + wide for start, end, b in taken):
            continue
        taken.append((at, at + wide, base))
        made.append(text(label, at, base))
    return group(
        made, font_size=SMALL, fill=INK, aria_hidden="true", paint_order="stroke", stroke="var(--paper)",
        stroke_width=3, stroke_linejoin="round", pointer_events="none",
    )  # fmt: skip
