"""Telemetry: what running services report about themselves.

Filled by ``receivers/``; read by ``telemetry/``. Names follow the OpenTelemetry protocol (OTLP 1.x) and its
semantic conventions; agents of other formats are turned into the same nouns.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Annotated

from ktlo.records.schema import Field, Kind, Life, record

ITSELF = "ktlo"
"""service.name under which ktlo reports of itself (``server/observing``)."""


@record(
    "spans",
    key=("trace_id", "span_id", "started_at"),
    order=("service", "name", "started_at", "trace_id", "span_id"),
    life=Life.STREAMED,
)
@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One operation within a trace. Two spans of one identifier are two rows: both are kept."""

    trace_id: Annotated[str, Field("Trace, 32 hexadecimal digits")]
    span_id: Annotated[str, Field("Span, 16 hexadecimal digits")]
    parent_span_id: Annotated[str, Field("Span it was called by; empty for a root")]
    trace_state: Annotated[str, Field("W3C tracestate; empty when none")]
    flags: Annotated[int, Field("W3C trace flags")]
    service: Annotated[str, Field("service.name of the resource; empty when it has none", label=True)]
    version: Annotated[str, Field("service.version of the resource", label=True)]
    environment: Annotated[str, Field("deployment.environment.name of the resource", label=True)]
    instance: Annotated[str, Field("service.instance.id of the resource, else host.name", label=True)]
    name: Annotated[str, Field("Name of the operation", label=True)]
    kind: Annotated[str, Field("internal, server, client, producer or consumer", label=True)]
    started_at: Annotated[dt.datetime, Field("When it began, by the service's clock", kind=Kind.INSTANT_NS)]
    duration_ns: Annotated[int, Field("How long it took; 0 when it ends before it begins", unit="ns")]
    status: Annotated[str, Field("unset, ok or error", label=True)]
    status_message: Annotated[str, Field("What the service says of an error")]
    attributes: Annotated[
        dict[str, str], Field("Attributes; numbers as text, arrays and maps as JSON, bytes as base64")
    ]
    resource: Annotated[dict[str, str], Field("Attributes of what reported it")]
    scope_name: Annotated[str, Field("Instrumentation that made it", label=True)]
    scope_version: Annotated[str, Field("Its version", label=True)]
    scope_attributes: Annotated[dict[str, str], Field("Attributes of the instrumentation")]
    event_times: Annotated[tuple[dt.datetime, ...], Field("When its events were", kind=Kind.INSTANTS_NS)]
    event_names: Annotated[tuple[str, ...], Field("Names of its events, in the same order")]
    event_attributes: Annotated[
        tuple[dict[str, str], ...], Field("Attributes of its events, in the same order", kind=Kind.MAPS)
    ]
    link_traces: Annotated[tuple[str, ...], Field("Traces it is linked to")]
    link_spans: Annotated[tuple[str, ...], Field("Spans it is linked to, in the same order")]
    link_attributes: Annotated[
        tuple[dict[str, str], ...], Field("Attributes of its links, in the same order", kind=Kind.MAPS)
    ]
    dropped: Annotated[int, Field("Attributes, events and links that the service itself left out")]
    received_at: Annotated[dt.datetime, Field("When it was stored")]
    image: Annotated[
        str, Field("Image of the resource, name:tag,tag@digest; empty when it tells none", label=True)
    ]


@record(
    "trace_summaries",
    key=("trace_id",),
    life=Life.STREAMED,
)
@dataclass(frozen=True, slots=True, kw_only=True)
class TraceSummary:
    """One trace at a glance; follows from its spans, and late ones change it."""

    trace_id: Annotated[str, Field("The trace")]
    started_at: Annotated[dt.datetime, Field("When its first span began", kind=Kind.INSTANT_NS)]
    ended_at: Annotated[dt.datetime, Field("When its last span ended", kind=Kind.INSTANT_NS)]
    spans: Annotated[int, Field("Spans so far", unit="spans")]
    errors: Annotated[int, Field("Of them, with status error", unit="spans")]
    root_service: Annotated[str, Field("Service of the span without a parent; empty until it is there")]
    root_name: Annotated[str, Field("Operation of the span without a parent")]
    services: Annotated[tuple[str, ...], Field("Services that took part")]


@record(
    "operation_minutes",
    key=("minute", "service", "environment", "version", "kind", "name"),
    order=("service", "minute", "environment", "version", "kind", "name"),
    life=Life.STREAMED,
)
@dataclass(frozen=True, slots=True, kw_only=True)
class OperationMinute:
    """Rate, errors and duration of one operation in one minute; a roll-up of spans that outlives them."""

    minute: Annotated[dt.datetime, Field("The minute in which the spans began")]
    service: Annotated[str, Field("Service", label=True)]
    environment: Annotated[str, Field("Environment", label=True)]
    version: Annotated[str, Field("Version of the service", label=True)]
    kind: Annotated[str, Field("Kind of span", label=True)]
    name: Annotated[str, Field("Operation", label=True)]
    calls: Annotated[
        int, Field("Spans; one into which an agent put several calls counts as those", unit="calls")
    ]
    errors: Annotated[int, Field("Spans of them with status error", unit="spans")]
    total_ns: Annotated[int, Field("Durations added up", unit="ns")]
    longest_ns: Annotated[int, Field("Longest duration", unit="ns")]
    longest_trace: Annotated[str, Field("Trace of the longest: an exemplar")]


@record(
    "operation_hours",
    key=("hour", "service", "environment", "kind", "name"),
    life=Life.STREAMED,
)
@dataclass(frozen=True, slots=True, kw_only=True)
class OperationHour:
    """Rate, errors and duration of one operation in one hour, all versions together; what trends are read from."""

    hour: Annotated[dt.datetime, Field("The hour in which the spans began")]
    service: Annotated[str, Field("Service", label=True)]
    environment: Annotated[str, Field("Environment", label=True)]
    kind: Annotated[str, Field("Kind of span", label=True)]
    name: Annotated[str, Field("Operation", label=True)]
    calls: Annotated[int, Field("Spans", unit="spans")]
    errors: Annotated[int, Field("Of them, with status error", unit="spans")]
    total_ns: Annotated[int, Field("Durations added up", unit="ns")]
    longest_trace: Annotated[str, Field("Trace of the longest: an exemplar")]
