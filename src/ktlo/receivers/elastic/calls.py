"""What a span called: a database, another service, a queue, under the names of the semantic conventions.

Systems have other names in intake v2's ``subtype`` than in the conventions' ``db.system.name`` and
``messaging.system``. The target is told in up to four places (``context.destination``, ``.service.target``,
``.http.url``, ``.db``); the most exact one that is there is taken.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan

from ktlo.receivers.elastic.attributes import port_of, put, put_message, put_response, without_credentials
from ktlo.receivers.elastic.events import Context, Db

_DATABASES = {
    "cosmosdb": "azure.cosmosdb",
    "dynamodb": "aws.dynamodb",
    "db2": "ibm.db2",
    "derby": "derby",
    "h2": "h2database",
    "hsqldb": "hsqldb",
    "ingres": "actian.ingres",
    "mssql": "microsoft.sql_server",
    "sqlserver": "microsoft.sql_server",
    "oracle": "oracle.db",
    "sqlite3": "sqlite",
    "redshift": "aws.redshift",
}
_QUEUES = {
    "sqs": "aws_sqs",
    "sns": "aws.sns",
    "azureservicebus": "servicebus",
    "azurequeue": "azure_queue_storage",
}
_OPERATIONS = {
    "send": "send",
    "publish": "send",
    "receive": "receive",
    "poll": "receive",
    "process": "process",
}
_OPERATION = re.compile(r"[A-Za-z_]+")
_HTTP_NAME = re.compile(r"(GET|HEAD|POST|PUT|DELETE|PATCH|OPTIONS|TRACE|CONNECT|QUERY) ")
_CALLS = frozenset(("db", "external", "storage", "cache"))


def kind_of_call(kind: str, action: str, context: Context | None) -> OtlpSpan.SpanKind.ValueType:
    """The span kind of an event's type: who asks another is a client, who sends a message a producer."""
    if kind == "messaging":
        # Conventions for messaging: sending is a producer's, receiving a client's, processing a consumer's span.
        operation = _OPERATIONS.get(action, "send" if not action else "receive")
        if operation == "process":
            return OtlpSpan.SPAN_KIND_CONSUMER
        return OtlpSpan.SPAN_KIND_PRODUCER if operation == "send" else OtlpSpan.SPAN_KIND_CLIENT
    if kind in _CALLS:
        return OtlpSpan.SPAN_KIND_CLIENT
    if context is not None:
        if context.service is not None and context.service.target is not None:
            return OtlpSpan.SPAN_KIND_CLIENT
        if context.destination is not None and context.destination.service is not None:
            return OtlpSpan.SPAN_KIND_CLIENT
    return OtlpSpan.SPAN_KIND_INTERNAL


def put_call(into: Any, name: str, kind: str, subtype: str, action: str, context: Context | None) -> None:
    """Add what a span called.

    Args:
        into: the span's attributes.
        name: the span's name.
        kind: its type: ``db``, ``external``, ``messaging``…
        subtype: the system: ``postgresql``, ``http``, ``kafka``…
        action: what it did.
        context: the rest; may be absent.
    """
    context = context or Context()
    target = _target(context)
    namespace = ""
    if kind in ("db", "cache") or context.db is not None:
        namespace = target[1] if target[0] and target[0] == subtype else ""
        _database(into, name, subtype, context.db or Db(), namespace)
    elif kind == "messaging":
        put(into, "messaging.system", _QUEUES.get(subtype, subtype))
        put(into, "messaging.operation.type", _OPERATIONS.get(action))
        put(into, "messaging.operation.name", action)
        if context.message is None or context.message.queue is None or not context.message.queue.name:
            put(into, "messaging.destination.name", target[1])
    elif subtype in ("grpc", "dubbo"):
        put(into, "rpc.system", "apache_dubbo" if subtype == "dubbo" else subtype)
        service, slash, method = name.removeprefix("/").rpartition("/")
        if slash:
            put(into, "rpc.service", service)
            put(into, "rpc.method", method)
    elif kind != "external" and (target[0] or target[1]):
        put(into, "peer.service", "/".join(part for part in target if part))
    if context.message is not None:
        put_message(into, context.message)
    _http(into, name, subtype, context)
    _address(into, kind, context, target[1])


def _database(into: Any, name: str, subtype: str, db: Db, namespace: str) -> None:
    system = subtype or ("other_sql" if db.type == "sql" else db.type or "")
    put(into, "db.system.name", _DATABASES.get(system, system))
    put(into, "db.namespace", db.instance or namespace)
    put(into, "db.query.text", db.statement)
    # Agents name these spans by their operation: "SELECT FROM products", "GET".
    operation = _OPERATION.match(name)
    if operation is not None and operation[0].isupper():
        put(into, "db.operation.name", operation[0])
    put(into, "db.user", db.user)
    put(into, "elastic.db.rows_affected", db.rows_affected)


def _http(into: Any, name: str, subtype: str, context: Context) -> None:
    http = context.http
    if http is None:
        return
    method = http.method
    if not method and (named := _HTTP_NAME.match(name)):
        method = named[1]
    put(into, "http.request.method", method and method.upper())
    put(into, "url.full", without_credentials(http.url))
    if http.response is not None:
        put_response(into, http.response)
    if http.response is None or http.response.status_code is None:
        put(into, "http.response.status_code", http.status_code)


def _address(into: Any, kind: str, context: Context, target: str) -> None:
    """``server.address`` and ``server.port``: of the destination, else of the URL, else of the target's name."""
    destination = context.destination
    address = destination.address if destination is not None else None
    port = port_of(destination.port) if destination is not None else None
    if not address and context.http is not None and context.http.url:
        address, port = _split(context.http.url)
    if not address and kind == "external" and target:
        address, port = _split(f"//{target}")
    put(into, "server.address", address)
    put(into, "server.port", port)


def _split(url: str) -> tuple[str | None, int | None]:
    try:
        parts = urlsplit(url)
        return parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None, None


def _target(context: Context) -> tuple[str, str]:
    """Type and name of what was called; of an older agent out of the destination's resource, ``postgresql/shop``."""
    if context.service is not None and context.service.target is not None:
        return context.service.target.type or "", context.service.target.name or ""
    if context.destination is not None and context.destination.service is not None:
        resource = context.destination.service.resource or ""
        kind, slash, name = resource.partition("/")
        return (kind, name) if slash else ("", resource)
    return "", ""
