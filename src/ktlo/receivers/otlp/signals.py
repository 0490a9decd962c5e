"""The three signals of OTLP: what their requests are called, where they go, and who checks them.

Everything else is the same for all three (``exchange``, ``http``, ``grpc``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from ktlo.receivers.otlp import glance, logs, metrics, traces
from ktlo.receivers.otlp.accepting import Reasons


@dataclass(frozen=True, slots=True)
class OtlpSignal:
    """One signal.

    Attributes:
        name: ``traces``, ``metrics`` or ``logs``; also the last part of its path.
        item: what one item is called.
        service: of gRPC.
        request: class of its requests.
        response: class of its answers.
        groups: field of a request with one entry a resource.
        rejected: field of a partial success that counts rejected items.
        keep: changes a request to what is kept of it, and answers how many items that are.
        count: items of one resource.
        glance: how many items a request, as protobuf writes it, has that are kept as they are; ``None`` when that takes
            more than a glance.
    """

    name: str
    item: str
    service: str
    request: type[Any]
    response: type[Any]
    groups: str
    rejected: str
    keep: Callable[[Any, Reasons], int]
    count: Callable[[Any], int]
    glance: Callable[[bytes], int | None] = lambda _: None


TRACES = OtlpSignal(
    "traces",
    "span",
    "opentelemetry.proto.collector.trace.v1.TraceService",
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
    "resource_spans",
    "rejected_spans",
    traces.keep,
    traces.count,
    glance.as_it_is,
)
METRICS = OtlpSignal(
    "metrics",
    "data point",
    "opentelemetry.proto.collector.metrics.v1.MetricsService",
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
    "resource_metrics",
    "rejected_data_points",
    metrics.keep,
    metrics.count,
)
LOGS = OtlpSignal(
    "logs",
    "log record",
    "opentelemetry.proto.collector.logs.v1.LogsService",
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
    "resource_logs",
    "rejected_log_records",
    logs.keep,
    logs.count,
)

SIGNALS = (TRACES, METRICS, LOGS)
