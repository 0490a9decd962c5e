"""Logs in the store: log records, and how many a service wrote by minute and severity.

As with traces the engine itself reads OTLP's protobuf. Format: opentelemetry-proto 1.x, logs.proto. A severity that is
told as text only is read from the words that loggers use.
"""

from __future__ import annotations

from ktlo.store.streams.otlp import (
    COMMON_SCHEMA,
    KEY_VALUES,
    MAP,
    NANO,
    VALUE,
    attributes,
    nanoseconds,
    of_resource,
    value,
)
from ktlo.store.streams.physical import Flow, Incoming, Physical, Signal

SEVERITIES = ("trace", "debug", "info", "warn", "error", "fatal")
"""Names of the ranges of SeverityNumber: 1 to 4, 5 to 8, and so on."""

_WORDS = {
    "trace": ("trace", "verbose", "finest"),
    "debug": ("debug", "fine", "finer"),
    "info": ("info", "information", "informational", "notice"),
    "warn": ("warn", "warning"),
    "error": ("error", "err", "severe"),
    "fatal": ("fatal", "critical", "crit", "alert", "emerg", "emergency", "panic"),
}
"""What loggers call them (syslog, log4j, Python, JUL)."""

_PHYSICAL = {
    "log_records": Physical(
        "log_records",
        {
            "logged_at": f"{NANO} CODEC(Delta(8), ZSTD(1))",
            "observed_at": f"{NANO} CODEC(Delta(8), ZSTD(1))",
            "service": "LowCardinality(String)",
            "version": "LowCardinality(String)",
            "environment": "LowCardinality(String)",
            "instance": "LowCardinality(String)",
            "severity": "LowCardinality(String)",
            "severity_number": "Int64 CODEC(T64, ZSTD(1))",
            "severity_text": "LowCardinality(String)",
            "body": "String CODEC(ZSTD(1))",
            "event_name": "LowCardinality(String)",
            "trace_id": "String CODEC(ZSTD(1))",
            "span_id": "String CODEC(ZSTD(1))",
            "flags": "Int64 CODEC(T64, ZSTD(1))",
            "attributes": f"{MAP} CODEC(ZSTD(1))",
            "resource": f"{MAP} CODEC(ZSTD(1))",
            "scope_name": "LowCardinality(String)",
            "scope_version": "LowCardinality(String)",
            "scope_attributes": f"{MAP} CODEC(ZSTD(1))",
            "dropped": "Int64 CODEC(T64, ZSTD(1))",
            "received_at": "DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1))",
        },
        "MergeTree",
        "toStartOfFiveMinutes(logged_at), service, logged_at",
        "received_at",
        "received_at",
        (
            "by_trace trace_id TYPE bloom_filter(0.01) GRANULARITY 1",
            "by_time logged_at TYPE minmax GRANULARITY 1",
            "by_severity severity TYPE set(8) GRANULARITY 1",
            "by_word lower(body) TYPE tokenbf_v1(32768, 3, 0) GRANULARITY 1",
            "by_attribute_key mapKeys(attributes) TYPE bloom_filter(0.01) GRANULARITY 1",
            "by_attribute_value mapValues(attributes) TYPE bloom_filter(0.01) GRANULARITY 1",
            "by_resource_value mapValues(resource) TYPE bloom_filter(0.01) GRANULARITY 1",
        ),
        kept="keep_logs_days",
    ),
    "log_minutes": Physical(
        "log_minutes_states",
        {
            "minute": "DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1))",
            "service": "LowCardinality(String)",
            "environment": "LowCardinality(String)",
            "version": "LowCardinality(String)",
            "severity": "LowCardinality(String)",
            "records": "SimpleAggregateFunction(sum, Int64)",
        },
        "AggregatingMergeTree",
        "service, minute, environment, version, severity",
        "",
        "minute",
        view="s.minute AS minute, s.service AS service, s.environment AS environment, s.version AS version,"
        " s.severity AS severity, sum(s.records) AS records",
        kept="keep_rollups_days",
    ),
}

