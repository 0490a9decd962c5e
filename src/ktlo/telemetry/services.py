"""Services and their operations by rate, errors and duration (RED; Wilkie, "The RED Method", 2018).

Read from the roll-up by minute, so that a week costs what an hour does. A service is judged by what it was asked:
its server and consumer spans; one that has none, by what it asked of others: its client and producer spans; one with
neither, by its internal spans. Quantiles are t-digests of the engine, merged. Calls a minute are over the part of the
stretch in which there can be data (``telemetry/observed``). Names come from outside and may be many: which services
are looked into is chosen first, by their calls alone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

from ktlo.store.protocol import Queryable
from ktlo.telemetry.interval import Interval
from ktlo.telemetry.observed import Observed, watch

MOST_OPERATIONS = 500
MOST_SERVICES = 200
"""Services that a page shows: those with most calls."""


class Judged(IntEnum):
    """Which of its spans a service is judged by: the first kind of these that it has."""

    ASKED = 0
    """Server and consumer spans."""
    ASKING = 1
    """Client and producer spans."""
    INTERNAL = 2
    """Internal spans."""


JUDGED_BY = "multiIf(m.kind IN ('server', 'consumer'), 0, m.kind IN ('client', 'producer'), 1, 2)"
"""SQL of :class:`Judged`, of a row ``m`` of the roll-up."""

_MEASURES = """
  sum(m.calls) AS calls, sum(m.errors) AS errors, sum(m.total_ns) AS total_ns,
  quantilesTDigestMerge(0.5, 0.95, 0.99)(m.durations) AS quantiles,
  argMaxMerge(m.longest_trace) AS longest_trace"""

_WITHIN = """m.minute >= {start:DateTime64(6, 'UTC')} AND m.minute < {end:DateTime64(6, 'UTC')}
  AND ({environment:String} = '' OR m.environment = {environment:String})"""

_BUSIEST = f"""
SELECT toString(m.service) AS service, sum(m.calls) AS calls, count() OVER () AS among
FROM ktlo.operation_minutes_states AS m WHERE {_WITHIN}
  AND ({{text:String}} = '' OR positionCaseInsensitiveUTF8(toString(m.service), {{text:String}}) > 0)
GROUP BY service ORDER BY calls DESC, service LIMIT {{most:UInt32}}"""  # noqa: S608 - no value enters the text

_REPORTED = f"""
SELECT DISTINCT toString(m.service) AS service FROM ktlo.operation_minutes_states AS m
WHERE {_WITHIN} AND m.service IN {{names:Array(String)}}"""  # noqa: S608

_SERVICES = f"""
SELECT m.service AS service, {JUDGED_BY} AS judged_by,
  arraySort(groupUniqArray(toString(m.version))) AS versions,{_MEASURES}
FROM ktlo.operation_minutes_states AS m WHERE {_WITHIN} AND m.service IN {{names:Array(String)}}
GROUP BY service, judged_by ORDER BY service, judged_by"""  # noqa: S608 - no value enters the text

_OPERATIONS = f"""
SELECT m.name AS name, m.kind AS kind,{_MEASURES}
FROM ktlo.operation_minutes_states AS m WHERE {_WITHIN} AND m.service = {{service:String}}
GROUP BY name, kind ORDER BY total_ns DESC, name, kind LIMIT {{most:UInt32}}"""  # noqa: S608

_SERIES = f"""
SELECT toDateTime64(toStartOfInterval(m.minute, toIntervalSecond({{width:UInt32}})), 6, 'UTC') AS at,
  {JUDGED_BY} AS judged_by,{_MEASURES}
FROM ktlo.operation_minutes_states AS m WHERE {_WITHIN} AND m.service = {{service:String}}
GROUP BY at, judged_by ORDER BY at"""  # noqa: S608


_RATES = f"""
SELECT m.service AS service, {JUDGED_BY} AS judged_by,
  toDateTime64(toStartOfInterval(m.minute, toIntervalSecond({{width:UInt32}})), 6, 'UTC') AS at,
  sum(m.calls) AS calls
FROM ktlo.operation_minutes_states AS m WHERE {_WITHIN} AND m.service IN {{names:Array(String)}}
GROUP BY service, judged_by, at ORDER BY service, at"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Red:
    """Rate, errors and duration of something over a stretch of time.

    Attributes:
        calls: spans.
        errors: of them, with status error.
        p50_ns: median duration, nanoseconds; ``None`` without calls.
        p95_ns: 95th percentile.
        p99_ns: 99th percentile.
        total_ns: durations added up.
        longest_trace: trace of the longest call, an exemplar; empty when unknown.
        observed: the part of the stretch in which there can be data; ``None`` where nothing is.
    """

    calls: int
    errors: int
    p50_ns: float | None
    p95_ns: float | None
    p99_ns: float | None
    total_ns: int
    longest_trace: str
    observed: Observed | None = None

    @property
    def error_share(self) -> float | None:
        """Errors among the calls; ``None`` without calls."""
        return self.errors / self.calls if self.calls else None

    @property
    def per_minute(self) -> float | None:
        """Calls a minute of the time in which there can be data; ``None`` where that is less than a minute."""
        if self.observed is None:
            return None if self.calls else 0.0
        return self.calls * 60 / self.observed.seconds if self.observed.seconds >= 60 else None


NO_CALLS = Red(0, 0, None, None, None, 0, "")


