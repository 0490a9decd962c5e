"""The SDK's exporters into the receivers' own intakes: OTLP messages handed over in this process.

What cannot be kept (no room on disk, the process ends) is lost and counted by the SDK as failed: ktlo's own telemetry
never waits for room, and never takes it from others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from google.protobuf.message import Message
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, MetricsData
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from ktlo.receivers.otlp.exchange import Export, NoRoomError


class Spans(SpanExporter):
    """Gives spans to an intake.

    Args:
        export: of traces.
    """

    def __init__(self, export: Export) -> None:
        self._export = export

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Keep some spans; they are on disk when this returns."""
        kept = _offered(self._export, encode_spans(spans))
        return SpanExportResult.SUCCESS if kept else SpanExportResult.FAILURE


class Measurements(MetricExporter):
    """Gives metrics to an intake.

    Args:
        export: of metrics.
    """

    def __init__(self, export: Export) -> None:
        super().__init__()
        self._export = export

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        """Keep some points; they are on disk when this returns."""
        del timeout_millis, kwargs
        kept = _offered(self._export, encode_metrics(metrics_data))
        return MetricExportResult.SUCCESS if kept else MetricExportResult.FAILURE

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Nothing waits here."""
        del timeout_millis
        return True

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """Nothing is held here."""
        del timeout_millis, kwargs


def _offered(export: Export, request: Message) -> bool:
    try:
        accepted = export.offer(request)
    except (NoRoomError, OSError, ValueError):
        return False
    export.own(accepted.items)
    return True
