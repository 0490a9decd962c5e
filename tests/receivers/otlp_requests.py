"""Trace requests as real senders make them, for the tests of receivers and telemetry."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from ktlo.receivers.spool import length_prefix

TEN = 1_790_000_000_000_000_000
"""A moment in September 2026, nanoseconds."""
MS = 1_000_000


@dataclass(frozen=True)
class Said:
    """A span as a test says it: identifiers as hexadecimal text, times in milliseconds after TEN."""

    span_id: str
    name: str
    start: float = 0
    took: float = 10
    parent: str = ""
    trace_id: str = "0af7651916cd43dd8448eb211c80319c"
    kind: int = 2
    error: bool = False
    attributes: Mapping[str, Any] = field(default_factory=dict)
    events: Sequence[tuple[str, Mapping[str, Any]]] = ()
    links: Sequence[tuple[str, str]] = ()


def put(attributes: Any, said: Mapping[str, Any]) -> None:
    for key, value in said.items():
        attribute = attributes.add(key=key)
        set_value(attribute.value, value)


def set_value(into: Any, value: Any) -> None:
    if isinstance(value, bool):
        into.bool_value = value
    elif isinstance(value, int):
        into.int_value = value
    elif isinstance(value, float):
        into.double_value = value
    elif isinstance(value, bytes):
        into.bytes_value = value
    elif isinstance(value, list):
        into.array_value.SetInParent()
        for each in value:
            set_value(into.array_value.values.add(), each)
    elif isinstance(value, dict):
        into.kvlist_value.SetInParent()
        for key, each in value.items():
            set_value(into.kvlist_value.values.add(key=key).value, each)
    elif value is not None:
        into.string_value = value


def request(
    service: str, *spans: Said, resource: Mapping[str, Any] | None = None
) -> ExportTraceServiceRequest:
    made = ExportTraceServiceRequest()
    of_resource = made.resource_spans.add()
    put(
        of_resource.resource.attributes,
        {"service.name": service, "service.version": "1.0", **(resource or {})},
    )
    of_scope = of_resource.scope_spans.add()
    of_scope.scope.name, of_scope.scope.version = "opentelemetry.instrumentation.flask", "0.50"
    for said in spans:
        span = of_scope.spans.add(
            trace_id=bytes.fromhex(said.trace_id),
            span_id=bytes.fromhex(said.span_id),
            parent_span_id=bytes.fromhex(said.parent),
            name=said.name,
            kind=said.kind,
            start_time_unix_nano=TEN + round(said.start * MS),
            end_time_unix_nano=TEN + round((said.start + said.took) * MS),
        )
        span.status.code = 2 if said.error else 0
        put(span.attributes, said.attributes)
        for name, attributes in said.events:
            put(span.events.add(name=name, time_unix_nano=TEN).attributes, attributes)
        for trace_id, span_id in said.links:
            span.links.add(trace_id=bytes.fromhex(trace_id), span_id=bytes.fromhex(span_id))
    return made


def segment(*requests: ExportTraceServiceRequest) -> bytes:
    """A spool segment: length-delimited requests."""
    bodies = [one.SerializeToString() for one in requests]
    return b"".join(length_prefix(len(body)) + body for body in bodies)


def bulk(spans: int, seed: int, service: str = "bulk") -> ExportTraceServiceRequest:
    rnd = random.Random(seed)
    return request(
        service,
        *(
            Said(
                rnd.randbytes(8).hex(),
                f"GET /{n % 7}",
                trace_id=rnd.randbytes(16).hex(),
                took=rnd.random() * 50,
            )
            for n in range(spans)
        ),
    )
