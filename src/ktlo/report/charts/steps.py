"""Step curves with their band: the share still open after so long (Kaplan-Meier survival).

Data: curves from the reliability and bug metrics, x in seconds (or any unit), y a share; out: SVG with
the median's crossing marked. A curve that does not reach one half has no median, and the table says so.
"""

from __future__ import annotations

import dataclasses

from markupsafe import Markup

from ktlo.report.charts.chart import Head, Interval, Steps, Width
from ktlo.report.charts.frame import (
    AXIS,
    Plot,
    base_line,
    bottom_axis,
    document,
    empty,
    legend,
    tick_places,
    value_axis,
)  # fmt: skip
from ktlo.report.charts.palette import DASHES, Swatch, series
from ktlo.report.charts.quantity import SECONDS, SHARE, Unit, finite, written, written_interval
from ktlo.report.charts.scale import Linear, Log, padded_log
from ktlo.report.charts.svg import element, group, mark
from ktlo.report.charts.table import Heading, Row, Table

MOST_MARKS = 60


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """From ``x`` on, the curve is at ``y`` (a share)."""

    x: float
    y: float
    interval: Interval | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Curve:
    """One group's curve; ``steps`` ascend in x and begin where the curve begins (usually 0, 1)."""

    label: str
    steps: tuple[Step, ...]
    href: str = ""

    def crossing(self, level: float) -> float | None:
        """Where the curve first is at or below ``level``; ``None`` when it never is."""
        return next((s.x for s in self.steps if s.y <= level + 1e-12), None)


