"""Lines over time with the band of their interval; broken where nothing can be estimated.

Quantiles of time to restore or shares per month are drawn with it. Data: points per series from the
metrics' answers; out: SVG. Series differ in colour, dash and marker, and are named in the legend.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
from collections.abc import Sequence

from markupsafe import Markup

from ktlo.report.charts.calendar_ticks import day_label, minute_label, time_ticks
from ktlo.report.charts.chart import Head, Interval, Width
from ktlo.report.charts.downsample import m4
from ktlo.report.charts.frame import (
    Plot,
    base_line,
    bottom_axis,
    document,
    empty,
    labels_width,
    legend,
    tick_places,
    value_axis,
)  # fmt: skip
from ktlo.report.charts.palette import DASHES, Swatch, series
from ktlo.report.charts.quantity import COUNT, Unit, finite, written, written_interval
from ktlo.report.charts.scale import Linear, instant, padded
from ktlo.report.charts.svg import element, group, joined, mark
from ktlo.report.charts.table import Heading, Row, Table
from ktlo.wording import counted

MOST_POINTS = 360
"""Drawn points a series may have at full width: two pixels each."""


_QUIET, _USUAL, _ALONE = 2.0, 3.5, 5.0
"""Half the width of a marker: on a crowded line, on a line, and without one."""
_MANY = 60
"""Points of a series beyond which markers show on hover only."""


class Ground(enum.StrEnum):
    """Where the value axis begins."""

    ZERO = "zero"
    DATA = "data"


@dataclasses.dataclass(frozen=True, slots=True)
class LinePoint:
    """A value at an instant; ``value`` is ``None`` where not estimable, which breaks the line."""

    at: dt.date
    value: float | None
    interval: Interval | None = None
    sample: int | None = None
    """How many observations it rests on."""
    href: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """A series."""

    label: str
    points: tuple[LinePoint, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Event:
    """Something that happened at an instant, drawn as an upright line over the chart: a deployment."""

    at: dt.datetime
    label: str
    href: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class LineChart:
    """Several series over time.

    Attributes:
        head: name, title, description.
        lines: up to six; points ascending in time.
        unit: of every value.
        ground: zero for amounts; data only where zero means nothing.
        interval_of: what the bands are (``95% interval``).
        events: what happened meanwhile; those outside of the points' time are left out.
    """

    head: Head
    lines: tuple[Line, ...]
    unit: Unit = COUNT
    ground: Ground = Ground.ZERO
    interval_of: str = "95% interval"
    events: tuple[Event, ...] = ()

    def __post_init__(self) -> None:
        if len(self.lines) > len(DASHES):
            raise ValueError(f"{len(self.lines)} lines cannot be told apart; {len(DASHES)} can")
        for point in self._points():
            if point.value is not None:
                finite(point.value)
            if point.interval:
                finite(point.interval.low)
                finite(point.interval.high)

    def svg(self, width: Width = Width.WIDE) -> Markup:
        """Draw it."""
        if not any(p.value is not None for p in self._points()):
            told = "Not estimable yet: no point has enough observations." if any(self._points()) else None
            return empty(self.head, width, told) if told else empty(self.head, width)
        swatches = [series(i, line.label) for i, line in enumerate(self.lines)]
        keys = [_key(i, s) for i, s in enumerate(swatches)]
        key, top = legend(self.head, width, swatches, keys) if len(swatches) > 1 else (Markup(""), 0.0)
        values = [p.value for p in self._points() if p.value is not None]
        values += [e for p in self._points() if p.interval for e in (p.interval.low, p.interval.high)]
        low, high = padded(values, from_zero=self.ground is Ground.ZERO)
        plot = Plot(0, top + 24, width - 10, top + 24 + 220)
        y = Linear(low, high, plot.bottom, plot.top)
        ticks = tick_places(y.ticks(self.unit, 5), y)
        plot = dataclasses.replace(plot, left=labels_width([t[1] for t in ticks]) + 14)
        times = [instant(p.at) for p in self._points()]
        hours = self._has_hours()
        x = Linear(min(times), max(times), plot.left + 4, plot.right)
        most = int(MOST_POINTS * width / Width.WIDE)
        drawn = [m4(line.points, lambda p: p.value, most) for line in self.lines]
        bands = [_band(points, x, y, swatches[i]) for i, points in enumerate(drawn)]
        alone = [{id(run[0]) for run in _runs(points) if len(run) == 1} for points in drawn]
        paths = [_path(points, x, y, i, swatches[i]) for i, points in enumerate(drawn)]
        marks = [
            self._mark(point, self.lines[i].label, i, swatches[i], x, y, size=_size(point, points, alone[i]))
            for i, points in enumerate(drawn)
            for point in points
            if point.value is not None
        ]
        if x.low == x.high:
            places = [(x(x.low), _when(self.lines[0].points[0].at, hours=hours))]
        else:
            places = tick_places(time_ticks(x, int(plot.width // 76)), x)
        happened = [one for one in self.events if x.low <= instant(one.at) <= x.high]
        notes = []
        if happened:
            said = "; ".join(f"{one.label} ({_when(one.at, hours=hours)})" for one in happened[:6])
            more = f" and {len(happened) - 6} more" if len(happened) > 6 else ""
            notes.append(f"Upright lines: {said}{more}.")
        if any(p.interval for p in self._points()):
            whiskered = any(
                p.interval and id(p) in ids for d, ids in zip(drawn, alone, strict=True) for p in d
            )
            notes.append(f"{'Bands and whiskers' if whiskered else 'Bands'}: {self.interval_of}.")
        if any(p.value is None for p in self._points()):
            notes.append("Gaps: not estimable.")
        if any(len(d) < len(line.points) for d, line in zip(drawn, self.lines, strict=True)):
            total = sum(len(line.points) for line in self.lines)
            notes.append(
                f"Drawn from {counted(total, 'points')} by the first, lowest, highest and last of each stretch; "
                "the table has all."
            )
        body = [
            key, value_axis(plot, ticks, self.unit.axis_title), group(bands, aria_hidden="true"),
            group(paths, fill="none", stroke_width=2, stroke_linejoin="round", aria_hidden="true"),
            group([_event(one, x, plot, hours=hours) for one in happened]),
            group(marks), base_line(plot, plot.bottom), bottom_axis(plot, places),
        ]  # fmt: skip
        return document(self.head, width, plot.bottom + 26, body, note=" ".join(notes))

    def table(self) -> Table:
        """A row per series and point, then what happened meanwhile."""
        headings = (
            Heading("Series"), Heading("Time" if self._has_hours() else "Date"), Heading("Value", self.unit),
            Heading(f"{self.interval_of}, low", self.unit), Heading(f"{self.interval_of}, high", self.unit),
            Heading("Observations", COUNT),
        )  # fmt: skip
        rows = [
            Row(
                (
                    line.label, p.at, p.value, p.interval.low if p.interval else None,
                    p.interval.high if p.interval else None, p.sample,
                ),
                p.href,
            )
            for line in self.lines
            for p in line.points
        ]  # fmt: skip
        rows += [Row((one.label, one.at, None, None, None, None), one.href) for one in self.events]
        return Table(headings, tuple(rows))

    def _has_hours(self) -> bool:
        """Whether points lie closer than days, so that a date alone would not tell them apart."""
        return any(
            isinstance(p.at, dt.datetime) and instant(p.at) % 86_400
            for line in self.lines
            for p in line.points
        )

    def _points(self) -> list[LinePoint]:
        return [p for line in self.lines for p in line.points]

    def _mark(
        self, p: LinePoint, label: str, index: int, swatch: Swatch, x: Linear, y: Linear, *, size: float
    ) -> Markup:
        value = p.value or 0.0
        tip = f"{label}, {_when(p.at, hours=self._has_hours())}: {written(p.value, self.unit)}"
        if p.interval:
            tip += f" ({self.interval_of}: {written_interval(p.interval.low, p.interval.high, self.unit)})"
        if p.sample is not None:
            tip += f", {counted(p.sample, 'observations')}"
        at = (x(instant(p.at)), y(value))
        hit = element("circle", cx=at[0], cy=at[1], r=7, fill="transparent")
        return mark(hit, marker(index, *at, swatch, size=size, quiet=size == _QUIET), tip=tip, href=p.href)


def marker(
    index: int, x: float, y: float, swatch: Swatch, *, size: float = 3.5, quiet: bool = False
) -> Markup:
    """The n-th marker shape: circle, square, diamond, triangle, and the first two open."""
    r = size
    shape = index % 4
    paint: dict[str, str] = {"fill": swatch.paint if index < 4 else "var(--paper)", "stroke": swatch.paint}
    if quiet:
        paint["opacity"] = "0"  # the page shows it on hover and focus; a file never
    dot = "dot quiet" if quiet else "dot"
    if shape == 0:
        return element("circle", cx=x, cy=y, r=r, class_=dot, **paint)
    if shape == 1:
        return element("rect", x=x - r, y=y - r, width=2 * r, height=2 * r, class_=dot, **paint)
    k = r * 1.3
    path = f"M{x:.1f} {y - k:.1f}l{k:.1f} {k:.1f}l{-k:.1f} {k:.1f}l{-k:.1f} {-k:.1f}z"
    if shape == 3:
        path = f"M{x:.1f} {y - k:.1f}l{k:.1f} {1.8 * k:.1f}h{-2 * k:.1f}z"
    return element("path", d=path, class_=dot, **paint)


def _size(point: LinePoint, points: Sequence[LinePoint], alone: set[int]) -> float:
    """How large a point's marker is: one that no line reaches is all there is to see, so it is never quiet."""
    if id(point) in alone:
        return _ALONE
    return _QUIET if len(points) > _MANY else _USUAL


