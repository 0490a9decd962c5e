"""Works deployments out anew soon after webhooks told of something, so that pages do not wait for a collection.

One thread, begun by the first delivery. Deliveries that come close together are one derivation, and derivations are
kept apart by a multiple of what the last one took, so that a busy sender does not keep a large store busy.
"""

from __future__ import annotations

import datetime as dt
import logging
import threading
import time

from ktlo.server.delivering import derive_for
from ktlo.server.runtime import Runtime
from ktlo.telemetry.deployments import derive_deployments

_log = logging.getLogger(__name__)

AFTER = 2.0
"""Seconds from a delivery to the derivation; what comes meanwhile is in it."""
TOLD = frozenset({"deployments", "workflow_runs", "releases", "tags", "incidents", "changes"})
"""Nouns that deployments, what was in them, and what they broke are worked out from."""
_REST = 9
"""Times what a derivation took until the next: at most a tenth of the time goes into them."""


class Deriving:
    """Derives deployments, by request or soon after a delivery, never twice at once.

    Args:
        runtime: where they are.
        after: seconds from a delivery to the derivation.
    """

    def __init__(self, runtime: Runtime, after: float = AFTER) -> None:
        self._runtime = runtime
        self._after = after
        self._deriving = threading.Lock()
        self._changed = threading.Condition()
        self._is_asked = False
        self._is_closed = False
        self._thread: threading.Thread | None = None

    def derive(self, now: dt.datetime) -> None:
        """Derive now."""
        with self._deriving:
            derive_deployments(self._runtime.store, now)
            derive_for(self._runtime)

    def ask(self) -> None:
        """Derive soon; returns at once."""
        with self._changed:
            if self._is_closed:
                return
            self._is_asked = True
            self._changed.notify_all()
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="ktlo-deriving", daemon=True)
                self._thread.start()

    def close(self, timeout: float = 10) -> None:
        """Stop; a derivation under way gets so many seconds. What was asked for is left to the next collection."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(timeout)

    def _work(self) -> None:
        not_before = 0.0
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._is_asked or self._is_closed)
                wait = max(self._after, not_before - time.monotonic())
                if self._changed.wait_for(lambda: self._is_closed, wait):
                    return
                self._is_asked = False
            began = time.monotonic()
            try:
                self.derive(dt.datetime.now(dt.UTC))
            except Exception:  # noqa: BLE001 - the next collection derives it, and says what is wrong
                _log.exception("deployments could not be worked out after a webhook")
            ended = time.monotonic()
            not_before = ended + _REST * (ended - began)
