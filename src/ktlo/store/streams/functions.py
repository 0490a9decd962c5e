"""Functions by minute in the store: calls, errors by type, durations as exponential histograms, and callers.

They follow, by materialized views, from what ``ktlo-instrument`` sends (metrics ``ktlo.function.*``, delta) and from
spans that name the function they are about (``code.function.name``, before semantic conventions 1.30
``code.namespace`` and ``code.function``). Buckets are kept as sums by number: that of opentelemetry-proto
``ExponentialHistogramDataPoint`` with its scale above it, so that histograms of several scales add up without loss.
"""

from __future__ import annotations

from ktlo.store.streams.physical import Flow, Physical, Signal

_MICRO = "DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1))"
_NAME = "LowCardinality(String)"
_SUM = "SimpleAggregateFunction(sum, Int64)"
_SKETCH = "SimpleAggregateFunction(sumMap, Map(Int64, Int64))"

SPAN_SCALE = 3
"""Scale of the histograms made of spans: eight buckets a doubling, each value known to 4.4%."""
ZERO = -(1 << 62)
"""Number of the bucket of durations that are zero."""

_OF_FUNCTION = {
    "minute": _MICRO,
    "service": _NAME,
    "environment": _NAME,
    "version": _NAME,
    "route": _NAME,
    "origin": _NAME,
    "function": _NAME,
}

_PHYSICAL = {
    "function_minutes": Physical(
        "function_minutes_states",
        {
            **_OF_FUNCTION,
            "path": "SimpleAggregateFunction(max, String)",
            "line": "SimpleAggregateFunction(max, Int64)",
            "calls": _SUM,
            "errors": _SUM,
            "failed": "SimpleAggregateFunction(sumMap, Map(String, Int64))",
            "total_ns": _SUM,
            "self_ns": _SUM,
            "active_ns": _SUM,
            "wall": _SKETCH,
            "own": _SKETCH,
        },
        "AggregatingMergeTree",
        ", ".join(("service", "minute", *(one for one in _OF_FUNCTION if one not in ("service", "minute")))),
        "",
        "minute",
        view="".join(f"s.{name} AS {name}, " for name in _OF_FUNCTION)
        + "max(s.path) AS path, max(s.line) AS line, sum(s.calls) AS calls, sum(s.errors) AS errors,"
        " sum(s.total_ns) AS total_ns, sum(s.self_ns) AS self_ns, sum(s.active_ns) AS active_ns",
        kept="keep_rollups_days",
    ),
    "function_edges": Physical(
        "function_edges_states",
        {
            "minute": _MICRO,
            "service": _NAME,
            "environment": _NAME,
            "version": _NAME,
            "route": _NAME,
            "caller": _NAME,
            "function": _NAME,
            "calls": _SUM,
        },
        "AggregatingMergeTree",
        "service, minute, environment, version, route, caller, function",
        "",
        "minute",
        view="s.minute AS minute, s.service AS service, s.environment AS environment, s.version AS version,"
        " s.route AS route, s.caller AS caller, s.function AS function, sum(s.calls) AS calls",
        kept="keep_rollups_days",
    ),
}

_KEYS = ", ".join(_OF_FUNCTION)
_INT_MAP = "CAST(map(), 'Map(Int64, Int64)')"


def _sketch(metric: str) -> str:
    """SQL of a point's buckets by number; nothing for other metrics."""
    counts = (
        "mapFilter((k, v) -> v > 0, mapAdd("
        "mapFromArrays(arrayMap(i -> scale * 4294967296 + positive_offset + i + 2147483647,"
        " arrayEnumerate(positive_counts)), positive_counts),"
        f" CAST(map({ZERO}, zero_count), 'Map(Int64, Int64)')))"
    )
    return f"sumMap(if(name = 'ktlo.function.{metric}', CAST({counts}, 'Map(Int64, Int64)'), {_INT_MAP}))"