def _when(at: dt.date, *, hours: bool) -> str:
    """A day, or an instant to the minute where days alone do not tell points apart."""
    if hours and isinstance(at, dt.datetime):
        return minute_label(at)
    return day_label(at.date() if isinstance(at, dt.datetime) else at)


def _event(one: Event, x: Linear, plot: Plot, *, hours: bool) -> Markup:
    at = x(instant(one.at))
    line = element(
        "path", d=f"M{at:.1f} {plot.top:.1f}V{plot.bottom:.1f}", stroke="var(--lamp-deep)", stroke_width="1.5",
        stroke_dasharray="3 3",
    )  # fmt: skip
    flag = element("path", d=f"M{at:.1f} {plot.top:.1f}l7 3.5l-7 3.5z", fill="var(--lamp-deep)")
    hit = element("rect", x=at - 5, y=plot.top, width=10, height=plot.bottom - plot.top, fill="transparent")
    return mark(hit, line, flag, tip=f"{one.label}, {_when(one.at, hours=hours)}", href=one.href)


def _key(index: int, swatch: Swatch) -> Markup:
    stroke = element("path", d="M0 7H18", stroke=swatch.paint, stroke_width=2, stroke_dasharray=DASHES[index])
    return joined([stroke, marker(index, 9, 7, swatch)])


