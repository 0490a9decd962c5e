"""The one interface between ktlo and the engine that keeps its records.

Backends live beside this file; ``tests/conformance`` runs the same suite against each. Callers hand in
Arrow and get Arrow; SQL is ClickHouse's dialect with bound parameters, ``{name:Type}``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import pyarrow as pa

from ktlo.records.schema import Table
from ktlo.store.outside import Answer, Question
from ktlo.store.readonly import Limits
from ktlo.store.streams import Incoming


class Queryable(Protocol):
    """What can only be asked: a store, or something that stands before one."""

    def query(self, sql: str, params: Mapping[str, Any] | None = None) -> pa.Table:
        """See :meth:`Store.query`."""


@runtime_checkable
class Store(Protocol):
    """A place for records.

    Every observed table ``commits`` is read as the view ``commits``, which shows the newest version of
    each key and hides removed rows; derived tables are read under their own name. Safe to use from
    several threads at once.
    """

    def migrate(self) -> None:
        """Create what is missing and bring older layouts up to date. Idempotent.

        Raises:
            StoreError: the store holds a layout newer than this version of ktlo knows.
        """

    def insert(self, table: Table, rows: pa.RecordBatch | pa.Table) -> None:
        """Add rows to an observed table; durable when this returns.

        A row replaces the one with the same key unless its version is older; a row with
        ``is_deleted = 1`` removes it. Inserting the same rows twice changes nothing. Zero rows is legal.

        Raises:
            ValueError: the schema is not the table's, or the table is derived.
            StoreError: the engine refused or failed; then none or all of the rows are in.
        """

    def replace(self, table: Table, rows: Iterable[pa.RecordBatch]) -> None:
        """Replace the whole content of a derived table at once.

        Readers see the old content or the new, never a mixture; after a failure, the old.

        Raises:
            ValueError: the schema is not the table's, or the table is observed.
            StoreError: the engine refused or failed.
        """

    def load(self, stream: Incoming, file: Path, token: str) -> None:
        """Insert a file of length-delimited protobuf messages of telemetry; durable when this returns.

        Args:
            stream: what the file holds.
            file: the messages, each with its length as a varint before it.
            token: names the content; loading it again under the same token adds nothing, also to roll-ups.

        Raises:
            StoreError: the engine refused or failed; then none of the file is in, or all of it.
        """

    def roll_up(self, noun: str, select: str, params: Mapping[str, Any]) -> None:
        """Add to a streamed noun's table what a SELECT over the store answers; durable when this returns.

        Args:
            noun: whose table.
            select: SELECT of every column of the table, in its order.
            params: values by name, as for :meth:`query`.

        Raises:
            StoreError: the engine refused or failed; then none of the rows are in, or those of whole partitions.
        """

    def retain(self, noun: str, days: int) -> None:
        """Keep a streamed noun's rows for so many days after they arrived; older ones leave in the background.

        Raises:
            StoreError: the engine refused or failed.
        """

    def forget(self, source: str) -> None:
        """Remove every observed row of one source; gone for good when this returns.

        Derived tables follow at the next derivation. A source without rows is legal.

        Raises:
            StoreError: the engine refused or failed; some tables may have been cleared by then.
        """

    def forget_versions(self, table: Table, source: str, above: int) -> None:
        """Remove the rows of one source in an observed table whose version is above a number; gone when this returns.

        Raises:
            StoreError: the engine refused or failed.
        """

    def query(self, sql: str, params: Mapping[str, Any] | None = None) -> pa.Table:
        """Answer one SELECT.

        Args:
            sql: statement with parameters as ``{name:Type}``.
            params: values by name: str, int, float, bool, datetime (aware), date, None for Nullable
                types, and lists or tuples of these for Array types.

        Raises:
            StoreError: the statement is wrong or the engine failed; the engine's message is kept.
        """

    def query_readonly(self, sql: str, limit: int) -> pa.Table:
        """Answer a SELECT that a person typed: nothing can be written, at most ``limit`` rows.

        Raises:
            UserError: the statement is wrong, tries to write, or takes longer than 30 s.
        """

    def mark(self) -> object:
        """What is another after records were inserted, replaced or forgotten; ``None`` where that cannot be told.

        Equal marks that are not ``None`` mean that observed and derived tables answer as before. Streamed tables, to
        which telemetry comes all the time, are not part of it.
        """

    @property
    def database(self) -> str:
        """Name of the database that the tables are in."""

    def answer(self, question: Question, limits: Limits, rows: int) -> Answer:
        """Answer a program that speaks ClickHouse's HTTP protocol: nothing can be written.

        Args:
            question: the statement, the format of the answer, parameters and settings.
            limits: what it may use.
            rows: most rows of the answer; one that has more is refused.

        Raises:
            UserError: the statement is not open to questions.
            StoreError: the engine refused or failed; ``code`` is its number.
        """

    def stop(self, mark: str) -> None:
        """End the question that carries this mark; one that is over is legal.

        Raises:
            StoreError: the engine refused or failed.
        """

    def close(self) -> None:
        """Release the engine. Idempotent."""
