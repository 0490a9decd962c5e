"""Metricsets of an Elastic agent as OTLP metrics.

A name of Elastic's that means exactly what one of OpenTelemetry's means is told under that one, in its unit (process,
system and JVM metrics of the semantic conventions); every other keeps its name. What an agent counts anew for every
metricset (breakdowns, histograms) is a delta; its counters are cumulative.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise

from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AggregationTemporality,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
)

from ktlo.receivers.elastic.attributes import put, put_all
from ktlo.receivers.elastic.events import Metricset, Sample
from ktlo.receivers.elastic.moments import UnfitError, instant
from ktlo.wording import counted

_DELTA = AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
_CUMULATIVE = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE


@dataclass(frozen=True, slots=True)
class Twin:
    """A metric of the semantic conventions that means the same.

    Attributes:
        name: its name.
        unit: its unit.
        factor: what a value is multiplied with.
        attributes: that tell it from its siblings.
    """

    name: str
    unit: str
    factor: float = 1.0
    attributes: dict[str, str] = field(default_factory=dict)


TWINS = {
    "system.memory.total": Twin("system.memory.limit", "By"),
    "system.process.cpu.total.norm.pct": Twin("process.cpu.utilization", "1"),
    "system.process.cpu.user.norm.pct": Twin("process.cpu.utilization", "1", attributes={"cpu.mode": "user"}),
    "system.process.cpu.system.norm.pct": Twin(
        "process.cpu.utilization", "1", attributes={"cpu.mode": "system"}
    ),
    "system.process.memory.size": Twin("process.memory.virtual", "By"),
    "system.process.memory.rss.bytes": Twin("process.memory.usage", "By"),
    "nodejs.eventloop.delay.avg.ms": Twin("nodejs.eventloop.delay.mean", "s", factor=0.001),
    "jvm.memory.heap.used": Twin("jvm.memory.used", "By", attributes={"jvm.memory.type": "heap"}),
    "jvm.memory.heap.committed": Twin("jvm.memory.committed", "By", attributes={"jvm.memory.type": "heap"}),
    "jvm.memory.heap.max": Twin("jvm.memory.limit", "By", attributes={"jvm.memory.type": "heap"}),
    "jvm.memory.non_heap.used": Twin("jvm.memory.used", "By", attributes={"jvm.memory.type": "non_heap"}),
    "jvm.memory.non_heap.committed": Twin(
        "jvm.memory.committed", "By", attributes={"jvm.memory.type": "non_heap"}
    ),
    "jvm.memory.non_heap.max": Twin("jvm.memory.limit", "By", attributes={"jvm.memory.type": "non_heap"}),
    "jvm.thread.count": Twin("jvm.thread.count", "{thread}"),
    "jvm.fd.used": Twin("jvm.file_descriptor.count", "{file_descriptor}"),
    "jvm.fd.max": Twin("jvm.file_descriptor.limit", "{file_descriptor}"),
    "golang.goroutines": Twin("go.goroutine.count", "{goroutine}"),
}
"""By Elastic's name. Source: semantic conventions 1.3x, process, system, nodejs, jvm and go metrics."""

_UNITS = {
    "byte": "By",
    "percent": "1",
    "nanos": "ns",
    "micros": "us",
    "ms": "ms",
    "s": "s",
    "m": "min",
    "h": "h",
    "d": "d",
}
_SAME = Twin("", "")


def metrics_of(event: Metricset, received: int) -> list[Metric]:
    """A metric with one data point for every sample.

    Raises:
        UnfitError: the set cannot be kept.
    """
    at = instant(event.timestamp, received)
    return [_metric(name, sample, event, at) for name, sample in event.samples.items()]


def _metric(name: str, sample: Sample, event: Metricset, at: int) -> Metric:
    twin = TWINS.get(name, _SAME)
    made = Metric(name=twin.name or name, unit=twin.unit or _UNITS.get(sample.unit or "", sample.unit or ""))
    if sample.values is not None or sample.counts is not None:
        point: HistogramDataPoint | NumberDataPoint = _histogram(made, name, sample)
    else:
        if sample.value is None:
            raise UnfitError(f"the sample {name!r} has neither 'value' nor 'values' and 'counts'")
        is_breakdown = name.startswith(("span.self_time.", "transaction.breakdown.", "transaction.duration."))
        if is_breakdown or sample.type == "counter":
            made.sum.is_monotonic = True
            made.sum.aggregation_temporality = _DELTA if is_breakdown else _CUMULATIVE
            point = made.sum.data_points.add()
        else:
            point = made.gauge.data_points.add()
        point.as_double = sample.value * twin.factor
    point.time_unix_nano = at
    here = point.attributes
    put_all(here, twin.attributes)
    put_all(here, event.tags)
    if event.transaction is not None:
        put(here, "elastic.transaction.name", event.transaction.name)
        put(here, "elastic.transaction.type", event.transaction.type)
    if event.span is not None:
        put(here, "elastic.span.type", event.span.type)
        put(here, "elastic.span.subtype", event.span.subtype)
    return made


def _histogram(made: Metric, name: str, sample: Sample) -> HistogramDataPoint:
    """Values and how often each was seen: every value is the upper bound of a bucket of its own."""
    values, counts = sample.values or [], sample.counts or []
    if len(values) != len(counts):
        raise UnfitError(f"the sample {name!r} has {counted(len(values), 'values')} and {len(counts)} counts")
    if not all(math.isfinite(value) for value in values) or any(a >= b for a, b in pairwise(values)):
        raise UnfitError(f"the values of the sample {name!r} do not grow")
    made.histogram.aggregation_temporality = _DELTA
    point: HistogramDataPoint = made.histogram.data_points.add(count=sum(counts))
    point.explicit_bounds.extend(values)
    point.bucket_counts.extend([*counts, 0])
    point.sum = math.fsum(value * count for value, count in zip(values, counts, strict=True))
    return point
