"""One run over the files: rows in, batches of records and rejections out, with the cursor after each.

Good rows go in, bad rows are listed with file, row and reason. Memory is flat: batches are small,
duplicates and event logs are remembered on disk. A list of items continues at the row where an earlier run
stopped; an event log is only right as a whole, so its cursor moves at its end.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from ktlo.errors import UserError
from ktlo.records.arrow import to_arrow
from ktlo.records.collection import Rejection
from ktlo.records.reliability import IncidentEvent
from ktlo.records.work import IssueEvent
from ktlo.sources.csv.config import CsvConfig, Form
from ktlo.sources.csv.cursor import Bookmark
from ktlo.sources.csv.duplicates import Meeting, SeenKeys
from ktlo.sources.csv.event_log import EventLog, LoggedItem, Refused
from ktlo.sources.csv.fields import Noun, field_of
from ktlo.sources.csv.nouns import HORIZON_FIELDS, LONGEST_KEY, RECORD_OF, Item, ItemReader, horizon_of
from ktlo.sources.csv.removals import removals
from ktlo.sources.csv.rows import Row, open_rows
from ktlo.sources.csv.values import BadCellError, columns_of
from ktlo.sources.protocol import Batch, Progress
from ktlo.sources.rejecting import rejection

BATCH_ROWS = 5000
EVENTS_OF: dict[Noun, tuple[str, type, str]] = {
    Noun.INCIDENTS: ("incident_events", IncidentEvent, "incident_id"),
    Noun.ISSUES: ("issue_events", IssueEvent, "issue_id"),
}
_NO_REMOVALS = "rows that cannot be read may hold any item, so nothing was removed in this run. Mend them"


@dataclass(slots=True)
class _Run:
    """What one run gathers until its next batch."""

    config: CsvConfig
    source_id: str
    now: dt.datetime
    limit: int | None = None
    rejected: list[Rejection] = field(default_factory=list)
    unreadable: bool = False

    def turn_away(self, place: str, reason: str, excerpt: str) -> None:
        """List a piece of input that is not in."""
        self._list(place, reason, excerpt, is_kept=False)

    def warn(self, place: str, reason: str, excerpt: str = "") -> None:
        """List a piece of input that is in, with something missing."""
        self._list(place, reason, excerpt, is_kept=True)

    def _list(self, place: str, reason: str, excerpt: str, *, is_kept: bool) -> None:
        self.rejected.append(
            rejection(self.source_id, place, f"{reason}.", self.now, excerpt, is_kept=is_kept)
        )

    def take_rejected(self) -> tuple[Rejection, ...]:
        """What was listed since the last time."""
        taken, self.rejected = tuple(self.rejected), []
        return taken

    def rows(self, files: list[Path]) -> Iterator[tuple[str, Row]]:
        """Rows of all files with their places; a bad file among several is listed and passed over.

        Raises:
            UserError: no file could be read, or none has a row.
        """
        found = 0
        for file in files:
            try:
                with open_rows(file, self.config) as opened:
                    self._check_columns(file, opened.columns)
                    for row in islice(opened.rows, None if self.limit is None else self.limit - found):
                        found += 1
                        yield f"{file.name}:{row.number}", row
            except UserError as error:
                if len(files) == 1:
                    raise
                self.unreadable = True
                self.turn_away(file.name, str(error).rstrip("."), "")
        if not found:
            raise UserError(
                "there is a header, but no row below it",
                where=self.config.file,
                fix="Export it again with its rows",
            )

    def _check_columns(self, file: Path, present: tuple[str, ...]) -> None:
        if self.config.form_of(file) in (Form.JSON, Form.JSON_LINES):
            return  # an object need not have every key
        for name, said in self.config.mapping.items():
            columns = columns_of(said)
            absent = [column for column in columns if column not in present]
            needed = name in ("event_at", "state") or field_of(self.config.noun, name).required
            if absent and needed and len(absent) == len(columns):
                raise UserError(
                    f"there is no column {absent[0]!r} for {name}; columns: {', '.join(present)[:300]}",
                    where=f"{file}:1",
                    fix=f"Check `delimiter`, or map {name} to one of them",
                )
            for column in absent:
                self.warn(f"{file.name}:1", f"there is no column {column!r} for {name}, which stays empty")


def read_items(
    config: CsvConfig,
    source_id: str,
    files: list[Path],
    begun: Bookmark,
    now: dt.datetime,
    limit: int | None = None,
) -> Iterator[Batch]:
    """Read a list export: one row an item.

    Args:
        config: what the person said.
        source_id: identifier for the records.
        files: what to read, in order.
        begun: the cursor so far; its ``rows`` were handled by an earlier run.
        now: nothing can have happened after it.
        limit: read so many rows at most (for a preview); all when not given.
    """
    run = _Run(config, source_id, now, limit)
    horizon, total = _horizon(run, files)
    reader = ItemReader(config, source_id, now, horizon)
    seen, noun = SeenKeys(), RECORD_OF[config.noun]
    present: dict[str, int] = {}
    pending: dict[str, Any] = {}
    position, done = 0, begun.rows or 0
    try:
        for place, row in run.rows(files):
            position += 1
            if position == done + 1 and done:
                run.take_rejected()  # what an earlier run has listed
            item = _read_item(run, reader, place, row, present)
            if item is not None and _is_newest(run, seen, item, place) and position > done:
                pending[item.key] = item.record
            if position > done and (len(pending) >= BATCH_ROWS or len(run.rejected) >= BATCH_ROWS):
                yield Batch(
                    rows={config.noun: to_arrow(pending.values(), noun)},
                    cursor=replace(begun, rows=position).to_cursor(),
                    rejected=run.take_rejected(),
                    progress=Progress(position, total, "rows"),
                )
                pending = {}
            elif position <= done and len(run.rejected) >= BATCH_ROWS:
                run.take_rejected()
    finally:
        seen.close()
    if config.complete and run.unreadable:
        run.warn(config.file, _NO_REMOVALS)
        present |= begun.items
    yield Batch(
        rows={config.noun: to_arrow(pending.values(), noun)},
        rejected=run.take_rejected(),
        progress=Progress(position, total, "rows"),
    )
    gone = begun.items.keys() - present.keys() if config.complete else ()
    yield Batch(
        rows={config.noun: removals(noun, ({"source": source_id, "external_id": key} for key in gone))}
        if gone
        else {},
        cursor=replace(begun, rows=None, items=present if config.complete else {}).to_cursor(),
    )


def _horizon(run: _Run, files: list[Path]) -> tuple[dt.datetime | None, int | None]:
    """The export's horizon, for which every row must be seen once, and the number of rows."""
    config = run.config
    if config.observed_until is not None or config.noun not in HORIZON_FIELDS:
        return config.observed_until, None
    reader = ItemReader(config, run.source_id, run.now)
    newest, count = None, 0
    for _, row in run.rows(files):
        count += 1
        moment = horizon_of(reader, config.noun, row.cells, run.now)
        if moment is not None and (newest is None or moment > newest):
            newest = moment
    run.take_rejected()
    run.unreadable = False
    return newest, count


