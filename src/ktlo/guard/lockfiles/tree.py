"""Reading inside one folder and nowhere else: no link out of it is followed, no device or pipe is opened.

Lock files, manifests and included files all come through ``Tree.read``, so the promise "nothing outside the
tree is read" is kept in one place.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ktlo.guard.lockfiles.protocol import Limits, UnreadableError
from ktlo.guard.lockfiles.wording import printable

INSTALLED = frozenset(
    {
        ".git",
        ".hg",
        ".svn",
        ".jj",
        "node_modules",
        "bower_components",
        ".yarn",
        ".pnpm-store",
        ".venv",
        ".tox",
        ".nox",
        "__pypackages__",
        "__pycache__",
        ".gradle",
        ".terraform",
        ".bundle",
        ".mypy_cache",
        ".ruff_cache",
        ".pytest_cache",
        ".cache",
        "site-packages",
    }
)
"""Folders that tools fill from a lock file, or that hold no project: their lock files are of other projects."""


IMAGE_HOLDS = frozenset({"site-packages", ".venv"})
"""Folders that are the thing to check when the tree is the file system of an image."""


@dataclass(frozen=True, slots=True)
class Folder:
    """One folder as the walk finds it.

    Attributes:
        path: relative to the root.
        files: names of files that are no links.
        links: names of links.
        has_node_modules: True when npm installed packages here.
        refused: the system's words when the folder cannot be listed; empty when it can.
    """

    path: PurePosixPath
    files: tuple[str, ...]
    links: tuple[str, ...]
    has_node_modules: bool = False
    refused: str = ""


_HERE = PurePosixPath()


class Tree:
    """A folder whose files may be read, whatever its links say."""

    def __init__(self, root: Path, limits: Limits) -> None:
        self.root = root.resolve()
        self.limits = limits
        self.is_image = any((self.root / name).is_file() for name in ("etc/os-release", "usr/lib/os-release"))
        self._bytes_read = 0
        self._folders_with: dict[str, list[PurePosixPath]] = {}

    def inside(self, relative: PurePosixPath) -> Path:
        """The real place of a path in the tree.

        Raises:
            UnreadableError: it lies outside the tree, or links lead out of it or in circles.
        """
        outside = UnreadableError(
            "It leads out of the folder that is checked, and was not read", where=printable(relative)
        )
        depth = 0
        for part in relative.parts:
            depth += -1 if part == ".." else 1
            if depth < 0 or part.startswith(
                ("/", "\\")
            ):  # said before the system is asked about strangers' paths
                raise outside
        try:
            place = self._within_image(self.root / relative).resolve(strict=True)
        except (OSError, RuntimeError, ValueError) as error:
            why = (
                "links lead in a circle"
                if isinstance(error, RuntimeError) or _is_loop(error)
                else "no such file"
            )
            raise UnreadableError(f"It cannot be opened: {why}", where=printable(relative)) from None
        if not place.is_relative_to(self.root):
            raise outside
        return place

    def _within_image(self, place: Path) -> Path:
        """In an image's file system an absolute link means its root, not this machine's."""
        if not self.is_image or not place.is_symlink():
            return place
        target = place.readlink()
        return self.root / target.relative_to(target.anchor) if target.is_absolute() else place

    def exists(self, relative: PurePosixPath) -> bool:
        """True when a regular file is there, inside the tree."""
        try:
            return stat.S_ISREG(self.inside(relative).lstat().st_mode)
        except (UnreadableError, OSError):
            return False

    def read(self, relative: PurePosixPath) -> bytes:
        """Content of a regular file in the tree.

        Raises:
            UnreadableError: outside the tree, not a regular file, too large, or the system refuses.
        """
        place = self.inside(relative)
        where = printable(relative)
        # Neither wait for a pipe's writer nor follow a link that was put there since it was resolved.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
        try:
            handle = os.open(place, flags | getattr(os, "O_BINARY", 0))
        except OSError as error:
            raise UnreadableError(f"It cannot be opened: {error.strerror}", where=where) from None
        with os.fdopen(handle, "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise UnreadableError("It is not a regular file", where=where)
            if found.st_size > self.limits.file_bytes:
                raise UnreadableError(
                    f"It has {found.st_size:,} bytes, more than the limit of {self.limits.file_bytes:,}",
                    where=where,
                    fix="Raise the limit for lock files if it is meant to be that large.",
                )
            try:
                data = file.read(self.limits.file_bytes + 1)
            except OSError as error:
                raise UnreadableError(f"It cannot be read: {error.strerror}", where=where) from None
        if len(data) > self.limits.file_bytes:
            raise UnreadableError("It grew past the limit while it was read", where=where)
        self._bytes_read += len(data)
        if self._bytes_read > self.limits.total_bytes:
            raise UnreadableError(
                f"Lock files and manifests have more than {self.limits.total_bytes:,} bytes together",
                where=where,
                fix="Raise the limit if they are meant to be that large.",
            )
        return data

    def folders_with(self, name: str, start: PurePosixPath) -> list[PurePosixPath]:
        """Folders from ``start`` downwards that hold a file of this name; the tree is walked once for each name."""
        if name not in self._folders_with:
            self._folders_with[name] = [folder.path for folder in self.folders() if name in folder.files]
        return [path for path in self._folders_with[name] if path.is_relative_to(start)]

    def folders(self, start: PurePosixPath = _HERE) -> Iterator[Folder]:
        """Folders from ``start`` downwards in order of name, links not followed, what tools installed left out.

        Raises:
            UnreadableError: more files and folders than the limit.
        """
        stack = [start]
        looked_at = 0
        while stack:
            here = stack.pop()
            files: list[str] = []
            links: list[str] = []
            below: list[str] = []
            refused = ""
            try:
                with os.scandir(self.root / here) as entries:
                    for entry in entries:
                        looked_at += 1
                        if looked_at > self.limits.walked:
                            most = f"{self.limits.walked:,}"
                            raise UnreadableError(
                                f"The folder holds more than {most} files", fix="Raise the limit."
                            )
                        if entry.is_symlink():
                            links.append(entry.name)
                        elif entry.is_dir(follow_symlinks=False):
                            below.append(entry.name)
                        else:
                            files.append(entry.name)
            except OSError as error:
                refused = str(error.strerror)
            yield Folder(here, tuple(sorted(files)), tuple(sorted(links)), "node_modules" in below, refused)
            if "pyvenv.cfg" in files and here != start and not self.is_image:
                continue
            left_out = INSTALLED - IMAGE_HOLDS if self.is_image else INSTALLED
            stack.extend(here / name for name in sorted(below, reverse=True) if name not in left_out)


def _is_loop(error: Exception) -> bool:
    return isinstance(error, OSError) and error.errno == errno.ELOOP
