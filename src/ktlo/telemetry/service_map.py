"""The map of services: who calls whom, how often, how well; one service's part of it; two stretches compared.

Read from ``service_edges``. A host that no service answered for is taken for a service when its name says so without
doubt: exactly one service was asked under that address, or it is the name of a service where names are private. Such
calls are counted as known by name only. Names come from outside and may be many: the map has the ways with most calls.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ktlo.store.protocol import Queryable
from ktlo.telemetry.changes import LEVELS, Change, Sample, changes
from ktlo.telemetry.interval import Interval
from ktlo.telemetry.observed import Observed, Watch, watch
from ktlo.telemetry.services import MOST_SERVICES, NO_CALLS, Red, busiest, reported, services

MOST_EDGES = 1_000
MOST_HOSTS = 5_000
"""Hosts of which it is asked whether they are services."""
_KNOWN_SERVICES = 1_000
"""Services, the busiest, whose figures are their own spans'; those of others on the map are what their edges say."""
_PRIVATE = (".svc", ".svc.cluster.local", ".local", ".internal", ".consul", ".docker", ".lan")

_WITHIN = """e.minute >= {start:DateTime64(6, 'UTC')} AND e.minute < {end:DateTime64(6, 'UTC')} AND e.calls > 0
  AND ({environment:String} = '' OR e.environment = {environment:String})"""

_HOSTS = f"""
SELECT DISTINCT toString(e.server) AS host FROM ktlo.service_edges AS e
WHERE {_WITHIN} AND e.server_kind = 'host' LIMIT {{most:UInt32}}"""  # noqa: S608 - no value enters the text

_ADDRESSES = """
SELECT a.address AS address, any(a.service) AS service FROM ktlo.service_addresses AS a
WHERE a.day >= toStartOfDay({start:DateTime64(6, 'UTC')}) AND a.day < {end:DateTime64(6, 'UTC')}
  AND a.address IN {hosts:Array(String)}
GROUP BY address HAVING uniqExact(a.service) = 1"""

_NAMED = "e.server_kind = 'host' AND toString(e.server) IN {hosts:Array(String)}"
_KEY = f"""toString(e.client) AS client, toString(e.client_kind) AS client_kind,
  if({_NAMED}, transform(toString(e.server), {{hosts:Array(String)}}, {{names:Array(String)}}, ''), toString(e.server))
    AS server_name,
  if({_NAMED}, 'service', toString(e.server_kind)) AS of_server, toString(e.kind) AS kind"""

_EDGES = f"""
SELECT {_KEY}, sum(e.calls) AS calls, sum(e.errors) AS errors, sum(e.total_ns) AS total_ns,
  sumIf(e.calls, {_NAMED}) AS by_name, quantilesTDigestMerge(0.5, 0.95, 0.99)(e.durations) AS quantiles
FROM ktlo.service_edges_rows AS e FINAL WHERE {_WITHIN}
GROUP BY client, client_kind, server_name, of_server, kind
HAVING ({{near:String}} = '' OR client = {{near:String}} OR server_name = {{near:String}})
  AND ({{text:String}} = '' OR positionCaseInsensitiveUTF8(client, {{text:String}}) > 0
    OR positionCaseInsensitiveUTF8(server_name, {{text:String}}) > 0)
ORDER BY calls DESC, client, server_name, kind LIMIT {{most:UInt32}}"""  # noqa: S608

_LEVELS = ", ".join(map(str, LEVELS))
_SAMPLES = f"""
SELECT client, client_kind, server_name, of_server, kind, sum(in_minute) AS calls, sum(failed) AS errors,
  sum(toFloat64(in_minute) * in_minute) AS squares, quantilesTDigestMerge({_LEVELS})(took) AS quantiles
FROM (
  SELECT e.minute AS minute, {_KEY}, sum(e.calls) AS in_minute, sum(e.errors) AS failed,
    quantilesTDigestMergeState(0.5, 0.95, 0.99)(e.durations) AS took
  FROM ktlo.service_edges_rows AS e FINAL WHERE {_WITHIN}
  GROUP BY minute, client, client_kind, server_name, of_server, kind
) GROUP BY client, client_kind, server_name, of_server, kind
ORDER BY calls DESC LIMIT {{most:UInt32}}"""  # noqa: S608

_ONE = f"""
SELECT toDateTime64(toStartOfInterval(minute, toIntervalSecond({{width:UInt32}})), 6, 'UTC') AS at,
  sum(e.calls) AS calls, sum(e.errors) AS errors, sum(e.total_ns) AS total_ns,
  quantilesTDigestMerge(0.5, 0.95, 0.99)(e.durations) AS quantiles
FROM (
  SELECT e.*, {
    _KEY.replace("AS client,", "AS client_name,")
    .replace("AS client_kind", "AS of_client")
    .replace("AS kind", "AS of_kind")
}
  FROM ktlo.service_edges_rows AS e FINAL WHERE {_WITHIN}
) AS e
WHERE client_name = {{client:String}} AND of_client = {{client_kind:String}} AND server_name = {{server:String}}
  AND of_server = {{server_kind:String}} AND of_kind = {{kind:String}}
GROUP BY at ORDER BY at"""  # noqa: S608

