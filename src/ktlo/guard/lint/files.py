"""Which files a repository has, for linters that must be told: those git tracks or would, else all that are there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ktlo.guard.lockfiles import Limits, UnreadableError
from ktlo.guard.lockfiles.tree import INSTALLED, Tree
from ktlo.guard.secrets import Limits as GitLimits
from ktlo.guard.secrets.repository import GitProblemError, find_repository
from ktlo.guard.secrets.tree import listed

_START = 200
_MOST = 1 << 20


@dataclass(frozen=True, slots=True)
class Files:
    """Files of a repository.

    Attributes:
        root: the folder.
        paths: relative to it, with forward slashes; links, pipes and what tools installed are left out.
    """

    root: Path
    paths: tuple[str, ...]

    def folders_with(self, names: Sequence[str]) -> tuple[str, ...]:
        """Topmost folders that hold a file of one of these names; ``""`` is the root."""
        wanted = frozenset(names)
        found = sorted(
            {path.rpartition("/")[0] for path in self.paths if path.rpartition("/")[2] in wanted},
            key=lambda folder: (folder.count("/"), folder),
        )
        topmost: list[str] = []
        for folder in found:
            if not any(top in ("", folder) or folder.startswith(f"{top}/") for top in topmost):
                topmost.append(folder)
        return tuple(topmost)

    def has_words(self, path: str, words: str) -> bool:
        """Whether a file of the root holds some words; False when it cannot be read."""
        return path in self.paths and words.encode() in self.start(path, _MOST)

    def start(self, path: str, size: int = _START) -> bytes:
        """The first bytes of a file; empty when it cannot be read."""
        try:
            with (self.root / path).open("rb") as file:
                return file.read(size)
        except (OSError, ValueError):
            return b""


def files_of(root: Path) -> Files:
    """List a repository's files.

    Raises:
        UnreadableError: there are more than a check looks at.
    """
    resolved = root.resolve()
    try:
        repository = find_repository(root)
        bare = repository is None or repository.top == repository.folder
        names = None if repository is None or bare else list(listed(repository, resolved, GitLimits()))
    except GitProblemError:
        names = None
    if names is None:
        names = [
            (folder.path / name).as_posix()
            for folder in Tree(root, Limits()).folders()
            for name in folder.files
        ]
    return Files(resolved, tuple(sorted(name for name in names if _is_plain(resolved, name))))


def _is_plain(root: Path, name: str) -> bool:
    path = PurePosixPath(name)
    if not INSTALLED.isdisjoint(path.parts) or name.endswith("/"):
        return False
    place = root / path
    try:
        return place.is_file() and not place.is_symlink() and place.resolve().is_relative_to(root)
    except (OSError, ValueError, RuntimeError):
        return False


__all__ = ["Files", "UnreadableError", "files_of"]
