"""Asks one metric one question: rows by SQL, groups and buckets, estimates, comparison, freshness.

The only place where definitions meet the store. Filters and dimensions are applied here, the same for
every metric, so that the rows behind a number are exactly the rows it was computed from.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from ktlo.errors import UsageError
from ktlo.metrics.clocks import Clock
from ktlo.metrics.comparison import Comparison
from ktlo.metrics.estimate import Estimate
from ktlo.metrics.question import Dimension, Question, Window
from ktlo.metrics.registry import Definition, Statistics
from ktlo.metrics.rows import Rows, stamp
from ktlo.metrics.trend import buckets
from ktlo.store.protocol import Queryable
from ktlo.wording import counted

_OLDEST = dt.datetime(1900, 1, 1, tzinfo=dt.UTC)
_GRACE = 0.25
"""A period is compared with the one before when records reach back over at least 3/4 of that one."""

MOST_GROUPS = 50
"""Groups beyond this many are left out and counted in a note."""

MOST_BUCKETS = 120
"""Buckets of a series that the store is asked for one by one."""


@dataclass(frozen=True, slots=True)
class Figure:
    """Estimates for one group and one bucket.

    Attributes:
        group: value of the dimension asked for; empty when none was.
        start: start of the bucket or period.
        end: end of the bucket or period.
        statistics: estimates by statistic.
    """

    group: str
    start: dt.datetime
    end: dt.datetime
    statistics: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a metric says.

    Attributes:
        metric: name of the metric.
        question: what was asked.
        figures: one a group and bucket.
        comparison: this period against the one before, where the metric can tell, records reach back that
            far, and no group or grain was asked; else ``None``.
        notes: what the reader should know: left-out groups, missing data.
        collected_at: when the newest of the rows' sources was last read; ``None`` before any was.
        telemetry_at: when the newest deployment was made that only telemetry tells of, where the metric counts
            those; ``None`` where there is none.
    """

    metric: str
    question: Question
    figures: tuple[Figure, ...]
    comparison: Comparison | None
    notes: tuple[str, ...]
    collected_at: dt.datetime | None
    telemetry_at: dt.datetime | None = None

    def headline(self, definition: Definition) -> Estimate:
        """The estimate that stands for the metric, of the first figure."""
        return self.figures[0].statistics[definition.headline]


def filtered(sql: str, question: Question) -> str:
    """One of a definition's SELECTs with the filters that are asked for, bound by :func:`parameters`.

    Metrics that share a SELECT share its text, so that a page asks for it once.
    """
    conditions = [
        f"has({{{dimension}:Array(String)}}, toString({dimension}))"
        for dimension in Dimension
        if question.only.get(dimension)
    ]
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return f"SELECT * FROM (\n{sql}\n){where}"  # noqa: S608 - both parts are ktlo's own, values are bound


def parameters(definition: Definition, question: Question) -> dict[str, Any]:
    """What a definition's SELECTs want bound.

    Raises:
        UsageError: a filter that the metric does not have.
    """
    values: dict[str, Any] = {
        "start": question.start,
        # What is dated after now is a mistake or a plan; nothing is known of it yet.
        "end": min(question.end, question.now),
        "now": question.now,
        "downtime_severities": list(question.downtime_severities),
    }
    for dimension, kept in question.only.items():
        if kept and dimension not in definition.dimensions:
            raise UsageError(
                f"{definition.name} cannot be filtered by {dimension}",
                fix=f"It can be by: {', '.join(definition.dimensions) or 'nothing'}",
            )
        if kept:
            values[dimension] = list(kept)
    return values


def fetch(store: Queryable, definition: Definition, question: Question) -> Rows:
    """The rows that the estimator sees.

    Raises:
        UsageError: a filter that the metric does not have.
    """
    return Rows(store.query(filtered(definition.sql, question), parameters(definition, question)))


def rows_behind(store: Queryable, definition: Definition, question: Question, limit: int = 500) -> pa.Table:
    """The rows that people see behind a number, at most ``limit``.

    Raises:
        UsageError: a filter that the metric does not have.
    """
    sql = f"{filtered(definition.rows_sql, question)} LIMIT {{limit:UInt32}}"
    return store.query(sql, {**parameters(definition, question), "limit": limit})


def _windows(question: Question, definition: Definition) -> list[Window]:
    if question.grain is None or definition.snapshot:
        return [question.window]
    edges = buckets(question.start, question.end, question.grain.value)
    return [question.stretch(start, end) for start, end in edges]


def ask(
    store: Queryable, definition: Definition, question: Question, most_groups: int = MOST_GROUPS
) -> Answer:
    """Answer one question.

    Args:
        store: where the records are.
        definition: the metric.
        question: what is asked of it.
        most_groups: smaller groups beyond this many are left out and counted in a note.

    Raises:
        UsageError: a dimension or filter that the metric does not have.
    """
    if question.by is not None and question.by not in definition.dimensions:
        raise UsageError(
            f"{definition.name} cannot be grouped by {question.by}",
            fix=f"It can be by: {', '.join(definition.dimensions) or 'nothing'}",
        )
    rows = fetch(store, definition, question)
    notes: list[str] = []
    if question.clock is Clock.BUSINESS:
        own = "business time, by the calendar of each service" if definition.is_clocked else "wall time"
        notes.append(f"{definition.title} is in {own}")
    if question.by is None:
        groups = {"": rows}
    else:
        groups = rows.groups(question.by.value)
        if len(groups) > most_groups:
            notes.append(f"not shown: {counted(len(groups) - most_groups, 'smaller groups')}")
            groups = dict(list(groups.items())[:most_groups])
    windows = _windows(question, definition)
    parts = _parts(store, definition, question, groups, windows)
    figures = tuple(
        Figure(group, window.start, window.end, definition.estimate(parts(group, window), window))
        for group in groups
        for window in windows
    )
    return Answer(
        metric=definition.name,
        question=question,
        figures=figures,
        comparison=_compared(store, definition, question, rows),
        notes=tuple(notes),
        collected_at=collected_at(store, definition),
        telemetry_at=telemetry_at(store, definition),
    )


