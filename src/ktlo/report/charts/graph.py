"""Who calls whom, drawn: nodes by size and state, links by width and state; a list with arcs where it is narrow.

Data: places and ways from ``telemetry/service_map``; out: SVG. Kinds differ in shape, states in colour, in the weight
of the ring and in a number that is written beside the name; a link that rests on a name only is dashed.
"""

from __future__ import annotations

import dataclasses
import enum
import itertools
import math
from collections.abc import Mapping

from markupsafe import Markup

from ktlo.report.charts.chart import Head, Width
from ktlo.report.charts.frame import SMALL, SOFT, document, empty
from ktlo.report.charts.lanes import BELOW, Point, curve, points
from ktlo.report.charts.layers import Grid, layered
from ktlo.report.charts.quantity import SECONDS, SHARE, Unit, finite, written
from ktlo.report.charts.svg import element, group, mark, shortened, text
from ktlo.report.charts.table import Heading, Row, Table
from ktlo.wording import counted

SOME, MANY = 0.0, 0.05
"""Shares of failed calls above which a node or a link has some, and many."""
_ROW, _LEAST, _MOST = 60.0, 5.0, 15.0
_LIST_ROW, _ARCS = 26.0, 116.0
_KEYS = 46.0
_MANY_LINKS = 150
"""Links from which on they are drawn lighter, so that names stay readable."""


class Shape(enum.StrEnum):
    """What a node is."""

    SERVICE = "service"
    DATABASE = "database"
    CACHE = "cache"
    QUEUE = "queue"
    HOST = "host"


