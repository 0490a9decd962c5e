"""Ports on which an ASGI application of receivers is served, in a thread of its own.

Connections are limited in number and in how long they may say nothing, so that no sender keeps the others out.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Sequence
from typing import Any

from ktlo.receivers.patience import HEAD_SECONDS, patient_protocol

MOST_CONNECTIONS = 600
"""Connections from which on senders are told to come again (503): the store needs descriptors too, and 1,024 is what
many systems give a process."""


class HttpDoor:
    """Serves until it is closed.

    Args:
        application: ASGI.
        listeners: bound sockets (``server.address.listen``); one event loop serves them all.
        head_seconds: within which a connection must ask something.
    """

    def __init__(
        self, application: Any, listeners: Sequence[socket.socket], head_seconds: float = HEAD_SECONDS
    ) -> None:
        import uvicorn

        self._server = uvicorn.Server(
            uvicorn.Config(
                application,
                http=patient_protocol(head_seconds),
                log_level="warning",
                access_log=False,
                timeout_keep_alive=60,
                timeout_graceful_shutdown=5,
                limit_concurrency=MOST_CONNECTIONS,
            )
        )
        self._thread = threading.Thread(
            target=_run, args=(self._server, listeners), name="receivers-http", daemon=True
        )
        self._thread.start()
        deadline = time.monotonic() + 10
        while not self._server.started and self._thread.is_alive() and time.monotonic() < deadline:
            time.sleep(0.01)

    def close(self) -> None:
        """Stop listening; what is being received comes to its end, for a few seconds."""
        self._server.should_exit = True
        self._thread.join(timeout=10)


def _run(server: Any, listeners: Sequence[socket.socket]) -> None:
    import asyncio

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(server.serve(sockets=list(listeners)))
