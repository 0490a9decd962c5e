"""What a check is: a name, a sentence, and one function from a folder and a policy to an ``Answer``.

``gate`` makes the ``Subject``, ``running`` runs all checks at once, and ``verdict`` judges the answers. A check never
prints, never writes into the repository and never runs what the repository configures; what it cannot tell, it says.
"""

from __future__ import annotations

import datetime
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol

from ktlo.guard.dependency import Inventory
from ktlo.guard.finding import Finding, Outcome
from ktlo.guard.lockfiles import Limits, read_lock_files
from ktlo.guard.verdict import Coverage
from ktlo.settings.guard import GuardSettings


class LockFiles:
    """The lock files of a folder, read once however many checks ask.

    Args:
        root: the folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()
        self._read: tuple[tuple[str, Inventory], ...] | None = None

    def read(self) -> tuple[tuple[str, Inventory], ...]:
        """Path and content of every lock file, as :func:`~ktlo.guard.lockfiles.read_lock_files` gives them."""
        with self._lock:
            if self._read is None:
                self._read = tuple(read_lock_files(self._root, Limits()))
            return self._read


@dataclass(frozen=True, slots=True)
class Subject:
    """What is checked, and by which policy.

    Attributes:
        root: the folder; for a state of the past, a copy of it made from git's objects.
        settings: what a person said.
        beside: folder that relative places in the settings start from.
        now: the moment of the run, with a time zone.
        cache: folder of local indexes.
        lock_files: those of ``root``.
        as_of: when the past is rehearsed, its moment; ``now`` otherwise.
        is_past: ``root`` is a copy of a state of the past: only what rests on files alone can be told.
        before: the earlier state that findings are compared with (``--since``), as a folder; then baselines do
            not count.
        installed: where installed packages are, when ``root`` is a copy of the past.
        sarif: reports of other tools that the lint check takes in.
        trusted: linters that may run the repository's own code, as somebody outside of it said.
    """

    root: Path
    settings: GuardSettings
    beside: Path
    now: datetime.datetime
    cache: Path
    lock_files: LockFiles
    as_of: datetime.datetime
    is_past: bool = False
    before: Path | None = None
    installed: Path | None = None
    sarif: tuple[Path, ...] = ()
    trusted: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a check says.

    Attributes:
        outcome: findings, and what could not be checked.
        undecided: findings that are neither confirmed nor excluded; unchecked unless policy answers for them.
        coverage: what dependencies were looked at; only the vulnerabilities check tells.
        idle: why the check has nothing to say here (no such files, no policy), a clause; empty when it ran.
        left_out: parts that the repository could have checked and that did not run, with the reason, a sentence
            each. They do not fail a build: what policy asks for and cannot run is ``outcome.unchecked``.
        is_counted: with ``--since`` a finding is new only where its rule occurs more often in its file.
    """

    outcome: Outcome
    undecided: tuple[Finding, ...] = ()
    coverage: Coverage | None = None
    idle: str = ""
    left_out: tuple[str, ...] = ()
    is_counted: bool = False


class Check(Protocol):
    """One kind of check. A class without arguments; third parties register theirs as ``ktlo.checks``."""

    name: ClassVar[str]
    """One word, as in ``--only``; also ``Finding.check``."""
    summary: ClassVar[str]
    """One sentence for the list of checks."""

    def run(self, subject: Subject) -> Answer:
        """Check. Whatever cannot be told is in the answer; an exception is reported as not checked."""
        ...


def idle(check: str, reason: str) -> Answer:
    """The answer of a check that has nothing to do here."""
    return Answer(Outcome(check, (), (), 0, ""), idle=reason)
