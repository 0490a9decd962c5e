"""Lines of a stream, one after another, into OTLP requests for traces, logs and metrics.

A line that cannot be kept is an error of its own and the others go on. Nothing is read twice: a line is decoded
straight into the struct of its kind.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import ScopeLogs
from opentelemetry.proto.metrics.v1.metrics_pb2 import ScopeMetrics
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans

from ktlo.receivers.elastic.events import Context, Line
from ktlo.receivers.elastic.metricsets import metrics_of
from ktlo.receivers.elastic.moments import UnfitError
from ktlo.receivers.elastic.records import flattened, put_error, put_log
from ktlo.receivers.elastic.reporter import Metadata, Node, Service
from ktlo.receivers.elastic.resource import problem_of, resource_of, scope_of
from ktlo.receivers.elastic.spans import put_span, put_transaction

_decode = msgspec.json.Decoder(Line).decode
_MOST_DOCUMENT = 1024
_MOST_SERVICES = 100
_KINDS = ("metadata", "transaction", "span", "error", "metricset", "log")


class LineError(ValueError):
    """A line that is not kept.

    Attributes:
        message: why.
        document: its beginning.
        reason: why, without what differs from line to line.
        kind: of the event, as it calls itself.
    """

    def __init__(self, message: str, line: bytes, reason: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.document = line[:_MOST_DOCUMENT].decode(errors="replace")
        self.reason = reason or message
        self.kind = _kind_of(line)


def read(line: bytes) -> Line:
    """Decode one line.

    Raises:
        LineError: it is not JSON, or not an event that agents send.
    """
    try:
        event = _decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        kind = _kind_of(line)
        if kind in _KINDS:
            raise LineError(f"{kind}: {str(error)[:300]}", line, f"{kind} is not as specified") from error
        raise LineError(f"the line is not JSON: {str(error)[:300]}", line, "a line is not JSON") from error
    if event == _NOTHING:
        kind = _kind_of(line)
        raise LineError(
            f"did not recognize object type: {kind[:80]!r}", line, f"unknown kind of event {kind[:40]!r}"
        )
    return event


def read_metadata(line: bytes) -> Metadata:
    """Decode a stream's first line.

    Raises:
        LineError: it is not metadata.
    """
    event = read(line)
    if event.metadata is None:
        raise LineError("the first line must be 'metadata'", line)
    problem = problem_of(event.metadata)
    if problem:
        raise LineError(problem, line, "metadata is not as specified")
    return event.metadata


@dataclass(slots=True)
class Batch:
    """Events of one stream that are kept together.

    Attributes:
        metadata: of the stream.
        received: now, nanoseconds since 1970.
        traces: what became spans.
        logs: what became log records.
        metrics: what became metrics.
        spans: how many spans.
        records: how many log records.
        points: how many data points.
    """

    metadata: Metadata
    received: int
    traces: ExportTraceServiceRequest = field(default_factory=ExportTraceServiceRequest)
    logs: ExportLogsServiceRequest = field(default_factory=ExportLogsServiceRequest)
    metrics: ExportMetricsServiceRequest = field(default_factory=ExportMetricsServiceRequest)
    spans: int = 0
    records: int = 0
    points: int = 0
    _spans_of: dict[Service | None, ScopeSpans] = field(default_factory=dict)
    _logs_of: dict[Service | None, ScopeLogs] = field(default_factory=dict)
    _metrics_of: dict[Service | None, ScopeMetrics] = field(default_factory=dict)

    def add(self, line: bytes) -> None:
        """Add a line.

        Raises:
            LineError: it is not kept.
        """
        event = read(line)
        try:
            self._add(event)
        except UnfitError as error:
            kind = _kind_of(line)
            raise LineError(f"{kind}: {error}", line, f"{kind} is not as specified") from error
        except RecursionError as error:
            raise LineError("the event nests too deep", line) from error

    def _add(self, event: Line) -> None:
        language = (self.metadata.service.agent and self.metadata.service.agent.name) or ""
        if event.transaction is not None:
            spans = self._scope_spans(_override(event.transaction.context)).spans
            try:
                put_transaction(spans.add(), event.transaction, self.received)
            except BaseException:
                del spans[-1]
                raise
            self.spans += 1
        elif event.span is not None:
            spans = self._scope_spans(_override(event.span.context)).spans
            try:
                put_span(spans.add(), event.span, self.received, language)
            except BaseException:
                del spans[-1]
                raise
            self.spans += 1
        elif event.error is not None:
            records = self._scope_logs(_override(event.error.context)).log_records
            try:
                put_error(records.add(), event.error, self.received, language)
            except BaseException:
                del records[-1]
                raise
            self.records += 1
        elif event.metricset is not None:
            metrics = metrics_of(event.metricset, self.received)
            service = event.metricset.service
            self._scope_metrics(service if service is not None and service.name else None).metrics.extend(
                metrics
            )
            self.points += len(metrics)
        elif event.log is not None:
            flat = flattened(event.log)
            records = self._scope_logs(_of_log(flat)).log_records
            try:
                put_log(records.add(), flat, self.received)
            except BaseException:
                del records[-1]
                raise
            self.records += 1
        else:
            raise UnfitError("metadata is the first line only")

    def _scope_spans(self, service: Service | None) -> ScopeSpans:
        found = self._spans_of.get(service)
        if found is None:
            of = self.traces.resource_spans.add(resource=resource_of(self.metadata, service))
            found = of.scope_spans.add(scope=scope_of(self.metadata))
            self._spans_of[service] = found
        return found

    def _scope_logs(self, service: Service | None) -> ScopeLogs:
        found = self._logs_of.get(service)
        if found is None:
            of = self.logs.resource_logs.add(resource=resource_of(self.metadata, service))
            found = of.scope_logs.add(scope=scope_of(self.metadata))
            self._logs_of[service] = found
        return found

    def _scope_metrics(self, service: Service | None) -> ScopeMetrics:
        found = self._metrics_of.get(service)
        if found is None:
            of = self.metrics.resource_metrics.add(resource=resource_of(self.metadata, service))
            found = of.scope_metrics.add(scope=scope_of(self.metadata))
            self._metrics_of[service] = found
        return found


_NOTHING = Line()


def _override(context: Context | None) -> Service | None:
    """A service of an event that is not the metadata's; the target of its call is no part of it."""
    if context is None or context.service is None:
        return None
    said = context.service
    if not (said.name or said.version or said.environment or said.node or said.framework or said.runtime):
        return None
    return msgspec.structs.replace(said, target=None, agent=None, language=None)


def _of_log(flat: dict[str, object]) -> Service | None:
    name, version, environment, node = (
        value if isinstance(value := flat.get(f"service.{field}"), str) and value else None
        for field in ("name", "version", "environment", "node.name")
    )
    if not (name or version or environment or node):
        return None
    return Service(name=name, version=version, environment=environment, node=Node(node) if node else None)


def _kind_of(line: bytes) -> str:
    """The first key of a line, whatever follows."""
    pieces = line.split(b'"', 2)
    return pieces[1].decode(errors="replace") if len(pieces) > 2 else ""
