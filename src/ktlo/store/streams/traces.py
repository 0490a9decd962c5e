"""Traces in the store: spans, trace summaries, and every operation by minute.

The engine itself reads OTLP's protobuf: a file of length-delimited requests is inserted into a table that keeps
nothing (``Null``), whose materialized view flattens it into ``spans``; from those follow the roll-ups. No Python
object is made per span. Format: opentelemetry-proto 1.x, trace.proto.
"""

from __future__ import annotations

from ktlo.store.streams.otlp import (
    COMMON_SCHEMA,
    KEY_VALUES,
    MAP,
    NANO,
    attributes,
    nanoseconds,
    of_image,
    of_resource,
)
from ktlo.store.streams.physical import Flow, Incoming, Physical, Signal

ANY_VALUE = (
    "arrayConcat(mapValues({of}attributes), mapValues({of}resource), mapValues({of}scope_attributes),"
    " arrayFlatten(arrayMap(m -> mapValues(m), {of}event_attributes)),"
    " arrayFlatten(arrayMap(m -> mapValues(m), {of}link_attributes)))"
)
"""SQL of every tag's value of a span, wherever it sits; an index is kept on it, and searches say it word by word."""

ANY_KEY = ANY_VALUE.replace("mapValues", "mapKeys")
"""The same of every tag's key."""

MOST_ALIKE = 1000
"""So many values at most stand in a digest for the calls of one span; calls and their sum are exact."""

_CALLS_OF = "greatest(toInt64OrZero(s.attributes['elastic.composite.count']), 1)"
_SUM_OF = "toInt64(least(greatest(toFloat64OrZero(s.attributes['elastic.composite.sum_ms']), 0), 1e12) * 1e6)"
_EACH_OF = f"if(calls_of > 1, intDiv({_SUM_OF}, calls_of), s.duration_ns)"
CALLS = f"{_CALLS_OF} AS calls_of, {_EACH_OF} AS took"
"""SQL of how many calls a span ``s`` of ``spans`` stands for, and how long one of them took, nanoseconds.

More than one are those that Elastic's agents put into one span, whose own duration is that from the first to the last:
their number and sum are ``composite.count`` and ``composite.sum`` of intake v2 (apm-server, docs/spec/v2/span.json).
"""


def each_call(calls: str) -> str:
    """SQL of a row for each call of a span, at most :data:`MOST_ALIKE`; what is beyond them counts with the first.

    Args:
        calls: SQL of how many it stands for.

    Returns:
        ``number``, the row's, and ``counted``, how many calls it counts as.
    """
    most = f"least({calls}, {MOST_ALIKE})"
    return f"arrayJoin(range({most})) AS number, if(number = 0, {calls} - {most} + 1, 1) AS counted"


