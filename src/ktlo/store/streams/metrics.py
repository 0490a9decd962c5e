"""Metrics in the store: series, the points of gauges and sums, and those of histograms and summaries.

As with traces the engine itself reads OTLP's protobuf. One view brings the five kinds of points into one shape, in a
table that keeps nothing (``passing_metrics``); from there points go to their table and what they tell of their series
to ``metric_series``. Format: opentelemetry-proto 1.x, metrics.proto.
"""

from __future__ import annotations

from ktlo.store.streams.otlp import COMMON_SCHEMA, KEY_VALUES, MAP, NANO, attributes, nanoseconds, of_resource
from ktlo.store.streams.physical import Flow, Incoming, Passing, Physical, Signal

_RECEIVED = "DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1))"
_EXEMPLARS = {
    "exemplar_traces": "Array(String) CODEC(ZSTD(1))",
    "exemplar_spans": "Array(String) CODEC(ZSTD(1))",
    "exemplar_values": "Array(Float64) CODEC(ZSTD(1))",
    "exemplar_times": f"Array({NANO}) CODEC(ZSTD(1))",
    "exemplar_attributes": f"Array({MAP}) CODEC(ZSTD(1))",
}
_WHEN = {
    "series": "String CODEC(ZSTD(1))",
    "at": f"{NANO} CODEC(Delta(8), ZSTD(1))",
    "started_at": f"{NANO} CODEC(Delta(8), ZSTD(1))",
}
_DISTRIBUTION = {
    "count": "Int64 CODEC(T64, ZSTD(1))",
    "total": "Nullable(Float64) CODEC(ZSTD(1))",
    "least": "Nullable(Float64) CODEC(ZSTD(1))",
    "most": "Nullable(Float64) CODEC(ZSTD(1))",
    "bounds": "Array(Float64) CODEC(ZSTD(1))",
    "bucket_counts": "Array(Int64) CODEC(ZSTD(1))",
    "scale": "Int64 CODEC(T64, ZSTD(1))",
    "zero_count": "Int64 CODEC(T64, ZSTD(1))",
    "zero_threshold": "Float64 CODEC(ZSTD(1))",
    "positive_offset": "Int64 CODEC(T64, ZSTD(1))",
    "positive_counts": "Array(Int64) CODEC(ZSTD(1))",
    "negative_offset": "Int64 CODEC(T64, ZSTD(1))",
    "negative_counts": "Array(Int64) CODEC(ZSTD(1))",
    "quantiles": "Array(Float64) CODEC(ZSTD(1))",
    "quantile_values": "Array(Float64) CODEC(ZSTD(1))",
}
_FLAGS = {"flags": "Int64 CODEC(T64, ZSTD(1))"}
_INDEXES = ("by_time at TYPE minmax GRANULARITY 1",)

_OF_SERIES = ("type", "service", "version", "environment", "instance", "scope_name", "scope_version")
"""Columns of a series that follow from its fingerprint."""
_MAPS_OF_SERIES = ("attributes", "resource", "scope_attributes")
_LAST_TOLD = {"unit": "String", "description": "String", "temporality": "String", "monotonic": "UInt8"}