def statistics(store: Queryable, definition: Definition, question: Question) -> Statistics:
    """The estimates of a metric over the whole period alone: without groups, and the period before is not read.

    Raises:
        UsageError: a filter that the metric does not have.
    """
    rows = fetch(store, definition, question)
    return definition.estimate(rows, question.window)


def _parts(
    store: Queryable,
    definition: Definition,
    question: Question,
    groups: Mapping[str, Rows],
    windows: Sequence[Window],
) -> Callable[[str, Window], Rows]:
    """The rows of a group for a bucket: the estimator cuts them itself, but not those the SQL has summed."""
    if not definition.is_summed or question.grain is None:
        return lambda group, window: groups[group]
    if len(windows) > MOST_BUCKETS:
        raise UsageError(
            f"{definition.name} counts the whole of each {question.grain} anew, and {len(windows)} are too many",
            fix="Ask for a coarser grain or a shorter period",
        )
    fetched: dict[tuple[str, Window], Rows] = {}
    for window in windows:
        rows = fetch(store, definition, replace(question, start=window.start, end=window.end))
        own = {"": rows} if question.by is None else rows.groups(question.by.value)
        none = rows.where(np.zeros(len(rows), dtype=np.bool_))
        fetched |= {(group, window): own.get(group, none) for group in groups}
    return lambda group, window: fetched[group, window]


def _compared(store: Queryable, definition: Definition, question: Question, rows: Rows) -> Comparison | None:
    if definition.compare is None or question.by is not None or question.grain is not None:
        return None
    before = question.before()
    reach = before.start + _GRACE * (before.end - before.start)
    earlier = fetch(store, definition, replace(before, now=question.now))
    # Where a row of the period before is old enough, the whole past need not be read to know that records reach back.
    if not np.any(earlier.seconds("at") <= stamp(reach)):
        first = _recorded_since(store, definition, question)
        if first is None or first > reach:
            return None
    return definition.compare(earlier, before.window, rows, question.window)


def _recorded_since(store: Queryable, definition: Definition, question: Question) -> dt.datetime | None:
    """When the oldest row of a metric happened: before that, nothing recorded is not nothing happened."""
    oldest = replace(question, start=_OLDEST)
    answer = store.query(
        f"SELECT min(at) AS first, count() AS n FROM (\n{filtered(definition.sql, question)}\n)",  # noqa: S608
        parameters(definition, oldest),
    )
    if not answer["n"][0].as_py():
        return None
    moment: dt.datetime = answer["first"][0].as_py()
    return moment


def _feeding(tables: Iterable[str]) -> str:
    """The sources that have delivered rows of some tables, as a SELECT."""
    return " UNION DISTINCT ".join(
        f"SELECT source FROM ktlo.{name}_log"  # noqa: S608 - names of ktlo's own tables
        for name in dict.fromkeys(tables)
    )


def turned_away(store: Queryable, tables: Iterable[str]) -> dict[str, int]:
    """How many rows were turned away from each source that feeds some tables; none where none was."""
    answer = store.query(
        "SELECT toString(source) AS name, uniqExact(place) AS n FROM ktlo.rejections"  # noqa: S608 - names of ktlo's own tables
        f" WHERE NOT is_kept AND source IN ({_feeding(tables)}) GROUP BY name ORDER BY name"
    )
    return {row["name"]: row["n"] for row in answer.to_pylist()}


def refused_webhooks(store: Queryable, tables: Iterable[str]) -> dict[str, int]:
    """How many webhooks were refused from each source that feeds some tables; none where none was."""
    answer = store.query(
        "SELECT toString(source) AS name, sum(times) AS n FROM ktlo.deliveries"  # noqa: S608 - names of ktlo's own tables
        f" WHERE status = 'refused' AND source IN ({_feeding(tables)}) GROUP BY name ORDER BY name"
    )
    return {row["name"]: row["n"] for row in answer.to_pylist()}


def anything_collected(store: Queryable) -> bool:
    """Whether any source has been read, of whatever it delivers."""
    answer = store.query("SELECT count() AS n FROM ktlo.collections WHERE status != 'failed'")
    return bool(answer["n"][0].as_py())


def collected_at(store: Queryable, definition: Definition) -> dt.datetime | None:
    """When any source that feeds the metric's tables was last read to its end."""
    sources = _feeding(definition.tables)
    answer = store.query(
        f"SELECT max(finished_at) AS at, count() AS n FROM ktlo.collections"  # noqa: S608 - names of ktlo's own tables
        f" WHERE status != 'failed' AND source IN ({sources})"
    )
    if answer.num_rows == 0 or not answer["n"][0].as_py():
        return None
    moment: dt.datetime = answer["at"][0].as_py()
    return moment


def telemetry_at(store: Queryable, definition: Definition) -> dt.datetime | None:
    """When the newest deployment was made that only telemetry tells of; ``None`` for a metric that counts none."""
    if "deployments" not in definition.tables:
        return None
    answer = store.query(
        "SELECT max(d.at) AS at, count() AS n FROM ktlo.service_deployments AS d WHERE d.basis = 'telemetry'"
    )
    if answer.num_rows == 0 or not answer["n"][0].as_py():
        return None
    moment: dt.datetime = answer["at"][0].as_py()
    return moment
