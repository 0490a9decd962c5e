"""The default store: ClickHouse's engine inside this process (PyPI ``chdb``), one folder on disk.

One process may have a folder open at a time; a lock file says which. Connections are one a thread, as
the engine asks. Inserts go through ``INSERT … SELECT FROM Python(…)``, which raises when anything fails
(``send_insert`` does not: see shared design notes), into tables that fsync before they return.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from ktlo.errors import StoreBusyError, StoreError
from ktlo.records.schema import Table
from ktlo.store import ddl, readonly
from ktlo.store.engine_store import NEXT, ONE_PART, EngineStore
from ktlo.store.outside import Answer, Question
from ktlo.store.parameters import literal, parameter_texts
from ktlo.store.streams import Incoming, load_statement

_LEAST_ROOM = 4 << 20
"""Bytes that must be free before the definition of a table is written."""

_PUT_ASIDE = ("group_by", "sort", "join", "distinct")
"""Steps of a statement that the engine can do in parts, of which those that wait are on the disk."""
_ASIDE = 4
"""A step that holds more than a quarter of what its statement may have goes on in parts. Less does harm: a join then
makes so many parts that their buffers alone are too large (an eighth of 400 MiB was)."""

_DEFINES = re.compile(
    r"\s*(CREATE|EXCHANGE|RENAME|ALTER\s+TABLE\s+\S+\s+(?!DELETE|DROP\s+PARTITION))", re.IGNORECASE
)
"""Statements that write a definition."""


class EmbeddedStore(EngineStore):
    """Records in a folder of this machine.

    Args:
        folder: made when missing; readable by its owner only.
        limits: what one typed question may use.

    Raises:
        StoreBusyError: another process has the folder open.
        StoreError: the folder cannot be opened or made.
    """

    def __init__(self, folder: Path, limits: readonly.Limits | None = None) -> None:
        super().__init__(ddl.Place(), limits or readonly.Limits())
        self._folder = folder
        self._memory = _memory_limit()
        self._local = threading.local()
        self._connections: list[Any] = []
        self._guard = threading.Lock()
        self._writes = 0
        self._closed = False
        self._lock = _locked(folder)
        try:
            # A store that exists is read on a full disk, too: nothing is written by opening it.
            if not (folder / "engine" / "metadata" / f"{self._place.database}.sql").exists():
                _make_sure_of_room(folder)
            self._forget_torn()
            with self._borrowed() as connection:
                _run(connection, ddl.create_database(self._place))
        except StoreError as error:
            self.close()
            raise StoreError(
                f"the store cannot be opened: {error.what}",
                where=str(folder),
                fix=error.fix or "Put back a copy of the folder, or give ktlo a new one with --data",
                code=error.code,
            ) from error

    def insert(self, table: Table, rows: pa.RecordBatch | pa.Table) -> None:
        """See :meth:`ktlo.store.protocol.Store.insert`."""
        with self._written():
            super().insert(table, rows)

    def replace(self, table: Table, rows: Iterable[pa.RecordBatch]) -> None:
        """See :meth:`ktlo.store.protocol.Store.replace`."""
        self._forget_torn()
        with self._written():
            super().replace(table, rows)

    def forget(self, source: str) -> None:
        """See :meth:`ktlo.store.protocol.Store.forget`."""
        with self._written():
            super().forget(source)

    def forget_versions(self, table: Table, source: str, above: int) -> None:
        """See :meth:`ktlo.store.protocol.Store.forget_versions`."""
        with self._written():
            super().forget_versions(table, source, above)

    def mark(self) -> object:
        """See :meth:`ktlo.store.protocol.Store.mark`. One process has the folder, so its own writes are all."""
        with self._guard:
            return self._writes

    @contextlib.contextmanager
    def _written(self) -> Iterator[None]:
        """A write: the mark is another when it is over, also where it failed half way."""
        try:
            yield
        finally:
            with self._guard:
                self._writes += 1

    def _forget_torn(self) -> None:
        """Remove what a disk that filled up leaves of tables under way: empty definitions.

        The engine neither opens with one nor makes that table again; there is nothing in it.
        """
        for file in (self._folder / "engine" / "metadata" / self._place.database).glob(f"*{NEXT}.sql"):
            with contextlib.suppress(FileNotFoundError):
                if not file.stat().st_size:
                    file.unlink()

    def execute(self, sql: str, params: Mapping[str, Any] | None = None) -> None:
        """See :meth:`ktlo.store.engine_store.EngineStore.execute`."""
        if _DEFINES.match(sql):
            _make_sure_of_room(self._folder)
        with self._borrowed() as connection:
            _run(connection, sql, params)

    def query(self, sql: str, params: Mapping[str, Any] | None = None) -> pa.Table:
        """See :meth:`ktlo.store.protocol.Store.query`."""
        with self._borrowed() as connection:
            return _run(connection, sql, params)

    def append(self, name: str, rows: pa.RecordBatch | pa.Table, settings: Mapping[str, str | int]) -> None:
        """See :meth:`ktlo.store.engine_store.EngineStore.append`."""
        incoming = pa.table(rows) if isinstance(rows, pa.RecordBatch) else rows  # noqa: F841 - read by the engine
        names = ", ".join(f"`{column}`" for column in rows.schema.names)
        with self._borrowed() as connection:
            try:
                connection.query(
                    f"INSERT INTO {self._place.database}.`{name}` ({names})"  # noqa: S608 - names are the schema's
                    f" SETTINGS {_assignments({**ONE_PART, **settings})} SELECT {names} FROM Python(incoming)"
                )
            except (RuntimeError, UnicodeDecodeError) as error:
                raise _store_error(error) from error

    def load(self, stream: Incoming, file: Path, token: str) -> None:
        """See :meth:`ktlo.store.protocol.Store.load`."""
        with self._borrowed() as connection:
            _run(
                connection,
                load_statement(stream, self._place, str(file), str(self._schema_file(stream)), token),
            )

    def _schema_file(self, stream: Incoming) -> Path:
        """The stream's schema as a file of the store's folder; written when missing or of another version."""
        file = self._folder / "schemas" / f"{stream.table}.proto"
        with self._guard:
            if not file.is_file() or file.read_text(encoding="utf-8") != stream.schema:
                file.parent.mkdir(exist_ok=True)
                file.write_text(stream.schema, encoding="utf-8")
        return file

    def ask(
        self, sql: str, settings: Mapping[str, str | int], parameters: Mapping[str, str] | None = None
    ) -> pa.Table:
        """See :meth:`ktlo.store.engine_store.EngineStore.ask`."""
        # A connection of its own: readonly cannot be taken back, nor can anything else it changed stay.
        connection = self._connect()
        try:
            limits = {name: value for name, value in settings.items() if name != "readonly"}
            _run(connection, f"USE {self._place.database}")
            _run(connection, f"SET {_assignments(limits)}")
            _run(connection, "SET readonly = 1")
            return _run(connection, sql, texts=parameters)
        finally:
            connection.close()

    def reply(self, question: Question, statement: str, settings: Mapping[str, str | int]) -> Answer:
        """See :meth:`ktlo.store.engine_store.EngineStore.reply`."""
        connection = self._connect()
        try:
            _run(connection, f"USE {self._place.database}")
            _run(connection, f"SET {_assignments(settings)}")
            _run(connection, "SET readonly = 1")
            try:
                result = connection.query(
                    statement + question.remark, question.format, params=dict(question.parameters)
                )
                return Answer(
                    result.bytes(),
                    result.rows_read(),
                    result.storage_rows_read(),
                    result.storage_bytes_read(),
                    result.elapsed(),
                )
            except (RuntimeError, UnicodeDecodeError) as error:
                raise _store_error(error) from error
        finally:
            connection.close()

    def close(self) -> None:
        """See :meth:`ktlo.store.protocol.Store.close`."""
        with self._guard:
            self._closed = True
            for connection in self._connections:
                with contextlib.suppress(RuntimeError):
                    connection.close()
            self._connections.clear()
            if self._lock >= 0:
                os.close(self._lock)
                self._lock = -1

    @contextlib.contextmanager
    def _borrowed(self) -> Iterator[Any]:
        """This thread's connection; given up after an error.

        What a failed statement had already written stays in the engine's connection and would begin the
        next answer (chdb 4.4: tests/store/test_embedded.py shows it).
        """
        connection = getattr(self._local, "connection", None)
        if connection is None or self._closed:
            connection = self._connect()
            _run(connection, f"SET {_assignments(_bounds(self._memory))}")
            self._connections.append(connection)
            self._local.connection = connection
        try:
            yield connection
        except BaseException:
            self._local.connection = None
            with self._guard:
                if connection in self._connections:
                    self._connections.remove(connection)
                    connection.close()
            raise

    def _connect(self) -> Any:
        import chdb

        with self._guard:
            if self._closed:
                raise StoreError("the store is closed", where=str(self._folder))
            try:
                connection = chdb.connect(str(self._folder / "engine"))  # type: ignore[no-untyped-call]
                # Rows do not leave the process: packing and unpacking them costs more than it spares.
                connection.query("SET output_format_arrow_compression_method = 'none'")
                return connection
            except (RuntimeError, UnicodeDecodeError) as error:
                raise _store_error(error) from error


def _run(
    connection: Any,
    sql: str,
    params: Mapping[str, Any] | None = None,
    texts: Mapping[str, str] | None = None,
) -> pa.Table:
    """Run a statement with values (``params``), or with parameters that are text already (``texts``)."""
    try:
        data = connection.query(
            sql, "ArrowStream", params={**parameter_texts(params), **(texts or {})}
        ).bytes()
    except (RuntimeError, UnicodeDecodeError) as error:
        raise _store_error(error) from error
    return pa.ipc.open_stream(data).read_all() if data else pa.table({})


def _assignments(settings: Mapping[str, str | int]) -> str:
    return ", ".join(
        f"{name} = {value}" if isinstance(value, int) else f"{name} = {literal(value)}"
        for name, value in settings.items()
    )


def _locked(folder: Path) -> int:
    """Take the folder for this process; the operating system lets go when the process ends, however.

    Returns:
        The open lock file's descriptor.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(folder / "ktlo.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(
            f"the store cannot be opened: {error.strerror}",
            where=str(folder),
            fix="Choose a folder you may write to with --data",
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.pread(lock, 20, 0).decode(errors="replace").strip() or "unknown"
        os.close(lock)
        raise StoreBusyError(
            f"another ktlo (process {holder}) has this store open",
            where=str(folder),
            fix="Use that one, stop it, or give this one its own folder with --data",
        ) from error
    # On a full disk the lock holds without the number in it, and the store can still be read.
    with contextlib.suppress(OSError):
        os.truncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
    return lock


