"""Turns bytes of a file into the texts in it: the file itself, or the members of an archive, or nothing.

Binary files (a NUL in the first 8,000 bytes, as git tells them) are counted and left; UTF-16 is turned into UTF-8.
Archives are unpacked in memory only, with limits on depth, members, size and ratio; nothing is written.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO

from ktlo.guard.secrets.limits import Limits

_SNIFF = 8_000
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_PIECE = 1 << 20
_RATIO_FROM = 1 << 20
"""Unpacked bytes below which no ratio is suspicious."""
_DAMAGED = (
    tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError,
    NotImplementedError, RuntimeError, struct.error, KeyError, IndexError, OverflowError, MemoryError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Text:
    """One text to scan.

    Attributes:
        inner: path inside archives, with ``!`` before each; empty for the file itself.
        data: its bytes, UTF-8 or unknown.
    """

    inner: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Binary:
    """A binary file or member, which is not scanned."""

    inner: str


@dataclass(frozen=True, slots=True)
class Unread:
    """What could not be looked into, and why."""

    inner: str
    reason: str


class _SpentError(Exception):
    """A limit was reached; the message says which."""


@dataclass(slots=True)
class _Purse:
    """What is left to spend on one archive and all inside it."""

    bytes: int
    members: int

    def pay(self, size: int) -> None:
        self.bytes -= size
        if self.bytes < 0:
            raise _SpentError("it unpacks to more than the limit (size or ratio): not looked into further")

    def enter(self) -> None:
        self.members -= 1
        if self.members < 0:
            raise _SpentError("it has more members than the limit: not looked into further")


def is_binary(start: bytes) -> bool:
    """Whether a file that starts so is binary and no archive: its first 8,000 bytes tell, or all it has."""
    return b"\0" in start[:_SNIFF] and start[:2] not in _UTF_16 and _kind(start) is None


def texts(data: bytes, limits: Limits) -> Iterator[Text | Binary | Unread]:
    """Yield what is in a file.

    Args:
        data: the whole file.
        limits: what may be spent.
    """
    most = max(_RATIO_FROM, len(data) * limits.archive_ratio)
    purse = _Purse(min(limits.archive_bytes, most), limits.archive_members)
    yield from _open(data, "", limits.archive_depth, purse, limits)


def _open(
    data: bytes, inner: str, depth: int, purse: _Purse, limits: Limits
) -> Iterator[Text | Binary | Unread]:
    kind = _kind(data)
    if kind is None:
        yield _plain(data, inner)
        return
    if depth == 0:
        yield Unread(inner, "it is an archive inside more archives than the limit allows")
        return
    try:
        for name, member in _members(kind, data, purse, limits):
            where = f"{inner}!{name}"
            if member is None:
                yield Unread(where, "it is larger than the limit, or encrypted")
            else:
                yield from _open(member, where, depth - 1, purse, limits)
    except _SpentError as spent:
        yield Unread(inner, f"{spent}")
    except _DAMAGED as error:
        yield Unread(inner, f"the {kind} archive cannot be read ({type(error).__name__})")


def _plain(data: bytes, inner: str) -> Text | Binary:
    if data[:2] in _UTF_16:
        return Text(inner, data.decode("utf-16", "replace").encode("utf-8"))
    return Binary(inner) if b"\0" in data[:_SNIFF] else Text(inner, data)


def _kind(data: bytes) -> str | None:
    if data[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return "zip"
    if data[:3] == b"\x1f\x8b\x08":
        return "gzip"
    if data[:3] == b"BZh" and data[4:10] == b"1AY&SY":
        return "bzip2"
    if data[:6] == b"\xfd7zXZ\0":
        return "xz"
    if data[257:262] == b"ustar":
        return "tar"
    return None


def _members(kind: str, data: bytes, purse: _Purse, limits: Limits) -> Iterator[tuple[str, bytes | None]]:
    if kind == "zip":
        yield from _zip(data, purse, limits)
    elif kind == "tar":
        yield from _tar(data, purse, limits)
    else:
        purse.enter()
        yield "", _inflate(kind, data, purse)


def _inflate(kind: str, data: bytes, purse: _Purse) -> bytes:
    """The whole of a compressed stream, which may hold several after one another; the purse alone bounds it."""
    kept = bytearray()
    openers: dict[str, Callable[[io.BytesIO], IO[bytes] | gzip.GzipFile]] = {
        "gzip": lambda given: gzip.GzipFile(fileobj=given),
        "bzip2": bz2.BZ2File,
        "xz": lzma.LZMAFile,
    }
    with openers[kind](io.BytesIO(data)) as stream:
        while piece := stream.read(_PIECE):
            purse.pay(len(piece))
            kept += piece
    return bytes(kept)


def _zip(data: bytes, purse: _Purse, limits: Limits) -> Iterator[tuple[str, bytes | None]]:
    if data.count(b"PK\x01\x02") > limits.archive_members:  # before zipfile makes an object of each
        raise _SpentError("it has more members than the limit: not looked into")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for entry in archive.infolist():
            if entry.is_dir():
                continue
            purse.enter()
            if entry.flag_bits & 1:
                yield entry.filename, None
                continue
            with archive.open(entry) as member:
                yield entry.filename, _bounded(member, purse, limits)


def _tar(data: bytes, purse: _Purse, limits: Limits) -> Iterator[tuple[str, bytes | None]]:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r|") as archive:
        for entry in archive:
            purse.enter()
            member = archive.extractfile(entry) if entry.isreg() else None
            if member is not None:
                yield entry.name, _bounded(member, purse, limits)


def _bounded(member: IO[bytes], purse: _Purse, limits: Limits) -> bytes | None:
    kept = bytearray()
    while piece := member.read(_PIECE):
        purse.pay(len(piece))
        if len(kept) + len(piece) > limits.file_bytes:
            return None
        kept += piece
    return bytes(kept)
