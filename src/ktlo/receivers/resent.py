"""Requests that were taken lately, by their digests, so that one that is sent again is not kept twice.

In memory and beside the spool: a sender whose answer was lost with the process sends again to the next one, by which
time the store may have the request and the spool may not. Two files take turns.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

_log = logging.getLogger(__name__)

RESENT_WITHIN = 600.0
"""Seconds within which the same bytes again are the same request again."""
DIGEST = 16
"""Bytes of a digest."""
_MOST = 200_000


class Taken:
    """Digests of the last ten minutes; the caller sees to it that one thread at a time uses it.

    Args:
        file: where they are kept; those that a former process left there are known at once.
        clock: seconds that only grow.
    """

    def __init__(self, file: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._newer, self._older = file, file.with_name(f"{file.name}-before")
        self._clock = clock
        self._at: OrderedDict[bytes, float] = OrderedDict()
        self._unsaved: list[bytes] = []
        self._begun = self._clock()
        for left in (self._older, self._newer):
            self._read(left)
        with contextlib.suppress(OSError):
            written = file.with_name(f"{file.name}-new")
            written.write_bytes(b"".join(self._at))
            written.replace(self._newer)
            self._older.unlink(missing_ok=True)

    def __contains__(self, digest: bytes) -> bool:
        at = self._at.get(digest)
        return at is not None and self._clock() - at < RESENT_WITHIN

    def add(self, digest: bytes) -> None:
        """Remember a request that is on disk."""
        self._remember(digest)
        self._unsaved.append(digest)

    def unsaved(self) -> list[bytes]:
        """What was added since the last call, to be given to :meth:`save`."""
        unsaved, self._unsaved = self._unsaved, []
        return unsaved

    def save(self, digests: list[bytes]) -> None:
        """Write digests down, before their requests leave the spool. Another thread may add meanwhile.

        Without room on the disk they are known to this process only: what frees the disk must go on.
        """
        if not digests:
            return
        try:
            if self._clock() - self._begun >= RESENT_WITHIN:
                self._begun = self._clock()
                self._newer.replace(self._older)
            with self._newer.open("ab") as file:
                # A write that was cut off would shift all that follow.
                file.truncate(file.tell() // DIGEST * DIGEST)
                file.write(b"".join(digests))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            _log.warning("requests that are sent again after a crash may be kept twice: %s", error)

    def _read(self, file: Path) -> None:
        with contextlib.suppress(OSError):
            if time.time() - file.stat().st_mtime > RESENT_WITHIN:
                return
            data = file.read_bytes()
            for at in range(0, len(data) - DIGEST + 1, DIGEST):
                self._remember(data[at : at + DIGEST])

    def _remember(self, digest: bytes) -> None:
        now = self._clock()
        self._at[digest] = now
        self._at.move_to_end(digest)
        while self._at:
            oldest, at = next(iter(self._at.items()))
            if len(self._at) <= _MOST and now - at < RESENT_WITHIN:
                break
            del self._at[oldest]
