"""The frame of a drawing: document, title and description, axes, grid, legend, notes, empty state.

Each chart gives its marks as markup and its scales; what surrounds them is made here, so that all
drawings speak one language. Axes are hidden from assistive technology: the description, the marks and
the table twin say the same in words.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from markupsafe import Markup

from ktlo.report.charts.chart import Head, Width
from ktlo.report.charts.palette import Swatch, fill_of, patterns
from ktlo.report.charts.scale import Tick
from ktlo.report.charts.svg import element, group, joined, shortened, text, text_width

SMALL = 11
LEGEND_LINE = 20
NOTE_LINE = 18
INK, SOFT, RULE, AXIS = "var(--ink)", "var(--ink-soft)", "var(--rule)", "var(--axis)"


@dataclasses.dataclass(frozen=True, slots=True)
class Plot:
    """The rectangle of the marks, in pixels from the top left."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """Pixels across."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Pixels down."""
        return self.bottom - self.top


def drawing_id(head: Head, width: Width) -> str:
    """The prefix of every id in a drawing; desk and phone versions live on one page."""
    return f"{head.name}-{width.name.lower()}"


def document(
    head: Head,
    width: Width,
    height: float,
    body: Sequence[Markup],
    *,
    swatches: tuple[Swatch, ...] = (),
    note: str = "",
) -> Markup:
    """The ``<svg>`` around a body.

    A drawing without marks is an image. One with marks is a group of graphics: the children of an
    image are invisible to assistive technology, those of a group can be reached
    (https://www.w3.org/TR/graphics-aria-1.0/#graphics-document).
    """
    drawing = drawing_id(head, width)
    lines = _wrapped(note, width - 8) if note else []
    notes = group(
        [text(line, 0, height + 12 + i * NOTE_LINE) for i, line in enumerate(lines)],
        fill=SOFT, font_size=SMALL, class_="note",
    )  # fmt: skip
    inner = joined([patterns(swatches, drawing), *body, notes])
    interactive = ' tabindex="-1"' in inner
    if interactive:
        # One stop in the tab order; arrow keys go on from there (ktlo.js).
        # str.replace: Markup's own would escape the quotes.
        first = str.replace(inner, ' tabindex="-1"', ' tabindex="0"', 1)
        inner = Markup(first)  # noqa: S704 - markup of ours, one number changed
    said = " ".join(part for part in (head.description, note) if part)
    total = height + len(lines) * NOTE_LINE
    return element(
        "svg",
        element("title", head.title, id=f"{drawing}-title"),
        element("desc", said or head.title, id=f"{drawing}-desc"),
        inner,
        xmlns="http://www.w3.org/2000/svg",
        id=drawing,
        class_="chart",
        viewBox=f"0 0 {int(width)} {round(total)}",
        width=int(width),
        height=round(total),
        role="graphics-document group" if interactive else "img",
        aria_labelledby=f"{drawing}-title {drawing}-desc",
        font_family="var(--font)",
        font_size=12,
        fill=INK,
    )


def empty(head: Head, width: Width, words: str = "Nothing to draw: no data in this range.") -> Markup:
    """The drawing of no data: its shape, and a sentence."""
    height = 120
    box = element(
        "rect", x=0.5, y=0.5, width=float(width - 1), height=float(height - 1), rx=6, fill="none",
        stroke=RULE, stroke_dasharray="4 4",
    )  # fmt: skip
    lines = _wrapped(words, width - 32)
    first = height / 2 + 4 - (len(lines) - 1) * NOTE_LINE / 2
    sentences = [
        text(line, width / 2, first + i * NOTE_LINE, text_anchor="middle", fill=SOFT)
        for i, line in enumerate(lines)
    ]
    described = dataclasses.replace(head, description=f"{head.description} {words}".strip())
    return document(described, width, height, [box, *sentences])


