"""Samples that follow from stored histograms and summaries: counts, sums, buckets, channels of native histograms.

OTLP's buckets are counted each for itself; Prometheus' ``_bucket`` is cumulative, with the bound as ``le``. An
exponential histogram becomes one series a channel (see :mod:`ktlo.telemetry.promql.histograms`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ktlo.store.protocol import Queryable
from ktlo.telemetry.promql import stored
from ktlo.telemetry.promql.aggregation import number_text
from ktlo.telemetry.promql.labels import CHANNEL, Labels, with_value
from ktlo.telemetry.promql.samples import Floats, Longs, Samples, Stretch

if TYPE_CHECKING:
    from ktlo.telemetry.promql.members import Member

_WHERE = """
FROM ktlo.metric_histograms AS h
WHERE h.series IN {ids:Array(String)}
  AND h.at >= {start:DateTime64(9, 'UTC')} AND h.at <= {end:DateTime64(9, 'UTC')}
  AND ({step:Int64} = 0
    OR positiveModulo(toUnixTimestamp64Milli(h.at) - {origin:Int64}, {step:Int64}) <= {window:Int64})"""

_BASE = "groupArray(toUnixTimestamp64Milli(h.at)) AS times, groupArray(h.flags) AS flags"
_COUNTS = (
    f"SELECT h.series AS series, {_BASE}, groupArray(toFloat64(h.count)) AS numbers {_WHERE} GROUP BY series"
)
_SUMS = f"""
SELECT h.series AS series, {_BASE}, groupArray(assumeNotNull(h.total)) AS numbers {_WHERE}
AND isNotNull(h.total) GROUP BY series"""
_BUCKETS = f"""
SELECT h.series AS series, h.bounds AS bounds, {_BASE}, groupArray(toFloat64(h.count)) AS counts,
  groupArray(arrayMap(c -> toFloat64(c), arrayCumSum(h.bucket_counts))) AS numbers {_WHERE}
GROUP BY series, bounds ORDER BY series"""
_QUANTILES = f"""
SELECT h.series AS series, pair.1 AS quantile, {_BASE}, groupArray(pair.2) AS numbers {
    _WHERE.replace("WHERE", "ARRAY JOIN arrayZip(h.quantiles, h.quantile_values) AS pair WHERE")
} GROUP BY series, quantile ORDER BY series"""
_NATIVE = f"""
SELECT h.series AS series, h.scale AS scale, h.zero_threshold AS threshold, {_BASE},
  groupArray(toFloat64(h.count)) AS counts, groupArray(coalesce(h.total, nan)) AS totals,
  groupArray(toFloat64(h.zero_count)) AS zeros,
  groupArray(h.positive_offset) AS positive_offset, groupArray(h.positive_counts) AS positive,
  groupArray(h.negative_offset) AS negative_offset, groupArray(h.negative_counts) AS negative {_WHERE}
GROUP BY series, scale, threshold ORDER BY series"""

_Series = list[tuple[Labels, Longs, Floats]]


def read(store: Queryable, part: str, members: Sequence[Member], of: Stretch) -> Samples:
    """Samples of one part of some histograms.

    Args:
        store: where they are.
        part: bucket, count, sum, native or quantile.
        members: series.
        of: the moments.
    """
    by_id = {member.series: member for member in members}
    asked = stored.asked_of(members, of)
    statement = {
        "count": _COUNTS, "sum": _SUMS, "bucket": _BUCKETS, "quantile": _QUANTILES, "native": _NATIVE
    }[part]  # fmt: skip
    rows = store.query(statement, asked)
    found: _Series = []
    if not len(rows):
        return stored.same_joined(found)
    for row in _rows(rows):
        member = by_id[row["series"]]
        made = {"bucket": _buckets, "native": _channels}.get(part, _plain)(member, row)
        if member.exposed.family.temporality == "delta":
            made = [(labels, times, _cumulated(values)) for labels, times, values in made]
        found += made
    return stored.same_joined(found)


def _rows(rows: Any) -> list[dict[str, Any]]:
    """Rows with their lists sorted by time."""
    found = []
    for row in rows.to_pylist():
        times = np.array(row["times"], dtype=np.int64)
        order = np.argsort(times, kind="stable")
        row["times"] = times[order]
        for name, value in row.items():
            if isinstance(value, list) and name not in ("bounds",):
                row[name] = [value[at] for at in order]
        found.append(row)
    return found


def _cumulated(values: Floats) -> Floats:
    """Increments added up; what has no value (stale) adds nothing and stays so."""
    total = np.cumsum(np.where(np.isnan(values), 0.0, values))
    return np.where(np.isnan(values), values, total)


def _plain(member: Member, row: dict[str, Any]) -> _Series:
    values = stored.with_stale(np.array(row["numbers"], dtype=np.float64), row["flags"])
    labels = member.labels
    if "quantile" in row:
        labels = with_value(labels, "quantile", number_text(row["quantile"]))
    return [(labels, row["times"], values)]


def _buckets(member: Member, row: dict[str, Any]) -> _Series:
    counts = np.array(row["counts"], dtype=np.float64)
    bounds = [float(bound) for bound in row["bounds"]]
    found: _Series = []
    if bounds:
        # A point without buckets tells only the count: it has no place in them.
        cells = np.array(
            [
                each[:-1] if len(each) == len(bounds) + 1 else [np.nan] * len(bounds)
                for each in row["numbers"]
            ],
            dtype=np.float64,
        )
        for at, bound in enumerate(bounds):
            values = stored.with_stale(cells[:, at], row["flags"])
            found.append((with_value(member.labels, "le", number_text(bound)), row["times"], values))
    whole = stored.with_stale(counts, row["flags"])
    return [*found, (with_value(member.labels, "le", "+Inf"), row["times"], whole)]


def _channels(member: Member, row: dict[str, Any]) -> _Series:
    flags, times = row["flags"], row["times"]
    channels: dict[str, Floats] = {
        "count": np.array(row["counts"], dtype=np.float64),
        "sum": np.array(row["totals"], dtype=np.float64),
        f"z:{row['threshold']!r}": np.array(row["zeros"], dtype=np.float64),
    }
    for sign, name in (("p", "positive"), ("n", "negative")):
        for at, (offset, counts) in enumerate(zip(row[f"{name}_offset"], row[name], strict=True)):
            for place, counted in enumerate(counts):
                key = f"{sign}:{row['scale']}:{offset + place}"
                if key not in channels:
                    channels[key] = np.zeros(len(times))
                channels[key][at] = counted
    return [
        (with_value(member.labels, CHANNEL, key), times, stored.with_stale(values, flags))
        for key, values in channels.items()
    ]
