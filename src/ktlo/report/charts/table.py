"""A chart's twin in rows and columns: the same marks, for readers, spreadsheets and screen readers.

Charts return one from ``table()``; pages show it under the figure, files write it as CSV. Cells keep
their values (seconds, shares, dates); only the HTML and Markdown faces write them in words.
"""

from __future__ import annotations

import csv
import dataclasses
import datetime as dt
import io
from collections.abc import Mapping, Sequence

from ktlo.report.charts.calendar_ticks import day_label, minute_label
from ktlo.report.charts.quantity import Unit, written
from ktlo.report.charts.svg import safe_href

Cell = str | float | int | dt.date | dt.datetime | None

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclasses.dataclass(frozen=True, slots=True)
class Heading:
    """A column: its title, and its unit when it holds numbers."""

    title: str
    unit: Unit | None = None

    @property
    def numeric(self) -> bool:
        """Numbers are set right-aligned with tabular numerals."""
        return self.unit is not None


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """Cells in the order of the headings; ``href`` leads to the rows behind it.

    ``links`` are where other cells lead to, by their place; the first cell's is ``href``.
    """

    cells: tuple[Cell, ...]
    href: str = ""
    links: Mapping[int, str] = dataclasses.field(default_factory=dict)

    @property
    def link(self) -> str | None:
        """The ``href`` where a browser may follow it."""
        return safe_href(self.href)

    def link_of(self, place: int) -> str | None:
        """Where a cell leads to, if a browser may follow it."""
        return self.link if place == 0 else safe_href(self.links.get(place, ""))


@dataclasses.dataclass(frozen=True, slots=True)
class Table:
    """Rows and columns that say what a chart draws."""

    headings: tuple[Heading, ...]
    rows: tuple[Row, ...]

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row.cells) != len(self.headings):
                raise ValueError(f"a row of {len(row.cells)} cells under {len(self.headings)} headings")

    def words(self, row: Row) -> tuple[str, ...]:
        """The cells of a row as a page shows them."""
        return tuple(_in_words(cell, head) for cell, head in zip(row.cells, self.headings, strict=True))

    def shown(self) -> Table:
        """The table as a reader sees a chart's twin: without columns that no row fills.

        An interval or a sample that a chart was never given is not "not estimable", it does not belong to
        it. Labels and the first number stay, for there "not estimable" is the answer; CSV and JSON keep
        every column, so that programs find them.
        """
        first = next((i for i, head in enumerate(self.headings) if head.numeric), len(self.headings))
        kept = [
            i
            for i in range(len(self.headings))
            if i <= first or not self.rows or any(row.cells[i] not in (None, "") for row in self.rows)
        ]
        return self._of(kept)

    def without(self, title: str) -> Table:
        """The same rows without the column of this title; the table itself where it has none."""
        return self._of([i for i, head in enumerate(self.headings) if head.title != title])

    def _of(self, kept: Sequence[int]) -> Table:
        return Table(
            tuple(self.headings[i] for i in kept),
            tuple(
                Row(
                    tuple(row.cells[i] for i in kept),
                    row.links.get(kept[0], row.href) if kept else row.href,
                    {new: row.links[old] for new, old in enumerate(kept) if old in row.links},
                )
                for row in self.rows
            ),
        )

    def csv(self) -> str:
        """RFC 4180 text with raw values: seconds, shares of one, ISO 8601; empty where not estimable.

        Texts that a spreadsheet would run as a formula get a leading apostrophe
        (https://owasp.org/www-community/attacks/CSV_Injection).
        """
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow([h.title for h in self.headings])
        for row in self.rows:
            writer.writerow([_raw(cell) for cell in row.cells])
        return out.getvalue()


def _in_words(cell: Cell, heading: Heading) -> str:
    if cell is None:
        return "not estimable" if heading.numeric else ""
    if isinstance(cell, dt.datetime):
        return minute_label(cell)
    if isinstance(cell, dt.date):
        return day_label(cell)
    if isinstance(cell, str):
        return cell
    return written(cell, heading.unit or Unit())


def _raw(cell: Cell) -> str | float | int:
    if cell is None:
        return ""
    if isinstance(cell, dt.date):
        return cell.isoformat()
    if isinstance(cell, str) and cell.startswith(_FORMULA):
        return f"'{cell}"
    return cell
