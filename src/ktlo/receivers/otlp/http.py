"""OTLP/HTTP: ``POST /v1/traces``, ``/v1/metrics`` and ``/v1/logs``, protobuf or JSON, plain, gzip or zstd.

Every answer has the request's encoding; every refusal carries a ``google.rpc.Status``. Only 429, 502, 503 and 504 tell
a sender to try again.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ktlo.receivers.access import Ingest, Sender
from ktlo.receivers.front import Front
from ktlo.receivers.front import application as of_routes
from ktlo.receivers.held import Held
from ktlo.receivers.otlp.exchange import Encoding, Export

_log = logging.getLogger(__name__)

DOOR = "OTLP/HTTP"

_CODES = {400: 3, 401: 16, 403: 7, 413: 8, 415: 3, 500: 13, 503: 14}
"""google.rpc.Code by HTTP status."""


def application(exports: Sequence[Export], access: Ingest, held: Held | None = None) -> Starlette:
    """A receiver of OTLP alone."""
    return of_routes(routes(exports, Front(access, held)), broken)


def routes(exports: Sequence[Export], front: Front) -> list[Route]:
    """The paths of the signals.

    Args:
        exports: take the requests.
        front: who may send, and how much.
    """
    return [Route(f"/v1/{one.signal.name}", _post(one, front), methods=["POST"]) for one in exports]


def _post(export: Export, front: Front):  # type: ignore[no-untyped-def]  # a Starlette endpoint
    async def post(request: Request) -> Response:
        encoding = _encoding(request)
        if encoding is None:
            said = request.headers.get("content-type", "")[:60]
            message = f"send {' or '.join(Encoding)}, not {said!r}"
            front.door(DOOR).turn_away(message)
            return refuse(request, 415, message)

        def take(body: bytes, sender: Sender) -> Response:
            return _answer(encoding, 200, export.take(body, encoding, sender))

        return await front.receive(request, DOOR, refuse, take)

    return post


async def broken(request: Request, error: Exception) -> Response:
    """The answer when ktlo itself breaks."""
    _log.error("%s broke", request.url.path, exc_info=error)
    return refuse(request, 500, f"ktlo itself broke ({type(error).__name__})")


def refuse(request: Request, status: int, message: str) -> Response:
    """A refusal with a ``google.rpc.Status``, in the request's encoding."""
    told = Status(code=_CODES.get(status, 2), message=message)
    return _answer(_encoding(request) or Encoding.JSON, status, told)


def _encoding(request: Request) -> Encoding | None:
    named = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return Encoding(named) if named in tuple(Encoding) else None


def _answer(encoding: Encoding, status: int, message: Message) -> Response:
    is_json = encoding is Encoding.JSON
    body = MessageToJson(message, indent=None).encode() if is_json else message.SerializeToString()
    return Response(body, status, media_type=encoding.value)
