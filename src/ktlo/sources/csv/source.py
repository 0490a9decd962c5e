"""The ``csv`` source: any export of incidents, issues, deployments, outages or time off.

Reads the files of :class:`CsvConfig` (CSV, JSON lines, JSON, Parquet), turns rows into records and says of
every row that it turned away where and why. Formats and choices: docs/sources/csv.md.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from ktlo.errors import UserError
from ktlo.sources.csv.collection import EVENTS_OF, read_events, read_items
from ktlo.sources.csv.config import CsvConfig, Shape, options_help
from ktlo.sources.csv.cursor import Bookmark, find_files, mark_of, reading_digest
from ktlo.sources.csv.nouns import HORIZON_FIELDS
from ktlo.sources.csv.proposal import Proposal
from ktlo.sources.csv.propose import propose
from ktlo.sources.csv.rows import open_rows
from ktlo.sources.csv.values import columns_of
from ktlo.sources.protocol import Batch, Health, Missing, Status
from ktlo.wording import counted


class CsvSource:
    """Reads an export by a mapping of its columns.

    Args:
        config: the export, and what its columns are.
    """

    kind: ClassVar[str] = "csv"
    summary: ClassVar[str] = "any export of incidents, issues, deployments, outages or time off"
    config: ClassVar[type[CsvConfig]] = CsvConfig
    options_help: ClassVar[Mapping[str, str]] = options_help()

    def __init__(self, config: CsvConfig) -> None:
        self._config = config

    @staticmethod
    def propose(file: Path) -> Proposal:
        """Look at a file and propose how to read it; see :func:`ktlo.sources.csv.propose.propose`."""
        return propose(file)

    @property
    def source_id(self) -> str:
        """``csv:`` and the source's name, or the file's name without its ending and wildcards."""
        name = self._config.name or Path(self._config.file).stem.strip("*?-_. ") or self._config.noun
        return f"csv:{name}"

    @property
    def brings(self) -> tuple[str, ...]:
        """Its noun; from a log of events the steps of each, too."""
        noun = self._config.noun
        return (noun, EVENTS_OF[noun][0]) if self._config.shape is Shape.EVENTS else (noun,)

    async def check(self) -> Health:
        """Can every file be read, and are the mapped columns there?"""
        return await asyncio.to_thread(self._check)

    def _check(self) -> Health:
        missing: list[Missing] = []
        try:
            files = find_files(self._config)
            for file in files:
                missing += [
                    Missing(
                        f"column {column!r} in {file.name}",
                        f"{field} stays empty",
                        f"Map {field} to another column, or export it too",
                    )
                    for field, column in self._absent(file)
                ]
        except UserError as error:
            return Health(Status.UNREACHABLE, str(error))
        noun = self._config.noun
        if noun in HORIZON_FIELDS and "state" not in self._config.mapping:
            missing.append(
                Missing(
                    "the state",
                    "what is open is told from empty end dates only",
                    "Map state if the file has it",
                )
            )
        count = f"{counted(len(files), 'files')} of {noun}"
        return Health(Status.LIMITED if missing else Status.READY, f"{count} can be read", tuple(missing))

    def _absent(self, file: Path) -> list[tuple[str, str]]:
        with open_rows(file, self._config) as opened:
            present = set(opened.columns)
        return [
            (field, column)
            for field, said in self._config.mapping.items()
            for column in columns_of(said)
            if column not in present
        ]

    async def collect(self, cursor: Mapping[str, Any]) -> AsyncIterator[Batch]:
        """Deliver the files' records when anything changed since the cursor; nothing otherwise.

        Raises:
            UserError: no file, not a table, or the mapped columns are not in it.
        """
        batches = self._batches(Bookmark.from_cursor(cursor))
        while (batch := await asyncio.to_thread(next, batches, None)) is not None:
            yield batch

    def _batches(self, before: Bookmark) -> Iterator[Batch]:
        files = find_files(self._config)
        known = {mark.path: mark for mark in before.files}
        marks = tuple(mark_of(file, known.get(str(file))) for file in files)
        reading = reading_digest(self._config)
        unchanged = before.same_content(reading, marks)
        if unchanged and before.rows is None:
            if marks != before.files:
                yield Batch(cursor=Bookmark(reading, marks, None, before.items).to_cursor())
            return
        begun = Bookmark(reading, marks, before.rows if unchanged else 0, before.items)
        now = dt.datetime.now(dt.UTC)
        read = read_events if self._config.shape is Shape.EVENTS else read_items
        yield from read(self._config, self.source_id, files, begun, now)
