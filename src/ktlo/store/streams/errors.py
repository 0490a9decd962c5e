"""Errors: reports that follow from spans and log records, the groups that they make, and their roll-up by minute.

A span's events named ``exception`` are reports, as are log records with an exception; a span with status error and no
such event is one, too. Everything is computed by the engine in the insert that brings the span or the record, and only
for those that have something to report; but which reports are of one occurrence is known only when both are there, and
``telemetry/error_repeats`` says it later.
"""

from __future__ import annotations

from collections.abc import Callable

from ktlo.store.streams import fingerprint
from ktlo.store.streams.otlp import NANO
from ktlo.store.streams.physical import Flow, Physical, Signal

_MICRO = "DateTime64(6, 'UTC')"
MOST_SERVICES = 100
"""Services named of a group, however many report it; how many there are is counted beside."""
_NEWEST = f"AggregateFunction(argMax, String, {NANO})"

_PHYSICAL: dict[str, Physical] = {
    "error_events": Physical(
        "error_events",
        {
            "fingerprint": "String CODEC(ZSTD(1))",
            "occurred_at": f"{NANO} CODEC(Delta(8), ZSTD(1))",
            "service": "LowCardinality(String)",
            "version": "LowCardinality(String)",
            "environment": "LowCardinality(String)",
            "instance": "LowCardinality(String)",
            "operation": "LowCardinality(String)",
            "reported_as": "LowCardinality(String)",
            "type": "LowCardinality(String)",
            "message": "String CODEC(ZSTD(1))",
            "stacktrace": "String CODEC(ZSTD(3))",
            "frames": "Array(String) CODEC(ZSTD(1))",
            "basis": "LowCardinality(String)",
            "trace_id": "String CODEC(ZSTD(1))",
            "span_id": "String CODEC(ZSTD(1))",
            "received_at": f"{_MICRO} CODEC(Delta(8), ZSTD(1))",
        },
        "MergeTree",
        "fingerprint, occurred_at",
        "received_at",
        "received_at",
        ("by_trace trace_id TYPE bloom_filter(0.01) GRANULARITY 1",),
        shard_by="fingerprint",
    ),
    "error_minutes": Physical(
        "error_minutes_states",
        {
            "fingerprint": "String CODEC(ZSTD(1))",
            "minute": f"{_MICRO} CODEC(Delta(8), ZSTD(1))",
            "service": "LowCardinality(String)",
            "environment": "LowCardinality(String)",
            "version": "LowCardinality(String)",
            "operation": "LowCardinality(String)",
            "occurrences": "SimpleAggregateFunction(sum, Int64)",
            "seen_in": "AggregateFunction(uniqCombined(12), String)",
        },
        "AggregatingMergeTree",
        "fingerprint, minute, service, environment, version, operation",
        "",
        "minute",
        view="s.fingerprint AS fingerprint, s.minute AS minute, s.service AS service, s.environment AS environment,"
        " s.version AS version, s.operation AS operation, sum(s.occurrences) AS occurrences,"
        " toInt64(uniqCombinedMerge(12)(s.seen_in)) AS traces",
        shard_by="fingerprint",
        kept="keep_rollups_days",
    ),
    "error_repeats": Physical(
        "error_repeats_rows",
        {
            "fingerprint": "String CODEC(ZSTD(1))",
            "minute": f"{_MICRO} CODEC(Delta(8), ZSTD(1))",
            "service": "LowCardinality(String)",
            "environment": "LowCardinality(String)",
            "version": "LowCardinality(String)",
            "operation": "LowCardinality(String)",
            "repeats": "Int64 CODEC(ZSTD(1))",
            "arrived_until": f"{_MICRO} CODEC(ZSTD(1))",
        },
        "ReplacingMergeTree",
        "fingerprint, minute, service, environment, version, operation",
        "",
        "minute",
        view="s.fingerprint AS fingerprint, s.minute AS minute, s.service AS service, s.environment AS environment,"
        " s.version AS version, s.operation AS operation, s.repeats AS repeats",
        newest="s.repeats > 0",
        shard_by="fingerprint",
        kept="keep_rollups_days",
    ),
    "error_groups": Physical(
        "error_groups_states",
        {
            "fingerprint": "String CODEC(ZSTD(1))",
            "type": _NEWEST,
            "message": _NEWEST,
            "stacktrace": _NEWEST,
            "operation": _NEWEST,
            "frames": "SimpleAggregateFunction(max, Array(String))",
            "basis": "SimpleAggregateFunction(max, String)",
            # Filled by earlier versions, without a bound; read beside ``some_services`` until it is forgotten.
            "services": "SimpleAggregateFunction(groupUniqArrayArray, Array(String))",
            "some_services": f"SimpleAggregateFunction(groupUniqArrayArray({MOST_SERVICES}), Array(String))",
            "reporting": "AggregateFunction(uniqCombined(12), String)",
            "first_seen": f"SimpleAggregateFunction(min, {NANO})",
            "first_version": f"AggregateFunction(argMin, String, {NANO})",
            "last_seen": f"SimpleAggregateFunction(max, {NANO})",
            "last_version": _NEWEST,
            "occurrences": "SimpleAggregateFunction(sum, Int64)",
            "received_at": f"SimpleAggregateFunction(max, {_MICRO})",
        },
        "AggregatingMergeTree",
        "fingerprint",
        "",
        "received_at",
        view="s.fingerprint AS fingerprint, argMaxMerge(s.type) AS type, argMaxMerge(s.message) AS message,"
        " argMaxMerge(s.stacktrace) AS stacktrace, max(s.frames) AS frames, max(s.basis) AS basis,"
        " argMaxMerge(s.operation) AS operation, arraySlice(arrayDistinct(arrayConcat("
        f"groupUniqArrayArray({MOST_SERVICES})(s.some_services), groupUniqArrayArray({MOST_SERVICES})(s.services))),"
        f" 1, {MOST_SERVICES}) AS services, toInt64(greatest(uniqCombinedMerge(12)(s.reporting),"
        " length(groupUniqArrayArray(s.services)))) AS services_reporting,"
        " min(s.first_seen) AS first_seen, argMinMerge(s.first_version) AS first_version,"
        " max(s.last_seen) AS last_seen, argMaxMerge(s.last_version) AS last_version,"
        " sum(s.occurrences) AS occurrences",
        shard_by="fingerprint",
        kept="keep_rollups_days",
    ),
}

