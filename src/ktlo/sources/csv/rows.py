"""Rows of a file, one at a time and in flat memory, whatever form the file has.

CSV is read line by line so that a quote that is never closed costs its own row and not the rest of the
file. JSON objects are flattened to ``outer.inner`` columns. Cells come out as text, untouched otherwise:
what begins with ``=`` stays what it is. Formats: RFC 4180, JSON Lines, RFC 8259, Apache Parquet.
"""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from ktlo.errors import UserError
from ktlo.sources.csv.config import CsvConfig, Form
from ktlo.sources.csv.dialect import DELIMITERS, PARQUET_MAGIC, read_sample
from ktlo.wording import counted

MAX_RECORD_CHARACTERS = 24 * 1024 * 1024
"""A row longer than this is turned away; a cell of 10 MB is fine."""
MAX_JSON_ARRAY_BYTES = 256 * 1024 * 1024
"""A JSON array must fit in memory; JSON lines need not."""
MAX_JSON_DEPTH = 32
"""Objects in objects; an export that a person maps to columns is far flatter."""

csv.field_size_limit(MAX_RECORD_CHARACTERS)


@dataclass(frozen=True, slots=True)
class Row:
    """One row as the file has it.

    Attributes:
        number: as a spreadsheet counts: the header is 1. In JSON and Parquet the first object is 1.
        cells: texts by column; several where a header repeats (Jira repeats ``Labels``).
        damage: why it cannot be used; empty when it can.
        warning: what had to be mended to use it; empty when nothing.
        excerpt: its beginning, for a report about it.
    """

    number: int
    cells: Mapping[str, tuple[str, ...]]
    damage: str = ""
    warning: str = ""
    excerpt: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """A file ready to be read: its columns and its rows. Use it in a ``with`` statement."""

    columns: tuple[str, ...]
    rows: Iterator[Row]
    handle: AbstractContextManager[Any] = field(default_factory=nullcontext)

    def __enter__(self) -> Opened:
        return self

    def __exit__(self, *_: object) -> None:
        self.handle.__exit__(None, None, None)


def open_rows(path: Path, config: CsvConfig) -> Opened:
    """Open a file by its configuration.

    Raises:
        UserError: missing, empty, binary, without rows, or not in its form; says what to do.
    """
    return open_form(path, config.form_of(path), config.encoding, config.delimiter)


def open_form(path: Path, form: Form, encoding: str, delimiter: str) -> Opened:
    """Open a file of a known form. Raises as :func:`open_rows`."""
    if form is Form.PARQUET:
        return _parquet(path)
    sample = read_sample(path)
    if sample.startswith(PARQUET_MAGIC):
        raise UserError("this is a Parquet file", where=str(path), fix="Set `form: parquet`")
    if form is Form.CSV:
        return _csv(path, encoding, delimiter)
    return _json_lines(path) if form is Form.JSON_LINES else _json_array(path)


class _Lines:
    """Lines of a text file that can be handed out again after a quote that is never closed."""

    def __init__(self, handle: io.TextIOBase) -> None:
        self._handle = handle
        self._again: deque[str] = deque()
        self.taken: list[str] = []
        self.at_end = False
        self._length = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else self._handle.readline(MAX_RECORD_CHARACTERS)
        if not line:
            self.at_end = True
            raise StopIteration
        self.taken.append(line)
        self._length += len(line)
        if self._length > MAX_RECORD_CHARACTERS:
            raise csv.Error("the row is longer than 24 MB")
        return line

    def begin_record(self) -> None:
        """Forget the lines of the record before."""
        self.taken, self._length = [], 0

    def hand_out_again(self) -> str:
        """Give back all lines of this record but the first, which is returned."""
        first, *rest = self.taken
        self._again.extendleft(reversed(rest))
        self.at_end = False
        return first


