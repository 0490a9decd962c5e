"""One collection under way: its cursor, its row versions, and what it has to tell a person.

The parts of a collection (history, tags, tree, samples) are generators of batches that share this; the
collector commits each batch's rows first and its cursor after.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa

from ktlo.records.collection import Rejection
from ktlo.sources.git.cursor import Cursor
from ktlo.sources.git.place import Name
from ktlo.sources.git.program import Git
from ktlo.sources.git.rows import Versions
from ktlo.sources.protocol import Batch, Progress
from ktlo.sources.rejecting import rejection

SHOWN = 200
"""Notes of one kind that are listed singly in a run; the rest are counted."""


@dataclass(slots=True)
class Run:
    """State that the parts of a collection share.

    Attributes:
        git: the repository's objects (see ``isolation``); it has no refs.
        name: what rows carry.
        cursor: as it will be committed with the next batch.
        now: moment of the collection.
    """

    git: Git
    name: Name
    cursor: Cursor
    now: dt.datetime
    versions: Versions = field(default_factory=Versions)
    _notes: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.versions.last = self.cursor.version

    def batch(
        self,
        rows: Mapping[str, pa.RecordBatch] | None = None,
        *,
        rejected: Iterable[Rejection] = (),
        progress: Progress | None = None,
    ) -> Batch:
        """Rows, and the cursor as it stands after them."""
        self.cursor = replace(self.cursor, version=self.versions.last)
        return Batch(
            rows=rows or {}, cursor=self.cursor.to_json(), rejected=tuple(rejected), progress=progress
        )

    def note(self, place: str, reason: str, excerpt: str = "", *, is_kept: bool = True) -> list[Rejection]:
        """Something a person should know; nothing when this reason was told often enough.

        Args:
            place: commit, path or repository it concerns.
            reason: what is wrong and what to do: one sentence, the same for all of its kind.
            excerpt: the beginning of the input.
            is_kept: True when the rows are in, with something missing.
        """
        self._notes[reason] += 1
        if self._notes[reason] > SHOWN:
            return []
        return [rejection(self.name.source_id, place, reason, self.now, excerpt, is_kept=is_kept)]

    def untold(self) -> list[Rejection]:
        """One note for each reason that was not told singly every time."""
        return [
            rejection(
                self.name.source_id,
                self.name.repository,
                f"And more like these, not listed one by one: {reason}",
                self.now,
                f"{count - SHOWN} more in this run",
                is_kept=True,
            )
            for reason, count in self._notes.items()
            if count > SHOWN
        ]

    def where(self, thing: Any) -> str:
        """Place of a note: the repository and a thing in it."""
        return f"{self.name.repository}: {thing}"
