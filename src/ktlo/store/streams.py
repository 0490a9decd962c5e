"""How telemetry lies in the store: tables by day, roll-ups that follow from them, and the way in from OTLP.

The engine itself reads OTLP's protobuf: a file of length-delimited requests is inserted into a table that keeps
nothing (``Null``), whose materialized views flatten it into ``spans``; from those follow the roll-ups. No Python
object is made per span. Partitions are by the day of arrival, not of the service's clock, so that a clock that is
wrong by years makes no partitions of its own. Format: opentelemetry-proto 1.x, trace.proto and common.proto.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ktlo.store.ddl import Place

_MAP = "Map(LowCardinality(String), String)"
_NANO = "DateTime64(9, 'UTC')"

_DURABLE = "fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000"


@dataclass(frozen=True, slots=True)
class Physical:
    """The table behind a streamed noun.

    Attributes:
        name: of the table.
        columns: types and codecs by column.
        family: engine, without Replicated.
        order: sorting key.
        by_day: column by whose day it is partitioned; empty for none.
        aged_by: column by which rows grow old.
        indexes: skipping indexes.
        view: SELECT of the noun's columns where the table's are states; empty when they are the same.
    """

    name: str
    columns: Mapping[str, str]
    family: str
    order: str
    by_day: str
    aged_by: str
    indexes: tuple[str, ...] = ()
    view: str = ""


PHYSICAL: dict[str, Physical] = {
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
            "started_at": f"{_NANO} CODEC(Delta(8), ZSTD(1))",
            "duration_ns": "Int64 CODEC(T64, ZSTD(1))",
            "status": "LowCardinality(String)",
            "status_message": "String CODEC(ZSTD(1))",
            "attributes": f"{_MAP} CODEC(ZSTD(1))",
            "resource": f"{_MAP} CODEC(ZSTD(1))",
            "scope_name": "LowCardinality(String)",
            "scope_version": "LowCardinality(String)",
            "scope_attributes": f"{_MAP} CODEC(ZSTD(1))",
            "event_times": f"Array({_NANO}) CODEC(ZSTD(1))",
            "event_names": "Array(String) CODEC(ZSTD(1))",
            "event_attributes": f"Array({_MAP}) CODEC(ZSTD(1))",
            "link_traces": "Array(String) CODEC(ZSTD(1))",
            "link_spans": "Array(String) CODEC(ZSTD(1))",
            "link_attributes": f"Array({_MAP}) CODEC(ZSTD(1))",
            "dropped": "Int64 CODEC(ZSTD(1))",
            "received_at": "DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1))",
        },
        "MergeTree",
        "toStartOfFiveMinutes(started_at), service, name, started_at",
        "received_at",
        "received_at",
        (
            "by_trace trace_id TYPE bloom_filter(0.01) GRANULARITY 1",
            "by_time started_at TYPE minmax GRANULARITY 1",
            "by_attribute_key mapKeys(attributes) TYPE bloom_filter(0.01) GRANULARITY 1",
            "by_attribute_value mapValues(attributes) TYPE bloom_filter(0.01) GRANULARITY 1",
            "by_resource_value mapValues(resource) TYPE bloom_filter(0.01) GRANULARITY 1",
        ),
    ),
    "trace_summaries": Physical(
        "trace_summaries_states",
        {
            "trace_id": "String CODEC(ZSTD(1))",
            "started_at": f"SimpleAggregateFunction(min, {_NANO})",
            "ended_at": f"SimpleAggregateFunction(max, {_NANO})",
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
    ),
}
"""By name of the noun."""


def _value(of: str) -> str:
    """SQL of an AnyValue as text. Arrays and maps arrive as JSON text: ``receivers/otlp`` has seen to it."""
    return (
        f"multiIf({of}.string_value IS NOT NULL, assumeNotNull({of}.string_value),"
        f" {of}.int_value IS NOT NULL, toString(assumeNotNull({of}.int_value)),"
        f" {of}.double_value IS NOT NULL, toString(assumeNotNull({of}.double_value)),"
        f" {of}.bool_value IS NOT NULL, if(assumeNotNull({of}.bool_value), 'true', 'false'),"
        f" base64Encode(ifNull({of}.bytes_value, '')))"
    )


def _attributes(of: str, variable: str = "x") -> str:
    """SQL of a list of KeyValue as a map; of two values with one key the map shows the first."""
    return (
        f"CAST(mapFromArrays(arrayMap({variable} -> {variable}.key, {of}),"
        f" arrayMap({variable} -> {_value(f'{variable}.value')}, {of})), '{_MAP}')"
    )


def _nanoseconds(of: str) -> str:
    return f"fromUnixTimestamp64Nano(toInt64(least({of}, 9223372036854775807)), 'UTC')"


_KEY_VALUES = (
    "Array(Tuple(key String, value Tuple(string_value Nullable(String), bool_value Nullable(Bool),"
    " int_value Nullable(Int64), double_value Nullable(Float64), bytes_value Nullable(String))))"
)

INCOMING_TRACES = "incoming_traces"
"""Table that OTLP trace requests are inserted into; it keeps nothing."""

_INCOMING_TRACES = (
    f"`resource_spans` Array(Tuple(resource Tuple(attributes {_KEY_VALUES}, dropped_attributes_count UInt32),"
    f" scope_spans Array(Tuple(scope Tuple(name String, version String, attributes {_KEY_VALUES}),"
    " spans Array(Tuple(trace_id String, span_id String, trace_state String, parent_span_id String, name String,"
    f" kind Int32, start_time_unix_nano UInt64, end_time_unix_nano UInt64, attributes {_KEY_VALUES},"
    " dropped_attributes_count UInt32, dropped_events_count UInt32, dropped_links_count UInt32,"
    f" events Array(Tuple(time_unix_nano UInt64, name String, attributes {_KEY_VALUES})),"
    f" links Array(Tuple(trace_id String, span_id String, attributes {_KEY_VALUES})),"
    " status Tuple(message String, code Int32), flags UInt32))))))"
)

TRACES_SCHEMA = """syntax = "proto3";
message AnyValue { oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3;
  double double_value = 4; bytes bytes_value = 7; } }