_PHYSICAL = {
    "spans": Physical(
        "spans",
        {
            "trace_id": "String CODEC(ZSTD(1))",
            "span_id": "String CODEC(ZSTD(1))",
            "parent_span_id": "String CODEC(ZSTD(1))",
            "trace_state": "String CODEC(ZSTD(1))",
            "flags": "Int64 CODEC(ZSTD(1))",
            "service": "LowCardinality(String)",
            "version": "LowCardinality(String)",
            "environment": "LowCardinality(String)",
            "instance": "LowCardinality(String)",
            "name": "LowCardinality(String)",
            "kind": "LowCardinality(String)",
            "started_at": f"{NANO} CODEC(Delta(8), ZSTD(1))",
            "duration_ns": "Int64 CODEC(T64, ZSTD(1))",
            "status": "LowCardinality(String)",
            "status_message": "String CODEC(ZSTD(1))",
            "attributes": f"{MAP} CODEC(ZSTD(1))",
            "resource": f"{MAP} CODEC(ZSTD(1))",
            "scope_name": "LowCardinality(String)",
            "scope_version": "LowCardinality(String)",
            "scope_attributes": f"{MAP} CODEC(ZSTD(1))",
            "event_times": f"Array({NANO}) CODEC(ZSTD(1))",
            "event_names": "Array(String) CODEC(ZSTD(1))",
            "event_attributes": f"Array({MAP}) CODEC(ZSTD(1))",
            "link_traces": "Array(String) CODEC(ZSTD(1))",
            "link_spans": "Array(String) CODEC(ZSTD(1))",
            "link_attributes": f"Array({MAP}) CODEC(ZSTD(1))",
            "dropped": "Int64 CODEC(ZSTD(1))",
            "received_at": "DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1))",
            "image": "LowCardinality(String)",
        },
        "MergeTree",
        "toStartOfFiveMinutes(started_at), service, name, started_at",
        "received_at",
        "received_at",
        (
            "by_trace trace_id TYPE bloom_filter(0.01) GRANULARITY 1",
            "by_time started_at TYPE minmax GRANULARITY 1",
            "by_attribute_key mapKeys(attributes) TYPE bloom_filter(0.01) GRANULARITY 1",
            f"by_any_key {ANY_KEY.replace('{of}', '')} TYPE bloom_filter(0.01) GRANULARITY 1",
            f"by_any_value {ANY_VALUE.replace('{of}', '')} TYPE bloom_filter(0.01) GRANULARITY 1",
        ),
        shard_by="trace_id",
    ),
    "trace_summaries": Physical(
        "trace_summaries_states",
        {
            "trace_id": "String CODEC(ZSTD(1))",
            "started_at": f"SimpleAggregateFunction(min, {NANO})",
            "ended_at": f"SimpleAggregateFunction(max, {NANO})",
            "spans": "SimpleAggregateFunction(sum, Int64)",
            "errors": "SimpleAggregateFunction(sum, Int64)",
            "root_service": "SimpleAggregateFunction(max, String)",
            "root_name": "SimpleAggregateFunction(max, String)",
            "services": "SimpleAggregateFunction(groupUniqArrayArray, Array(String))",
            "received_at": "SimpleAggregateFunction(max, DateTime64(6, 'UTC'))",
        },
        "AggregatingMergeTree",
        "trace_id",
        "",
        "received_at",
        view="s.trace_id AS trace_id, min(s.started_at) AS started_at, max(s.ended_at) AS ended_at,"
        " sum(s.spans) AS spans, sum(s.errors) AS errors, max(s.root_service) AS root_service,"
        " max(s.root_name) AS root_name, groupUniqArrayArray(s.services) AS services",
        shard_by="trace_id",
    ),
    "operation_minutes": Physical(
        "operation_minutes_states",
        {
            "minute": "DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1))",
            "service": "LowCardinality(String)",
            "environment": "LowCardinality(String)",
            "version": "LowCardinality(String)",
            "kind": "LowCardinality(String)",
            "name": "LowCardinality(String)",
            "calls": "SimpleAggregateFunction(sum, Int64)",
            "errors": "SimpleAggregateFunction(sum, Int64)",
            "total_ns": "SimpleAggregateFunction(sum, Int64)",
            "longest_ns": "SimpleAggregateFunction(max, Int64)",
            "longest_trace": "AggregateFunction(argMax, String, Int64)",
            "durations": "AggregateFunction(quantilesTDigest(0.5, 0.95, 0.99), Int64)",
        },
        "AggregatingMergeTree",
        "service, minute, environment, version, kind, name",
        "",
        "minute",
        view="s.minute AS minute, s.service AS service, s.environment AS environment, s.version AS version,"
        " s.kind AS kind, s.name AS name, sum(s.calls) AS calls, sum(s.errors) AS errors,"
        " sum(s.total_ns) AS total_ns, max(s.longest_ns) AS longest_ns,"
        " argMaxMerge(s.longest_trace) AS longest_trace",
        kept="keep_rollups_days",
    ),
}

_COLUMNS = (
    f"`resource_spans` Array(Tuple(resource Tuple(attributes {KEY_VALUES}, dropped_attributes_count UInt32),"
    f" scope_spans Array(Tuple(scope Tuple(name String, version String, attributes {KEY_VALUES}),"
    " spans Array(Tuple(trace_id String, span_id String, trace_state String, parent_span_id String, name String,"
    f" kind Int32, start_time_unix_nano UInt64, end_time_unix_nano UInt64, attributes {KEY_VALUES},"
    " dropped_attributes_count UInt32, dropped_events_count UInt32, dropped_links_count UInt32,"
    f" events Array(Tuple(time_unix_nano UInt64, name String, attributes {KEY_VALUES})),"
    f" links Array(Tuple(trace_id String, span_id String, attributes {KEY_VALUES})),"
    " status Tuple(message String, code Int32), flags UInt32))))))"
)

_SCHEMA = f"""{COMMON_SCHEMA}
message Event {{ fixed64 time_unix_nano = 1; string name = 2; repeated KeyValue attributes = 3; }}
message Link {{ bytes trace_id = 1; bytes span_id = 2; repeated KeyValue attributes = 4; }}
message Status {{ string message = 2; int32 code = 3; }}
message Span {{ bytes trace_id = 1; bytes span_id = 2; string trace_state = 3; bytes parent_span_id = 4;
  string name = 5; int32 kind = 6; fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8;
  repeated KeyValue attributes = 9; uint32 dropped_attributes_count = 10; repeated Event events = 11;
  uint32 dropped_events_count = 12; repeated Link links = 13; uint32 dropped_links_count = 14;
  Status status = 15; fixed32 flags = 16; }}
message ScopeSpans {{ Scope scope = 1; repeated Span spans = 2; }}
message ResourceSpans {{ Resource resource = 1; repeated ScopeSpans scope_spans = 2; }}
message Traces {{ repeated ResourceSpans resource_spans = 1; }}
"""
"""What the engine reads of OTLP's trace requests: field numbers of trace.proto, without what is not kept."""

