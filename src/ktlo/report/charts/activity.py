"""A heat calendar: activity per day, weeks across, weekdays down.

Data: a count per day; out: SVG, in rows of half a year on phones and of a year on desks. Days without a
record inside the range are drawn empty, days outside it not at all.
"""

from __future__ import annotations

import dataclasses
import datetime as dt

from markupsafe import Markup

from ktlo.report.charts.calendar_ticks import day_label
from ktlo.report.charts.chart import Head, Width
from ktlo.report.charts.frame import RULE, SMALL, SOFT, document, empty
from ktlo.report.charts.palette import HEAT, heat_step
from ktlo.report.charts.quantity import COUNT, Unit, finite, written
from ktlo.report.charts.svg import element, group, mark, text
from ktlo.report.charts.table import Heading, Row, Table

CELL, LEFT, TOP, BLOCK = 13, 32, 18, 7 * 13 + 18 + 12
MOST_WEEKS = 160


@dataclasses.dataclass(frozen=True, slots=True)
class Day:
    """A day's amount."""

    date: dt.date
    value: float
    href: str = ""

    def __post_init__(self) -> None:
        if finite(self.value) < 0:
            raise ValueError(f"{self.date}: activity is an amount, not {self.value}")


@dataclasses.dataclass(frozen=True, slots=True)
class HeatCalendar:
    """Days in ascending order, at most one entry each."""

    head: Head
    days: tuple[Day, ...]
    unit: Unit = COUNT

    def svg(self, width: Width = Width.WIDE) -> Markup:
        """Draw it."""
        if not self.days:
            return empty(self.head, width)
        last = max(d.date for d in self.days)
        first = max(min(d.date for d in self.days), last - dt.timedelta(weeks=MOST_WEEKS))
        monday = first - dt.timedelta(days=first.weekday())
        per_row = (int(width) - LEFT) // CELL
        largest = max(d.value for d in self.days)
        by_date = {d.date: d for d in self.days}
        marks: list[Markup] = []
        words: list[Markup] = []
        weeks = (last - monday).days // 7 + 1
        for week in range(weeks):
            block, column = divmod(week, per_row)
            x, top = LEFT + column * CELL, TOP + block * BLOCK
            start = monday + dt.timedelta(weeks=week)
            if column == 0:
                words += [text(n, 0, top + CELL * i + 10) for n, i in (("Mon", 0), ("Wed", 2), ("Fri", 4))]
            turn = start + dt.timedelta(days=6)
            if turn.day <= 7 and column < per_row - 2:
                words.append(text(f"{turn:%b %Y}" if turn.month == 1 else f"{turn:%b}", x, top - 6))
            for weekday in range(7):
                date = start + dt.timedelta(days=weekday)
                if first <= date <= last:
                    marks.append(self._cell(by_date.get(date), date, x, top + weekday * CELL, largest))
        height = TOP + (weeks - 1) // per_row * BLOCK + 7 * CELL + 4
        note = f"Six steps up to {written(largest, self.unit)} a day; outlined: none."
        if min(d.date for d in self.days) < first:
            note += f" The last {MOST_WEEKS} weeks; the table has all."
        body = [group(words, font_size=SMALL, fill=SOFT, aria_hidden="true"), group(marks)]
        return document(self.head, width, height, body, note=note)

    def table(self) -> Table:
        """A row per day with an entry."""
        rows = tuple(Row((d.date, d.value), d.href) for d in self.days)
        return Table((Heading("Day"), Heading("Amount", self.unit)), rows)

    def _cell(self, day: Day | None, date: dt.date, x: int, y: int, largest: float) -> Markup:
        value = day.value if day else 0.0
        side = CELL - 3
        if value == 0:
            # Empty days are ground, not marks: nothing to read, nothing to tab through.
            return element(
                "rect", x=x + 0.5, y=y + 0.5, width=side - 1, height=side - 1, rx=2, fill="none", stroke=RULE
            )
        step = HEAT[heat_step(value, largest)]
        shape = element("rect", x=x, y=y, width=side, height=side, rx=2, fill=f"var({step})")
        return mark(
            shape, tip=f"{day_label(date)}: {written(value, self.unit)}", href=day.href if day else ""
        )
