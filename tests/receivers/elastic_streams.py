"""Streams as Elastic's agents send them, and exports that remember what they were given."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from ktlo.receivers.access import ANYBODY, Sender
from ktlo.receivers.elastic.stream import Exports
from ktlo.receivers.otlp.exchange import Accepted

METADATA = {
    "metadata": {
        "service": {
            "name": "storefront",
            "version": "1.0",
            "environment": "shop",
            "agent": {"name": "python", "version": "6.26.2"},
            "language": {"name": "python", "version": "3.11.7"},
            "runtime": {"name": "CPython", "version": "3.11.7"},
        },
        "process": {"pid": 7},
        "system": {"detected_hostname": "lamp", "architecture": "x86_64", "platform": "linux"},
    }
}
TRACE, SPAN, PARENT = "0af7651916cd43dd8448eb211c80319c", "00f067aa0ba902b7", "b7ad6b7169203331"
AT = 1_790_000_000_000_000
"""A moment in September 2026, microseconds."""


def transaction(**more: Any) -> dict[str, Any]:
    return {
        "transaction": {
            "id": SPAN,
            "trace_id": TRACE,
            "name": "GET /",
            "type": "request",
            "duration": 12.5,
            "timestamp": AT,
            "span_count": {"started": 0},
            **more,
        }
    }


def span(**more: Any) -> dict[str, Any]:
    return {
        "span": {
            "id": PARENT,
            "trace_id": TRACE,
            "parent_id": SPAN,
            "name": "SELECT FROM products",
            "type": "db",
            "subtype": "postgresql",
            "action": "query",
            "duration": 3.25,
            "timestamp": AT,
            **more,
        }
    }


def error(**more: Any) -> dict[str, Any]:
    return {
        "error": {
            "id": "9" * 32,
            "timestamp": AT,
            "trace_id": TRACE,
            "parent_id": SPAN,
            "transaction_id": SPAN,
            "exception": {"type": "KeyError", "module": "builtins", "message": "KeyError: 'AUTUMN'"},
            **more,
        }
    }


def metricset(**more: Any) -> dict[str, Any]:
    return {"metricset": {"timestamp": AT, "samples": {"queue.length": {"value": 3}}, **more}}


def ndjson(*events: Any) -> bytes:
    return b"".join(
        (event if isinstance(event, bytes) else json.dumps(event).encode()) + b"\n" for event in events
    )


class Kept:
    """An export that keeps what it is given.

    Args:
        into: the type of its requests.
        problem: raised instead of keeping.
    """

    def __init__(self, into: type[Message], problem: Exception | None = None) -> None:
        self.into, self.problem = into, problem
        self.requests: list[Any] = []
        self.rejected: Counter[str] = Counter()

    def offer(self, request: Message, sender: Sender = ANYBODY) -> Accepted:
        if self.problem is not None:
            raise self.problem
        self.requests.append(self.into.FromString(request.SerializeToString()))
        return Accepted(0, 0, "")

    def reject(self, reason: str, items: int = 1) -> None:
        self.rejected[reason] += items


def kept(problem: Exception | None = None) -> Exports:
    return Exports(
        Kept(ExportTraceServiceRequest, problem),
        Kept(ExportLogsServiceRequest, problem),
        Kept(ExportMetricsServiceRequest, problem),
    )


def spans_of(exports: Exports) -> list[Any]:
    return [
        one
        for request in exports.traces.requests
        for of_resource in request.resource_spans
        for of_scope in of_resource.scope_spans
        for one in of_scope.spans
    ]