TRACES = Incoming("incoming_traces", _COLUMNS, _SCHEMA, "Traces")


def _flatten_traces(database: str) -> str:
    kinds = "['internal', 'internal', 'server', 'client', 'producer', 'consumer']"
    return f"""SELECT
  lower(hex(span.trace_id)) AS trace_id, lower(hex(span.span_id)) AS span_id,
  lower(hex(span.parent_span_id)) AS parent_span_id, span.trace_state AS trace_state, span.flags AS flags,
  {of_resource()},
  span.name AS name, {kinds}[if(span.kind BETWEEN 0 AND 5, span.kind, 0) + 1] AS kind,
  {nanoseconds("span.start_time_unix_nano")} AS started_at,
  toInt64(least(if(span.end_time_unix_nano > span.start_time_unix_nano,
    span.end_time_unix_nano - span.start_time_unix_nano, 0), 9223372036854775807)) AS duration_ns,
  ['unset', 'ok', 'error'][if(span.status.code BETWEEN 0 AND 2, span.status.code, 0) + 1] AS status,
  span.status.message AS status_message,
  {attributes("span.attributes")} AS attributes, resource,
  scope.name AS scope_name, scope.version AS scope_version, scope_attributes,
  arrayMap(e -> {nanoseconds("e.time_unix_nano")}, span.events) AS event_times,
  arrayMap(e -> e.name, span.events) AS event_names,
  arrayMap(e -> {attributes("e.attributes", "y")}, span.events) AS event_attributes,
  arrayMap(l -> lower(hex(l.trace_id)), span.links) AS link_traces,
  arrayMap(l -> lower(hex(l.span_id)), span.links) AS link_spans,
  arrayMap(l -> {attributes("l.attributes", "y")}, span.links) AS link_attributes,
  toInt64(span.dropped_attributes_count) + span.dropped_events_count + span.dropped_links_count AS dropped,
  now64(6, 'UTC') AS received_at, image
FROM (
  SELECT resource, image, scope, scope_attributes, arrayJoin(spans) AS span FROM (
    SELECT resource, image, part.scope AS scope, {attributes("part.scope.attributes")} AS scope_attributes,
      part.spans AS spans
    FROM (
      SELECT resource, {of_image()} AS image, arrayJoin(scope_spans) AS part
      FROM (
        SELECT {attributes("one.resource.attributes")} AS resource, one.scope_spans AS scope_spans
        FROM (SELECT arrayJoin(resource_spans) AS one FROM {database}.{TRACES.table})
      )
    )
  )
)"""  # noqa: S608 - names are ktlo's own


def _summaries(database: str) -> str:
    return f"""SELECT s.trace_id AS trace_id, min(s.started_at) AS started_at,
  max(addNanoseconds(s.started_at, s.duration_ns)) AS ended_at, toInt64(count()) AS spans,
  toInt64(countIf(s.status = 'error')) AS errors,
  max(if(s.parent_span_id = '', toString(s.service), '')) AS root_service,
  max(if(s.parent_span_id = '', toString(s.name), '')) AS root_name,
  groupUniqArray(toString(s.service)) AS services, max(s.received_at) AS received_at
FROM {database}.spans AS s GROUP BY trace_id"""  # noqa: S608


def _minutes(database: str) -> str:
    return f"""SELECT minute, service, environment, version, kind, name, toInt64(sum(counted)) AS calls,
  toInt64(countIf(is_error AND number = 0)) AS errors, sum(took * counted) AS total_ns, max(took) AS longest_ns,
  argMaxState(trace_id, took) AS longest_trace, quantilesTDigestState(0.5, 0.95, 0.99)(took) AS durations
FROM (
  SELECT toStartOfMinute(toDateTime64(started_at, 6, 'UTC')) AS minute, service, environment, version, kind, name,
    status = 'error' AS is_error, trace_id, {CALLS}, {each_call("calls_of")}
  FROM {database}.spans AS s
) GROUP BY minute, service, environment, version, kind, name"""  # noqa: S608


SIGNAL = Signal(
    _PHYSICAL,
    (TRACES,),
    (
        Flow("incoming_traces_to_spans", "spans", _flatten_traces),
        Flow("spans_to_trace_summaries", "trace_summaries_states", _summaries),
        Flow("spans_to_operation_minutes", "operation_minutes_states", _minutes),
    ),
)
"""Tables, way in and flows of traces."""