def _csv(path: Path, encoding: str, delimiter: str) -> Opened:
    # surrogateescape keeps a damaged byte in its row, where it can be reported, instead of failing the file.
    errors = "surrogateescape" if "16" not in encoding and "32" not in encoding else "replace"
    handle = path.open("r", encoding=encoding, errors=errors, newline="")
    lines = _Lines(handle)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        header = _header(path, lines, reader, delimiter)
    except UserError:
        handle.close()
        raise
    columns = tuple(dict.fromkeys(name for name in header if name))
    return Opened(columns, _csv_rows(lines, reader, header, encoding, delimiter), handle)


def _header(path: Path, lines: _Lines, reader: Iterator[list[str]], delimiter: str) -> list[str]:
    header: list[str] = []
    try:
        while not any(cell.strip() for cell in header):
            lines.begin_record()
            header = next(reader)
    except StopIteration:
        fix = "Export it again, with its header line"
        raise UserError("the file is empty", where=str(path), fix=fix) from None
    except (csv.Error, UnicodeError) as error:
        raise UserError(
            f"the header cannot be read: {error}", where=f"{path}:1", fix="Check `encoding`"
        ) from error
    header = [_readable(name).lstrip("\ufeff").strip() for name in header]
    if len(header) == 1:
        better = max(DELIMITERS, key=header[0].count)
        if (count := header[0].count(better)) > 0:
            raise UserError(
                f"with the delimiter {delimiter!r} the header has one column;"
                f" with {better!r} it would have {count + 1}",
                where=f"{path}:1",
                fix=f"Set `delimiter: {better!r}`",
            )
    return header


def _csv_rows(
    lines: _Lines, reader: Iterator[list[str]], header: Sequence[str], encoding: str, delimiter: str
) -> Iterator[Row]:
    number = 1
    while True:
        lines.begin_record()
        number += 1
        damage = ""
        cells: list[str] = []
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if len(lines.taken) == 1 and not lines.at_end:
                # Sloppy quoting inside one line is understood; across lines it is a quote never closed.
                cells = next(csv.reader(lines.taken, delimiter=delimiter))
            else:
                damage = f"a quote is opened and never closed ({error}). Mend the row"
        except UnicodeError as error:
            damage = f"it cannot be decoded: {error}. Check `encoding`"
        if not damage and len(lines.taken) > 1 and len(cells) != len(header):
            damage = (
                "a quote is opened and never closed (the row has the wrong number of cells). Mend the row"
            )
        if damage:
            # The rows that an open quote swallowed are handed out again: only the first is lost.
            first = lines.hand_out_again() if lines.taken else ""
            yield Row(number, {}, damage, excerpt=_excerpt(first))
        elif any(cells):
            yield _csv_row(number, cells, header, encoding)


def _csv_row(number: int, cells: list[str], header: Sequence[str], encoding: str) -> Row:
    excerpt = ""
    if len(cells) != len(header):
        while len(cells) > len(header) and not cells[-1].strip():
            cells.pop()
        if len(cells) != len(header):
            excerpt = _excerpt(",".join(cells))
            return Row(
                number,
                {},
                f"the row has {counted(len(cells), 'cells')} and the header {len(header)}. Quote cells that"
                " hold the delimiter",
                excerpt=excerpt,
            )
    warning = ""
    joined = "".join(cells)
    if "\x00" in joined:
        where = next(i for i, cell in enumerate(cells) if "\x00" in cell)
        return Row(
            number,
            {},
            f"column {header[where]!r} holds a NUL byte. Export the row again",
            excerpt=_excerpt(",".join(cells)),
        )
    if not joined.isascii():
        readable = [_readable(cell) for cell in cells]
        if readable != cells:
            where = next(i for i, cell in enumerate(cells) if cell != readable[i])
            warning = (
                f"column {header[where]!r} holds bytes that are not {encoding}; they were replaced."
                " If this happens often, set `encoding`"
            )
            excerpt = _excerpt(readable[where])
            cells = readable
    named: dict[str, tuple[str, ...]] = {}
    for name, cell in zip(header, cells, strict=True):
        named[name] = (*named[name], cell) if name in named else (cell,)
    return Row(number, named, warning=warning, excerpt=excerpt)


def _readable(text: str) -> str:
    """Text with damaged bytes (lone surrogates) replaced by U+FFFD."""
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return "".join("\ufffd" if "\ud800" <= character <= "\udfff" else character for character in text)
    return text


