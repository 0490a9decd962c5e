"""What of a log request is kept: every record. What it says is worth more than what it is tied to.

A record with an impossible identifier of a trace or span is kept without it, one with a time after the year 2262 with
the time it was observed or arrived; the answer warns of both. Format: opentelemetry-proto 1.x, logs.proto.
"""

from __future__ import annotations

from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from ktlo.receivers.otlp.accepting import (
    LATEST,
    SPAN_BYTES,
    TOO_LATE,
    TRACE_BYTES,
    Reasons,
    plausible,
    tidy,
    tidy_name,
    tidy_scope,
    tidy_value,
    warn_of_clock,
)

MOST_BODY = 256 << 10
"""Characters of a record's body that are kept."""


def keep(request: ExportLogsServiceRequest, reasons: Reasons) -> int:
    """Change a request to what is kept of it; answers how many records that are."""
    kept, within = 0, plausible()
    for of_resource in request.resource_logs:
        tidy(of_resource.resource.attributes, reasons)
        for of_scope in of_resource.scope_logs:
            tidy_scope(of_scope.scope, reasons)
            kept += len(of_scope.log_records)
            for record in of_scope.log_records:
                _mend(record, reasons)
                if told := record.time_unix_nano or record.observed_time_unix_nano:
                    warn_of_clock(told, within, reasons)
                tidy_name(record, "event_name", "the name of an event", reasons)
                tidy_name(record, "severity_text", "the severity of a record", reasons)
                if record.HasField("body"):
                    if len(record.body.string_value) > MOST_BODY:
                        reasons.warned[f"the body is longer than {MOST_BODY:,} characters; cut"] += 1
                    tidy_value(record.body, MOST_BODY)
                cut = tidy(record.attributes, reasons)
                if cut:
                    record.dropped_attributes_count = min(
                        record.dropped_attributes_count + cut, (1 << 32) - 1
                    )
    return kept


def count(of_resource: Any) -> int:
    """Records of one resource."""
    return sum(len(of_scope.log_records) for of_scope in of_resource.scope_logs)


def _mend(record: Any, reasons: Reasons) -> None:
    trace, span = record.trace_id, record.span_id
    for field, given, size in (("trace_id", trace, TRACE_BYTES), ("span_id", span, SPAN_BYTES)):
        if not given:
            continue
        if len(given) != size:
            reasons.warned[f"{field} has {len(given)} bytes instead of {size}; kept without it"] += 1
            record.ClearField(field)
        elif not any(given):
            # All zeros is how a sender says that there is none (W3C trace context).
            record.ClearField(field)
    for field in ("time_unix_nano", "observed_time_unix_nano"):
        if getattr(record, field) > LATEST:
            reasons.warned[f"{TOO_LATE}; kept without it"] += 1
            record.ClearField(field)
