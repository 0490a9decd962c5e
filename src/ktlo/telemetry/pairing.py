"""Service edges from the ends of calls: who called whom, each call once, in whatever order its ends arrive.

A minute's edges are always computed from all of its ends at once and replace what was there, so that doing it again
changes nothing: after a crash, after a restart, or hours later when the other end of a call arrives. What has to be
computed again is found by arrival: the minutes of what came in, and of whatever it is parent, child or link of.
Everything happens inside the engine; Python sees minutes and counts.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ktlo.store.protocol import Store
from ktlo.telemetry.arrivals import Arrivals, Minute, settled
from ktlo.telemetry.edge_sql import EDGES, MARK, MARK_MINUTE

_MOST_ENDS = 400_000
"""Ends of calls that one statement pairs at a time; a single minute may hold more."""
_MARK_EVERY = dt.timedelta(minutes=5)

_ARRIVED = """
SELECT toDateTime64(toStartOfMinute(e.received_at), 6, 'UTC') AS arrived, count() AS n
FROM ktlo.call_ends AS e WHERE e.received_at >= {since:DateTime64(6, 'UTC')}
GROUP BY arrived ORDER BY arrived"""

_FRESH = """
SELECT e.span AS span, e.parent AS parent, e.side AS side, e.kind AS kind FROM ktlo.call_ends AS e
WHERE e.received_at >= {first:DateTime64(6, 'UTC')} AND e.received_at < {after:DateTime64(6, 'UTC')}"""

_TOUCHED = f"""
SELECT e.minute AS minute, count() AS ends FROM ktlo.call_ends AS e
WHERE e.minute >= {{oldest:DateTime64(6, 'UTC')}} AND e.minute IN (
  SELECT minute FROM ktlo.call_ends
  WHERE received_at >= {{first:DateTime64(6, 'UTC')}} AND received_at < {{after:DateTime64(6, 'UTC')}}
  UNION DISTINCT
  SELECT minute FROM ktlo.call_ends WHERE span IN (SELECT parent FROM ({_FRESH}) WHERE parent != 0)
  UNION DISTINCT
  SELECT minute FROM ktlo.call_ends WHERE parent IN (SELECT span FROM ({_FRESH}))
  UNION DISTINCT
  SELECT minute FROM (SELECT minute, arrayJoin(links) AS link FROM ktlo.call_ends WHERE notEmpty(links))
  WHERE link IN (SELECT span FROM ({_FRESH}))
) GROUP BY minute ORDER BY minute"""  # noqa: S608 - no value enters the text

_MARKED = f"""
SELECT max(r.arrived_until) AS until FROM ktlo.service_edges_rows AS r
WHERE r.minute = {MARK_MINUTE}"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Paired:
    """What one round did.

    Attributes:
        ends: ends of calls that had arrived.
        minutes: minutes whose edges were computed.
    """

    ends: int
    minutes: int


class Pairing:
    """Keeps the edges of one store up to date; one at a time a store.

    Args:
        store: where ends and edges are.
        keep_days: how long ends are kept. A minute older than that is left as it is: its ends may have gone.
    """

    def __init__(self, store: Store, keep_days: int) -> None:
        self._store = store
        self._keep = dt.timedelta(days=max(keep_days - 1, 0.5))
        self._arrivals = Arrivals(store, _MARKED, _ARRIVED)
        self._guard = threading.Lock()

    def round(self, now: dt.datetime) -> Paired:
        """Take in what arrived since the last round.

        Args:
            now: the moment (aware).

        Raises:
            StoreError: the engine failed; the next round does again what this one did not finish.
        """
        with self._guard:
            fresh = self._arrivals.fresh(now)
            minutes = 0
            for batch in _batches(fresh):
                minutes += self._pair(batch[0][0], batch[-1][0] + dt.timedelta(minutes=1), now - self._keep)
                self._arrivals.taken(batch)
            self._mark(now, has_news=bool(fresh))
            return Paired(sum(ends for _, ends in fresh), minutes)

    def _pair(self, first: dt.datetime, after: dt.datetime, oldest: dt.datetime) -> int:
        touched = self._store.query(_TOUCHED, {"first": first, "after": after, "oldest": oldest}).to_pylist()
        for batch in _batches((row["minute"], row["ends"]) for row in touched):
            self._store.roll_up("service_edges", EDGES, {"minutes": [minute for minute, _ in batch]})
        return len(touched)

    def _mark(self, now: dt.datetime, *, has_news: bool) -> None:
        """Remember durably that everything which arrived before is in the edges: rows first, mark second."""
        until = settled(now)
        if not has_news or until - self._arrivals.marked < _MARK_EVERY:
            return
        self._store.roll_up("service_edges", MARK, {"until": until})
        self._arrivals.mark(until)


def _batches(
    given: Iterable[Minute],
) -> Iterator[list[Minute]]:
    """Consecutive minutes with together at most :data:`_MOST_ENDS` ends, at least one minute."""
    batch: list[Minute] = []
    for minute, ends in given:
        if batch and sum(n for _, n in batch) + ends > _MOST_ENDS:
            yield batch
            batch = []
        batch.append((minute, ends))
    if batch:
        yield batch