message KeyValue { string key = 1; AnyValue value = 2; }
message Scope { string name = 1; string version = 2; repeated KeyValue attributes = 3; }
message Event { fixed64 time_unix_nano = 1; string name = 2; repeated KeyValue attributes = 3; }
message Link { bytes trace_id = 1; bytes span_id = 2; repeated KeyValue attributes = 4; }
message Status { string message = 2; int32 code = 3; }
message Span { bytes trace_id = 1; bytes span_id = 2; string trace_state = 3; bytes parent_span_id = 4;
  string name = 5; int32 kind = 6; fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8;
  repeated KeyValue attributes = 9; uint32 dropped_attributes_count = 10; repeated Event events = 11;
  uint32 dropped_events_count = 12; repeated Link links = 13; uint32 dropped_links_count = 14;
  Status status = 15; fixed32 flags = 16; }
message ScopeSpans { Scope scope = 1; repeated Span spans = 2; }
message Resource { repeated KeyValue attributes = 1; uint32 dropped_attributes_count = 2; }
message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
message Traces { repeated ResourceSpans resource_spans = 1; }
"""
"""What the engine reads of OTLP's trace requests: field numbers of trace.proto, without what is not kept."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A stream that can be loaded from files of length-delimited protobuf messages.

    Attributes:
        table: that is inserted into.
        schema: proto3 text.
        message: the message that each length-delimited part is.
    """

    table: str
    schema: str
    message: str


TRACES = Incoming(INCOMING_TRACES, TRACES_SCHEMA, "Traces")


@functools.cache
def _flatten_traces(database: str) -> str:
    kinds = "['internal', 'internal', 'server', 'client', 'producer', 'consumer']"
    return f"""SELECT
  lower(hex(span.trace_id)) AS trace_id, lower(hex(span.span_id)) AS span_id,
  lower(hex(span.parent_span_id)) AS parent_span_id, span.trace_state AS trace_state, span.flags AS flags,
  resource['service.name'] AS service, resource['service.version'] AS version,
  if(resource['deployment.environment.name'] != '', resource['deployment.environment.name'],
    resource['deployment.environment']) AS environment,
  if(resource['service.instance.id'] != '', resource['service.instance.id'], resource['host.name']) AS instance,
  span.name AS name, {kinds}[if(span.kind BETWEEN 0 AND 5, span.kind, 0) + 1] AS kind,
  {_nanoseconds("span.start_time_unix_nano")} AS started_at,
  toInt64(least(if(span.end_time_unix_nano > span.start_time_unix_nano,
    span.end_time_unix_nano - span.start_time_unix_nano, 0), 9223372036854775807)) AS duration_ns,
  ['unset', 'ok', 'error'][if(span.status.code BETWEEN 0 AND 2, span.status.code, 0) + 1] AS status,
  span.status.message AS status_message,
  {_attributes("span.attributes")} AS attributes, resource,
  scope.name AS scope_name, scope.version AS scope_version, scope_attributes,
  arrayMap(e -> {_nanoseconds("e.time_unix_nano")}, span.events) AS event_times,
  arrayMap(e -> e.name, span.events) AS event_names,
  arrayMap(e -> {_attributes("e.attributes", "y")}, span.events) AS event_attributes,
  arrayMap(l -> lower(hex(l.trace_id)), span.links) AS link_traces,
  arrayMap(l -> lower(hex(l.span_id)), span.links) AS link_spans,
  arrayMap(l -> {_attributes("l.attributes", "y")}, span.links) AS link_attributes,
  toInt64(span.dropped_attributes_count) + span.dropped_events_count + span.dropped_links_count AS dropped,
  now64(6, 'UTC') AS received_at
