"""A sparkline: a word-sized line beside a number, without axes (Tufte, Beautiful Evidence, 2006).

Data: the metric's last values; out: a small SVG image. Gaps are kept, the last known value is dotted in
the accent; the card that carries it links to the full chart.
"""

from __future__ import annotations

import dataclasses

from markupsafe import Markup

from ktlo.report.charts.chart import Head, Width
from ktlo.report.charts.quantity import COUNT, Unit, finite, written
from ktlo.report.charts.scale import Linear, padded
from ktlo.report.charts.svg import element
from ktlo.report.charts.table import Heading, Row, Table

WIDTH, HEIGHT = 120, 32
MOST = 240


@dataclasses.dataclass(frozen=True, slots=True)
class Sparkline:
    """Values in order, ``None`` where not estimable; ``labels`` name them in the table."""

    head: Head
    values: tuple[float | None, ...]
    unit: Unit = COUNT
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for value in self.values:
            if value is not None:
                finite(value)
        if self.labels and len(self.labels) != len(self.values):
            raise ValueError(f"{len(self.labels)} labels for {len(self.values)} values")

    def svg(self, width: Width = Width.WIDE) -> Markup:
        """Draw it; the same at every width of the page."""
        known = [(i, v) for i, v in enumerate(self.values) if v is not None]
        label = f"{self.head.title}: {self._told()}"
        attributes: dict[str, str | int] = {
            "xmlns": "http://www.w3.org/2000/svg", "class_": "sparkline", "role": "img", "width": WIDTH,
            "height": HEIGHT, "viewBox": f"0 0 {WIDTH} {HEIGHT}", "aria_label": label,
        }  # fmt: skip
        if not known:
            line = element(
                "path", d=f"M2 {HEIGHT / 2:.0f}H{WIDTH - 2}", stroke="var(--axis)", stroke_dasharray="2 4"
            )
            return element("svg", element("title", label), line, **attributes)
        x = Linear(0, max(len(self.values) - 1, 1), 4, WIDTH - 5)
        y = Linear(*padded([v for _, v in known]), HEIGHT - 3, 4)
        every = -(-len(self.values) // MOST)
        d, pen = [], "M"
        for i, value in list(enumerate(self.values))[::every]:
            if value is None:
                pen = "M"
                continue
            d.append(f"{pen}{x(i):.1f} {y(value):.1f}")
            pen = "L"
        last_at, last = known[-1]
        line = element("path", d="".join(d), fill="none", stroke="var(--ink-soft)", stroke_width="1.5",
                       stroke_linecap="round", stroke_linejoin="round")  # fmt: skip
        dot = element("circle", cx=x(last_at), cy=y(last), r=3, fill="var(--lamp)", stroke="var(--ink)")
        return element("svg", element("title", label), line, dot, **attributes)

    def table(self) -> Table:
        """A row per value."""
        names = self.labels or tuple(str(i + 1) for i in range(len(self.values)))
        rows = tuple(Row((n, v)) for n, v in zip(names, self.values, strict=True))
        return Table((Heading("Period"), Heading("Value", self.unit)), rows)

    def _told(self) -> str:
        known = [v for v in self.values if v is not None]
        if not known:
            return "not estimable"
        return (
            f"{written(known[0], self.unit)} to {written(known[-1], self.unit)}, "
            f"lowest {written(min(known), self.unit)}, highest {written(max(known), self.unit)}"
        )
