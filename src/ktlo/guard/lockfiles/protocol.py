"""What a lock file format is to ktlo: names it is known by and one function that reads it.

``walk`` finds files and hands each to the format that knows its name; a format gives a ``Reading`` or raises
``UnreadableError``. Lock files come from strangers, so every size has a limit here and nothing is ever executed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ktlo.errors import UserError
from ktlo.guard.dependency import Dependency
from ktlo.guard.finding import Unchecked

if TYPE_CHECKING:
    from ktlo.guard.lockfiles.tree import Tree

CHECK = "vulnerabilities"
"""The check that entries without an exact version are left out of."""


class UnreadableError(UserError):
    """A lock file cannot be read as a whole; the sentence says why and what to do."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a stranger's repository is read before it is refused, with a sentence.

    Attributes:
        file_bytes: size of one lock file.
        total_bytes: size of all lock files and manifests that are read together.
        values: lines, and values (table entries, list items, YAML events), in one file.
        depth: how deep values may nest.
        dependencies: entries in one lock file, dependencies and unchecked together.
        includes: files that one requirements file may include, directly and indirectly.
        walked: files and folders looked at.
        path_length: longest path from the project to a dependency that is told.
    """

    file_bytes: int = 32 * 2**20
    total_bytes: int = 512 * 2**20
    values: int = 1_000_000
    depth: int = 100
    dependencies: int = 100_000
    includes: int = 100
    walked: int = 1_000_000
    path_length: int = 50


@dataclass(frozen=True, slots=True)
class LockFile:
    """One file to read.

    Attributes:
        path: relative to the root, as the file system has it; for people, show ``printable(path)``.
        data: the whole content, never more than ``limits.file_bytes``.
        tree: the only way to look at neighbours (manifests, included files).
        limits: see ``Limits``.
    """

    path: PurePosixPath
    data: bytes
    tree: Tree
    limits: Limits = field(default_factory=Limits)

    def text(self) -> str:
        """Content as text, without a byte order mark.

        Raises:
            UnreadableError: not UTF-8, zero bytes in it, or too many lines.
        """
        try:
            text = self.data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise UnreadableError(
                f"It is not UTF-8 text (byte {error.start})", fix="Make it again with its tool."
            ) from None
        if text.count("\n") > self.limits.values:
            raise UnreadableError(
                f"It has more than {self.limits.values:,} lines", fix="Raise the limit if it is meant."
            )
        if "\0" in text:
            raise UnreadableError(
                "It holds zero bytes, so it is not text", fix="Make it again with its tool."
            )
        return text


@dataclass(frozen=True, slots=True)
class Reading:
    """What a format read.

    Attributes:
        dependencies: entries with an exact version.
        unchecked: everything else the file names.
        members: folders (relative to the lock file's, ``.`` for its own) or, for formats that name packages
            instead, names of the project's own packages whose dependencies this file locks.
    """

    dependencies: tuple[Dependency, ...]
    unchecked: tuple[Unchecked, ...]
    members: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Format:
    """One lock file format.

    Attributes:
        name: how people call it, for sentences.
        ecosystem: OSV ecosystem, or ``any`` for formats that hold several.
        patterns: file names, with ``*`` as in a shell; compared without regard to case.
        read: reads one file; raises ``UnreadableError``.
        within: the last folders a file must be in, such as ``var/lib/dpkg``; empty for anywhere.
    """

    name: str
    ecosystem: str
    patterns: tuple[str, ...]
    read: Callable[[LockFile], Reading]
    within: str = ""
