"""Scans the working tree: what git tracks and what it neither tracks nor ignores; or a plain folder, all of it.

Links are never followed, neither of files nor of folders on the way to one; pipes and devices are never opened.
"""

from __future__ import annotations

import contextlib
import enum
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from ktlo.guard.secrets.engine import Engine
from ktlo.guard.secrets.gathering import Gathering
from ktlo.guard.secrets.limits import Limits
from ktlo.guard.secrets.repository import Git, GitProblemError, Repository, find_repository, lent
from ktlo.guard.secrets.scanner import scan_file
from ktlo.guard.secrets.texts import is_binary

_START, _PIECE = 1 << 16, 1 << 20
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def scan_working_tree(root: Path, engine: Engine, gathering: Gathering, limits: Limits) -> None:
    """Scan everything under ``root`` that would be committed, and what already is."""
    if root.is_file():
        _scan_path(root.parent.resolve(), root.name, engine, gathering, limits, {})
        return
    if not root.is_dir():
        gathering.unchecked(str(root), "there is no such folder")
        return
    top = root.resolve()
    try:
        repository = find_repository(root)
        if repository and repository.top == repository.folder:
            gathering.unchecked(
                str(root), "it is a bare repository, without a working tree: scan its history"
            )
            return
        paths = list(listed(repository, top, limits)) if repository else None
    except GitProblemError as problem:
        gathering.unchecked(".git", f"{problem}; every file in the folder was scanned instead")
        paths = None
    inside: dict[str, bool] = {"": True}
    for path in paths if paths is not None else _walked(top, "", gathering):
        if path.endswith("/") or _scan_path(top, path, engine, gathering, limits, inside) is _Met.FOLDER:
            for nested in _walked(top, path.rstrip("/"), gathering):  # a submodule or a repository inside
                _scan_path(top, nested, engine, gathering, limits, inside)


def listed(repository: Repository, top: Path, limits: Limits) -> Iterator[str]:
    """Paths under ``top`` that git tracks, or neither tracks nor ignores; surrogates for bytes that are no text.

    Raises:
        GitProblemError: git cannot list them.
    """
    with lent(repository, limits.git_seconds) as git:
        yield from _names(git, repository, top)


def _names(git: Git, repository: Repository, top: Path) -> Iterator[str]:
    prefix = top.relative_to(repository.top).as_posix()
    at = "" if prefix == "." else f"{prefix}/"
    within = ("--", f":(top,literal){prefix}") if at else ()
    exclude = repository.common / "info" / "exclude"
    own = (f"--exclude-from={exclude}",) if exclude.is_file() else ()
    seen: set[bytes] = set()
    listings = (("--cached",), ("--others", "--exclude-per-directory=.gitignore", *own))
    for listing in listings:
        output = git.ask("ls-files", "-z", "--full-name", *listing, *within, work_tree=repository.top)
        for name in output.split(b"\0"):
            if name and name not in seen:
                seen.add(name)
                yield name.decode("utf-8", "surrogateescape").removeprefix(at)


def _walked(top: Path, below: str, gathering: Gathering) -> Iterator[str]:
    """Every file below a folder, without git's own folders."""
    waiting = [below]
    while waiting:
        folder = waiting.pop()
        try:
            entries = sorted(os.scandir(top / folder), key=lambda entry: entry.name)
        except OSError as error:
            gathering.unchecked(folder or ".", f"the folder cannot be read: {error.strerror}")
            continue
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            if entry.is_dir(follow_symlinks=False):
                if entry.name != ".git":
                    waiting.append(path)
            else:
                yield path


def _scan_path(
    top: Path, path: str, engine: Engine, gathering: Gathering, limits: Limits, inside: dict[str, bool]
) -> _Met:
    if not _is_inside(top, path.rpartition("/")[0], inside):
        gathering.links += 1
        return _Met.FILE
    try:
        data = _read(f"{top}/{path}", limits.file_bytes)
    except _FolderError:
        return _Met.FOLDER
    except FileNotFoundError:
        gathering.absent += 1
    except NotADirectoryError:
        gathering.absent += 1
    except _LinkError:
        gathering.links += 1
    except _TooLargeError:
        gathering.unchecked(path, f"it is larger than {limits.file_bytes} bytes")
    except _OddError:
        gathering.unchecked(path, "it is a pipe, socket or device, which is never opened")
    except (OSError, ValueError) as error:
        gathering.unchecked(path, f"it cannot be read: {getattr(error, 'strerror', None) or 'odd name'}")
    else:
        if data is None:
            gathering.binaries += 1
            for sighting in engine.read_name(path):
                gathering.sighted(sighting, path)
        else:
            scan_file(engine, gathering, limits, data, path)
    return _Met.FILE


def _is_inside(top: Path, folder: str, inside: dict[str, bool]) -> bool:
    """Whether no part of the way from the root to a folder is a link; answers are remembered."""
    if folder not in inside:
        way, is_inside = "", True
        for part in folder.split("/"):
            way = f"{way}/{part}" if way else part
            if way not in inside:
                inside[way] = is_inside and not os.path.islink(f"{top}/{way}")  # noqa: PTH114 - a Path is ten times as slow
            is_inside = inside[way]
    return inside[folder]


class _Met(enum.Enum):
    """What a path led to."""

    FILE = enum.auto()
    FOLDER = enum.auto()


class _FolderError(Exception):
    """It is a folder."""


class _LinkError(Exception):
    """It is a symbolic link."""


class _OddError(Exception):
    """It is neither a file nor a link."""


class _TooLargeError(Exception):
    """It is larger than the limit."""


def _read(path: str, most: int) -> bytes | None:
    """A file's bytes; ``None`` for a binary file, of which only the start was read."""
    try:
        descriptor = os.open(path, _OPEN)
    except OSError as error:
        with contextlib.suppress(OSError, ValueError):
            mode = os.lstat(path).st_mode
            if stat.S_ISLNK(mode):
                raise _LinkError from None
            if not stat.S_ISREG(mode):
                raise _OddError from None
        raise error from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise _FolderError if stat.S_ISDIR(status.st_mode) else _OddError
        kept = os.read(descriptor, _START)
        if is_binary(kept):
            return None
        if status.st_size > most:
            raise _TooLargeError
        pieces, size = [kept], len(kept)
        while len(pieces[-1]) and size <= most and (size < status.st_size or size == _START):
            pieces.append(os.read(descriptor, _PIECE))
            size += len(pieces[-1])
        if size > most:
            raise _TooLargeError
        return b"".join(pieces)
    finally:
        os.close(descriptor)
