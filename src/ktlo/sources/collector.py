"""Runs one source: rows into the store, then the cursor into the state, then what happened as a record.

The order makes a crash repeat work and never skip it: rows are idempotent by key, and a cursor is only
written when every row before it is durable.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ktlo.errors import KtloError
from ktlo.records import TABLES
from ktlo.records.arrow import to_arrow
from ktlo.records.collection import Collection, Rejection
from ktlo.sources.protocol import Progress, Source
from ktlo.store.protocol import Store


class Cursors(Protocol):
    """Where cursors are kept (``store/state``)."""

    def cursor(self, source_id: str) -> Mapping[str, Any]:
        """The last committed cursor; empty when there is none."""

    def set_cursor(self, source_id: str, cursor: Mapping[str, Any]) -> None:
        """Commit a cursor."""


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
    try:
        async for batch in source.collect(cursors.cursor(source.source_id)):
            for name, records in batch.rows.items():
                store.insert(TABLES[name], records)
                rows += records.num_rows
            if batch.rejected:
                store.insert(TABLES["rejections"], to_arrow(batch.rejected, Rejection))
                rejected += sum(not rejection.is_kept for rejection in batch.rejected)
            if batch.cursor is not None:
                cursors.set_cursor(source.source_id, batch.cursor)
            if batch.progress is not None:
                report(batch.progress)
    except KtloError as error:
        status, message = ("partial" if rows else "failed"), str(error)
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