def _excerpt(text: str) -> str:
    return _readable(text[:200]).replace("\x00", "\\0").rstrip("\r\n")


def _json_lines(path: Path) -> Opened:
    handle = path.open("rb")
    rows = _json_line_rows(handle)
    first = next(rows)
    if first.damage:
        handle.close()
        raise UserError(
            first.damage, where=f"{path}:1", fix="Each line must be one JSON object; set `form` otherwise"
        )
    return Opened(tuple(first.cells), chain([first], rows), handle)


def _json_line_rows(handle: BinaryIO) -> Iterator[Row]:
    import msgspec

    number = 0
    while line := handle.readline(MAX_RECORD_CHARACTERS):
        number += 1
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if not line.strip():
            continue
        text = line[:400].decode("utf-8", "replace")
        try:
            value = msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            yield Row(number, {}, f"the line is not JSON ({error}). Mend the line", excerpt=_excerpt(text))
            continue
        if not isinstance(value, dict):
            yield Row(number, {}, "the line is JSON, but no object", excerpt=_excerpt(text))
            continue
        yield Row(number, flatten(value), excerpt="")


def _json_array(path: Path) -> Opened:
    import msgspec

    if path.stat().st_size > MAX_JSON_ARRAY_BYTES:
        raise UserError(
            "a JSON array of more than 256 MB would have to be held in memory",
            where=str(path),
            fix="Turn it into JSON lines: jq -c '.[]' FILE > FILE.jsonl",
        )
    try:
        value = msgspec.json.decode(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UserError(
            f"the file is not JSON: {error}",
            where=str(path),
            fix="If each line is an object, set `form: json_lines`",
        ) from error
    if isinstance(value, dict):
        # Statuspage and others wrap the list: {"incidents": [...]}.
        lists = [inner for inner in value.values() if isinstance(inner, list)]
        value = lists[0] if len(lists) == 1 else [value]
    if not isinstance(value, list):
        raise UserError("expected a list of objects", where=str(path), fix="Export a list of objects")
    if not value:
        raise UserError("the file holds no object", where=str(path), fix="Export it again")
    rows = [
        Row(number, flatten(item))
        if isinstance(item, dict)
        else Row(number, {}, "the item is no object", excerpt=_excerpt(_text(item)))
        for number, item in enumerate(value, start=1)
    ]
    return Opened(tuple(dict.fromkeys(name for row in rows for name in row.cells)), iter(rows))


def _parquet(path: Path) -> Opened:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise UserError(
            f"this is not a Parquet file: {error}", where=str(path), fix="Check `form`"
        ) from error
    if file.metadata.num_rows == 0:
        raise UserError("the file has columns and no rows", where=str(path), fix="Export it again")
    return Opened(tuple(file.schema_arrow.names), _parquet_rows(file), file)


def _parquet_rows(file: Any) -> Iterator[Row]:
    number = 0
    for batch in file.iter_batches(batch_size=4096):
        for item in batch.to_pylist():
            number += 1
            yield Row(number, flatten(item))


def flatten(item: Mapping[str, Any], prefix: str = "") -> dict[str, tuple[str, ...]]:
    """An object as columns: ``{"user": {"login": "ada"}}`` is the column ``user.login``.

    A list becomes several values of one column; of objects in a list, their name, login, key or id. What
    lies deeper than ``MAX_JSON_DEPTH`` is left out.
    """
    flat: dict[str, tuple[str, ...]] = {}
    for key, value in item.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            if prefix.count(".") >= MAX_JSON_DEPTH:
                continue
            flat.update(flatten(value, f"{name}."))
        elif isinstance(value, list | tuple):
            flat[name] = tuple(_text(_named(inner)) for inner in value)
        else:
            flat[name] = (_text(value),)
    return flat


def _named(value: Any) -> Any:
    if isinstance(value, Mapping):
        return next(
            (value[key] for key in ("login", "name", "summary", "title", "key", "id") if value.get(key)), None
        )
    return value


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    try:
        return str(value).replace("\x00", "")
    except RecursionError:
        return "(lists in lists without end)"