@dataclasses.dataclass(frozen=True, slots=True)
class Dot:
    """A node.

    Attributes:
        key: identifies it.
        label: its name.
        shape: what it is.
        size: calls a minute; its area stands for them.
        errors: share of failed calls; ``None`` without calls.
        tip: all of it in words.
        href: where it leads to.
        is_focus: whether the drawing is about it.
    """

    key: str
    label: str
    shape: Shape
    size: float
    errors: float | None
    tip: str
    href: str = ""
    is_focus: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Link:
    """Calls from one node to another.

    Attributes:
        start: key of the caller.
        end: key of what is called.
        how: kind of the calls.
        rate: calls a minute.
        errors: share of failed calls.
        p95_s: 95th percentile of the duration, seconds.
        tip: all of it in words.
        href: where it leads to.
        is_dashed: whether it rests on a name only.
    """

    start: str
    end: str
    how: str
    rate: float
    errors: float | None
    p95_s: float | None
    tip: str
    href: str = ""
    is_dashed: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Graph:
    """Nodes and links.

    Attributes:
        head: name, title, description.
        dots: the most important first.
        links: between them.
        unit: of the rates.
        note: what is left out or drawn together.
    """

    head: Head
    dots: tuple[Dot, ...]
    links: tuple[Link, ...]
    unit: Unit
    note: str = ""

    def __post_init__(self) -> None:
        for value in (*(dot.size for dot in self.dots), *(one.rate for one in self.links)):
            finite(value)
        known = {dot.key for dot in self.dots}
        if len(known) < len(self.dots) or any({one.start, one.end} - known for one in self.links):
            raise ValueError("every node needs a key of its own, and every link two nodes")

    def svg(self, width: Width = Width.WIDE) -> Markup:
        """Draw it."""
        if not self.dots:
            return empty(self.head, width)
        grid = layered([dot.key for dot in self.dots], [(one.start, one.end) for one in self.links])
        if width is Width.NARROW:
            places = {key: (_ARCS + 12, 24 + number * _LIST_ROW) for number, key in enumerate(grid.order)}
            height = len(places) * _LIST_ROW + 20
        else:
            places, height = _places(grid, width), grid.rows * _ROW + 20
        largest = max((dot.size for dot in self.dots), default=0.0)
        busiest = max((one.rate for one in self.links), default=0.0)
        named = {dot.key: dot.label for dot in self.dots}
        radius = {dot.key: _radius(dot.size, largest, width) for dot in self.dots}
        links = [self._link(one, places, radius, busiest, width) for one in self.links]
        dots = [self._dot(dot, places[dot.key], radius[dot.key], grid, width) for dot in self.dots]
        body = [group(links, fill="none"), group(dots), _legend(height, width)]
        described = dataclasses.replace(
            self.head,
            description=(
                f"{self.head.description} {counted(len(named), 'nodes')}, {counted(len(self.links), 'links')}."
            ).strip(),
        )
        return document(described, width, height + _KEYS, body, note=self.note)

    def table(self) -> Table:
        """A row per link, then one per node with all that it was asked."""
        named = {dot.key: dot.label for dot in self.dots}
        headings = (
            Heading("From"), Heading("To"), Heading("How"), Heading("Calls a minute", self.unit),
            Heading("Errors", SHARE), Heading("p95", SECONDS), Heading("Known by"),
        )  # fmt: skip
        rows = [
            Row(
                (
                    named[one.start], named[one.end], one.how, one.rate, one.errors, one.p95_s,
                    "name only" if one.is_dashed else "spans",
                ),
                one.href,
            )
            for one in self.links
        ]  # fmt: skip
        rows += [
            Row(("(all callers)", dot.label, dot.shape, dot.size, dot.errors, None, ""), dot.href)
            for dot in self.dots
        ]
        return Table(headings, tuple(rows))

    def _dot(self, dot: Dot, at: tuple[float, float], radius: float, grid: Grid, width: Width) -> Markup:
        x, y = at
        paint = _paint(dot.errors)
        ring = 3 if (dot.errors or 0) > MANY else 1.5
        drawn = _shape(
            dot.shape, x, y, radius, fill=paint, stroke="var(--ink)" if dot.is_focus else paint, ring=ring
        )
        failed = f" {written(dot.errors, SHARE)}" if dot.errors else ""
        heavy = "700" if dot.is_focus or (dot.errors or 0) > MANY else None
        if width is Width.NARROW:
            words = shortened(dot.label, width - x - 24 - 46 * bool(failed))
            label = text(f"{words}{failed}", x + 20, y + 4, font_weight=heavy)
        else:
            room = (width - 16) / max(grid.columns, 1) - 8
            words = shortened(dot.label, max(room - 34 * bool(failed), 30), SMALL)
            label = text(
                f"{words}{failed}", x, y + radius + 12, text_anchor="middle", font_size=SMALL, font_weight=heavy,
                stroke="var(--paper)", stroke_width=3, paint_order="stroke",
            )  # fmt: skip
        hit = element("circle", cx=x, cy=y, r=max(radius, 12.0), fill="transparent")
        return mark(hit, drawn, label, tip=dot.tip, href=dot.href)

    def _link(
        self,
        one: Link,
        places: dict[str, tuple[float, float]],
        radius: dict[str, float],
        busiest: float,
        width: Width,
    ) -> Markup:
        start, end = places[one.start], places[one.end]
        gap = radius[one.end] + 5
        if width is Width.NARROW:
            path = _arc(start, end, gap)
        else:
            others = {at: radius[key] for key, at in places.items() if key not in (one.start, one.end)}
            path = _curve(start, end, radius[one.start], gap, others)
        thick = 1 + 5 * math.sqrt(one.rate / busiest) if busiest else 1.0
        line = element(
            "path", d=path, stroke=_paint(one.errors, quiet=True), stroke_width=float(thick),
            stroke_opacity="0.75" if len(self.links) <= _MANY_LINKS else "0.4",
            stroke_dasharray="5 4" if one.is_dashed else None,
        )  # fmt: skip
        return mark(
            element("path", d=path, stroke="transparent", stroke_width=10),
            line,
            _tip(end, gap, one, narrow=width is Width.NARROW, start=start),
            tip=one.tip,
            href=one.href,
        )


def _places(grid: Grid, width: Width) -> dict[str, tuple[float, float]]:
    column = (width - 16) / max(grid.columns, 1)
    return {
        # Every second column a little lower: names of neighbours do not touch, links are not all level.
        key: (8 + (at + 0.5) * column, 26 + row * _ROW + (10 if at % 2 else 0))
        for key, (at, row) in grid.places.items()
    }


def _radius(size: float, largest: float, width: Width) -> float:
    most = _MOST if width is Width.WIDE else 10.0
    return _LEAST + (most - _LEAST) * math.sqrt(max(size, 0.0) / largest) if largest else _LEAST


def _paint(errors: float | None, *, quiet: bool = False) -> str:
    if errors is None or errors <= SOME:
        return "var(--axis)" if quiet else "var(--s-1)"
    return "var(--bad)" if errors > MANY else "var(--warn)"


