"""Scans the whole history: every file version once, whatever branch, tag or stash holds it, and every message.

Versions are read as objects, each once; only when one holds a secret are the commits walked, oldest first, for the
place where it first appeared. Formats: git-rev-list(1), git-diff-tree(1) "RAW OUTPUT FORMAT" and "DIFF FORMAT FOR
MERGES".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from ktlo.guard.secrets.blobs import Blob, read_blobs, read_listed
from ktlo.guard.secrets.engine import Engine, Sighting
from ktlo.guard.secrets.gathering import Gathering
from ktlo.guard.secrets.limits import Limits
from ktlo.guard.secrets.repository import (
    Git,
    GitProblemError,
    find_repository,
    lent,
    shallow_boundary,
    tips,
)
from ktlo.guard.secrets.scanner import MANY
from ktlo.guard.secrets.texts import Binary, Unread, texts

_Candidates = dict[bytes, list[tuple[str, Sighting]]]
"""Per blob: place inside it (when it is an archive) and what was seen there."""
_MESSAGES = {b"commit": "(commit message)", b"tag": "(tag message)"}


def scan_all_history(root: Path, engine: Engine, gathering: Gathering, limits: Limits) -> None:
    """Scan every version of every file that refs, stashes and HEAD lead to."""
    try:
        repository = find_repository(root)
        if repository is None:
            gathering.unchecked(str(root), "it is not in a git repository: it has no history")
            return
        if shallow_boundary(repository):
            gathering.unchecked(
                "history", "the clone is shallow: older commits are missing (git fetch --unshallow)"
            )
        starts = tips(repository)
        if not starts:
            return
        with lent(repository, limits.git_seconds) as git:
            candidates: _Candidates = {}
            try:
                _read_versions(git, starts, candidates, engine, gathering, limits)
            except GitProblemError as problem:  # what was seen before is still told
                gathering.unchecked("history", f"{problem}")
            _place(git, starts, candidates, engine, gathering)
            _read_messages(git, starts, engine, gathering, limits)
    except GitProblemError as problem:
        gathering.unchecked("history", f"{problem}")


def _listed(git: Git, starts: Iterable[bytes], *arguments: str) -> Iterator[bytes]:
    with TemporaryFile() as given:
        given.writelines(start + b"\n" for start in starts)
        given.seek(0)
        with git.running("rev-list", *arguments, "--stdin", stdin=given) as output:
            for line in output:
                yield line.rstrip(b"\n")


def _versions(git: Git, starts: list[bytes], limits: Limits) -> Iterator[Blob]:
    """Yield each version of each file once; git lists and reads at the same time."""
    with TemporaryFile() as given:
        given.writelines(start + b"\n" for start in starts)
        given.seek(0)
        arguments = ("--objects", "--missing=print", "--filter=object:type=blob", "--filter-provided-objects")
        with git.running("rev-list", *arguments, "--stdin", stdin=given) as listing:
            yield from read_listed(git, listing, limits.file_bytes)


def _read_versions(
    git: Git,
    starts: list[bytes],
    candidates: _Candidates,
    engine: Engine,
    gathering: Gathering,
    limits: Limits,
) -> None:
    """Fill ``candidates`` with what the versions hold."""
    for blob in _versions(git, starts, limits):
        for sighting in engine.read_name(blob.path.decode("utf-8", "surrogateescape")):
            candidates.setdefault(blob.name, []).append(("", sighting))
        if blob.data is None:
            gathering.unchecked(f"object {blob.name.decode()}", _why_unread(blob, limits))
            continue
        gathering.bytes += len(blob.data)
        for part in texts(blob.data, limits):
            if isinstance(part, Unread):
                gathering.unchecked(f"object {blob.name.decode()}{part.inner}", part.reason)
            elif isinstance(part, Binary):
                gathering.binaries += 1
            else:
                gathering.texts += 1
                reading = engine.read(part.data)
                gathering.dismissed.update(reading.dismissed)
                if not reading.is_full:
                    gathering.unchecked(f"object {blob.name.decode()}{part.inner}", MANY)
                if reading.sightings:
                    candidates.setdefault(blob.name, []).extend(
                        (part.inner, one) for one in reading.sightings
                    )


def _why_unread(blob: Blob, limits: Limits) -> str:
    return (
        f"it is larger than {limits.file_bytes} bytes"
        if blob.size
        else "the repository lacks it (a partial clone?)"
    )


def _place(
    git: Git, starts: list[bytes], candidates: _Candidates, engine: Engine, gathering: Gathering
) -> None:
    """Gather each candidate at the first commit and path where its rule counts."""
    met: set[bytes] = set()
    try:
        for commit, blob, path in _appearances(git, starts) if candidates else ():
            if blob not in candidates:
                continue
            met.add(blob)
            _place_blob(candidates, blob, path.decode("utf-8", "surrogateescape"), commit, engine, gathering)
            if not candidates:
                return
    except GitProblemError as problem:  # what was not placed is told without its commit
        gathering.unchecked("history", f"{problem}")
        met.clear()
    for blob, left in candidates.items():
        for inner, sighting in left:
            if blob in met:
                gathering.dismissed["allowlist or kind of file"] += 1
            else:
                gathering.sighted(sighting, f"(object {blob.decode()}){inner}")


def _place_blob(
    candidates: _Candidates, blob: bytes, path: str, commit: bytes, engine: Engine, gathering: Gathering
) -> None:
    """Gather what counts at this place, and leave the rest for another."""
    later: list[tuple[str, Sighting]] = []
    for inner, sighting in candidates.pop(blob):
        if engine.stands(sighting, path + inner, commit.decode()):
            gathering.sighted(sighting, path + inner, commit.decode())
        else:
            later.append((inner, sighting))
    if later:
        candidates[blob] = later


def _appearances(git: Git, starts: list[bytes]) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield commit, blob and path of every change, parents before children."""
    with TemporaryFile() as commits:
        commits.writelines(line + b"\n" for line in _listed(git, starts, "--topo-order", "--reverse"))
        commits.seek(0)
        arguments = ("-r", "--root", "-c", "--raw", "-z", "--no-abbrev", "--no-renames", "--stdin")
        with git.running("diff-tree", *arguments, stdin=commits) as output:
            fields = _fields(output)
            commit = b""
            for field in fields:
                if not field.startswith(b":"):
                    commit = field
                    continue
                parents = len(field) - len(field.lstrip(b":"))
                blob = field.split(b" ")[2 * parents + 1]
                yield commit, blob, next(fields, b"")


def _fields(output: IO[bytes]) -> Iterator[bytes]:
    left = b""
    for piece in iter(lambda: output.read(1 << 18), b""):
        *whole, left = (left + piece).split(b"\0")
        yield from whole


def _read_messages(
    git: Git, starts: list[bytes], engine: Engine, gathering: Gathering, limits: Limits
) -> None:
    commits = _listed(git, starts)
    for found in read_blobs(git, dict.fromkeys([*commits, *starts]), limits.file_bytes):
        path = _MESSAGES.get(found.kind)
        if path is None:
            continue
        if found.data is None:
            gathering.unchecked(f"object {found.name.decode()}", _why_unread(found, limits))
            continue
        message = found.data.partition(b"\n\n")[2]
        gathering.bytes += len(message)
        reading = engine.read(message, path, found.name.decode())
        gathering.dismissed.update(reading.dismissed)
        for sighting in reading.sightings:
            gathering.sighted(sighting, path, found.name.decode())
