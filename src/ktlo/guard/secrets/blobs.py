"""Reads many objects from one run of ``git cat-file --batch``, one after another, none kept.

Format: git-cat-file(1), "BATCH OUTPUT".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO

from ktlo.guard.secrets.repository import Git

_FORMAT = "--batch=%(objectname) %(objecttype) %(objectsize) %(rest)"


@dataclass(frozen=True, slots=True)
class Blob:
    """One object.

    Attributes:
        name: its id, hexadecimal.
        kind: ``blob``, ``commit``, ``tag``, ``tree``; ``missing`` when the repository lacks it.
        size: bytes.
        data: its bytes; ``None`` when it is missing or larger than asked for.
        path: a path it has, when it was listed with one.
    """

    name: bytes
    kind: bytes
    size: int
    data: bytes | None
    path: bytes = b""


def read_blobs(git: Git, names: Iterable[bytes], most: int) -> Iterator[Blob]:
    """Yield objects in the order asked for.

    Args:
        git: git.
        names: object ids.
        most: bytes above which an object is told, not read.

    Raises:
        GitProblemError: git failed, for instance on a damaged object; what came before was good.
    """
    with TemporaryFile() as asked:
        asked.writelines(name + b"\n" for name in names)
        asked.seek(0)
        yield from read_listed(git, asked, most)


def read_listed(git: Git, listing: IO[bytes], most: int) -> Iterator[Blob]:
    """Yield the objects of a listing as ``git rev-list --objects`` writes one, while it is being written.

    Args:
        git: git.
        listing: a line an object: id, and perhaps a path; an open file or pipe.
        most: bytes above which an object is told, not read.

    Raises:
        GitProblemError: as above.
    """
    with git.running("cat-file", _FORMAT, "--buffer", stdin=listing) as output:
        while header := output.readline():
            name, kind, *rest = header.rstrip(b"\n").split(b" ", 3)
            if len(rest) < 2:
                yield Blob(name.removeprefix(b"?"), b"missing", 0, None)  # rev-list marks what it misses
                continue
            size = int(rest[0])
            if size > most:
                left = size + 1
                while left and (piece := output.read(min(left, 1 << 20))):
                    left -= len(piece)
                yield Blob(name, kind, size, None, rest[1])
            else:
                data = output.read(size)
                output.read(1)
                yield Blob(name, kind, size, data, rest[1])
