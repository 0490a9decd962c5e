"""How long a slow sender is waited for: connections over HTTP that ask nothing, calls over gRPC without their message.

Without it a few hundred connections that say nothing would keep everybody else out.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

HEAD_SECONDS = 30.0
"""Seconds within which a connection must have sent the head of its next request."""


class Patience:
    """Ends what has waited for too long, in a thread of its own.

    Args:
        seconds: that are waited.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._guard = threading.Lock()
        self._until: dict[int, tuple[float, Callable[[], object]]] = {}
        self._numbers = itertools.count()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="receivers-patience", daemon=True)
        self._thread.start()

    @contextlib.contextmanager
    def waiting(self, give_up: Callable[[], object]) -> Iterator[None]:
        """While this is entered ``give_up`` is called once it has taken too long."""
        number = next(self._numbers)
        with self._guard:
            self._until[number] = (time.monotonic() + self._seconds, give_up)
        try:
            yield
        finally:
            with self._guard:
                self._until.pop(number, None)

    def close(self) -> None:
        """Stop watching."""
        self._stop.set()
        self._thread.join(timeout=5)

    def _watch(self) -> None:
        while not self._stop.wait(min(1.0, self._seconds / 4)):
            now = time.monotonic()
            with self._guard:
                late = [number for number, (until, _) in self._until.items() if until < now]
                over = [self._until.pop(number)[1] for number in late]
            for give_up in over:
                with contextlib.suppress(Exception):
                    give_up()


def patient_protocol(head_seconds: float = HEAD_SECONDS) -> type[Any]:
    """Uvicorn's HTTP protocol that closes a connection which asks nothing: neither at first nor between requests."""
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class PatientProtocol(H11Protocol):
        """HTTP/1.1 with a limit on how long a head may take."""

        def connection_made(self, transport: Any) -> None:
            """A connection begins."""
            super().connection_made(transport)
            self._idle_since = self.loop.time()
            self._look()

        def _look(self) -> None:
            if self.transport.is_closing():
                return
            now = self.loop.time()
            cycle: Any = self.cycle
            if cycle is not None and not cycle.response_complete:
                self._idle_since = now
            elif now - self._idle_since >= head_seconds:
                self.transport.close()
                return
            self.loop.call_later(min(5.0, head_seconds / 4), self._look)

    return PatientProtocol