def value_axis(plot: Plot, ticks: Sequence[tuple[float, str]], title: str = "") -> Markup:
    """Horizontal grid lines with labels left of the plot; ``ticks`` are (pixel, label)."""
    lines = [element("path", d=f"M{plot.left:.0f} {y:.1f}H{plot.right:.0f}") for y, _ in ticks]
    labels = [text(label, plot.left - 8, y + 4) for y, label in ticks]
    parts = [
        group(lines, stroke=RULE, stroke_width=1),
        group(labels, text_anchor="end", fill=SOFT, font_size=SMALL),
    ]
    if title:
        parts.append(text(title, 0, plot.top - 12, fill=SOFT, font_size=SMALL))
    return group(parts, aria_hidden="true")


def bottom_axis(
    plot: Plot, ticks: Sequence[tuple[float, str]], title: str = "", *, grid: float = 0
) -> Markup:
    """Labels under the plot, those left out that would touch; ``grid`` is how far up their lines reach."""
    marks: list[Markup] = []
    labels: list[Markup] = []
    free = -1e9
    for x, label in ticks:
        half = text_width(label, SMALL) / 2
        centre = min(max(x, half), plot.right + 6 - half) if half * 2 < plot.right else x
        marks.append(element("path", d=f"M{x:.1f} {plot.bottom - grid:.1f}V{plot.bottom + 4:.1f}"))
        if centre - half < free:
            continue
        free = centre + half + 8
        labels.append(text(label, centre, plot.bottom + 18))
    parts = [
        group(marks, stroke=RULE if grid else AXIS),
        group(labels, text_anchor="middle", fill=SOFT, font_size=SMALL),
    ]
    if title:
        parts.append(text(title, plot.right, plot.bottom + 34, text_anchor="end", fill=SOFT, font_size=SMALL))
    return group(parts, aria_hidden="true")


def base_line(plot: Plot, y: float) -> Markup:
    """The line amounts stand on."""
    return element("path", d=f"M{plot.left:.0f} {y:.1f}H{plot.right:.0f}", stroke=AXIS, aria_hidden="true")


def labels_width(labels: Sequence[str], size: float = SMALL) -> float:
    """Pixels the widest of some labels takes."""
    return max((text_width(label, size) for label in labels), default=0.0)


def tick_places(ticks: Sequence[Tick], scale: object) -> list[tuple[float, str]]:
    """Pixels and labels of ticks on a scale."""
    return [(scale(t.value), t.label) for t in ticks] if callable(scale) else []


def legend(
    head: Head, width: Width, swatches: Sequence[Swatch], keys: Sequence[Markup] = ()
) -> tuple[Markup, float]:
    """A legend over the plot, wrapped to the width.

    Args:
        head: whose drawing.
        width: of the drawing.
        swatches: in the order of the stack or the series.
        keys: drawn instead of the filled square, in a box of 18 x 12 pixels; for lines.

    Returns:
        The markup, and the height it takes.
    """
    if not swatches:
        return Markup(""), 0.0
    drawing = drawing_id(head, width)
    parts: list[Markup] = []
    x, y = 0.0, 0.0
    for index, swatch in enumerate(swatches):
        label = shortened(swatch.label, min(width - 60, 260))
        needed = 18 + text_width(label) + 16
        if x and x + needed - 16 > width:
            x, y = 0.0, y + LEGEND_LINE
        key = (
            keys[index]
            if keys
            else element("rect", y=1, width=12, height=12, rx=2, fill=fill_of(swatch, drawing))
        )
        offset = 24 if keys else 18
        parts.append(group([key, text(label, offset, 11)], transform=f"translate({x:.1f} {y:.1f})"))
        x += needed + (6 if keys else 0)
    return group(parts, aria_hidden="true", class_="legend"), y + LEGEND_LINE + 4


def _wrapped(words: str, width: float) -> list[str]:
    lines: list[str] = []
    for word in words.split():
        joint = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(joint, SMALL) <= width:
            lines[-1] = joint
        else:
            lines.append(shortened(word, width, SMALL))
    return lines
