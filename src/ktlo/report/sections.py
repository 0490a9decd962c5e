"""A section: one question, its answer in words, pictures with their tables, and how we know.

Pages show one section each, documents several; both get the same words and figures. The functions that
build sections are in ``overview``, ``effort``, ``reliability``, ``bugs`` and ``hotspots``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from ktlo.metrics.ask import (
    MOST_GROUPS,
    anything_collected,
    ask,
    collected_at,
    refused_webhooks,
    telemetry_at,
    turned_away,
)
from ktlo.metrics.ask import Answer as MetricAnswer
from ktlo.metrics.comparison import Comparison
from ktlo.metrics.estimate import Estimate
from ktlo.metrics.extent import newest_record
from ktlo.metrics.question import Dimension, Grain, Question
from ktlo.metrics.registry import Better, Definition, definition
from ktlo.metrics.remembering import Remembering
from ktlo.report.charts import Chart, Interval, Table, written, written_interval
from ktlo.report.charts.calendar_ticks import day_label
from ktlo.report.pieces import Answer, Card, Known, Nothing, Trend
from ktlo.report.words import ago, unit_of
from ktlo.store.protocol import Queryable
from ktlo.wording import counted


class Links(Protocol):
    """Where the parts of a section lead; documents lead nowhere."""

    def rows(self, metric: str, narrowed: Mapping[str, str]) -> str:
        """The rows behind a metric, with parameters that narrow the question."""

    def page(self, name: str, narrowed: Mapping[str, str]) -> str:
        """Another page, with the present period and filters."""

    def data(self, metric: str, narrowed: Mapping[str, str], form: str) -> str:
        """A metric's answer as ``json`` or its rows as ``csv``."""

    def definition(self, metric: str) -> str:
        """The definition of a metric."""


