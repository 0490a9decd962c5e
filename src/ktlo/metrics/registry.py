"""The registry: every number that ktlo shows is defined once, here and beside its SQL.

A definition is words, unit, SQL for the rows, and an estimator over them. API, pages, CLI and the
reference documentation are generated from it. Third parties add theirs by an entry point of group
``ktlo.metrics`` that names a module which calls :func:`metric`.
"""

from __future__ import annotations

import enum
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points

from ktlo.errors import NotFoundError
from ktlo.metrics.comparison import Comparison
from ktlo.metrics.estimate import Estimate
from ktlo.metrics.question import Dimension, Window
from ktlo.metrics.rows import Rows
from ktlo.metrics.survival import SurvivalCurve


class Unit(enum.StrEnum):
    """Units of the numbers; faces format by them."""

    SECONDS = "s"
    SHARE = "share"
    SHARE_OF_TIME = "share of time"
    """A share near one, of which every nine counts."""
    COUNT = "count"
    PERSON_DAYS = "person-days"
    PER_WEEK = "per week"
    DAYS = "days"
    LEVELS_PER_YEAR = "levels per year"
    YEARS = "years"


class Better(enum.StrEnum):
    """Which direction is good news."""

    LOWER = "lower"
    HIGHER = "higher"
    NEITHER = "neither"


class Family(enum.StrEnum):
    """Which page a metric belongs to."""

    EFFORT = "effort"
    RELIABILITY = "reliability"
    BUGS = "bugs"
    HOTSPOTS = "hotspots"
    DEBT = "debt"
    FINDINGS = "findings"


Statistics = Mapping[str, Estimate]
"""Estimates by the name of the statistic: ``p50``, ``mean``, ``count``…"""

Estimator = Callable[[Rows, Window], Statistics]
Curve = Callable[[Rows, Window], SurvivalCurve]
Comparer = Callable[[Rows, Window, Rows, Window], Comparison]


@dataclass(frozen=True, slots=True)
class Definition:
    """One metric.

    Attributes:
        name: identifier in URLs and commands.
        title: as people say it.
        family: the page it belongs to.
        unit: unit of its main statistic.
        definition: what it is, in words, exact enough to recompute by hand.
        reading: how to read it and what not to conclude.
        source: where the formula comes from.
        dimensions: by what it can be grouped and filtered.
        better: which direction is good news.
        headline: the statistic that stands for the metric.
        tables: observed tables it rests on.
        sql: SELECT of the rows, with the parameters start, end, now (``DateTime64(6, 'UTC')``); has a
            column for each dimension.
        detail: SELECT of the rows that people see, when the estimator's rows are sums or more than those
            that count; else empty.
        counts: what the sample size ``n`` of the headline counts, in the plural.
        estimate: rows of one group and one window to statistics.
        compare: rows of an earlier and a later window to a verdict, where one can be given.
        curve: rows of one window to the survival curve that a page draws, where the metric is a duration.
        snapshot: True when it describes the present whatever the period.
        is_clocked: True when it can be told in business time.
        is_summed: True when the SQL has summed over the period, so that a series asks again for each bucket.
    """

    name: str
    title: str
    family: Family
    unit: Unit
    definition: str
    reading: str
    source: str
    dimensions: tuple[Dimension, ...]
    better: Better
    headline: str
    tables: tuple[str, ...]
    sql: str
    detail: str
    counts: str
    estimate: Estimator
    compare: Comparer | None
    curve: Curve | None
    snapshot: bool
    is_clocked: bool
    is_summed: bool

    @property
    def rows_sql(self) -> str:
        """The SELECT behind "show the rows"."""
        return self.detail or self.sql


METRICS: dict[str, Definition] = {}


def metric(
    *,
    title: str,
    family: Family,
    unit: Unit,
    definition: str,
    reading: str,
    source: str,
    dimensions: tuple[Dimension, ...],
    headline: str,
    tables: tuple[str, ...],
    sql: str,
    detail: str = "",
    counts: str = "rows",
    better: Better = Better.NEITHER,
    compare: Comparer | None = None,
    curve: Curve | None = None,
    snapshot: bool = False,
    is_clocked: bool = False,
    is_summed: bool = False,
) -> Callable[[Estimator], Estimator]:
    """Register the decorated estimator as a metric named after the function. See :class:`Definition`."""

    def register(estimate: Estimator) -> Estimator:
        name = estimate.__name__
        if name in METRICS:
            raise ValueError(f"the metric {name} is defined twice")
        METRICS[name] = Definition(
            name=name,
            title=title,
            family=family,
            unit=unit,
            definition=" ".join(definition.split()),
            reading=" ".join(reading.split()),
            source=source,
            dimensions=dimensions,
            better=better,
            headline=headline,
            tables=tables,
            sql=sql,
            detail=detail,
            counts=counts,
            estimate=estimate,
            compare=compare,
            curve=curve,
            snapshot=snapshot,
            is_clocked=is_clocked,
            is_summed=is_summed,
        )
        return estimate

    return register


_OWN = (
    "effort",
    "reliability",
    "downtime",
    "service_levels",
    "delivery",
    "bugs",
    "hotspots",
    "debt",
    "findings",
    "freshness",
)


@functools.cache
def _load() -> None:
    """Import every module that defines metrics, once: asking for entry points reads the disk each time."""
    for module in _OWN:
        import_module(f"ktlo.metrics.{module}")
    for entry in entry_points(group="ktlo.metrics"):
        entry.load()


def definitions() -> Mapping[str, Definition]:
    """Every metric by name: ktlo's own in the order of their modules, whichever was imported first, then others'."""
    _load()
    place = {f"ktlo.metrics.{module}": number for number, module in enumerate(_OWN)}
    ordered = sorted(METRICS.values(), key=lambda each: place.get(each.estimate.__module__, len(place)))
    return {each.name: each for each in ordered}


def definition(name: str) -> Definition:
    """One metric.

    Raises:
        NotFoundError: there is none of that name; the message names similar ones.
    """
    import difflib

    known = definitions()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3)
        raise NotFoundError(
            f"there is no metric called {name!r}",
            fix=f"Did you mean {' or '.join(near)}?" if near else "`ktlo metrics` lists them",
        )
    return known[name]
