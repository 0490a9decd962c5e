"""Which functions ran, in the store: what processes say with the log records ``ktlo.function.coverage``.

A record tells of one module all its functions and whether each ran since the process began. A function ran when any
process of its version ran it; a line never ran when no process that tells of lines ran it, which is the intersection
of all that was ever said, since what a process has not run only shrinks.
"""

from __future__ import annotations

from ktlo.store.streams.physical import Flow, Physical, Signal

_MICRO = "DateTime64(6, 'UTC')"
_NAME = "LowCardinality(String)"
_EVENT = "event_name = 'ktlo.function.coverage'"
MOST_LINES = 200_000
"""Lines of one module's record that are read at most: a range that is wrong must not fill the memory."""

_PHYSICAL = {
    "function_coverage": Physical(
        "function_coverage_states",
        {
            "service": _NAME,
            "environment": _NAME,
            "version": _NAME,
            "path": "String CODEC(ZSTD(1))",
            "function": "String CODEC(ZSTD(1))",
            "line": "Int64 CODEC(T64, ZSTD(1))",
            "module": "SimpleAggregateFunction(max, String)",
            "executed": "SimpleAggregateFunction(max, UInt8)",
            "since": f"SimpleAggregateFunction(min, {_MICRO})",
            "last_at": f"SimpleAggregateFunction(max, {_MICRO})",
        },
        "AggregatingMergeTree",
        "service, environment, version, path, function, line",
        "",
        "last_at",
        view="s.service AS service, s.environment AS environment, s.version AS version, s.path AS path,"
        " s.function AS function, s.line AS line, max(s.module) AS module,"
        " CAST(max(s.executed), 'Bool') AS executed, min(s.since) AS since, max(s.last_at) AS last_at",
        kept="keep_rollups_days",
    ),
    "module_coverage": Physical(
        "module_coverage_states",
        {
            "service": _NAME,
            "environment": _NAME,
            "version": _NAME,
            "path": "String CODEC(ZSTD(1))",
            "module": "SimpleAggregateFunction(max, String)",
            "lines_never": "AggregateFunction(groupArrayIntersect, Array(UInt32))",
            "processes": "AggregateFunction(uniqCombined(12), String)",
            "since": f"SimpleAggregateFunction(min, {_MICRO})",
            "last_at": f"SimpleAggregateFunction(max, {_MICRO})",
        },
        "AggregatingMergeTree",
        "service, environment, version, path",
        "",
        "last_at",
        view="s.service AS service, s.environment AS environment, s.version AS version, s.path AS path,"
        " max(s.module) AS module, toInt64(uniqCombinedMerge(12)(s.processes)) AS processes,"
        " toInt64(length(groupArrayIntersectMerge(s.lines_never))) AS lines_never,"
        " min(s.since) AS since, max(s.last_at) AS last_at",
        kept="keep_rollups_days",
    ),
}

_SINCE = (
    "if(parseDateTime64BestEffortOrNull(attributes['ktlo.coverage.since'], 6, 'UTC') IS NULL,"
    " toDateTime64(logged_at, 6, 'UTC'),"
    " assumeNotNull(parseDateTime64BestEffortOrNull(attributes['ktlo.coverage.since'], 6, 'UTC')))"
)


def _functions(database: str) -> str:
    told = "JSONExtract(attributes['ktlo.coverage.functions'], 'Array(Tuple(String, Int64, Int64))')"
    return f"""SELECT service, environment, version, path, one.1 AS function, one.2 AS line, max(of_module) AS module,
  toUInt8(max(one.3 > 0)) AS executed, min(began) AS since, max(said) AS last_at
FROM (
  SELECT service, environment, version, attributes['code.file.path'] AS path,
    attributes['ktlo.module'] AS of_module, {_SINCE} AS began, toDateTime64(logged_at, 6, 'UTC') AS said,
    arrayJoin({told}) AS one
  FROM {database}.log_records WHERE {_EVENT}
) WHERE one.1 != '' GROUP BY service, environment, version, path, function, line"""  # noqa: S608 - ktlo's own names


def _modules(database: str) -> str:
    ranges = "JSONExtract(attributes['ktlo.coverage.lines_never'], 'Array(Array(UInt32))')"
    lines = (
        f"arrayDistinct(arraySlice(arrayFlatten(arrayMap(r -> range(r[1], least(r[-1], r[1] + {MOST_LINES}) + 1),"
        f" {ranges})), 1, {MOST_LINES}))"
    )
    return f"""SELECT service, environment, version, attributes['code.file.path'] AS path,
  max(attributes['ktlo.module']) AS module,
  groupArrayIntersectStateIf(CAST({lines}, 'Array(UInt32)'), attributes['ktlo.coverage.lines_never'] != '')
    AS lines_never,
  uniqCombinedState(12)(toString(instance)) AS processes,
  min({_SINCE}) AS since, max(toDateTime64(logged_at, 6, 'UTC')) AS last_at
FROM {database}.log_records WHERE {_EVENT} GROUP BY service, environment, version, path"""  # noqa: S608


SIGNAL = Signal(
    _PHYSICAL,
    (),
    (
        Flow("log_records_to_function_coverage", "function_coverage_states", _functions),
        Flow("log_records_to_module_coverage", "module_coverage_states", _modules),
    ),
)
"""Tables and flows of coverage; their way in is that of logs."""
