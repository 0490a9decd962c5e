"""The door for SQL tools of one running ktlo: opened beside the pages by ``ktlo up``."""

from __future__ import annotations

from ktlo.errors import UserError
from ktlo.server.address import listen, url_of
from ktlo.server.http_door import HttpDoor
from ktlo.server.receiving import Door
from ktlo.server.runtime import Runtime
from ktlo.server.security import is_loopback
from ktlo.server.sql.application import SqlDoor
from ktlo.settings.secret_reference import secret, variable_or_reference

PROTOCOL = "SQL (ClickHouse HTTP)"


class SqlServing:
    """Serves until it is closed.

    Args:
        runtime: the store and the settings.

    Raises:
        UserError: an address that others reach without a key, or a key that cannot be read.
    """

    def __init__(self, runtime: Runtime) -> None:
        said = runtime.settings.sql
        key = secret(said.key).get_secret_value() if said.key else variable_or_reference("KTLO_TOKEN")
        if not is_loopback(said.host) and not key:
            raise UserError(
                f"SQL would be answered on {said.host} to anybody",
                where="sql.host",
                fix="Give a key, sql: {key: env:KTLO_SQL_KEY}, set KTLO_TOKEN, or listen on 127.0.0.1",
            )
        self._http: HttpDoor | None = None
        try:
            listener = listen(said.host, said.port)
        except OSError as error:
            self.door = Door(PROTOCOL, "", f"port {said.port} cannot be used: {error.strerror}")
            return
        self._http = HttpDoor(SqlDoor(runtime.store, said, key).application(), (listener,))
        self.door = Door(PROTOCOL, url_of(said.host, listener.getsockname()[1]))

    def close(self) -> None:
        """Stop answering."""
        if self._http is not None:
            self._http.close()
