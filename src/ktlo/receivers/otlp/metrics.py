"""What of a metric request is kept: points that say something. NaN and infinity are values like others.

A point without a value that does not say it has none, one of a metric without a name, one at a time after the year
2262, and a histogram whose buckets do not fit its bounds are rejected; the others stay. Format: opentelemetry-proto
1.x, metrics.proto.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from ktlo.receivers.otlp.accepting import (
    LATEST,
    SPAN_BYTES,
    TOO_LATE,
    TRACE_BYTES,
    Reasons,
    is_identifier,
    plausible,
    tidy,
    tidy_name,
    tidy_scope,
    warn_of_clock,
)
from ktlo.receivers.otlp.naming import MOST_NAME

MOST_BUCKETS = 4_096
"""Buckets of one histogram; SDKs make at most 160 exponential ones."""
MOST_EXEMPLARS = 100
"""Exemplars of one point that are kept."""
_NO_RECORDED_VALUE = 1
_MOST_COUNT = (1 << 63) - 1


def keep(request: ExportMetricsServiceRequest, reasons: Reasons) -> int:
    """Change a request to what is kept of it; answers how many points that are."""
    kept = 0
    for of_resource in request.resource_metrics:
        tidy(of_resource.resource.attributes, reasons)
        for of_scope in of_resource.scope_metrics:
            tidy_scope(of_scope.scope, reasons)
            for metric in of_scope.metrics:
                kind = metric.WhichOneof("data")
                if kind is None:
                    continue
                for field in ("name", "unit", "description"):
                    tidy_name(metric, field, f"the {field} of a metric", reasons)
                kept += _keep_points(metric.name, kind, getattr(metric, kind).data_points, reasons)
    return kept


def count(of_resource: Any) -> int:
    """Points of one resource."""
    return sum(
        len(getattr(metric, kind).data_points)
        for of_scope in of_resource.scope_metrics
        for metric in of_scope.metrics
        if (kind := metric.WhichOneof("data"))
    )


def _keep_points(name: str, kind: str, points: Any, reasons: Reasons) -> int:
    check, within = _CHECKS[kind], plausible()
    bad = []
    for place, point in enumerate(points):
        reason = "" if name else "the metric has no name"
        if point.time_unix_nano > LATEST or point.start_time_unix_nano > LATEST:
            reason = TOO_LATE
        reason = reason or check(point)
        if reason:
            bad.append(place)
            reasons.rejected[reason] += 1
            continue
        if point.time_unix_nano:
            warn_of_clock(point.time_unix_nano, within, reasons)
        tidy(point.attributes, reasons, MOST_NAME)
        if kind != "summary" and point.exemplars:
            _mend_exemplars(point.exemplars, reasons)
    for place in reversed(bad):
        del points[place]
    return len(points)


def _number(point: Any) -> str:
    if point.WhichOneof("value") is None and not point.flags & _NO_RECORDED_VALUE:
        return "the point has no value, and no flag says so"
    return ""


def _histogram(point: Any) -> str:
    bounds, counts = point.explicit_bounds, point.bucket_counts
    if point.count > _MOST_COUNT or (counts and max(counts) > _MOST_COUNT):
        return "a count is larger than 2^63-1"
    if len(counts) > MOST_BUCKETS:
        return f"the histogram has more than {MOST_BUCKETS:,} buckets"
    if not counts and not bounds:
        return ""
    if len(counts) != len(bounds) + 1:
        return "the histogram's buckets are not one more than its bounds"
    if not all(low < high for low, high in pairwise(bounds)):
        return "the histogram's bounds do not grow"
    return ""


def _exponential(point: Any) -> str:
    sides = (point.positive.bucket_counts, point.negative.bucket_counts)
    if max(point.count, point.zero_count, *(max(side, default=0) for side in sides)) > _MOST_COUNT:
        return "a count is larger than 2^63-1"
    if max(len(side) for side in sides) > MOST_BUCKETS:
        return f"the histogram has more than {MOST_BUCKETS:,} buckets"
    return ""


def _summary(point: Any) -> str:
    if point.count > _MOST_COUNT:
        return "a count is larger than 2^63-1"
    if len(point.quantile_values) > MOST_BUCKETS:
        return f"the summary has more than {MOST_BUCKETS:,} quantiles"
    return ""


_CHECKS = {
    "gauge": _number,
    "sum": _number,
    "histogram": _histogram,
    "exponential_histogram": _exponential,
    "summary": _summary,
}


def _mend_exemplars(exemplars: Any, reasons: Reasons) -> None:
    """An exemplar with an impossible identifier is kept without it: its value still says something."""
    if len(exemplars) > MOST_EXEMPLARS:
        del exemplars[MOST_EXEMPLARS:]
        reasons.warned[f"a point has more than {MOST_EXEMPLARS} exemplars; the others were left out"] += 1
    for exemplar in exemplars:
        tidy(exemplar.filtered_attributes, reasons)
        for field, size in (("trace_id", TRACE_BYTES), ("span_id", SPAN_BYTES)):
            given = getattr(exemplar, field)
            if given and not is_identifier(given, size):
                reasons.warned[f"an exemplar's {field} is none; kept without it"] += 1
                exemplar.ClearField(field)
        if exemplar.time_unix_nano > LATEST:
            exemplar.ClearField("time_unix_nano")
