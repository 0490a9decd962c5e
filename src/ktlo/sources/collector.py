"""Runs one source: rows into the store, then the cursor into the state, then what happened as a record.

The order makes a crash repeat work and never skip it: rows are idempotent by key, and a cursor is only
written when every row before it is durable. A cursor that takes long to write is not written after each batch.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any, Protocol

from ktlo.errors import KtloError
from ktlo.records import TABLES
from ktlo.records.arrow import to_arrow
from ktlo.records.collection import Collection, Rejection
from ktlo.sources.protocol import Progress, Source
from ktlo.sources.reclassifying import may_change, reclassified
from ktlo.store.protocol import Store


class Cursors(Protocol):
    """Where cursors are kept (``store/state``)."""

    def cursor(self, source_id: str) -> Mapping[str, Any]:
        """The last committed cursor; empty when there is none."""

    def set_cursor(self, source_id: str, cursor: Mapping[str, Any]) -> None:
        """Commit a cursor."""


PROMPT_SECONDS = 0.02
"""Writing a cursor that takes less puts no other off."""
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
        self._waiting: Mapping[str, Any] | None = None
        self._not_before = 0.0

    def reach(self, cursor: Mapping[str, Any]) -> None:
        """Every row before this cursor is durable."""
        self._waiting = cursor
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


async def collect(
    source: Source, store: Store, cursors: Cursors, report: Callable[[Progress], None] = _ignore
) -> Collection:
    """Run one source to its end or its failure; always leaves a ``collections`` row.

    Args:
        source: the source, configured.
        store: where rows go.
        cursors: where the source's cursor is kept.
        report: called with the progress after each batch that tells it.

    Returns:
        What happened. A failure of the outside or of the configuration is in ``status`` and
        ``message``, not raised: what came in before it stays.
    """
    started_at = dt.datetime.now(dt.UTC)
    rows = rejected = 0
    status, message = "complete", ""
    place = _Place(cursors, source.source_id)
    try:
        async for batch in source.collect(cursors.cursor(source.source_id)):
            for name, records in batch.rows.items():
                store.insert(TABLES[name], records)
                rows += records.num_rows
            if may_change(source):
                for name, removals in reclassified(batch.rows, store).items():
                    store.insert(TABLES[name], removals)
            if batch.rejected:
                store.insert(TABLES["rejections"], to_arrow(batch.rejected, Rejection))
                rejected += sum(not rejection.is_kept for rejection in batch.rejected)
            if batch.cursor is not None:
                place.reach(batch.cursor)
            if batch.progress is not None:
                report(batch.progress)
    except KtloError as error:
        status, message = ("partial" if rows else "failed"), str(error)
    finally:
        place.commit()
    outcome = Collection(
        source=source.source_id,
        started_at=started_at,
        finished_at=dt.datetime.now(dt.UTC),
        status=status,
        rows=rows,
        rejected=rejected,
        message=message,
    )
    store.insert(TABLES["collections"], to_arrow([outcome], Collection))
    return outcome
