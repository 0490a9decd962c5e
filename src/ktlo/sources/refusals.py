"""Counts webhooks that were refused before anything of them was read, for everybody who sends them.

They must not fill the disk, nor busy the store: one row a source, minute and reason, written at the first and then
every few seconds, by the next refusal or by :meth:`Refusals.write` of a clock, so that the count ends exact.
"""

from __future__ import annotations

import datetime as dt
import secrets
import threading
from dataclasses import dataclass

from ktlo.records import TABLES
from ktlo.records.arrow import to_arrow
from ktlo.records.collection import Delivery
from ktlo.sources.lengths import named
from ktlo.store.protocol import Store

EVERY = dt.timedelta(seconds=5)
"""A row is written at most this often."""
_KEPT = dt.timedelta(minutes=2)
"""A count may still grow so long after its minute: a request can wait for a thread."""


@dataclass(slots=True)
class _Count:
    times: int
    at: dt.datetime
    written: int = 0
    written_at: dt.datetime | None = None

    def is_due(self, now: dt.datetime) -> bool:
        return self.times > self.written and (self.written_at is None or now - self.written_at >= EVERY)


class Refusals:
    """The counts of one process. Safe to use from several threads."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._writing = threading.Lock()
        self._counted: dict[tuple[str, str, str], _Count] = {}
        # A process that starts within the minute must not write over what the one before it counted.
        self._run = secrets.token_hex(4)

    def note(self, source_id: str, reason: str, at: dt.datetime) -> None:
        """Count one."""
        with self._guard:
            count = self._counted.setdefault((source_id, _minute(at), reason), _Count(0, at))
            count.times, count.at = count.times + 1, max(at, count.at)

    def write(self, store: Store, now: dt.datetime, *, is_last: bool = False) -> int:
        """Write the rows that are due; all that are not written when it is the last time.

        Args:
            store: where they go.
            now: by which it is told what is due.
            is_last: nobody will ask again.

        Returns:
            Rows written.

        Raises:
            StoreError: the store does not take them; they are written the next time.
        """
        with self._writing:
            with self._guard:
                due = {
                    key: (count.times, count.at)
                    for key, count in self._counted.items()
                    if count.is_due(now) or (is_last and count.times > count.written)
                }
            if due:
                rows = [self._row(key, times, at) for key, (times, at) in due.items()]
                store.insert(TABLES["deliveries"], to_arrow(rows, Delivery))
            with self._guard:
                for key, (times, _) in due.items():
                    self._counted[key].written, self._counted[key].written_at = times, now
                for key, count in list(self._counted.items()):
                    if count.times == count.written and key[1] < _minute(now - _KEPT):
                        del self._counted[key]
            return len(due)

    def _row(self, key: tuple[str, str, str], times: int, at: dt.datetime) -> Delivery:
        source_id, minute, reason = key
        return Delivery(
            source=source_id,
            delivery_id=named(f"refused {minute} {self._run} {reason}", 200),
            received_at=at,
            event="",
            status="refused",
            reason=reason,
            rows=0,
            times=times,
            headers={},
            body="",
        )


def _minute(at: dt.datetime) -> str:
    return at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M")
