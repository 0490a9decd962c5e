"""Line numbers of transformed functions: what was put in must not show as lines of its own.

The transformer gives every node it puts in the line `MARK`. After compiling, the instructions of these
nodes get the line of the instruction before them where control can only come from there, and no line where
it can come from elsewhere, so that debuggers, coverage and tracebacks see the lines the author wrote.
Formats: CPython's `Objects/locations.md` (3.11+), `Objects/lnotab_notes.txt` (3.9, 3.10).
"""

from __future__ import annotations

import dis
import sys
from types import CodeType
from typing import Any, Optional

MARK = 9_000_000
"""The line of nodes that were put in; no file is that long."""

_Position = tuple[Optional[int], Optional[int], Optional[int], Optional[int]]
_VERSION: tuple[int, ...] = tuple(sys.version_info[:2])
_AWAY = {"RETURN_VALUE", "RETURN_CONST", "RAISE_VARARGS", "RERAISE", "JUMP_FORWARD", "JUMP_BACKWARD"}
_AWAY |= {"JUMP_ABSOLUTE", "JUMP_BACKWARD_NO_INTERRUPT", "JUMP_NO_INTERRUPT"}


def restore(code: CodeType, first_line: int) -> CodeType:
    """The code with no instruction at the line `MARK`.

    Args:
        code: of one function, as compiled from the transformed tree.
        first_line: line of the function's first own statement; what is put in before it is shown there.
    """
    if _VERSION >= (3, 11):
        mended = _mend(code, _positions_311(code), first_line)
        return code.replace(co_linetable=_table_311(mended, code.co_firstlineno))
    mended = _mend(code, _positions_39(code), first_line)
    if _VERSION >= (3, 10):
        return code.replace(co_linetable=_table_310([line for line, *_ in mended], code.co_firstlineno))
    old: Any = code.replace
    made: CodeType = old(co_lnotab=_table_39([line for line, *_ in mended], code.co_firstlineno))
    return made


def _positions_311(code: Any) -> list[_Position]:
    return list(code.co_positions())


def _positions_39(code: CodeType) -> list[_Position]:
    """One per instruction (two bytes each)."""
    lines: Any = code
    found: list[_Position] = []
    line: int | None = code.co_firstlineno
    if _VERSION >= (3, 10):
        for start, end, at in lines.co_lines():
            found += [(at, at, None, None)] * ((end - start) // 2)
        return found
    starts = dict(dis.findlinestarts(code))
    for offset in range(0, len(code.co_code), 2):
        line = starts.get(offset, line)
        found.append((line, line, None, None))
    return found


def _mend(code: CodeType, positions: list[_Position], first_line: int) -> list[_Position]:
    entered = _entered(code)
    operations = code.co_code[::2]
    before: _Position = (first_line, first_line, None, None)
    seen = False
    away = False
    mended: list[_Position] = []
    for index, position in enumerate(positions):
        line = position[0]
        shown = position
        if line == MARK:
            if not seen:
                shown = (first_line, first_line, None, None)
            elif away or index in entered:
                shown = before = (None, None, None, None)
            else:
                shown = before
        else:
            seen = seen or (line is not None and line > code.co_firstlineno)
            seen = seen or (line is not None and line == first_line and index > 3)
            before = position
        away = dis.opname[operations[index]] in _AWAY
        mended.append(shown)
    return mended


def _entered(code: CodeType) -> set[int]:
    """Indices of instructions that a jump or an exception leads to."""
    labels: Any = dis.findlabels
    found = {offset // 2 for offset in labels(code.co_code)}
    if _VERSION >= (3, 11):
        exceptions: Any = code
        table = iter(exceptions.co_exceptiontable)
        try:
            while True:
                _varint_big(table, next(table))
                _varint_big(table, next(table))
                found.add(_varint_big(table, next(table)))
                _varint_big(table, next(table))
        except StopIteration:
            pass
    return found


def _varint_big(table: Any, byte: int) -> int:
    value = byte & 63
    while byte & 64:
        byte = next(table)
        value = value << 6 | byte & 63
    return value


def _varint(value: int, into: bytearray) -> None:
    while value >= 64:
        into.append(64 | value & 63)
        value >>= 6
    into.append(value)


def _table_311(positions: list[_Position], first: int) -> bytes:
    table = bytearray()
    line = first
    index = 0
    while index < len(positions):
        position = positions[index]
        length = 1
        while length < 8 and index + length < len(positions) and positions[index + length] == position:
            length += 1
        index += length
        at, end, column, end_column = position
        if at is None:
            table.append(0x80 | 15 << 3 | length - 1)
            continue
        delta = at - line
        line = at
        code = 13 if end is None or column is None or end_column is None else 14
        table.append(0x80 | code << 3 | length - 1)
        _varint((-delta << 1) | 1 if delta < 0 else delta << 1, table)
        if code == 14 and end is not None and column is not None and end_column is not None:
            _varint(end - at, table)
            _varint(column + 1, table)
            _varint(end_column + 1, table)
    return bytes(table)


def _table_310(lines: list[int | None], first: int) -> bytes:
    table = bytearray()
    line = first
    index = 0
    while index < len(lines):
        at = lines[index]
        length = 1
        while index + length < len(lines) and lines[index + length] == at:
            length += 1
        index += length
        size = length * 2
        if at is None:
            while size > 254:
                table += bytes((254, 128))
                size -= 254
            table += bytes((size, 128))
            continue
        delta = at - line
        line = at
        while not -127 <= delta <= 127:
            step = max(-127, min(127, delta))
            table += bytes((0, step & 255))
            delta -= step
        while size > 254:
            table += bytes((254, delta & 255))
            delta = 0
            size -= 254
        table += bytes((size, delta & 255))
    return bytes(table)


def _table_39(lines: list[int | None], first: int) -> bytes:
    """No instruction can be without a line here: such get the line of the `def`."""
    table = bytearray()
    line = first
    offset = 0
    for index, known in enumerate(lines):
        at = first if known is None else known
        if at == line:
            continue
        size = index * 2 - offset
        offset = index * 2
        delta = at - line
        line = at
        while size > 254:
            table += bytes((255, 0))
            size -= 255
        while not -128 <= delta <= 127:
            step = max(-128, min(127, delta))
            table += bytes((size, step & 255))
            size = 0
            delta -= step
        table += bytes((size, delta & 255))
    return bytes(table)