def _shape(shape: Shape, x: float, y: float, r: float, *, fill: str, stroke: str, ring: float) -> Markup:
    paint: dict[str, str | float] = {"fill": fill, "stroke": stroke, "stroke_width": ring}
    if shape is Shape.HOST:
        paint["fill"] = "var(--paper)"
        paint["stroke"] = fill
    if shape in (Shape.SERVICE, Shape.HOST):
        return element("circle", cx=x, cy=y, r=r, **paint)
    if shape is Shape.DATABASE:
        top = r * 0.35
        path = (
            f"M{x - r:.1f} {y - r + top:.1f}a{r:.1f} {top:.1f} 0 0 1 {2 * r:.1f} 0v{2 * r - 2 * top:.1f}"
            f"a{r:.1f} {top:.1f} 0 0 1 {-2 * r:.1f} 0z"
        )
    elif shape is Shape.CACHE:
        k = r * 1.25
        path = f"M{x:.1f} {y - k:.1f}l{k:.1f} {k:.1f}l{-k:.1f} {k:.1f}l{-k:.1f} {-k:.1f}z"
    else:
        path = f"M{x - 1.3 * r:.1f} {y - 0.7 * r:.1f}h{2.6 * r:.1f}v{1.4 * r:.1f}h{-2.6 * r:.1f}z"
    return element("path", d=path, **paint)


def _curve(start: Point, end: Point, radius: float, gap: float, others: Mapping[Point, float]) -> str:
    (x0, y0), (x1, y1) = start, end
    if start == end:
        return f"M{x0 - radius:.1f} {y0:.1f}c-26 -26 18 -34 {radius:.1f} {-radius:.1f}"
    if x1 > x0 + 1:
        way = points((x0 + radius, y0), (x1 - gap, y1), others)
        bends = (curve(here, there)[1:] for here, there in itertools.pairwise(way))
        drawn = "".join("C" + " ".join(f"{x:.1f} {y:.1f}" for x, y in bend) for bend in bends)
        return f"M{x0 + radius:.1f} {y0:.1f}{drawn}"
    # Back, or within a column: around and below what stands between, so that it is not taken for a call ahead.
    out = 30 + abs(x0 - x1) / 4
    low = max(y0, y1) + (BELOW / 0.75 if any(x1 < x < x0 for x, _ in others) else 18)
    return f"M{x0 + radius:.1f} {y0:.1f}C{x0 + out:.1f} {low:.1f} {x1 - out:.1f} {low:.1f} {x1 - gap:.1f} {y1:.1f}"


def _arc(start: tuple[float, float], end: tuple[float, float], gap: float) -> str:
    (x, y0), (_, y1) = start, end
    if y0 == y1:
        return f"M{x - 6:.1f} {y0:.1f}c-24 -14 -24 14 {6 - gap + 6:.1f} 4"
    out = min(18 + abs(y1 - y0) * 0.45, _ARCS)
    return f"M{x - 6:.1f} {y0:.1f}C{x - out:.1f} {y0:.1f} {x - out:.1f} {y1:.1f} {x - gap:.1f} {y1:.1f}"


def _tip(
    end: tuple[float, float], gap: float, one: Link, *, narrow: bool, start: tuple[float, float]
) -> Markup:
    """The head of the arrow: links end level, from the left."""
    if start == end:
        return Markup("")
    x, y = end[0] - gap + 3, end[1]
    return element("path", d=f"M{x:.1f} {y:.1f}l-7 -4v8z", fill=_paint(one.errors, quiet=True))


def _legend(height: float, width: Width) -> Markup:
    """What shapes and colours mean, in two lines under the drawing."""
    parts: list[Markup] = []
    x, y = 8.0, height + 12
    shapes = [(shape, str(shape), "var(--s-1)") for shape in Shape]
    states = [(Shape.SERVICE, "no errors", "var(--s-1)"), (Shape.SERVICE, "some", "var(--warn)"),
              (Shape.SERVICE, f"over {written(MANY, SHARE)}", "var(--bad)")]  # fmt: skip
    step = (width - 16) / 5
    for row, entries in enumerate((shapes, states)):
        for number, (shape, words, paint) in enumerate(entries):
            at = x + number * step
            parts.append(_shape(shape, at + 5, y + row * 18, 4, fill=paint, stroke=paint, ring=1.5))
            parts.append(text(words, at + 14, y + row * 18 + 4, font_size=SMALL, fill=SOFT))
    return group(parts, aria_hidden="true", class_="legend")
