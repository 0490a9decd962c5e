"""Which metrics there are, who reports them, what they mean, and how many series each is made of.

Read from ``metric_series``, which has a row a series; points are not touched. First names are counted from the states,
without making a series of its parts; only of those on the page and of those with most series more is read. A label is
*guilty* of a metric's many series when it has the most distinct values.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from ktlo.store.protocol import Queryable
from ktlo.telemetry.interval import Interval
from ktlo.telemetry.promql.names import Family

MOST = 200
"""Names of metrics on one page."""
MOST_SERVICES = 10
"""Services named of each metric."""
MOST_JUDGED = 50
NEW_WITHIN = dt.timedelta(days=1)
"""A series is new when its first point is not older."""

_WITHIN = """
WHERE s.last_at >= {start:DateTime64(9, 'UTC')} AND s.first_at < {end:DateTime64(9, 'UTC')}"""
_NAMES = f"""
SELECT toString(s.name) AS name, uniqExact(s.series) AS series FROM ktlo.metric_series_states AS s {_WITHIN}
  AND ({{text:String}} = '' OR positionCaseInsensitiveUTF8(toString(s.name), {{text:String}}) > 0)
  AND ({{service:String}} = '' OR s.service = {{service:String}})
GROUP BY name ORDER BY name"""  # noqa: S608
_METRICS = f"""
SELECT s.name AS name, s.type AS type, s.unit AS unit, s.temporality AS temporality, s.monotonic AS monotonic,
  argMax(s.description, s.last_at) AS description, arraySort(groupUniqArray({{named:UInt32}})(toString(s.service)))
    AS services, uniqExact(s.service) AS reporting,
  count() AS series, countIf(s.first_at >= {{recent:DateTime64(9, 'UTC')}}) AS fresh, max(s.last_at) AS newest
FROM ktlo.metric_series AS s {_WITHIN}
  AND s.name IN {{names:Array(String)}}
GROUP BY name, type, unit, temporality, monotonic
HAVING {{service:String}} = '' OR countIf(s.service = {{service:String}}) > 0
ORDER BY name, type, unit"""  # noqa: S608
_LABELS = f"""
SELECT s.name AS name, pair.1 AS label, pair.3 AS is_resource, uniqExact(pair.2) AS distinct
FROM ktlo.metric_series_states AS s
ARRAY JOIN arrayConcat(
  arrayMap((k, v) -> (k, v, false), mapKeys(s.attributes), mapValues(s.attributes)),
  arrayMap((k, v) -> (k, v, true), mapKeys(s.resource), mapValues(s.resource))) AS pair
{_WITHIN} AND s.name IN {{names:Array(String)}}
GROUP BY name, label, is_resource HAVING distinct > 1 ORDER BY name, distinct DESC, label"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Attributes:
        family: its name, type and unit.
        description: as last told.
        services: that report it, at most :data:`MOST_SERVICES` of them.
        reporting: how many report it.
        series: how many in the stretch.
        fresh: of them, those that began within the last day of the stretch.
        newest: its newest point.
    """

    family: Family
    description: str
    services: tuple[str, ...]
    reporting: int
    series: int
    fresh: int
    newest: dt.datetime

    @property
    def suggested(self) -> str:
        """An expression that shows it at once."""
        name = self.family.prometheus
        if self.family.kind == "histogram":
            return f"histogram_quantile(0.95, sum by (le, job) (rate({name}_bucket[5m])))"
        if self.family.kind == "exponential_histogram":
            return f"histogram_quantile(0.95, sum by (job) (rate({name}[5m])))"
        if self.family.prometheus_type == "counter":
            return f"sum by (job) (rate({name}[5m]))"
        return name


@dataclass(frozen=True, slots=True)
class Guilt:
    """A metric of many series and the label that makes them.

    Attributes:
        metric: it.
        label: attribute with the most distinct values; empty where all series share theirs.
        distinct: how many values it has.
        is_resource: whether it says who reports, rather than what is measured.
    """

    metric: Metric
    label: str
    distinct: int
    is_resource: bool


@dataclass(frozen=True, slots=True)
class Listed:
    """Metrics of a stretch.

    Attributes:
        metrics: those of the page, by name.
        largest: those of most series, at most :data:`MOST_JUDGED` names, whatever the page.
        page: which one, from 1.
        pages: how many there are.
        among: how many names there are on all pages.
        series: how many series these are.
    """

    metrics: list[Metric]
    largest: list[Metric]
    page: int
    pages: int
    among: int
    series: int


def metrics(store: Queryable, of: Interval, service: str = "", text: str = "", page: int = 1) -> Listed:
    """Metrics with points in a stretch, by name.

    Args:
        store: where the series are.
        of: the stretch.
        service: only metrics that it reports; empty for all.
        text: part of a name as it was reported, in either case; empty for all.
        page: which :data:`MOST` names, from 1; the last page when there are not so many.
    """
    asked = {"start": of.start, "end": of.end, "service": service}
    counted = store.query(_NAMES, {**asked, "text": text.strip()}).to_pylist()
    pages = -(-len(counted) // MOST) or 1
    page = min(max(page, 1), pages)
    here = [row["name"] for row in counted[(page - 1) * MOST : page * MOST]]
    most = sorted(counted, key=lambda row: (-row["series"], row["name"]))[:MOST_JUDGED]
    largest = {row["name"]: row["series"] for row in most}
    names = sorted({*here, *largest})
    given = {**asked, "recent": of.end - NEW_WITHIN, "named": MOST_SERVICES, "names": names}
    rows = store.query(_METRICS, given).to_pylist() if names else []
    found = [
        Metric(
            Family(row["name"], row["type"], row["unit"], row["temporality"], bool(row["monotonic"])),
            row["description"],
            tuple(filter(None, row["services"])),
            row["reporting"],
            row["series"],
            row["fresh"],
            row["newest"].to_pydatetime(warn=False),
        )
        for row in rows
    ]
    on_page = set(here)
    return Listed(
        [each for each in found if each.family.name in on_page],
        sorted(
            (each for each in found if each.family.name in largest),
            key=lambda each: (-each.series, each.family.name),
        ),
        page,
        pages,
        len(counted),
        sum(row["series"] for row in counted),
    )


def guilty(store: Queryable, of: Interval, largest: list[Metric]) -> list[Guilt]:
    """Metrics, each with the label that is guilty of its series."""
    asked = {"start": of.start, "end": of.end, "names": [each.family.name for each in largest]}
    first: dict[str, tuple[str, int, bool]] = {}
    for row in store.query(_LABELS, asked).to_pylist() if largest else ():
        first.setdefault(row["name"], (row["label"], row["distinct"], bool(row["is_resource"])))
    return [Guilt(each, *first.get(each.family.name, ("", 0, False))) for each in largest]
