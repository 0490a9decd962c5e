"""Which metrics there are, who reports them, what they mean, and how many series each is made of.

Read from ``metric_series``, which has a row a series; points are not touched. A label is *guilty* of a metric's many
series when it has the most distinct values.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from ktlo.store.protocol import Queryable
from ktlo.telemetry.interval import Interval
from ktlo.telemetry.promql.names import Family

MOST = 500
MOST_SERVICES = 10
"""Services named of each metric."""
MOST_JUDGED = 50
NEW_WITHIN = dt.timedelta(days=1)
"""A series is new when its first point is not older."""

_WITHIN = """
WHERE s.last_at >= {start:DateTime64(9, 'UTC')} AND s.first_at < {end:DateTime64(9, 'UTC')}"""
_METRICS = f"""
SELECT s.name AS name, s.type AS type, s.unit AS unit, s.temporality AS temporality, s.monotonic AS monotonic,
  argMax(s.description, s.last_at) AS description, arraySort(groupUniqArray({{named:UInt32}})(toString(s.service)))
    AS services, uniqExact(s.service) AS reporting, count() OVER () AS among,
  count() AS series, countIf(s.first_at >= {{recent:DateTime64(9, 'UTC')}}) AS fresh, max(s.last_at) AS newest
FROM ktlo.metric_series AS s {_WITHIN}
  AND ({{text:String}} = '' OR positionCaseInsensitiveUTF8(toString(s.name), {{text:String}}) > 0)
GROUP BY name, type, unit, temporality, monotonic
HAVING {{service:String}} = '' OR countIf(s.service = {{service:String}}) > 0
ORDER BY name, type, unit LIMIT {{most:UInt32}}"""  # noqa: S608
_LABELS = f"""
SELECT s.name AS name, pair.1 AS label, pair.3 AS is_resource, uniqExact(pair.2) AS distinct
FROM ktlo.metric_series AS s
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
        metrics: by name, at most :data:`MOST`.
        among: how many there are.
    """

    metrics: list[Metric]
    among: int


def metrics(store: Queryable, of: Interval, service: str = "", text: str = "") -> Listed:
    """Metrics with points in a stretch, by name.

    Args:
        store: where the series are.
        of: the stretch.
        service: only metrics that it reports; empty for all.
        text: part of a name as it was reported, in either case; empty for all.
    """
    asked = {
        "start": of.start, "end": of.end, "recent": of.end - NEW_WITHIN, "most": MOST, "named": MOST_SERVICES,
        "service": service, "text": text.strip(),
    }  # fmt: skip
    rows = store.query(_METRICS, asked).to_pylist()
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
    return Listed(found, rows[0]["among"] if rows else 0)


def guilty(store: Queryable, of: Interval, found: list[Metric]) -> list[Guilt]:
    """The metrics of most series, each with the label that is guilty."""
    largest = sorted(found, key=lambda each: (-each.series, each.family.name))[:MOST_JUDGED]
    asked = {"start": of.start, "end": of.end, "names": [each.family.name for each in largest]}
    first: dict[str, tuple[str, int, bool]] = {}
    for row in store.query(_LABELS, asked).to_pylist() if largest else ():
        first.setdefault(row["name"], (row["label"], row["distinct"], bool(row["is_resource"])))
    return [Guilt(each, *first.get(each.family.name, ("", 0, False))) for each in largest]
