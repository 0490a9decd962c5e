"""OTLP/gRPC: ``Export`` of the three services on a port of its own.

Messages are taken as bytes, so that nothing is parsed twice. gzip is gRPC's own. Overload is UNAVAILABLE with a
``RetryInfo``; bad data INVALID_ARGUMENT; too large RESOURCE_EXHAUSTED without one, which tells the sender to drop it.
Calls are served as streams of one message: that way the key is checked before any of the body is read.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import unquote

# The engine of gRPC would write to the terminal by itself, before anything can be said about it.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from ktlo.errors import UserError
from ktlo.receivers.access import Ingest
from ktlo.receivers.body import MOST_BYTES
from ktlo.receivers.front import BODY_SECONDS, NO_KEY
from ktlo.receivers.otlp.accepting import MalformedError
from ktlo.receivers.otlp.exchange import Encoding, Export, NoRoomError, NotAllowedError
from ktlo.receivers.patience import Patience
from ktlo.receivers.tally import DoorTally

DOOR = "OTLP/gRPC"
_EMPTY = "the message is empty: nothing was sent, or its frame is not gRPC's"
THREADS = 8
"""Calls that are served at once; each holds a body of at most 64 MiB."""


class Server:
    """A running server.

    Args:
        server: gRPC's.
        patience: ends calls that take too long.
        port: it listens on.
    """

    def __init__(self, server: grpc.Server, patience: Patience, port: int) -> None:
        self.port = port
        self._server = server
        self._patience = patience

    def stop(self) -> None:
        """Let what is being received come to its end, for a few seconds."""
        self._server.stop(grace=5).wait()
        self._patience.close()


def serve(
    exports: Sequence[Export],
    access: Ingest,
    host: str,
    port: int,
    tally: DoorTally | None = None,
    body_seconds: float = BODY_SECONDS,
) -> Server:
    """Start the server.

    Args:
        exports: take the requests.
        access: who may send.
        host: address to listen on.
        port: to listen on; 0 takes a free one.
        tally: counts what is let in and turned away.
        body_seconds: within which a message must be there.

    Raises:
        UserError: the port cannot be used.
    """
    counted = tally or DoorTally()
    patience = Patience(body_seconds)
    server = grpc.server(
        ThreadPoolExecutor(THREADS, thread_name_prefix="otlp-grpc"),
        options=(
            ("grpc.max_receive_message_length", MOST_BYTES),
            ("grpc.so_reuseport", 0),
        ),
    )
    for export in exports:
        handler = grpc.method_handlers_generic_handler(
            export.signal.service,
            {"Export": grpc.stream_unary_rpc_method_handler(_call(export, access, counted, patience))},
        )
        server.add_generic_rpc_handlers((handler,))
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        _try(host, port)
        bound = server.add_insecure_port(address)
    except (RuntimeError, OSError) as error:
        patience.close()
        raise UserError(
            f"port {port} of {host} cannot be used for OTLP/gRPC",
            fix="Stop what uses it, or say telemetry: {grpc_port: …} in ktlo.yaml (0 takes a free one)",
        ) from error
    server.start()
    return Server(server, patience, bound)


def _call(export: Export, access: Ingest, tally: DoorTally, patience: Patience):  # type: ignore[no-untyped-def]
    def take(bodies: Iterator[bytes], context: Any) -> bytes:
        sent = {key: value for key, value in context.invocation_metadata() if isinstance(value, str)}
        sender = access.sender(sent.get("authorization", ""))
        if sender is None:
            tally.turn_away(NO_KEY)
            return _end(context, grpc.StatusCode.UNAUTHENTICATED, NO_KEY)
        sender = sender.at(_address(context.peer()))
        try:
            with patience.waiting(context.cancel):
                body = next(bodies, None)
        except grpc.RpcError:
            tally.turn_away("the message was not there in time, was too large, or the sender went away")
            raise
        if body is None:
            tally.turn_away("a call without a message")
            return _end(context, grpc.StatusCode.INVALID_ARGUMENT, "the call has no message")
        try:
            answer = export.take(body, Encoding.PROTOBUF, sender)
        except MalformedError as error:
            tally.turn_away(str(error))
            return _end(context, grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except NotAllowedError as error:
            tally.turn_away(str(error))
            return _end(context, grpc.StatusCode.PERMISSION_DENIED, str(error))
        except NoRoomError as error:
            tally.turn_away(error.message)
            context.set_trailing_metadata((("grpc-status-details-bin", _retry(error)),))
            return _end(context, grpc.StatusCode.UNAVAILABLE, error.message)
        if not body:
            # OTLP lets a request be empty. gRPC's engine also hands over nothing for a frame whose flag is neither 0
            # nor 1, and says no more about it (github.com/grpc/grpc/issues/32257).
            export.warn(_EMPTY)
            answer.partial_success.error_message = _EMPTY
        tally.let_in()
        return bytes(answer.SerializeToString())

    return take


def _address(peer: str) -> str:
    """Host of a peer as gRPC names it: ``ipv4:127.0.0.1:4711``, ``ipv6:%5B::1%5D:4711``."""
    return unquote(peer.partition(":")[2].rpartition(":")[0]).strip("[]")


def _end(context: Any, code: grpc.StatusCode, message: str) -> bytes:
    """Refuse a call; raises, so that nothing is answered."""
    context.abort(code, message)
    return b""  # for readers: abort raises


def _try(host: str, port: int) -> None:
    """Raise OSError when the port is taken: gRPC itself would write that to the terminal."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        tried.bind((host, port))


def _retry(error: NoRoomError) -> bytes:
    detail = AnyMessage()
    detail.Pack(RetryInfo(retry_delay=Duration(seconds=error.seconds)))
    status = Status(code=grpc.StatusCode.UNAVAILABLE.value[0], message=error.message, details=[detail])
    return bytes(status.SerializeToString())
