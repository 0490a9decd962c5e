"""Functions of services in a stretch of time: calls, errors by type, durations, self time and its share, over time.

Everything comes from the roll-up by minute (``store/streams/functions``). A function that both ``ktlo-instrument`` and
spans tell of is taken from ``ktlo-instrument``, which counts every call; spans are what was sampled.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ktlo.errors import NotFoundError
from ktlo.store.protocol import Queryable
from ktlo.telemetry.function_sketch import Sketch, sketch_of
from ktlo.telemetry.interval import Interval
from ktlo.telemetry.observed import watch

MOST = 2000
"""Functions that are looked into, those with most self time; the others are found by service, route and text."""
MOST_SERIES = 300
BEGAN_WITHIN = dt.timedelta(days=90)
"""How far before a stretch's end the first call of a version is looked for."""

FILTER = """m.minute >= {start:DateTime64(6, 'UTC')} AND m.minute < {end:DateTime64(6, 'UTC')}
  AND ({service:String} = '' OR m.service = {service:String})
  AND ({version:String} = '' OR m.version = {version:String})
  AND ({environment:String} = '' OR m.environment = {environment:String})
  AND ({route:String} = '' OR m.route = {route:String})"""

_ASKED = f"""{FILTER}
  AND ({{text:String}} = '' OR positionCaseInsensitiveUTF8(m.function, {{text:String}}) > 0
    OR positionCaseInsensitiveUTF8(m.path, {{text:String}}) > 0)
  AND ({{function:String}} = '' OR m.function = {{function:String}})"""

_LISTED = f"""
SELECT toString(m.service) AS service, toString(m.function) AS function, toString(m.origin) AS origin,
  argMax(m.path, m.minute) AS path, argMax(m.line, m.minute) AS line, sum(m.calls) AS calls, sum(m.errors) AS errors,
  mapSort((k, v) -> -v, CAST(sumMap(m.failed), 'Map(String, Int64)')) AS failed, sum(m.total_ns) AS total_ns,
  sum(m.self_ns) AS self_ns, sum(m.active_ns) AS active_ns, sumMap(m.wall) AS wall, sumMap(m.own) AS own,
  arraySort(groupUniqArray(toString(m.version))) AS versions, arraySort(groupUniqArray(toString(m.route))) AS routes
FROM ktlo.function_minutes_states AS m
WHERE {_ASKED} AND (m.service, m.function, m.origin) IN (
  SELECT m.service, m.function, m.origin FROM ktlo.function_minutes_states AS m WHERE {_ASKED}
  GROUP BY m.service, m.function, m.origin HAVING NOT {{failing:Bool}} OR sum(m.errors) > 0
  ORDER BY sum(m.self_ns) DESC, sum(m.total_ns) DESC, m.service, m.function LIMIT {{most:UInt32}})
GROUP BY service, function, origin
HAVING NOT {{failing:Bool}} OR errors > 0
ORDER BY self_ns DESC, total_ns DESC, service, function LIMIT {{most:UInt32}}"""  # noqa: S608 - no value enters it

_DECLARED = f"""
SELECT argMax(m.path, m.minute) AS path, argMax(m.line, m.minute) AS line
FROM ktlo.function_minutes_states AS m
WHERE {FILTER} AND m.function = {{function:String}} AND m.origin = {{origin:String}} HAVING count() > 0"""  # noqa: S608

_NEWEST = """
SELECT toString(m.version) AS version FROM ktlo.function_minutes_states AS m
WHERE m.minute >= {start:DateTime64(6, 'UTC')} AND m.minute < {end:DateTime64(6, 'UTC')}
  AND m.service = {service:String} AND m.function = {function:String} AND m.origin = {origin:String}
  AND m.version IN {versions:Array(String)}
GROUP BY version ORDER BY min(m.minute) DESC, version DESC LIMIT 1"""

_SERVICE_TIME = f"""
SELECT toString(m.service) AS service, sum(m.self_ns) AS self_ns FROM ktlo.function_minutes_states AS m
WHERE {FILTER} AND m.service IN {{services:Array(String)}} GROUP BY service"""  # noqa: S608

