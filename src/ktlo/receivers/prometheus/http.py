"""Prometheus remote write 1.0: ``POST /api/v1/write``, protobuf in snappy's block format.

204 when all is kept; 400 with the reason when something is not, and the rest is kept; 415 for another encoding or
version, so that a sender of version 2.0 falls back to 1.0; 503 with Retry-After when there is no room. Source:
Prometheus Remote-Write 1.0 and 2.0 specifications.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ktlo.receivers.access import Sender
from ktlo.receivers.body import MOST_BYTES, BadBodyError, TooLargeError
from ktlo.receivers.front import Front
from ktlo.receivers.otlp.accepting import MalformedError
from ktlo.receivers.otlp.exchange import Export, parse
from ktlo.receivers.prometheus.messages import WriteRequest
from ktlo.receivers.prometheus.translation import Families, translate
from ktlo.wording import counted

DOOR = "Prometheus"
PATH = "/api/v1/write"
_VERSION_1 = "prometheus.WriteRequest"


def routes(export: Export, front: Front) -> list[Route]:
    """The path of remote write.

    Args:
        export: takes metrics.
        front: who may send, and how much.
    """
    families = Families()

    def take(body: bytes, sender: Sender) -> Response:
        written = WriteRequest()
        try:
            parse(body, written)
        except MalformedError:
            export.malformed("the body is not a prometheus.WriteRequest in protobuf")
            raise MalformedError("the body is not a prometheus.WriteRequest in protobuf") from None
        made = translate(written, families)
        for reason, number in (*made.rejected.items(), *made.left_out.items()):
            export.reject(reason, number)
        accepted = export.offer(made.request, sender, identity=body)
        told = [f"{counted(number, 'samples')}: {reason}" for reason, number in made.rejected.items()]
        if accepted.rejected:
            told.append(accepted.reason)
        if told:
            return PlainTextResponse("; ".join(told) + "\n", 400)
        return Response(status_code=204)

    async def write(request: Request) -> Response:
        unfit = _unfit(request)
        if unfit:
            front.door(DOOR).turn_away(unfit)
            return refuse(request, 415, unfit)
        return await front.receive(request, DOOR, refuse, take, unsnappy)

    return [Route(PATH, write, methods=["POST"])]


def refuse(request: Request, status: int, message: str) -> Response:
    """A refusal in words, as Prometheus logs them."""
    del request
    return PlainTextResponse(f"{message}\n", status)


def unsnappy(body: bytes, encoding: str = "snappy", most: int = MOST_BYTES) -> bytes:
    """A body in snappy's block format, whose size is known before it is decompressed.

    Raises:
        BadBodyError: it is cut off or damaged.
        TooLargeError: it is larger than ``most``.
    """
    import cramjam

    del encoding
    try:
        size = cramjam.snappy.decompress_raw_len(body)
        if size > most:
            raise TooLargeError(
                f"the body is larger than {most >> 20} MiB after decompression; send smaller batches"
            )
        return bytes(cramjam.snappy.decompress_raw(body))
    except cramjam.DecompressionError as error:
        raise BadBodyError(f"the body is not snappy: {error}") from error


def _unfit(request: Request) -> str:
    """Why a request is not of version 1.0 in snappy; empty when it is."""
    kind, _, parameters = request.headers.get("content-type", "").partition(";")
    if kind.strip().lower() != "application/x-protobuf":
        return f"send application/x-protobuf, not {kind[:60]!r}"
    told = dict(part.strip().partition("=")[::2] for part in parameters.split(";") if part.strip())
    message = told.get("proto", _VERSION_1).strip('"')
    if message != _VERSION_1:
        return f"send {_VERSION_1} (remote write 1.0), not {message[:60]!r}"
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if encoding != "snappy":
        return f"send Content-Encoding: snappy, not {encoding[:40]!r}"
    return ""
