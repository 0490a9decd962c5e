"""A span of ktlo's own around a piece of work, for ``server/observing`` and everything that has the runtime's tracer.

An exception is told by its type and its stack, never by its message, in which values may stand.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer

from ktlo.errors import UserError


@contextmanager
def traced(
    tracer: Tracer,
    name: str,
    attributes: Mapping[str, str | int],
    kind: SpanKind = SpanKind.INTERNAL,
    context: Context | None = None,
) -> Iterator[Span]:
    """Begin a span and end it; the one under way is its parent.

    Args:
        tracer: makes it.
        name: without values.
        attributes: known at its beginning.
        kind: of the span.
        context: of the parent, where that is not the span under way.
    """
    with tracer.start_as_current_span(
        name, context, kind, dict(attributes), record_exception=False, set_status_on_exception=False
    ) as span:
        try:
            yield span
        except UserError as error:
            # A mistake of the person who asks (their SQL, their name of a service) is no error of this service.
            span.set_attribute("error.type", type(error).__name__)
            raise
        except Exception as error:
            if span.is_recording():
                stack = "".join(traceback.format_tb(error.__traceback__))
                name = type(error).__name__
                span.set_attribute("error.type", name)
                span.set_status(Status(StatusCode.ERROR, name))
                span.add_event(
                    "exception",
                    {
                        "exception.type": name,
                        "exception.stacktrace": f"Traceback (most recent call last):\n{stack}",
                    },
                )
            raise
