"""Strips of outages per service: when it was down, for how long, and what is still open.

Data: outages from the reliability metrics (already the union per service, or raw incidents); out: SVG. An
outage too short to see keeps a width of three pixels, an open one reaches the right edge and is hatched.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum

from markupsafe import Markup

from ktlo.report.charts.calendar_ticks import minute_label, time_ticks
from ktlo.report.charts.chart import Head, Width
from ktlo.report.charts.frame import (
    RULE,
    Plot,
    bottom_axis,
    document,
    drawing_id,
    empty,
    labels_width,
    legend,
    tick_places,
)  # fmt: skip
from ktlo.report.charts.palette import Swatch, Texture, fill_of
from ktlo.report.charts.quantity import COUNT, SECONDS, duration
from ktlo.report.charts.scale import Linear, instant
from ktlo.report.charts.svg import element, group, mark, shortened, text
from ktlo.report.charts.table import Heading, Row, Table
from ktlo.wording import counted

ROW, MOST_ROWS, MOST_SPANS = 30, 40, 1500


class Impact(enum.StrEnum):
    """How much of the service was gone."""

    DOWN = "down"
    DEGRADED = "degraded"


_LOOK = {
    Impact.DOWN: Swatch("down", "Down", "--c-incident"),
    Impact.DEGRADED: Swatch("degraded", "Degraded", "--c-support", Texture.RISING),
}
_OPEN = Swatch("open", "Still open", "--c-incident", Texture.LEVEL)


@dataclasses.dataclass(frozen=True, slots=True)
class Span:
    """One outage; ``end`` is ``None`` while it lasts."""

    start: dt.datetime
    end: dt.datetime | None
    label: str = ""
    impact: Impact = Impact.DOWN
    href: str = ""

    def __post_init__(self) -> None:
        if self.end is not None and instant(self.end) < instant(self.start):
            raise ValueError(f"an outage that ends ({self.end}) before it starts ({self.start})")


@dataclasses.dataclass(frozen=True, slots=True)
class Strip:
    """A service's outages; none is good news and keeps its strip."""

    service: str
    spans: tuple[Span, ...]
    href: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class OutageStrips:
    """Services over one time range, ``start`` to ``end`` (the end is now, or the range's)."""

    head: Head
    strips: tuple[Strip, ...]
    start: dt.datetime
    end: dt.datetime

    def __post_init__(self) -> None:
        if instant(self.end) <= instant(self.start):
            raise ValueError(f"a time range from {self.start} to {self.end} is none")

    def svg(self, width: Width = Width.WIDE) -> Markup:
        """Draw it."""
        if not self.strips:
            return empty(self.head, width, "No services in this range.")
        strips = self.strips[:MOST_ROWS]
        spans = [s for strip in strips for s in strip.spans]
        seen = {self._look(s) for s in spans}
        looks = tuple(look for look in (*_LOOK.values(), _OPEN) if look in seen)
        key, top = legend(self.head, width, looks) if looks else (Markup(""), 0.0)
        left = min(labels_width([s.service[:200] for s in strips], 12), width * 0.3) + 12
        plot = Plot(left, top + 4, width - 8, top + 4 + ROW * len(strips))
        x = Linear(instant(self.start), instant(self.end), plot.left, plot.right)
        budget = MOST_SPANS
        rows: list[Markup] = []
        for i, strip in enumerate(strips):
            y = plot.top + ROW * i
            label = shortened(strip.service, left - 12)
            rows.append(text(label, left - 10, y + ROW / 2 + 4, text_anchor="end"))
            track = element(
                "rect",
                x=plot.left,
                y=y + 7,
                width=plot.width,
                height=ROW - 14,
                fill=RULE,
                fill_opacity="0.45",
                rx=2,
            )
            longest = sorted(strip.spans, key=lambda s: -self._seconds(s))[: max(budget, 0)]
            budget -= len(longest)
            marks = [self._span(strip.service, s, y, x, width) for s in longest]
            rows += [track, group(marks)]
        notes = []
        if len(self.strips) > MOST_ROWS:
            notes.append(
                f"The first {MOST_ROWS} of {counted(len(self.strips), 'services')}; the table has all."
            )
        if len(spans) > MOST_SPANS:
            notes.append(f"The longest {MOST_SPANS:,} of {counted(len(spans), 'outages')} are drawn.")
        places = tick_places(time_ticks(x, int(plot.width // 76)), x)
        body = [key, bottom_axis(plot, places, grid=plot.height), *rows]
        return document(self.head, width, plot.bottom + 26, body, swatches=looks, note=" ".join(notes))

    def table(self) -> Table:
        """A row per outage; a service without one has a row that says so."""
        headings = (
            Heading("Service"), Heading("Outage"), Heading("Impact"), Heading("Start"), Heading("End"),
            Heading("Duration", SECONDS), Heading("Outages", COUNT),
        )  # fmt: skip
        rows: list[Row] = []
        for strip in self.strips:
            if not strip.spans:
                rows.append(Row((strip.service, "none", "", None, None, 0.0, 0), strip.href))
            rows += [
                Row(
                    (
                        strip.service,
                        s.label,
                        s.impact.value,
                        s.start,
                        s.end or "still open",
                        self._seconds(s),
                        1,
                    ),
                    s.href,
                )
                for s in strip.spans
            ]
        return Table(headings, tuple(rows))

    def _seconds(self, span: Span) -> float:
        """Length so far: an open outage lasts until the end of the range."""
        return max(instant(span.end or self.end) - instant(span.start), 0.0)

    def _look(self, span: Span) -> Swatch:
        return _OPEN if span.end is None else _LOOK[span.impact]

    def _span(self, service: str, span: Span, y: float, x: Linear, width: Width) -> Markup:
        start = min(max(x(instant(span.start)), x.start), x.end)
        end = min(max(x(instant(span.end or self.end)), x.start), x.end)
        length = max(end - start, 3.0)
        shape = element(
            "rect", x=min(start, x.end - length), y=y + 5, width=length, height=ROW - 10,
            rx=1, fill=fill_of(self._look(span), drawing_id(self.head, width)),
        )  # fmt: skip
        until = minute_label(span.end) if span.end else "still open"
        what = f"{service}, {span.label}" if span.label else service
        lasted = duration(self._seconds(span))
        tip = f"{what}: {span.impact.value} {lasted}, {minute_label(span.start)} to {until}"
        return mark(shape, tip=tip, href=span.href)
