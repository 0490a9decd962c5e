"""Logs: what running services say, line by line or event by event.

Filled by ``receivers/``; read by ``telemetry/``. Names follow the OpenTelemetry protocol (OTLP 1.x, logs.proto) and its
semantic conventions; agents of other formats are turned into the same nouns.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Annotated

from ktlo.records.schema import Field, Kind, Life, record


@record(
    "log_records",
    key=("service", "logged_at"),
    life=Life.STREAMED,
)
@dataclass(frozen=True, slots=True, kw_only=True)
class LogRecord:
    """One line or event of a log. Nothing identifies it: two that are alike are two rows, and both are kept."""

    logged_at: Annotated[
        dt.datetime,
        Field(
            "When it happened by the service's clock, else when it was observed, else when it arrived",
            kind=Kind.INSTANT_NS,
        ),
    ]
    observed_at: Annotated[
        dt.datetime, Field("When the collector saw it; 1970 when it does not say", kind=Kind.INSTANT_NS)
    ]
    service: Annotated[str, Field("service.name of the resource; empty when it has none", label=True)]
    version: Annotated[str, Field("service.version of the resource", label=True)]
    environment: Annotated[str, Field("deployment.environment.name of the resource", label=True)]
    instance: Annotated[str, Field("service.instance.id of the resource, else host.name", label=True)]
    severity: Annotated[
        str,
        Field(
            "trace, debug, info, warn, error or fatal: by number, else by text; empty when neither tells",
            label=True,
        ),
    ]
    severity_number: Annotated[int, Field("SeverityNumber of OTLP, 1 to 24; 0 when unspecified")]
    severity_text: Annotated[str, Field("Level as the service calls it", label=True)]
    body: Annotated[str, Field("What it says; arrays and maps as JSON, bytes as base64")]
    event_name: Annotated[str, Field("Name of the event, when it is one", label=True)]
    trace_id: Annotated[str, Field("Trace it belongs to, 32 hexadecimal digits; empty when none")]
    span_id: Annotated[str, Field("Span it belongs to, 16 hexadecimal digits; empty when none")]
    flags: Annotated[int, Field("W3C trace flags")]
    attributes: Annotated[
        dict[str, str], Field("Attributes; numbers as text, arrays and maps as JSON, bytes as base64")
    ]
    resource: Annotated[dict[str, str], Field("Attributes of what reported it")]
    scope_name: Annotated[str, Field("Logger or instrumentation that made it", label=True)]
    scope_version: Annotated[str, Field("Its version", label=True)]
    scope_attributes: Annotated[dict[str, str], Field("Attributes of the logger")]
    dropped: Annotated[int, Field("Attributes that the service itself left out")]
    received_at: Annotated[dt.datetime, Field("When it was stored")]


@record(
    "log_minutes",
    key=("minute", "service", "environment", "version", "severity"),
    order=("service", "minute", "environment", "version", "severity"),
    life=Life.STREAMED,
)
@dataclass(frozen=True, slots=True, kw_only=True)
class LogMinute:
    """How much a service logged in one minute, by severity; a roll-up of log records that outlives them."""

    minute: Annotated[dt.datetime, Field("The minute of logged_at")]
    service: Annotated[str, Field("Service", label=True)]
    environment: Annotated[str, Field("Environment", label=True)]
    version: Annotated[str, Field("Version of the service", label=True)]
    severity: Annotated[str, Field("Severity", label=True)]
    records: Annotated[int, Field("Log records", unit="records")]
