"""Spans of Zipkin's API v2 as OTLP's traces.

``localEndpoint.serviceName`` becomes ``service.name``, the remote endpoint ``peer.service`` and ``network.peer.*``,
the tag ``error`` (or ``otel.status_code``) the status, annotations events; other tags stay attributes. Identifiers of
64 bits are filled up with zeros. Source: OpenTelemetry specification, "Zipkin exporter" (read backwards); zipkin-api,
zipkin2-api.yaml.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import msgspec
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from ktlo.receivers.otlp.accepting import MalformedError

_KINDS = {"SERVER": 2, "CLIENT": 3, "PRODUCER": 4, "CONSUMER": 5}
_STATUS = {"OK": 1, "ERROR": 2}
_INTERNAL = 1
_US = 1_000
_MOST = (1 << 64) - 1
_SHORT, _LONG = 16, 32
_SCOPE = (("otel.scope.name", "otel.library.name"), ("otel.scope.version", "otel.library.version"))
_CONSUMED = frozenset(("otel.status_code", "otel.status_description", *_SCOPE[0], *_SCOPE[1]))


class Endpoint(msgspec.Struct, frozen=True, rename="camel"):
    """A place in the network."""

    service_name: str | None = None
    ipv4: str | None = None
    ipv6: str | None = None
    port: int | None = None


class Annotation(msgspec.Struct, frozen=True):
    """Something that happened, microseconds since 1970."""

    timestamp: int
    value: str


class ZipkinSpan(msgspec.Struct, frozen=True, rename="camel"):
    """A span as Zipkin has it; times in microseconds."""

    trace_id: str
    id: str
    parent_id: str | None = None
    name: str | None = None
    kind: str | None = None
    timestamp: int | None = None
    duration: int | None = None
    local_endpoint: Endpoint | None = None
    remote_endpoint: Endpoint | None = None
    annotations: list[Annotation] | None = None
    tags: dict[str, str] | None = None
    debug: bool | None = None
    shared: bool | None = None


_spans = msgspec.json.Decoder(list[msgspec.Raw])
_span = msgspec.json.Decoder(ZipkinSpan)


def translate(body: bytes) -> tuple[ExportTraceServiceRequest, Counter[str]]:
    """Turn a list of spans into a trace request, and count spans that cannot be, by reason.

    Raises:
        MalformedError: the body is not a list in JSON.
    """
    try:
        listed = _spans.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedError(f"the body is not a list of spans in JSON: {str(error)[:200]}") from error
    made = ExportTraceServiceRequest()
    rejected: Counter[str] = Counter()
    scopes: dict[tuple[str, str, str], Any] = {}
    for raw in listed:
        try:
            said = _span.decode(raw)
            identifiers = _identifiers(said)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
            rejected[str(error)[:120]] += 1
            continue
        _add(_scope_of(made, scopes, said), said, identifiers)
    return made, rejected


def _identifiers(said: ZipkinSpan) -> tuple[bytes, bytes, bytes]:
    """Trace, span and parent as OTLP has them; raises ValueError for what is none."""
    trace = _hex("traceId", said.trace_id, _LONG)
    return (
        trace,
        _hex("id", said.id, _SHORT),
        _hex("parentId", said.parent_id, _SHORT) if said.parent_id else b"",
    )


def _hex(field: str, text: str, digits: int) -> bytes:
    """An identifier of at most so many digits; fewer are filled up on the left."""
    if not text or len(text) > digits:
        raise ValueError(f"{field} has {len(text)} digits instead of at most {digits}")
    try:
        return bytes.fromhex(text.rjust(digits, "0"))
    except ValueError:
        raise ValueError(f"{field} is not hexadecimal") from None


def _scope_of(made: Any, scopes: dict[tuple[str, str, str], Any], said: ZipkinSpan) -> Any:
    tags = said.tags or {}
    service = (said.local_endpoint.service_name if said.local_endpoint else None) or ""
    name, version = (next((tags[key] for key in keys if key in tags), "") for keys in _SCOPE)
    found = scopes.get((service, name, version))
    if found is None:
        resource = made.resource_spans.add()
        if service:
            resource.resource.attributes.add(key="service.name").value.string_value = service
        found = resource.scope_spans.add()
        found.scope.name, found.scope.version = name, version
        scopes[service, name, version] = found
    return found


def _add(scope: Any, said: ZipkinSpan, identifiers: tuple[bytes, bytes, bytes]) -> None:
    trace, own, parent = identifiers
    start = _bounded((said.timestamp or 0) * _US)
    span = scope.spans.add(
        trace_id=trace,
        span_id=own,
        parent_span_id=parent,
        name=said.name or "",
        kind=_KINDS.get((said.kind or "").upper(), _INTERNAL),
        start_time_unix_nano=start,
        end_time_unix_nano=_bounded(start + max(said.duration or 0, 0) * _US),
    )
    tags = said.tags or {}
    _status(span.status, tags)
    for key, value in tags.items():
        if key not in _CONSUMED:
            span.attributes.add(key=key).value.string_value = value
    _endpoint(span.attributes, said.remote_endpoint, "network.peer", "peer.service")
    _endpoint(span.attributes, said.local_endpoint, "network.local", "")
    if said.shared:
        span.attributes.add(key="zipkin.shared").value.bool_value = True
    for annotation in said.annotations or ():
        _event(span.events.add(time_unix_nano=_bounded(annotation.timestamp * _US)), annotation.value)


def _status(status: Any, tags: dict[str, str]) -> None:
    status.code = _STATUS.get(tags.get("otel.status_code", "").upper(), 0)
    failed = tags.get("error")
    if not status.code and failed is not None and failed.lower() != "false":
        status.code = _STATUS["ERROR"]
        status.message = "" if failed.lower() == "true" else failed
    status.message = tags.get("otel.status_description", status.message)


def _endpoint(into: Any, endpoint: Endpoint | None, prefix: str, service: str) -> None:
    if endpoint is None:
        return
    if service and endpoint.service_name:
        into.add(key=service).value.string_value = endpoint.service_name
    address = endpoint.ipv4 or endpoint.ipv6
    if address:
        into.add(key=f"{prefix}.address").value.string_value = address
    if endpoint.port:
        into.add(key=f"{prefix}.port").value.int_value = min(max(endpoint.port, 0), 65535)


def _event(event: Any, value: str) -> None:
    """An annotation; OpenTelemetry's exporters write ``{"name": {"key": …}}`` for an event with attributes."""
    event.name = value
    if not value.startswith("{"):
        return
    try:
        said = json.loads(value)
    except (ValueError, RecursionError):
        return
    if isinstance(said, dict) and len(said) == 1:
        (name, attributes), *_ = said.items()
        if isinstance(attributes, dict):
            event.name = name
            for key, one in attributes.items():
                text = one if isinstance(one, str) else json.dumps(one)
                event.attributes.add(key=key).value.string_value = text


def _bounded(nanoseconds: int) -> int:
    """What fits protobuf's fixed64; what is too late is rejected with all other spans of such times."""
    return min(max(nanoseconds, 0), _MOST)