class NoLinks:
    """Links of a document: none."""

    def rows(self, metric: str, narrowed: Mapping[str, str]) -> str:
        """Lead nowhere."""
        del metric, narrowed
        return ""

    def page(self, name: str, narrowed: Mapping[str, str]) -> str:
        """Lead nowhere."""
        del name, narrowed
        return ""

    def data(self, metric: str, narrowed: Mapping[str, str], form: str) -> str:
        """Lead nowhere."""
        del metric, narrowed, form
        return ""

    def definition(self, metric: str) -> str:
        """Lead nowhere."""
        del metric
        return ""


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart with its definition and where its data is.

    Attributes:
        chart: what is drawn.
        definition: one sentence under the title.
        csv_href: its rows as CSV.
        json_href: its answer as JSON.
    """

    chart: Chart
    definition: str
    csv_href: str = ""
    json_href: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """A table that stands on its own.

    Attributes:
        name: anchor on the page.
        title: over the table.
        table: what is listed.
        note: one sentence under the title.
        csv_href: all of it as CSV.
    """

    name: str
    title: str
    table: Table
    note: str = ""
    csv_href: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """One question, answered.

    Attributes:
        key: name of the page.
        title: name of the section.
        answer: its first line.
        cards: metrics at a glance.
        figures: pictures.
        listings: tables.
        known: what it rests on.
        nothing: what to show instead of pictures where there is no data; else ``None``.
        sentences: the answer explained in plain words, one sentence each; empty where pictures do it.
    """

    key: str
    title: str
    answer: Answer
    cards: tuple[Card, ...]
    figures: tuple[Figure, ...]
    listings: tuple[Listing, ...]
    known: Known
    nothing: Nothing | None = None
    sentences: tuple[str, ...] = ()


class Asking:
    """Asks metrics one question on behalf of a section.

    Args:
        store: where the records are.
        question: period and filters.
        links: where the parts lead.
    """

    def __init__(self, store: Queryable, question: Question, links: Links) -> None:
        self.store = Remembering(store)
        self.question = question
        self.links = links

    def answer(
        self,
        metric: str,
        *,
        by: Dimension | None = None,
        grain: Grain | None = None,
        most_groups: int = MOST_GROUPS,
    ) -> MetricAnswer:
        """Ask one metric; filters that it does not have are left out."""
        asked = replace(self.narrowed(metric), by=by, grain=grain)
        return ask(self.store, definition(metric), asked, most_groups)

    def narrowed(self, metric: str) -> Question:
        """The question with the filters that a metric has."""
        dimensions = definition(metric).dimensions
        only = {name: values for name, values in self.question.only.items() if name in dimensions}
        return replace(self.question, only=only)

    def not_narrowed(self, metric: str) -> str:
        """Which filters a metric does not have and so ignores, in words; empty when it has them all."""
        dimensions = definition(metric).dimensions
        ignored = [name.value for name, kept in self.question.only.items() if kept and name not in dimensions]
        return f"not narrowed by {' and '.join(ignored)}" if ignored else ""

    def card(self, metric: str, title: str = "") -> Card:
        """A metric at a glance, with its change against the period before."""
        defined = definition(metric)
        answer = self.answer(metric)
        card = card_of(answer, defined, self.links.page(defined.family.value, {}), title or defined.title)
        ignored = self.not_narrowed(metric)
        return replace(card, sample=f"{card.sample}, {ignored}") if ignored else card

    def known(self, metric: str, sample: str, missing: tuple[str, ...] = ()) -> Known:
        """How we know, for the metric that a section rests on."""
        defined = definition(metric)
        ignored = self.not_narrowed(metric)
        if ignored:
            missing = (*missing, f"{defined.title} is {ignored}: its records do not tell.")
        fresh, is_read = self._freshness(metric)
        if not is_read:
            nouns = " and ".join(table.replace("_", " ") for table in defined.tables)
            missing = (*missing, f"All {nouns}: no source has delivered any.")
        return Known(
            definition=defined.definition,
            definition_href=self.links.definition(metric),
            sample=sample,
            freshness=fresh,
            missing=missing,
            source=defined.source,
        )

    def turned_away(self, *metrics: str) -> tuple[str, ...]:
        """Sentences on rows and webhooks that were turned away from the sources that feed some metrics."""
        tables = [table for metric in metrics for table in definition(metric).tables]
        found = (
            ("rows", turned_away(self.store, tables)),
            ("webhooks", refused_webhooks(self.store, tables)),
        )
        return tuple(
            f"{counted(n, noun)} of {source} {'was' if n == 1 else 'were'} turned away; see Sources."
            for noun, by_source in found
            for source, n in by_source.items()
        )

    def _freshness(self, metric: str) -> tuple[str, bool]:
        """How fresh its records are, in words, and whether any source has delivered some."""
        defined, now = definition(metric), self.question.now
        tables = defined.tables
        collected, telemetry = collected_at(self.store, defined), telemetry_at(self.store, defined)
        if collected is None and telemetry is not None:
            return f"rests on telemetry; newest deployment {day_label(telemetry.date())}", True
        if collected is None and anything_collected(self.store):
            nouns = " or ".join(table.replace("_", " ") for table in tables)
            return f"no connected source has delivered {nouns} yet", False
        return freshness(collected, newest_record(self.store, tables, now), now), collected is not None


def freshness(collected_at: dt.datetime | None, newest: dt.datetime | None, now: dt.datetime) -> str:
    """``collected 12 min ago; newest record 22 Aug 2026``: when it was read, and how new what was read is.

    Args:
        collected_at: when a source was last read; ``None`` before any was.
        newest: when the newest thing happened; ``None`` where the records do not tell.
        now: the moment of asking.
    """
    if collected_at is None:
        return "nothing collected yet"
    read = f"collected {ago(collected_at, now)}"
    return f"{read}; newest record {day_label(newest.date())}" if newest else read


def interval_of(estimate: Estimate) -> Interval | None:
    """The interval for a chart, where both ends are known."""
    if estimate.low is None or estimate.high is None:
        return None
    return Interval(estimate.low, estimate.high)


def sample_text(estimate: Estimate, noun: str) -> str:
    """``412 incidents, 9 still open``."""
    still = f", {estimate.censored:,} still open" if estimate.censored else ""
    return f"{counted(estimate.n, noun)}{still}"


def interval_text(estimate: Estimate, unit: str, statistic: str) -> str:
    """``27% to 36%``; empty where no interval belongs to it."""
    if estimate.low is None and estimate.high is None:
        return ""
    return written_interval(estimate.low, estimate.high, unit_of(unit, statistic))


def change_text(comparison: Comparison | None, better: Better) -> tuple[str, Trend]:
    """Change against the period before, in words, with its direction."""
    if comparison is None:
        return "", Trend.SAME
    if not comparison.detectable:
        return f"Against the period before: {comparison.sentence}", Trend.UNDETECTABLE
    moved = comparison.difference.value or 0.0
    direction = Trend.UP if moved > 0 else Trend.DOWN
    verdict = ""
    if better is not Better.NEITHER:
        good = (moved < 0) is (better is Better.LOWER)
        verdict = ", for the better" if good else ", for the worse"
    return f"Against the period before: {comparison.sentence}{verdict}", direction


_INTERVAL_SAID = {"downtime": "another such period could bring {}"}
"""What an interval is, where it is not about the value beside it."""


def card_of(answer: MetricAnswer, defined: Definition, href: str, title: str) -> Card:
    """A card for the headline of one answer without groups."""
    estimate = answer.headline(defined)
    change, direction = change_text(answer.comparison, defined.better)
    interval = interval_text(estimate, defined.unit, defined.headline)
    if interval:
        interval = _INTERVAL_SAID.get(defined.name, "{}").format(interval)
    elif estimate.reason and estimate.value is not None:
        interval = f"no interval: {estimate.reason}"
    value = "" if estimate.value is None else written(estimate.value, unit_of(defined.unit, defined.headline))
    return Card(
        title=title,
        value=value,
        href=href,
        interval=interval if value else estimate.reason,
        # Where there is none, or too little to count as one, the reason says so already.
        sample=sample_text(estimate, defined.counts) if estimate.n or not estimate.reason else "",
        change=change,
        trend=direction,
    )
