"""The filter bar: time range, dimensions and search, all kept in the URL.

Options are the values that occur in the store. Without a script the form has its button; presets are links.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ktlo.metrics.choices import choices
from ktlo.metrics.clocks import Clock
from ktlo.metrics.question import Dimension, Question
from ktlo.report.charts.calendar_ticks import day_label
from ktlo.report.pieces import Filter, Option
from ktlo.report.words import period_text
from ktlo.server.asking import DEFAULT_PERIOD, newest_instead
from ktlo.server.web.rendering import with_query
from ktlo.store.protocol import Store

PRESETS = (("30d", "30 days"), ("90d", "90 days"), ("1y", "1 year"), ("all", "All"))
"""Ages offered as one click, and how they are called."""

_ALL = {
    Dimension.SERVICE: "All services",
    Dimension.REPOSITORY: "All repositories",
    Dimension.TEAM: "All teams",
    Dimension.SEVERITY: "All severities",
    Dimension.LEVEL: "All levels",
    Dimension.CHECK: "All checks",
    Dimension.SLA: "All SLAs",
}


@dataclass(frozen=True, slots=True)
class Preset:
    """A period that one click gives."""

    label: str
    href: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class FilterBar:
    """What the bar shows.

    Attributes:
        presets: periods of one click.
        period: the present period in words, and why it is not the latest where nothing is that new.
        fields: of the form.
        carry: hidden fields: a preset that is in force, further values of a dimension.
        reset_href: the page without any filter; empty when none is in force.
    """

    presets: tuple[Preset, ...]
    period: str
    fields: tuple[Filter, ...]
    carry: tuple[tuple[str, str], ...]
    reset_href: str


def filter_bar(
    store: Store,
    path: str,
    given: Mapping[str, Sequence[str]],
    question: Question,
    dimensions: Sequence[Dimension],
) -> FilterBar:
    """Build the bar of a page.

    Args:
        store: for the options.
        path: of the page.
        given: parameters of the request.
        question: what they mean.
        dimensions: by which the page can be filtered.
    """
    kept = {name: values for name, values in given.items() if name in _names(dimensions)}
    start, end = _last(kept, "from"), _last(kept, "to")
    present = start or DEFAULT_PERIOD
    presets = tuple(
        Preset(
            label,
            with_query(path, {**kept, "from": age if age != DEFAULT_PERIOD else "", "to": ""}),
            is_current=present == age and not end,
        )
        for age, label in PRESETS
    )
    is_date = len(start) >= 10
    fields = [
        Filter("q", "Find", kind="search", placeholder="commit, service, metric…"),
        Filter("from", "From", start[:10] if is_date else "", kind="date"),
        Filter("to", "To", end[:10], kind="date"),
    ]
    carry = [] if is_date or not start else [("from", start)]
    if question.calendars is not None:
        clocks = (Option("", "Wall time"), Option(Clock.BUSINESS.value, "Business time"))
        fields.append(Filter("clock", "Durations in", _last(kept, "clock"), clocks))
    for dimension in dimensions:
        values = list(kept.get(dimension.value, ()))
        offered = choices(store, dimension)
        if not offered and not values:
            continue
        carry += [(dimension.value, value) for value in values[:-1]]
        value = values[-1] if values else ""
        if value and value not in offered:
            offered = [value, *offered]
        options = (Option("", _ALL[dimension]), *(Option(name, name) for name in offered))
        label = "SLA" if dimension is Dimension.SLA else dimension.value.capitalize()
        fields.append(Filter(dimension.value, label, value, options))
    return FilterBar(
        presets=presets,
        period=_period(given, question),
        fields=tuple(fields),
        carry=tuple(carry),
        reset_href=path if kept else "",
    )


def _period(given: Mapping[str, Sequence[str]], question: Question) -> str:
    said = period_text(question.start, question.end)
    if question.clock is Clock.BUSINESS:
        said += ", durations in business time"
    newest = newest_instead(given, question)
    if newest is None:
        return said
    return f"{said}. Nothing is newer than {day_label(newest)}; this is the 90 days before."


def _names(dimensions: Sequence[Dimension]) -> set[str]:
    return {"from", "to", "clock", *(dimension.value for dimension in dimensions)}


def _last(given: Mapping[str, Sequence[str]], name: str) -> str:
    values = given.get(name, ())
    return values[-1] if values else ""
