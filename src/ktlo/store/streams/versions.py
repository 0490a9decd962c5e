"""Versions and images in the store: which reported in which minutes, and which instance ran which version.

All follow from traces by materialized views. An hour of a version is one row with a bit a minute, so that a year of
fifty services is half a million rows, read in a moment.
"""

from __future__ import annotations

from ktlo.store.streams.physical import Flow, Physical, Signal

YEARS_PAST, YEARS_AHEAD = 5, 1
"""A span whose time is further from when it arrived is of a wrong clock: it does not say when its service was there."""

_MICRO = "DateTime64(6, 'UTC')"

_PHYSICAL = {
    "version_hours": Physical(
        "version_hours_states",
        {
            "hour": f"{_MICRO} CODEC(Delta(8), ZSTD(1))",
            "service": "LowCardinality(String)",
            "environment": "LowCardinality(String)",
            "version": "LowCardinality(String)",
            "minutes": "SimpleAggregateFunction(groupBitOr, Int64)",
            "calls": "SimpleAggregateFunction(sum, Int64)",
        },
        "AggregatingMergeTree",
        "service, environment, hour, version",
        "",
        "hour",
        view="s.hour AS hour, s.service AS service, s.environment AS environment, s.version AS version,"
        " groupBitOr(s.minutes) AS minutes, sum(s.calls) AS calls",
        kept="keep_rollups_days",
    ),
    "image_hours": Physical(
        "image_hours_states",
        {
            "hour": f"{_MICRO} CODEC(Delta(8), ZSTD(1))",
            "service": "LowCardinality(String)",
            "environment": "LowCardinality(String)",
            "image": "LowCardinality(String)",
            "minutes": "SimpleAggregateFunction(groupBitOr, Int64)",
            "calls": "SimpleAggregateFunction(sum, Int64)",
        },
        "AggregatingMergeTree",
        "service, environment, hour, image",
        "",
        "hour",
        view="s.hour AS hour, s.service AS service, s.environment AS environment, s.image AS image,"
        " groupBitOr(s.minutes) AS minutes, sum(s.calls) AS calls",
        kept="keep_rollups_days",
    ),
    "instance_versions": Physical(
        "instance_versions_states",
        {
            "service": "LowCardinality(String)",
            "environment": "LowCardinality(String)",
            "version": "LowCardinality(String)",
            "instance": "String CODEC(ZSTD(1))",
            "first_at": f"SimpleAggregateFunction(min, {_MICRO})",
            "last_at": f"SimpleAggregateFunction(max, {_MICRO})",
            "spans": "SimpleAggregateFunction(sum, Int64)",
            "namespace": "SimpleAggregateFunction(max, String)",
            "workload": "SimpleAggregateFunction(max, String)",
            "repository": "SimpleAggregateFunction(max, String)",
        },
        "AggregatingMergeTree",
        "service, environment, version, instance",
        "",
        "last_at",
        view="s.service AS service, s.environment AS environment, s.version AS version, s.instance AS instance,"
        " min(s.first_at) AS first_at, max(s.last_at) AS last_at, sum(s.spans) AS spans,"
        " max(s.namespace) AS namespace, max(s.workload) AS workload, max(s.repository) AS repository",
        kept="keep_rollups_days",
    ),
}


def _hours(database: str) -> str:
    return f"""SELECT toDateTime64(toStartOfHour(s.minute), 6, 'UTC') AS hour, s.service AS service,
  s.environment AS environment, s.version AS version,
  groupBitOr(bitShiftLeft(toInt64(1), toMinute(s.minute))) AS minutes, sum(s.calls) AS calls
FROM {database}.operation_minutes_states AS s GROUP BY hour, service, environment, version"""  # noqa: S608


def _images(database: str) -> str:
    return f"""SELECT toDateTime64(toStartOfHour(toDateTime64(s.started_at, 6, 'UTC')), 6, 'UTC') AS hour,
  s.service AS service, s.environment AS environment, s.image AS image,
  groupBitOr(bitShiftLeft(toInt64(1), toMinute(s.started_at))) AS minutes, toInt64(count()) AS calls
FROM {database}.spans AS s WHERE s.image != '' GROUP BY hour, service, environment, image"""  # noqa: S608


def _first(*names: str) -> str:
    """SQL of the first of some resource attributes that is there."""
    given = ", ".join(f"r['{name}'] != '', r['{name}']" for name in names)
    return f"multiIf({given}, '')"


def _instances(database: str) -> str:
    workload = _first(
        "k8s.deployment.name",
        "k8s.statefulset.name",
        "k8s.daemonset.name",
        "k8s.cronjob.name",
        "k8s.job.name",
    )
    return f"""SELECT service, environment, version, instance, first_at, last_at, spans,
  {_first("service.namespace", "k8s.namespace.name")} AS namespace, {workload} AS workload,
  {_first("vcs.repository.url.full", "vcs.repository.name")} AS repository
FROM (
  SELECT s.service AS service, s.environment AS environment, s.version AS version, s.instance AS instance,
    min(toDateTime64(s.started_at, 6, 'UTC')) AS first_at, max(toDateTime64(s.started_at, 6, 'UTC')) AS last_at,
    toInt64(count()) AS spans, any(s.resource) AS r
  FROM {database}.spans AS s
  WHERE s.started_at BETWEEN subtractYears(s.received_at, {YEARS_PAST}) AND addYears(s.received_at, {YEARS_AHEAD})
  GROUP BY service, environment, version, instance
)"""  # noqa: S608


SIGNAL = Signal(
    _PHYSICAL,
    (),
    (
        Flow("operation_minutes_to_version_hours", "version_hours_states", _hours),
        Flow("spans_to_image_hours", "image_hours_states", _images),
        Flow("spans_to_instance_versions", "instance_versions_states", _instances),
    ),
)
"""Tables and flows of versions and images; their way in is that of traces."""