_PHYSICAL = {
    "metric_series": Physical(
        "metric_series_states",
        {
            "series": "String CODEC(ZSTD(1))",
            "name": "LowCardinality(String)",
            **dict.fromkeys(_OF_SERIES, "SimpleAggregateFunction(any, String)"),
            **dict.fromkeys(_MAPS_OF_SERIES, "SimpleAggregateFunction(any, Map(String, String))"),
            "told": "AggregateFunction(argMax, Tuple(String, String, String, UInt8), DateTime64(6, 'UTC'))",
            "first_at": f"SimpleAggregateFunction(min, {NANO})",
            "last_at": f"SimpleAggregateFunction(max, {NANO})",
            "received_at": "SimpleAggregateFunction(max, DateTime64(6, 'UTC'))",
        },
        "AggregatingMergeTree",
        "name, series",
        "",
        "received_at",
        view="s.series AS series, s.name AS name,"
        + "".join(f" any(s.{name}) AS {name}," for name in (*_OF_SERIES, *_MAPS_OF_SERIES))
        + " argMaxMerge(s.told).1 AS unit, argMaxMerge(s.told).2 AS description, argMaxMerge(s.told).3 AS temporality,"
        + " CAST(argMaxMerge(s.told).4, 'Bool') AS monotonic,"
        + " min(s.first_at) AS first_at, max(s.last_at) AS last_at",
        shard_by="series",
        kept="keep_metrics_days",
    ),
    "metric_points": Physical(
        "metric_points",
        {
            **_WHEN,
            "value": "Float64 CODEC(Gorilla, ZSTD(1))",
            **_FLAGS,
            **_EXEMPLARS,
            "received_at": _RECEIVED,
        },
        "MergeTree",
        "series, at",
        "received_at",
        "received_at",
        _INDEXES,
        shard_by="series",
        kept="keep_metrics_days",
    ),
    "metric_histograms": Physical(
        "metric_histograms",
        {**_WHEN, **_DISTRIBUTION, **_FLAGS, **_EXEMPLARS, "received_at": _RECEIVED},
        "MergeTree",
        "series, at",
        "received_at",
        "received_at",
        _INDEXES,
        shard_by="series",
        kept="keep_metrics_days",
    ),
}

_EXEMPLAR = (
    "Tuple(time_unix_nano UInt64, as_double Nullable(Float64), as_int Nullable(Int64), span_id String,"
    f" trace_id String, filtered_attributes {KEY_VALUES})"
)
_POINT = f"attributes {KEY_VALUES}, start_time_unix_nano UInt64, time_unix_nano UInt64, flags UInt32"
_EXTREMES = "`min` Nullable(Float64), `max` Nullable(Float64)"
_NUMBERS = (
    f"data_points Array(Tuple({_POINT}, as_double Nullable(Float64), as_int Nullable(Int64),"
    f" exemplars Array({_EXEMPLAR})))"
)
_HISTOGRAM = (
    f"data_points Array(Tuple({_POINT}, `count` UInt64, `sum` Nullable(Float64), {_EXTREMES},"
    f" bucket_counts Array(UInt64), explicit_bounds Array(Float64), exemplars Array({_EXEMPLAR})))"
)
_EXPONENTIAL = (
    f"data_points Array(Tuple({_POINT}, `count` UInt64, `sum` Nullable(Float64), {_EXTREMES}, scale Int32,"
    " zero_count UInt64, zero_threshold Float64, positive Tuple(offset Int32, bucket_counts Array(UInt64)),"
    f" negative Tuple(offset Int32, bucket_counts Array(UInt64)), exemplars Array({_EXEMPLAR})))"
)
_SUMMARY = (
    f"data_points Array(Tuple({_POINT}, `count` UInt64, `sum` Float64,"
    " quantile_values Array(Tuple(quantile Float64, value Float64))))"
)
_COLUMNS = (
    f"`resource_metrics` Array(Tuple(resource Tuple(attributes {KEY_VALUES}),"
    f" scope_metrics Array(Tuple(scope Tuple(name String, version String, attributes {KEY_VALUES}),"
    f" metrics Array(Tuple(name String, description String, unit String, gauge Tuple({_NUMBERS}),"
    f" `sum` Tuple({_NUMBERS}, aggregation_temporality Int32, is_monotonic Bool),"
    f" histogram Tuple({_HISTOGRAM}, aggregation_temporality Int32),"
    f" exponential_histogram Tuple({_EXPONENTIAL}, aggregation_temporality Int32),"
    f" summary Tuple({_SUMMARY})))))))"
)

