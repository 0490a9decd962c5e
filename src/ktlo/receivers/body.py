"""The body of a request: decompressed within a limit, whatever its headers promise.

Shared by every HTTP receiver. A compressed body is read piece by piece and given up the moment it grows past the
limit, so that a small bomb costs a small amount of memory.
"""

from __future__ import annotations

import zlib

MOST_BYTES = 64 << 20
"""Largest body after decompression; OTLP's recommendation (opentelemetry-proto, "OTLP/HTTP Request")."""

_PIECE = 1 << 20
_FED = 1 << 14
MOST_MEMBERS = 10_000
"""Of a gzip body; blocked gzip has one for 64 KiB. A body of empty ones alone would keep a thread for hours."""


class BadBodyError(ValueError):
    """The body is not what its headers say."""


class TooLargeError(ValueError):
    """The body is larger than the limit after decompression."""


def decompress(body: bytes, encoding: str, most: int = MOST_BYTES) -> bytes:
    """A body as it was before compression.

    Args:
        body: as it was received.
        encoding: of the header Content-Encoding: empty, ``identity``, ``gzip``, ``deflate`` or ``zstd``.
        most: bytes that it may have.

    Raises:
        BadBodyError: it is cut off, damaged, or in an encoding that is not known.
        TooLargeError: it is larger than ``most``.
    """
    name = encoding.strip().lower()
    if name in ("", "identity"):
        if len(body) > most:
            raise TooLargeError(_too_large(most))
        return body
    if name == "zstd":
        return _unzstd(body, most)
    if name not in ("gzip", "deflate"):
        raise BadBodyError(f"the encoding {encoding[:40]!r} is not known; use gzip, zstd or none")
    return _inflate(body, name, most)


def _inflate(body: bytes, name: str, most: int) -> bytes:
    """A gzip or deflate body; a gzip body may have several members (RFC 1952, section 2.2)."""
    pieces, size, at = [], 0, 0
    for _ in range(MOST_MEMBERS):
        reader = zlib.decompressobj(31 if name == "gzip" else 15)
        while not reader.eof:
            # Fed bit by bit: what follows a member is copied by the reader, for each member anew.
            given = reader.unconsumed_tail or body[at : at + _FED]
            at += 0 if reader.unconsumed_tail else len(given)
            if not given:
                raise BadBodyError(f"the {name} body is cut off")
            try:
                piece = reader.decompress(given, most + 1 - size)
            except zlib.error as error:
                raise BadBodyError(f"the body is not {name}: {error}") from error
            pieces.append(piece)
            size += len(piece)
            if size > most:
                raise TooLargeError(_too_large(most))
        at -= len(reader.unused_data)
        if at >= len(body):
            return b"".join(pieces)
        if name != "gzip":
            raise BadBodyError("something follows the deflate body")
    raise BadBodyError(f"the gzip body has more than {MOST_MEMBERS:,} members")


def _unzstd(body: bytes, most: int) -> bytes:
    import zstandard

    pieces, size = [], 0
    try:
        with zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(
            body, read_across_frames=True
        ) as reader:
            while piece := reader.read(_PIECE):
                pieces.append(piece)
                size += len(piece)
                if size > most:
                    raise TooLargeError(_too_large(most))
        # The reader ends in silence where a frame is cut off. A frame tells its size, or is read again for its end.
        told = zstandard.frame_content_size(body)
        is_whole = size >= told if told > 0 else _reaches_end(body)
    except zstandard.ZstdError as error:
        raise BadBodyError(f"the body is not zstd: {error}") from error
    if not is_whole:
        raise BadBodyError("the zstd body is cut off")
    return b"".join(pieces)


def _reaches_end(body: bytes) -> bool:
    """Whether a zstd frame ends; call it only on one whose content is known to be small enough."""
    import zstandard

    reader = zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj()
    reader.decompress(body)
    return bool(reader.eof)


def _too_large(most: int) -> str:
    return f"the body is larger than {most >> 20} MiB after decompression; send smaller batches"
