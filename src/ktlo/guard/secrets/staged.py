"""Scans what is about to be committed: for each changed file in the index, what its old version did not hold.

Both versions are read whole and compared by secret, so that no diff program, text conversion or moved line has a
say. Format: git-diff-index(1), "RAW OUTPUT FORMAT".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ktlo.guard.secrets.blobs import Blob, read_blobs
from ktlo.guard.secrets.engine import Engine
from ktlo.guard.secrets.gathering import Gathering
from ktlo.guard.secrets.limits import Limits
from ktlo.guard.secrets.repository import Git, GitProblemError, find_repository, head, lent
from ktlo.guard.secrets.scanner import scan_file, secrets_in

_LINK = b"120000"
_SUBMODULE = b"160000"
_DELETED = b"D"
_UNMERGED = b"U"


@dataclass(frozen=True, slots=True)
class _Change:
    """One staged file: its old object (empty when it is new) and its new one."""

    path: str
    old: bytes
    new: bytes


def scan_index(root: Path, engine: Engine, gathering: Gathering, limits: Limits) -> None:
    """Scan staged changes."""
    try:
        repository = find_repository(root)
        if repository is None:
            gathering.unchecked(str(root), "it is not in a git repository: nothing can be staged")
            return
        with lent(repository, limits.git_seconds) as git:
            base = (
                head(repository).decode() or git.ask("hash-object", "-t", "tree", "--stdin").decode().strip()
            )
            changes = list(_changes(git, base, gathering))
            names = [name for change in changes for name in (change.old, change.new) if name]
            blobs = read_blobs(git, names, limits.file_bytes)
            for change in changes:
                old = next(blobs) if change.old else None
                _scan_change(change, old, next(blobs), engine, gathering, limits)
    except (GitProblemError, StopIteration) as problem:
        gathering.unchecked("staged changes", f"{problem}" or "git did not give every staged file")


def _changes(git: Git, base: str, gathering: Gathering) -> Iterator[_Change]:
    output = git.ask("diff-index", "--cached", "--raw", "-z", "--no-abbrev", "--no-renames", base, "--")
    fields = iter(output.split(b"\0"))
    for header in fields:
        if not header:
            break
        path = next(fields).decode("utf-8", "surrogateescape")
        old_mode, new_mode, old, new, status = header.removeprefix(b":").split()
        if status.startswith(_UNMERGED):
            gathering.unchecked(path, "it is in conflict: resolve and stage it")
        elif status.startswith(_DELETED) or new_mode == _SUBMODULE:
            continue
        elif new_mode == _LINK:
            gathering.links += 1
        else:
            has_old = old.strip(b"0") and old_mode not in (_SUBMODULE, _LINK)
            yield _Change(path, old if has_old else b"", new)


def _scan_change(
    change: _Change, old: Blob | None, new: Blob, engine: Engine, gathering: Gathering, limits: Limits
) -> None:
    if new.data is None:
        too_large = f"it is larger than {limits.file_bytes} bytes"
        gathering.unchecked(change.path, too_large if new.size else "git does not have its staged version")
        return
    before: frozenset[tuple[str, bytes]] = frozenset()
    if old is not None and old.data is not None:
        before = secrets_in(engine, limits, old.data, change.path)
    scan_file(engine, gathering, limits, new.data, change.path, before=before)
