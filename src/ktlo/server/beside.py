"""An ASGI application on a port of its own, in a thread beside the pages."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time

import uvicorn
from starlette.types import ASGIApp

_START_SECONDS = 10


class Beside:
    """Serves until it is closed.

    Args:
        application: what answers.
        listener: bound socket.
        name: of the thread.
        connections: from which on clients are told to come again (503).
    """

    def __init__(self, application: ASGIApp, listener: socket.socket, name: str, connections: int) -> None:
        self._server = uvicorn.Server(
            uvicorn.Config(
                application,
                log_level="warning",
                access_log=False,
                timeout_keep_alive=60,
                timeout_graceful_shutdown=5,
                limit_concurrency=connections,
            )
        )
        self._thread = threading.Thread(target=self._run, args=(listener,), name=name, daemon=True)
        self._thread.start()
        deadline = time.monotonic() + _START_SECONDS
        while not self._server.started and self._thread.is_alive() and time.monotonic() < deadline:
            time.sleep(0.01)

    def close(self) -> None:
        """Stop listening; requests that run get five seconds."""
        self._server.should_exit = True
        self._thread.join(timeout=10)

    def _run(self, listener: socket.socket) -> None:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(self._server.serve(sockets=[listener]))
