"""Lists trees and reads file contents, without ever loading a large one.

Sizes come with the list, so what is too large is known before it is asked for. Formats: "OUTPUT FORMAT",
git-ls-tree(1), and "BATCH OUTPUT", git-cat-file(1).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ktlo.sources.git.program import Git, GitError, complaint

LARGEST = 1024 * 1024
"""Bytes of the largest file that is measured."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A regular file in a tree. Symbolic links and submodules are no entries."""

    path: bytes
    blob: str
    size: int


def list_tree(git: Git, commit: str) -> Iterator[Entry]:
    """Regular files of a commit's tree, in git's order.

    Raises:
        GitError: the tree cannot be read.
    """
    rest = b""
    for piece in git.stream("ls-tree", "-r", "-z", "-l", "--full-tree", commit):
        *lines, rest = (rest + piece).split(b"\0")
        for line in lines:
            about, _, path = line.partition(b"\t")
            mode, kind, blob, size = about.split()
            if kind == b"blob" and mode.startswith(b"100") and size.isdigit():
                yield Entry(path, blob.decode("ascii"), int(size))


def read_blobs(git: Git, blobs: Iterable[str]) -> Iterator[tuple[str, bytes | None]]:
    """Contents in the order asked for; ``None`` for one that the repository lacks.

    Callers ask only for blobs that they know to be small.

    Raises:
        GitError: git failed.
    """
    with tempfile.TemporaryFile() as asked, tempfile.TemporaryFile() as errors:
        asked.writelines(blob.encode("ascii") + b"\n" for blob in blobs)
        if not asked.tell():
            return
        asked.seek(0)
        with git.start("cat-file", "--batch", "--buffer", stdin=asked, stderr=errors) as running:
            while header := running.output.readline():
                words = header.split()
                if len(words) != 3:
                    yield words[0].decode("ascii"), None
                    continue
                size = int(words[2])
                content = running.output.read(size + 1)
                if len(content) != size + 1:
                    break
                yield words[0].decode("ascii"), content[:-1]
            code = running.process.wait()
        if code != 0:
            errors.seek(0)
            raise GitError(complaint(errors.read()), where=str(git.folder), by_itself=code > 0)
