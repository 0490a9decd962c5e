"""Earlier versions of a repository's Python files, to learn which rules would have fired on somebody's real work.

Read from git's objects into a folder of ours, evenly over history, within limits. Nothing is checked out.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ktlo.guard.secrets.blobs import read_blobs
from ktlo.guard.secrets.repository import GitProblemError, find_repository, head, lent

MOST_FILES = 2_000
MOST_BYTES = 40 << 20
_LARGEST = 1 << 20


@dataclass(frozen=True, slots=True)
class PastCode:
    """Earlier versions in a folder.

    Attributes:
        root: the folder.
        files: how many versions are in it.
        known: how many there are in history.
    """

    root: Path
    files: int
    known: int


@contextlib.contextmanager
def past_code(root: Path) -> Iterator[PastCode]:
    """Write earlier versions; none when this is no git repository or its history cannot be read."""
    with tempfile.TemporaryDirectory(prefix="ktlo-past-code-") as name:
        folder = Path(name)
        try:
            files, known = _write(root, folder)
        except GitProblemError:
            files, known = 0, 0
        yield PastCode(folder, files, known)


def _write(root: Path, folder: Path) -> tuple[int, int]:
    repository = find_repository(root)
    tip = head(repository) if repository else b""
    if repository is None or not tip:
        return 0, 0
    with lent(repository, 300) as git:
        listed = git.ask("rev-list", "--objects", "--filter=object:type=blob", tip.decode())
        versions: dict[bytes, bytes] = {}
        for row in listed.splitlines():
            identifier, _, path = row.partition(b" ")
            if path.endswith(b".py"):
                versions[identifier] = path
        for row in git.ask("ls-tree", "-r", "-z", "--full-tree", tip.decode()).split(b"\0"):
            versions.pop(row.partition(b"\t")[0].rpartition(b" ")[2], None)
        names = list(versions)
        step = max(1, -(-len(names) // MOST_FILES))
        chosen = names[::step]
        total = written = 0
        for number, blob in enumerate(read_blobs(git, chosen, _LARGEST)):
            if blob.data is None or total > MOST_BYTES:
                continue
            total += blob.size
            written += _put(folder / f"{number:05}", versions[chosen[number]], blob.data)
        return written, len(names)


def _put(folder: Path, path: bytes, data: bytes) -> bool:
    name = PurePosixPath(path.decode("utf-8", "replace")).name
    parents = PurePosixPath(path.decode("utf-8", "replace")).parent.parts
    # Rules know tests by their folders; anything else of the way does not matter.
    place = folder / "tests" if any(part in ("test", "tests") for part in parents) else folder
    try:
        place.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(data)
    except (OSError, ValueError):
        return False
    return True
