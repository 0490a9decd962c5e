"""Operations by hour: what weeks and years of trends are read from, a sixtieth of the roll-up by minute."""

from __future__ import annotations

from ktlo.store.streams.physical import Flow, Physical, Signal

_PHYSICAL = {
    "operation_hours": Physical(
        "operation_hours_states",
        {
            "hour": "DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1))",
            "service": "LowCardinality(String)",
            "environment": "LowCardinality(String)",
            "kind": "LowCardinality(String)",
            "name": "LowCardinality(String)",
            "calls": "SimpleAggregateFunction(sum, Int64)",
            "errors": "SimpleAggregateFunction(sum, Int64)",
            "total_ns": "SimpleAggregateFunction(sum, Int64)",
            "longest_trace": "AggregateFunction(argMax, String, Int64)",
            "durations": "AggregateFunction(quantilesTDigest(0.5, 0.95, 0.99), Int64)",
        },
        "AggregatingMergeTree",
        "hour, service, environment, kind, name",
        "",
        "hour",
        view="s.hour AS hour, s.service AS service, s.environment AS environment, s.kind AS kind, s.name AS name,"
        " sum(s.calls) AS calls, sum(s.errors) AS errors, sum(s.total_ns) AS total_ns,"
        " argMaxMerge(s.longest_trace) AS longest_trace",
        kept="keep_rollups_days",
    ),
}


def _hours(database: str) -> str:
    return f"""SELECT toDateTime64(toStartOfHour(m.minute), 6, 'UTC') AS hour, m.service AS service,
  m.environment AS environment, m.kind AS kind, m.name AS name, sum(m.calls) AS calls, sum(m.errors) AS errors,
  sum(m.total_ns) AS total_ns, argMaxMergeState(m.longest_trace) AS longest_trace,
  quantilesTDigestMergeState(0.5, 0.95, 0.99)(m.durations) AS durations
FROM {database}.operation_minutes_states AS m GROUP BY hour, service, environment, kind, name"""  # noqa: S608


SIGNAL = Signal(
    _PHYSICAL, (), (Flow("operation_minutes_to_operation_hours", "operation_hours_states", _hours),)
)
"""The table of operations by hour; it follows from the roll-up by minute."""
