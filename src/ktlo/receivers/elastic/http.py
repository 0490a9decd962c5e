"""Elastic APM over HTTP: ``/intake/v2/events``, ``/config/v1/agents`` and ``/``, on the ports of OTLP/HTTP and 8200.

Answers are apm-server's: 202 without a body, with one on ``?verbose`` or when something was refused; the highest
status of an error wins. Browser agents are told that their endpoint is disabled.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from ktlo import __version__
from ktlo.receivers.body import BadBodyError
from ktlo.receivers.elastic.agents import MAX_AGE, Query, configuration
from ktlo.receivers.elastic.stream import FLUSH_SECONDS, Exports, Outcome, Stream
from ktlo.receivers.front import Front
from ktlo.receivers.held import Held
from ktlo.receivers.otlp.exchange import RETRY_SECONDS, NoRoomError
from ktlo.settings.agents import AgentSettings

DOOR = "Elastic APM"
VERSION = "8.19.0"
"""The version of apm-server whose protocol is spoken; agents choose by it what they send."""
SILENT_SECONDS = 60.0
"""A request on which nothing comes for so long is over."""
_MOST_QUERY = 1 << 16
_FAILED_CACHE = "max-age=300, must-revalidate"


def routes(
    exports: Exports,
    front: Front,
    agents: Sequence[AgentSettings] = (),
    silent_seconds: float = SILENT_SECONDS,
) -> list[BaseRoute]:
    """The routes of Elastic's protocol.

    Args:
        exports: where what is kept goes.
        front: who may send, and how much.
        agents: configuration for agents; none turns it off.
        silent_seconds: after which a request on which nothing comes is over.
    """

    async def intake(request: Request) -> Response:
        sender, refusal = front.who(request, DOOR, _refuse)
        if sender is None:
            return refusal
        told = request.headers.get("content-type", "")
        if told and "application/x-ndjson" not in told:
            return _answer(
                request,
                front,
                _failed(400, f"invalid content type: {told[:60]!r}; send application/x-ndjson"),
            )
        try:
            stream = Stream(exports, request.headers.get("content-encoding", ""), sender)
        except BadBodyError as error:
            return _answer(request, front, _failed(400, str(error)))
        try:
            await _receive(request, stream, front.held, silent_seconds)
        except ClientDisconnect:
            await run_in_threadpool(stream.flush)
            front.door(DOOR).turn_away("the sender went away before the body was there")
            return Response(status_code=400)
        finally:
            front.held.release(request)
        return _answer(request, front, stream.outcome)

    async def information(request: Request) -> Response:
        if not front.access.admits(request.headers.get("authorization", "")):
            return Response(status_code=200)
        return JSONResponse(
            {
                "version": VERSION,
                "build_date": "2026-01-01T00:00:00Z",
                "build_sha": f"ktlo-{__version__}",
                "publish_ready": True,
            }
        )

    async def agent_configuration(request: Request) -> Response:
        sender, refusal = front.who(request, DOOR, _refuse)
        if sender is not None and not agents:
            refusal = _refuse(
                request, 403, "agent configuration is off: nothing is said under telemetry.agents"
            )
        if sender is None or not agents:
            refusal.headers["cache-control"] = _FAILED_CACHE
            return refusal
        try:
            asked = await _query(request, front.body_seconds)
        except ClientDisconnect:
            front.door(DOOR).turn_away("the sender went away before the question was there")
            return Response(status_code=400)
        except ValueError as error:
            refusal = _refuse(request, 400, str(error))
            refusal.headers["cache-control"] = _FAILED_CACHE
            return refusal
        found = configuration(agents, asked.service.name, asked.service.environment or "")
        headers = {
            "cache-control": f"max-age={MAX_AGE}, must-revalidate",
            "etag": f'"{found.etag}"',
            "access-control-expose-headers": "Etag",
        }
        has = request.headers.get("if-none-match", "") or asked.etag or ""
        if has.removeprefix("W/").strip('"') == found.etag:
            return Response(status_code=304, headers=headers)
        return JSONResponse(found.settings, headers=headers)

    async def no_browsers(request: Request) -> Response:
        return _refuse(request, 403, "RUM endpoint is disabled: ktlo does not receive browser agents")

    return [
        Route("/", information, methods=["GET", "HEAD"]),
        Route("/intake/v2/events", intake, methods=["POST"]),
        Route("/config/v1/agents", agent_configuration, methods=["GET", "POST"]),
        *(
            Route(path, no_browsers, methods=["GET", "POST", "OPTIONS"])
            for path in ("/intake/v2/rum/events", "/intake/v3/rum/events", "/config/v1/rum/agents")
        ),
    ]


async def _receive(request: Request, stream: Stream, held: Held, silent_seconds: float) -> None:
    """Feed a stream while its request lasts; while nothing comes, what came is taken."""
    pieces = aiter(request.stream())
    waiting: asyncio.Task[bytes | None] | None = None
    silent = 0.0
    try:
        while not stream.is_over:
            waiting = waiting or asyncio.ensure_future(_next(pieces))
            done, _ = await asyncio.wait((waiting,), timeout=FLUSH_SECONDS)
            if not done:
                silent += FLUSH_SECONDS
                await run_in_threadpool(stream.flush)
                if silent >= silent_seconds:
                    stream.outcome.add(408, f"nothing came for {silent_seconds:.0f} seconds")
                    return
                continue
            silent = 0.0
            piece = waiting.result()
            waiting = None
            if piece is None:
                break
            held.release(request)
            held.add(request, len(piece) + stream.held)
            if piece:
                await run_in_threadpool(stream.feed, piece)
        await run_in_threadpool(stream.finish)
    except NoRoomError as error:
        await run_in_threadpool(stream.flush)
        stream.outcome.add(503, error.message)
    finally:
        if waiting is not None:
            waiting.cancel()


async def _next(pieces: AsyncIterator[bytes]) -> bytes | None:
    """The next piece; none at the end."""
    return await anext(pieces, None)


async def _query(request: Request, seconds: float) -> Query:
    """Who asks for configuration; a body must be there within ``seconds``.

    Raises:
        ValueError: it does not say.
        ClientDisconnect: the sender went away.
    """
    if request.method == "POST":
        body = b""
        try:
            async with asyncio.timeout(seconds):
                async for piece in request.stream():
                    body += piece
                    if len(body) > _MOST_QUERY:
                        raise ValueError("the question is too long")
            asked = msgspec.json.decode(body, type=Query)
        except TimeoutError:
            raise ValueError(f"the question was not there within {seconds:.0f} seconds") from None
        except RecursionError:
            raise ValueError("the question is nested too deep") from None
    else:
        given = request.query_params
        asked = msgspec.convert(
            {
                "service": {
                    "name": given.get("service.name", ""),
                    "environment": given.get("service.environment", ""),
                },
                "etag": given.get("etag"),
            },
            Query,
        )
    if not asked.service.name:
        raise ValueError("service.name is required")
    return asked


def _refuse(request: Request, status: int, message: str) -> Response:
    return JSONResponse({"error": message}, status, headers={"connection": "close"})


def _failed(status: int, message: str) -> Outcome:
    outcome = Outcome()
    outcome.add(status, message)
    return outcome


def _answer(request: Request, front: Front, outcome: Outcome) -> Response:
    headers = {}
    if outcome.accepted or outcome.status < 400:
        front.door(DOOR).let_in()
    else:
        front.door(DOOR).turn_away(outcome.errors[0]["message"])
    if outcome.status >= 400:
        # The rest of the body is not read: the connection cannot be used again.
        headers["connection"] = "close"
    if outcome.status == 503:
        headers["retry-after"] = str(RETRY_SECONDS)
    if outcome.status < 400 and "verbose" not in request.query_params:
        return Response(status_code=outcome.status)
    return JSONResponse(outcome.as_json(), outcome.status, headers=headers)
