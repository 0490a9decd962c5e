"""What every chart is: a frozen description that can draw itself and tell its table.

Pages call :func:`picture`, which draws a chart once for a desk and once for a phone (text stays
readable at both; CSS shows the one that fits). Reports and files call :func:`standalone`.
"""

from __future__ import annotations

import dataclasses
import enum
import re
from typing import Protocol, runtime_checkable

from markupsafe import Markup

from ktlo.report.charts.palette import VALUES, Theme
from ktlo.report.charts.table import Table

_VARIABLE = re.compile(r"var\((--[a-z0-9-]+)\)")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,60}")


class Width(enum.IntEnum):
    """Pixels across a drawing, at which its text is set in 12 pixels."""

    WIDE = 760
    NARROW = 344


class Steps(enum.StrEnum):
    """How a value axis divides its length."""

    LINEAR = "linear"
    LOG = "log"


@dataclasses.dataclass(frozen=True, slots=True)
class Interval:
    """Lower and upper end of an interval, in the unit of its estimate."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.low <= self.high:  # also refuses NaN
            raise ValueError(f"an interval from {self.low} to {self.high} is none")


@dataclasses.dataclass(frozen=True, slots=True)
class Head:
    """What every drawing says about itself."""

    name: str
    """Unique on its page; lower-case letters, digits and dashes."""
    title: str
    description: str = ""
    """One or two sentences for those who cannot see the picture."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} cannot name a chart: lower-case letters, digits, dashes")


@runtime_checkable
class Chart(Protocol):
    """A description of a picture: data in, SVG and table out, no I/O."""

    @property
    def head(self) -> Head:
        """Name, title and description."""

    def svg(self, width: Width = Width.WIDE) -> Markup:
        """The picture as one ``<svg>`` element whose colours are CSS variables."""

    def table(self) -> Table:
        """The same marks in rows and columns."""


@dataclasses.dataclass(frozen=True, slots=True)
class Picture:
    """A chart made ready for a page."""

    head: Head
    wide: Markup
    narrow: Markup
    table: Table


def picture(chart: Chart) -> Picture:
    """Draw a chart for desk and phone, with its table."""
    return Picture(chart.head, chart.svg(Width.WIDE), chart.svg(Width.NARROW), chart.table().shown())


def standalone(svg: str, theme: Theme = Theme.LIGHT) -> str:
    """A drawing that needs no page: variables replaced by values, paper put behind it.

    Args:
        svg: what a chart's ``svg()`` returned.
        theme: whose values to inline.

    Raises:
        ValueError: the drawing uses a variable that has no value.
    """
    values = VALUES[theme]

    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise ValueError(f"no value for {match[1]}")
        return values[match[1]]

    inlined = _VARIABLE.sub(value, svg)
    head, rest = inlined.split(">", 1)
    paper = f'<rect width="100%" height="100%" fill="{values["--paper"]}"/>'
    return f"{head}>{paper}{rest}"
