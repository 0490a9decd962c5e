"""A distribution of durations: the buckets of a histogram as columns on a logarithmic axis, quantiles as lines.

Data: consecutive buckets with their counts (an exponential histogram's are equally wide on this axis, so that height
is frequency), and quantiles with the bucket that each is known to lie in; out: SVG and a table of the buckets.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

from markupsafe import Markup

from ktlo.report.charts.chart import Head, Width
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
    tick_places,
    value_axis,
)
from ktlo.report.charts.palette import fill_of, series
from ktlo.report.charts.quantity import COUNT, SECONDS, SHARE, Unit, finite, written
from ktlo.report.charts.scale import Linear, padded
from ktlo.report.charts.svg import element, group, mark, text
from ktlo.report.charts.table import Heading, Row, Table

MOST_TICKS = 7


@dataclasses.dataclass(frozen=True, slots=True)
class Bin:
    """What lies above ``low`` and up to ``high``."""

    low: float
    high: float
    count: int


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """A value marked in the distribution (``p95``), and how far it may be off."""

    label: str
    value: float
    low: float
    high: float


@dataclasses.dataclass(frozen=True, slots=True)
class Distribution:
    """Bins ascending, without gaps; those at zero are told in the note.

    Attributes:
        head: name, title, description.
        bins: the histogram.
        lines: quantiles.
        unit: of the values.
        counted: what is counted (``calls``).
    """

    head: Head
    bins: tuple[Bin, ...]
    lines: tuple[Line, ...] = ()
    unit: Unit = SECONDS
    counted: str = "calls"

    def __post_init__(self) -> None:
        for one in self.bins:
            if finite(one.low) < 0 or finite(one.high) < one.low or one.count < 0:
                raise ValueError(f"{one} is no bin")

    def svg(self, width: Width = Width.WIDE) -> Markup:
        """Draw it."""
        shown = [one for one in self.bins if one.low > 0]
        if not shown:
            return empty(self.head, width)
        plot = Plot(0, 40, width - 8, 240)
        low, high = padded([float(one.count) for one in shown])
        y = Linear(low, high, plot.bottom, plot.top)
        ticks = tick_places(y.ticks(COUNT, 4), y)
        plot = dataclasses.replace(plot, left=labels_width([one[1] for one in ticks]) + 10)
        first, last = math.log(shown[0].low), math.log(shown[-1].high)

        def x(value: float) -> float:
            return plot.left + (math.log(value) - first) / (last - first) * plot.width

        drawing, swatch = drawing_id(self.head, width), series(0, self.counted)
        total = sum(one.count for one in self.bins)
        bars = []
        for one in shown:
            if not one.count:
                continue
            left, right = x(one.low), x(one.high)
            tip = (
                f"{written(one.low, self.unit)} to {written(one.high, self.unit)}: {one.count:,} {self.counted}"
                f" ({written(one.count / total, SHARE)})"
            )
            bars.append(
                mark(
                    element("rect", x=left, y=y(one.count), width=max(right - left - 1, 0.5),
                            height=max(plot.bottom - y(one.count), 0.5), fill=fill_of(swatch, drawing)),
                    tip=tip,
                )
            )  # fmt: skip
        body = [
            value_axis(plot, ticks, self.counted), base_line(plot, plot.bottom),
            bottom_axis(plot, self._ticks(shown, x, plot)), group(bars), *self._quantiles(x, plot),
        ]  # fmt: skip
        zeros = sum(one.count for one in self.bins if one.low == 0)
        note = f"{zeros:,} {self.counted} took no time that could be measured." if zeros else ""
        return document(self.head, width, plot.bottom + 26, body, note=note)

    def table(self) -> Table:
        """A row per bin, then one per quantile with the bin that it lies in."""
        headings = (
            Heading(""), Heading("Above", self.unit), Heading("Up to", self.unit), Heading(self.counted.title(), COUNT),
            Heading("Of all", SHARE),
        )  # fmt: skip
        total = sum(one.count for one in self.bins) or 1
        rows = [Row((f"{line.label} in", line.low, line.high, None, None)) for line in self.lines]
        rows += [
            Row((f"bucket {number}", one.low, one.high, one.count, one.count / total))
            for number, one in enumerate(self.bins, 1)
        ]
        return Table(headings, tuple(rows))

    def _ticks(
        self, shown: list[Bin], place: Callable[[float], float], plot: Plot
    ) -> list[tuple[float, str]]:
        """Powers of ten inside, else the ends of bins."""
        low, high = shown[0].low, shown[-1].high
        steps = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        values = [low, high]
        for multiples in ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0)):
            values = [m * 10.0**step for step in steps for m in multiples if low <= m * 10.0**step <= high]
            if len(values) >= 3:
                break
        if len(values) < 2:
            values = [low, high]
        apart = max(1, math.ceil(len(values) / min(MOST_TICKS, max(2, int(plot.width // 70)))))
        return [(place(value), written(value, self.unit)) for value in values[::apart]]

    def _quantiles(self, place: Callable[[float], float], plot: Plot) -> list[Markup]:
        made = []
        for number, line in enumerate(one for one in self.lines if one.value > 0):
            at = place(line.value)
            end = at > plot.right - 90
            made += [
                element("path", d=f"M{at:.1f} {plot.top - 24 + 12 * (number % 2):.1f}V{plot.bottom:.1f}", stroke=INK,
                        stroke_width="1.4", stroke_dasharray="4 3"),
                text(f"{line.label} {written(line.value, self.unit)}", at - 4 if end else at + 4,
                     plot.top - 26 + 12 * (number % 3), font_size=SMALL, fill=SOFT, text_anchor="end" if end else None),
            ]  # fmt: skip
        return [group(made, aria_hidden="true")] if made else []
