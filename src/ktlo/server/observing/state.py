"""A client span for every statement to the state database (SQLite or PostgreSQL), by SQLAlchemy's events.

Only inside of a span, like the store's. SQLAlchemy binds values, so the text is constant; only its beginning is kept.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer

from ktlo.store.state import State

MOST_TEXT = 500


class StateWatch:
    """Watches until it is closed.

    Args:
        state: whose engine is listened to.
        tracer: makes the spans.
    """

    def __init__(self, state: State, tracer: Tracer) -> None:
        self._engine = state.engine
        self._tracer = tracer
        self._told = {
            "db.system.name": self._engine.dialect.name,
            "db.namespace": "state"
            if self._engine.dialect.name == "sqlite"
            else str(self._engine.url.database),
        }
        self._events = (
            ("before_cursor_execute", self._begin),
            ("after_cursor_execute", self._end),
        )
        for name, listener in self._events:
            sa.event.listen(self._engine, name, listener)
        sa.event.listen(self._engine, "handle_error", self._fail)

    def close(self) -> None:
        """Listen no more."""
        for name, listener in self._events:
            sa.event.remove(self._engine, name, listener)
        sa.event.remove(self._engine, "handle_error", self._fail)

    def _begin(
        self, connection: Any, cursor: Any, statement: str, values: Any, context: Any, many: bool
    ) -> None:
        del connection, cursor, values, many
        if context is None or not trace.get_current_span().is_recording():
            return
        operation = statement.split(None, 1)[0].upper()
        context.ktlo_span = self._tracer.start_span(
            f"{operation} state",
            kind=SpanKind.CLIENT,
            attributes={
                **self._told,
                "db.operation.name": operation,
                "db.query.text": statement[:MOST_TEXT],
            },
        )

    def _end(
        self, connection: Any, cursor: Any, statement: str, values: Any, context: Any, many: bool
    ) -> None:
        del connection, cursor, statement, values, many
        if (span := getattr(context, "ktlo_span", None)) is not None:
            span.end()

    def _fail(self, failed: sa.engine.ExceptionContext) -> None:
        if (span := getattr(failed.execution_context, "ktlo_span", None)) is not None:
            span.set_status(Status(StatusCode.ERROR, type(failed.original_exception).__name__))
            span.end()