def _read_item(run: _Run, reader: ItemReader, place: str, row: Row, present: dict[str, int]) -> Item | None:
    if row.damage:
        run.unreadable = True
        run.turn_away(place, row.damage, row.excerpt)
        return None
    try:
        item = reader.read(row.cells)
    except BadCellError as error:
        run.turn_away(place, error.reason, error.value)
        # It is still in the file: a bad row does not remove the item that an earlier run took in.
        key = reader.cells.name(row.cells, "external_id", longest=LONGEST_KEY)
        if key and run.config.complete:
            present[key] = 0
        return None
    if row.warning:
        run.warn(place, row.warning, row.excerpt)
    for warning in item.warnings:
        run.warn(place, f"{item.key}: {warning}")
    if run.config.complete:
        present[item.key] = 0
    return item


def _is_newest(run: _Run, seen: SeenKeys, item: Item, place: str) -> bool:
    met = seen.meet(item.key, repr(item.record), item.updated_at, place)
    if met.meeting is Meeting.NEWER:
        run.turn_away(
            met.place, f"{item.key!r} is again in {place}, which is newer and was taken. Remove one", item.key
        )
    elif met.meeting is Meeting.OLDER:
        run.turn_away(
            place,
            f"{item.key!r} is already in {met.place}, which is newer and was kept. Remove one",
            item.key,
        )
    return met.meeting in (Meeting.FIRST, Meeting.NEWER)


