"""One OTLP request and its answer, without a transport: what gRPC and HTTP have in common.

Status codes and retryable ones are the specification's ("OTLP/gRPC Response", "OTLP/HTTP Response"): bad data is never
to be sent again, no room is, with the time to wait.
"""

from __future__ import annotations

import enum
import threading

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from ktlo.receivers.intake import Intake
from ktlo.receivers.otlp import json_form, traces
from ktlo.receivers.otlp.traces import MalformedError
from ktlo.receivers.spool import SpoolFullError

RETRY_SECONDS = 5


class Encoding(enum.StrEnum):
    """Encodings of a request and its answer, by media type."""

    PROTOBUF = "application/x-protobuf"
    JSON = "application/json"


class NoRoomError(Exception):
    """Nothing was kept; the same request may be sent again after ``seconds``."""

    def __init__(self, message: str, seconds: int = RETRY_SECONDS) -> None:
        super().__init__(message)
        self.message = message
        self.seconds = seconds


class TraceExport:
    """Takes trace requests.

    Args:
        intake: where what is kept goes.
    """

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._counting = threading.Lock()

    def take(self, body: bytes, encoding: Encoding) -> ExportTraceServiceResponse:
        """Keep a request and answer it.

        Raises:
            MalformedError: it is not what it says it is; nothing is kept, and it shall not be sent again.
            NoRoomError: nothing is kept now, and it shall be sent again.
        """
        try:
            if encoding is Encoding.JSON:
                accepted = traces.keep(json_form.read(body, ExportTraceServiceRequest()))
            else:
                accepted = traces.accept(body)
        except MalformedError as error:
            with self._counting:
                self._intake.tally.malformed[str(error)[:120]] += 1
            raise
        if accepted.body:
            try:
                self._intake.take(accepted.body, accepted.items)
            except SpoolFullError as error:
                raise NoRoomError(str(error)) from error
        answer = ExportTraceServiceResponse()
        if accepted.rejected:
            with self._counting:
                self._intake.tally.rejected[accepted.reason[:120]] += accepted.rejected
            answer.partial_success.rejected_spans = accepted.rejected
            answer.partial_success.error_message = accepted.reason
        return answer
