"""The journal beside the repository: each step taken about a secret, one JSON object a line, appended and synced.

``.ktlo/secrets-journal.jsonl`` holds fingerprints, references and times, never a secret, so it may be committed. What
was interrupted is taken up from here. A lock keeps two moves from running at once.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import enum
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ktlo.errors import UserError

JOURNAL = Path(".ktlo") / "secrets-journal.jsonl"
_LARGEST = 64 << 20


class Step(enum.StrEnum):
    """What was done."""

    STORED = "stored"
    """The value is in Vault, and was read back."""
    REPLACED = "replaced"
    """The file holds a reference instead."""
    ROTATED = "rotated"
    """Vault holds a new value; the old one is in an earlier version."""
    REVOKED = "revoked"
    """Its issuer was asked to end it."""
    ALIVE = "alive"
    """Its issuer still accepts it."""
    UNPROVEN = "unproven"
    """Whether it still works could not be found out."""
    DEAD = "dead"
    """Its issuer refused it."""
    CLOSED = "closed"
    """Proven dead: nothing is left to do."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One step.

    Attributes:
        at: when, ISO 8601, UTC.
        step: what was done.
        fingerprint: which secret.
        rule: what it was found by.
        path: file it was found in.
        reference: where it is in Vault; empty when it is not.
        version: version in Vault that holds the old value; 0 when none does.
        issuer: who was asked; empty when nobody was.
        note: what else there is to say, one sentence.
    """

    at: str
    step: Step
    fingerprint: str
    rule: str
    path: str
    reference: str = ""
    version: int = 0
    issuer: str = ""
    note: str = ""


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")


class Journal:
    """The journal of one repository.

    Args:
        root: the repository's folder.
    """

    def __init__(self, root: Path) -> None:
        self._file = root / JOURNAL

    @property
    def file(self) -> Path:
        """Where it is."""
        return self._file

    def entries(self, fingerprint: str = "") -> list[Entry]:
        """Steps, oldest first; of one secret when a fingerprint is given. A line cut off by a crash is left out.

        Raises:
            UserError: the journal cannot be read, or a line in its middle is not one.
        """
        self._refuse_links()
        try:
            if self._file.stat().st_size > _LARGEST:
                raise UserError(
                    "the journal is larger than 64 MiB", where=str(self._file), fix="Move it away"
                )
            lines = self._file.read_text("utf-8").splitlines()
        except FileNotFoundError:
            return []
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"the journal cannot be read: {error}", where=str(self._file)) from None
        read = []
        for number, line in enumerate(lines, 1):
            try:
                read.append(_entry(json.loads(line)))
            except (ValueError, TypeError, KeyError, RecursionError):
                if number == len(lines):
                    break  # the machine stopped while it was written: the step is taken again
                raise UserError(
                    f"line {number} is not a step", where=str(self._file), fix="Restore the file"
                ) from None
        return [one for one in read if not fingerprint or one.fingerprint == fingerprint]

    def add(self, entry: Entry) -> None:
        """Append one step; it is on disk when this returns."""
        self._refuse_links()
        dated = replace(entry, at=entry.at or _now())
        line = json.dumps(asdict(dated), ensure_ascii=True) + "\n"
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0)
            with os.fdopen(os.open(self._file, flags, 0o644), "r+b") as file:
                size = file.seek(0, os.SEEK_END)
                if size:
                    file.seek(-1, os.SEEK_END)
                    if (
                        file.read(1) != b"\n"
                    ):  # a step cut off by a crash: the next one gets a line of its own
                        _drop_torn(file)
                file.write(line.encode("ascii"))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise UserError(
                f"the journal cannot be written: {error.strerror}", where=str(self._file)
            ) from None

    def _refuse_links(self) -> None:
        if self._file.is_symlink() or self._file.parent.is_symlink():
            raise UserError(
                "the journal or its folder is a link, which is not followed", where=str(self._file)
            )

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep every other move out while inside.

        Raises:
            UserError: another one is under way.
        """
        self._refuse_links()
        folder = self._file.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_DIRECTORY", 0))
        except OSError as error:
            raise UserError(
                f"the journal's folder cannot be used: {error.strerror}", where=str(folder)
            ) from None
        try:
            if not _locked(handle):
                raise UserError(
                    "another `ktlo secrets` is at work in this repository",
                    where=str(folder),
                    fix="Wait until it has ended, then try again",
                )
            yield
        finally:
            os.close(handle)


def _locked(handle: int) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows: compare-before-write still keeps a file from being spoilt
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _drop_torn(file: Any) -> None:
    file.seek(0)
    whole = file.read()
    file.truncate(whole.rfind(b"\n") + 1)


def parse_journal(text: str) -> list[Entry]:
    """Steps from a journal's text, as a repository has it; lines that are none are passed over."""
    read = []
    for line in text.splitlines():
        with contextlib.suppress(ValueError, TypeError, KeyError, RecursionError):
            read.append(_entry(json.loads(line)))
    return read


def _entry(said: dict[str, Any]) -> Entry:
    return Entry(**{**said, "step": Step(said["step"]), "version": int(said["version"])})


def entry(step: Step, fingerprint: str, rule: str, path: str, **more: Any) -> Entry:
    """A step that is taken now."""
    return Entry(_now(), step, fingerprint, rule, path, **more)
