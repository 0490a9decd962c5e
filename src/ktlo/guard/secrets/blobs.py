"""Reads many objects from one run of ``git cat-file --batch``, one after another, none kept.

Format: git-cat-file(1), "BATCH OUTPUT".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from tempfile import TemporaryFile

from ktlo.guard.secrets.repository import Git


@dataclass(frozen=True, slots=True)
class Blob:
    """One object.

    Attributes:
        name: its id, hexadecimal.
        kind: ``blob``, ``commit``, ``tag``, ``tree``; ``missing`` when the repository lacks it.
        size: bytes.
        data: its bytes; ``None`` when it is missing or larger than asked for.
    """

    name: bytes
    kind: bytes
    size: int
    data: bytes | None


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
        with git.running("cat-file", "--batch", "--buffer", stdin=asked) as output:
            while header := output.readline():
                name, kind, *rest = header.split()
                if not rest:
                    yield Blob(name, b"missing", 0, None)
                    continue
                size = int(rest[0])
                if size > most:
                    left = size + 1
                    while left and (piece := output.read(min(left, 1 << 20))):
                        left -= len(piece)
                    yield Blob(name, kind, size, None)
                else:
                    data = output.read(size)
                    output.read(1)
                    yield Blob(name, kind, size, data)