@dataclasses.dataclass(frozen=True, slots=True)
class StepChart:
    """Survival of several groups.

    Attributes:
        head: name, title, description.
        curves: up to six.
        unit: of x.
        y_title: what the share is of (``still open``).
        steps: linear or logarithmic x.
        interval_of: what the bands are.
    """

    head: Head
    curves: tuple[Curve, ...]
    unit: Unit = SECONDS
    y_title: str = "still open"
    steps: Steps = Steps.LINEAR
    interval_of: str = "95% interval"

    def __post_init__(self) -> None:
        if len(self.curves) > len(DASHES):
            raise ValueError(f"{len(self.curves)} curves cannot be told apart; {len(DASHES)} can")
        for curve in self.curves:
            for s in curve.steps:
                finite(s.x)
                if not -1e-9 <= finite(s.y) <= 1 + 1e-9:
                    raise ValueError(f"{s.y} is no share")
                if s.interval:
                    finite(s.interval.low)
                    finite(s.interval.high)

    def svg(self, width: Width = Width.WIDE) -> Markup:
        """Draw it."""
        xs = [s.x for c in self.curves for s in c.steps]
        if not xs:
            return empty(self.head, width)
        swatches = [series(i, c.label) for i, c in enumerate(self.curves)]
        keys = [
            element("path", d="M0 7H18", stroke=s.paint, stroke_width=2, stroke_dasharray=DASHES[i])
            for i, s in enumerate(swatches)
        ]
        key, top = legend(self.head, width, swatches, keys) if len(swatches) > 1 else (Markup(""), 0.0)
        plot = Plot(44, top + 24, width - 10, top + 24 + 220)
        y = Linear(0, 1, plot.bottom, plot.top)
        x: Linear | Log
        if self.steps is Steps.LOG:
            x = Log(*padded_log(xs), plot.left, plot.right)
        else:
            x = Linear(min(0.0, *xs), max(xs) or 1.0, plot.left, plot.right)
        bands = [_band(c, x, y, s) for c, s in zip(self.curves, swatches, strict=True)]
        paths = [
            element("path", d=_staircase([(x(s.x), y(s.y)) for s in c.steps], plot.right), stroke=w.paint,
                    stroke_dasharray=DASHES[i])
            for i, (c, w) in enumerate(zip(self.curves, swatches, strict=True))
        ]  # fmt: skip
        medians = [
            element("path", d=f"M{x(m):.1f} {y(0.5):.1f}V{plot.bottom:.1f}", stroke=w.paint)
            for c, w in zip(self.curves, swatches, strict=True)
            if (m := c.crossing(0.5)) is not None
        ]
        half = element("path", d=f"M{plot.left} {y(0.5):.1f}H{plot.right}", stroke=AXIS)
        marks = [m for c, w in zip(self.curves, swatches, strict=True) for m in self._marks(c, w, x, y)]
        banded = any(s.interval for c in self.curves for s in c.steps)
        note = f"Bands: {self.interval_of}. " if banded else ""
        note += "Dotted: the median, where half are reached."
        places = tick_places(x.ticks(self.unit, int(plot.width // 70)), x)
        body = [
            key, value_axis(plot, tick_places(y.ticks(SHARE, 4), y), self.y_title),
            group(bands, aria_hidden="true"),
            group([half, *medians], stroke_dasharray="1 3", aria_hidden="true"),
            group(paths, fill="none", stroke_width=2, aria_hidden="true"), group(marks),
            base_line(plot, plot.bottom),
            bottom_axis(plot, places, self.unit.axis_title),
        ]  # fmt: skip
        return document(self.head, width, plot.bottom + (40 if self.unit.axis_title else 26), body, note=note)

    def table(self) -> Table:
        """A row per step."""
        headings = (
            Heading("Group"), Heading("After", self.unit), Heading(self.y_title.capitalize(), SHARE),
            Heading(f"{self.interval_of}, low", SHARE), Heading(f"{self.interval_of}, high", SHARE),
        )  # fmt: skip
        rows = [
            Row(
                (c.label, s.x, s.y, *((s.interval.low, s.interval.high) if s.interval else (None, None))),
                c.href,
            )
            for c in self.curves
            for s in c.steps
        ]
        return Table(headings, tuple(rows))

    def _marks(self, curve: Curve, swatch: Swatch, x: Linear | Log, y: Linear) -> list[Markup]:
        """Reading points: all steps where few, else evenly picked; the line and the table have all."""
        every = -(-len(curve.steps) // MOST_MARKS)
        made = []
        for s in curve.steps[::every] if every else ():
            tip = f"{curve.label}: {written(s.y, SHARE)} {self.y_title} after {written(s.x, self.unit)}"
            if s.interval:
                tip += f" ({self.interval_of}: {written_interval(s.interval.low, s.interval.high, SHARE)})"
            hit = element("circle", cx=x(s.x), cy=y(s.y), r=7, fill="transparent")
            dot = element(
                "circle", cx=x(s.x), cy=y(s.y), r=2.5, fill=swatch.paint, class_="dot quiet", opacity="0"
            )
            made.append(mark(hit, dot, tip=tip, href=curve.href))
        return made


def _staircase(points: list[tuple[float, float]], right: float) -> str:
    """A path that goes right, then down; pixels that repeat are left out."""
    d: list[str] = []
    last = ("", "")
    for px, py in points:
        here = (f"{px:.1f}", f"{py:.1f}")
        if not d:
            d.append(f"M{here[0]} {here[1]}")
        elif here[1] != last[1]:
            d.append(f"H{here[0]}V{here[1]}")
        last = here
    # Beyond the last step there is no observation: the line ends there unless it is the only point.
    d.append(f"H{right:.1f}" if len(points) == 1 else f"H{last[0]}")
    return "".join(d)


def _band(curve: Curve, x: Linear | Log, y: Linear, swatch: Swatch) -> Markup:
    known = [(x(s.x), y(s.interval.low), y(s.interval.high)) for s in curve.steps if s.interval]
    if len(known) < 2:
        return Markup("")
    upper = [f"M{known[0][0]:.1f} {known[0][2]:.1f}"]
    upper += [f"H{px:.1f}V{high:.1f}" for px, _, high in known[1:]]
    lower = [f"V{known[-1][1]:.1f}"]
    # Backwards each level holds from its own x to the next: go left at the earlier level.
    lower += [f"H{known[i][0]:.1f}V{known[i - 1][1]:.1f}" for i in range(len(known) - 1, 0, -1)]
    lower.append(f"H{known[0][0]:.1f}z")
    return element("path", d="".join(upper + lower), fill=swatch.paint, fill_opacity="0.16")
