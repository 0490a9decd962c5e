"""Rate, errors and duration of spans as metrics, named as Tempo's metrics generator and the Collector's span metrics.

``traces_spanmetrics_calls_total`` and ``traces_spanmetrics_latency_bucket`` (``_count``, ``_sum``; seconds) follow from
the roll-up by minute, so they need no exporter and outlive the spans. Buckets are counted from the roll-up's t-digests
at 200 levels: a share is right to about half a percent.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ktlo.store.protocol import Queryable
from ktlo.telemetry.promql.aggregation import number_text
from ktlo.telemetry.promql.labels import NAME, Labels, labels_of
from ktlo.telemetry.promql.samples import Floats, Longs, Matcher, Samples, Selector, Stretch
from ktlo.telemetry.promql.stored import moment

CALLS, LATENCY = "traces_spanmetrics_calls_total", "traces_spanmetrics_latency"
NAMES = (CALLS, f"{LATENCY}_bucket", f"{LATENCY}_count", f"{LATENCY}_sum")
BOUNDS = tuple(0.002 * 2**power for power in range(14))
"""Upper bounds of the buckets, seconds: 2 ms to 16.4 s."""
_LEVELS = 200
_MINUTE = 60_000
_AFTER = 5
"""Minutes that a counter goes on after its last call, so that a rate falls to zero rather than vanish."""

_MINUTES = """
SELECT m.service AS service, m.environment AS environment, m.version AS version, m.kind AS kind, m.name AS name,
  toUnixTimestamp64Milli(m.minute) AS at, sum(m.calls) AS calls, sum(m.errors) AS errors, sum(m.total_ns) AS total_ns
  %s
FROM ktlo.operation_minutes_states AS m
WHERE m.minute >= {start:DateTime64(6, 'UTC')} AND m.minute < {end:DateTime64(6, 'UTC')}%s
GROUP BY service, environment, version, kind, name, m.minute
ORDER BY service, environment, version, kind, name, at"""
_QUANTILES = ", quantilesTDigestMerge({})(m.durations) AS quantiles".format(
    ", ".join(str((level + 0.5) / _LEVELS) for level in range(_LEVELS))
)


class SpanMetrics:
    """The metrics of spans as a source."""

    def __init__(self, store: Queryable) -> None:
        self._store = store

    def read(self, selector: Selector, of: Stretch) -> Iterator[Samples]:
        """See :meth:`ktlo.telemetry.promql.samples.Source.read`."""
        names = frozenset(
            name
            for name in NAMES
            if any(
                all(m.test()(name) for m in group if m.label == NAME) and _names(group)
                for group in selector.groups
            )
        )
        if names:
            yield self._made(names, selector, of.start, of.end)

    def _made(self, names: frozenset[str], selector: Selector, start: int, end: int) -> Samples:
        condition, values = _service(selector)
        begin = start // _MINUTE * _MINUTE - _MINUTE
        columns = _QUANTILES if f"{LATENCY}_bucket" in names else ""
        rows = self._store.query(
            _MINUTES % (columns, condition), {"start": moment(begin), "end": moment(end), **values}
        ).to_pylist()
        operations: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for row in rows:
            key = tuple(str(row[name]) for name in ("service", "environment", "version", "kind", "name"))
            operations.setdefault(key, []).append(row)
        fits = selector.test()
        found = []
        for key, minutes in operations.items():
            for labels, times, counted in _series(key, minutes, names, end):
                if fits(labels):
                    inside = (times >= start) & (times <= end)
                    found.append((labels, times[inside], counted[inside]))
        return Samples.of(found)


def _names(group: tuple[Matcher, ...]) -> bool:
    """Whether a selector says anything of the name; one that does not would read all spans by accident."""
    return any(each.label == NAME for each in group)


def _service(selector: Selector) -> tuple[str, dict[str, Any]]:
    """The service as a condition, where the selector gives exactly one."""
    asked = {
        each.value for group in selector.groups for each in group if each.label in ("service", "service_name", "job")
        and each.operator == "="
    }  # fmt: skip
    if len(selector.groups) == 1 and len(asked) == 1 and "" not in asked:
        return " AND m.service = {service:String}", {"service": asked.pop()}
    return "", {}


def _series(
    key: tuple[str, ...], minutes: list[dict[str, Any]], names: frozenset[str], end: int
) -> Iterator[tuple[Labels, Longs, Floats]]:
    service, environment, version, kind, name = key
    own = {
        "service": service, "service_name": service, "job": service, "service_version": version,
        "deployment_environment_name": environment, "span_name": name, "span_kind": f"SPAN_KIND_{kind.upper()}",
    }  # fmt: skip
    at = np.array([row["at"] for row in minutes], dtype=np.int64)
    # What happened in a minute is known at its end; one sample before says that there was nothing yet.
    first, last = int(at[0]), min(int(at[-1]) + _AFTER * _MINUTE, end // _MINUTE * _MINUTE)
    times = np.arange(first, max(last, int(at[-1])) + _MINUTE + 1, _MINUTE, dtype=np.int64)
    place = (at - first) // _MINUTE + 1

    def counter(metric: str, labels: dict[str, str], amounts: Floats) -> tuple[Labels, Longs, Floats]:
        grown = np.zeros(len(times))
        grown[place] = amounts
        return labels_of({NAME: metric, **own, **labels}), times, np.cumsum(grown)

    calls = np.array([row["calls"] for row in minutes], dtype=np.float64)
    errors = np.array([row["errors"] for row in minutes], dtype=np.float64)
    if CALLS in names:
        yield counter(CALLS, {"status_code": "STATUS_CODE_UNSET"}, calls - errors)
        yield counter(CALLS, {"status_code": "STATUS_CODE_ERROR"}, errors)
    if f"{LATENCY}_count" in names:
        yield counter(f"{LATENCY}_count", {}, calls)
    if f"{LATENCY}_sum" in names:
        total = np.array([row["total_ns"] for row in minutes], dtype=np.float64) / 1e9
        yield counter(f"{LATENCY}_sum", {}, total)
    if f"{LATENCY}_bucket" in names:
        digests = np.array([row["quantiles"] for row in minutes], dtype=np.float64) / 1e9
        for bound in BOUNDS:
            share = (digests <= bound).mean(axis=1)
            yield counter(f"{LATENCY}_bucket", {"le": number_text(bound)}, np.rint(calls * share))
        yield counter(f"{LATENCY}_bucket", {"le": "+Inf"}, calls)
