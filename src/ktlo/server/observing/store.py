"""The store as pages and collections see it while ktlo observes itself: every call is a client span.

Names: OpenTelemetry semantic conventions for database client spans. A statement's text is ktlo's own and constant, for
values are bound; what people type (``query_readonly``, ``answer``) is theirs and not recorded. Outside of a span
nothing is begun, so that work that repeats by itself makes no traces.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pyarrow as pa
from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Tracer

from ktlo.records.schema import Table
from ktlo.server.tracing import traced
from ktlo.store.outside import Answer, Question
from ktlo.store.protocol import Store
from ktlo.store.readonly import Limits
from ktlo.store.streams import Incoming

MOST_TEXT = 1_000
"""Characters of a statement that are recorded."""
_READ = re.compile(r"\b(?:FROM|JOIN)\s+(?:\w+\.)?`?([A-Za-z_]\w*)`?(?!\s*\()")
_NAMED = re.compile(r"\b([A-Za-z_]\w*)\s+AS\s+\(")


@functools.lru_cache(1024)
def summary(sql: str) -> str:
    """What a statement does and to which tables, in few words: ``SELECT spans trace_summaries``."""
    own = set(_NAMED.findall(sql))
    tables = list(dict.fromkeys(name for name in _READ.findall(sql) if name not in own))
    return " ".join(["SELECT", *tables[:4]])


class ObservedStore(Store):
    """A store before another.

    Args:
        store: does the work.
        tracer: makes the spans.
    """

    def __init__(self, store: Store, tracer: Tracer) -> None:
        self._store = store
        self._tracer = tracer

    def _span(
        self, name: str, operation: str, text: str = "", tables: str = ""
    ) -> AbstractContextManager[Span]:
        if not trace.get_current_span().is_recording():
            return nullcontext(trace.INVALID_SPAN)
        told = {
            "db.system.name": "clickhouse",
            "db.namespace": self._store.database,
            "db.operation.name": operation,
            "db.query.summary": name,
        }
        if text:
            told["db.query.text"] = text[:MOST_TEXT]
        if tables:
            told["db.collection.name"] = tables
        return traced(self._tracer, name, told, SpanKind.CLIENT)

    def migrate(self) -> None:
        """See :meth:`ktlo.store.protocol.Store.migrate`."""
        self._store.migrate()

    def insert(self, table: Table, rows: pa.RecordBatch | pa.Table) -> None:
        """See :meth:`ktlo.store.protocol.Store.insert`."""
        with self._span(f"INSERT {table.name}", "INSERT", tables=table.name) as span:
            span.set_attribute("db.operation.batch.size", rows.num_rows)
            self._store.insert(table, rows)

    def replace(self, table: Table, rows: Iterable[pa.RecordBatch]) -> None:
        """See :meth:`ktlo.store.protocol.Store.replace`."""
        with self._span(f"REPLACE {table.name}", "REPLACE", tables=table.name) as span:
            counted = _Counted(rows)
            self._store.replace(table, counted)
            span.set_attribute("db.operation.batch.size", counted.rows)

    def load(self, stream: Incoming, file: Path, token: str) -> None:
        """See :meth:`ktlo.store.protocol.Store.load`."""
        self._store.load(stream, file, token)

    def roll_up(self, noun: str, select: str, params: Mapping[str, Any]) -> None:
        """See :meth:`ktlo.store.protocol.Store.roll_up`."""
        with self._span(f"INSERT {noun}", "INSERT", select, noun):
            self._store.roll_up(noun, select, params)

    def retain(self, noun: str, days: int) -> None:
        """See :meth:`ktlo.store.protocol.Store.retain`."""
        self._store.retain(noun, days)

    def forget(self, source: str) -> None:
        """See :meth:`ktlo.store.protocol.Store.forget`."""
        with self._span("DELETE source", "DELETE"):
            self._store.forget(source)

    def forget_versions(self, table: Table, source: str, above: int) -> None:
        """See :meth:`ktlo.store.protocol.Store.forget_versions`."""
        with self._span(f"DELETE {table.name}", "DELETE"):
            self._store.forget_versions(table, source, above)

    def query(self, sql: str, params: Mapping[str, Any] | None = None) -> pa.Table:
        """See :meth:`ktlo.store.protocol.Store.query`."""
        with self._span(summary(sql), "SELECT", sql) as span:
            found = self._store.query(sql, params)
            span.set_attribute("db.response.returned_rows", found.num_rows)
            return found

    def query_readonly(self, sql: str, limit: int) -> pa.Table:
        """See :meth:`ktlo.store.protocol.Store.query_readonly`."""
        with self._span("SELECT (typed by a person)", "SELECT") as span:
            found = self._store.query_readonly(sql, limit)
            span.set_attribute("db.response.returned_rows", found.num_rows)
            return found

    def mark(self) -> object:
        """See :meth:`ktlo.store.protocol.Store.mark`."""
        return self._store.mark()

    @property
    def database(self) -> str:
        """See :attr:`ktlo.store.protocol.Store.database`."""
        return self._store.database

    def answer(self, question: Question, limits: Limits, rows: int) -> Answer:
        """See :meth:`ktlo.store.protocol.Store.answer`."""
        with self._span("SELECT (asked by a program)", "SELECT"):
            return self._store.answer(question, limits, rows)

    def stop(self, mark: str) -> None:
        """See :meth:`ktlo.store.protocol.Store.stop`."""
        self._store.stop(mark)

    def close(self) -> None:
        """See :meth:`ktlo.store.protocol.Store.close`."""
        self._store.close()


class _Counted:
    """Batches, counted while they pass."""

    def __init__(self, batches: Iterable[pa.RecordBatch]) -> None:
        self._batches = batches
        self.rows = 0

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        for batch in self._batches:
            self.rows += batch.num_rows
            yield batch
