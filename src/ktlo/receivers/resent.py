"""Requests that were taken lately, by their digests, so that one that is sent again is not kept twice.

In memory and beside the spool: a sender whose answer was lost with the process sends again to the next one, by which
time the store may have the request and the spool may not. Two files take turns, each for as long as a resend counts.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

RESENT_WITHIN = 600.0
"""Seconds within which the same bytes again are the same request again."""
DIGEST = 16
"""Bytes of a digest."""
_MOST = 200_000
_NEWER, _OLDER = "taken", "taken-before"


class Taken:
    """Digests of the last ten minutes; the caller sees to it that one thread at a time uses it.

    Args:
        folder: of the spool; digests that a former process left there are known at once.
        clock: seconds that only grow.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._clock = clock
        self._at: OrderedDict[bytes, float] = OrderedDict()
        self._unsaved: list[bytes] = []
        self._begun = self._clock()
        for name in (_OLDER, _NEWER):
            with contextlib.suppress(OSError):
                file = folder / name
                if time.time() - file.stat().st_mtime < RESENT_WITHIN:
                    data = file.read_bytes()
                    for at in range(0, len(data) - DIGEST + 1, DIGEST):
                        self._remember(data[at : at + DIGEST])

    def __contains__(self, digest: bytes) -> bool:
        at = self._at.get(digest)
        return at is not None and self._clock() - at < RESENT_WITHIN

    def add(self, digest: bytes) -> None:
        """Remember a request that is on disk."""
        self._remember(digest)
        self._unsaved.append(digest)

    def unsaved(self) -> bytes:
        """What was added since the last call, to be given to :meth:`save`."""
        unsaved, self._unsaved = self._unsaved, []
        return b"".join(unsaved)

    def save(self, digests: bytes) -> None:
        """Write digests down, before their requests leave the spool. Another thread may add meanwhile.

        Raises:
            OSError: they cannot be written.
        """
        if not digests:
            return
        newer = self._folder / _NEWER
        if self._clock() - self._begun >= RESENT_WITHIN and newer.exists():
            newer.replace(self._folder / _OLDER)
            self._begun = self._clock()
        with newer.open("ab") as file:
            # A write that was cut off would shift all that follow.
            file.truncate(file.tell() // DIGEST * DIGEST)
            file.write(digests)
            file.flush()
            os.fsync(file.fileno())

    def _remember(self, digest: bytes) -> None:
        now = self._clock()
        self._at[digest] = now
        self._at.move_to_end(digest)
        while self._at:
            oldest, at = next(iter(self._at.items()))
            if len(self._at) <= _MOST and now - at < RESENT_WITHIN:
                break
            del self._at[oldest]
