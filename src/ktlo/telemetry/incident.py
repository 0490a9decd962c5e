"""What telemetry shows of an incident: its service and what that calls, before, during and after.

The incident's service is found through the catalogue (``service_members``); calls, error groups, traces, logs and
deployments come from the modules of this folder. Where nothing is joined or nothing reported, that is the answer.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

from ktlo.errors import NotFoundError
from ktlo.store.protocol import Queryable
from ktlo.telemetry import errors
from ktlo.telemetry.deployments import Mark, marks
from ktlo.telemetry.interval import Interval
from ktlo.telemetry.search import Found, Wanted, search
from ktlo.telemetry.service_map import service_map
from ktlo.telemetry.services import Red, operations, services

BEFORE = dt.timedelta(hours=24)
"""How long before an incident deployments are told."""
_SHORTEST = dt.timedelta(minutes=30)
"""Least length of what is held against the incident."""
_LONGEST = dt.timedelta(days=7)
"""Of an incident that is open for longer, the first week is shown."""
MOST = 10

_INCIDENT = """
SELECT i.source AS source, i.external_id AS external_id, i.title AS title, i.severity AS severity, i.state AS state,
  i.url AS url, toString(i.service) AS named, i.repository AS repository,
  coalesce(least(i.started_at, i.detected_at), i.detected_at) AS started,
  coalesce(least(i.mitigated_at, i.resolved_at), i.mitigated_at, i.resolved_at) AS ended, i.detected_at AS detected
FROM ktlo.incidents AS i WHERE i.source = {source:String} AND i.external_id = {id:String} LIMIT 1"""

_OWNER = """
SELECT toString(any(service)) AS service FROM ktlo.service_members
WHERE (kind = 'service' AND member = {named:String} AND {named:String} != '')
  OR (kind = 'repository' AND member = {repository:String} AND {named:String} = '' AND {repository:String} != '')"""

_NAMES = (
    "SELECT DISTINCT member FROM ktlo.service_members WHERE kind = 'telemetry' AND service = {service:String}"
)

_VOLUME = """
SELECT toString(severity) AS severity, sum(records) AS records FROM ktlo.log_minutes
WHERE minute >= {start:DateTime64(6, 'UTC')} AND minute < {end:DateTime64(6, 'UTC')}
  AND service IN {names:Array(String)}
GROUP BY severity"""

_LOGS = """
SELECT logged_at, toString(service) AS service, toString(severity) AS severity,
  substring(body, 1, 500) AS body, trace_id
FROM ktlo.log_records
WHERE logged_at >= {start:DateTime64(9, 'UTC')} AND logged_at < {end:DateTime64(9, 'UTC')}
  AND service IN {names:Array(String)} AND severity IN ('error', 'fatal')
ORDER BY logged_at DESC LIMIT {most:UInt32}"""


@dataclass(frozen=True, slots=True)
class Subject:
    """The incident.

    Attributes:
        source: identifier of the source.
        external_id: in the source.
        title: of it.
        severity: as the source says.
        state: open, resolved or cancelled.
        url: where a person reads it.
        service: of the catalogue; what the source says where the catalogue does not know it.
        names: what telemetry calls that service; none when it is not joined.
        window: from the beginning of the harm, else its detection, to its end, else now.
        is_over: whether it has ended.
    """

    source: str
    external_id: str
    title: str
    severity: str
    state: str
    url: str
    service: str
    names: tuple[str, ...]
    window: Interval
    is_over: bool


@dataclass(frozen=True, slots=True)
class Around:
    """One service before, during and after.

    Attributes:
        service: service.name.
        is_own: whether it is the incident's; else one that it calls.
        before: figures of the stretch before.
        during: of the incident.
        after: of the stretch after it; ``None`` while it lasts.
    """

    service: str
    is_own: bool
    before: Red | None
    during: Red | None
    after: Red | None


@dataclass(frozen=True, slots=True)
class Slow:
    """One operation during the incident, and before."""

    service: str
    name: str
    kind: str
    before: Red | None
    during: Red


@dataclass(frozen=True, slots=True)
class ErrorLog:
    """A log record of severity error or fatal."""

    logged_at: dt.datetime
    service: str
    severity: str
    body: str
    trace_id: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that telemetry shows.

    Attributes:
        subject: the incident.
        before: the stretch before that it is held against.
        after: the stretch after it; ``None`` while it lasts or right after it.
        around: its services first, then those that they call.
        fresh: error groups that occurred for the first time during the incident.
        other: error groups that had occurred before, by how much more often they occurred, with reports before.
        slow: operations, those first that got slower most.
        deployed: deployments of those services from a day before until the incident's end, newest first.
        traces: some that failed, else the slowest.
        logs: records by severity: before and during.
        said: newest error logs.
    """

    subject: Subject
    before: Interval
    after: Interval | None
    around: tuple[Around, ...]
    fresh: tuple[errors.Listed, ...]
    other: tuple[tuple[errors.Listed, int], ...]
    slow: tuple[Slow, ...]
    deployed: tuple[tuple[str, Mark], ...]
    traces: tuple[Found, ...]
    logs: dict[str, tuple[int, int]]
    said: tuple[ErrorLog, ...]

    @property
    def has_reports(self) -> bool:
        """Whether anything was reported before or during the incident."""
        return any(one.before or one.during for one in self.around)


