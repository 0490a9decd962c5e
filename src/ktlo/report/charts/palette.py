"""Colours as CSS variables, told apart by pattern, order and label as well.

The one place where the values of the charts' variables are written: pages read them from ``ktlo.css``
(a test holds the two together), files get them inlined by ``standalone``. Categories that touch in a
stack stay distinct (CIE76 difference over 10) for the three dichromacies simulated after Machado,
Oliveira and Fernandes (2009), and every fill has a contrast of at least 3:1 to the paper (WCAG 1.4.11).
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Sequence
from types import MappingProxyType

from markupsafe import Markup

from ktlo.report.charts.svg import element, joined


class Theme(enum.StrEnum):
    """The sets of values that the variables can take."""

    LIGHT = "light"
    DARK = "dark"


class Texture(enum.StrEnum):
    """What is drawn over a fill, so that colour is never the only difference."""

    SOLID = "solid"
    RISING = "rising"
    FALLING = "falling"
    LEVEL = "level"
    UPRIGHT = "upright"
    DOTS = "dots"
    GRID = "grid"
    DIAMOND = "diamond"
    SPARSE = "sparse"
    OPEN = "open"


@dataclasses.dataclass(frozen=True, slots=True)
class Swatch:
    """How one category or series looks everywhere."""

    key: str
    """Letters, digits and ``_``; names the pattern within a drawing."""
    label: str
    colour: str
    """Name of a CSS variable, with its dashes."""
    texture: Texture = Texture.SOLID

    @property
    def paint(self) -> str:
        """The plain colour, as a presentation attribute's value."""
        return f"var({self.colour})"


def _category(key: str, label: str, texture: Texture) -> Swatch:
    return Swatch(key, label, f"--c-{key.replace('_', '-')}", texture)


CATEGORIES: tuple[Swatch, ...] = (
    _category("incident", "Incident", Texture.SOLID),
    _category("bug_fix", "Bug fix", Texture.RISING),
    _category("security", "Security", Texture.DOTS),
    _category("dependency", "Dependency", Texture.LEVEL),
    _category("infrastructure", "Infrastructure", Texture.FALLING),
    _category("performance", "Performance", Texture.UPRIGHT),
    _category("debt", "Debt", Texture.GRID),
    _category("support", "Support", Texture.DIAMOND),
    _category("feature", "Feature", Texture.SPARSE),
    _category("unattributed", "Unattributed", Texture.OPEN),
)
"""In the order of a stack, from the ground up: what kept the lights on, then features, then the rest."""

_BY_KEY = MappingProxyType({swatch.key: swatch for swatch in CATEGORIES})

SERIES_COLOURS = ("--s-1", "--s-2", "--s-3", "--s-4", "--s-5", "--s-6")
DASHES = (None, "6 3", "2 3", "9 3 2 3", "4 2", "12 4")
HEAT = ("--h-0", "--h-1", "--h-2", "--h-3", "--h-4", "--h-5")
HEAT_INK = ("--hi-0", "--hi-1", "--hi-2", "--hi-3", "--hi-4", "--hi-5")

FONT = "Inter, 'Helvetica Neue', Arial, 'Liberation Sans', 'DejaVu Sans', 'Libertinus Serif', sans-serif"

_INK, _PAPER = "#1B1B1F", "#FFFFFF"

LIGHT = MappingProxyType({
    "--paper": _PAPER, "--ink": _INK, "--ink-soft": "#5A5A61", "--rule": "#E4E2DC", "--axis": "#8B8A85",
    "--lamp": "#F5C33B", "--lamp-deep": "#7A5600",
    "--ok": "#1F6B3A", "--warn": "#8A5A00", "--bad": "#A3261B",
    "--c-incident": "#882255", "--c-bug-fix": "#CC6677", "--c-security": "#7A3E9D",
    "--c-dependency": "#2E9484", "--c-infrastructure": "#8A8420", "--c-performance": "#3E8FBF",
    "--c-debt": "#117733", "--c-support": "#B5651D", "--c-feature": "#7280A7",
    "--c-unattributed": "#8E8E8A",
    "--s-1": "#2C4A8C", "--s-2": "#B5651D", "--s-3": "#2E9484", "--s-4": "#882255", "--s-5": "#3E8FBF",
    "--s-6": "#8A8420",
    "--h-0": "#FBF3D9", "--h-1": "#F8DF94", "--h-2": "#F0BD45", "--h-3": "#CF8420", "--h-4": "#9A4D10",
    "--h-5": "#5F250A",
    "--hi-0": _INK, "--hi-1": _INK, "--hi-2": _INK, "--hi-3": _INK, "--hi-4": "#FFFFFF",
    "--hi-5": "#FFFFFF",
    "--font": FONT,
})  # fmt: skip

_PALE = "#EDECE6"

