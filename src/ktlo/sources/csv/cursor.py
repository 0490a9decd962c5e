"""What a run remembers for the next: which files it read, how far, and which items were in them.

An unchanged file is recognised by size and time without being opened; a touched one by its digest. The
list of items is kept only where it is needed to remove what vanished, compressed (about three bytes an
item with numbered keys).
"""

from __future__ import annotations

import base64
import glob
import hashlib
import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ktlo.errors import UserError
from ktlo.sources.csv.config import CsvConfig
from ktlo.sources.csv.dialect import no_file

_READING = 2
"""Raise it when rows are read differently from before, so that files are read again."""


@dataclass(frozen=True, slots=True)
class FileMark:
    """A file as it was when it was read."""

    path: str
    size: int
    modified_ns: int
    digest: str


def find_files(config: CsvConfig) -> list[Path]:
    """The files a configuration means, by name.

    Raises:
        UserError: there is none.
    """
    pattern = str(Path(config.file).expanduser())
    plain = Path(pattern)
    if plain.is_file():
        return [plain]
    if glob.has_magic(pattern):
        found = sorted(Path(name) for name in glob.glob(pattern, recursive=True) if Path(name).is_file())  # noqa: PTH207 - the pattern may be absolute
        if found:
            return found
        raise UserError("no file matches", where=config.file, fix="Check the pattern")
    if plain.is_dir():
        raise UserError(
            "this is a folder, not a file", where=config.file, fix=f"Name its files: {config.file}/*.csv"
        )
    raise no_file(plain)


def reading_digest(config: CsvConfig) -> str:
    """Digest of how a file is read: after a change of the mapping everything is read again."""
    said = config.model_dump_json(exclude={"name", "file"})
    return hashlib.sha256(f"{_READING}:{said}".encode()).hexdigest()[:16]


def mark_of(path: Path, known: FileMark | None) -> FileMark:
    """Mark a file; its digest is computed only when size or time differ from what is known.

    Raises:
        UserError: it cannot be read.
    """
    try:
        stat = path.stat()
        if known is not None and (known.size, known.modified_ns) == (stat.st_size, stat.st_mtime_ns):
            return known
        with path.open("rb") as handle:
            digest = hashlib.file_digest(handle, "sha256").hexdigest()
    except OSError as error:
        raise UserError(
            f"the file cannot be read: {error.strerror}", where=str(path), fix="Check its permissions"
        ) from error
    return FileMark(str(path), stat.st_size, stat.st_mtime_ns, digest)


@dataclass(frozen=True, slots=True)
class Bookmark:
    """The cursor of this source.

    Attributes:
        reading: digest of the configuration it was read by.
        files: files in the order they are read.
        rows: rows handled over all files; ``None`` when all were.
        items: number of history events by key, of the last complete run; empty where not needed.
    """

    reading: str
    files: tuple[FileMark, ...]
    rows: int | None
    items: Mapping[str, int]

    def to_cursor(self) -> dict[str, Any]:
        """As JSON-serialisable cursor."""
        return {
            "reading": self.reading,
            "files": [asdict(mark) for mark in self.files],
            "rows": self.rows,
            "items": _pack(self.items),
        }

    @classmethod
    def from_cursor(cls, cursor: Mapping[str, Any]) -> Bookmark:
        """Read a cursor; an empty or foreign one means that nothing was read."""
        try:
            files = tuple(FileMark(**mark) for mark in cursor["files"])
            return cls(str(cursor["reading"]), files, cursor["rows"], _unpack(cursor["items"]))
        except (KeyError, TypeError, ValueError, zlib.error):
            return cls("", (), None, {})

    def same_content(self, reading: str, files: Iterable[FileMark]) -> bool:
        """Whether it was read by the same configuration from the same contents."""
        return self.reading == reading and [mark.digest for mark in self.files] == [
            mark.digest for mark in files
        ]


def _pack(items: Mapping[str, int]) -> str:
    if not items:
        return ""
    return base64.b64encode(zlib.compress(json.dumps(items, sort_keys=True).encode())).decode()


def _unpack(text: str) -> dict[str, int]:
    if not text:
        return {}
    return {
        str(key): int(count) for key, count in json.loads(zlib.decompress(base64.b64decode(text))).items()
    }