def _runs(points: Sequence[LinePoint]) -> list[list[LinePoint]]:
    """Stretches without a gap."""
    runs: list[list[LinePoint]] = [[]]
    for point in points:
        if point.value is None:
            runs.append([])
        else:
            runs[-1].append(point)
    return [run for run in runs if run]


def _path(points: Sequence[LinePoint], x: Linear, y: Linear, index: int, swatch: Swatch) -> Markup:
    d = "".join(
        ("M" if i == 0 else "L") + f"{x(instant(p.at)):.1f} {y(p.value or 0.0):.1f}"
        for run in _runs(points)
        for i, p in enumerate(run)
    )
    return element("path", d=d, stroke=swatch.paint, stroke_dasharray=DASHES[index])


def _band(points: Sequence[LinePoint], x: Linear, y: Linear, swatch: Swatch) -> Markup:
    shapes, whiskers = [], []
    for run in _runs(points):
        ends = [(x(instant(p.at)), y(p.interval.low), y(p.interval.high)) for p in run if p.interval]
        if len(ends) == 1:
            at, low, high = ends[0]
            caps = "".join(f"M{at - 5:.1f} {end:.1f}h10" for end in (high, low))
            whiskers.append(f"M{at:.1f} {high:.1f}V{low:.1f}{caps}")
        elif ends:
            up = "L".join(f"{at:.1f} {high:.1f}" for at, _, high in ends)
            down = "L".join(f"{at:.1f} {low:.1f}" for at, low, _ in reversed(ends))
            shapes.append(f"M{up}L{down}z")
    drawn = []
    if shapes:
        drawn.append(element("path", d="".join(shapes), fill=swatch.paint, fill_opacity="0.16"))
    if whiskers:
        drawn.append(
            element("path", d="".join(whiskers), fill="none", stroke=swatch.paint, stroke_width="1.5")
        )
    return joined(drawn)
