"""A flame graph: boxes as wide as the time below them, callers above what they call (Gregg, CACM 2016, 59:6).

The page gives boxes by path with the links that open each; out: SVG that works without a script, in which a click
makes a box the whole, and a table of every box. Drawn from the top (an icicle), so that names line up on a phone.
"""

from __future__ import annotations

import dataclasses

from markupsafe import Markup

from ktlo.report.charts.chart import Head, Width
from ktlo.report.charts.frame import SMALL, document, empty
from ktlo.report.charts.palette import HEAT, HEAT_INK, heat_step
from ktlo.report.charts.quantity import SECONDS, SHARE, Unit, finite, written
from ktlo.report.charts.svg import element, mark, shortened, text
from ktlo.report.charts.table import Heading, Row, Table

ROW = 22
LEAST_PIXELS = 1.0
MOST_LEVELS = 40


@dataclasses.dataclass(frozen=True, slots=True)
class Box:
    """A box: its path of names from the whole, time with and without what is below, where a click leads."""

    path: tuple[str, ...]
    total: float
    own: float
    children: tuple[Box, ...] = ()
    href: str = ""

    def __post_init__(self) -> None:
        if finite(self.total) < 0 or finite(self.own) < 0:
            raise ValueError(f"{self.path}: times are amounts")


@dataclasses.dataclass(frozen=True, slots=True)
class Flame:
    """A box and everything below it, drawn as wide as the drawing.

    Attributes:
        head: name, title, description.
        root: what is drawn across the whole width.
        whole: label of the root when its path is empty.
        unit: of the times.
    """

    head: Head
    root: Box
    whole: str = "everything"
    unit: Unit = SECONDS

    def svg(self, width: Width = Width.WIDE) -> Markup:
        """Draw it: a box narrower than a pixel is left out, its time shows as the gap beside its neighbours."""
        if self.root.total <= 0:
            return empty(self.head, width)
        boxes: list[Markup] = []
        self._draw(self.root, 0.0, float(width), 0, boxes)
        deepest = min(_depth(self.root), MOST_LEVELS)
        note = "A click makes a box the whole. Warmer: more of the time is the function's own."
        return document(self.head, width, ROW * (deepest + 1) + 2, boxes, note=note)

    def table(self) -> Table:
        """A row per box, widest first."""
        headings = (
            Heading("Called by way of"), Heading("With what it calls", self.unit), Heading("Self", self.unit),
            Heading("Of the whole", SHARE),
        )  # fmt: skip
        rows: list[tuple[float, Row]] = []

        def add(box: Box) -> None:
            label = " → ".join(box.path) or self.whole
            share = box.total / self.root.total if self.root.total else None
            rows.append((-box.total, Row((label, box.total, box.own, share), box.href)))
            for child in box.children:
                add(child)

        add(self.root)
        return Table(
            headings, tuple(row for _, row in sorted(rows, key=lambda one: (one[0], one[1].cells[0])))
        )

    def _draw(self, box: Box, left: float, wide: float, level: int, into: list[Markup]) -> None:
        if wide < LEAST_PIXELS or level > MOST_LEVELS:
            return
        name = box.path[-1] if box.path else self.whole
        step = heat_step(box.own / box.total if box.total else 0.0, 1.0) if box.path else 0
        top = float(level * ROW)
        gap = 1.0 if wide > 4 else 0.0
        shapes = [
            element("rect", x=left, y=top, width=max(wide - gap, 0.5), height=ROW - 1, rx=2,
                    fill=f"var({HEAT[step]})")
        ]  # fmt: skip
        if wide > 40:
            label = shortened(name.rpartition(".")[2] if len(name) * 6.5 > wide else name, wide - 8, SMALL)
            shapes.append(text(label, left + 4, top + 15, font_size=SMALL, fill=f"var({HEAT_INK[step]})"))
        share = box.total / self.root.total
        tip = (
            f"{name}: {written(box.total, self.unit)} with what it calls ({written(share, SHARE)}),"
            f" {written(box.own, self.unit)} itself"
        )
        into.append(mark(*shapes, tip=tip, href=box.href))
        at = left
        for child in box.children:
            part = wide * child.total / box.total
            self._draw(child, at, part, level + 1, into)
            at += part


def _depth(box: Box) -> int:
    return 1 + max((_depth(child) for child in box.children), default=-1) if box.children else 0
