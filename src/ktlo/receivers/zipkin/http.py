"""Zipkin: ``POST /api/v2/spans``, JSON, plain or gzip. 202 when something is kept, 400 with the reason when nothing is.

Source: zipkin-api, zipkin2-api.yaml.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ktlo.receivers.access import Sender
from ktlo.receivers.front import Front
from ktlo.receivers.otlp.accepting import MalformedError
from ktlo.receivers.otlp.exchange import Export
from ktlo.receivers.zipkin.translation import translate
from ktlo.wording import counted

DOOR = "Zipkin"
PATH = "/api/v2/spans"


def routes(export: Export, front: Front) -> list[Route]:
    """The path of Zipkin's spans.

    Args:
        export: takes traces.
        front: who may send, and how much.
    """

    def take(body: bytes, sender: Sender) -> Response:
        try:
            made, rejected = translate(body)
        except MalformedError as error:
            export.malformed(str(error))
            raise
        for reason, number in rejected.items():
            export.reject(reason, number)
        accepted = export.offer(made, sender)
        told = [f"{counted(number, 'spans')}: {reason}" for reason, number in rejected.items()]
        if accepted.reason:
            told.append(accepted.reason)
        if not told:
            return Response(status_code=202)
        return PlainTextResponse("; ".join(told) + "\n", 202 if accepted.items else 400)

    async def spans(request: Request) -> Response:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in ("", "application/json"):
            message = f"send application/json, not {kind[:60]!r}"
            front.door(DOOR).turn_away(message)
            return refuse(request, 415, message)
        return await front.receive(request, DOOR, refuse, take)

    return [Route(PATH, spans, methods=["POST"])]


def refuse(request: Request, status: int, message: str) -> Response:
    """A refusal in words."""
    del request
    return PlainTextResponse(f"{message}\n", status)
