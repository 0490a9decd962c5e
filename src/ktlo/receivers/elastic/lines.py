"""The lines of a body while it arrives: decompressed piece by piece, split, and held within limits.

A line that is too long is told once and skipped without being held; a compressed body that never ends, or a bomb, is
given up at its limit. Used for one request each.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from ktlo.receivers.body import MOST_BYTES, MOST_MEMBERS, BadBodyError, TooLargeError

MOST_LINE = 1 << 20
"""Bytes of one event; apm-server's default is 300 KiB (``max_event_size``)."""
_PIECE = 1 << 18
_TOLD = 1024


class TooLong(bytes):
    """The beginning of a line that is longer than events may be."""

    __slots__ = ()


class Lines:
    """Takes a body's pieces and gives its lines.

    Args:
        encoding: of the header Content-Encoding: empty, ``identity``, ``gzip`` or ``deflate``.
        most_line: bytes of a line, at most.
        most: bytes of the whole body after decompression, at most.

    Raises:
        BadBodyError: the encoding is not known.
    """

    def __init__(self, encoding: str, most_line: int = MOST_LINE, most: int = MOST_BYTES) -> None:
        self._name = encoding.strip().lower()
        if self._name not in ("", "identity", "gzip", "deflate"):
            raise BadBodyError(f"the encoding {encoding[:40]!r} is not known; use gzip, deflate or none")
        self._most_line, self._most = most_line, most
        self._inflater = self._fresh()
        self._is_plain = self._name in ("", "identity")
        self._rest = bytearray()
        self._is_skipping = False
        self._size = 0
        self._has_begun = False
        self._members = 1

    @property
    def held(self) -> int:
        """Bytes of the line that has not ended."""
        return len(self._rest)

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """The lines that end in a piece; a ``TooLong`` for one that is skipped.

        Raises:
            BadBodyError: the body is not what its encoding says.
            TooLargeError: the body is larger than allowed.
        """
        for plain in (piece,) if self._is_plain else self._inflate(piece):
            self._size += len(plain)
            if self._size > self._most:
                raise TooLargeError(f"the body is larger than {self._most >> 20} MiB after decompression")
            yield from self._split(plain)

    def finish(self) -> Iterator[bytes]:
        """The last line, if it ended without a line feed.

        Raises:
            BadBodyError: the compressed body is cut off.
        """
        rest, self._rest = bytes(self._rest), bytearray()
        if rest and not self._is_skipping:
            yield rest
        if not self._is_plain and self._has_begun and not self._inflater.eof:
            raise BadBodyError(f"the {self._name} body is cut off")

    def _fresh(self) -> zlib._Decompress:
        return zlib.decompressobj(31 if self._name == "gzip" else 15)

    def _inflate(self, piece: bytes) -> Iterator[bytes]:
        while piece:
            if self._inflater.eof:
                if self._name != "gzip":
                    raise BadBodyError("something follows the deflate body")
                self._members += 1
                if self._members > MOST_MEMBERS:
                    raise BadBodyError(f"the gzip body has more than {MOST_MEMBERS:,} members")
                self._inflater = self._fresh()  # the next member of a gzip body (RFC 1952, section 2.2)
            self._has_begun = True
            try:
                plain = self._inflater.decompress(piece, _PIECE)
            except zlib.error as error:
                raise BadBodyError(f"the body is not {self._name}: {error}") from error
            piece = self._inflater.unconsumed_tail or self._inflater.unused_data
            yield plain
            if not piece and len(plain) == _PIECE:
                piece = b""
                while not self._inflater.eof and (more := self._inflater.decompress(b"", _PIECE)):
                    yield more

    def _split(self, plain: bytes) -> Iterator[bytes]:
        while b"\n\n" in plain:  # empty lines are fine, and cost next to nothing even by the million
            plain = plain.replace(b"\n" * 64, b"\n").replace(b"\n\n", b"\n")
        *ended, rest = plain.split(b"\n")
        for line in ended:
            if self._is_skipping:
                self._is_skipping = False
                continue
            if self._rest:
                line = bytes(self._rest) + line  # noqa: PLW2901 - the line begins in an earlier piece
                self._rest.clear()
            if len(line) > self._most_line:
                yield TooLong(line[:_TOLD])
            elif line and not line.isspace():
                yield line
        if not self._is_skipping:
            self._rest += rest
            if len(self._rest) > self._most_line:
                yield TooLong(bytes(self._rest[:_TOLD]))
                self._rest.clear()
                self._is_skipping = True
