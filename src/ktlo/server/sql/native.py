"""The Native format as newer clients read it: with a revision, blocks and columns carry a few bytes more.

The engine writes Native for revision 0. From a client's revision 1 on a block begins with its BlockInfo, and from
54454 on each column says after its type whether it has a custom serialization. To put these bytes in, the columns are
walked over by their types. Source: ClickHouse documentation, "Native format" and "Native protocol".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

CUSTOM_SERIALIZATION = 54454
_BLOCK_INFO = b"\x01\x00\x02\xff\xff\xff\xff\x00"
"""Field 1 (overflows: no), field 2 (bucket: -1), end."""

_WIDTHS = {
    "Int8": 1,
    "UInt8": 1,
    "Bool": 1,
    "Nothing": 1,
    "Int16": 2,
    "UInt16": 2,
    "Date": 2,
    "BFloat16": 2,
    "Int32": 4,
    "UInt32": 4,
    "Float32": 4,
    "DateTime": 4,
    "Date32": 4,
    "IPv4": 4,
    "Int64": 8,
    "UInt64": 8,
    "Float64": 8,
    "DateTime64": 8,
    "Decimal32": 4,
    "Decimal64": 8,
    "Decimal128": 16,
    "Decimal256": 32,
    "Enum8": 1,
    "Enum16": 2,
    "Time": 4,
    "Time64": 8,
    "Int128": 16,
    "UInt128": 16,
    "Int256": 32,
    "UInt256": 32,
    "UUID": 16,
    "IPv6": 16,
}
_DICTIONARY_INDEX = {0: 1, 1: 2, 2: 4, 3: 8}


class UnknownTypeError(ValueError):
    """A column's type cannot be walked over."""


@dataclass(frozen=True, slots=True)
class _Type:
    name: str
    arguments: tuple[str, ...]


def with_revision(body: bytes, revision: int) -> bytes:
    """Native of revision 0 as a client of ``revision`` reads it.

    Raises:
        UnknownTypeError: a type that is not known here (aggregate states, Dynamic, JSON, Variant).
    """
    if revision < CUSTOM_SERIALIZATION:
        return body
    out: list[bytes] = []
    at = 0
    while at < len(body):
        out.append(_BLOCK_INFO)
        begin = at
        columns, at = _varint(body, at)
        rows, at = _varint(body, at)
        out.append(body[begin:at])
        for _ in range(columns):
            begin = at
            size, at = _varint(body, at)
            size, at = _varint(body, at + size)
            kind = body[at : at + size].decode()
            at += size
            out += [body[begin:at], b"\x00"]
            begin = at
            if rows:
                at = _data(body, _prefix(body, at, kind), kind, rows)
            out.append(body[begin:at])
    return b"".join(out)


def _varint(body: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = body[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def _taken_apart(kind: str) -> _Type:
    name, bracket, rest = kind.partition("(")
    if not bracket:
        return _Type(name, ())
    parts, depth, start, quoted = [], 0, 0, False
    inner = rest[:-1]
    for place, letter in enumerate(inner):
        if letter == "'" and (not place or inner[place - 1] != "\\"):
            quoted = not quoted
        elif quoted:
            continue
        elif letter in "()":
            depth += 1 if letter == "(" else -1
        elif letter == "," and not depth:
            parts.append(inner[start:place].strip())
            start = place + 1
    parts.append(inner[start:].strip())
    return _Type(name, tuple(parts))


def _members(of: _Type) -> tuple[str, ...]:
    """Types of a tuple's elements, which may have names before them."""
    return tuple(re.sub(r"^(?:`(?:[^`\\]|\\.)*`|\w+) (?=[A-Z])", "", part) for part in of.arguments)


def _prefix(body: bytes, at: int, kind: str) -> int:
    """End of what stands before a column's data: the version of its dictionary."""
    of = _taken_apart(kind)
    if of.name == "LowCardinality":
        return at + 8
    if of.name in ("Array", "Nullable"):
        return _prefix(body, at, of.arguments[0])
    if of.name == "SimpleAggregateFunction":
        return _prefix(body, at, of.arguments[1])
    if of.name in ("Tuple", "Map", "Nested"):
        for member in _members(of) if of.name != "Map" else of.arguments:
            at = _prefix(body, at, member)
    return at


def _data(body: bytes, at: int, kind: str, rows: int) -> int:
    """End of a column's data."""
    of = _taken_apart(kind)
    if of.name in _WIDTHS:
        return at + _WIDTHS[of.name] * rows
    if of.name.startswith("Interval"):
        return at + 8 * rows
    if of.name == "String":
        for _ in range(rows):
            size, at = _varint(body, at)
            at += size
        return at
    if of.name == "FixedString":
        return at + int(of.arguments[0]) * rows
    if of.name == "Decimal":
        digits = int(of.arguments[0])
        return at + rows * (4 if digits < 10 else 8 if digits < 19 else 16 if digits < 39 else 32)
    if of.name == "Nullable":
        return _data(body, at + rows, of.arguments[0], rows)
    if of.name == "SimpleAggregateFunction":
        return _data(body, at, of.arguments[1], rows)
    if of.name in ("Array", "Map", "Nested"):
        end = at + 8 * rows
        total = int.from_bytes(body[end - 8 : end], "little") if rows else 0
        members = _members(of) if of.name == "Nested" else of.arguments
        for member in members:
            end = _data(body, end, member, total) if total else end
        return end
    if of.name == "Tuple":
        if not of.arguments or of.arguments == ("",):
            return at + rows
        for member in _members(of):
            at = _data(body, at, member, rows)
        return at
    if of.name == "LowCardinality":
        return _dictionary(body, at, of.arguments[0])
    raise UnknownTypeError(
        f"the type {kind[:100]} cannot be sent to this client; make it text with toString(…)"
    )


def _dictionary(body: bytes, at: int, kind: str) -> int:
    flags = int.from_bytes(body[at : at + 8], "little")
    keys = int.from_bytes(body[at + 8 : at + 16], "little")
    inner = _taken_apart(kind)
    at = _data(body, at + 16, inner.arguments[0] if inner.name == "Nullable" else kind, keys)
    rows = int.from_bytes(body[at : at + 8], "little")
    return at + 8 + rows * _DICTIONARY_INDEX[flags & 0xFF]