def subject(store: Queryable, source: str, external_id: str, now: dt.datetime) -> Subject:
    """One incident with its service and its stretch of time.

    Raises:
        NotFoundError: there is no such incident.
    """
    rows = store.query(_INCIDENT, {"source": source, "id": external_id}).to_pylist()
    if not rows:
        raise NotFoundError(
            f"there is no incident {external_id[:60]!r} of {source or '(no source)'}", fix="See /items"
        )
    row = rows[0]
    owners = store.query(_OWNER, {"named": row["named"], "repository": row["repository"]}).to_pylist()
    service = owners[0]["service"] or row["named"]
    names = (
        sorted(one["member"] for one in store.query(_NAMES, {"service": service}).to_pylist())
        if service
        else []
    )
    ended = row["ended"] if row["ended"] is not None else now if row["state"] == "open" else row["detected"]
    end = min(max(ended, row["started"] + dt.timedelta(minutes=1)), row["started"] + _LONGEST)
    return Subject(
        row["source"], row["external_id"], row["title"], row["severity"], row["state"], row["url"], service,
        tuple(names), Interval(row["started"], end), row["ended"] is not None,
    )  # fmt: skip


def evidence(store: Queryable, of: Subject, now: dt.datetime) -> Evidence:
    """Collect what telemetry shows of an incident; empty parts where its service is not joined."""
    window = of.window
    length = max(window.end - window.start, _SHORTEST)
    before = Interval(window.start - length, window.start)
    after = None
    if of.is_over and now - window.end >= dt.timedelta(minutes=1):
        after = Interval(window.end, min(window.end + length, now))
    if not of.names:
        return Evidence(of, before, after, (), (), (), (), (), (), {}, ())
    called = _called(store, Interval(before.start, window.end), of.names)
    everyone = (*of.names, *called)
    fresh, other = _errors(store, of, before, everyone)
    logs = _logs(store, before, window, everyone)
    return Evidence(
        of,
        before,
        after,
        _around(store, of, before, after, everyone),
        fresh,
        other,
        _slow(store, before, window, everyone),
        _deployed(store, of, everyone),
        _traces(store, of, everyone),
        logs,
        _said(store, window, everyone),
    )


def _called(store: Queryable, of: Interval, names: tuple[str, ...]) -> tuple[str, ...]:
    """Services that some services call, directly or through others."""
    edges = [
        (edge.way.client.name, edge.way.server.name)
        for edge in service_map(store, of).edges
        if edge.way.client.kind == "service" and edge.way.server.kind == "service"
    ]
    reached = set(names)
    while True:
        more = {server for client, server in edges if client in reached} - reached
        if not more:
            return tuple(sorted(reached - set(names)))
        reached |= more


def _around(
    store: Queryable, of: Subject, before: Interval, after: Interval | None, names: tuple[str, ...]
) -> tuple[Around, ...]:
    earlier = {one.name: one.red for one in services(store, before, names=names)}
    meanwhile = {one.name: one.red for one in services(store, of.window, names=names)}
    later = {one.name: one.red for one in services(store, after, names=names)} if after else {}
    return tuple(
        Around(name, name in of.names, earlier.get(name), meanwhile.get(name), later.get(name))
        for name in names
    )


