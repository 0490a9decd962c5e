"""Lists every state of every lock file along the first parents of a commit, newest first, renames followed.

Where a file changed more often than is read, the last state of each week stands for it. Formats: git-log(1), "RAW
OUTPUT FORMAT" of git-diff(1).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from ktlo.guard.lockfiles.registry import FORMATS, format_of
from ktlo.guard.lockfiles.tree import INSTALLED
from ktlo.guard.secrets.repository import Git

MOST_STATES = 400
"""States of one lock file that are read; older ones are left out."""
MOST_FILES = 200
"""Lock files of one repository whose history is read."""
_LEFT_OUT = frozenset({"METADATA", "status", "installed"})
"""Names of what package managers install: no lock file of a project."""


@dataclass(frozen=True, slots=True)
class State:
    """A lock file as one commit left it.

    Attributes:
        lineage: its path today, or the last one it had.
        path: its path then.
        commit: the commit, hexadecimal.
        at: when that was made.
        is_gone: True when the commit removed the file.
    """

    lineage: str
    path: str
    commit: str
    at: dt.datetime
    is_gone: bool


@dataclass(frozen=True, slots=True)
class Lineage:
    """One lock file through its renames.

    Attributes:
        path: today, or the last one.
        states: newest first.
        is_whole: True when the oldest state is the file's first.
    """

    path: str
    states: tuple[State, ...]
    is_whole: bool


def lineages(git: Git, tip: str) -> list[Lineage]:
    """The lock files that a branch has or had, each with its states.

    Args:
        git: the repository's objects.
        tip: the newest commit of the branch, hexadecimal.

    Raises:
        GitProblemError: git failed.
    """
    patterns = sorted({f":(icase)*{pattern}" for form in FORMATS for pattern in form.patterns})
    by_path: dict[str, list[State]] = {}
    now_called: dict[str, str] = {}
    for change in _changes(git, tip, patterns):
        if not _is_lock_file(change.path):
            continue
        # Newest first: a name that a later commit gave away belongs to what it became.
        lineage = now_called.get(change.path, change.path)
        by_path.setdefault(lineage, []).append(
            State(lineage, change.path, change.commit, change.at, change.is_gone)
        )
        now_called.pop(change.path, None)
        if change.before:
            now_called[change.before] = lineage
    found = [_thinned(path, states) for path, states in by_path.items()]
    # Those that are there now come first: their history matters most.
    found.sort(key=lambda one: (one.states[0].is_gone, one.path))
    return found[:MOST_FILES]


@dataclass(frozen=True, slots=True)
class _Change:
    commit: str
    at: dt.datetime
    path: str
    before: str
    is_gone: bool


def _changes(git: Git, tip: str, patterns: Iterable[str]) -> Iterator[_Change]:
    arguments = (
        "log", "--first-parent", "--diff-merges=first-parent", "--root", "-M", "--raw", "-z", "--no-abbrev",
        "--format=%x01%H %ct", tip, "--", *patterns,
    )  # fmt: skip
    parts = iter(git.ask(*arguments).split(b"\0"))
    commit, at = "", dt.datetime.fromtimestamp(0, dt.UTC)
    for part in parts:
        text = part.lstrip(b"\n")
        if text.startswith(b"\x01"):
            sha, _, seconds = text[1:].partition(b" ")
            commit, at = sha.decode(), dt.datetime.fromtimestamp(int(seconds), dt.UTC)
        elif text.startswith(b":"):
            mode, status = text.split(b" ")[1], text.split(b" ")[4]
            path = _name(next(parts, b""))
            before = ""
            if status[:1] in (b"R", b"C"):
                before, path = path, _name(next(parts, b""))
                before = before if status[:1] == b"R" else ""
            is_file = mode.startswith(b"100")
            yield _Change(commit, at, path, before, not is_file)


def _name(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _is_lock_file(path: str) -> bool:
    where = PurePosixPath(path)
    if where.name in _LEFT_OUT or not INSTALLED.isdisjoint(where.parts[:-1]):
        return False
    return format_of(where.name, where.parent.as_posix()) is not None


def _thinned(path: str, states: list[State]) -> Lineage:
    if len(states) <= MOST_STATES:
        return Lineage(path, tuple(states), is_whole=True)
    weekly: dict[tuple[int, int], State] = {}
    for state in states:
        weekly.setdefault(state.at.isocalendar()[:2], state)
    kept = list(weekly.values())[:MOST_STATES]
    return Lineage(path, tuple(kept), is_whole=len(weekly) <= MOST_STATES)
