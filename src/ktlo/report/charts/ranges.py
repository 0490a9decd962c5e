"""A forest plot: an estimate with its interval per group, on a linear or logarithmic axis.

Medians of time to restore per service are compared with it. Data: groups from the metrics' answers;
out: SVG. A group whose interval has no upper end gets an arrow, one that cannot be estimated its words.
"""

from __future__ import annotations

import dataclasses

from markupsafe import Markup

from ktlo.report.charts.chart import Head, Steps, Width
from ktlo.report.charts.frame import (
    AXIS,
    SOFT,
    Plot,
    bottom_axis,
    document,
    empty,
    labels_width,
    tick_places,
)  # fmt: skip
from ktlo.report.charts.quantity import COUNT, SECONDS, Unit, finite, written, written_interval
from ktlo.report.charts.scale import Linear, Log, padded, padded_log
from ktlo.report.charts.svg import element, group, mark, shortened, text
from ktlo.report.charts.table import Heading, Row, Table
from ktlo.wording import counted

ROW, MOST_ROWS = 32, 40


@dataclasses.dataclass(frozen=True, slots=True)
class Range:
    """A group's estimate; each of estimate and ends may be unknown on its own."""

    label: str
    estimate: float | None
    low: float | None = None
    high: float | None = None
    sample: int | None = None
    href: str = ""
    told: str = ""
    """Written at the end of the row instead of the estimate."""

    def __post_init__(self) -> None:
        known = [finite(v) for v in (self.low, self.high) if v is not None]
        if self.estimate is not None:
            finite(self.estimate)
        if known != sorted(known):
            raise ValueError(f"{self.label}: an interval from {self.low} to {self.high} is none")


@dataclasses.dataclass(frozen=True, slots=True)
class RangeChart:
    """Groups in the given order.

    Attributes:
        head: name, title, description.
        ranges: the groups.
        unit: of estimates and ends.
        steps: of the axis; logarithmic for durations over decades.
        reference: a value to compare with (a target, the whole), drawn as a line.
        reference_label: what the line is.
        interval_of: what the intervals are.
    """

    head: Head
    ranges: tuple[Range, ...]
    unit: Unit = SECONDS
    steps: Steps = Steps.LINEAR
    reference: float | None = None
    reference_label: str = "reference"
    interval_of: str = "95% interval"

    def __post_init__(self) -> None:
        if self.reference is not None:
            finite(self.reference)
        if self.steps is Steps.LOG and any(v < 0 for v in self._values()):
            raise ValueError("a logarithmic axis has no place for negative values")

    def svg(self, width: Width = Width.WIDE) -> Markup:
        """Draw it."""
        if not self.ranges:
            return empty(self.head, width)
        shown = self.ranges[:MOST_ROWS]
        told = [self._told(r) for r in shown]
        labels = min(labels_width([r.label[:200] for r in shown], 12), width * 0.3)
        right = width - (labels_width(told, 12) + 14 if width is Width.WIDE else 12)
        row = ROW if width is Width.WIDE else ROW + 14
        plot = Plot(labels + 16, 4, right, 4 + row * len(shown))
        values = self._values()
        x: Linear | Log
        if self.steps is Steps.LOG:
            x = Log(*padded_log(values), plot.left, plot.right)
        else:
            x = Linear(*padded(values), plot.left, plot.right)
        rows = [self._row(r, told[i], plot.top + row * i, row, x, plot, width) for i, r in enumerate(shown)]
        ticks = tick_places(x.ticks(self.unit, int(plot.width // 70)), x)
        body = [bottom_axis(plot, ticks, self.unit.axis_title, grid=plot.height)]
        notes = [f"Lines: {self.interval_of}; an arrow where an end is not estimable."]
        if self.reference is not None:
            at = x(self.reference)
            d = f"M{at:.1f} {plot.top:.1f}V{plot.bottom:.1f}"
            body.append(element("path", d=d, stroke=AXIS, stroke_dasharray="5 3", aria_hidden="true"))
            notes.append(f"Dashed: {self.reference_label}, {written(self.reference, self.unit)}.")
        if len(self.ranges) > MOST_ROWS:
            notes.append(f"The first {MOST_ROWS} of {len(self.ranges):,}; the table has all.")
        height = plot.bottom + (40 if self.unit.axis_title else 26)
        return document(self.head, width, height, [*body, *rows], note=" ".join(notes))

    def table(self) -> Table:
        """A row per group."""
        headings = (
            Heading("Group"), Heading("Estimate", self.unit), Heading(f"{self.interval_of}, low", self.unit),
            Heading(f"{self.interval_of}, high", self.unit), Heading("Observations", COUNT),
        )  # fmt: skip
        return Table(
            headings, tuple(Row((r.label, r.estimate, r.low, r.high, r.sample), r.href) for r in self.ranges)
        )

    def _values(self) -> list[float]:
        given = [v for r in self.ranges for v in (r.estimate, r.low, r.high) if v is not None]
        return [*given, self.reference] if self.reference is not None else given

    def _told(self, r: Range) -> str:
        if r.told:
            return r.told
        sample = f"n={r.sample:,}" if r.sample is not None else ""
        return ", ".join(part for part in (written(r.estimate, self.unit), sample) if part)

    def _row(
        self, r: Range, told: str, top: float, row: int, x: Linear | Log, plot: Plot, width: Width
    ) -> Markup:
        wide = width is Width.WIDE
        y = top + (row / 2 if wide else 14)
        shapes = [element("rect", x=0, y=top, width=int(width), height=row, fill="transparent")]
        if r.low is not None or r.high is not None:
            start = x(r.low) if r.low is not None else plot.left
            end = x(r.high) if r.high is not None else plot.right
            d = f"M{start:.1f} {y:.1f}H{end:.1f}"
            d += f"M{start:.1f} {y - 4:.1f}v8" if r.low is not None else f"m{start - end:.1f} 0l5 -4m-5 4l5 4"
            d += f"M{end:.1f} {y - 4:.1f}v8" if r.high is not None else f"M{end - 5:.1f} {y - 4:.1f}l5 4l-5 4"
            shapes.append(element("path", d=d, fill="none", stroke="var(--s-1)", stroke_width="1.6"))
        if r.estimate is not None:
            at = x(r.estimate)
            d = f"M{at:.1f} {y - 6:.1f}l6 6l-6 6l-6 -6z"
            shapes.append(element("path", d=d, fill="var(--s-1)", stroke="var(--paper)"))
        shapes.append(text(shortened(r.label, plot.left - 14), plot.left - 12, y + 4, text_anchor="end"))
        place = (plot.right + 12, y + 4) if wide else (plot.left, y + 20)
        soft = SOFT if r.estimate is None else None
        shapes.append(text(told, *place, class_="num", fill=soft, font_size=None if wide else 11))
        tip = f"{r.label}: {written(r.estimate, self.unit)}"
        tip += f" ({self.interval_of}: {written_interval(r.low, r.high, self.unit)})"
        if r.sample is not None:
            tip += f", {counted(r.sample, 'observations')}"
        return mark(group(shapes), tip=tip, href=r.href)
