"""A calendar of duties by week: who has which role on which days, hand-overs where they are.

Data: duties in local time from the rota desk; out: SVG. A row is a week, a lane in it a role; nobody is hatched
and says so. People keep their colour, but are told by their name.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator

from markupsafe import Markup

from ktlo.report.charts.calendar_ticks import day_label
from ktlo.report.charts.chart import Head, Width
from ktlo.report.charts.frame import INK, RULE, SMALL, SOFT, document, drawing_id, empty
from ktlo.report.charts.palette import Swatch, Texture, fill_of, series
from ktlo.report.charts.quantity import COUNT
from ktlo.report.charts.svg import element, mark, shortened, text
from ktlo.report.charts.table import Heading, Row, Table
from ktlo.wording import counted

LANE, GAP, TOP, MOST_WEEKS = 20, 10, 20, 27
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_WEEK = dt.timedelta(days=7)
_NOBODY = Swatch("nobody", "Nobody", "--c-incident", Texture.RISING)


@dataclasses.dataclass(frozen=True, slots=True)
class Turn:
    """One duty, on the rota's clock without an offset; ``who`` is empty where nobody has it."""

    role: str
    who: str
    start: dt.datetime
    end: dt.datetime
    note: str = ""
    href: str = ""

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ValueError(f"a duty that ends ({self.end}) before it starts ({self.start})")


@dataclasses.dataclass(frozen=True, slots=True)
class DutyCalendar:
    """Duties by week.

    Attributes:
        head: what it is.
        roles: lanes, in order.
        turns: duties.
        now: where now is, on the same clock; ``None`` where it is not among the weeks.
    """

    head: Head
    roles: tuple[str, ...]
    turns: tuple[Turn, ...]
    now: dt.datetime | None = None

    def svg(self, width: Width = Width.WIDE) -> Markup:
        """Draw it."""
        weeks = list(self._weeks())
        if not weeks or not self.roles:
            return empty(self.head, width, "Nothing to draw: nobody is planned in this time.")
        shown = weeks[:MOST_WEEKS]
        left = 76.0 if width is Width.WIDE else 44.0
        day = (width - left) / 7
        row = LANE * len(self.roles) + GAP
        who = sorted({turn.who for turn in self.turns if turn.who})
        look = {name: series(index, name) for index, name in enumerate(who)}
        body = [
            text(name, left + day * (index + 0.5), 12, text_anchor="middle", fill=SOFT, font_size=SMALL)
            for index, name in enumerate(_DAYS)
        ]
        marks: list[Markup] = []
        for place, monday in enumerate(shown):
            y = TOP + row * place
            label = f"{monday:%-d %b}" if monday.month != 1 or monday.day > 7 else f"{monday:%-d %b %Y}"
            body.append(text(label if width is Width.WIDE else f"{monday:%-d %b}", 0, y + 14, fill=SOFT))
            body.append(
                element(
                    "rect",
                    x=left,
                    y=y,
                    width=day * 7,
                    height=LANE * len(self.roles),
                    fill=RULE,
                    fill_opacity="0.3",
                )
            )
            body += [
                element("line", x1=left + day * n, x2=left + day * n, y1=y, y2=y + row - GAP, stroke=RULE)
                for n in range(8)
            ]
            marks += [self._turn(turn, monday, y, left, day, look, width) for turn in self._of(monday)]
            if self.now is not None and monday <= self.now < monday + _WEEK:
                x = left + day * ((self.now - monday) / dt.timedelta(days=1))
                marks.append(
                    element("line", x1=x, x2=x, y1=y - 3, y2=y + row - GAP + 3, stroke=INK, stroke_width=2)
                )
        note = (
            f"The first {MOST_WEEKS} of {counted(len(weeks), 'weeks')}; the table has all. "
            if len(weeks) > MOST_WEEKS
            else ""
        )
        if len(self.roles) > 1:
            note += f"From top to bottom in each week: {', '.join(self.roles)}."
        height = TOP + row * len(shown)
        return document(self.head, width, height, [*body, *marks], swatches=(_NOBODY,), note=note.strip())

    def _weeks(self) -> Iterator[dt.datetime]:
        if not self.turns:
            return
        first = min(turn.start for turn in self.turns)
        last = max(turn.end for turn in self.turns)
        monday = dt.datetime.combine(first.date() - dt.timedelta(days=first.weekday()), dt.time())
        while monday < last:
            yield monday
            monday += _WEEK

    def _of(self, monday: dt.datetime) -> list[Turn]:
        return [turn for turn in self.turns if turn.start < monday + _WEEK and turn.end > monday]

    def _turn(
        self,
        turn: Turn,
        monday: dt.datetime,
        y: float,
        left: float,
        day: float,
        look: dict[str, Swatch],
        width: Width,
    ) -> Markup:
        one = dt.timedelta(days=1)
        start = left + day * max((turn.start - monday) / one, 0.0)
        end = left + day * min((turn.end - monday) / one, 7.0)
        top = y + LANE * self.roles.index(turn.role)
        wide = max(end - start - 1, 1.0)
        tip = f"{turn.who or 'Nobody'}, {turn.role}: {_moment(turn.start)} to {_moment(turn.end)}"
        tip += f" ({turn.note})" if turn.note else ""
        if not turn.who:
            fill = fill_of(_NOBODY, drawing_id(self.head, width))
            box = element("rect", x=start, y=top + 1, width=wide, height=LANE - 2, fill=fill)
            return mark(box, *self._label("nobody", start, top, wide), tip=tip, href=turn.href)
        colour = look[turn.who].paint
        shapes = [
            element(
                "rect", x=start, y=top + 1, width=wide, height=LANE - 2, fill=colour, fill_opacity="0.22"
            ),
            element("rect", x=start, y=top + 1, width=min(3.0, wide), height=LANE - 2, fill=colour),
            *self._label(turn.who, start + 2, top, wide - 2),
        ]
        return mark(*shapes, tip=tip, href=turn.href)

    def _label(self, words: str, start: float, top: float, wide: float) -> list[Markup]:
        if wide < 14:
            return []
        return [text(shortened(words, wide - 6, SMALL), start + 4, top + 14, font_size=SMALL)]

    def table(self) -> Table:
        """A row for each duty."""
        headings = (
            Heading("Role"), Heading("Who"), Heading("From"), Heading("Until"), Heading("Days", COUNT),
            Heading("Note"),
        )  # fmt: skip
        rows = tuple(
            Row(
                (
                    turn.role,
                    turn.who or "nobody",
                    _moment(turn.start),
                    _moment(turn.end),
                    round((turn.end - turn.start) / dt.timedelta(days=1), 1),
                    turn.note,
                ),
                turn.href,
            )
            for turn in self.turns
        )
        return Table(headings, rows)


def _moment(moment: dt.datetime) -> str:
    return f"{moment:%a} {day_label(moment.date())} {moment:%H:%M}"
