"""OTLP/HTTP: ``POST /v1/traces``, protobuf or JSON, plain, gzip or zstd. An ASGI application of its own port.

Every answer has the request's encoding; every refusal carries a ``google.rpc.Status``. Only 429, 502, 503 and 504 tell
a sender to try again.
"""

from __future__ import annotations

import logging

from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from ktlo.receivers.access import Ingest
from ktlo.receivers.body import MOST_BYTES, BadBodyError, TooLargeError, decompress
from ktlo.receivers.otlp.exchange import Encoding, NoRoomError, TraceExport
from ktlo.receivers.otlp.traces import MalformedError

_log = logging.getLogger(__name__)

MOST_HELD = 256 << 20
"""Bytes of bodies that all requests together hold in memory; four of the largest."""

_INVALID_ARGUMENT, _UNAUTHENTICATED, _UNAVAILABLE, _INTERNAL, _EXHAUSTED, _DENIED = 3, 16, 14, 13, 8, 7


def application(export: TraceExport, access: Ingest, most_held: int = MOST_HELD) -> Starlette:
    """The receiver.

    Args:
        export: takes the requests.
        access: who may send.
        most_held: bytes of bodies that all requests together may hold in memory.
    """
    held = Held(most_held)

    async def post_traces(request: Request) -> Response:
        encoding = _encoding(request)
        if encoding is None:
            said = request.headers.get("content-type", "")[:60]
            return _refuse(
                Encoding.JSON, 415, _INVALID_ARGUMENT, f"send {' or '.join(Encoding)}, not {said!r}"
            )
        if request.headers.get("origin") and not access.key:
            # A page of a site that has made its name mean this machine (DNS rebinding); services send no Origin.
            return _refuse(
                encoding, 403, _DENIED, "a page in a browser may not send telemetry without an ingest key"
            )
        if not access.admits(request.headers.get("authorization", "")):
            return _refuse(
                encoding, 401, _UNAUTHENTICATED, "an ingest key is needed: Authorization: Bearer …"
            )
        try:
            body = await _body(request, held)
            answer = await run_in_threadpool(
                lambda: export.take(decompress(body, request.headers.get("content-encoding", "")), encoding)
            )
        except TooLargeError as error:
            return _refuse(encoding, 413, _EXHAUSTED, str(error))
        except (BadBodyError, MalformedError) as error:
            return _refuse(encoding, 400, _INVALID_ARGUMENT, str(error))
        except NoRoomError as error:
            refusal = _refuse(encoding, 503, _UNAVAILABLE, error.message)
            refusal.headers["retry-after"] = str(error.seconds)
            return refusal
        except ClientDisconnect:
            return Response(status_code=400)
        finally:
            held.release(request)
        return _answer(encoding, 200, answer)

    async def broken(request: Request, error: Exception) -> Response:
        _log.error("%s broke", request.url.path, exc_info=error)
        return _refuse(
            _encoding(request) or Encoding.JSON, 500, _INTERNAL, f"ktlo itself broke ({type(error).__name__})"
        )

    return Starlette(
        routes=[Route("/v1/traces", post_traces, methods=["POST"])],
        exception_handlers={Exception: broken},
    )


def _encoding(request: Request) -> Encoding | None:
    named = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return Encoding(named) if named in tuple(Encoding) else None


class Held:
    """Bytes of bodies in memory, of all requests together: whoever would go beyond is told to come again.

    Used by one event loop, so nothing has to be locked.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._by: dict[int, int] = {}

    def add(self, request: Request, size: int) -> None:
        """Count bytes of a request.

        Raises:
            NoRoomError: there are too many of all requests.
        """
        if sum(self._by.values()) + size > self._most:
            raise NoRoomError(f"{self._most >> 20} MiB of requests are being received; come again")
        self._by[id(request)] = self._by.get(id(request), 0) + size

    def release(self, request: Request) -> None:
        """Forget a request that is over."""
        self._by.pop(id(request), None)


async def _body(request: Request, held: Held) -> bytes:
    """The body as it was sent, given up when it grows past what any request may have."""
    told = request.headers.get("content-length", "")
    if told.isdigit() and int(told) > MOST_BYTES:
        raise TooLargeError(f"the body has {int(told):,} bytes; at most {MOST_BYTES:,} are taken")
    pieces, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size > MOST_BYTES:
            raise TooLargeError(f"the body is larger than {MOST_BYTES:,} bytes")
        held.add(request, len(piece))
        pieces.append(piece)
    return b"".join(pieces)


def _answer(encoding: Encoding, status: int, message: Message) -> Response:
    is_json = encoding is Encoding.JSON
    body = MessageToJson(message, indent=None).encode() if is_json else message.SerializeToString()
    return Response(body, status, media_type=encoding.value)


def _refuse(encoding: Encoding, status: int, code: int, message: str) -> Response:
    return _answer(encoding, status, Status(code=code, message=message))
