"""What every door over HTTP does before a protocol's own work: who may send, how much, how long, and what is refused.

One ASGI application holds the routes of all protocols (``application``); a protocol gives its routes and how it says
no.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import anyio
from anyio.to_thread import run_sync
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from ktlo.receivers.access import Ingest, Sender
from ktlo.receivers.body import MOST_BYTES, BadBodyError, TooLargeError, decompress
from ktlo.receivers.held import AT_ONCE, Held
from ktlo.receivers.otlp.accepting import MalformedError
from ktlo.receivers.otlp.exchange import RETRY_SECONDS, NoRoomError, NotAllowedError
from ktlo.receivers.tally import DoorTally

_log = logging.getLogger(__name__)

BODY_SECONDS = 60.0
"""Seconds within which a body must be there."""

_COME_AGAIN, _FIRST_REFUSAL = 503, 400
_REFUSALS: dict[type[Exception], int] = {
    TooLargeError: 413,
    BadBodyError: 400,
    MalformedError: 400,
    NotAllowedError: 403,
    NoRoomError: _COME_AGAIN,
    TimeoutError: _COME_AGAIN,
}
"""HTTP status by what went wrong."""

BROWSER = "a page in a browser may not send telemetry without an ingest key"
NO_KEY = "an ingest key is needed: Authorization: Bearer …"


class Refuse(Protocol):
    """How a protocol says no."""

    def __call__(self, request: Request, status: int, message: str) -> Response:
        """The answer with an HTTP status and a reason in words."""


class Front:
    """What the doors of one process share.

    Args:
        access: who may send.
        held: bytes of bodies in memory.
        body_seconds: within which a body must be there.
    """

    def __init__(self, access: Ingest, held: Held | None = None, body_seconds: float = BODY_SECONDS) -> None:
        self.access = access
        self.held = held or Held()
        self.body_seconds = body_seconds
        self.doors: dict[str, DoorTally] = {}
        self._turns: anyio.CapacityLimiter | None = None

    def door(self, name: str) -> DoorTally:
        """The tally of a way in."""
        return self.doors.setdefault(name, DoorTally())

    async def receive(
        self,
        request: Request,
        door: str,
        refuse: Refuse,
        take: Callable[[bytes, Sender], Response],
        unpack: Callable[[bytes, str], bytes] = decompress,
    ) -> Response:
        """Answer one request.

        Args:
            request: it.
            door: name of the way in.
            refuse: how the protocol says no.
            take: works on the body in a thread, and answers.
            unpack: decompresses a body by the header Content-Encoding.
        """
        tally = self.door(door)
        sender, refusal = self.who(request, door, refuse)
        if sender is None:
            return refusal
        try:
            answer = await self._work(request, sender, take, unpack)
        except ClientDisconnect:
            tally.turn_away("the sender went away before the body was there")
            return Response(status_code=400)
        except tuple(_REFUSALS) as error:
            status = next(code for kind, code in _REFUSALS.items() if isinstance(error, kind))
            message = str(error) or f"the body was not there within {self.body_seconds:.0f} seconds"
            tally.turn_away(message)
            answer = refuse(request, status, message)
            if status == _COME_AGAIN:
                answer.headers["retry-after"] = str(getattr(error, "seconds", RETRY_SECONDS))
            return answer
        finally:
            self.held.release(request)
        if answer.status_code < _FIRST_REFUSAL:
            tally.let_in()
        return answer

    async def _work(
        self,
        request: Request,
        sender: Sender,
        take: Callable[[bytes, Sender], Response],
        unpack: Callable[[bytes, str], bytes],
    ) -> Response:
        body = await self._body(request)
        if self._turns is None:
            self._turns = anyio.CapacityLimiter(AT_ONCE)
        encoding = request.headers.get("content-encoding", "")
        return await run_sync(lambda: take(unpack(body, encoding), sender), limiter=self._turns)

    def who(self, request: Request, door: str, refuse: Refuse) -> tuple[Sender | None, Response]:
        """Who sends a request; None with the refusal for one that may not."""
        if request.headers.get("origin") and self.access.is_open:
            # A page of a site that has made its name mean this machine (DNS rebinding); services send no Origin.
            self.door(door).turn_away(BROWSER)
            return None, refuse(request, 403, BROWSER)
        sender = self.access.sender(request.headers.get("authorization", ""))
        if sender is None:
            self.door(door).turn_away(NO_KEY)
            return None, refuse(request, 401, NO_KEY)
        return sender.at(request.client.host if request.client else ""), Response()

    async def _body(self, request: Request) -> bytes:
        """The body as it was sent, given up when it grows past what any request may have, or takes too long.

        Raises:
            TooLargeError: it is too large.
            NoRoomError: too much is in memory.
            TimeoutError: it was not there in time.
        """
        told = request.headers.get("content-length", "")
        if told.isdigit() and int(told) > MOST_BYTES:
            raise TooLargeError(f"the body has {int(told):,} bytes; at most {MOST_BYTES:,} are taken")
        pieces, size = [], 0
        async with asyncio.timeout(self.body_seconds):
            async for piece in request.stream():
                size += len(piece)
                if size > MOST_BYTES:
                    raise TooLargeError(f"the body is larger than {MOST_BYTES:,} bytes")
                self.held.add(request, len(piece))
                pieces.append(piece)
        return b"".join(pieces)


def application(
    routes: Sequence[BaseRoute], broken: Callable[[Request, Exception], Awaitable[Response]]
) -> Starlette:
    """An application of the routes of several protocols.

    Args:
        routes: of all of them.
        broken: answers when ktlo itself breaks.
    """
    return Starlette(routes=list(routes), exception_handlers={Exception: broken})