@dataclass(frozen=True, slots=True)
class Busiest:
    """Names of the services with most calls.

    Attributes:
        names: most calls first.
        among: services there are, those that are not named too.
    """

    names: tuple[str, ...]
    among: int

    @property
    def is_cut(self) -> bool:
        """Whether there are more than are named."""
        return self.among > len(self.names)


@dataclass(frozen=True, slots=True)
class Service:
    """One service.

    Attributes:
        name: service.name.
        versions: that reported in the stretch.
        judged_by: which of its spans.
        red: its figures.
    """

    name: str
    versions: tuple[str, ...]
    judged_by: Judged
    red: Red

    @property
    def is_asked(self) -> bool:
        """Whether it is judged by server and consumer spans."""
        return self.judged_by is Judged.ASKED


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a service."""

    name: str
    kind: str
    red: Red


@dataclass(frozen=True, slots=True)
class Moment:
    """One bucket of a service's series."""

    at: dt.datetime
    red: Red


def _red(row: Mapping[str, Any], observed: Observed) -> Red:
    quantiles = [None if value is None or value != value else float(value) for value in row["quantiles"]]
    return Red(
        row["calls"],
        row["errors"],
        quantiles[0],
        quantiles[1],
        quantiles[2],
        row["total_ns"],
        row["longest_trace"],
        observed,
    )


def _bounds(of: Interval, environment: str) -> dict[str, Any]:
    return {"start": of.start, "end": of.end, "environment": environment}


def busiest(
    store: Queryable, of: Interval, environment: str = "", text: str = "", most: int = MOST_SERVICES
) -> Busiest:
    """Services that reported most spans in a stretch.

    Args:
        store: where the roll-up is.
        of: the stretch.
        environment: only what reported in this one; empty for all.
        text: part of the name, in either case; empty for all.
        most: how many are named.
    """
    asked = {**_bounds(of, environment), "text": text, "most": most}
    rows = store.query(_BUSIEST, asked).to_pylist()
    return Busiest(tuple(row["service"] for row in rows), rows[0]["among"] if rows else 0)


def reported(store: Queryable, of: Interval, names: Collection[str], environment: str = "") -> set[str]:
    """Which of some names are services that reported in a stretch."""
    asked = {**_bounds(of, environment), "names": list(names)}
    return {row["service"] for row in store.query(_REPORTED, asked).to_pylist()} if names else set()


def services(
    store: Queryable, of: Interval, environment: str = "", names: Collection[str] | None = None
) -> list[Service]:
    """Services that reported in a stretch, by name.

    Args:
        store: where the roll-up is.
        of: the stretch.
        environment: only what reported in this one; empty for all.
        names: of which services; the busiest when ``None``.
    """
    chosen = busiest(store, of, environment).names if names is None else names
    found: dict[str, Service] = {}
    seen = watch(store, of, chosen, environment)
    for row in store.query(_SERVICES, {**_bounds(of, environment), "names": list(chosen)}).to_pylist():
        # Rows of the kind that it is judged by come first.
        found.setdefault(
            row["service"],
            Service(
                row["service"],
                tuple(filter(None, row["versions"])),
                Judged(row["judged_by"]),
                _red(row, seen.of(row["service"])),
            ),
        )
    return list(found.values())


def operations(store: Queryable, of: Interval, service: str, environment: str = "") -> list[Operation]:
    """Operations of a service, those that took most time first; ``environment`` is empty for all."""
    asked = {**_bounds(of, environment), "service": service, "most": MOST_OPERATIONS}
    observed = watch(store, of, [service], environment).of(service)
    return [
        Operation(row["name"], row["kind"], _red(row, observed))
        for row in store.query(_OPERATIONS, asked).to_pylist()
    ]


def series(
    store: Queryable, of: Interval, service: str, environment: str = "", *, judged_by: Judged
) -> list[Moment]:
    """A service over time: every bucket of the stretch in which there can be data, those without calls too."""
    asked = {**_bounds(of, environment), "service": service, "width": of.bucket_seconds}
    observed = watch(store, of, [service], environment).of(service)
    rows = [row for row in store.query(_SERIES, asked).to_pylist() if row["judged_by"] == judged_by]
    return moments(of, observed, {row["at"]: _red(row, observed) for row in rows})


def moments(of: Interval, observed: Observed, found: Mapping[dt.datetime, Red]) -> list[Moment]:
    """Buckets in which there can be data, each over its part of that; without calls where none is found."""
    return [
        Moment(at, replace(found.get(at, NO_CALLS), observed=part)) for at, part in observed.parts(of).items()
    ]


def rates(
    store: Queryable, of: Interval, found: Iterable[Service], environment: str = ""
) -> dict[str, list[float | None]]:
    """Calls a minute of services over time, by name, in every bucket of the stretch.

    ``None`` where less than a minute of a bucket can have data: before a service's first record, and where the
    stretch has only begun with the bucket or ends in it.
    """
    judged = {one.name: one for one in found}
    asked = {**_bounds(of, environment), "width": of.bucket_seconds, "names": list(judged)}
    calls: dict[tuple[str, dt.datetime], int] = {
        (row["service"], row["at"]): row["calls"]
        for row in store.query(_RATES, asked).to_pylist()
        if row["service"] in judged and judged[row["service"]].judged_by == row["judged_by"]
    }
    found_of = {}
    for name, one in judged.items():
        seen = one.red.observed.parts(of) if one.red.observed else {}
        found_of[name] = [
            calls.get((name, at), 0) * 60 / seen[at].seconds
            if at in seen and seen[at].seconds >= 60
            else None
            for at in of.buckets
        ]
    return found_of
