"""Errors: exceptions that services reported, wherever they reported them, and the groups that they make.

Follow in the engine from spans and log records (``store/streams/errors``); read by ``telemetry/errors``. An exception
is what OpenTelemetry's semantic conventions call one: an event or a log record with ``exception.type``,
``exception.message`` and ``exception.stacktrace``.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Annotated

from ktlo.records.schema import Field, Kind, Life, record


@record(
    "error_events",
    key=("fingerprint", "occurred_at", "trace_id", "span_id"),
    order=("fingerprint", "occurred_at", "trace_id", "span_id"),
    life=Life.STREAMED,
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorEvent:
    """One report of an error. An exception that passes through three spans is reported by all three."""

    fingerprint: Annotated[str, Field("Group: the version of the rules and 64 bits")]
    occurred_at: Annotated[dt.datetime, Field("When, by the service's clock", kind=Kind.INSTANT_NS)]
    service: Annotated[str, Field("service.name", label=True)]
    version: Annotated[str, Field("service.version", label=True)]
    environment: Annotated[str, Field("deployment.environment.name", label=True)]
    instance: Annotated[str, Field("service.instance.id, else host.name", label=True)]
    operation: Annotated[str, Field("Name of the span; of a log record, its logger", label=True)]
    reported_as: Annotated[
        str, Field("span event, span (status error without an exception) or log", label=True)
    ]
    type: Annotated[str, Field("exception.type; of a span without one error.type", label=True)]
    message: Annotated[str, Field("exception.message; of a span without one its status message")]
    stacktrace: Annotated[str, Field("exception.stacktrace; empty when none was reported")]
    frames: Annotated[tuple[str, ...], Field("Normalised frames that the group rests on, innermost first")]
    basis: Annotated[
        str, Field("What the group rests on: own frames, frames, message or operation", label=True)
    ]
    trace_id: Annotated[str, Field("Trace it happened in; empty when none")]
    span_id: Annotated[str, Field("Span it happened in; empty when none")]
    received_at: Annotated[dt.datetime, Field("When it was stored")]


@record(
    "error_minutes",
    key=("fingerprint", "minute", "service", "environment", "version", "operation"),
    life=Life.STREAMED,
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorMinute:
    """Reports of one group in one minute, repeats included; a roll-up that outlives the reports."""

    fingerprint: Annotated[str, Field("Group")]
    minute: Annotated[dt.datetime, Field("The minute in which they occurred")]
    service: Annotated[str, Field("Service", label=True)]
    environment: Annotated[str, Field("Environment", label=True)]
    version: Annotated[str, Field("Version of the service", label=True)]
    operation: Annotated[str, Field("Operation", label=True)]
    occurrences: Annotated[int, Field("Reports", unit="reports")]
    traces: Annotated[int, Field("Traces they were in; a report without a trace is none", unit="traces")]


@record(
    "error_repeats",
    key=("fingerprint", "minute", "service", "environment", "version", "operation"),
    life=Life.STREAMED,
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRepeats:
    """Reports of one minute that tell of an occurrence which a span's event tells, too; not counted beside it."""

    fingerprint: Annotated[str, Field("Group")]
    minute: Annotated[dt.datetime, Field("The minute in which they occurred")]
    service: Annotated[str, Field("Service", label=True)]
    environment: Annotated[str, Field("Environment", label=True)]
    version: Annotated[str, Field("Version of the service", label=True)]
    operation: Annotated[str, Field("Operation", label=True)]
    repeats: Annotated[int, Field("Of the minute's reports, those that are repeats", unit="reports")]


@record("error_groups", key=("fingerprint",), life=Life.STREAMED)
@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorGroup:
    """Errors that are one error, from first to last; outlives the reports."""

    fingerprint: Annotated[str, Field("The group")]
    type: Annotated[str, Field("Type of the newest")]
    message: Annotated[str, Field("Message of the newest")]
    stacktrace: Annotated[str, Field("Stack of the newest")]
    frames: Annotated[tuple[str, ...], Field("Normalised frames, innermost first")]
    basis: Annotated[str, Field("What the group rests on")]
    operation: Annotated[str, Field("Operation of the newest")]
    services: Annotated[tuple[str, ...], Field("Services that reported it, at most 100 of them")]
    services_reporting: Annotated[
        int, Field("Services that reported it, to 2 % where they are very many", unit="services")
    ]
    first_seen: Annotated[dt.datetime, Field("When the first occurred", kind=Kind.INSTANT_NS)]
    first_version: Annotated[str, Field("Version that reported the first")]
    last_seen: Annotated[dt.datetime, Field("When the last occurred", kind=Kind.INSTANT_NS)]
    last_version: Annotated[str, Field("Version that reported the last")]
    occurrences: Annotated[int, Field("Reports so far, repeats included", unit="reports")]
