"""What a program asked: one HTTP request of ClickHouse's protocol, read.

The statement is the parameter ``query``, or the body, or both joined; every other parameter is a setting, a value of
the statement (``param_x``) or about the connection. Source: ClickHouse documentation, "HTTP interface".
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.requests import Request

from ktlo.receivers.body import BadBodyError, TooLargeError, decompress
from ktlo.server.sql.failure import (
    BAD_ARGUMENTS,
    QUERY_TOO_LARGE,
    UNKNOWN_DATABASE,
    FailedError,
)
from ktlo.store.outside import Question

MOST_BYTES = 1 << 20
"""Bytes of a request's body."""

_ABOUT_THE_CONNECTION = frozenset(
    {
        "buffer_size",
        "cancel_http_readonly_queries_on_client_close",
        "client_protocol_version",
        "close_session",
        "compress",
        "database",
        "decompress",
        "default_format",
        "enable_http_compression",
        "http_headers_progress_interval_ms",
        "http_write_exception_in_output_format",
        "http_zlib_compression_level",
        "password",
        "query",
        "query_id",
        "quota_key",
        "readonly",
        "role",
        "send_progress_in_http_headers",
        "session_check",
        "session_id",
        "session_timeout",
        "user",
        "wait_end_of_query",
    }
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request.

    Attributes:
        question: for the store; its statement is empty when there is none.
        query_id: as given; empty when not.
        wants_blocks: the answer shall be in compressed blocks (``compress=1``).
        accepts: header Accept-Encoding; empty when compression is turned off.
        revision: of the Native format that the client reads; 0 when it does not say.
    """

    question: Question
    query_id: str
    wants_blocks: bool
    accepts: str
    revision: int


def password_of(request: Request) -> str:
    """The key that a request carries: header X-ClickHouse-Key, Basic, Bearer, or the parameter ``password``."""
    headers = request.headers
    if "x-clickhouse-key" in headers:
        return headers["x-clickhouse-key"]
    scheme, _, given = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(given, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    if scheme.lower() == "bearer":
        return given.strip()
    return request.query_params.get("password", "")


async def read(request: Request, database: str) -> Asked:
    """Read a request.

    Args:
        request: it.
        database: the only one that is here.

    Raises:
        FailedError: it cannot be read, or means another database.
    """
    given = dict(parse_qsl(request.url.query, keep_blank_values=True, max_num_fields=5000))
    body = await _body(request)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    statement = given.get("query", "")
    if kind == "multipart/form-data":
        given |= await _form(request, body)
        statement = given.get("query", statement)
    elif kind == "application/x-www-form-urlencoded" and not statement and body.startswith(b"query="):
        given |= dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True, max_num_fields=5000))
        statement = given.get("query", "")
    elif body:
        statement = f"{statement}\n{_text(body)}" if statement else _text(body)
    wanted = request.headers.get("x-clickhouse-database") or given.get("database", "")
    if wanted not in ("", "default", "__default__", database):
        raise FailedError(
            UNKNOWN_DATABASE, f"Database {wanted[:100]} does not exist here; the only one is {database}"
        )
    if given.get("decompress") == "1":
        raise FailedError(
            BAD_ARGUMENTS, "Compressed blocks are not taken in requests; send Content-Encoding: gzip"
        )
    form = request.headers.get("x-clickhouse-format") or given.get("default_format") or "TabSeparated"
    return Asked(
        Question(statement.strip(), form, _parameters(given.items()), _settings(given)),
        (given.get("query_id") or request.headers.get("x-clickhouse-query-id", ""))[:200],
        given.get("compress") in ("1", "true"),
        "" if given.get("enable_http_compression") == "0" else request.headers.get("accept-encoding", ""),
        _number(given.get("client_protocol_version", "")),
    )


def _parameters(given: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {name.removeprefix("param_"): value for name, value in given if name.startswith("param_")}


def _settings(given: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in given.items()
        if name not in _ABOUT_THE_CONNECTION and not name.startswith("param_")
    }


async def _body(request: Request) -> bytes:
    pieces, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size > MOST_BYTES:
            raise FailedError(QUERY_TOO_LARGE, f"The request is larger than {MOST_BYTES >> 10} KiB")
        pieces.append(piece)
    try:
        return decompress(b"".join(pieces), request.headers.get("content-encoding", ""), MOST_BYTES)
    except TooLargeError as error:
        raise FailedError(QUERY_TOO_LARGE, f"The request is larger than {MOST_BYTES >> 10} KiB") from error
    except BadBodyError as error:
        raise FailedError(BAD_ARGUMENTS, str(error)) from error


async def _form(request: Request, body: bytes) -> dict[str, str]:
    """Fields of a multipart body; files (external tables) are not taken."""
    from starlette.formparsers import MultiPartException, MultiPartParser

    async def stream():  # type: ignore[no-untyped-def]
        yield body

    try:
        form = await MultiPartParser(request.headers, stream(), max_files=0, max_fields=2000).parse()  # type: ignore[no-untyped-call]
    except (MultiPartException, KeyError) as error:
        raise FailedError(
            BAD_ARGUMENTS, f"The form cannot be read: {error}; external tables are not taken"
        ) from error
    return {name: str(value) for name, value in form.multi_items()}


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise FailedError(BAD_ARGUMENTS, "The statement is no text in UTF-8") from error


def _number(text: str) -> int:
    return int(text) if text.isdigit() and len(text) < 9 else 0