_SCHEMA = f"""{COMMON_SCHEMA}
message Exemplar {{ fixed64 time_unix_nano = 2; oneof value {{ double as_double = 3; sfixed64 as_int = 6; }}
  bytes span_id = 4; bytes trace_id = 5; repeated KeyValue filtered_attributes = 7; }}
message NumberDataPoint {{ repeated KeyValue attributes = 7; fixed64 start_time_unix_nano = 2;
  fixed64 time_unix_nano = 3; oneof value {{ double as_double = 4; sfixed64 as_int = 6; }}
  repeated Exemplar exemplars = 5; uint32 flags = 8; }}
message HistogramDataPoint {{ repeated KeyValue attributes = 9; fixed64 start_time_unix_nano = 2;
  fixed64 time_unix_nano = 3; fixed64 count = 4; optional double sum = 5; repeated fixed64 bucket_counts = 6;
  repeated double explicit_bounds = 7; repeated Exemplar exemplars = 8; uint32 flags = 10;
  optional double min = 11; optional double max = 12; }}
message Buckets {{ sint32 offset = 1; repeated uint64 bucket_counts = 2; }}
message ExponentialHistogramDataPoint {{ repeated KeyValue attributes = 1; fixed64 start_time_unix_nano = 2;
  fixed64 time_unix_nano = 3; fixed64 count = 4; optional double sum = 5; sint32 scale = 6; fixed64 zero_count = 7;
  Buckets positive = 8; Buckets negative = 9; uint32 flags = 10; repeated Exemplar exemplars = 11;
  optional double min = 12; optional double max = 13; double zero_threshold = 14; }}
message ValueAtQuantile {{ double quantile = 1; double value = 2; }}
message SummaryDataPoint {{ repeated KeyValue attributes = 7; fixed64 start_time_unix_nano = 2;
  fixed64 time_unix_nano = 3; fixed64 count = 4; double sum = 5; repeated ValueAtQuantile quantile_values = 6;
  uint32 flags = 8; }}
message Gauge {{ repeated NumberDataPoint data_points = 1; }}
message Sum {{ repeated NumberDataPoint data_points = 1; int32 aggregation_temporality = 2; bool is_monotonic = 3; }}
message Histogram {{ repeated HistogramDataPoint data_points = 1; int32 aggregation_temporality = 2; }}
message ExponentialHistogram {{ repeated ExponentialHistogramDataPoint data_points = 1;
  int32 aggregation_temporality = 2; }}
message Summary {{ repeated SummaryDataPoint data_points = 1; }}
message Metric {{ string name = 1; string description = 2; string unit = 3; Gauge gauge = 5; Sum sum = 7;
  Histogram histogram = 9; ExponentialHistogram exponential_histogram = 10; Summary summary = 11; }}
message ScopeMetrics {{ Scope scope = 1; repeated Metric metrics = 2; }}
message ResourceMetrics {{ Resource resource = 1; repeated ScopeMetrics scope_metrics = 2; }}
message Metrics {{ repeated ResourceMetrics resource_metrics = 1; }}
"""
"""What the engine reads of OTLP's metric requests: field numbers of metrics.proto, without what is not kept."""

METRICS = Incoming("incoming_metrics", _COLUMNS, _SCHEMA, "Metrics")

_SAME = "attributes, start_time_unix_nano, time_unix_nano, flags"
_COMMON_POINT = (
    f"Tuple({_POINT}, value Float64, `count` UInt64, total Nullable(Float64), least Nullable(Float64),"
    " most Nullable(Float64), bounds Array(Float64), bucket_counts Array(UInt64), scale Int32, zero_count UInt64,"
    " zero_threshold Float64, positive_offset Int32, positive_counts Array(UInt64), negative_offset Int32,"
    " negative_counts Array(UInt64), quantiles Array(Float64), quantile_values Array(Float64),"
    f" exemplars Array({_EXEMPLAR}))"
)
"""One shape for the points of all five types."""

_TABLE = "passing_metrics"
_PASSING = Passing(
    _TABLE,
    {
        **_WHEN,
        "name": "LowCardinality(String)",
        **dict.fromkeys(_OF_SERIES, "LowCardinality(String)"),
        **dict.fromkeys(_MAPS_OF_SERIES, "Map(String, String)"),
        **_LAST_TOLD,
        "value": "Float64",
        **_DISTRIBUTION,
        **_FLAGS,
        **_EXEMPLARS,
        "received_at": _RECEIVED,
    },
)