FROM (
  SELECT resource, scope, scope_attributes, arrayJoin(spans) AS span FROM (
    SELECT resource, part.scope AS scope, {_attributes("part.scope.attributes")} AS scope_attributes,
      part.spans AS spans
    FROM (
      SELECT {_attributes("one.resource.attributes")} AS resource, arrayJoin(one.scope_spans) AS part
      FROM (SELECT arrayJoin(resource_spans) AS one FROM {database}.{INCOMING_TRACES})
    )
  )
)"""  # noqa: S608 - names are ktlo's own


def _views(database: str) -> dict[str, tuple[str, str]]:
    """Materialized views: by name the table they fill and their SELECT."""
    return {
        "incoming_traces_to_spans": ("spans", _flatten_traces(database)),
        "spans_to_trace_summaries": (
            "trace_summaries_states",
            f"""SELECT s.trace_id AS trace_id, min(s.started_at) AS started_at,
  max(addNanoseconds(s.started_at, s.duration_ns)) AS ended_at, toInt64(count()) AS spans,
  toInt64(countIf(s.status = 'error')) AS errors,
  max(if(s.parent_span_id = '', toString(s.service), '')) AS root_service,
  max(if(s.parent_span_id = '', toString(s.name), '')) AS root_name,
  groupUniqArray(toString(s.service)) AS services, max(s.received_at) AS received_at
FROM {database}.spans AS s GROUP BY trace_id""",  # noqa: S608
        ),
        "spans_to_operation_minutes": (
            "operation_minutes_states",
            f"""SELECT toStartOfMinute(toDateTime64(started_at, 6, 'UTC')) AS minute, service, environment, version,
  kind, name, toInt64(count()) AS calls, toInt64(countIf(status = 'error')) AS errors,
  sum(duration_ns) AS total_ns, max(duration_ns) AS longest_ns,
  argMaxState(trace_id, duration_ns) AS longest_trace,
  quantilesTDigestState(0.5, 0.95, 0.99)(duration_ns) AS durations
