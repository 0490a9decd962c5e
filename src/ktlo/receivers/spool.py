"""The spool: what was received is on disk before it is acknowledged, and stays until the store has it.

One folder a stream. A segment is a file of length-delimited protobuf messages, which the store's engine reads as it
is; its name is the token under which the store takes it once, so that a replay after a crash adds nothing twice.
Several threads append at once and share one fsync (group commit).
"""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
import time
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import BinaryIO

ENDING = ".segment"


class SpoolFullError(Exception):
    """There is no room: the store is behind, or the disk is full. The sender shall try again later."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A closed segment.

    Attributes:
        file: where it is.
        token: names its content for the store.
        size: bytes.
    """

    file: Path
    token: str
    size: int


@dataclass(frozen=True, slots=True)
class Synced:
    """What making messages durable has taken since the process began.

    Attributes:
        times: calls of fsync; one serves all messages that wait.
        seconds: in them.
    """

    times: int = 0
    seconds: float = 0.0


def length_prefix(size: int) -> bytes:
    """A length as protobuf writes it before a message (base-128 varint)."""
    out = bytearray()
    while size > 127:
        out.append(size & 127 | 128)
        size >>= 7
    out.append(size)
    return bytes(out)


def messages(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """The whole messages of a segment, each with the offset of its end; stops where one is cut off."""
    data = file.read()
    at = 0
    while at < len(data):
        size, shift, start = 0, 0, at
        while start < len(data) and shift < 35:
            byte = data[start]
            start += 1
            size |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        else:
            return
        if start + size > len(data):
            return
        at = start + size
        yield at, data[start:at]


class Spool:
    """Segments of one stream in one folder.

    Args:
        folder: made when missing.
        most_bytes: bytes of segments on disk from which on more is refused.

    Raises:
        OSError: the folder cannot be made or written.
    """

    def __init__(self, folder: Path, most_bytes: int = 2 << 30) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._most = most_bytes
        self._writing = threading.Lock()
        self._syncing = threading.Lock()
        self._file: FileIO | None = None
        self._cut: weakref.WeakKeyDictionary[FileIO, int] = weakref.WeakKeyDictionary()
        self._path = folder
        self._written = 0
        self._synced = 0
        self.synced = Synced()
        self._closed_bytes = sum(one.stat().st_size for one in folder.glob(f"*{ENDING}"))

    @property
    def size(self) -> int:
        """Bytes that wait for the store."""
        return self._closed_bytes + self._written

    @property
    def open_bytes(self) -> int:
        """Bytes of the segment that is being written."""
        return self._written

    def append(self, body: bytes) -> None:
        """Write one message; it is on disk when this returns.

        Raises:
            SpoolFullError: it was not kept, because the spool or the disk is full.
        """
        message = length_prefix(len(body)) + body
        with self._writing:
            if self.size + len(body) > self._most:
                raise SpoolFullError("the store is behind and the spool is full")
            try:
                file = self._open()
                _write(file, message)
            except OSError as error:
                self._undo()
                raise _full(error) from error
            self._written += len(message)
            mine = self._written
        with self._syncing:
            # Another thread's fsync may have covered this message; a segment is synced before it is closed.
            if self._file is file and self._synced < mine:
                upto = self._written
                begun = time.perf_counter()
                try:
                    os.fsync(file.fileno())
                except OSError as error:
                    with self._writing:
                        if self._file is file:
                            self._give_up(file)
                        else:  # a failed write left it meanwhile: what is open now is another
                            file.close()
                    raise _full(error) from error
                with self._writing:
                    self._synced = upto if self._file is file else self._synced
                self.synced = Synced(self.synced.times + 1, self.synced.seconds + time.perf_counter() - begun)
            elif mine > self._cut.get(file, mine):
                raise SpoolFullError("the spool cannot be written: what was written did not reach the disk")

    def rotate(self) -> None:
        """Close the segment that is being written, so that :meth:`closed` lists it."""
        with self._syncing, self._writing:
            if self._file is None or not self._written:
                return
            try:
                os.fsync(self._file.fileno())
            except OSError:
                self._give_up(self._file)
                raise
            # Given up first: whatever fails from here on (no descriptor is left, say), the next message gets a file.
            closing, self._file = self._file, None
            self._closed_bytes += self._written
            self._written, self._synced = 0, 0
            closing.close()
            self._path.rename(self._path.with_suffix(ENDING))
            _sync_folder(self._folder)

    def closed(self) -> list[Segment]:
        """Segments that wait for the store, oldest first."""
        return [
            Segment(file, file.stem, file.stat().st_size) for file in sorted(self._folder.glob(f"*{ENDING}"))
        ]

    def remove(self, segment: Segment) -> None:
        """Forget a segment that the store has."""
        segment.file.unlink(missing_ok=True)
        with self._writing:
            self._closed_bytes = max(0, self._closed_bytes - segment.size)

    def recover(self) -> list[Segment]:
        """Close what a process left that ended in the middle: a message that was cut off was never acknowledged.

        Call before anything is appended.
        """
        for left in sorted(self._folder.glob("*.open")):
            with left.open("r+b") as file:
                end = max((at for at, _ in messages(file)), default=0)
                file.truncate(end)
                os.fsync(file.fileno())
            if end:
                left.rename(left.with_suffix(ENDING))
                self._closed_bytes += end
            else:
                left.unlink()
        _sync_folder(self._folder)
        return self.closed()

    def close(self) -> None:
        """Close the segment that is being written."""
        self.rotate()

    def _open(self) -> FileIO:
        if self._file is None:
            # Sorted by name is sorted by time; the random part keeps tokens apart whatever the clock does.
            number = max((int(one.stem.split("-")[0]) for one in self._folder.glob("*-*")), default=0) + 1
            self._path = self._folder / f"{number:012d}-{secrets.token_hex(8)}.open"
            file = FileIO(self._path, "x")
            _sync_folder(self._folder)
            self._file = file
        return self._file

    def _undo(self) -> None:
        """Cut off what a failed write left of a message; those before it may be on their way to the disk.

        The file stays open: another thread may be about to sync it.
        """
        if self._file is None:
            return
        try:
            os.ftruncate(self._file.fileno(), self._written)
            self._file.seek(self._written)
        except OSError:
            # What follows half a message could not be read: left to the next start, which cuts it off.
            self._leave(self._file)

    def _give_up(self, file: FileIO) -> None:
        """Close the segment after what is known to be on disk: the rest is refused, so it must not be there.

        A second fsync would succeed though the first one lost what it should have written.
        """
        end = self._synced
        self._leave(file)
        with contextlib.suppress(OSError):
            os.ftruncate(file.fileno(), end)
            if end:
                self._path.rename(self._path.with_suffix(ENDING))
                self._closed_bytes += end
            else:
                self._path.unlink()
        file.close()

    def _leave(self, file: FileIO) -> None:
        """Begin another file with the next message; who waits for this one to be synced is refused."""
        self._cut[file] = self._synced
        self._file, self._written, self._synced = None, 0, 0


def _write(file: FileIO, data: bytes) -> None:
    """Write all of it, or raise; unbuffered, so that nothing is left to be written later."""
    while data:
        data = data[file.write(data) :]


def _full(error: OSError) -> SpoolFullError:
    return SpoolFullError(f"the spool cannot be written: {error.strerror}")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
