"""The default store: ClickHouse's engine inside this process (PyPI ``chdb``), one folder on disk.

One process may have a folder open at a time; a lock file says which. Connections are one a thread, as
the engine asks. Inserts go through ``INSERT … SELECT FROM Python(…)``, which raises when anything fails
(``send_insert`` does not: see shared design notes), into tables that fsync before they return.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from ktlo.errors import StoreBusyError, StoreError, UserError
from ktlo.records.arrow import schema
from ktlo.records.schema import TABLES, Life, Table
from ktlo.store import ddl
from ktlo.store.parameters import parameter_texts

READONLY_SECONDS = 30


class EmbeddedStore:
    """Records in a folder of this machine.

    Args:
        folder: made when missing; readable by its owner only.

    Raises:
        StoreBusyError: another process has the folder open.
        StoreError: the folder cannot be opened or made.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._place = ddl.Place()
        self._local = threading.local()
        self._connections: list[Any] = []
        self._guard = threading.Lock()
        self._replacing = threading.Lock()
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = (folder / "ktlo.lock").open("a+", encoding="utf-8")
        except OSError as error:
            raise StoreError(
                f"the store cannot be opened: {error.strerror}",
                where=str(folder),
                fix="Choose a folder you may write to with --data",
            ) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.seek(0)
            holder = self._lock.read().strip() or "unknown"
            self._lock.close()
            raise StoreBusyError(
                f"another ktlo (process {holder}) has this store open",
                where=str(folder),
                fix="Use that one, stop it, or give this one its own folder with --data",
            ) from error
        self._lock.seek(0)
        self._lock.truncate()
        self._lock.write(str(os.getpid()))
        self._lock.flush()
        self._run("CREATE DATABASE IF NOT EXISTS ktlo")

    def _connection(self) -> Any:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            import chdb

            with self._guard:
                connection = chdb.connect(str(self._folder / "engine"))  # type: ignore[no-untyped-call]
                self._connections.append(connection)
            self._local.connection = connection
        return connection

    def _run(
        self, sql: str, params: Mapping[str, Any] | None = None, form: str = "ArrowStream"
    ) -> pa.Table | None:
        try:
            result = self._connection().query(sql, form, params=parameter_texts(params))
            data = result.bytes()
        except (RuntimeError, UnicodeDecodeError) as error:
            raise StoreError(_message(error)) from error
        if not data:
            return None
        return pa.ipc.open_stream(data).read_all()

    def migrate(self) -> None:
        """See :meth:`ktlo.store.protocol.Store.migrate`."""
        for table in TABLES.values():
            for statement in ddl.create_table(table, self._place):
                self._run(statement)
            present = self.query(
                "SELECT name, type FROM system.columns WHERE database = 'ktlo' AND table = {t:String}",
                {"t": ddl.rows_table(table)},
            )
            types = dict(zip(present["name"].to_pylist(), present["type"].to_pylist(), strict=True))
            for name, kind in ddl.columns_of(table):
                if name not in types:
                    for statement in ddl.add_column(table, self._place, name, kind):
                        self._run(statement)
            self._run(f"DROP TABLE IF EXISTS ktlo.`{table.name}_next`")
            for statement in ddl.create_view(table, self._place):
                self._run(statement)

    def insert(self, table: Table, rows: pa.RecordBatch | pa.Table) -> None:
        """See :meth:`ktlo.store.protocol.Store.insert`."""
        if table.life is not Life.OBSERVED:
            raise ValueError(f"{table.name} is derived: use replace()")
        self._append(ddl.rows_table(table), table, rows)

    def _append(self, name: str, table: Table, rows: pa.RecordBatch | pa.Table) -> None:
        if rows.schema.names != schema(table).names:
            raise ValueError(f"{table.name}: columns {rows.schema.names} are not the table's")
        if rows.num_rows == 0:
            return
        incoming = pa.table(rows) if isinstance(rows, pa.RecordBatch) else rows  # noqa: F841 - read by the engine
        names = ", ".join(f"`{column}`" for column in rows.schema.names)
        try:
            self._connection().query(
                f"INSERT INTO ktlo.`{name}` ({names}) SELECT {names} FROM Python(incoming)"  # noqa: S608 - names are the schema's
            )
        except (RuntimeError, UnicodeDecodeError) as error:
            raise StoreError(_message(error), where=table.name) from error

    def replace(self, table: Table, rows: Iterable[pa.RecordBatch]) -> None:
        """See :meth:`ktlo.store.protocol.Store.replace`."""
        if table.life is not Life.DERIVED:
            raise ValueError(f"{table.name} is observed: use insert()")
        staging = f"{table.name}_next"
        with self._replacing:
            self._run(f"DROP TABLE IF EXISTS ktlo.`{staging}`")
            for statement in ddl.create_table(table, self._place, name=staging):
                self._run(statement)
            for batch in rows:
                self._append(staging, table, batch)
            self._run(f"EXCHANGE TABLES ktlo.`{staging}` AND ktlo.`{table.name}`")
            self._run(f"DROP TABLE ktlo.`{staging}`")

    def query(self, sql: str, params: Mapping[str, Any] | None = None) -> pa.Table:
        """See :meth:`ktlo.store.protocol.Store.query`."""
        answer = self._run(sql, params)
        return answer if answer is not None else pa.table({})

    def query_readonly(self, sql: str, limit: int) -> pa.Table:
        """See :meth:`ktlo.store.protocol.Store.query_readonly`."""
        # Wrapping in a subquery admits one SELECT only: a second statement or a write cannot parse.
        inner = sql.strip().rstrip(";")
        wrapped = (
            f"SELECT * FROM (\n{inner}\n) LIMIT {int(limit)} "  # noqa: S608 - a person's own SELECT, read-only
            f"SETTINGS readonly = 1, max_execution_time = {READONLY_SECONDS}"
        )
        try:
            return self.query(wrapped)
        except StoreError as error:
            raise UserError(
                error.what, fix="Only a single SELECT over ktlo's tables is answered here"
            ) from error

    def close(self) -> None:
        """See :meth:`ktlo.store.protocol.Store.close`."""
        with self._guard:
            for connection in self._connections:
                with contextlib.suppress(RuntimeError):
                    connection.close()
            self._connections.clear()
        if not self._lock.closed:
            self._lock.close()


def _message(error: Exception) -> str:
    """The engine's message without its stack of code names."""
    text = str(error).replace("\n", " ")
    return text.split("DB::Exception: ", 1)[-1].strip()[:2000]