FROM {database}.spans GROUP BY minute, service, environment, version, kind, name""",  # noqa: S608
        ),
    }


def create_table(noun: str, place: Place) -> list[str]:
    """Statements that make the table behind a streamed noun, if it is missing."""
    made = PHYSICAL[noun]
    local = f"{made.name}_local" if place.cluster else made.name
    parts = [f"`{name}` {kind}" for name, kind in made.columns.items()]
    parts += [f"INDEX {index}" for index in made.indexes]
    engine = f"{made.family}()"
    if place.cluster:
        engine = f"Replicated{made.family}('/clickhouse/tables/{{uuid}}/{{shard}}/{local}', '{{replica}}')"
    by_day = f"\nPARTITION BY toDate({made.by_day})" if made.by_day else ""
    body = ",\n  ".join(parts)
    statements = [
        (
            f"CREATE TABLE IF NOT EXISTS {place.database}.`{local}`{place.on_cluster} (\n  {body}\n)"
            f"\nENGINE = {engine}{by_day}\nORDER BY ({made.order})\nSETTINGS {_DURABLE}"
        )
    ]
    if place.cluster:
        # By trace, so that the spans of one and their summary are on one shard.
        key = "trace_id" if "trace_id" in made.columns else "service"
        statements.append(
            f"CREATE TABLE IF NOT EXISTS {place.database}.`{made.name}`{place.on_cluster}"
            f" AS {place.database}.`{local}`\nENGINE = Distributed('{place.cluster}',"
            f" '{place.database}', '{local}', cityHash64({key}))"
        )
    return statements


def create_view(noun: str, place: Place) -> list[str]:
    """Statement of the view that people query; none where the table already is what they query."""
    made = PHYSICAL[noun]
    if not made.view:
        return []
    return [
        (
            f"CREATE OR REPLACE VIEW {place.database}.`{noun}`{place.on_cluster} AS\n"
            f"SELECT {made.view} FROM {place.database}.`{made.name}` AS s GROUP BY {made.order}"
        )
    ]


def keep(noun: str, days: int, place: Place) -> tuple[str, str]:
    """How long rows are kept: the clause as the engine prints it, and the statement that sets it."""
    made = PHYSICAL[noun]
    local = f"{made.name}_local" if place.cluster else made.name
    clause = f"TTL toDateTime({made.aged_by}) + toIntervalDay({days})"
    return clause, f"ALTER TABLE {place.database}.`{local}`{place.on_cluster} MODIFY {clause}"


def create_flow(place: Place) -> list[str]:
    """Statements that make what telemetry flows through, if missing: the ways in and the materialized views."""
    statements = [
        (
            f"CREATE TABLE IF NOT EXISTS {place.database}.`{INCOMING_TRACES}`{place.on_cluster} (\n"
            f"  {_INCOMING_TRACES}\n)\nENGINE = Null"
        )
    ]
    statements += [
        f"CREATE MATERIALIZED VIEW IF NOT EXISTS {place.database}.`{name}`{place.on_cluster}"
        f" TO {place.database}.`{target}` AS\n{select}"
        for name, (target, select) in _views(place.database).items()
    ]
    return statements


def load_settings(stream: Incoming, token: str) -> dict[str, str | int]:
    """Settings of an INSERT that loads a file: in one block, and only once by its token."""
    return {
        "max_insert_block_size": 1_000_000_000,
        "min_insert_block_size_rows": 1_000_000_000,
        "min_insert_block_size_bytes": 0,
        "max_insert_threads": 1,
        "insert_deduplication_token": token,
        "deduplicate_blocks_in_dependent_materialized_views": 1,
    }


def schema_settings(stream: Incoming) -> dict[str, str | int]:
    """Settings that give a server the schema with the INSERT."""
    return {
        "format_schema_source": "string",
        "format_schema": stream.schema,
        "format_schema_message_name": stream.message,
    }


def load_statement(stream: Incoming, place: Place, file: str, schema_file: str, token: str) -> str:
    """INSERT of a file of messages, all of it or nothing, for an engine that reads this machine's files.

    Args:
        stream: what the file holds.
        place: the database.
        file: path of the messages.
        schema_file: path of a file with the stream's schema. The engine would keep a copy of a schema that is given
            as text in whatever folder the process was started in.
        token: names the content.
    """
    settings = ", ".join(
        f"{name} = {value if isinstance(value, int) else _literal(value)}"
        for name, value in {
            **load_settings(stream, token),
            "format_schema": f"{schema_file}:{stream.message}",
        }.items()
    )
    return (
        f"INSERT INTO {place.database}.`{stream.table}` FROM INFILE {_literal(file)}"
        f" SETTINGS {settings} FORMAT Protobuf"
    )


def _literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
