"""What of a trace request is kept: a span with an impossible identifier is rejected, the others stay.

Format: opentelemetry-proto 1.x, trace.proto.
"""

from __future__ import annotations

from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from ktlo.receivers.otlp.accepting import (
    LATEST,
    MOST_VALUE,
    SPAN_BYTES,
    TOO_LATE,
    TRACE_BYTES,
    Reasons,
    plausible,
    tidy,
    tidy_name,
    tidy_scope,
    warn_of_clock,
)
from ktlo.receivers.otlp.naming import MOST_NAME, MOST_STATE, state_kept


def keep(request: ExportTraceServiceRequest, reasons: Reasons) -> int:
    """Change a request to what is kept of it; answers how many spans that are."""
    kept, within = 0, plausible()
    for of_resource in request.resource_spans:
        tidy(of_resource.resource.attributes, reasons)
        for of_scope in of_resource.scope_spans:
            tidy_scope(of_scope.scope, reasons)
            bad = []
            for place, span in enumerate(of_scope.spans):
                reason = _impossible(span)
                if reason:
                    bad.append(place)
                    reasons.rejected[reason] += 1
                    continue
                kept += 1
                warn_of_clock(span.start_time_unix_nano, within, reasons)
                if len(span.name) > MOST_NAME:
                    tidy_name(span, "name", "the name of a span", reasons)
                if len(span.status.message) > MOST_VALUE:
                    span.status.message = span.status.message[:MOST_VALUE]
                    reasons.warned[
                        f"the message of a status is longer than {MOST_VALUE:,} characters; cut"
                    ] += 1
                if len(span.trace_state) > MOST_STATE:
                    span.trace_state = state_kept(span.trace_state)
                    reasons.warned[
                        f"tracestate is longer than {MOST_STATE:,} characters; whole members cut"
                    ] += 1
                cut = tidy(span.attributes, reasons)
                for event in span.events:
                    tidy_name(event, "name", "the name of an event", reasons)
                    cut += tidy(event.attributes, reasons)
                for link in span.links:
                    cut += tidy(link.attributes, reasons)
                if cut:
                    span.dropped_attributes_count = min(span.dropped_attributes_count + cut, (1 << 32) - 1)
            for place in reversed(bad):
                del of_scope.spans[place]
    return kept


def count(of_resource: Any) -> int:
    """Spans of one resource."""
    return sum(len(of_scope.spans) for of_scope in of_resource.scope_spans)


def _impossible(span: Any) -> str:
    """Why a span cannot be kept; empty when it can."""
    trace, own, parent = span.trace_id, span.span_id, span.parent_span_id
    if len(trace) != TRACE_BYTES:
        return f"trace_id has {len(trace)} bytes instead of {TRACE_BYTES}"
    if len(own) != SPAN_BYTES:
        return f"span_id has {len(own)} bytes instead of {SPAN_BYTES}"
    if parent and len(parent) != SPAN_BYTES:
        return f"parent_span_id has {len(parent)} bytes instead of {SPAN_BYTES}"
    if not any(trace):
        return "trace_id is all zeros"
    if not any(own):
        return "span_id is all zeros"
    if max(span.start_time_unix_nano, span.end_time_unix_nano) > LATEST:
        return TOO_LATE
    return ""
