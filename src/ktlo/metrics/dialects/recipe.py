"""What a dialect is: one product's way to make one number, taken apart into the rules in which products differ.

A recipe is a rule for each aspect, in a fixed order. Swapping one aspect after another turns ktlo's number into the
product's (``explain``). Definitions were read in the products' public repositories and documentation.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import msgspec

from ktlo.metrics.question import Window


class Dialect(enum.StrEnum):
    """Whose definition it is, with the version where one product has two."""

    KTLO = "ktlo"
    DEVLAKE = "devlake"
    DEVLAKE_2021 = "devlake-2021"
    MIDDLEWARE = "middleware"
    FOURKEYS = "fourkeys"
    GITLAB = "gitlab"


TITLES = {
    Dialect.KTLO: "ktlo",
    Dialect.DEVLAKE: "DevLake 2023",
    Dialect.DEVLAKE_2021: "DevLake 2021",
    Dialect.MIDDLEWARE: "Middleware",
    Dialect.FOURKEYS: "Four Keys",
    Dialect.GITLAB: "GitLab",
}


class Aspect(enum.StrEnum):
    """In what two definitions can differ; in the order in which they are swapped. Named as in a recipe."""

    POPULATION = "population"
    LINKING = "linking"
    CLOCK = "clock"
    WINDOW = "window"
    ROUNDING = "rounding"
    STATISTIC = "statistic"
    SHOWN = "shown"


SAID = {
    Aspect.POPULATION: "What counts",
    Aspect.LINKING: "Linking",
    Aspect.CLOCK: "From when to when",
    Aspect.WINDOW: "What must lie in the period",
    Aspect.ROUNDING: "Rounding of each row",
    Aspect.STATISTIC: "Statistic and unit",
    Aspect.SHOWN: "Rounding of the number shown",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; ``words`` say it as a clause that a person can check."""

    name: str
    words: str


NOTHING = Rule("nothing", "none")


@dataclass(frozen=True, slots=True)
class Recipe:
    """The rules of one dialect for one metric; one attribute for each :class:`Aspect`."""

    population: Rule
    clock: Rule
    window: Rule
    statistic: Rule
    linking: Rule = NOTHING
    rounding: Rule = NOTHING
    shown: Rule = NOTHING

    def rule(self, aspect: Aspect) -> Rule:
        """The rule of one aspect."""
        rule: Rule = getattr(self, aspect.value)
        return rule

    def with_rule_of(self, other: Recipe, aspect: Aspect) -> Recipe:
        """This recipe with one rule of another."""
        return replace(self, **{aspect.value: other.rule(aspect)})


class Counted(msgspec.Struct, frozen=True):
    """One row that a number rests on. There may be half a million: a struct is made in a tenth of a dataclass's time.

    Attributes:
        kind: incident, deployment, change, commit or issue.
        source: identifier of the source.
        external_id: identifier in the source.
        title: for people.
        url: in the tool it comes from; empty when nowhere.
        at: the instant that had to lie in the period, seconds since 1970.
        amount: what the row brings: seconds, or 1 for counted; a failed deployment 1 and another 0.
        is_open: True when the end was not seen and the amount is only a lower limit.
    """

    kind: str
    source: str
    external_id: str
    title: str
    url: str
    at: float
    amount: float
    is_open: bool = False

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes it the same row under another rule."""
        return (self.kind, self.source, self.external_id)


@dataclass(frozen=True)
class Measured:
    """A number by one recipe.

    Attributes:
        value: seconds, a share of one, or deployments a week; ``None`` when it is not estimable.
        rows: what it rests on.
        reason: why there is no value; else empty.
        unrounded: the value before the number shown is rounded, by which a product finds its band.
    """

    value: float | None
    rows: tuple[Counted, ...]
    reason: str = ""
    unrounded: float = 0.0

    @cached_property
    def by_key(self) -> Mapping[tuple[str, str, str], Counted]:
        """The rows by what makes them the same under another rule."""
        return {row.key: row for row in self.rows}


@dataclass(frozen=True, slots=True)
class Shown:
    """What the product itself would print: the text, and its band (elite to low) where it has one."""

    text: str
    band: str = ""
    unit: str = ""
    """Of the text, where the product writes it elsewhere: DevLake's queries name their column ``…_in_hour``."""

    @property
    def said(self) -> str:
        """The text with its unit: ``61.0(medium), in hours``."""
        return f"{self.text}, in {self.unit}" if self.unit else self.text


@dataclass(frozen=True, slots=True)
class About:
    """A dialect's definition of a metric, for people.

    Attributes:
        definition: in words.
        unit: of the number that the product shows.
        bands: its thresholds; empty when it has none.
        traps: what surprises who compares, one sentence each.
        source: repository and file or page, with version or date.
    """

    definition: str
    unit: str
    bands: str
    traps: tuple[str, ...]
    source: str


@dataclass(frozen=True, slots=True)
class Spoken:
    """A metric in one dialect: its recipe, its words, and how the product prints the number."""

    recipe: Recipe
    about: About
    show: Callable[[Measured, Window], Shown]


def banded(value: float, limits: tuple[float, float, float], *, inclusive: bool = False) -> str:
    """Elite, high, medium or low, for a number of which less is better.

    Args:
        value: the number.
        limits: upper limits of elite, high and medium.
        inclusive: a value at the limit is still inside.
    """
    for name, limit in zip(("elite", "high", "medium"), limits, strict=True):
        if value < limit or (inclusive and value == limit):
            return name
    return "low"
