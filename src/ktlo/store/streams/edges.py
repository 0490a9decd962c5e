"""Calls between services in the store: both ends of each call, the edges paired from them, and roll-ups by service.

Ends follow from spans by themselves, in the same insert. Edges do not: a caller and what answered it may arrive hours
apart, so ``telemetry/pairing`` computes a minute's edges from its ends, and anew when late ends change it. A row of
a minute replaces the earlier one; an edge that is gone from a minute is written with no calls.
Attributes: OpenTelemetry semantic conventions 1.x (database, messaging, HTTP, RPC), older names after the stable ones.
"""

from __future__ import annotations

from ktlo.store.streams.physical import Flow, Physical, Signal
from ktlo.store.streams.traces import CALLS

_MINUTE = "DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1))"
_LABEL = "LowCardinality(String)"
_CACHES = "('redis', 'valkey', 'memcached', 'keydb', 'dragonfly', 'hazelcast', 'infinispan')"
_PORTS = (
    "0",
    "80",
    "443",
    "1433",
    "1521",
    "3306",
    "5432",
    "5672",
    "6379",
    "9042",
    "9092",
    "9200",
    "11211",
    "27017",
)
_USUAL_PORTS = f"({', '.join(repr(port) for port in ('', *_PORTS))})"

EDGES_TABLE = "service_edges_rows"

_PHYSICAL = {
    "call_ends": Physical(
        "call_ends",
        {
            "span": "Int64",
            "parent": "Int64 CODEC(ZSTD(1))",
            "links": "Array(Int64) CODEC(ZSTD(1))",
            "minute": _MINUTE,
            "service": _LABEL,
            "environment": _LABEL,
            "side": _LABEL,
            "kind": _LABEL,
            "node": _LABEL,
            "is_receive": "Bool",
            "also": "Int64 CODEC(T64, ZSTD(1))",
            "duration_ns": "Int64 CODEC(T64, ZSTD(1))",
            "is_error": "Bool",
            "received_at": "DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1))",
        },
        "MergeTree",
        "minute, side, service",
        "received_at",
        "received_at",
        ("by_arrival received_at TYPE minmax GRANULARITY 1",),
        shard_by="span",
    ),
    "service_edges": Physical(
        EDGES_TABLE,
        {
            "minute": _MINUTE,
            "client": _LABEL,
            "client_kind": _LABEL,
            "server": _LABEL,
            "server_kind": _LABEL,
            "kind": _LABEL,
            "environment": _LABEL,
            "calls": "Int64 CODEC(ZSTD(1))",
            "errors": "Int64 CODEC(ZSTD(1))",
            "total_ns": "Int64 CODEC(ZSTD(1))",
            "longest_ns": "Int64 CODEC(ZSTD(1))",
            "durations": "AggregateFunction(quantilesTDigest(0.5, 0.95, 0.99), Int64)",
            "arrived_until": "DateTime64(6, 'UTC') CODEC(ZSTD(1))",
        },
        "ReplacingMergeTree",
        "minute, client, client_kind, server, server_kind, kind, environment",
        "",
        "minute",
        view="s.minute AS minute, s.client AS client, s.client_kind AS client_kind, s.server AS server,"
        " s.server_kind AS server_kind, s.kind AS kind, s.environment AS environment, s.calls AS calls,"
        " s.errors AS errors, s.total_ns AS total_ns, s.longest_ns AS longest_ns",
        newest="s.calls > 0",
        shard_by="client",
        kept="keep_rollups_days",
    ),
    "instance_minutes": Physical(
        "instance_minutes_states",
        {
            "minute": _MINUTE,
            "service": _LABEL,
            "environment": _LABEL,
            "version": _LABEL,
            "instance": _LABEL,
            "spans": "SimpleAggregateFunction(sum, Int64)",
            "asked": "SimpleAggregateFunction(sum, Int64)",
            "errors": "SimpleAggregateFunction(sum, Int64)",
            "total_ns": "SimpleAggregateFunction(sum, Int64)",
            "durations": "AggregateFunction(quantilesTDigest(0.5, 0.95, 0.99), Int64)",
        },
        "AggregatingMergeTree",
        "service, minute, environment, version, instance",
        "",
        "minute",
        view="s.minute AS minute, s.service AS service, s.environment AS environment, s.version AS version,"
        " s.instance AS instance, sum(s.spans) AS spans, sum(s.asked) AS asked, sum(s.errors) AS errors,"
        " sum(s.total_ns) AS total_ns",
    ),
    "service_addresses": Physical(
        "service_addresses_states",
        {
            "day": _MINUTE,
            "address": "String CODEC(ZSTD(1))",
            "service": _LABEL,
            "spans": "SimpleAggregateFunction(sum, Int64)",
        },
        "AggregatingMergeTree",
        "day, address, service",
        "",
        "day",
        view="s.day AS day, s.address AS address, s.service AS service, sum(s.spans) AS spans",
    ),
}


def _first(*names: str) -> str:
    """SQL of the first attribute of several that is there."""
    return (
        "multiIf("
        + ", ".join(f"attributes['{name}'] != '', attributes['{name}']" for name in names)
        + ", '')"
    )


def _address(host: str, port: str) -> str:
    return f"if({host} = '' OR {port} IN {_USUAL_PORTS}, {host}, concat({host}, ':', {port}))"