_COLUMNS = (
    f"`resource_logs` Array(Tuple(resource Tuple(attributes {KEY_VALUES}, dropped_attributes_count UInt32),"
    f" scope_logs Array(Tuple(scope Tuple(name String, version String, attributes {KEY_VALUES}),"
    " log_records Array(Tuple(time_unix_nano UInt64, observed_time_unix_nano UInt64, severity_number Int32,"
    f" severity_text String, body {VALUE}, attributes {KEY_VALUES}, dropped_attributes_count UInt32, flags UInt32,"
    " trace_id String, span_id String, event_name String))))))"
)

_SCHEMA = f"""{COMMON_SCHEMA}
message LogRecord {{ fixed64 time_unix_nano = 1; int32 severity_number = 2; string severity_text = 3;
  AnyValue body = 5; repeated KeyValue attributes = 6; uint32 dropped_attributes_count = 7; fixed32 flags = 8;
  bytes trace_id = 9; bytes span_id = 10; fixed64 observed_time_unix_nano = 11; string event_name = 12; }}
message ScopeLogs {{ Scope scope = 1; repeated LogRecord log_records = 2; }}
message ResourceLogs {{ Resource resource = 1; repeated ScopeLogs scope_logs = 2; }}
message Logs {{ repeated ResourceLogs resource_logs = 1; }}
"""
"""What the engine reads of OTLP's log requests: field numbers of logs.proto, without what is not kept."""

LOGS = Incoming("incoming_logs", _COLUMNS, _SCHEMA, "Logs")


def _severity() -> str:
    """SQL of the severity's name: by number (four to a name), else by the text."""
    names = ", ".join(f"'{name}'" for name in SEVERITIES)
    said = ", ".join(f"'{word}'" for name in SEVERITIES for word in _WORDS[name])
    meant = ", ".join(f"'{name}'" for name in SEVERITIES for _ in _WORDS[name])
    return (
        f"if(log.severity_number BETWEEN 1 AND 24, [{names}][intDiv(log.severity_number - 1, 4) + 1],"
        f" transform(lower(log.severity_text), [{said}], [{meant}], ''))"
    )


def _flatten(database: str) -> str:
    return f"""SELECT
  multiIf(log.time_unix_nano > 0, {nanoseconds("log.time_unix_nano")},
    log.observed_time_unix_nano > 0, {nanoseconds("log.observed_time_unix_nano")}, now64(9, 'UTC')) AS logged_at,
  {nanoseconds("log.observed_time_unix_nano")} AS observed_at,
  {of_resource()},
  {_severity()} AS severity, log.severity_number AS severity_number, log.severity_text AS severity_text,
  {value("log.body")} AS body, log.event_name AS event_name,
  lower(hex(log.trace_id)) AS trace_id, lower(hex(log.span_id)) AS span_id, log.flags AS flags,
  {attributes("log.attributes")} AS attributes, resource,
  scope.name AS scope_name, scope.version AS scope_version, scope_attributes,
  log.dropped_attributes_count AS dropped, now64(6, 'UTC') AS received_at
FROM (
  SELECT resource, scope, scope_attributes, arrayJoin(logs) AS log FROM (
    SELECT resource, part.scope AS scope, {attributes("part.scope.attributes")} AS scope_attributes,
      part.log_records AS logs
    FROM (
      SELECT {attributes("one.resource.attributes")} AS resource, arrayJoin(one.scope_logs) AS part
      FROM (SELECT arrayJoin(resource_logs) AS one FROM {database}.{LOGS.table})
    )
  )
)"""  # noqa: S608 - names are ktlo's own


def _minutes(database: str) -> str:
    return f"""SELECT toStartOfMinute(toDateTime64(logged_at, 6, 'UTC')) AS minute, service, environment, version,
  severity, toInt64(count()) AS records
FROM {database}.log_records GROUP BY minute, service, environment, version, severity"""  # noqa: S608


SIGNAL = Signal(
    _PHYSICAL,
    (LOGS,),
    (
        Flow("incoming_logs_to_log_records", "log_records", _flatten),
        Flow("log_records_to_log_minutes", "log_minutes_states", _minutes),
    ),
)
"""Tables, way in and flows of logs."""