def _of_metrics(database: str) -> str:
    one = "toInt64(greatest(least(value, 9e18), 0))"
    total = "toInt64(greatest(least(ifNull(total, 0), 9e18), 0))"
    failed = (
        f"sumMap(if(name = 'ktlo.function.errors', map(attributes['error.type'], {one}),"
        " CAST(map(), 'Map(String, Int64)')))"
    )
    return f"""SELECT toStartOfMinute(toDateTime64(at, 6, 'UTC')) AS minute, service, environment, version,
  attributes['http.route'] AS route, 'instrument' AS origin, attributes['code.function.name'] AS function,
  max(attributes['code.file.path']) AS path, max(toInt64OrZero(attributes['code.line.number'])) AS line,
  sumIf({one}, name = 'ktlo.function.calls') AS calls, sumIf({one}, name = 'ktlo.function.errors') AS errors,
  {failed} AS failed,
  sumIf({total}, name = 'ktlo.function.duration') AS total_ns,
  sumIf({total}, name = 'ktlo.function.self_duration') AS self_ns,
  sumIf({total}, name = 'ktlo.function.active_duration') AS active_ns,
  {_sketch("duration")} AS wall, {_sketch("self_duration")} AS own
FROM {database}.passing_metrics
WHERE name IN ('ktlo.function.calls', 'ktlo.function.errors', 'ktlo.function.duration',
  'ktlo.function.self_duration', 'ktlo.function.active_duration') AND temporality = 'delta'
GROUP BY {_KEYS}"""  # noqa: S608 - names are ktlo's own


def named(of: str = "attributes") -> str:
    """SQL of the function that a span's attributes name; empty for none."""
    return (
        f"multiIf({of}['code.function.name'] != '', {of}['code.function.name'], {of}['code.function'] = '', '',"
        f" {of}['code.namespace'] != '', concat({of}['code.namespace'], '.', {of}['code.function']),"
        f" {of}['code.function'])"
    )


RAISED = (
    "multiIf(attributes['error.type'] != '', attributes['error.type'],"
    " arrayFirst(t -> t != '', arrayMap(a -> a['exception.type'], event_attributes)) != '',"
    " arrayFirst(t -> t != '', arrayMap(a -> a['exception.type'], event_attributes)), 'error')"
)
"""SQL of the type of a failed span's error: its own, else that of the first exception in its events."""


def _of_spans(database: str) -> str:
    number = (
        f"if(duration_ns > 0, {SPAN_SCALE} * 4294967296 + 2147483648"
        f" + toInt64(ceil(log2(duration_ns) * {2**SPAN_SCALE})) - 1, {ZERO})"
    )
    failed = f"sumMap(if(status = 'error', map({RAISED}, toInt64(1)), CAST(map(), 'Map(String, Int64)')))"
    path = "if(attributes['code.file.path'] != '', attributes['code.file.path'], attributes['code.filepath'])"
    line = "greatest(toInt64OrZero(attributes['code.line.number']), toInt64OrZero(attributes['code.lineno']))"
    return f"""SELECT toStartOfMinute(toDateTime64(started_at, 6, 'UTC')) AS minute, service, environment, version,
  attributes['http.route'] AS route, 'spans' AS origin, {named()} AS function,
  max({path}) AS path, max({line}) AS line,
  toInt64(count()) AS calls, toInt64(countIf(status = 'error')) AS errors, {failed} AS failed,
  sum(duration_ns) AS total_ns, toInt64(0) AS self_ns, toInt64(0) AS active_ns,
  sumMap(map(toInt64({number}), toInt64(1))) AS wall, {_INT_MAP} AS own
FROM {database}.spans WHERE {named()} != '' GROUP BY {_KEYS}"""  # noqa: S608


def _edges(database: str) -> str:
    return f"""SELECT toStartOfMinute(toDateTime64(at, 6, 'UTC')) AS minute, service, environment, version,
  attributes['http.route'] AS route, attributes['ktlo.caller.function'] AS caller,
  attributes['code.function.name'] AS function, sum(toInt64(greatest(least(value, 9e18), 0))) AS calls
FROM {database}.passing_metrics WHERE name = 'ktlo.function.calls' AND temporality = 'delta'
GROUP BY minute, service, environment, version, route, caller, function"""  # noqa: S608


SIGNAL = Signal(
    _PHYSICAL,
    (),
    (
        Flow("passing_metrics_to_function_minutes", "function_minutes_states", _of_metrics),
        Flow("spans_to_function_minutes", "function_minutes_states", _of_spans),
        Flow("passing_metrics_to_function_edges", "function_edges_states", _edges),
    ),
)
"""Tables and flows of functions; their ways in are those of metrics and traces."""