def _errors(
    store: Queryable, of: Subject, before: Interval, names: tuple[str, ...]
) -> tuple[tuple[errors.Listed, ...], tuple[tuple[errors.Listed, int], ...]]:
    found: dict[str, errors.Listed] = {}
    earlier: dict[str, int] = {}
    for name in names:
        for one in errors.groups(store, of.window, errors.Asked(service=name)):
            known = found.get(one.group.fingerprint)
            more = one.occurrences + (known.occurrences if known else 0)
            services_of = tuple(sorted({*one.services, *(known.services if known else ())}))
            found[one.group.fingerprint] = replace(one, occurrences=more, services=services_of)
        for one in errors.groups(store, before, errors.Asked(service=name)):
            earlier[one.group.fingerprint] = earlier.get(one.group.fingerprint, 0) + one.occurrences
    ordered = sorted(found.values(), key=lambda one: (-one.occurrences, one.group.fingerprint))
    # Roll-ups are by whole minutes: the minute in which it began belongs to it.
    begun = of.window.start.replace(second=0, microsecond=0)
    fresh = tuple(one for one in ordered if one.group.first_seen >= begun)
    known_before = [
        (one, earlier.get(one.group.fingerprint, 0)) for one in ordered if one.group.first_seen < begun
    ]
    share = of.window.seconds / before.seconds
    known_before.sort(key=lambda each: -(each[0].occurrences - each[1] * share))
    return fresh[:MOST], tuple(known_before[:MOST])


def _slow(store: Queryable, before: Interval, during: Interval, names: tuple[str, ...]) -> tuple[Slow, ...]:
    found = []
    for name in names:
        earlier = {(one.name, one.kind): one.red for one in operations(store, before, name)}
        found += [
            Slow(name, one.name, one.kind, earlier.get((one.name, one.kind)), one.red)
            for one in operations(store, during, name)
        ]

    def slower(one: Slow) -> float:
        was = one.before.p95_ns if one.before and one.before.p95_ns else None
        return (
            (one.during.p95_ns or 0) - (was if was is not None else one.during.p95_ns or 0)
        ) * one.during.calls

    return tuple(sorted(found, key=lambda one: (-slower(one), -(one.during.p95_ns or 0)))[:MOST])


def _deployed(store: Queryable, of: Subject, names: tuple[str, ...]) -> tuple[tuple[str, Mark], ...]:
    stretch = Interval(of.window.start - BEFORE, of.window.end)
    found = [(name, mark) for name in names for mark in marks(store, stretch, name)]
    return tuple(sorted(found, key=lambda each: (each[1].at, each[0]), reverse=True))


def _traces(store: Queryable, of: Subject, names: tuple[str, ...]) -> tuple[Found, ...]:
    found: dict[str, Found] = {}
    for only_errors in (True, False):
        for name in names:
            if len(found) < MOST:
                for one in search(store, of.window, Wanted(service=name, only_errors=only_errors), MOST):
                    found.setdefault(one.trace_id, one)
        if found:
            break
    return tuple(sorted(found.values(), key=lambda one: (-one.errors, -one.duration_ns))[:MOST])


def _logs(
    store: Queryable, before: Interval, during: Interval, names: tuple[str, ...]
) -> dict[str, tuple[int, int]]:
    counted = []
    for of in (before, during):
        asked = {"start": of.start, "end": of.end, "names": list(names)}
        counted.append({row["severity"]: row["records"] for row in store.query(_VOLUME, asked).to_pylist()})
    return {
        severity: (counted[0].get(severity, 0), counted[1].get(severity, 0))
        for severity in sorted(counted[0].keys() | counted[1].keys())
    }


def _said(store: Queryable, of: Interval, names: tuple[str, ...]) -> tuple[ErrorLog, ...]:
    asked = {"start": of.start, "end": of.end, "names": list(names), "most": MOST}
    return tuple(
        ErrorLog(
            errors.moment(row["logged_at"]), row["service"], row["severity"], row["body"], row["trace_id"]
        )
        for row in store.query(_LOGS, asked).to_pylist()
    )
