"""What arrived in a table since it was last looked at, by the minute of arrival: what roll-ups follow from.

A minute is told again whenever more of it has become visible. What was taken in is remembered by minute for as long as
rows may still become visible; how far everything is taken in is the caller's to keep, and is asked for at the start.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from ktlo.store.protocol import Store

COMMITTED_WITHIN = dt.timedelta(minutes=10)
"""Rows become visible at most so long after the moment of arrival that is written in them."""

Minute = tuple[dt.datetime, int]
"""A minute of arrival, and how many rows of it there are."""


class Arrivals:
    """The arrivals in one table; not for several threads at once.

    Args:
        store: where they are.
        marked: SQL of the moment until which everything is taken in, as ``until``.
        arrived: SQL of minutes of arrival ``arrived`` and rows ``n`` from ``{since}`` on, by time.
    """

    def __init__(self, store: Store, marked: str, arrived: str) -> None:
        self._store = store
        self._asked = marked
        self._arrived = arrived
        self._counted: dict[dt.datetime, int] = {}
        self._marked: dt.datetime | None = None

    @property
    def marked(self) -> dt.datetime:
        """Everything that arrived before is taken in."""
        if self._marked is None:
            self._marked = self._store.query(self._asked).to_pylist()[0]["until"].astimezone(dt.UTC)
        return self._marked

    def fresh(self, now: dt.datetime) -> list[Minute]:
        """Minutes of which more has arrived than was taken in.

        Args:
            now: the moment (aware). A clock that was set back does not hide what arrives now.
        """
        since = min(self.marked, now - COMMITTED_WITHIN)
        arrived = [
            (row["arrived"].astimezone(dt.UTC), row["n"])
            for row in self._store.query(self._arrived, {"since": since}).to_pylist()
        ]
        return [(minute, n) for minute, n in arrived if self._counted.get(minute) != n]

    def taken(self, minutes: Iterable[Minute]) -> None:
        """Minutes that were taken in as they were told."""
        self._counted.update(minutes)

    def mark(self, until: dt.datetime) -> None:
        """Everything that arrived before is taken in."""
        self._marked = max(self.marked, until)
        self._counted = {minute: n for minute, n in self._counted.items() if minute >= until}


def settled(now: dt.datetime) -> dt.datetime:
    """The last minute before which nothing can become visible any more."""
    return (now - COMMITTED_WITHIN).replace(second=0, microsecond=0)