_NO_EXTREMES = "CAST(NULL, 'Nullable(Float64)')"
_NO_FLOATS, _NO_COUNTS = "CAST([], 'Array(Float64)')", "CAST([], 'Array(UInt64)')"


def _point(kind: str, *parts: str) -> str:
    """SQL that brings all points of one type of a metric into the common shape."""
    same = ", ".join(f"p.{name}" for name in _SAME.split(", "))
    return f"arrayMap(p -> CAST(({same}, {', '.join(parts)}), '{_COMMON_POINT}'), metric.{kind}.data_points)"


def _numbers(kind: str) -> str:
    value = (
        "multiIf(bitAnd(p.flags, 1) = 1, nan, p.as_double IS NOT NULL, assumeNotNull(p.as_double),"
        " toFloat64(ifNull(p.as_int, 0)))"
    )
    return _point(
        kind, value, "0", _NO_EXTREMES, _NO_EXTREMES, _NO_EXTREMES, _NO_FLOATS, _NO_COUNTS, "0", "0", "0", "0",
        _NO_COUNTS, "0", _NO_COUNTS, _NO_FLOATS, _NO_FLOATS, "p.exemplars",
    )  # fmt: skip


def _all_points() -> str:
    """SQL of a metric's points with the place of its type among the five."""
    made = {
        "gauge": _numbers("gauge"),
        "sum": _numbers("sum"),
        "histogram": _point(
            "histogram", "0", "p.count", "p.sum", "p.min", "p.max", "p.explicit_bounds", "p.bucket_counts", "0", "0",
            "0", "0", _NO_COUNTS, "0", _NO_COUNTS, _NO_FLOATS, _NO_FLOATS, "p.exemplars",
        ),
        "exponential_histogram": _point(
            "exponential_histogram", "0", "p.count", "p.sum", "p.min", "p.max", _NO_FLOATS, _NO_COUNTS, "p.scale",
            "p.zero_count", "p.zero_threshold", "p.positive.offset", "p.positive.bucket_counts",
            "p.negative.offset", "p.negative.bucket_counts", _NO_FLOATS, _NO_FLOATS, "p.exemplars",
        ),
        "summary": _point(
            "summary", "0", "p.count", "p.sum", _NO_EXTREMES, _NO_EXTREMES, _NO_FLOATS, _NO_COUNTS, "0", "0", "0",
            "0", _NO_COUNTS, "0", _NO_COUNTS, "arrayMap(q -> q.quantile, p.quantile_values)",
            "arrayMap(q -> q.value, p.quantile_values)",
            f"CAST([], 'Array({_EXEMPLAR})')",
        ),
    }  # fmt: skip
    return f"arrayConcat({', '.join(made.values())})"


