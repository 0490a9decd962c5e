"""A matrix of counts: true category against predicted, each row's shares as heat, counts in the cells.

Data: the classifier's confusion counts; out: SVG. The diagonal is framed, so that right and wrong differ
by more than colour; shares are of the row (recall reads along it).
"""

from __future__ import annotations

import dataclasses

from markupsafe import Markup

from ktlo.report.charts.chart import Head, Width
from ktlo.report.charts.frame import INK, SMALL, SOFT, document, empty, labels_width
from ktlo.report.charts.palette import HEAT, HEAT_INK, heat_step
from ktlo.report.charts.quantity import COUNT, SHARE, compact, finite, written
from ktlo.report.charts.svg import element, group, mark, shortened, text
from ktlo.report.charts.table import Heading, Row, Table


@dataclasses.dataclass(frozen=True, slots=True)
class Matrix:
    """Square counts.

    Attributes:
        head: name, title, description.
        labels: of rows and columns.
        counts: ``counts[i][j]`` of true label i given predicted label j.
        rows_are: what a row is (``true``).
        columns_are: what a column is (``predicted``).
        hrefs: as counts, links to the rows behind a cell; may be empty.
    """

    head: Head
    labels: tuple[str, ...]
    counts: tuple[tuple[float, ...], ...]
    rows_are: str = "true"
    columns_are: str = "predicted"
    hrefs: tuple[tuple[str, ...], ...] = ()

    def __post_init__(self) -> None:
        size = len(self.labels)
        for grid in (self.counts, self.hrefs or self.counts):
            if len(grid) != size or any(len(row) != size for row in grid):
                raise ValueError(f"a matrix of {size} labels has {size} rows of {size}")
        if any(finite(c) < 0 for row in self.counts for c in row):
            raise ValueError("counts are not negative")

    def svg(self, width: Width = Width.WIDE) -> Markup:
        """Draw it."""
        size = len(self.labels)
        if not size or not any(c for row in self.counts for c in row):
            return empty(self.head, width)
        limit = 150.0 if width is Width.WIDE else 74.0
        left = min(labels_width(self.labels, SMALL) + 12, limit)
        side = min((width - left - 2) / size, 60.0)
        tall = min(max(side, 18.0), 34.0)
        # Column names stand upright when they are wider than their column.
        upright = labels_width(self.labels, SMALL) > side - 4
        top = 22 + (min(labels_width(self.labels, SMALL), 100.0) + 4 if upright else 16)
        words = [
            text(f"{self.columns_are} \u2192", left, 12, fill=SOFT),
            text(f"{self.rows_are} \u2193", 0, top - 6, fill=SOFT),
        ]
        marks: list[Markup] = []
        for i, label in enumerate(self.labels):
            y = top + i * tall
            words.append(
                text(shortened(label, left - 10, SMALL), left - 8, y + tall / 2 + 4, text_anchor="end")
            )
            x = left + i * side + side / 2
            if upright:
                turned = f"translate({x + 4:.1f} {top - 6:.1f}) rotate(-90)"
                words.append(element("text", shortened(label, 100, SMALL), transform=turned))
            else:
                words.append(text(label, x, top - 6, text_anchor="middle"))
            total = sum(self.counts[i])
            for j, count in enumerate(self.counts[i]):
                marks.append(self._cell(i, j, count, total, left + j * side, y, side, tall))
        body = [group(words, font_size=SMALL, aria_hidden="true"), group(marks)]
        note = f"Heat: share of the row; framed: {self.columns_are} as {self.rows_are}."
        return document(self.head, width, top + size * tall + 6, body, note=note)

    def table(self) -> Table:
        """A row per cell that is not zero, with the share of its row."""
        headings = (
            Heading(self.rows_are.capitalize()), Heading(self.columns_are.capitalize()),
            Heading("Count", COUNT), Heading("Share of row", SHARE),
        )  # fmt: skip
        rows = [
            Row((true, guess, self.counts[i][j], self.counts[i][j] / sum(self.counts[i])), self._href(i, j))
            for i, true in enumerate(self.labels)
            for j, guess in enumerate(self.labels)
            if self.counts[i][j]
        ]
        return Table(headings, tuple(rows))

    def _href(self, i: int, j: int) -> str:
        return self.hrefs[i][j] if self.hrefs else ""

    def _cell(
        self, i: int, j: int, count: float, total: float, x: float, y: float, side: float, tall: float
    ) -> Markup:
        part = count / total if total else 0.0
        step = heat_step(part, 1.0)
        frame = {"stroke": INK, "stroke_width": "1.5"} if i == j else {"stroke": "var(--paper)"}
        box = element(
            "rect", x=x + 1, y=y + 1, width=side - 2, height=tall - 2, fill=f"var({HEAT[step]})", **frame
        )
        if not count:
            return box
        told = compact(count)
        number = text(
            told, x + side / 2, y + tall / 2 + 4, text_anchor="middle",
            fill=f"var({HEAT_INK[step]})", font_size=SMALL if side >= 34 else 9, class_="num",
        )  # fmt: skip
        tip = (
            f"{self.rows_are} {self.labels[i]}, {self.columns_are} {self.labels[j]}: "
            f"{told} ({written(part, SHARE)} of the row)"
        )
        return mark(box, number, tip=tip, href=self._href(i, j))
