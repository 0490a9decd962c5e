"""From an acknowledged request to rows: one intake a stream, with its spool and the thread that empties it.

``take`` returns when the request is on disk. A thread closes the segment every second, or when it is large enough,
and has the store load it; while little comes it waits longer, because a segment costs the store something however
small. Whatever is left on disk by a process that ended is loaded first by the next one. A request that is sent again
because its answer was lost is recognised by its digest and acknowledged without being kept twice; spans that merely
look alike are not.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

from ktlo.errors import StoreError
from ktlo.receivers.resent import DIGEST, Taken
from ktlo.receivers.spool import ENDING, Segment, Spool, SpoolFullError, Synced, messages
from ktlo.receivers.tally import Arrivals, Tally
from ktlo.store.protocol import Store
from ktlo.store.streams import Incoming

_log = logging.getLogger(__name__)

FLUSH_SECONDS = 1.0
FLUSH_BYTES = 64 << 20
"""A segment is closed after this time or size, whichever comes first."""
_LITTLE = 256 << 10
"""Bytes of a segment below which what it costs is not for what is in it."""
_LONGEST_PAUSE = 3.0
_SHARE = 0.05
"""Share of the time that loading small segments may take."""

_IDENTITY = b"\xc2\x3e\x10"
"""Field 1000 of a request, which OTLP does not have and the engine skips: a digest of what the request was made from.
It is on disk with the request, so that a resend is recognised after a crash too."""
_REFUSED_AFTER = 10
"""Failures of one segment on end while the store answers otherwise, after which what it refuses of it is set aside."""
_ROOM = 64 << 20
"""Free bytes of the disk below which a segment is not taken for one that the store will never take."""


def pause(size: int, took: float) -> float:
    """Seconds until the next segment is closed.

    Args:
        size: bytes that the store was just given.
        took: seconds that it needed.
    """
    if not 0 < size < _LITTLE:
        return FLUSH_SECONDS
    return max(FLUSH_SECONDS, min(took / _SHARE, _LONGEST_PAUSE))


class Intake:
    """One stream's way in.

    Args:
        name: of the stream: ``traces``.
        stream: how the store reads its segments.
        store: where the rows go.
        folder: of the spool.
        most_bytes: of the spool; beyond it requests are refused until the store has caught up.
        clock: seconds that only grow.
        beside: gets each closed segment before the store does, so that it can be forwarded; must not raise.
    """

    def __init__(
        self,
        name: str,
        stream: Incoming,
        store: Store,
        folder: Path,
        most_bytes: int = 2 << 30,
        clock: Callable[[], float] = time.monotonic,
        beside: Callable[[Segment], None] | None = None,
    ) -> None:
        self.name = name
        self._beside = beside
        self.tally = Tally()
        self.arrivals = Arrivals()
        self._stream = stream
        self._store = store
        self._folder = folder
        self._clock = clock
        self._spool = Spool(folder, most_bytes)
        self._taken = Taken(folder.with_name(f"{folder.name}.taken"), clock)
        self._guard = threading.Lock()
        self._coming: set[bytes] = set()
        self._came = threading.Condition(self._guard)
        self._flushing = threading.Lock()
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._failures = 0
        self._refusals = 0
        for segment in self._spool.recover():
            with segment.file.open("rb") as file:
                for _, body in messages(file):
                    self._taken.add(_digest(body))
        self._thread = threading.Thread(target=self._run, name=f"intake-{name}", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Bytes on disk that the store does not have yet."""
        return self._spool.size

    @property
    def synced(self) -> Synced:
        """How often, and for how long altogether, requests were made durable."""
        return self._spool.synced

    def take(self, body: bytes, items: int, identity: bytes = b"") -> bool:
        """Keep one request; it is on disk when this returns. False when it had been sent before.

        Args:
            body: what the spool gets, as accepted.
            items: how many spans it holds.
            identity: what it was made from, by which it is recognised when it is sent again; the body when empty.

        Raises:
            SpoolFullError: there is no room; nothing was kept, the sender shall try again.
        """
        if identity:
            body += _IDENTITY + hashlib.blake2b(identity, digest_size=DIGEST).digest()
        digest = _digest(body)
        with self._came:
            # Sent again while the first is on its way to the disk: what becomes of that one decides.
            self._came.wait_for(lambda: digest not in self._coming)
            if digest in self._taken:
                self.tally.resent += 1
                return False
            self._coming.add(digest)
        try:
            self._spool.append(body)
            with self._guard:
                self._taken.add(digest)
                self.tally.no_room = ""
                self.tally.requests += 1
                self.tally.items += items
        except SpoolFullError as error:
            with self._guard:
                self.tally.shed += 1
                self.tally.no_room = str(error)
            raise
        finally:
            with self._came:
                self._coming.discard(digest)
                self._came.notify_all()
        if self._spool.open_bytes >= FLUSH_BYTES:
            self._wake.set()
        return True

    def flush(self) -> None:
        """Have the store load everything that was taken so far.

        Raises:
            StoreError: it does not; the spool keeps it.
        """
        # One at a time: whoever else asks would load segments that are gone when their turn comes.
        with self._flushing:
            self._spool.rotate()
            with self._guard:
                taken = self._taken.unsaved()
            # Before the store has their requests: until then the spool is what a next process would know them by.
            self._taken.save(taken)
            for segment in self._spool.closed():
                self._load(segment)

    def close(self) -> None:
        """Stop; what the store has not taken stays on disk for the next start."""
        self._stop.set()
        self._wake.set()
        self._thread.join(timeout=60)
        with contextlib.suppress(StoreError):
            self.flush()
        self._spool.close()

    def _run(self) -> None:
        wait = FLUSH_SECONDS
        while not self._stop.is_set():
            self._wake.wait(wait)
            self._wake.clear()
            if self._stop.is_set():
                return
            try:
                size, begun = self.waiting, self._clock()
                self.flush()
                wait = pause(size, self._clock() - begun)
            except Exception as error:  # noqa: BLE001 - whatever it is, this thread must not end: told and tried again
                self._failures += 1
                with self._guard:
                    self.tally.last_error = getattr(error, "what", str(error))
                _log.warning("%s: the store does not take what was received: %s", self.name, error)
                wait = min(30.0, FLUSH_SECONDS * 2 ** min(self._failures, 5))

    def _load(self, segment: Segment) -> None:
        if self._beside is not None:
            self._beside(segment)
        begun = self._clock()
        try:
            self._store.load(self._stream, segment.file, segment.token)
        except StoreError:
            if not self._answers():
                self._refusals = 0
                raise
            self._refusals += 1
            if self._refusals < _REFUSED_AFTER:
                raise
            # The store works and still will not have it: keep what it refuses, and let all else pass.
            if self._load_parts(segment):
                with self._guard:
                    self.tally.set_aside += 1
                _log.exception("%s: of %s something is set aside", self.name, segment.file.name)
        self._spool.remove(segment)
        self._failures = self._refusals = 0
        with self._guard:
            self.tally.stored += 1
            self.tally.load_seconds += self._clock() - begun
            self.tally.stored_at = time.time()
            self.tally.last_error = ""

    def _load_parts(self, segment: Segment) -> bool:
        """Load a segment in halves of halves; a request that is refused alone is set aside. True when one was.

        Tokens name the part, so that doing it again after a crash adds nothing twice; all of it has the segment's own.
        """
        with segment.file.open("rb") as file:
            ends = [0, *(end for end, _ in messages(file))]
            file.seek(0)
            data = file.read()
        part = segment.file.with_suffix(".part")
        refused = [data[ends[-1] :]] if ends[-1] < len(data) else []
        waiting = [(0, len(ends) - 1)]
        while waiting:
            first, last = waiting.pop()
            if first == last:
                continue
            part.write_bytes(data[ends[first] : ends[last]])
            try:
                is_whole = last - first == len(ends) - 1
                self._store.load(
                    self._stream, part, segment.token if is_whole else f"{segment.token}-{first}-{last}"
                )
            except StoreError:
                if not self._answers():
                    raise
                if last - first == 1:
                    refused.append(data[ends[first] : ends[last]])
                else:
                    middle = (first + last) // 2
                    waiting += [(middle, last), (first, middle)]
        part.unlink(missing_ok=True)
        if refused:
            segment.file.with_suffix(f"{ENDING}-refused").write_bytes(b"".join(refused))
        return bool(refused)

    def _answers(self) -> bool:
        """Whether the store could take something: it answers, and its disk is not the reason why it does not."""
        if shutil.disk_usage(self._folder).free < _ROOM:
            return False
        try:
            self._store.query("SELECT 1 AS one")
        except StoreError:
            return False
        return True


def _digest(body: bytes) -> bytes:
    """By what a request is known: the identity that it ends with, else all of it."""
    if body[-DIGEST - len(_IDENTITY) : -DIGEST] == _IDENTITY:
        return body[-DIGEST:]
    return hashlib.blake2b(body, digest_size=DIGEST).digest()
