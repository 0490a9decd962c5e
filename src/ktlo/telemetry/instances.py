"""Instances of a service: what each was asked, in which version, and when it was last heard of."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from ktlo.store.protocol import Queryable
from ktlo.telemetry.interval import Interval
from ktlo.telemetry.observed import watch_instances
from ktlo.telemetry.services import Red

MOST = 500

_INSTANCES = """
SELECT toString(m.instance) AS instance, toString(m.environment) AS environment,
  argMax(toString(m.version), m.minute) AS version, max(m.minute) AS last_minute, sum(m.spans) AS spans,
  sum(m.asked) AS asked, sum(m.errors) AS errors, sum(m.total_ns) AS total_ns,
  quantilesTDigestMerge(0.5, 0.95, 0.99)(m.durations) AS quantiles
FROM ktlo.instance_minutes_states AS m
WHERE m.service = {service:String} AND m.minute >= {start:DateTime64(6, 'UTC')}
  AND m.minute < {end:DateTime64(6, 'UTC')}
  AND ({environment:String} = '' OR m.environment = {environment:String})
GROUP BY instance, environment ORDER BY asked DESC, spans DESC, instance LIMIT {most:UInt32}"""


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance.

    Attributes:
        name: service.instance.id, else host.name; empty when it names neither.
        environment: environment.
        version: last version that it reported.
        last_minute: last minute in which it reported a span.
        spans: spans of any kind.
        red: of what it was asked: its server and consumer spans.
    """

    name: str
    environment: str
    version: str
    last_minute: dt.datetime
    spans: int
    red: Red


def instances(store: Queryable, of: Interval, service: str, environment: str = "") -> list[Instance]:
    """Instances of a service that reported in a stretch, those with most calls first."""
    asked = {
        "start": of.start, "end": of.end, "service": service, "environment": environment, "most": MOST,
    }  # fmt: skip
    found = []
    seen = watch_instances(store, of, service)
    for row in store.query(_INSTANCES, asked).to_pylist():
        p50, p95, p99 = (None if value != value else float(value) for value in row["quantiles"])
        red = Red(row["asked"], row["errors"], p50, p95, p99, row["total_ns"], "",
                  seen.of((row["instance"], row["environment"])))  # fmt: skip
        found.append(
            Instance(
                row["instance"], row["environment"], row["version"], row["last_minute"], row["spans"], red
            )
        )
    return found
