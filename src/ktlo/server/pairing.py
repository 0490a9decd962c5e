"""Keeps edges between services, repeats of errors and the catalogue up to date: a thread that works, and rests.

It takes at most about a tenth of the time, however much arrives; what it makes is then later, never wrong. What ends it
ends nothing: the next start goes on from the mark that the store holds.
"""

from __future__ import annotations

import datetime as dt
import logging
import threading
import time
from collections.abc import Callable

from ktlo.store.protocol import Store
from ktlo.telemetry.error_repeats import Repeats
from ktlo.telemetry.pairing import Pairing

_log = logging.getLogger(__name__)

EVERY_SECONDS = 5.0
JOIN_SECONDS = 15.0
_REST = 10
"""Rests so many times as long as a round took."""


class PairingThread:
    """Pairs until it is closed.

    Args:
        store: where ends and edges are.
        keep_days: how long spans are kept.
        join: joins services that are new in telemetry to the catalogue.
    """

    def __init__(self, store: Store, keep_days: int, join: Callable[[], object]) -> None:
        self.last_error = ""
        self._pairing = Pairing(store, keep_days)
        self._repeats = Repeats(store, keep_days)
        self._join = join
        self._joined_at = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pairing", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop after the round that runs."""
        self._stop.set()
        self._thread.join(timeout=60)

    def _run(self) -> None:
        wait = EVERY_SECONDS
        while not self._stop.wait(wait):
            begun = time.monotonic()
            try:
                self._pairing.round(dt.datetime.now(dt.UTC))
                self._repeats.round(dt.datetime.now(dt.UTC))
                if begun - self._joined_at >= JOIN_SECONDS:
                    self._joined_at = begun
                    self._join()
                self.last_error = ""
            except Exception as error:  # noqa: BLE001 - this thread must not end: told and tried again
                self.last_error = getattr(error, "what", str(error))
                _log.warning(
                    "edges between services, repeats of errors or the catalogue are not up to date: %s", error
                )
            wait = max(EVERY_SECONDS, _REST * (time.monotonic() - begun))