def read_events(
    config: CsvConfig,
    source_id: str,
    files: list[Path],
    begun: Bookmark,
    now: dt.datetime,
    limit: int | None = None,
) -> Iterator[Batch]:
    """Read an event log: rows of one key are one item. Arguments as :func:`read_items`."""
    run = _Run(config, source_id, now, limit)
    log = EventLog(config, source_id, now)
    try:
        read = 0
        for place, row in run.rows(files):
            read += 1
            _add_event(run, log, place, row)
            if read % BATCH_ROWS == 0:
                yield Batch(rejected=run.take_rejected(), progress=Progress(read, None, "rows"))
        yield from _log_items(run, log, begun, read)
    finally:
        log.close()


def _add_event(run: _Run, log: EventLog, place: str, row: Row) -> None:
    if row.damage:
        run.unreadable = True
        run.turn_away(place, row.damage, row.excerpt)
        return
    if row.warning:
        run.warn(place, row.warning, row.excerpt)
    try:
        log.add(place, dict(row.cells))
    except BadCellError as error:
        run.unreadable = True
        run.turn_away(place, error.reason, error.value)


def _log_items(run: _Run, log: EventLog, begun: Bookmark, read: int) -> Iterator[Batch]:
    noun, (events_table, event_noun, parent) = RECORD_OF[run.config.noun], EVENTS_OF[run.config.noun]
    present: dict[str, int] = {}
    items: list[Any] = []
    events: list[Any] = []

    def batch() -> Batch:
        rows: dict[str, pa.RecordBatch] = {
            run.config.noun: to_arrow(items, noun),
            events_table: to_arrow(events, event_noun),
        }
        return Batch(rows=rows, rejected=run.take_rejected(), progress=Progress(read, read, "rows"))

    for found in log.items():
        if isinstance(found, Refused):
            run.unreadable = True
            run.turn_away(found.place, found.reason, found.excerpt)
            continue
        for warning in found.warnings:
            run.warn(found.place, warning)
        present[found.record.external_id] = len(found.events)
        items.append(found.record)
        events += found.events
        if len(items) + len(events) >= BATCH_ROWS:
            yield batch()
            items, events = [], []
    removed = run.config.complete and not run.unreadable
    if run.config.complete and run.unreadable:
        run.warn(run.config.file, _NO_REMOVALS)
    yield batch()
    gone = begun.items.keys() - present.keys() if removed else set[str]()
    stale = [
        {"source": run.source_id, parent: key, "event_id": LoggedItem.event_id(number)}
        for key, count in begun.items.items()
        if key in present or key in gone
        for number in range(present.get(key, 0) + 1, count + 1)
    ]
    rows = {}
    if gone:
        rows[str(run.config.noun)] = removals(
            noun, ({"source": run.source_id, "external_id": key} for key in gone)
        )
    if stale:
        rows[events_table] = removals(event_noun, stale)
    kept = present if removed else {**begun.items, **present}
    yield Batch(rows=rows, cursor=replace(begun, rows=None, items=kept).to_cursor())
