"""Native histograms of Prometheus as OTLP's exponential histograms, or explicit ones where the buckets are custom.

A bucket of Prometheus with index i ends at base^i, one of OTLP begins there: indexes differ by one. Source:
OpenTelemetry, "Prometheus and OpenMetrics Compatibility", native histograms; prometheus/prompb, types.proto.
"""

from __future__ import annotations

from typing import Any

from ktlo.receivers.otlp.metrics import MOST_BUCKETS

CUSTOM = -53
"""Schema of a histogram whose bounds are told."""
_LOWEST, _HIGHEST = -4, 8


class UnfitError(ValueError):
    """A histogram that OTLP cannot say; the reason in words."""


def fill(point: Any, native: Any) -> None:
    """Write a native histogram's buckets into an OTLP point of its kind.

    Args:
        point: HistogramDataPoint for custom buckets, else ExponentialHistogramDataPoint.
        native: prometheus.Histogram with integer counts.

    Raises:
        UnfitError: counts are no integers, a schema is not known, or there are too many buckets.
    """
    if native.WhichOneof("count") == "count_float" or native.positive_counts or native.negative_counts:
        raise UnfitError("a native histogram with counts that are no integers (made by a rule)")
    point.count, point.sum = native.count_int, native.sum
    first, counts = _dense(native.positive_spans, native.positive_deltas)
    if native.schema == CUSTOM:
        wanted = len(native.custom_values) + 1
        filled = ([0] * first + counts)[:wanted]
        point.explicit_bounds.extend(native.custom_values)
        point.bucket_counts.extend(filled + [0] * (wanted - len(filled)))
        return
    if not _LOWEST <= native.schema <= _HIGHEST:
        raise UnfitError(f"a native histogram of schema {native.schema}")
    point.scale = native.schema
    point.zero_count, point.zero_threshold = native.zero_count_int, native.zero_threshold
    if counts:
        point.positive.offset = first - 1
        point.positive.bucket_counts.extend(counts)
    first, counts = _dense(native.negative_spans, native.negative_deltas)
    if counts:
        point.negative.offset = first - 1
        point.negative.bucket_counts.extend(counts)


def _dense(spans: Any, deltas: Any) -> tuple[int, list[int]]:
    """Index of the first bucket, and counts of all from there on: gaps between spans are empty buckets."""
    if not spans:
        return 0, []
    if sum(span.length for span in spans) != len(deltas):
        raise UnfitError("a native histogram whose spans and buckets differ in number")
    counts: list[int] = []
    now, at = 0, 0
    for number, span in enumerate(spans):
        if number:
            if span.offset < 0 or len(counts) + span.offset > MOST_BUCKETS:
                raise UnfitError(f"a native histogram over more than {MOST_BUCKETS:,} buckets")
            counts += [0] * span.offset
        for _ in range(span.length):
            now += deltas[at]
            at += 1
            if now < 0:
                raise UnfitError("a native histogram with a negative count")
            counts.append(now)
        if len(counts) > MOST_BUCKETS:
            raise UnfitError(f"a native histogram over more than {MOST_BUCKETS:,} buckets")
    return spans[0].offset, counts
