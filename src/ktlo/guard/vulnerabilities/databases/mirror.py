"""Reads a mirror of OSV records: a folder (also a git checkout), a zip or a tar archive, of JSON and YAML files.

Nothing is unpacked to disk; sizes are bounded; links are not followed. What cannot be read is given back as a
sentence, because its package would otherwise look clean. :mod:`.index` is the only reader.
"""

from __future__ import annotations

import hashlib
import lzma
import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import msgspec

from ktlo.errors import UserError
from ktlo.guard.untrusted_yaml import load_yaml
from ktlo.guard.vulnerabilities.advisory import Advisory, read_advisory
from ktlo.guard.vulnerabilities.databases.protocol import DatabaseError

LARGEST_RECORD = 16 * 1024 * 1024
MOST_RECORDS = 2_000_000
MOST_BYTES = 16 * 1024**3
_SUFFIXES = (".json", ".yaml", ".yml")
# What the archive readers raise on damage, encryption and methods they do not know.
_BROKEN = (
    OSError,
    EOFError,
    RuntimeError,
    ValueError,
    OverflowError,
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
)


def fingerprint(place: Path) -> str:
    """Identity of a mirror's content without reading it: names, sizes and times of its files.

    Raises:
        DatabaseError: there is no such file or folder.
    """
    try:
        if place.is_file():
            stat = place.stat()
            return _digest([f"{place.absolute()} {stat.st_size} {stat.st_mtime_ns} {stat.st_ino}"])
        if place.is_dir():
            return _digest(
                f"{entry.path} {(stat := entry.stat(follow_symlinks=False)).st_size} {stat.st_mtime_ns}"
                for entry in _walk(place)
            )
    except OSError as error:
        raise DatabaseError(
            f"the advisory database cannot be read: {error.strerror}", where=str(place)
        ) from error
    raise DatabaseError(
        "there is no such advisory database", where=str(place), fix="Check guard.databases in ktlo.yaml"
    )


def read_mirror(place: Path) -> Iterator[tuple[Advisory, datetime] | str]:
    """Every record of a mirror with the time of its file; a sentence instead of one that cannot be read.

    Raises:
        DatabaseError: the mirror as a whole cannot be read.
    """
    total = 0
    try:
        for count, (name, size, at, stream) in enumerate(_files(place)):
            total += size
            if count >= MOST_RECORDS or total > MOST_BYTES:
                stream.close()
                raise DatabaseError("the advisory database is larger than ktlo reads", where=str(place))
            with stream:
                # One byte more than allowed, because an archive's stated size may lie.
                text = stream.read(LARGEST_RECORD + 1) if size <= LARGEST_RECORD else b""
            if size > LARGEST_RECORD or len(text) > LARGEST_RECORD:
                yield f"{name}: larger than {LARGEST_RECORD // 1024**2} MiB"
                continue
            try:
                record = _decode(name, text)
                if _is_osv(record):
                    yield read_advisory(record, where=name), at
            except UserError as error:
                yield f"{name}: {error.what}"
    except _BROKEN as error:
        raise _unreadable(place, error) from error


def _unreadable(place: Path, error: Exception) -> DatabaseError:
    return DatabaseError(
        f"the advisory database cannot be read to its end: {error}",
        where=str(place),
        fix="Fetch it again",
    )


def _decode(name: str, text: bytes) -> object:
    if not name.endswith(".json"):
        return load_yaml(text, where=name)
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise UserError(f"this is not JSON: {error}", where=name) from error


def _is_osv(record: object) -> bool:
    """False for other files of an advisory repository, such as lists of false positives."""
    return isinstance(record, dict) and ("id" in record or "affected" in record)


def _is_record(name: str) -> bool:
    parts = name.removeprefix("./").split("/")
    # .git, .github: an advisory repository's own files, never records.
    return name.endswith(_SUFFIXES) and not any(part.startswith(".") for part in parts)


def _files(place: Path) -> Iterator[tuple[str, int, datetime, IO[bytes]]]:
    if place.is_dir():
        for entry in _walk(place):
            path = Path(entry.path)
            stat = entry.stat(follow_symlinks=False)
            at = datetime.fromtimestamp(stat.st_mtime, UTC)
            yield str(path.relative_to(place)), stat.st_size, at, path.open("rb")
    elif zipfile.is_zipfile(place):
        with zipfile.ZipFile(place) as archive:
            for info in archive.infolist():
                if not info.is_dir() and _is_record(info.filename):
                    at = datetime(*info.date_time, tzinfo=UTC)
                    yield info.filename, info.file_size, at, archive.open(info)
    else:
        with tarfile.open(place) as tar:
            for member in tar:
                if member.isfile() and _is_record(member.name) and (stream := tar.extractfile(member)):
                    yield member.name, member.size, datetime.fromtimestamp(member.mtime, UTC), stream


def _walk(folder: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path))
        elif entry.is_file(follow_symlinks=False) and _is_record(entry.name):
            yield entry


def _digest(lines: Iterator[str] | list[str]) -> str:
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line.encode("utf-8", "surrogateescape") + b"\n")
    return digest.hexdigest()