def _flatten(database: str) -> str:
    temporality = "['', 'delta', 'cumulative']"
    of = (
        "multiIf(notEmpty(metric.sum.data_points), metric.sum.aggregation_temporality,"
        " notEmpty(metric.histogram.data_points), metric.histogram.aggregation_temporality,"
        " metric.exponential_histogram.aggregation_temporality)"
    )
    types = (
        "multiIf(notEmpty(metric.gauge.data_points), 'gauge', notEmpty(metric.sum.data_points), 'sum',"
        " notEmpty(metric.histogram.data_points), 'histogram',"
        " notEmpty(metric.exponential_histogram.data_points), 'exponential_histogram', 'summary')"
    )
    counts = ("bucket_counts", "positive_counts", "negative_counts")
    plain = (
        "total",
        "least",
        "most",
        "bounds",
        "scale",
        "zero_threshold",
        "positive_offset",
        "negative_offset",
    )
    return f"""SELECT
  leftPad(lower(hex(cityHash64(of_metric, mapSort(attributes)))), 16, '0') AS series, name,
  if(point.time_unix_nano > 0, {nanoseconds("point.time_unix_nano")}, now64(9, 'UTC')) AS at,
  {nanoseconds("point.start_time_unix_nano")} AS started_at,
  type, service, version, environment, instance, scope.name AS scope_name, scope.version AS scope_version,
  {attributes("point.attributes")} AS attributes, resource, scope_attributes,
  unit, description, temporality, monotonic, point.value AS value,
  {", ".join(f"point.{one} AS {one}" for one in plain)},
  {", ".join(f"toInt64(least(point.{one}, 9223372036854775807)) AS {one}" for one in ("count", "zero_count"))},
  {", ".join(f"arrayMap(n -> toInt64(least(n, 9223372036854775807)), point.{one}) AS {one}" for one in counts)},
  point.quantiles AS quantiles, point.quantile_values AS quantile_values, point.flags AS flags,
  arrayMap(e -> lower(hex(e.trace_id)), point.exemplars) AS exemplar_traces,
  arrayMap(e -> lower(hex(e.span_id)), point.exemplars) AS exemplar_spans,
  arrayMap(e -> if(e.as_double IS NOT NULL, assumeNotNull(e.as_double), toFloat64(ifNull(e.as_int, 0))),
    point.exemplars) AS exemplar_values,
  arrayMap(e -> {nanoseconds("e.time_unix_nano")}, point.exemplars) AS exemplar_times,
  arrayMap(e -> {attributes("e.filtered_attributes", "y")}, point.exemplars) AS exemplar_attributes,
  now64(6, 'UTC') AS received_at
FROM (
  SELECT resource, scope, scope_attributes, metric.name AS name, metric.unit AS unit,
    metric.description AS description, {types} AS type,
    {temporality}[if({of} BETWEEN 0 AND 2, {of}, 0) + 1] AS temporality, metric.sum.is_monotonic AS monotonic,
    {of_resource()},
    cityHash64(name, type, mapSort(resource), scope.name, scope.version, mapSort(scope_attributes)) AS of_metric,
    arrayJoin({_all_points()}) AS point
  FROM (
    SELECT resource, scope, scope_attributes, arrayJoin(metrics) AS metric FROM (
      SELECT resource, part.scope AS scope, {attributes("part.scope.attributes")} AS scope_attributes,
        part.metrics AS metrics
      FROM (
        SELECT {attributes("one.resource.attributes")} AS resource, arrayJoin(one.scope_metrics) AS part
        FROM (SELECT arrayJoin(resource_metrics) AS one FROM {database}.{METRICS.table})
      )
    )
  )
)"""  # noqa: S608 - names are ktlo's own


def _series(database: str) -> str:
    alike = "".join(f" any(s.{name}) AS {name}," for name in (*_OF_SERIES, *_MAPS_OF_SERIES))
    told = f" argMaxState(tuple({', '.join(f's.{name}' for name in _LAST_TOLD)}), s.received_at) AS told,"
    return f"""SELECT s.series AS series, s.name AS name,{alike}{told}
  min(s.at) AS first_at, max(s.at) AS last_at, max(s.received_at) AS received_at
FROM {database}.{_TABLE} AS s GROUP BY series, name"""  # noqa: S608


def _of_type(noun: str, types: str) -> Flow:
    """The flow of points of certain types into their table."""
    columns = ", ".join(_PHYSICAL[noun].columns)
    return Flow(
        f"passing_metrics_to_{noun}",
        noun,
        lambda database: f"SELECT {columns} FROM {database}.{_TABLE} WHERE type {types}",  # noqa: S608
    )


SIGNAL = Signal(
    _PHYSICAL,
    (METRICS,),
    (
        Flow("incoming_metrics_to_passing_metrics", _TABLE, _flatten),
        _of_type("metric_points", "IN ('gauge', 'sum')"),
        _of_type("metric_histograms", "NOT IN ('gauge', 'sum')"),
        Flow("passing_metrics_to_metric_series", "metric_series_states", _series),
    ),
    (_PASSING,),
)
"""Tables, way in and flows of metrics."""