def _digest(trace: str, span: str) -> str:
    return f"reinterpretAsInt64(sipHash64({trace}, {span}))"


_COMMON = f"""{_digest("trace_id", "span_id")} AS span,
  if(parent_span_id = '', toInt64(0), {_digest("trace_id", "parent_span_id")}) AS parent"""


def _inner(database: str) -> str:
    """Spans that are no end of a call, but may be the parent of one."""
    return f"""SELECT {_COMMON}, toStartOfMinute(toDateTime64(started_at, 6, 'UTC')) AS minute, service, environment,
  'inner' AS side, received_at
FROM {database}.spans WHERE kind = 'internal'"""  # noqa: S608 - names are ktlo's own


_BEFORE_HOST = "^[A-Za-z][A-Za-z0-9+.-]*://(?:[^@/?#]*@)?"
_HOST = f"{_BEFORE_HOST}([[][^]]*]|[^:/?#]*)"
"""The host of a URL (RFC 3986, section 3.2). The engine's ``domain`` knows none without a dot, such as ``orders``."""
_PORT = f"{_BEFORE_HOST}(?:[[][^]]*]|[^:/?#]*):([0-9]+)"


def _ends(database: str) -> str:
    """Client, producer, server and consumer spans."""
    url = "if(attributes['url.full'] != '', attributes['url.full'], attributes['http.url'])"
    host = _first(
        "server.address",
        "net.peer.name",
        "http.host",
        "network.peer.address",
        "net.peer.ip",
        "net.sock.peer.addr",
    )
    destination = _first(
        "messaging.destination.template", "messaging.destination.name", "messaging.destination"
    )
    return f"""WITH
  {_first("db.system.name", "db.system")} AS db,
  {_first("messaging.operation.type", "messaging.operation")} AS doing,
  s.kind IN ('producer', 'consumer') OR (s.kind = 'client' AND attributes['messaging.system'] != '') AS is_messaging,
  {host} AS named_host,
  if(named_host != '', named_host, trim(BOTH '[]' FROM extract({url}, '{_HOST}'))) AS host,
  {_first("server.port", "net.peer.port")} AS named_port,
  multiIf(named_port != '', named_port, named_host = '', extract({url}, '{_PORT}'), '') AS port,
  {_address("host", "port")} AS address,
  {_first("db.namespace", "db.name")} AS namespace,
  if(attributes['messaging.destination.temporary'] = 'true', '(temporary)', {destination}) AS destination,
  multiIf(s.kind IN ('server', 'consumer') OR (s.kind = 'client' AND is_messaging AND doing = 'receive'), 'answer',
    is_messaging AND doing = 'settle', 'inner', 'caller') AS end,
  multiIf(is_messaging, 'messaging', s.kind = 'server' OR db = '', 'rpc', db IN {_CACHES}, 'cache', 'database')
    AS of_kind,
  {CALLS}
SELECT {_COMMON},
  arrayMap((t, s) -> {_digest("t", "s")}, link_traces, link_spans) AS links,
  toStartOfMinute(toDateTime64(started_at, 6, 'UTC')) AS minute, service, environment, end AS side, of_kind AS kind,
  multiIf(
    is_messaging, trimBoth(concat(attributes['messaging.system'], ' ', destination)),
    of_kind = 'rpc' AND end = 'answer', '',
    of_kind = 'rpc', multiIf(attributes['peer.service'] != '', attributes['peer.service'], address != '', address,
      attributes['rpc.service']),
    of_kind = 'database' AND namespace != '', concat(db, ' ', namespace),
    trimBoth(concat(db, ' ', address))) AS node,
  is_messaging AND doing = 'receive' AS is_receive,
  calls_of - 1 AS also, took AS duration_ns, status = 'error' AS is_error, received_at
FROM {database}.spans AS s WHERE s.kind != 'internal'"""  # noqa: S608


def _instances(database: str) -> str:
    asked = "kind IN ('server', 'consumer')"
    return f"""SELECT toStartOfMinute(toDateTime64(started_at, 6, 'UTC')) AS minute, service, environment, version,
  instance, toInt64(count()) AS spans, toInt64(countIf({asked})) AS asked,
  toInt64(countIf({asked} AND status = 'error')) AS errors, sumIf(duration_ns, {asked}) AS total_ns,
  quantilesTDigestStateIf(0.5, 0.95, 0.99)(duration_ns, {asked}) AS durations
FROM {database}.spans GROUP BY minute, service, environment, version, instance"""  # noqa: S608


def _addresses(database: str) -> str:
    host, port = _first("server.address", "net.host.name"), _first("server.port", "net.host.port")
    return f"""SELECT toDateTime64(toStartOfDay(started_at), 6, 'UTC') AS day, {_address(host, port)} AS address,
  service, toInt64(count()) AS spans
FROM {database}.spans WHERE kind = 'server' AND {host} != '' GROUP BY day, address, service"""  # noqa: S608


SIGNAL = Signal(
    _PHYSICAL,
    (),
    (
        Flow("spans_to_inner_ends", "call_ends", _inner),
        Flow("spans_to_call_ends", "call_ends", _ends),
        Flow("spans_to_instance_minutes", "instance_minutes_states", _instances),
        Flow("spans_to_service_addresses", "service_addresses_states", _addresses),
    ),
)
"""Tables and flows of calls between services; the ways in are those of traces."""
