"""Metrics of running services: series, and their points.

Filled by ``receivers/``; read by ``telemetry/``. Names follow the OpenTelemetry protocol (OTLP 1.x, metrics.proto);
Prometheus is turned into the same nouns. Not to be confused with ktlo's own metrics (``ktlo/metrics``).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Annotated

from ktlo.records.schema import Field, Kind, Life, record

NO_RECORDED_VALUE = 1
"""Bit of a point's flags: the series has no value at this moment; it is stale."""


@record(
    "metric_series",
    key=("name", "series"),
    life=Life.STREAMED,
)
@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSeries:
    """One series: a metric of one resource with one set of attributes; follows from its points."""

    series: Annotated[
        str, Field("Fingerprint, 16 hexadecimal digits, of name, type, attributes, resource and scope")
    ]
    name: Annotated[str, Field("Name of the metric", label=True)]
    type: Annotated[str, Field("gauge, sum, histogram, exponential_histogram or summary", label=True)]
    unit: Annotated[str, Field("Unit as last told, in UCUM", label=True)]
    description: Annotated[str, Field("Description as last told")]
    temporality: Annotated[str, Field("cumulative, delta, or empty for gauges and summaries", label=True)]
    monotonic: Annotated[bool, Field("True for a sum that only grows")]
    service: Annotated[str, Field("service.name of the resource; empty when it has none", label=True)]
    version: Annotated[str, Field("service.version of the resource", label=True)]
    environment: Annotated[str, Field("deployment.environment.name of the resource", label=True)]
    instance: Annotated[str, Field("service.instance.id of the resource, else host.name", label=True)]
    attributes: Annotated[dict[str, str], Field("Attributes of the points")]
    resource: Annotated[dict[str, str], Field("Attributes of what reported it")]
    scope_name: Annotated[str, Field("Instrumentation that made it", label=True)]
    scope_version: Annotated[str, Field("Its version", label=True)]
    scope_attributes: Annotated[dict[str, str], Field("Attributes of the instrumentation")]
    first_at: Annotated[dt.datetime, Field("Its first point", kind=Kind.INSTANT_NS)]
    last_at: Annotated[dt.datetime, Field("Its last point", kind=Kind.INSTANT_NS)]


@record(
    "metric_points",
    key=("series", "at"),
    life=Life.STREAMED,
)
@dataclass(frozen=True, slots=True, kw_only=True)
class MetricPoint:
    """One value of a gauge or a sum."""

    series: Annotated[str, Field("Its series, see metric_series")]
    at: Annotated[dt.datetime, Field("When it was measured, else when it arrived", kind=Kind.INSTANT_NS)]
    started_at: Annotated[
        dt.datetime, Field("Since when a sum counts; 1970 when unknown", kind=Kind.INSTANT_NS)
    ]
    value: Annotated[
        float, Field("The value; integers as the nearest double, NaN where flags say that none was recorded")
    ]
    flags: Annotated[int, Field("1: no recorded value, the series is stale")]
    exemplar_traces: Annotated[
        tuple[str, ...], Field("Traces of its exemplars; empty text where one has none")
    ]
    exemplar_spans: Annotated[tuple[str, ...], Field("Spans of its exemplars, in the same order")]
    exemplar_values: Annotated[
        tuple[float, ...], Field("Values of its exemplars, in the same order", kind=Kind.FLOATS)
    ]
    exemplar_times: Annotated[
        tuple[dt.datetime, ...], Field("When its exemplars were, in the same order", kind=Kind.INSTANTS_NS)
    ]
    exemplar_attributes: Annotated[
        tuple[dict[str, str], ...], Field("Attributes of its exemplars, in the same order", kind=Kind.MAPS)
    ]
    received_at: Annotated[dt.datetime, Field("When it was stored")]


@record(
    "metric_histograms",
    key=("series", "at"),
    life=Life.STREAMED,
)
@dataclass(frozen=True, slots=True, kw_only=True)
class MetricHistogram:
    """One point of a histogram, an exponential histogram or a summary; what its type has not is empty or 0."""

    series: Annotated[str, Field("Its series, see metric_series")]
    at: Annotated[dt.datetime, Field("When it was measured, else when it arrived", kind=Kind.INSTANT_NS)]
    started_at: Annotated[dt.datetime, Field("Since when it counts; 1970 when unknown", kind=Kind.INSTANT_NS)]
    count: Annotated[int, Field("Measurements")]
    total: Annotated[float | None, Field("Measurements added up; null when not told")]
    least: Annotated[float | None, Field("Smallest; null when not told")]
    most: Annotated[float | None, Field("Greatest; null when not told")]
    bounds: Annotated[
        tuple[float, ...], Field("Upper bounds of a histogram's buckets, inclusive", kind=Kind.FLOATS)
    ]
    bucket_counts: Annotated[
        tuple[int, ...],
        Field("Measurements by bucket, not cumulated; one more than bounds", kind=Kind.INTEGERS),
    ]
    scale: Annotated[int, Field("Exponential: bucket i holds (base^i, base^(i+1)], base = 2^(2^-scale)")]
    zero_count: Annotated[int, Field("Exponential: measurements within the zero threshold")]
    zero_threshold: Annotated[float, Field("Exponential: distance from 0 that counts as 0")]
    positive_offset: Annotated[int, Field("Exponential: index of the first positive bucket")]
    positive_counts: Annotated[
        tuple[int, ...], Field("Exponential: measurements by positive bucket", kind=Kind.INTEGERS)
    ]
    negative_offset: Annotated[int, Field("Exponential: index of the first negative bucket")]
    negative_counts: Annotated[
        tuple[int, ...], Field("Exponential: measurements by negative bucket", kind=Kind.INTEGERS)
    ]
    quantiles: Annotated[tuple[float, ...], Field("Summary: quantiles, 0 to 1", kind=Kind.FLOATS)]
    quantile_values: Annotated[
        tuple[float, ...], Field("Summary: their values, in the same order", kind=Kind.FLOATS)
    ]
    flags: Annotated[int, Field("1: no recorded value, the series is stale")]
    exemplar_traces: Annotated[
        tuple[str, ...], Field("Traces of its exemplars; empty text where one has none")
    ]
    exemplar_spans: Annotated[tuple[str, ...], Field("Spans of its exemplars, in the same order")]
    exemplar_values: Annotated[
        tuple[float, ...], Field("Values of its exemplars, in the same order", kind=Kind.FLOATS)
    ]
    exemplar_times: Annotated[
        tuple[dt.datetime, ...], Field("When its exemplars were, in the same order", kind=Kind.INSTANTS_NS)
    ]
    exemplar_attributes: Annotated[
        tuple[dict[str, str], ...], Field("Attributes of its exemplars, in the same order", kind=Kind.MAPS)
    ]
    received_at: Annotated[dt.datetime, Field("When it was stored")]
