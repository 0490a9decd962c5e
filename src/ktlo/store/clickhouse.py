"""The store on a ClickHouse server or cluster, over HTTP (PyPI ``clickhouse-connect``).

For when one machine is outgrown. The same SQL, tables and checks as the embedded engine; rows go out
and come back as Arrow, values are bound by the server. The password comes from ``KTLO_STORE_PASSWORD``
and is never part of an address, a message or a log.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import pyarrow as pa

from ktlo.errors import StoreError, UserError
from ktlo.settings.secret_reference import variable_or_reference
from ktlo.store import ddl, readonly
from ktlo.store.engine_store import ONE_PART, EngineStore
from ktlo.store.outside import Answer, Question
from ktlo.store.parameters import parameter_values, unescaped
from ktlo.store.streams import Incoming, load_settings, schema_settings

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

PASSWORD_VARIABLE = "KTLO_STORE_PASSWORD"  # noqa: S105 - the variable's name
OLDEST_SERVER = (25, 8)

_PORTS = {"http": 8123, "https": 8443}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WRONG_PASSWORD = (192, 193, 194, 516)


class ClickHouseStore(EngineStore):
    """Records on a server.

    Args:
        url: ``https://user@host:8443/database``; port and database may be left out.
        cluster: name of the cluster in the server's configuration; empty for a single server.
        limits: what one typed question may use.

    Raises:
        UserError: the address is not one.
        StoreError: the server cannot be reached, is too old, or refuses the user.
    """

    def __init__(self, url: str, *, cluster: str = "", limits: readonly.Limits | None = None) -> None:
        address = urlsplit(url)
        database = address.path.strip("/") or "ktlo"
        if address.scheme not in _PORTS or not address.hostname:
            raise UserError(
                "this is no address of a ClickHouse server",
                where="store.url",
                fix="Write https://user@host:8443/database",
            )
        if address.password is not None:
            raise UserError(
                "an address must not hold a password",
                where="store.url",
                fix=f"Take it out and set {PASSWORD_VARIABLE}",
            )
        for what, name in (("database", database), ("cluster", cluster or "none")):
            if not _NAME.fullmatch(name):
                raise UserError(
                    f"{name!r} is no name of a {what}",
                    where="store",
                    fix="Letters, digits and _ make a name",
                )
        super().__init__(ddl.Place(database, cluster), limits or readonly.Limits())
        self._where = f"{address.scheme}://{address.hostname}:{address.port or _PORTS[address.scheme]}"
        self._client = self._connect(
            address.scheme, address.hostname, address.port, unquote(address.username or "default")
        )
        # On a cluster an insert is acknowledged when most replicas of every shard it touches have it.
        self._insert_settings: dict[str, str | int] = {**ONE_PART, "async_insert": 0, "wait_end_of_query": 1}
        if cluster:
            self._insert_settings |= {"distributed_foreground_insert": 1, "insert_quorum": "auto"}
        self._ddl_settings: dict[str, str | int] = {"distributed_ddl_task_timeout": 120} if cluster else {}

    def execute(self, sql: str, params: Mapping[str, Any] | None = None) -> None:
        """See :meth:`ktlo.store.engine_store.EngineStore.execute`."""
        self._raw(sql, params, self._ddl_settings)

    def query(self, sql: str, params: Mapping[str, Any] | None = None) -> pa.Table:
        """See :meth:`ktlo.store.protocol.Store.query`."""
        return _table(self._raw(sql, params, {}))

    def append(self, name: str, rows: pa.RecordBatch | pa.Table, settings: Mapping[str, str | int]) -> None:
        """See :meth:`ktlo.store.engine_store.EngineStore.append`."""
        from clickhouse_connect.driver.exceptions import ClickHouseError

        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, rows.schema) as writer:
            writer.write(rows)
        try:
            self._client.raw_insert(
                f"{self._place.database}.{name}",
                column_names=rows.schema.names,
                insert_block=sink.getvalue().to_pybytes(),
                settings={**self._insert_settings, **settings},
                fmt="ArrowStream",
            )
        except ClickHouseError as error:
            raise self._error(error) from error

    def load(self, stream: Incoming, file: Path, token: str) -> None:
        """See :meth:`ktlo.store.protocol.Store.load`."""
        from clickhouse_connect.driver.exceptions import ClickHouseError

        settings = {**self._insert_settings, **load_settings(stream, token), **schema_settings(stream)}
        try:
            self._client.raw_insert(
                f"{self._place.database}.{stream.table}",
                insert_block=file.read_bytes(),
                settings=settings,
                fmt="Protobuf",
            )
        except ClickHouseError as error:
            raise self._error(error) from error

    def ask(
        self, sql: str, settings: Mapping[str, str | int], parameters: Mapping[str, str] | None = None
    ) -> pa.Table:
        """See :meth:`ktlo.store.engine_store.EngineStore.ask`."""
        return _table(self._raw(sql, _bindable(parameters), {**settings, "database": self._place.database}))

    def reply(self, question: Question, statement: str, settings: Mapping[str, str | int]) -> Answer:
        """See :meth:`ktlo.store.engine_store.EngineStore.reply`."""
        began = time.monotonic()
        body = self._raw(
            statement + question.remark,
            _bindable(question.parameters),
            {**settings, "readonly": 1, "database": self._place.database},
            question.format,
        )
        # The library keeps the server's summary to itself: what was read is not known here.
        return Answer(body, 0, 0, 0, time.monotonic() - began)

    def close(self) -> None:
        """See :meth:`ktlo.store.protocol.Store.close`."""
        self._client.close()

    def _raw(
        self,
        sql: str,
        params: Mapping[str, Any] | None,
        settings: Mapping[str, str | int],
        form: str = "ArrowStream",
    ) -> bytes:
        from clickhouse_connect.driver.exceptions import ClickHouseError

        try:
            return self._client.raw_query(
                sql,
                parameters=parameter_values(params) or None,
                settings=dict(settings),
                # Not as a FORMAT clause: EXPLAIN AST would take it for part of the question.
                transport_settings={"X-ClickHouse-Format": form},
            )
        except ClickHouseError as error:
            raise self._error(error) from error

    def _connect(self, scheme: str, host: str, port: int | None, user: str) -> Client:
        from clickhouse_connect import get_client
        from clickhouse_connect.driver.exceptions import ClickHouseError

        try:
            client = get_client(
                interface=scheme,
                host=host,
                port=port or _PORTS[scheme],
                username=user,
                password=variable_or_reference(PASSWORD_VARIABLE),
                # One client for all threads: a session would let them in one after another.
                autogenerate_session_id=False,
                dedicated_pool=True,
                client_name="ktlo",
                connect_timeout=10,
                send_receive_timeout=600,
            )
        except ClickHouseError as error:
            raise self._error(error) from error
        version = tuple(int(part) for part in (client.server_version or "0").split(".")[:2])
        if version < OLDEST_SERVER:
            client.close()
            raise StoreError(
                f"the server is ClickHouse {client.server_version}",
                where=self._where,
                fix=f"ktlo needs {'.'.join(map(str, OLDEST_SERVER))} or newer",
            )
        return client

    def _error(self, error: Exception) -> StoreError:
        code = getattr(error, "code", None)
        if code in _WRONG_PASSWORD:
            return StoreError(
                "the server refuses the user or the password",
                where=self._where,
                fix=f"Check the user in store.url and the variable {PASSWORD_VARIABLE}",
            )
        if code is None and error.__cause__ is not None:
            return StoreError(
                f"the ClickHouse server cannot be reached: {_innermost(error)}",
                where=self._where,
                fix="Check store.url, and that the server runs and lets this machine in",
            )
        text = str(error).replace("\n", " ")
        return StoreError(text.rsplit("DB::Exception: ", 1)[-1].strip()[:2000], code=int(code or 0))


def _table(data: bytes) -> pa.Table:
    return pa.ipc.open_stream(data).read_all() if data else pa.table({})


def _bindable(texts: Mapping[str, str] | None) -> dict[str, str]:
    """Parameters in the protocol's text form as values, which the library puts into that form again."""
    return {name: unescaped(text) for name, text in (texts or {}).items()}


def _innermost(error: BaseException) -> str:
    """The reason at the bottom of a chain of transport errors, without addresses of objects."""
    while error.__cause__ is not None or error.__context__ is not None:
        following = error.__cause__ or error.__context__
        if following is None:
            break
        error = following
    return getattr(error, "strerror", None) or str(error)
