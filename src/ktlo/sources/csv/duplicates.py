"""Which keys a file has shown already, in flat memory.

The same row again is nothing; a differing one is settled by the newer update time (the later row when
there is none), and the other is reported. Kept in a temporary SQLite file that deletes itself.
"""

from __future__ import annotations

import datetime as dt
import enum
import hashlib
import sqlite3
from dataclasses import dataclass


class Meeting(enum.StrEnum):
    """What a row is to the rows before it."""

    FIRST = "first"
    SAME = "same"
    NEWER = "newer"
    OLDER = "older"


@dataclass(frozen=True, slots=True)
class Met:
    """How a row relates to the one of the same key before it, and where that one was."""

    meeting: Meeting
    place: str


class SeenKeys:
    """Remembers one row a key: a digest of its content, its update time, its place."""

    def __init__(self) -> None:
        self._keys = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._keys.execute("PRAGMA journal_mode = OFF")
        self._keys.execute("PRAGMA synchronous = OFF")
        self._keys.execute(
            "CREATE TABLE keys (key BLOB PRIMARY KEY, content BLOB, at INTEGER, place TEXT) WITHOUT ROWID"
        )
        self._keys.execute("BEGIN")

    def meet(self, key: str, content: str, updated_at: dt.datetime | None, place: str) -> Met:
        """Show a row; it is remembered unless an earlier row of its key is newer."""
        name, digest = _digest(key), _digest(content)
        at = int(updated_at.timestamp() * 1_000_000) if updated_at else 0
        before = self._keys.execute("SELECT content, at, place FROM keys WHERE key = ?", (name,)).fetchone()
        if before is not None and before[0] == digest:
            return Met(Meeting.SAME, before[2])
        if before is not None and at < before[1]:
            return Met(Meeting.OLDER, before[2])
        self._keys.execute("INSERT OR REPLACE INTO keys VALUES (?, ?, ?, ?)", (name, digest, at, place))
        return Met(Meeting.FIRST, "") if before is None else Met(Meeting.NEWER, before[2])

    def close(self) -> None:
        """Forget everything."""
        self._keys.close()


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