_SAID_NOTHING = (
    "multiIf({0}['error.message'] != '', {0}['error.message'], {0}['http.response.status_code'] != '',\
 concat('HTTP ', {0}['http.response.status_code']), {0}['http.status_code'] != '',\
 concat('HTTP ', {0}['http.status_code']), {0}['rpc.grpc.status_code'] != '',\
 concat('gRPC status ', {0}['rpc.grpc.status_code']), '')"
)
"""What a span says of its error where its status message is empty."""


def reports(reported: str) -> str:
    """SELECT of ``error_events`` over a subquery of reports.

    Args:
        reported: gives occurred_at, service, version, environment, instance, operation, reported_as, type, message,
            stacktrace, trace_id and span_id.
    """
    group = fingerprint.fingerprint(
        basis="basis",
        service="service",
        operation="operation",
        kind="type",
        frames="frames",
        message="message",
    )
    return f"""SELECT {group} AS fingerprint, occurred_at, service, version, environment, instance, operation,
  reported_as, type, message, stacktrace, frames, basis, trace_id, span_id, now64(6, 'UTC') AS received_at
FROM (
  SELECT *, {fingerprint.frames("marked")} AS frames, {fingerprint.basis("marked", "reported_as != 'span'")} AS basis
  FROM (SELECT *, {fingerprint.marked_frames("stacktrace")} AS marked FROM ({reported}))
)"""  # noqa: S608 - names are ktlo's own