_ENVIRONMENTS = """
SELECT DISTINCT toString(e.environment) AS environment FROM ktlo.operation_minutes_states AS e
WHERE e.minute >= {start:DateTime64(6, 'UTC')} AND e.minute < {end:DateTime64(6, 'UTC')} AND e.environment != ''
ORDER BY environment LIMIT 100"""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """What stands on the map.

    Attributes:
        kind: service, database, cache, queue or host.
        name: its name.
    """

    kind: str
    name: str

    def __str__(self) -> str:
        return self.name or "(no service.name)"


@dataclass(frozen=True, slots=True, order=True)
class Way:
    """From whom to whom, and how: rpc, database, cache or messaging."""

    client: Place
    server: Place
    kind: str


@dataclass(frozen=True, slots=True)
class Edge:
    """Calls along one way.

    Attributes:
        way: from, to, how.
        red: calls, errors and durations, as the caller saw them where it reports.
        by_name: calls of which only a host's name says that this service was meant.
    """

    way: Way
    red: Red
    by_name: int


@dataclass(frozen=True, slots=True)
class Node:
    """One place with what it was asked: a service by its own spans, anything else by what its callers saw."""

    place: Place
    red: Red


@dataclass(frozen=True, slots=True)
class ServiceMap:
    """Who calls whom.

    Attributes:
        nodes: by place.
        edges: most calls first.
        is_cut: whether there are more edges than :data:`MOST_EDGES`.
        services: that reported in the stretch, those that are not on the map too.
    """

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    is_cut: bool
    services: int = 0

    def around(self, focus: Place, depth: int) -> ServiceMap:
        """What calls a place, over so many steps, and what it calls."""
        kept = {focus}
        for one, two in (("client", "server"), ("server", "client")):
            reached = {focus}
            for _ in range(depth):
                reached |= {getattr(e.way, two) for e in self.edges if getattr(e.way, one) in reached}
            kept |= reached
        return self.only(kept)

    def only(self, places: Iterable[Place]) -> ServiceMap:
        """The part of it between some places."""
        kept = set(places)
        return dataclasses.replace(
            self,
            nodes=tuple(one for one in self.nodes if one.place in kept),
            edges=tuple(e for e in self.edges if e.way.client in kept and e.way.server in kept),
        )


def environments(store: Queryable, of: Interval) -> list[str]:
    """Environments that reported in a stretch."""
    return [row["environment"] for row in store.query(_ENVIRONMENTS, _bounds(of)).to_pylist()]


def service_map(
    store: Queryable, of: Interval, environment: str = "", *, near: str = "", text: str = ""
) -> ServiceMap:
    """Read the map: the ways with most calls, and the busiest services that nothing leads to.

    Args:
        store: where the edges are.
        of: when the calls began.
        environment: of who reported them; empty for all.
        near: name of a place whose own edges are there, however few calls they have; empty for none.
        text: only edges with this part of a name at one of their ends, in either case; empty for all.
    """
    asked = _asked(store, of, environment)
    edges, is_cut = _edges(store, of, {**asked, "near": "", "text": text})
    if is_cut and near:
        known = {edge.way for edge in edges}
        near_it, _ = _edges(store, of, {**asked, "near": near, "text": ""})
        edges += [each for each in near_it if each.way not in known]
    known_services = busiest(store, of, environment, text, _KNOWN_SERVICES)
    places = {place for edge in edges for place in (edge.way.client, edge.way.server)}
    at_ends = {place.name for place in places if place.kind == "service"}
    alone = {*known_services.names[:MOST_SERVICES], *reported(store, of, [near] if near else [], environment)}
    named = alone | at_ends.intersection(known_services.names) if is_cut else alone | at_ends
    nodes = {Place("service", one.name): one.red for one in services(store, of, environment, sorted(named))}
    incoming: dict[Place, list[Red]] = defaultdict(list)
    outgoing: dict[Place, list[Red]] = defaultdict(list)
    for edge in edges:
        incoming[edge.way.server].append(edge.red)
        outgoing[edge.way.client].append(edge.red)
    for place in places - nodes.keys():
        nodes[place] = _together(incoming[place] or outgoing[place])
    return ServiceMap(
        tuple(Node(place, nodes[place]) for place in sorted(nodes)),
        tuple(edges),
        is_cut,
        known_services.among,
    )


def _edges(store: Queryable, of: Interval, asked: Mapping[str, Any]) -> tuple[list[Edge], bool]:
    """Edges, most calls first, and whether there are more."""
    rows = store.query(_EDGES, {**asked, "most": MOST_EDGES + 1}).to_pylist()
    is_cut, rows = len(rows) > MOST_EDGES, rows[:MOST_EDGES]
    ways = [_way(row) for row in rows]
    seen = watch(store, of, services_of(ways), asked["environment"])
    return [
        Edge(way, red_of(row, observed_of(seen, way)), row["by_name"])
        for way, row in zip(ways, rows, strict=True)
    ], is_cut


