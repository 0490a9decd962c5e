"""How a text file is written: encoding, delimiter, and whether it is text at all.

Looks at a file's first megabytes; nothing is taken from its name. Used by ``propose``, and by ``rows`` to
say what is wrong when the configured delimiter cannot be right.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from ktlo.errors import UserError
from ktlo.wording import counted

SAMPLE_BYTES = 4 * 1024 * 1024
DELIMITERS = (",", ";", "\t", "|", "^")

_NOT_TEXT = (
    (b"PK\x03\x04", "an Excel workbook or a zip file", "Save it as CSV, or unpack it"),
    (b"\x1f\x8b", "compressed with gzip", "Unpack it with gunzip"),
    (b"%PDF", "a PDF", "Export it as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "Save it as CSV"),
    (b"SQLite format 3\x00", "an SQLite database", "Export the table as CSV"),
)
PARQUET_MAGIC = b"PAR1"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a CSV file is written, and why ktlo thinks so."""

    encoding: str
    delimiter: str
    reasons: tuple[str, ...]


def no_file(path: Path) -> UserError:
    """Why something that is neither a file nor a folder is not read: reading a pipe might never end."""
    if path.exists():
        return UserError(
            "this is a pipe or a device, not a file",
            where=str(path),
            fix="Write what comes out of it into a file, and name that",
        )
    return UserError("there is no such file", where=str(path), fix="Check the path")


def read_sample(path: Path) -> bytes:
    """The beginning of a file.

    Raises:
        UserError: it is missing, empty, or plainly no text.
    """
    try:
        with path.open("rb") as handle:
            sample = handle.read(SAMPLE_BYTES)
    except OSError as error:
        raise UserError(
            f"the file cannot be read: {error.strerror}",
            where=str(path),
            fix="Check the path and its permissions",
        ) from error
    if not sample.strip(b"\xef\xbb\xbf\xff\xfe \t\r\n\x00"):
        raise UserError("the file is empty", where=str(path), fix="Export it again, with its header line")
    for magic, what, fix in _NOT_TEXT:
        if sample.startswith(magic):
            raise UserError(f"this is {what}, not CSV", where=str(path), fix=fix)
    return sample


def find_encoding(sample: bytes, where: str) -> tuple[str, str]:
    """Name of the encoding, and the reason.

    Raises:
        UserError: it is binary.
    """
    if sample.startswith(b"\xef\xbb\xbf"):
        return "utf-8-sig", "it begins with UTF-8's byte order mark"
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16", "it begins with UTF-16's byte order mark"
    head = sample[:65536]
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if odd > 0.3 * len(head) / 2 and even < odd / 10:
        return "utf-16-le", "every second byte is zero"
    if even > 0.3 * len(head) / 2 and odd < even / 10:
        return "utf-16-be", "every second byte is zero"
    control = sum(head.count(byte) for byte in (0, 1, 2, 3, 4, 5, 6, 7, 8, 14, 15, 16, 17))
    if control > 0.02 * len(head) and control > 8:
        raise UserError(
            "this is a binary file, not a table in text",
            where=where,
            fix="Export it as CSV, JSON lines or Parquet",
        )
    try:
        sample.decode("utf-8")
        return "utf-8-sig", "it is valid UTF-8"
    except UnicodeDecodeError as error:
        if error.start >= len(sample) - 4:
            return "utf-8-sig", "it is valid UTF-8"
    kept = sample.decode("utf-8", "ignore")
    good = sum(character > "\x7f" for character in kept)
    bad = sum(character == "\ufffd" for character in sample.decode("utf-8", "replace"))
    if good > 10 * bad:
        return "utf-8-sig", f"it is UTF-8 but for {counted(bad, 'damaged places')}"
    if any(byte in sample for byte in (0x81, 0x8D, 0x8F, 0x90, 0x9D)):
        return "latin-1", "it is not UTF-8, and holds bytes that Windows-1252 does not have"
    return "cp1252", "it is not UTF-8; Windows-1252 is the commonest other encoding of exports"


def find_delimiter(text: str) -> tuple[str, str]:
    """The delimiter under which most rows have as many columns as the header, and the reason."""
    best, best_score, columns = ",", 0.0, 1
    for candidate in DELIMITERS:
        rows = _rows(text, candidate)
        if not rows or len(rows[0]) < 2:
            continue
        width = len(rows[0])
        even = sum(len(row) == width for row in rows) / len(rows)
        score = even * even * min(width, 12) ** 0.5
        if score > best_score:
            best, best_score, columns = candidate, score, width
    name = {"\t": "tab"}.get(best, best)
    if columns == 1:
        return best, "the header has one column under any delimiter"
    return best, f"with {name!r} the header has {counted(columns, 'columns')} and the rows agree"


def _rows(text: str, delimiter: str) -> list[list[str]]:
    rows = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            if row:
                rows.append(row)
            if len(rows) == 500:
                break
        else:
            # The sample may end inside a row.
            rows = rows[:-1] if len(rows) > 2 else rows
    except csv.Error:
        pass
    return rows


def find_dialect(path: Path) -> Dialect:
    """How a CSV file is written.

    Raises:
        UserError: missing, empty or binary.
    """
    sample = read_sample(path)
    encoding, why_encoding = find_encoding(sample, str(path))
    text = sample.decode(encoding, "replace").lstrip("\ufeff")
    delimiter, why_delimiter = find_delimiter(text[:1_000_000])
    return Dialect(
        encoding, delimiter, (f"encoding {encoding}: {why_encoding}", f"delimiter: {why_delimiter}")
    )
