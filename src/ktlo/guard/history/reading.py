"""Reads states of lock files, newest first, until the time is over; what was read once is kept in a file of the cache.

A lock file is read with its neighbours as its commit had them, by the same readers as ``ktlo check``. The cache holds
names and versions, nothing else.
"""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import msgspec

from ktlo.guard.dependency import Origin
from ktlo.guard.history.states import Lineage, State
from ktlo.guard.lockfiles.protocol import Limits, LockFile, UnreadableError
from ktlo.guard.lockfiles.registry import format_of
from ktlo.guard.lockfiles.tree import Folder, Tree
from ktlo.guard.secrets.repository import Git, GitProblemError

FORMAT = 1
"""Raised when what is kept of a state changes."""
_MOST_NEIGHBOURS = 500
_HERE = PurePosixPath()


class Locked(msgspec.Struct, frozen=True, array_like=True):
    """One dependency of a state, with what the file tells of it."""

    ecosystem: str
    name: str
    version: str
    relation: str
    scope: str
    line: int


@dataclass(frozen=True, slots=True)
class Content:
    """A state and what it held; ``None`` when the file could not be read then."""

    state: State
    locked: tuple[Locked, ...] | None


@dataclass(frozen=True, slots=True)
class ReadLineage:
    """A lock file's states as far as they were read.

    Attributes:
        path: of the lock file.
        contents: newest first, without a gap.
        is_whole: True when they reach back to the file's first state.
    """

    path: str
    contents: tuple[Content, ...]
    is_whole: bool


class _CommitTree(Tree):
    """The files of one commit; read through git, never from the working tree."""

    def __init__(self, git: Git, commit: str, limits: Limits) -> None:
        self.root = Path("/")
        self.limits = limits
        self.is_image = False
        self._git, self._commit, self._left = git, commit, _MOST_NEIGHBOURS
        self._known: dict[PurePosixPath, bytes | None] = {}

    def exists(self, relative: PurePosixPath) -> bool:
        """True when the commit has this file."""
        return self._content(relative) is not None

    def read(self, relative: PurePosixPath) -> bytes:
        """Content of a file of the commit.

        Raises:
            UnreadableError: the commit has no such file, or it is too large.
        """
        content = self._content(relative)
        if content is None:
            raise UnreadableError("It cannot be opened: no such file", where=str(relative))
        return content

    def inside(self, relative: PurePosixPath) -> Path:
        """Nothing of a past commit has a place on disk.

        Raises:
            UnreadableError: always.
        """
        raise UnreadableError("A file of a past commit has no place on disk", where=str(relative))

    def folders(self, start: PurePosixPath = _HERE) -> Iterator[Folder]:
        """None: the tree of a past commit is not walked."""
        del start
        return iter(())

    def folders_with(self, name: str, start: PurePosixPath) -> list[PurePosixPath]:
        """The folder itself when it has such a file: the tree of a past commit is not walked for workspaces."""
        return [start] if self.exists(start / name) else []

    def _content(self, relative: PurePosixPath) -> bytes | None:
        place = PurePosixPath(*(part for part in relative.parts if part != "."))
        if place not in self._known:
            self._known[place] = self._asked(place)
        return self._known[place]

    def _asked(self, place: PurePosixPath) -> bytes | None:
        if ".." in place.parts or not place.parts or self._left <= 0:
            return None
        self._left -= 1
        spec = f"{self._commit}:{place}"
        try:
            kind, size = (
                self._git.ask("cat-file", "-t", spec).strip(),
                int(self._git.ask("cat-file", "-s", spec)),
            )
            if kind != b"blob" or size > self.limits.file_bytes:
                return None
            return self._git.ask("cat-file", "blob", spec)
        except (GitProblemError, ValueError):
            return None


class Cache:
    """What was read of states, in one SQLite file; a damaged one is begun anew.

    Args:
        file: where it is.
    """

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._connection = self._open(file)
        except sqlite3.DatabaseError:
            file.unlink(missing_ok=True)
            self._connection = self._open(file)

    @staticmethod
    def _open(file: Path) -> sqlite3.Connection:
        connection = sqlite3.connect(file, isolation_level=None, timeout=10)
        connection.execute("CREATE TABLE IF NOT EXISTS state (key BLOB PRIMARY KEY, content BLOB)")
        return connection

    def get(self, state: State) -> tuple[Locked, ...] | bool | None:
        """What a state held; ``None`` when it could not be read, False when it is not known."""
        row = self._connection.execute("SELECT content FROM state WHERE key = ?", (_key(state),)).fetchone()
        if row is None:
            return False
        return None if row[0] is None else _DECODER.decode(row[0])

    def put(self, state: State, locked: tuple[Locked, ...] | None) -> None:
        """Keep what a state held."""
        content = None if locked is None else msgspec.msgpack.encode(locked)
        self._connection.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", (_key(state), content))

    def close(self) -> None:
        """Close the file."""
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()


_DECODER = msgspec.msgpack.Decoder(tuple[Locked, ...])


def _key(state: State) -> bytes:
    path = state.path.encode("utf-8", "surrogateescape")
    return hashlib.sha256(b"\0".join((str(FORMAT).encode(), state.commit.encode(), path))).digest()


def read_states(
    git: Git,
    found: list[Lineage],
    cache: Cache,
    seconds: float,
    told: Callable[[int, int], None] = lambda _done, _total: None,
) -> list[ReadLineage]:
    """Read the newest states of every lock file first, then further back, until the time is over.

    Args:
        git: the repository's objects.
        found: the lock files.
        cache: what was read before.
        seconds: time for states that are not in the cache; the newest of each file is read in any case.
        told: called with how many states are done, of how many.
    """
    until = time.monotonic() + seconds
    total = sum(len(lineage.states) for lineage in found)
    read: list[list[Content]] = [[] for _ in found]
    done, depth = 0, 0
    while any(depth < len(lineage.states) for lineage in found):
        for index, lineage in enumerate(found):
            if depth >= len(lineage.states) or len(read[index]) < depth:
                continue  # at its end, or cut off where the time was over
            state = lineage.states[depth]
            known = () if state.is_gone else cache.get(state)
            if isinstance(known, bool):
                if depth and time.monotonic() > until:
                    continue
                known = _read(git, state)
                cache.put(state, known)
            read[index].append(Content(state, known))
            done += 1
        told(done, total)
        depth += 1
    return [
        ReadLineage(lineage.path, tuple(contents), lineage.is_whole and len(contents) == len(lineage.states))
        for lineage, contents in zip(found, read, strict=True)
    ]


def _read(git: Git, state: State) -> tuple[Locked, ...] | None:
    limits = Limits()
    path = PurePosixPath(state.path)
    form = format_of(path.name, path.parent.as_posix())
    if form is None:
        return None
    tree = _CommitTree(git, state.commit, limits)
    try:
        reading = form.read(LockFile(path, tree.read(path), tree, limits))
    except UnreadableError:
        return None
    return tuple(
        dict.fromkeys(
            Locked(
                one.ecosystem,
                one.name,
                one.version,
                "" if one.is_direct is None else "direct" if one.is_direct else "transitive",
                "" if one.is_development is None else "development" if one.is_development else "production",
                one.location.line,
            )
            for one in reading.dependencies
            if one.origin is Origin.REGISTRY
        )
    )