def _of_spans(database: str) -> str:
    """Reports of spans: each event named exception, else the status of a span that failed."""
    exceptions = (
        "arrayMap((t, a) -> (t, a['exception.type'], a['exception.message'], a['exception.stacktrace'],"
        " 'span event'), arrayFilter((t, n) -> n = 'exception', event_times, event_names),"
        " arrayFilter((a, n) -> n = 'exception', event_attributes, event_names))"
    )
    status = (
        "[(addNanoseconds(started_at, duration_ns), attributes['error.type'],"
        f" if(status_message != '', status_message, {_SAID_NOTHING.format('attributes')}), '', 'span')]"
    )
    return reports(f"""SELECT report.1 AS occurred_at, service, version, environment, instance, name AS operation,
    report.5 AS reported_as, report.2 AS type, report.3 AS message, report.4 AS stacktrace, trace_id, span_id
    FROM (
      SELECT *, arrayJoin(if(has(event_names, 'exception'), {exceptions}, {status})) AS report
      FROM {database}.spans WHERE status = 'error' OR has(event_names, 'exception')
    )""")  # noqa: S608


def _of_logs(database: str) -> str:
    """Reports of log records that carry an exception; of ktlo-instrument's only where it began."""
    return reports(f"""SELECT logged_at AS occurred_at, service, version, environment, instance,
    if(attributes['elastic.transaction.name'] != '', attributes['elastic.transaction.name'], scope_name) AS operation,
    'log' AS reported_as, attributes['exception.type'] AS type,
    if(attributes['exception.message'] != '', attributes['exception.message'], body) AS message,
    attributes['exception.stacktrace'] AS stacktrace, trace_id, span_id
    FROM {database}.log_records
    WHERE (attributes['exception.type'] != '' OR attributes['exception.message'] != ''
      OR attributes['exception.stacktrace'] != '') AND attributes['ktlo.call.propagated'] = ''""")  # noqa: S608


def _minutes(database: str) -> str:
    return f"""SELECT fingerprint, toStartOfMinute(toDateTime64(occurred_at, 6, 'UTC')) AS minute, service,
  environment, version, operation, toInt64(count()) AS occurrences,
  uniqCombinedStateIf(12)(trace_id, trace_id != '') AS seen_in
FROM {database}.error_events GROUP BY fingerprint, minute, service, environment, version, operation"""  # noqa: S608


def _groups(database: str) -> str:
    return f"""SELECT e.fingerprint AS fingerprint, argMaxState(toString(e.type), e.occurred_at) AS type,
  argMaxState(e.message, e.occurred_at) AS message, argMaxState(e.stacktrace, e.occurred_at) AS stacktrace,
  argMaxState(toString(e.operation), e.occurred_at) AS operation, max(e.frames) AS frames,
  max(toString(e.basis)) AS basis, groupUniqArray({MOST_SERVICES})(toString(e.service)) AS some_services,
  uniqCombinedState(12)(toString(e.service)) AS reporting,
  min(e.occurred_at) AS first_seen, argMinState(toString(e.version), e.occurred_at) AS first_version,
  max(e.occurred_at) AS last_seen, argMaxState(toString(e.version), e.occurred_at) AS last_version,
  toInt64(count()) AS occurrences, max(e.received_at) AS received_at
FROM {database}.error_events AS e GROUP BY fingerprint"""  # noqa: S608


def _by_fingerprint(name: str, select: Callable[[str], str]) -> Flow:
    """A flow that is made anew with every version of the rules."""
    earlier = tuple(f"{name}_{version}" for version in range(1, fingerprint.VERSION))
    return Flow(f"{name}_{fingerprint.VERSION}", "error_events", select, earlier)


SIGNAL = Signal(
    _PHYSICAL,
    (),
    (
        _by_fingerprint("spans_to_error_events", _of_spans),
        _by_fingerprint("log_records_to_error_events", _of_logs),
        Flow("error_events_to_error_minutes", "error_minutes_states", _minutes),
        Flow("error_events_to_error_groups", "error_groups_states", _groups),
    ),
)
"""Tables and flows of errors."""