_SERIES = f"""
SELECT toString(m.service) AS service, toString(m.function) AS function, toString(m.origin) AS origin,
  toDateTime64(toStartOfInterval(m.minute, toIntervalSecond({{width:UInt32}})), 6, 'UTC') AS at,
  sum(m.calls) AS calls, sum(m.errors) AS errors, sumMap(m.wall) AS wall
FROM ktlo.function_minutes_states AS m
WHERE {FILTER} AND m.function IN {{names:Array(String)}} AND m.service IN {{services:Array(String)}}
GROUP BY service, function, origin, at ORDER BY at"""  # noqa: S608

_ROUTES = f"""
SELECT toString(m.route) AS route, sum(m.calls) AS calls FROM ktlo.function_minutes_states AS m
WHERE {FILTER} GROUP BY route ORDER BY calls DESC, route LIMIT 500"""  # noqa: S608


class Sort(enum.StrEnum):
    """What comes first."""

    SELF = "self"
    TOTAL = "total"
    CALLS = "calls"
    ERRORS = "errors"
    P95 = "p95"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class Asked:
    """Which functions. Empty leaves a thing open.

    Attributes:
        service: exact name.
        version: exact version.
        environment: exact name.
        route: exact route.
        text: part of name or path, in any case.
        failing: only those that raised.
    """

    service: str = ""
    version: str = ""
    environment: str = ""
    route: str = ""
    text: str = ""
    failing: bool = False

    def bound(self, of: Interval) -> dict[str, Any]:
        """Values of :data:`FILTER`."""
        return {
            "start": of.start, "end": of.end, "service": self.service, "version": self.version,
            "environment": self.environment, "route": self.route,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Function:
    """A function in a stretch.

    Attributes:
        service: service.name.
        name: qualified name.
        origin: ``instrument`` (every call) or ``spans`` (those that were sampled).
        path: file, as the service named it last.
        line: first line then; 0 when not told.
        calls: calls.
        errors: of them, raised.
        failed: errors by type, most first.
        total_ns: time from entry to exit, added up.
        self_ns: the same without counted functions called; ``None`` where it is not measured (spans).
        self_share: its part of the self time of all functions of the service; ``None`` likewise.
        wall: durations.
        own: self durations.
        versions: of the service in which it ran.
        routes: in which it ran.
    """

    service: str
    name: str
    origin: str
    path: str
    line: int
    calls: int
    errors: int
    failed: tuple[tuple[str, int], ...]
    total_ns: int
    self_ns: int | None
    self_share: float | None
    wall: Sketch
    own: Sketch
    versions: tuple[str, ...]
    routes: tuple[str, ...]

    @property
    def module(self) -> str:
        """The name without its last part."""
        return self.name.rpartition(".")[0]


@dataclass(frozen=True, slots=True)
class Moment:
    """A function in a bucket of time."""

    at: dt.datetime
    calls: int
    errors: int
    wall: Sketch
    seconds: float
    """Of the bucket, those in which the service can have data."""

    @property
    def per_minute(self) -> float | None:
        """Calls a minute; ``None`` where less than a minute can have data."""
        return self.calls * 60 / self.seconds if self.seconds >= 60 else None


def functions(store: Queryable, of: Interval, asked: Asked = Asked(), most: int = MOST) -> list[Function]:
    """Functions that ran in a stretch, most self time first.

    Args:
        store: where they are.
        of: when they ran.
        asked: which ones.
        most: at most so many.
    """
    return _found(store, of, asked, "", min(most, MOST))


def one_function(store: Queryable, of: Interval, asked: Asked, name: str) -> Function:
    """One function of one service.

    Raises:
        NotFoundError: it did not run in the stretch.
    """
    found = _found(store, of, asked, name, 2)
    if not found:
        raise NotFoundError(
            f"{name[:200]!r} of {asked.service[:80]!r} did not run in this stretch",
            fix="Choose a longer stretch (since=7d); `ktlo functions` lists what ran",
        )
    return found[0]


def version_of(store: Queryable, of: Interval, one: Function, deployed: str = "") -> str:
    """The version whose source tells of a function: the one deployed last, if it ran in it, else its newest.

    Args:
        store: where functions are.
        of: the stretch.
        one: the function, with the versions in which it ran in the stretch.
        deployed: version of the last deployment; who told it may name it otherwise than the service does.

    Returns:
        A version that the service told; empty where it told none.
    """
    if deployed in one.versions or len(one.versions) < 2:
        return deployed if deployed in one.versions else "".join(one.versions)
    bound = {
        "service": one.service, "function": one.name, "origin": one.origin, "versions": list(one.versions),
        "start": of.end - BEGAN_WITHIN, "end": of.end,
    }  # fmt: skip
    return str(store.query(_NEWEST, bound).to_pylist()[0]["version"])


def declared(store: Queryable, of: Interval, one: Function, version: str) -> tuple[str, int]:
    """Path and first line of a function in one version of its service; where it did not run there, the newest."""
    bound = {**Asked(one.service, version).bound(of), "function": one.name, "origin": one.origin}
    rows = store.query(_DECLARED, bound).to_pylist()
    return (rows[0]["path"], rows[0]["line"]) if rows else (one.path, one.line)


def _found(store: Queryable, of: Interval, asked: Asked, name: str, most: int) -> list[Function]:
    bound = asked.bound(of)
    rows = store.query(
        _LISTED,
        {**bound, "text": asked.text, "function": name, "failing": asked.failing, "most": most},
    ).to_pylist()
    here = {**bound, "services": sorted({row["service"] for row in rows})}
    spent = {row["service"]: row["self_ns"] for row in store.query(_SERVICE_TIME, here).to_pylist()}
    counted = {(row["service"], row["function"]) for row in rows if row["origin"] == "instrument"}
    return [
        _function(row, spent.get(row["service"], 0))
        for row in rows
        if row["origin"] == "instrument" or (row["service"], row["function"]) not in counted
    ]


def _function(row: dict[str, Any], spent: int) -> Function:
    measured = row["origin"] == "instrument"
    return Function(
        row["service"], row["function"], row["origin"], row["path"], row["line"], row["calls"], row["errors"],
        tuple(sorted(dict(row["failed"]).items(), key=lambda one: (-one[1], one[0]))), row["total_ns"],
        row["self_ns"] if measured else None, row["self_ns"] / spent if measured and spent else None,
        sketch_of(row["wall"]), sketch_of(row["own"]), tuple(filter(None, row["versions"])),
        tuple(filter(None, row["routes"])),
    )  # fmt: skip


def ordered(found: Sequence[Function], sort: Sort) -> list[Function]:
    """In the order that was asked for; the first page is what costs most."""

    def key(one: Function) -> tuple[float, str, str]:
        p95 = one.wall.quantile(0.95)
        amount = {
            Sort.SELF: one.self_ns if one.self_ns is not None else one.total_ns,
            Sort.TOTAL: one.total_ns, Sort.CALLS: one.calls, Sort.ERRORS: one.errors,
            Sort.P95: p95.value if p95 else 0, Sort.NAME: 0,
        }[sort]  # fmt: skip
        return -float(amount), one.name, one.service

    return sorted(found, key=key)


def over_time(
    store: Queryable, of: Interval, asked: Asked, shown: Sequence[Function]
) -> dict[tuple[str, str], list[Moment]]:
    """By service and name the buckets of the stretch, those without calls included."""
    named = list(shown)[:MOST_SERIES]
    origins = {(one.service, one.name): one.origin for one in named}
    starts = of.buckets
    seen, width = watch(store, of, {service for service, _ in origins}, asked.environment), of.bucket_seconds
    seconds = {
        service: {at: seen.of(service).bucket(at, width).seconds for at in starts} for service, _ in origins
    }
    found = {
        (service, name): {at: Moment(at, 0, 0, sketch_of(()), seconds[service][at]) for at in starts}
        for service, name in origins
    }
    if not named:
        return {}
    rows = store.query(
        _SERIES,
        {
            **asked.bound(of),
            "width": of.bucket_seconds,
            "names": sorted({one.name for one in named}),
            "services": sorted({one.service for one in named}),
        },
    ).to_pylist()
    for row in rows:
        key = (row["service"], row["function"])
        if origins.get(key) == row["origin"]:
            at = row["at"]
            found[key][at] = Moment(
                at, row["calls"], row["errors"], sketch_of(row["wall"]), seconds[row["service"]][at]
            )
    return {key: list(each.values()) for key, each in found.items()}


def routes(store: Queryable, of: Interval, asked: Asked) -> list[tuple[str, int]]:
    """Routes and how many calls of functions each had, most first; empty is what runs outside of requests."""
    return [(row["route"], row["calls"]) for row in store.query(_ROUTES, asked.bound(of)).to_pylist()]
