"""Log and metric requests as real senders make them, for the tests of receivers and telemetry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from otlp_requests import MS, TEN, put, set_value

from ktlo.receivers.spool import length_prefix


def log(body: Any = "x", at: float = 0, number: int = 9, **said: Any) -> dict[str, Any]:
    """A log record: ``at`` in milliseconds after TEN; what else a LogRecord has, and attributes."""
    return {"body": body, "time_unix_nano": TEN + round(at * MS), "severity_number": number, **said}


def logs(
    service: str, *records: Mapping[str, Any], resource: Mapping[str, Any] | None = None
) -> ExportLogsServiceRequest:
    made = ExportLogsServiceRequest()
    of_resource = made.resource_logs.add()
    put(
        of_resource.resource.attributes,
        {"service.name": service, "service.version": "1.0", **(resource or {})},
    )
    of_scope = of_resource.scope_logs.add()
    of_scope.scope.name, of_scope.scope.version = "shop.checkout", "2"
    for said in records:
        record = of_scope.log_records.add()
        for name, value in said.items():
            if name == "body":
                set_value(record.body, value)
            elif name == "attributes":
                put(record.attributes, value)
            else:
                setattr(record, name, value)
    return made


def metrics(
    service: str,
    *,
    name: str = "m",
    kind: str = "gauge",
    points: int = 1,
    resource: Mapping[str, Any] | None = None,
) -> ExportMetricsServiceRequest:
    """A metric of one kind with empty points a second apart, to be filled by the test (:func:`points_of`)."""
    made = ExportMetricsServiceRequest()
    of_resource = made.resource_metrics.add()
    put(
        of_resource.resource.attributes,
        {"service.name": service, "service.version": "1.0", **(resource or {})},
    )
    of_scope = of_resource.scope_metrics.add()
    of_scope.scope.name, of_scope.scope.version = "shop.meter", "3"
    add_metric(made, name, kind, points)
    return made


def add_metric(made: ExportMetricsServiceRequest, name: str, kind: str, points: int = 1) -> Any:
    """One more metric; answers its points."""
    metric = (
        made.resource_metrics[0].scope_metrics[0].metrics.add(name=name, unit="s", description=f"the {name}")
    )
    of_kind = getattr(metric, kind)
    of_kind.SetInParent()
    if kind in ("sum", "histogram", "exponential_histogram"):
        of_kind.aggregation_temporality = 2
    for number in range(points):
        point = of_kind.data_points.add(time_unix_nano=TEN + number * 1000 * MS)
        if kind in ("gauge", "sum"):
            point.as_double = float(number)
    return of_kind.data_points


def points_of(made: ExportMetricsServiceRequest) -> Any:
    """The points of the first metric."""
    metric = made.resource_metrics[0].scope_metrics[0].metrics[0]
    return getattr(metric, metric.WhichOneof("data")).data_points


def delimited(*requests: Any) -> bytes:
    """A spool segment: length-delimited requests."""
    bodies = [one.SerializeToString() for one in requests]
    return b"".join(length_prefix(len(body)) + body for body in bodies)