DARK = MappingProxyType({
    "--paper": "#17171A", "--ink": _PALE, "--ink-soft": "#A9A8A2", "--rule": "#303035",
    "--axis": "#77767A", "--lamp": "#F5C33B", "--lamp-deep": "#F5C33B",
    "--ok": "#7FD29B", "--warn": "#F0B65A", "--bad": "#FF9C8F",
    "--c-incident": "#C2477F", "--c-bug-fix": "#F09AA6", "--c-security": "#B58AE0",
    "--c-dependency": "#4FC3B0", "--c-infrastructure": "#BDB548", "--c-performance": "#8CCBF2",
    "--c-debt": "#3FA463", "--c-support": "#E39A55", "--c-feature": "#66729C",
    "--c-unattributed": "#8C8C86",
    "--s-1": "#8F95F7", "--s-2": "#E39A55", "--s-3": "#4FC3B0", "--s-4": "#E27BA8", "--s-5": "#8CCBF2",
    "--s-6": "#BDB548",
    "--h-0": "#2B2820", "--h-1": "#4A3B18", "--h-2": "#7A5916", "--h-3": "#B5801F", "--h-4": "#E9B53C",
    "--h-5": "#FFE7A3",
    "--hi-0": _PALE, "--hi-1": _PALE, "--hi-2": "#FFFFFF", "--hi-3": _INK, "--hi-4": _INK,
    "--hi-5": _INK,
    "--font": FONT,
})  # fmt: skip

VALUES = MappingProxyType({Theme.LIGHT: LIGHT, Theme.DARK: DARK})

_OVERLAYS: dict[Texture, str] = {
    Texture.RISING: "M-1 7 7 -1M-1 1 1 -1M5 7 7 5",
    Texture.FALLING: "M-1 -1 7 7M5 -1 7 1M-1 5 1 7",
    Texture.LEVEL: "M0 3H6",
    Texture.UPRIGHT: "M3 0V6",
    Texture.DOTS: "M2 2h1.8v1.8h-1.8zM5 5h1v1h-1z",
    Texture.GRID: "M0 3H6M3 0V6",
    Texture.DIAMOND: "M3 .5 5.5 3 3 5.5 .5 3z",
}


def category(key: str) -> Swatch:
    """The swatch of a category.

    Raises:
        ValueError: no category has this key.
    """
    try:
        return _BY_KEY[key]
    except KeyError:
        known = ", ".join(_BY_KEY)
        raise ValueError(f"no category {key!r}; known: {known}") from None


def series(index: int, label: str) -> Swatch:
    """The swatch of the n-th series of a chart whose parts are not categories."""
    return Swatch(f"s{index}", label, SERIES_COLOURS[index % len(SERIES_COLOURS)])


def fill_of(swatch: Swatch, drawing: str) -> str:
    """The ``fill`` of a swatch within a drawing that carries :func:`patterns`."""
    if swatch.texture in (Texture.SOLID, Texture.SPARSE):
        return swatch.paint
    return f"url(#{drawing}-{swatch.key})"


def patterns(swatches: tuple[Swatch, ...], drawing: str) -> Markup:
    """The ``<defs>`` for the textures of these swatches, named for this drawing."""
    made = [_pattern(swatch, drawing) for swatch in dict.fromkeys(swatches)]
    inner = joined(made)
    return element("defs", inner) if inner else Markup("")


def _pattern(swatch: Swatch, drawing: str) -> Markup:
    if fill_of(swatch, drawing) == swatch.paint:
        return Markup("")
    ground = element("rect", width=6, height=6, fill=swatch.paint)
    over = element(
        "path", d=_OVERLAYS.get(swatch.texture), stroke="var(--paper)", stroke_width="1",
        stroke_opacity="0.5", fill="none",
    )  # fmt: skip
    if swatch.texture is Texture.OPEN:
        ground = element("rect", width=6, height=6, fill=swatch.paint, fill_opacity="0.22")
        over = element("path", d="M-1 7 7 -1M-1 1 1 -1M5 7 7 5", stroke=swatch.paint, stroke_width="1.1")
    return element(
        "pattern", ground, over,
        id=f"{drawing}-{swatch.key}", width=6, height=6, patternUnits="userSpaceOnUse",
    )  # fmt: skip


def heat_step(value: float, largest: float) -> int:
    """Which of the six heat colours a value between zero and the largest takes, in equal steps."""
    if largest <= 0 or value <= 0:
        return 0
    return min(int(value / largest * 5.0) + 1, 5)


TOP_SHARES = (0.02, 0.06, 0.15, 0.35)
HEAT_BY_RANK = "strongest the top 2%, then 6, 15 and 35%"


def heat_ranks(values: Sequence[float]) -> dict[float, int]:
    """The heat colour of each value by its rank: measures of files have tails that equal steps would hide.

    Returns:
        Step by value; equal values share one, zero has 0.
    """
    ordered = sorted(values, reverse=True)
    steps: dict[float, int] = {}
    for place, value in enumerate(ordered):
        if value not in steps:
            above = place / len(ordered)
            step = next((5 - i for i, share in enumerate(TOP_SHARES) if above < share), 1)
            steps[value] = step if value > 0 else 0
    return steps
