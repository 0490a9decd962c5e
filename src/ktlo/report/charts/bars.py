"""Horizontal bars with interval whiskers: amounts of a few named things, longest label readable.

Data: one bar per service, person group or kind from any metric; out: SVG. Bars start at zero; a bar
that cannot be estimated keeps its row and says so.
"""

from __future__ import annotations

import dataclasses

from markupsafe import Markup

from ktlo.report.charts.chart import Head, Interval, Width
from ktlo.report.charts.frame import (
    INK,
    SOFT,
    Plot,
    bottom_axis,
    document,
    drawing_id,
    empty,
    labels_width,
    tick_places,
)  # fmt: skip
from ktlo.report.charts.palette import Swatch, fill_of, series
from ktlo.report.charts.quantity import COUNT, Unit, compact, finite, written, written_interval
from ktlo.report.charts.scale import Linear, padded
from ktlo.report.charts.svg import element, group, mark, shortened, text
from ktlo.report.charts.table import Heading, Row, Table
from ktlo.wording import counted

ROW, MOST_ROWS = 30, 40


@dataclasses.dataclass(frozen=True, slots=True)
class Bar:
    """An amount with its interval; ``value`` is ``None`` where not estimable."""

    label: str
    value: float | None
    interval: Interval | None = None
    sample: int | None = None
    swatch: Swatch | None = None
    href: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class BarChart:
    """Bars in the given order; ``interval_of`` says what the whiskers are."""

    head: Head
    bars: tuple[Bar, ...]
    unit: Unit = COUNT
    interval_of: str = "95% interval"

    def __post_init__(self) -> None:
        for bar in self.bars:
            for value in (bar.value, *((bar.interval.low, bar.interval.high) if bar.interval else ())):
                if value is not None:
                    finite(value)

    def svg(self, width: Width = Width.WIDE) -> Markup:
        """Draw it."""
        if not self.bars:
            return empty(self.head, width)
        bars = self.bars[:MOST_ROWS]
        label_width = min(labels_width([b.label[:200] for b in bars], 12), width * 0.34)
        values = [self._short(b) for b in bars]
        left = label_width + 12
        plot = Plot(left, 4, width - labels_width(values, 12) - 14, 4 + ROW * len(bars))
        ends = [b.value for b in bars if b.value is not None]
        ends += [e for b in bars if b.interval for e in (b.interval.low, b.interval.high)]
        low, high = padded(ends, room=0.02)
        x = Linear(low, high, plot.left, plot.right)
        rows = [self._row(b, plot.top + ROW * i, x, plot, width) for i, b in enumerate(bars)]
        axis = bottom_axis(
            plot, tick_places(x.ticks(self.unit, max(int(plot.width // 80), 2)), x), self.unit.axis_title,
            grid=plot.height,
        )  # fmt: skip
        notes = [f"Whiskers: {self.interval_of}."] if any(b.interval for b in bars) else []
        if len(self.bars) > MOST_ROWS:
            notes.append(f"The first {MOST_ROWS} of {len(self.bars):,}; the table has all.")
        swatches = tuple(b.swatch for b in bars if b.swatch)
        height = plot.bottom + (40 if self.unit.axis_title else 26)
        return document(self.head, width, height, [axis, *rows], swatches=swatches, note=" ".join(notes))

    def table(self) -> Table:
        """A row per bar."""
        headings = (
            Heading(""), Heading("Value", self.unit), Heading(f"{self.interval_of}, low", self.unit),
            Heading(f"{self.interval_of}, high", self.unit), Heading("Observations", COUNT),
        )  # fmt: skip
        return Table(
            headings,
            tuple(
                Row(
                    (
                        b.label,
                        b.value,
                        *((b.interval.low, b.interval.high) if b.interval else (None, None)),
                        b.sample,
                    ),
                    b.href,
                )
                for b in self.bars
            ),
        )

    def _short(self, bar: Bar) -> str:
        """The value without the symbol that the axis already carries."""
        return (
            compact(bar.value)
            if bar.value is not None and self.unit.axis_title
            else written(bar.value, self.unit)
        )

    def _row(self, bar: Bar, top: float, x: Linear, plot: Plot, width: Width) -> Markup:
        middle = top + ROW / 2
        told = self._short(bar)
        tip = f"{bar.label}: {written(bar.value, self.unit)}"
        if bar.interval:
            tip += (
                f" ({self.interval_of}: {written_interval(bar.interval.low, bar.interval.high, self.unit)})"
            )
        if bar.sample is not None:
            tip += f", {counted(bar.sample, 'observations')}"
        swatch = bar.swatch or series(0, bar.label)
        shapes = [element("rect", x=0, y=top, width=int(width), height=ROW, fill="transparent")]
        reach = x(0)
        if bar.value is not None:
            left, right = sorted((x(0), x(bar.value)))
            reach = right
            shapes.append(
                element("rect", x=left, y=middle - 8, width=max(right - left, 0.5), height=16, rx=1,
                        fill=fill_of(swatch, drawing_id(self.head, width)))
            )  # fmt: skip
        if bar.interval:
            shapes.append(whisker(x(bar.interval.low), x(bar.interval.high), middle))
            reach = max(reach, x(bar.interval.high))
        label = shortened(bar.label, plot.left - 11)
        shapes.append(text(label, plot.left - 10, middle + 4, text_anchor="end"))
        shapes.append(
            text(told, reach + 8, middle + 4, fill=INK if bar.value is not None else SOFT, class_="num")
        )
        return mark(*shapes, tip=tip, href=bar.href)


def whisker(low: float, high: float, y: float, cap: float = 4) -> Markup:
    """A horizontal interval in pixels, with a halo so that it shows over any fill."""
    ends = "".join(f"M{x:.1f} {y - cap:.1f}v{2 * cap:.1f}" for x in (low, high))
    d = f"M{low:.1f} {y:.1f}H{high:.1f}{ends}"
    halo = element("path", d=d, stroke="var(--paper)", stroke_width=4, stroke_opacity="0.8", fill="none")
    return group([halo, element("path", d=d, stroke=INK, stroke_width="1.4", fill="none")])
