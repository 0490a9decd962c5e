"""Answers compressed: by HTTP's Content-Encoding, or in ClickHouse's own blocks (``compress=1``).

A block is a checksum (CityHash128, version 1.0.2), the method (0x82, LZ4), two lengths and the data; the checksum and
the lengths are little-endian. Source: ClickHouse documentation, "Native protocol", compression.
"""

from __future__ import annotations

import gzip
import struct
import zlib

_LEAST = 1024
"""Bytes below which compressing is not worth a header."""
_BLOCK = 1 << 20
_LZ4 = 0x82
_HEADER = 9


def encoded(body: bytes, accepts: str) -> tuple[bytes, str]:
    """A body in an encoding that the client accepts, and the name of it; empty for none."""
    if len(body) < _LEAST:
        return body, ""
    offered = {
        part.partition(";")[0].strip().lower()
        for part in accepts.split(",")
        if "q=0" not in part.replace("q=0.", "")
    }
    if "zstd" in offered:
        import zstandard

        return zstandard.ZstdCompressor(level=1).compress(body), "zstd"
    if "gzip" in offered:
        return gzip.compress(body, 1), "gzip"
    if "deflate" in offered:
        return zlib.compress(body, 1), "deflate"
    return body, ""


def blocks(body: bytes) -> bytes:
    """A body in ClickHouse's compressed blocks."""
    import lz4.block
    from clickhouse_cityhash.cityhash import CityHash128

    out = []
    for begin in range(0, len(body), _BLOCK):
        piece = body[begin : begin + _BLOCK]
        data = lz4.block.compress(piece, store_size=False)
        block = struct.pack("<BII", _LZ4, len(data) + _HEADER, len(piece)) + data
        low, high = _halves(CityHash128(block))
        out += [struct.pack("<QQ", low, high), block]
    return b"".join(out)


def _halves(digest: int | tuple[int, int]) -> tuple[int, int]:
    """Low and high half of the digest, whichever way the library gives it."""
    if isinstance(digest, tuple):
        return digest[0], digest[1]
    return digest >> 64, digest & (1 << 64) - 1
