"""The door itself: an ASGI application that answers ClickHouse's HTTP protocol from the store.

Statements pass the store's read-only guard. A question that waits too long, grows too large or whose client has left
is ended. Without a key only programs of this machine are answered, and none of them a page in a browser.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from ktlo.errors import StoreError, UserError
from ktlo.server.security import is_loopback
from ktlo.server.sql import failure
from ktlo.server.sql.asked import Asked, password_of, read
from ktlo.server.sql.compression import blocks, encoded
from ktlo.server.sql.failure import FailedError
from ktlo.server.sql.native import UnknownTypeError, with_revision
from ktlo.settings.sql import SqlSettings
from ktlo.store.outside import Answer
from ktlo.store.protocol import Store
from ktlo.store.readonly import Limits
from ktlo.wording import counted

_log = logging.getLogger(__name__)

MOST_WAITING = 32
"""Questions that may wait for others to be answered; beyond, tools are told to come again."""
_TYPES = {"JSON": "application/json", "CSV": "text/csv", "TSV": "text/tab-separated-values", "XML": "application/xml",
          "TabSeparated": "text/tab-separated-values", "Markdown": "text/markdown"}  # fmt: skip
_BINARY = ("Native", "RowBinary", "Parquet", "Arrow", "ORC", "MsgPack")


@dataclass(frozen=True, slots=True)
class Served:
    """What the engine is called by tools.

    Attributes:
        version: of the engine.
        timezone: of its instants without one of their own.
        database: the only one.
    """

    version: str
    timezone: str
    database: str


class SqlDoor:
    """Answers questions.

    Args:
        store: where the answers are.
        said: limits.
        key: password of everybody; empty lets in who can reach the port.
    """

    def __init__(self, store: Store, said: SqlSettings, key: str) -> None:
        self._store = store
        self._limits = Limits(said.seconds, said.memory_mib << 20, said.answer_mib << 20)
        self._rows = said.rows
        self._key = key
        self._room = asyncio.Semaphore(said.at_once)
        self._waiting = 0
        told = store.query("SELECT version() AS v, timezone() AS z").to_pylist()[0]
        self._served = Served(told["v"], told["z"], store.database)

    def application(self) -> Starlette:
        """The ASGI application."""
        return Starlette(
            routes=[
                Route("/ping", self._ping, methods=["GET", "HEAD"]),
                Route("/replicas_status", self._ping, methods=["GET", "HEAD"]),
                Route("/", self._answered, methods=["GET", "POST"]),
            ],
            exception_handlers={Exception: self._broken},
        )

    async def _ping(self, request: Request) -> Response:
        del request
        return Response("Ok.\n", media_type="text/plain", headers=self._headers(""))

    async def _answered(self, request: Request) -> Response:
        number = request.query_params.get("query_id", "")[:200]
        try:
            self._admit(request)
            asked = await read(request, self._served.database)
            number = asked.query_id or secrets.token_hex(16)
            if not asked.question.sql:
                if request.method == "GET":
                    return await self._ping(request)
                raise FailedError(62, "Empty query. (SYNTAX_ERROR)")
            return self._written(asked, await self._answer(request, asked), number)
        except FailedError as error:
            return self._failed(error, number)
        except ClientDisconnect:
            return Response(status_code=499)

    def _admit(self, request: Request) -> None:
        if self._key:
            if not hmac.compare_digest(password_of(request).encode(), self._key.encode()):
                raise FailedError(
                    failure.WRONG_KEY,
                    "Authentication failed: give the key (sql: {key: …} in ktlo.yaml, or KTLO_TOKEN) as password",
                )
            return
        # Without a key: a name that was made to mean this machine (DNS rebinding), or a page in a browser.
        host = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
        if not is_loopback(host) or request.headers.get("origin"):
            raise FailedError(failure.DENIED, "Without a key only programs of this machine are answered")

    async def _answer(self, request: Request, asked: Asked) -> Answer:
        if self._room.locked() and self._waiting >= MOST_WAITING:
            raise FailedError(failure.TOO_MANY, "Too many questions at once; come again")
        self._waiting += 1
        try:
            async with _leaving(request) as gone, self._room:
                self._waiting -= 1
                try:
                    return await self._run(asked, gone)
                finally:
                    self._waiting += 1
        finally:
            self._waiting -= 1

    async def _run(self, asked: Asked, gone: asyncio.Task[None]) -> Answer:
        work = asyncio.ensure_future(
            run_in_threadpool(self._store.answer, asked.question, self._limits, self._rows)
        )
        await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        while not work.done():
            # The client has left. The statement may not have reached the engine yet, hence again and again.
            with contextlib.suppress(StoreError):
                await run_in_threadpool(self._store.stop, asked.question.mark)
            await asyncio.wait({work}, timeout=0.2)
        try:
            return work.result()
        except UserError as error:
            raise FailedError(failure.DENIED, str(error)) from error
        except StoreError as error:
            raise FailedError(error.code or failure.INTERNAL, self._explained(error)) from error

    def _explained(self, error: StoreError) -> str:
        told = self._limits.explain(error.what)
        if error.code == failure.TOO_LARGE and "max rows" in error.what:
            most = counted(self._rows, "rows")
            return f"The answer has more than {most} (sql: {{rows: …}} in ktlo.yaml); add a LIMIT"
        return told

    def _written(self, asked: Asked, answer: Answer, number: str) -> Response:
        body, encoding = answer.body, ""
        if answer.format == "Native" and asked.revision:
            try:
                body = with_revision(body, asked.revision)
            except UnknownTypeError as error:
                raise FailedError(failure.NOT_IMPLEMENTED, str(error)) from error
        if asked.wants_blocks:
            body = blocks(body)
        else:
            body, encoding = encoded(body, asked.accepts)
        headers = self._headers(number) | {
            "x-clickhouse-format": answer.format,
            "x-clickhouse-summary": json.dumps(
                {
                    "read_rows": str(answer.read_rows),
                    "read_bytes": str(answer.read_bytes),
                    "written_rows": "0",
                    "written_bytes": "0",
                    "total_rows_to_read": "0",
                    "result_rows": str(answer.rows),
                    "result_bytes": str(len(answer.body)),
                    "elapsed_ns": str(int(answer.seconds * 1e9)),
                }
            ),
        }
        if encoding:
            headers["content-encoding"] = encoding
        if answer.ignored:
            headers["x-ktlo-ignored-settings"] = ",".join(answer.ignored)[:1000]
        return Response(body, media_type=_media_type(answer.format), headers=headers)

    def _failed(self, error: FailedError, number: str) -> Response:
        headers = self._headers(number) | {"x-clickhouse-exception-code": str(error.code)}
        if error.code == failure.WRONG_KEY:
            headers["www-authenticate"] = 'Basic realm="ktlo"'
        return Response(error.body(self._served.version), error.status, headers, "text/plain; charset=utf-8")

    async def _broken(self, request: Request, error: Exception) -> Response:
        _log.error("%s broke", request.url.path, exc_info=error)
        return self._failed(FailedError(failure.INTERNAL, f"ktlo itself broke ({type(error).__name__})"), "")

    def _headers(self, number: str) -> dict[str, str]:
        headers = {
            "x-clickhouse-server-display-name": "ktlo",
            "x-clickhouse-timezone": self._served.timezone,
            "x-content-type-options": "nosniff",
        }
        return headers | ({"x-clickhouse-query-id": _printable(number)} if number else {})


@contextlib.asynccontextmanager
async def _leaving(request: Request) -> AsyncIterator[asyncio.Task[None]]:
    """A task that ends when the client has gone away; the body has been read before."""
    receive: Callable[[], Awaitable[object]] = request.receive

    async def wait() -> None:
        while True:
            message = await receive()
            if isinstance(message, dict) and message.get("type") == "http.disconnect":
                return

    task = asyncio.create_task(wait())
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _media_type(form: str) -> str:
    if form.startswith(_BINARY):
        return "application/octet-stream"
    named = next((kind for start, kind in _TYPES.items() if form.startswith(start)), "text/plain")
    return named if named.startswith("application/") else f"{named}; charset=utf-8"


def _printable(text: str) -> str:
    """What may stand in a header."""
    return "".join(letter for letter in text if " " <= letter <= "~").strip()