def services_of(ways: Iterable[Way]) -> set[str]:
    """Names of the services at the ends of some ways."""
    return {place.name for way in ways for place in (way.client, way.server) if place.kind == "service"}


def comparable(store: Queryable, before: Interval) -> Interval | None:
    """The part of a stretch in which the store had records already; ``None`` when it had none yet."""
    first = watch(store, before, []).store_first
    if first is None or first >= before.end:
        return None
    return Interval(max(first, before.start), before.end)


def compared(store: Queryable, before: Interval, after: Interval, environment: str = "") -> list[Change[Way]]:
    """What appeared, disappeared, got slower or more faulty between two stretches; only what is there.

    Args:
        store: where telemetry is.
        before: the earlier stretch, as far as it is :func:`comparable`.
        after: the later one.
        environment: only this one; empty for all.
    """
    named = _asked(store, Interval(min(before.start, after.start), after.end), environment)
    return changes(
        _samples(store, before, named),
        _samples(store, after, named),
        minutes=(before.seconds / 60, after.seconds / 60),
    )


def compared_as_far_as_known(
    store: Queryable, before: Interval, after: Interval, environment: str = ""
) -> tuple[Interval | None, list[Change[Way]] | None]:
    """The part of an earlier stretch that is :func:`comparable`, and what is different; ``None`` twice when none is."""
    known = comparable(store, before)
    return known, compared(store, known, after, environment) if known else None


def edge_statement(
    store: Queryable, of: Interval, way: Way, environment: str = ""
) -> tuple[str, dict[str, Any]]:
    """The statement that answers one edge over time, and its values."""
    return _ONE, {
        **_asked(store, of, environment),
        "width": of.bucket_seconds,
        "client": way.client.name,
        "client_kind": way.client.kind,
        "server": way.server.name,
        "server_kind": way.server.kind,
        "kind": way.kind,
    }


def _samples(store: Queryable, of: Interval, named: Mapping[str, Any]) -> dict[Way, Sample]:
    asked = {**named, **_bounds(of), "most": MOST_EDGES}
    return {
        _way(row): Sample(
            row["calls"], row["errors"], row["squares"], of.seconds / 60, tuple(row["quantiles"])
        )
        for row in store.query(_SAMPLES, asked).to_pylist()
    }


def _asked(store: Queryable, of: Interval, environment: str) -> dict[str, Any]:
    """What the statements take: the stretch, and which hosts are which services."""
    bounds = {**_bounds(of), "environment": environment}
    hosts = [row["host"] for row in store.query(_HOSTS, {**bounds, "most": MOST_HOSTS}).to_pylist()]
    known = {
        row["address"]: row["service"]
        for row in (store.query(_ADDRESSES, {**_bounds(of), "hosts": hosts}).to_pylist() if hosts else [])
    }
    as_named = {name for host in hosts for name in (host, _label(host))}
    named = resolved(hosts, known, reported(store, of, as_named, environment))
    return {**bounds, "hosts": list(named), "names": list(named.values())}


def resolved(hosts: Iterable[str], asked_as: Mapping[str, str], known: Iterable[str]) -> dict[str, str]:
    """Which hosts are which services.

    Args:
        hosts: as callers name them: a name of a peer, host, or host:port.
        asked_as: the one service that was asked under an address.
        known: services that report.
    """
    names = set(known)
    found: dict[str, str] = {}
    for host in hosts:
        bare, label = host.partition(":")[0].casefold(), _label(host)
        is_private = "." not in bare or bare.endswith(_PRIVATE) or ".svc." in bare
        if host in names:
            found[host] = host
        elif host in asked_as:
            found[host] = asked_as[host]
        elif is_private and label in names:
            found[host] = label
    return found


def _label(host: str) -> str:
    """First part of a host's name."""
    return host.partition(":")[0].casefold().partition(".")[0]


def _bounds(of: Interval) -> dict[str, Any]:
    return {"start": of.start, "end": of.end}


def _way(row: Mapping[str, Any]) -> Way:
    return Way(
        Place(row["client_kind"], row["client"]), Place(row["of_server"], row["server_name"]), row["kind"]
    )


def observed_of(seen: Watch, way: Way) -> Observed:
    """The part of a stretch in which there can be calls along a way: a call needs both ends."""
    ends = [seen.of(place.name) for place in (way.client, way.server) if place.kind == "service"]
    return ends[0].and_of(ends[-1]) if ends else seen.whole


def red_of(row: Mapping[str, Any], observed: Observed) -> Red:
    """Figures of a row of edges."""
    quantiles = [None if value is None or value != value else float(value) for value in row["quantiles"]]
    return Red(
        row["calls"], row["errors"], quantiles[0], quantiles[1], quantiles[2], row["total_ns"], "", observed
    )


def _together(given: list[Red]) -> Red:
    """Calls added up; percentiles cannot be, so there are none unless there is but one part."""
    if len(given) == 1:
        return given[0]
    if not given:
        return NO_CALLS
    return Red(
        sum(one.calls for one in given),
        sum(one.errors for one in given),
        None,
        None,
        None,
        sum(one.total_ns for one in given),
        "",
        min((one.observed for one in given if one.observed), key=lambda one: one.start, default=None),
    )
