"""The receivers of one running ktlo: spool, OTLP over HTTP and gRPC, and how long telemetry is kept.

Started by ``ktlo up`` beside the pages; what is received is visible in the API and on the Telemetry page. A port that
something else uses is told, and the rest goes on.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ktlo.errors import UserError
from ktlo.receivers.access import Ingest
from ktlo.receivers.intake import Intake
from ktlo.receivers.otlp.exchange import TraceExport
from ktlo.server.address import listen, url_of
from ktlo.server.pairing import PairingThread
from ktlo.server.runtime import Runtime
from ktlo.server.security import is_loopback
from ktlo.settings import secret
from ktlo.settings.telemetry import TelemetrySettings
from ktlo.store import streams

if TYPE_CHECKING:
    import grpc
    import uvicorn

FOLDER = "spool"
MOST_CONNECTIONS = 600
"""Connections of OTLP/HTTP from which on senders are told to come again (503): the store needs descriptors too, and
1,024 is what many systems give a process."""


@dataclass(frozen=True, slots=True)
class Door:
    """One way in.

    Attributes:
        protocol: as people know it.
        address: URL or host and port that senders are configured with; empty when it is closed.
        problem: why it is closed; empty when it is open.
    """

    protocol: str
    address: str
    problem: str = ""


class Receiving:
    """Receives until it is closed.

    Args:
        runtime: the store and the data folder.

    Raises:
        UserError: an address that others reach without an ingest key, or a key that cannot be read.
    """

    def __init__(self, runtime: Runtime) -> None:
        said = runtime.settings.telemetry
        key = secret(said.key).get_secret_value() if said.key else ""
        if not is_loopback(said.host) and not key:
            raise UserError(
                f"telemetry would be received on {said.host} from anybody",
                where="telemetry.host",
                fix="Give an ingest key, telemetry: {key: env:KTLO_INGEST_KEY}, or listen on 127.0.0.1",
            )
        for noun, made in streams.PHYSICAL.items():
            runtime.store.retain(noun, getattr(said, made.kept))
        self.traces = Intake(
            "traces", streams.TRACES, runtime.store, runtime.folder / FOLDER / "traces", said.spool_mib << 20
        )
        self._pairing = PairingThread(runtime.store, said.keep_days)
        self._http: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._grpc: grpc.Server | None = None
        export, access = TraceExport(self.traces), Ingest(key)
        self.doors = (self._open_http(export, access, said), self._open_grpc(export, access, said))

    def close(self) -> None:
        """Stop listening, then have the store take what was received."""
        if self._http is not None and self._thread is not None:
            self._http.should_exit = True
            self._thread.join(timeout=10)
        if self._grpc is not None:
            self._grpc.stop(grace=5).wait()
        self.traces.close()
        self._pairing.close()

    def _open_http(self, export: TraceExport, access: Ingest, said: TelemetrySettings) -> Door:
        import uvicorn

        from ktlo.receivers.otlp.http import application

        try:
            listener = listen(said.host, said.http_port)
        except OSError as error:
            return Door("OTLP/HTTP", "", f"port {said.http_port} cannot be used: {error.strerror}")
        server = uvicorn.Server(
            uvicorn.Config(
                application(export, access),
                log_level="warning",
                access_log=False,
                timeout_keep_alive=60,
                timeout_graceful_shutdown=5,
                limit_concurrency=MOST_CONNECTIONS,
            )
        )
        thread = threading.Thread(target=_run, args=(server, listener), name="otlp-http", daemon=True)
        thread.start()
        deadline = time.monotonic() + 10
        while not server.started and thread.is_alive() and time.monotonic() < deadline:
            time.sleep(0.01)
        self._http, self._thread = server, thread
        return Door("OTLP/HTTP", url_of(said.host, listener.getsockname()[1]))

    def _open_grpc(self, export: TraceExport, access: Ingest, said: TelemetrySettings) -> Door:
        from ktlo.receivers.otlp.grpc import serve

        try:
            self._grpc, port = serve(export, access, said.host, said.grpc_port)
        except UserError as error:
            return Door("OTLP/gRPC", "", error.what)
        return Door("OTLP/gRPC", url_of(said.host, port))


def _run(server: Any, listener: socket.socket) -> None:
    import asyncio

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(server.serve(sockets=[listener]))
