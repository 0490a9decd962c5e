"""What every backend of the store does alike: checks, whole-table replacement, migration, typed questions.

A backend supplies four calls to its engine (:class:`EngineStore`'s abstract methods); statements come
from ``ddl`` and ``layout``, and what a person typed passes ``readonly`` first.
"""

from __future__ import annotations

import abc
import threading
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from ktlo.errors import StoreError, UserError
from ktlo.records.arrow import schema
from ktlo.records.schema import TABLES, Life, Table
from ktlo.store import ddl, layout, outside, readonly, streams
from ktlo.store.outside import Answer, Question
from ktlo.store.streams import Incoming
from ktlo.store.vocabulary import Vocabulary, vocabulary

# One part for each insert: a part appears whole or not at all.
ONE_PART: Mapping[str, str | int] = {
    "min_insert_block_size_rows": 1 << 40,
    "min_insert_block_size_bytes": 0,
    "max_insert_threads": 1,
}


NEXT = "_next"
"""End of the name of a table that is under way to replace another."""


class EngineStore(abc.ABC):
    """A :class:`~ktlo.store.protocol.Store` over an engine that speaks ClickHouse's SQL.

    Args:
        place: database and cluster that the tables are in.
        limits: what one typed question may use.
    """

    def __init__(self, place: ddl.Place, limits: readonly.Limits) -> None:
        self._place = place
        self._limits = limits
        self._replacing = threading.Lock()
        self._vocabulary: Vocabulary | None = None

    @abc.abstractmethod
    def execute(self, sql: str, params: Mapping[str, Any] | None = None) -> None:
        """Run one statement that answers nothing; raises StoreError."""

    @abc.abstractmethod
    def query(self, sql: str, params: Mapping[str, Any] | None = None) -> pa.Table:
        """See :meth:`ktlo.store.protocol.Store.query`."""

    @abc.abstractmethod
    def append(self, name: str, rows: pa.RecordBatch | pa.Table, settings: Mapping[str, str | int]) -> None:
        """Write rows into the physical table ``name``, all or none; raises StoreError."""

    @abc.abstractmethod
    def load(self, stream: Incoming, file: Path, token: str) -> None:
        """See :meth:`ktlo.store.protocol.Store.load`."""

    @abc.abstractmethod
    def ask(
        self, sql: str, settings: Mapping[str, str | int], parameters: Mapping[str, str] | None = None
    ) -> pa.Table:
        """Answer one statement where nothing can be written and no setting changed; raises StoreError.

        ``parameters`` are in the text form of ClickHouse's HTTP protocol.
        """

    @abc.abstractmethod
    def reply(self, question: Question, statement: str, settings: Mapping[str, str | int]) -> Answer:
        """Answer a checked statement in the question's format, where nothing can be written; raises StoreError."""

    @abc.abstractmethod
    def close(self) -> None:
        """See :meth:`ktlo.store.protocol.Store.close`."""

    def migrate(self) -> None:
        """See :meth:`ktlo.store.protocol.Store.migrate`."""
        layout.migrate(self, self._place)

    def insert(self, table: Table, rows: pa.RecordBatch | pa.Table) -> None:
        """See :meth:`ktlo.store.protocol.Store.insert`."""
        if table.life is not Life.OBSERVED:
            raise ValueError(f"{table.name} is {table.life}: only observed rows are inserted")
        self._append(ddl.rows_table(table), table, rows, {})

    def replace(self, table: Table, rows: Iterable[pa.RecordBatch]) -> None:
        """See :meth:`ktlo.store.protocol.Store.replace`."""
        if table.life is not Life.DERIVED:
            raise ValueError(f"{table.name} is {table.life}: only derived rows are replaced")
        staging = table.name + NEXT
        with self._replacing:
            # A crash may have left one behind; it is of no use to anybody.
            self._execute_all(ddl.drop_table(staging, self._place))
            self._execute_all(ddl.create_table(table, self._place, name=staging))
            for number, batch in enumerate(rows):
                self._append(staging, table, batch, {"insert_deduplication_token": f"batch-{number}"})
            self._execute_all(ddl.exchange(table.name, staging, self._place))
            self._execute_all(ddl.drop_table(staging, self._place))

    def roll_up(self, noun: str, select: str, params: Mapping[str, Any]) -> None:
        """See :meth:`ktlo.store.protocol.Store.roll_up`."""
        made = streams.PHYSICAL[noun]
        columns = ", ".join(f"`{column}`" for column in made.columns)
        settings = {**ONE_PART, "distributed_product_mode": "global"}
        said = ", ".join(
            f"{name} = {value}" if isinstance(value, int) else f"{name} = '{value}'"
            for name, value in settings.items()
        )
        self.execute(
            f"INSERT INTO {self._place.database}.`{made.name}` ({columns}) SETTINGS {said} {select}",
            params,
        )

    def retain(self, noun: str, days: int) -> None:
        """See :meth:`ktlo.store.protocol.Store.retain`."""
        wanted, statement = streams.keep(noun, days, self._place)
        table = streams.PHYSICAL[noun].name
        made = self.query(
            "SELECT create_table_query AS made FROM system.tables"
            " WHERE database = {database:String} AND name = {name:String}",
            {"database": self._place.database, "name": ddl.local_name(table, self._place)},
        ).to_pylist()
        if not made or wanted not in made[0]["made"]:
            self.execute(statement)

    def forget(self, source: str) -> None:
        """See :meth:`ktlo.store.protocol.Store.forget`."""
        for table in TABLES.values():
            if table.life is Life.OBSERVED:
                self.execute(ddl.delete_source(table, self._place), {"source": source})

    def forget_versions(self, table: Table, source: str, above: int) -> None:
        """See :meth:`ktlo.store.protocol.Store.forget_versions`."""
        self.execute(ddl.delete_versions(table, self._place), {"source": source, "above": above})

    def mark(self) -> object:
        """See :meth:`ktlo.store.protocol.Store.mark`. Others may write to a server, too: it cannot be told there."""
        return None

    @property
    def database(self) -> str:
        """See :attr:`ktlo.store.protocol.Store.database`."""
        return self._place.database

    def answer(self, question: Question, limits: readonly.Limits, rows: int) -> Answer:
        """See :meth:`ktlo.store.protocol.Store.answer`."""
        readonly.refuse_writing(question.sql)
        printed = readonly.printed(question.sql, self.query)
        bare, form, within = outside.take_apart(printed)
        form = form or question.format
        if form not in outside.FORMATS:
            raise UserError(
                f"the format {form[:40]!r} is not one that answers are given in", fix=readonly.FIX
            )
        outside.check_parameters(printed, question.parameters)
        bounds = {
            name: value for name, value in limits.settings(rows).items() if name not in ("limit", "readonly")
        }
        settings, ignored = outside.effective(
            {**question.settings, **within}, {**bounds, "max_result_rows": rows}
        )
        statement = readonly.admit(
            bare,
            self._place.database,
            self._words(),
            query=self.query,
            ask=lambda text: self.ask(text, readonly.OUTLINE_SETTINGS, question.parameters),
            wider=readonly.Wider(outside.ROOTS, outside.SYSTEM_TABLES, outside.FUNCTIONS),
        )
        answered = self.reply(replace(question, format=form), statement, settings)
        # The engine counts a column of equal values once; here it is spread out.
        if len(answered.body) > limits.answer:
            raise StoreError(limits.explain("TOO_MANY_ROWS_OR_BYTES"), code=396)
        return replace(answered, format=form, ignored=ignored)

    def stop(self, mark: str) -> None:
        """See :meth:`ktlo.store.protocol.Store.stop`."""
        self.execute(outside.stop_statement(mark))

    def _words(self) -> Vocabulary:
        if self._vocabulary is None:
            self._vocabulary = vocabulary(self.query)
        return self._vocabulary

    def query_readonly(self, sql: str, limit: int) -> pa.Table:
        """See :meth:`ktlo.store.protocol.Store.query_readonly`."""
        settings = self._limits.settings(limit)
        try:
            statement = readonly.admit(
                sql,
                self._place.database,
                self._words(),
                query=self.query,
                ask=lambda text: self.ask(text, readonly.OUTLINE_SETTINGS),
            )
            answer = self.ask(statement, settings).slice(0, limit)
        except StoreError as error:
            raise UserError(self._limits.explain(error.what), fix=readonly.FIX) from error
        # The engine counts a column of equal values once; here it is spread out.
        if answer.nbytes > self._limits.answer:
            raise UserError(self._limits.explain("TOO_MANY_ROWS_OR_BYTES"), fix=readonly.FIX)
        return answer

    def _append(
        self, name: str, table: Table, rows: pa.RecordBatch | pa.Table, settings: Mapping[str, str | int]
    ) -> None:
        wanted = schema(table)
        if rows.schema.names != wanted.names or rows.schema.types != wanted.types:
            raise ValueError(f"{table.name}: the rows' columns are not the table's:\n{rows.schema}")
        for field in wanted:
            if not field.nullable and rows.column(field.name).null_count:
                raise ValueError(f"{table.name}: {field.name} must not be null")
        if rows.num_rows == 0:
            return
        try:
            self.append(name, rows, settings)
        except StoreError as error:
            raise StoreError(error.what, where=table.name, fix=error.fix) from error

    def _execute_all(self, statements: Iterable[str]) -> None:
        for statement in statements:
            self.execute(statement)
