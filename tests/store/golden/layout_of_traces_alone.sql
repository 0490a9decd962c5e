CREATE DATABASE IF NOT EXISTS ktlo
;
CREATE TABLE IF NOT EXISTS ktlo.`layout` (
  `version` UInt32,
  `fingerprint` String,
  `ktlo` String,
  `migrated_at` DateTime64(6, 'UTC')
)
ENGINE = MergeTree
ORDER BY (`migrated_at`)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
;
CREATE TABLE IF NOT EXISTS ktlo.`spans` (
  `trace_id` String CODEC(ZSTD(1)),
  `span_id` String CODEC(ZSTD(1)),
  `parent_span_id` String CODEC(ZSTD(1)),
  `trace_state` String CODEC(ZSTD(1)),
  `flags` Int64 CODEC(ZSTD(1)),
  `service` LowCardinality(String),
  `version` LowCardinality(String),
  `environment` LowCardinality(String),
  `instance` LowCardinality(String),
  `name` LowCardinality(String),
  `kind` LowCardinality(String),
  `started_at` DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
  `duration_ns` Int64 CODEC(T64, ZSTD(1)),
  `status` LowCardinality(String),
  `status_message` String CODEC(ZSTD(1)),
  `attributes` Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  `resource` Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  `scope_name` LowCardinality(String),
  `scope_version` LowCardinality(String),
  `scope_attributes` Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  `event_times` Array(DateTime64(9, 'UTC')) CODEC(ZSTD(1)),
  `event_names` Array(String) CODEC(ZSTD(1)),
  `event_attributes` Array(Map(LowCardinality(String), String)) CODEC(ZSTD(1)),
  `link_traces` Array(String) CODEC(ZSTD(1)),
  `link_spans` Array(String) CODEC(ZSTD(1)),
  `link_attributes` Array(Map(LowCardinality(String), String)) CODEC(ZSTD(1)),
  `dropped` Int64 CODEC(ZSTD(1)),
  `received_at` DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
  INDEX by_trace trace_id TYPE bloom_filter(0.01) GRANULARITY 1,
  INDEX by_time started_at TYPE minmax GRANULARITY 1,
  INDEX by_attribute_key mapKeys(attributes) TYPE bloom_filter(0.01) GRANULARITY 1,
  INDEX by_attribute_value mapValues(attributes) TYPE bloom_filter(0.01) GRANULARITY 1,
  INDEX by_resource_value mapValues(resource) TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = MergeTree()
PARTITION BY toDate(received_at)
ORDER BY (toStartOfFiveMinutes(started_at), service, name, started_at)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000
;
CREATE TABLE IF NOT EXISTS ktlo.`trace_summaries_states` (
  `trace_id` String CODEC(ZSTD(1)),
  `started_at` SimpleAggregateFunction(min, DateTime64(9, 'UTC')),
  `ended_at` SimpleAggregateFunction(max, DateTime64(9, 'UTC')),
  `spans` SimpleAggregateFunction(sum, Int64),
  `errors` SimpleAggregateFunction(sum, Int64),
  `root_service` SimpleAggregateFunction(max, String),
  `root_name` SimpleAggregateFunction(max, String),
  `services` SimpleAggregateFunction(groupUniqArrayArray, Array(String)),
  `received_at` SimpleAggregateFunction(max, DateTime64(6, 'UTC'))
)
ENGINE = AggregatingMergeTree()
ORDER BY (trace_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000
;
CREATE OR REPLACE VIEW ktlo.`trace_summaries` AS
SELECT s.trace_id AS trace_id, min(s.started_at) AS started_at, max(s.ended_at) AS ended_at, sum(s.spans) AS spans, sum(s.errors) AS errors, max(s.root_service) AS root_service, max(s.root_name) AS root_name, groupUniqArrayArray(s.services) AS services FROM ktlo.`trace_summaries_states` AS s GROUP BY trace_id
;
CREATE TABLE IF NOT EXISTS ktlo.`operation_minutes_states` (
  `minute` DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
  `service` LowCardinality(String),
  `environment` LowCardinality(String),
  `version` LowCardinality(String),
  `kind` LowCardinality(String),
  `name` LowCardinality(String),
  `calls` SimpleAggregateFunction(sum, Int64),
  `errors` SimpleAggregateFunction(sum, Int64),
  `total_ns` SimpleAggregateFunction(sum, Int64),
  `longest_ns` SimpleAggregateFunction(max, Int64),
  `longest_trace` AggregateFunction(argMax, String, Int64),
  `durations` AggregateFunction(quantilesTDigest(0.5, 0.95, 0.99), Int64)
)
ENGINE = AggregatingMergeTree()
ORDER BY (service, minute, environment, version, kind, name)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000
;
CREATE OR REPLACE VIEW ktlo.`operation_minutes` AS
SELECT s.minute AS minute, s.service AS service, s.environment AS environment, s.version AS version, s.kind AS kind, s.name AS name, sum(s.calls) AS calls, sum(s.errors) AS errors, sum(s.total_ns) AS total_ns, max(s.longest_ns) AS longest_ns, argMaxMerge(s.longest_trace) AS longest_trace FROM ktlo.`operation_minutes_states` AS s GROUP BY service, minute, environment, version, kind, name
;
CREATE TABLE IF NOT EXISTS ktlo.`incoming_traces` (
  `resource_spans` Array(Tuple(resource Tuple(attributes Array(Tuple(key String, value Tuple(string_value Nullable(String), bool_value Nullable(Bool), int_value Nullable(Int64), double_value Nullable(Float64), bytes_value Nullable(String)))), dropped_attributes_count UInt32), scope_spans Array(Tuple(scope Tuple(name String, version String, attributes Array(Tuple(key String, value Tuple(string_value Nullable(String), bool_value Nullable(Bool), int_value Nullable(Int64), double_value Nullable(Float64), bytes_value Nullable(String))))), spans Array(Tuple(trace_id String, span_id String, trace_state String, parent_span_id String, name String, kind Int32, start_time_unix_nano UInt64, end_time_unix_nano UInt64, attributes Array(Tuple(key String, value Tuple(string_value Nullable(String), bool_value Nullable(Bool), int_value Nullable(Int64), double_value Nullable(Float64), bytes_value Nullable(String)))), dropped_attributes_count UInt32, dropped_events_count UInt32, dropped_links_count UInt32, events Array(Tuple(time_unix_nano UInt64, name String, attributes Array(Tuple(key String, value Tuple(string_value Nullable(String), bool_value Nullable(Bool), int_value Nullable(Int64), double_value Nullable(Float64), bytes_value Nullable(String)))))), links Array(Tuple(trace_id String, span_id String, attributes Array(Tuple(key String, value Tuple(string_value Nullable(String), bool_value Nullable(Bool), int_value Nullable(Int64), double_value Nullable(Float64), bytes_value Nullable(String)))))), status Tuple(message String, code Int32), flags UInt32))))))
)
ENGINE = Null
;
CREATE MATERIALIZED VIEW IF NOT EXISTS ktlo.`incoming_traces_to_spans` TO ktlo.`spans` AS
SELECT
  lower(hex(span.trace_id)) AS trace_id, lower(hex(span.span_id)) AS span_id,
  lower(hex(span.parent_span_id)) AS parent_span_id, span.trace_state AS trace_state, span.flags AS flags,
  resource['service.name'] AS service, resource['service.version'] AS version,
  if(resource['deployment.environment.name'] != '', resource['deployment.environment.name'],
    resource['deployment.environment']) AS environment,
  if(resource['service.instance.id'] != '', resource['service.instance.id'], resource['host.name']) AS instance,
  span.name AS name, ['internal', 'internal', 'server', 'client', 'producer', 'consumer'][if(span.kind BETWEEN 0 AND 5, span.kind, 0) + 1] AS kind,
  fromUnixTimestamp64Nano(toInt64(least(span.start_time_unix_nano, 9223372036854775807)), 'UTC') AS started_at,
  toInt64(least(if(span.end_time_unix_nano > span.start_time_unix_nano,
    span.end_time_unix_nano - span.start_time_unix_nano, 0), 9223372036854775807)) AS duration_ns,
  ['unset', 'ok', 'error'][if(span.status.code BETWEEN 0 AND 2, span.status.code, 0) + 1] AS status,
  span.status.message AS status_message,
  CAST(mapFromArrays(arrayMap(x -> x.key, span.attributes), arrayMap(x -> multiIf(x.value.string_value IS NOT NULL, assumeNotNull(x.value.string_value), x.value.int_value IS NOT NULL, toString(assumeNotNull(x.value.int_value)), x.value.double_value IS NOT NULL, toString(assumeNotNull(x.value.double_value)), x.value.bool_value IS NOT NULL, if(assumeNotNull(x.value.bool_value), 'true', 'false'), base64Encode(ifNull(x.value.bytes_value, ''))), span.attributes)), 'Map(LowCardinality(String), String)') AS attributes, resource,
  scope.name AS scope_name, scope.version AS scope_version, scope_attributes,
  arrayMap(e -> fromUnixTimestamp64Nano(toInt64(least(e.time_unix_nano, 9223372036854775807)), 'UTC'), span.events) AS event_times,
  arrayMap(e -> e.name, span.events) AS event_names,
  arrayMap(e -> CAST(mapFromArrays(arrayMap(y -> y.key, e.attributes), arrayMap(y -> multiIf(y.value.string_value IS NOT NULL, assumeNotNull(y.value.string_value), y.value.int_value IS NOT NULL, toString(assumeNotNull(y.value.int_value)), y.value.double_value IS NOT NULL, toString(assumeNotNull(y.value.double_value)), y.value.bool_value IS NOT NULL, if(assumeNotNull(y.value.bool_value), 'true', 'false'), base64Encode(ifNull(y.value.bytes_value, ''))), e.attributes)), 'Map(LowCardinality(String), String)'), span.events) AS event_attributes,
  arrayMap(l -> lower(hex(l.trace_id)), span.links) AS link_traces,
  arrayMap(l -> lower(hex(l.span_id)), span.links) AS link_spans,
  arrayMap(l -> CAST(mapFromArrays(arrayMap(y -> y.key, l.attributes), arrayMap(y -> multiIf(y.value.string_value IS NOT NULL, assumeNotNull(y.value.string_value), y.value.int_value IS NOT NULL, toString(assumeNotNull(y.value.int_value)), y.value.double_value IS NOT NULL, toString(assumeNotNull(y.value.double_value)), y.value.bool_value IS NOT NULL, if(assumeNotNull(y.value.bool_value), 'true', 'false'), base64Encode(ifNull(y.value.bytes_value, ''))), l.attributes)), 'Map(LowCardinality(String), String)'), span.links) AS link_attributes,
  toInt64(span.dropped_attributes_count) + span.dropped_events_count + span.dropped_links_count AS dropped,
  now64(6, 'UTC') AS received_at
FROM (
  SELECT resource, scope, scope_attributes, arrayJoin(spans) AS span FROM (
    SELECT resource, part.scope AS scope, CAST(mapFromArrays(arrayMap(x -> x.key, part.scope.attributes), arrayMap(x -> multiIf(x.value.string_value IS NOT NULL, assumeNotNull(x.value.string_value), x.value.int_value IS NOT NULL, toString(assumeNotNull(x.value.int_value)), x.value.double_value IS NOT NULL, toString(assumeNotNull(x.value.double_value)), x.value.bool_value IS NOT NULL, if(assumeNotNull(x.value.bool_value), 'true', 'false'), base64Encode(ifNull(x.value.bytes_value, ''))), part.scope.attributes)), 'Map(LowCardinality(String), String)') AS scope_attributes,
      part.spans AS spans
    FROM (
      SELECT CAST(mapFromArrays(arrayMap(x -> x.key, one.resource.attributes), arrayMap(x -> multiIf(x.value.string_value IS NOT NULL, assumeNotNull(x.value.string_value), x.value.int_value IS NOT NULL, toString(assumeNotNull(x.value.int_value)), x.value.double_value IS NOT NULL, toString(assumeNotNull(x.value.double_value)), x.value.bool_value IS NOT NULL, if(assumeNotNull(x.value.bool_value), 'true', 'false'), base64Encode(ifNull(x.value.bytes_value, ''))), one.resource.attributes)), 'Map(LowCardinality(String), String)') AS resource, arrayJoin(one.scope_spans) AS part
      FROM (SELECT arrayJoin(resource_spans) AS one FROM ktlo.incoming_traces)
    )
  )
)
;
CREATE MATERIALIZED VIEW IF NOT EXISTS ktlo.`spans_to_trace_summaries` TO ktlo.`trace_summaries_states` AS
SELECT s.trace_id AS trace_id, min(s.started_at) AS started_at,
  max(addNanoseconds(s.started_at, s.duration_ns)) AS ended_at, toInt64(count()) AS spans,
  toInt64(countIf(s.status = 'error')) AS errors,
  max(if(s.parent_span_id = '', toString(s.service), '')) AS root_service,
  max(if(s.parent_span_id = '', toString(s.name), '')) AS root_name,
  groupUniqArray(toString(s.service)) AS services, max(s.received_at) AS received_at
FROM ktlo.spans AS s GROUP BY trace_id
;
CREATE MATERIALIZED VIEW IF NOT EXISTS ktlo.`spans_to_operation_minutes` TO ktlo.`operation_minutes_states` AS
SELECT toStartOfMinute(toDateTime64(started_at, 6, 'UTC')) AS minute, service, environment, version,
  kind, name, toInt64(count()) AS calls, toInt64(countIf(status = 'error')) AS errors,
  sum(duration_ns) AS total_ns, max(duration_ns) AS longest_ns,
  argMaxState(trace_id, duration_ns) AS longest_trace,
  quantilesTDigestState(0.5, 0.95, 0.99)(duration_ns) AS durations
FROM ktlo.spans GROUP BY minute, service, environment, version, kind, name
