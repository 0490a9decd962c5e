"""OTLP/gRPC: the service ``TraceService/Export`` on a port of its own.

Messages are taken as bytes, so that nothing is parsed twice. gzip is gRPC's own. Overload is UNAVAILABLE with a
``RetryInfo``; bad data INVALID_ARGUMENT; too large RESOURCE_EXHAUSTED without one, which tells the sender to drop it.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from ktlo.errors import UserError
from ktlo.receivers.access import Ingest
from ktlo.receivers.body import MOST_BYTES
from ktlo.receivers.otlp.exchange import Encoding, NoRoomError, TraceExport
from ktlo.receivers.otlp.traces import MalformedError

_log = logging.getLogger(__name__)

SERVICE = "opentelemetry.proto.collector.trace.v1.TraceService"
_THREADS = 8


def serve(export: TraceExport, access: Ingest, host: str, port: int) -> tuple[grpc.Server, int]:
    """Start the server.

    Args:
        export: takes the requests.
        access: who may send.
        host: address to listen on.
        port: to listen on; 0 takes a free one.

    Returns:
        The running server and its port.

    Raises:
        UserError: the port cannot be used.
    """

    def take(body: bytes, context: Any) -> bytes:
        sent = {key: value for key, value in context.invocation_metadata() if isinstance(value, str)}
        if not access.admits(sent.get("authorization", "")):
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "an ingest key is needed: authorization: Bearer …")
        try:
            answer = export.take(body, Encoding.PROTOBUF)
            return bytes(answer.SerializeToString())
        except MalformedError as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except NoRoomError as error:
            context.set_trailing_metadata((("grpc-status-details-bin", _retry(error)),))
            context.abort(grpc.StatusCode.UNAVAILABLE, error.message)
        return b""  # abort raises; this is for readers

    server = grpc.server(
        ThreadPoolExecutor(_THREADS, thread_name_prefix="otlp-grpc"),
        options=(
            ("grpc.max_receive_message_length", MOST_BYTES),
            ("grpc.so_reuseport", 0),
        ),
    )
    handler = grpc.method_handlers_generic_handler(
        SERVICE, {"Export": grpc.unary_unary_rpc_method_handler(take)}
    )
    server.add_generic_rpc_handlers((handler,))
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        bound = server.add_insecure_port(address)
    except RuntimeError as error:
        raise UserError(
            f"port {port} of {host} cannot be used for OTLP/gRPC",
            fix="Stop what uses it, or say telemetry: {grpc_port: …} in ktlo.yaml (0 takes a free one)",
        ) from error
    server.start()
    return server, bound


def _retry(error: NoRoomError) -> bytes:
    detail = AnyMessage()
    detail.Pack(RetryInfo(retry_delay=Duration(seconds=error.seconds)))
    status = Status(code=grpc.StatusCode.UNAVAILABLE.value[0], message=error.message, details=[detail])
    return bytes(status.SerializeToString())
