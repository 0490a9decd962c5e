"""What waits to be forwarded to one collector: hard links to the spool's segments, and how far they were sent.

A link costs no bytes while the store has not taken the segment, and keeps it on disk afterwards. The cursor is a small
file that is replaced as a whole; after a crash the last second is sent again, and nothing is left out.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ktlo.receivers.spool import Segment, messages

_ENDING = ".forward"
_CURSOR = "cursor.json"
_REMEMBERED = 2_000
"""Segments that are remembered as sent, so that one which the store takes late is not sent twice."""


class Cursor(msgspec.Struct, frozen=True):
    """How far the queue was sent.

    Attributes:
        segment: file that is being sent; empty when none is.
        offset: bytes of it that were sent.
        done: tokens of segments that were sent whole, newest last.
    """

    segment: str = ""
    offset: int = 0
    done: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Dropped:
    """What was dropped because there was no room.

    Attributes:
        requests: that were not sent.
        size: their bytes.
    """

    requests: int = 0
    size: int = 0


class ForwardQueue:
    """Segments that wait, oldest first.

    Args:
        folder: made when missing; on the same file system as the spool.
        most_bytes: beyond which the oldest segments are dropped.

    Raises:
        OSError: the folder cannot be made.
    """

    def __init__(self, folder: Path, most_bytes: int) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._most = most_bytes
        self._guard = threading.Lock()
        self._cursor = self._read_cursor()
        self._tokens = {_token(file) for file in folder.glob(f"*{_ENDING}")}
        self.dropped = Dropped()

    def offer(self, segment: Segment) -> None:
        """Keep a segment until it was sent; one that is here already, or was sent, is left alone.

        Raises:
            OSError: it cannot be kept.
        """
        with self._guard:
            if segment.token in self._tokens or segment.token in self._cursor.done:
                return
            file = self._folder / f"{time.time_ns():020d}-{segment.token}{_ENDING}"
            os.link(segment.file, file)
            self._tokens.add(segment.token)
            self._make_room()

    def oldest(self) -> tuple[Path, int] | None:
        """The segment to send, and from which byte on; ``None`` when nothing waits."""
        with self._guard:
            files = self._files()
            if not files:
                return None
            return files[0], self._cursor.offset if self._cursor.segment == files[0].name else 0

    def sent(self, file: Path, offset: int) -> None:
        """Remember that a segment was sent up to ``offset``."""
        with self._guard:
            self._write_cursor(Cursor(file.name, offset, self._cursor.done))

    def finish(self, file: Path) -> None:
        """Forget a segment that was sent whole."""
        with self._guard:
            done = (*self._cursor.done, _token(file))[-_REMEMBERED:]
            self._write_cursor(Cursor("", 0, done))
            self._remove(file)

    def waiting(self) -> tuple[int, int]:
        """Segments that wait, and their bytes that were not sent."""
        with self._guard:
            files = self._files()
            size = sum(_size(file) for file in files)
            if files and self._cursor.segment == files[0].name:
                size -= self._cursor.offset
            return len(files), max(0, size)

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob(f"*{_ENDING}"))

    def _make_room(self) -> None:
        files = self._files()
        size = sum(_size(file) for file in files)
        while files and size > self._most:
            file = files.pop(0)
            begin = self._cursor.offset if self._cursor.segment == file.name else 0
            with contextlib.suppress(OSError), file.open("rb") as opened:
                lost = sum(1 for end, _ in messages(opened) if end > begin)
                self.dropped = Dropped(self.dropped.requests + lost, self.dropped.size + _size(file) - begin)
            size -= _size(file)
            self._remove(file)

    def _remove(self, file: Path) -> None:
        file.unlink(missing_ok=True)
        self._tokens.discard(_token(file))

    def _read_cursor(self) -> Cursor:
        try:
            return msgspec.json.decode((self._folder / _CURSOR).read_bytes(), type=Cursor)
        except (OSError, msgspec.DecodeError):
            return Cursor()

    def _write_cursor(self, cursor: Cursor) -> None:
        new = self._folder / f"{_CURSOR}.new"
        try:
            with new.open("wb") as file:
                file.write(msgspec.json.encode(cursor))
                file.flush()
                os.fsync(file.fileno())
            new.replace(self._folder / _CURSOR)
        except OSError:
            # A full disk: the place is remembered in memory, and after a crash some of it is sent again.
            new.unlink(missing_ok=True)
        self._cursor = cursor


def _token(file: Path) -> str:
    return file.stem.partition("-")[2]


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0
