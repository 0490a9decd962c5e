"""Pieces of a page or document: frozen nouns that a section fills and a template or writer shows.

Sections build them from the metrics' answers; ``server/web/templates/_*.html`` turn them into HTML. One
example of each is in docs/design-system.md.
"""

from __future__ import annotations

import dataclasses
import enum


class Trend(enum.StrEnum):
    """What a comparison allows to say; never told by colour or an arrow alone."""

    UP = "up"
    DOWN = "down"
    SAME = "same"
    UNDETECTABLE = "undetectable"


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """A page's first line: the question, and its answer in words with the uncertainty."""

    question: str
    said: str
    """``31% of effort kept the lights on this quarter``."""
    interval: str = ""
    """``27% to 36%``; set in the softer ink."""
    change: str = ""
    """``up from 24%``, or that a change is not detectable yet and what it would need."""


@dataclasses.dataclass(frozen=True, slots=True)
class Known:
    """How we know: what stands under every figure and at the foot of every page."""

    definition: str
    definition_href: str = ""
    sample: str = ""
    """``412 incidents, 9 still open``."""
    freshness: str = ""
    """``collected 12 minutes ago, up to 24 Nov 2026 02:40 UTC``."""
    missing: tuple[str, ...] = ()
    """Sentences on what is not in the numbers, and what would bring it in."""
    source: str = ""
    """Where the formula comes from."""


@dataclasses.dataclass(frozen=True, slots=True)
class Option:
    """A choice of a filter."""

    value: str
    label: str


@dataclasses.dataclass(frozen=True, slots=True)
class Filter:
    """One field of the filter bar; its name is the URL's parameter.

    Attributes:
        name: of the parameter.
        label: over the field.
        value: the present one.
        options: choices; without any the field is free text or of ``kind``.
        kind: an HTML input type (``search``, ``date``); ``search`` is what ``/`` focuses.
        placeholder: an example of what to type.
    """

    name: str
    label: str
    value: str = ""
    options: tuple[Option, ...] = ()
    kind: str = "search"
    placeholder: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Card:
    """A metric at a glance."""

    title: str
    value: str
    """Written with its unit; empty for "not estimable"."""
    href: str = ""
    interval: str = ""
    sample: str = ""
    change: str = ""
    trend: Trend = Trend.SAME
    sparkline: str = ""
    """Markup of a :class:`~ktlo.report.charts.Sparkline`."""


@dataclasses.dataclass(frozen=True, slots=True)
class Nothing:
    """An empty page or figure: why, and the one thing that fills it."""

    title: str
    why: str
    command: str = ""
    button: str = ""
    href: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Progress:
    """Something under way; ``done`` of ``total``, ``total`` unknown (``None``) while it is counted."""

    label: str
    done: int
    total: int | None = None
    unit: str = ""
    note: str = ""
    finished: bool = False

    @property
    def words(self) -> str:
        """``1,200 of 4,000 commits``; also what a screen reader hears."""
        amount = f"{self.done:,} of {self.total:,}" if self.total is not None else f"{self.done:,}"
        told = f"{amount} {self.unit}".rstrip()
        return f"{told}, done" if self.finished else told
