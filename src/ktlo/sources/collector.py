"""Runs one source: rows into the store, then the cursor into the state, then what happened as a record.

The order makes a crash repeat work and never skip it: rows are idempotent by key, and a cursor is only
written when every row before it is durable. A cursor that takes long to write is not written after each batch.
After what is new, some of what is known is asked for again where the source can (:mod:`ktlo.sources.revisiting`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import Any, Protocol

import msgspec

from ktlo.errors import KtloError
from ktlo.records import TABLES
from ktlo.records.arrow import to_arrow
from ktlo.records.collection import Collection, Rejection
from ktlo.sources.clocks import corrected, lowered
from ktlo.sources.missing_items import MissingItems
from ktlo.sources.protocol import Batch, Progress, Revisiting, Source
from ktlo.sources.reclassifying import may_change, reclassified
from ktlo.sources.revisiting import Turn, drawn, turn_of
from ktlo.store.protocol import Store


class Cursors(Protocol):
    """Where cursors are kept (``store/state``)."""

    def cursor(self, source_id: str) -> Mapping[str, Any]:
        """The last committed cursor; empty when there is none."""

    def set_cursor(self, source_id: str, cursor: Mapping[str, Any]) -> None:
        """Commit a cursor."""


PROMPT_SECONDS = 0.02
"""Writing a cursor that takes less puts no other off."""
_TURN = "revisited"
"""Key of a cursor that is the collector's own: how far the round of known items is."""
REST = 9
"""Times what writing a cursor took until the next is written: at most a tenth of a run goes into them."""


class _Place:
    """How far a source was read.

    The cursor of a large tracker names every open issue; written after each batch, it would cost the square of their
    number. What waits is written at the end of the run, however that comes; a kill repeats what waited.
    """

    def __init__(self, cursors: Cursors, source_id: str) -> None:
        self._cursors = cursors
        self._source_id = source_id
        saved = dict(cursors.cursor(source_id))
        self._turn: Any = saved.pop(_TURN, None)
        self.cursor: Mapping[str, Any] = saved
        self._waiting: Mapping[str, Any] | None = None
        self._not_before = 0.0

    def turn(self, now: dt.datetime) -> Turn:
        """How far the round of known items is."""
        return turn_of(self._turn, now)

    def turned(self, turn: Turn) -> None:
        """What is not there of the known items until this turn is removed."""
        told = msgspec.to_builtins(turn)
        if told != self._turn:
            self._turn = told
            self.reach(self.cursor)

    def reach(self, cursor: Mapping[str, Any]) -> None:
        """Every row before this cursor is durable."""
        self.cursor = cursor
        self._waiting = cursor if self._turn is None else {**cursor, _TURN: self._turn}
        if monotonic() >= self._not_before:
            self.commit()

    def commit(self) -> None:
        """Write the cursor that waits, if one does."""
        if self._waiting is None:
            return
        began = monotonic()
        cursor, self._waiting = self._waiting, None
        self._cursors.set_cursor(self._source_id, cursor)
        ended = monotonic()
        took = ended - began
        self._not_before = ended + REST * took if took > PROMPT_SECONDS else 0.0


def _ignore(_: Progress) -> None:
    """Report progress to nobody."""


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class _Written:
    """What one run brought into the store.

    Attributes:
        missing: items that the service does not show.
        rows, rejected: how many.
    """

    def __init__(self, source: Source, store: Store, now: Callable[[], dt.datetime]) -> None:
        self._source = source
        self._store = store
        self._now = now
        self.missing = MissingItems(source.source_id, store)
        self.rows = self.rejected = 0

    def mend(self) -> None:
        """Let later changes win over what an earlier run kept from ahead."""
        self.tell(lowered(self._source, self._store))

    def write(self, batch: Batch) -> None:
        """Make a batch durable, and remove what it leaves twice."""
        batch = corrected(self._source, batch)
        for name, records in self.missing.take(batch.rows, self._now()).items():
            self._store.insert(TABLES[name], records)
            self.rows += records.num_rows
        self.missing.seen(batch.rows)
        for held in batch.held:
            self.missing.hold(held, self._now())
        if may_change(self._source):
            for name, removals in reclassified(batch.rows, self._store).items():
                self._store.insert(TABLES[name], removals)
        self.tell(batch.rejected)

    def tell(self, rejected: Sequence[Rejection]) -> None:
        """Keep what was turned away, or is in with something missing."""
        if rejected:
            self._store.insert(TABLES["rejections"], to_arrow(rejected, Rejection))
            self.rejected += sum(not rejection.is_kept for rejection in rejected)


async def collect(
    source: Source,
    store: Store,
    cursors: Cursors,
    report: Callable[[Progress], None] = _ignore,
    now: Callable[[], dt.datetime] = _now,
) -> Collection:
    """Run one source to its end or its failure; always leaves a ``collections`` row.

    Args:
        source: the source, configured.
        store: where rows go.
        cursors: where the source's cursor is kept.
        report: called with the progress after each batch that tells it.
        now: the time.

    Returns:
        What happened. A failure of the outside or of the configuration is in ``status`` and
        ``message``, not raised: what came in before it stays.
    """
    started_at, written = now(), _Written(source, store, now)
    status, message = "complete", ""
    place = _Place(cursors, source.source_id)
    try:
        written.mend()
        async for batch in source.collect(place.cursor):
            written.write(batch)
            if batch.cursor is not None:
                place.reach(batch.cursor)
            if batch.progress is not None:
                report(batch.progress)
        if isinstance(source, Revisiting):
            asked, turn = drawn(source.revisits, written.missing, store, place.turn(now()), now())
            if asked.known:
                async for batch in source.revisit(place.cursor, asked):
                    written.write(batch)
                    if batch.cursor is not None:
                        place.reach(batch.cursor)
            place.turned(turn)
    except KtloError as error:
        status, message = ("partial" if written.rows else "failed"), str(error)
    finally:
        place.commit()
    outcome = Collection(
        source=source.source_id,
        started_at=started_at,
        finished_at=now(),
        status=status,
        rows=written.rows,
        rejected=written.rejected,
        message=message,
    )
    store.insert(TABLES["collections"], to_arrow([outcome], Collection))
    return outcome