def _make_sure_of_room(folder: Path) -> None:
    """On a full disk the engine writes empty definitions of tables, and is not opened again by them.

    Raises:
        StoreError: there is less room than definitions need.
    """
    if shutil.disk_usage(folder).free < _LEAST_ROOM:
        raise StoreError(
            f"the disk is full: less than {_LEAST_ROOM >> 20} MiB are free",
            where=str(folder),
            fix="Make room; what was stored before is intact, nothing is lost",
            code=243,
        )


def _memory_limit() -> int:
    """Bytes that one statement may use: half of what this process may have at all."""
    available = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with contextlib.suppress(OSError, ValueError):
        available = min(available, int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
    return available // 2


def _bounds(memory: int) -> dict[str, str | int]:
    """What one statement may use, and from where on it works on the disk, in the store's folder.

    The engine's own bound is a half of the machine's memory, no less than ``memory`` itself: it would end a statement
    before it put a part of it aside.
    """
    aside = {f"max_bytes_before_external_{what}": memory // _ASIDE for what in _PUT_ASIDE}
    return {"max_memory_usage": memory, **aside}


def _store_error(error: Exception) -> StoreError:
    """The engine's message without its stack of code names, and what to do where that is known."""
    text = str(error).replace("\n", " ")
    message = text.split("DB::Exception: ", 1)[-1].strip()[:2000]
    if "already initialized with path" in text:
        return StoreError(
            "this process has another folder open, and the engine takes one at a time",
            fix="Close that store first, or open this one in a process of its own",
        )
    if "No space left on device" in text or "NOT_ENOUGH_SPACE" in text:
        return StoreError(
            f"the disk is full: {message}",
            fix="Make room; what was stored before is intact, nothing is lost",
            code=243,
        )
    numbered = re.match(r"Code: (\d+)\.", text)
    return StoreError(message, code=int(numbered[1]) if numbered else 0)
