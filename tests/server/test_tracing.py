"""A span around a piece of work: what it says of what went wrong, and of whom it is the mistake."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from ktlo.errors import UserError
from ktlo.server.tracing import traced

SECRET = "hunter2hunter2"


def raised(error: Exception) -> ReadableSpan:
    kept, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    with pytest.raises(type(error)), traced(provider.get_tracer("test"), "SELECT", {}):
        raise error
    (span,) = kept.get_finished_spans()
    return span


def test_an_error_of_ours_is_told_by_type_and_stack_without_its_message():
    span = raised(ValueError(SECRET))
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "ValueError")
    (event,) = span.events
    assert "Traceback" in str(event.attributes["exception.stacktrace"])
    assert f"ValueError: {SECRET}" not in str(event.attributes)


def test_a_mistake_of_a_person_is_no_error_of_ours():
    span = raised(UserError(f"there is no column {SECRET}", fix="name another"))
    assert (span.status.status_code, span.events) == (StatusCode.UNSET, ())
    assert dict(span.attributes) == {"error.type": "UserError"}
