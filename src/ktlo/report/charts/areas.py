"""Amounts stacked over a measure, with the band of their sum, lines at choices, and a stretch that is ruled out.

What each share costs is drawn with it. Data: one column of amounts a place on the axis, from a plan; out: SVG. Layers
differ in colour and texture, lines carry their words, and the table has every place.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from markupsafe import Markup

from ktlo.report.charts.chart import Head, Interval, Width
from ktlo.report.charts.frame import (
    INK,
    SMALL,
    SOFT,
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
from ktlo.report.charts.palette import Swatch, fill_of
from ktlo.report.charts.quantity import COUNT, SHARE, Unit, finite, written, written_interval
from ktlo.report.charts.scale import Linear, padded
from ktlo.report.charts.svg import element, group, joined, mark, text, text_width
from ktlo.report.charts.table import Heading, Row, Table

MOST_MARKS = 52
"""Places that can be hovered; the table has all."""

_GUIDE_LINE = 15


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """One place on the axis: an amount a layer, and the interval of their sum."""

    x: float
    amounts: tuple[float, ...]
    interval: Interval | None = None
    href: str = ""

    @property
    def total(self) -> float:
        """Amounts together."""
        return sum(self.amounts)


@dataclasses.dataclass(frozen=True, slots=True)
class Guide:
    """A line at a place, with its words; the strong one is the answer."""

    x: float
    label: str
    is_strong: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class RuledOut:
    """A stretch from the left end of the axis that is shaded."""

    to: float
    label: str


@dataclasses.dataclass(frozen=True, slots=True)
class AreaCurve:
    """Layers over a measure.

    Attributes:
        head: name, title, description.
        layers: from the ground up.
        places: ascending by x; each has an amount for every layer.
        unit: of the amounts.
        x_unit: of the measure.
        x_title: what the measure is.
        guides: lines at choices.
        ruled_out: what is shaded; ``None`` for nothing.
        interval_of: what the band is.
    """

    head: Head
    layers: tuple[Swatch, ...]
    places: tuple[Place, ...]
    unit: Unit = COUNT
    x_unit: Unit = SHARE
    x_title: str = ""
    guides: tuple[Guide, ...] = ()
    ruled_out: RuledOut | None = None
    interval_of: str = "80% interval"

    def __post_init__(self) -> None:
        for place in self.places:
            finite(place.x)
            if len(place.amounts) != len(self.layers):
                raise ValueError(f"{len(place.amounts)} amounts for {len(self.layers)} layers")
            for amount in place.amounts:
                if finite(amount) < 0:
                    raise ValueError(f"a stack cannot hold {amount}")
        for guide in self.guides:
            finite(guide.x)

    def svg(self, width: Width = Width.WIDE) -> Markup:
        """Draw it."""
        if not self.places or not self.layers:
            return empty(self.head, width)
        key, top = legend(self.head, width, self.layers)
        guides = sorted(
            (g for g in self.guides if self.places[0].x <= g.x <= self.places[-1].x), key=lambda g: g.x
        )
        tops = [place.total for place in self.places]
        tops += [place.interval.high for place in self.places if place.interval]
        low, high = padded(tops)
        head_room = 22 + _GUIDE_LINE * len(guides)
        plot = Plot(0, top + head_room, width - 10, top + head_room + 230)
        y = Linear(low, high, plot.bottom, plot.top)
        ticks = tick_places(y.ticks(self.unit, 5), y)
        plot = dataclasses.replace(plot, left=labels_width([t[1] for t in ticks]) + 14)
        x = Linear(self.places[0].x, self.places[-1].x, plot.left, plot.right)
        if x.low == x.high:
            x = Linear(x.low - 0.5, x.high + 0.5, plot.left, plot.right)
        drawing = drawing_id(self.head, width)
        axis_ticks = tick_places(x.ticks(self.x_unit, int(plot.width // 70)), x)
        notes = []
        if any(place.interval for place in self.places):
            notes.append(f"Thin lines: {self.interval_of} of the sum.")
        if self.ruled_out:
            notes.append(f"Shaded: {self.ruled_out.label}.")
        body = [
            key,
            value_axis(dataclasses.replace(plot, top=top + 24), ticks, self.unit.axis_title),
            group(self._layers(x, y, drawing), aria_hidden="true"),
            self._shade(x, plot),
            group(self._edges(x, y), fill="none", aria_hidden="true"),
            group(self._guides(guides, x, plot, top + head_room - 12), aria_hidden="true"),
            group(self._marks(x, y, plot)),
            base_line(plot, y(0)),
            bottom_axis(plot, axis_ticks, self.x_title),
        ]
        return document(
            self.head, width, plot.bottom + (42 if self.x_title else 26), body, swatches=self.layers,
            note=" ".join(notes),
        )  # fmt: skip

    def table(self) -> Table:
        """A row per place: every layer, the sum and its interval."""
        headings = [Heading(self.x_title.capitalize() or "At", self.x_unit)]
        headings += [Heading(layer.label, self.unit) for layer in self.layers]
        headings += [
            Heading("Together", self.unit),
            Heading(f"{self.interval_of}, low", self.unit),
            Heading(f"{self.interval_of}, high", self.unit),
        ]
        rows = []
        for place in self.places:
            ends: tuple[float | None, float | None] = (None, None)
            if place.interval:
                ends = (place.interval.low, place.interval.high)
            rows.append(Row((place.x, *place.amounts, place.total, *ends), place.href))
        return Table(tuple(headings), tuple(rows))

    def _layers(self, x: Linear, y: Linear, drawing: str) -> Iterator[Markup]:
        ground = [0.0] * len(self.places)
        for index, layer in enumerate(self.layers):
            upper = [below + place.amounts[index] for below, place in zip(ground, self.places, strict=True)]
            if any(place.amounts[index] for place in self.places):
                up = "L".join(
                    f"{x(p.x):.1f} {y(value):.1f}" for p, value in zip(self.places, upper, strict=True)
                )
                down = "L".join(
                    f"{x(p.x):.1f} {y(value):.1f}"
                    for p, value in zip(reversed(self.places), reversed(ground), strict=True)
                )
                yield element(
                    "path", d=f"M{up}L{down}z", fill=fill_of(layer, drawing), stroke="var(--paper)",
                    stroke_width=0.5, fill_opacity="0.85",
                )  # fmt: skip
            ground = upper

    def _edges(self, x: Linear, y: Linear) -> Iterator[Markup]:
        line = "L".join(f"{x(p.x):.1f} {y(p.total):.1f}" for p in self.places)
        yield element("path", d=f"M{line}", stroke=INK, stroke_width=2)
        banded = [(x(p.x), p.interval) for p in self.places if p.interval]
        for end in ("low", "high"):
            path = "L".join(f"{at:.1f} {y(getattr(interval, end)):.1f}" for at, interval in banded)
            if path:
                yield element("path", d=f"M{path}", stroke=INK, stroke_width=1, stroke_dasharray="2 3")

    def _shade(self, x: Linear, plot: Plot) -> Markup:
        if self.ruled_out is None or self.ruled_out.to <= self.places[0].x:
            return Markup("")
        right = min(x(self.ruled_out.to), plot.right)
        return element(
            "rect", x=plot.left, y=plot.top, width=right - plot.left, height=plot.height,
            fill="var(--paper)", fill_opacity="0.55", aria_hidden="true",
        )  # fmt: skip

    def _guides(self, guides: list[Guide], x: Linear, plot: Plot, lowest: float) -> Iterator[Markup]:
        """Lines with their words above, each on a line of its own so that none touches another."""
        for row, guide in enumerate(guides):
            at = x(guide.x)
            words = f"{guide.label}, {written(guide.x, self.x_unit)}"
            line = lowest - _GUIDE_LINE * (len(guides) - 1 - row)
            before = at + 6 + text_width(words, SMALL) > plot.right
            stroke = INK if guide.is_strong else SOFT
            yield joined(
                [
                    element(
                        "path", d=f"M{at:.1f} {line - 9:.1f}V{plot.bottom:.1f}", stroke=stroke,
                        stroke_width=2 if guide.is_strong else 1,
                        stroke_dasharray=None if guide.is_strong else "5 3",
                    ),
                    text(
                        words, at - 6 if before else at + 6, line, fill=stroke, font_size=SMALL,
                        text_anchor="end" if before else None,
                        font_weight="600" if guide.is_strong else None,
                    ),
                ]
            )  # fmt: skip

    def _marks(self, x: Linear, y: Linear, plot: Plot) -> Iterator[Markup]:
        every = max(1, -(-len(self.places) // MOST_MARKS))
        shown = self.places[::every]
        wide = plot.width / max(len(shown), 1)
        for place in shown:
            at = x(place.x)
            tip = f"{written(place.x, self.x_unit)}: {written(place.total, self.unit)}"
            if place.interval:
                told = written_interval(place.interval.low, place.interval.high, self.unit)
                tip += f" ({self.interval_of}: {told})"
            parts = [
                f"{layer.label.lower()} {written(amount, self.unit)}"
                for layer, amount in zip(self.layers, place.amounts, strict=True)
                if amount
            ]
            tip = "; ".join([tip, *parts])
            hit = element(
                "rect", x=at - wide / 2, y=plot.top, width=wide, height=plot.height, fill="transparent"
            )
            dot = element("circle", cx=at, cy=y(place.total), r=4, fill=INK, class_="dot quiet", opacity="0")
            yield mark(hit, dot, tip=tip, href=place.href)
