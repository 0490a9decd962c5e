"""A treemap of files: area by complexity (or lines), heat by how often they change, grouped by folder.

Data: one tile per file from the hotspot metric; out: SVG. The layout is the squarified treemap of Bruls,
Huizing and van Wijk (2000): tiles close to squares, largest first, inside their folder's rectangle.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from markupsafe import Markup

from ktlo.report.charts.chart import Head, Width
from ktlo.report.charts.frame import SMALL, SOFT, document, empty
from ktlo.report.charts.palette import HEAT, HEAT_BY_RANK, HEAT_INK, heat_ranks
from ktlo.report.charts.quantity import finite, written
from ktlo.report.charts.scatter import Measure
from ktlo.report.charts.svg import element, group, mark, shortened, text
from ktlo.report.charts.table import Heading, Row, Table
from ktlo.wording import counted

MOST_TILES = 300
FOLDER_LINE = 16
OTHER = "smaller files"
COMPLEXITY, CHANGES = Measure("Complexity"), Measure("Changes")


@dataclasses.dataclass(frozen=True, slots=True)
class Tile:
    """A file: ``path`` with slashes, ``size`` for its area, ``heat`` for its colour."""

    path: str
    size: float
    heat: float = 0.0
    href: str = ""

    def __post_init__(self) -> None:
        if finite(self.size) < 0 or finite(self.heat) < 0:
            raise ValueError(f"{self.path}: area and heat are amounts")

    @property
    def folder(self) -> str:
        """First two folders of the path: enough to know where one is, few enough to draw."""
        return "/".join(self.path.split("/")[:-1][:2]) or "."


@dataclasses.dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels."""

    x: float
    y: float
    width: float
    height: float

    def inset(self, gap: float, top: float = 0.0) -> Box:
        """The rectangle less a gap on every side and a strip at the top; never negative."""
        return Box(
            self.x + gap, self.y + gap + top,
            max(self.width - 2 * gap, 0.0), max(self.height - 2 * gap - top, 0.0),
        )  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True)
class Treemap:
    """Tiles with what their area and their heat mean."""

    head: Head
    tiles: tuple[Tile, ...]
    size: Measure = COMPLEXITY
    heat: Measure = CHANGES

    def svg(self, width: Width = Width.WIDE) -> Markup:
        """Draw it."""
        positive = sorted((t for t in self.tiles if t.size > 0), key=lambda t: (-t.size, t.path))
        if not positive:
            return empty(self.head, width)
        most = int(MOST_TILES * width / Width.WIDE)
        shown, rest = positive[:most], positive[most:]
        folders: dict[str, list[Tile]] = {}
        for tile in shown:
            folders.setdefault(tile.folder, []).append(tile)
        if rest:
            folders[OTHER] = [Tile(OTHER, sum(t.size for t in rest))]
        order = sorted(folders, key=lambda f: -sum(t.size for t in folders[f]))
        sums = [sum(t.size for t in folders[f]) for f in order]
        height = 400 if width is Width.WIDE else 440
        steps = {**heat_ranks([t.heat for t in positive]), 0.0: 0}
        body: list[Markup] = []
        for folder, box in zip(order, squarified(sums, Box(0, 0, float(width), float(height))), strict=True):
            body += self._folder(folder, folders[folder], box, steps, len(rest))
        note = f"Area: {self.size.title.lower()}. Heat: {self.heat.title.lower()}, {HEAT_BY_RANK}."
        if rest:
            are = "is one tile" if len(rest) == 1 else "are one tile"
            note += f" {counted(len(rest), 'smaller files')} {are}; the table has all."
        return document(self.head, width, height + 4, body, note=note)

    def table(self) -> Table:
        """A row per file, hottest first."""
        headings = (
            Heading("File"),
            Heading(self.size.title, self.size.unit),
            Heading(self.heat.title, self.heat.unit),
        )  # fmt: skip
        ranked = sorted(self.tiles, key=lambda t: (-t.heat, -t.size, t.path))
        return Table(headings, tuple(Row((t.path, t.size, t.heat), t.href) for t in ranked))

    def _folder(
        self, folder: str, tiles: list[Tile], box: Box, steps: dict[float, int], rest: int
    ) -> list[Markup]:
        box = box.inset(1.5)
        named = box.height > 44 and box.width > 48
        inner = box.inset(0, FOLDER_LINE if named else 0.0)
        made: list[Markup] = []
        if named:
            label = shortened(folder, box.width - 4, SMALL)
            made.append(text(label, box.x + 2, box.y + 12, font_size=SMALL, fill=SOFT, aria_hidden="true"))
        marks = []
        for tile, place in zip(tiles, squarified([t.size for t in tiles], inner), strict=True):
            marks.append(self._tile(tile, place, steps, rest))
        made.append(group(marks, stroke="var(--paper)"))
        return made

    def _tile(self, tile: Tile, box: Box, steps: dict[float, int], rest: int) -> Markup:
        step = steps[tile.heat]
        shapes = [
            element("rect", x=box.x, y=box.y, width=box.width, height=box.height, fill=f"var({HEAT[step]})")
        ]
        name = tile.path.rsplit("/", 1)[-1]
        if box.width > 46 and box.height > 20:
            label = shortened(name, box.width - 8, SMALL)
            if len(label) >= 0.6 * len(name):
                shapes.append(
                    text(
                        label,
                        box.x + 4,
                        box.y + 14,
                        font_size=SMALL,
                        fill=f"var({HEAT_INK[step]})",
                        stroke="none",
                    )
                )
        said = f"{rest:,} {OTHER}" if tile.path == OTHER else tile.path
        tip = f"{said}: {self.size.title.lower()} {written(tile.size, self.size.unit)}"
        if tile.path != OTHER:
            tip += f", {self.heat.title.lower()} {written(tile.heat, self.heat.unit)}"
        return mark(*shapes, tip=tip, href=tile.href)


def squarified(sizes: Sequence[float], box: Box) -> list[Box]:
    """Rectangles of areas proportional to ``sizes`` (positive, descending) that fill the box.

    Source: Bruls, Huizing, van Wijk, "Squarified treemaps", 2000: a row along the shorter side takes
    tiles as long as its worst aspect ratio improves.
    """
    total = sum(sizes)
    if total <= 0 or box.width <= 0 or box.height <= 0:
        return [Box(box.x, box.y, 0, 0) for _ in sizes]
    scale = box.width * box.height / total
    areas = [s * scale for s in sizes]
    placed: list[Box] = []
    x, y, width, height = box.x, box.y, box.width, box.height
    start = 0
    while start < len(areas):
        side = min(width, height)
        end = start + 1
        row = areas[start]
        while end < len(areas) and side > 0:
            if _worst(areas[start], areas[end], row + areas[end], side) > _worst(
                areas[start], areas[end - 1], row, side
            ):
                break
            row += areas[end]
            end += 1
        depth = row / side if side > 0 else 0.0
        along = 0.0
        for area in areas[start:end]:
            length = area / depth if depth > 0 else 0.0
            placed.append(
                Box(x, y + along, depth, length) if width >= height else Box(x + along, y, length, depth)
            )
            along += length
        if width >= height:
            x, width = x + depth, max(width - depth, 0.0)
        else:
            y, height = y + depth, max(height - depth, 0.0)
        start = end
    return placed


def _worst(largest: float, smallest: float, row: float, side: float) -> float:
    if smallest <= 0 or row <= 0:
        return float("inf")
    return max(side * side * largest / (row * row), row * row / (side * side * smallest))
