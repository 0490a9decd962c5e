"""Reports of errors that tell of an occurrence which another report tells, too: found again whenever more arrives.

Agents tell one exception twice: OpenTelemetry's as an event of the span and as a log record of the logger, in whatever
order; a span that failed says so by its status, and a log record beside it says with what. The span's event is counted;
of log records in its trace and service with its type and message as many are repeats as there are events. A status is a
repeat where a log record of that very span has an exception. A span around another tells what left that one, with the
frames in between at the end of its stack: its event is a repeat where another's frames begin its own. Every report
stays; a minute's repeats are always counted from all of its reports at once and replace what was there.
"""

from __future__ import annotations

import datetime as dt
import threading

from ktlo.store.protocol import Store
from ktlo.telemetry.arrivals import Arrivals, settled

_MINUTES_AT_ONCE = 60
_STACKS = 100
"""Different stacks of one trace, service, type and message that are compared."""

_MARKED = "SELECT max(r.arrived_until) AS until FROM ktlo.error_repeats_rows AS r"

_ARRIVED = """
SELECT toDateTime64(toStartOfMinute(e.received_at), 6, 'UTC') AS arrived, count() AS n
FROM ktlo.error_events AS e WHERE e.received_at >= {since:DateTime64(6, 'UTC')} AND e.trace_id != ''
GROUP BY arrived ORDER BY arrived"""

_MINUTE = "toDateTime64(toStartOfMinute(toDateTime64(e.occurred_at, 6, 'UTC')), 6, 'UTC')"

_TOUCHED = f"""
SELECT DISTINCT {_MINUTE} AS minute FROM ktlo.error_events AS e
WHERE minute >= {{oldest:DateTime64(6, 'UTC')}} AND e.trace_id IN (
  SELECT trace_id FROM ktlo.error_events WHERE trace_id IN (
    SELECT trace_id FROM ktlo.error_events
    WHERE received_at >= {{first:DateTime64(6, 'UTC')}} AND received_at < {{after:DateTime64(6, 'UTC')}}
      AND trace_id != '')
  GROUP BY trace_id HAVING count() > 1)
ORDER BY minute"""  # noqa: S608 - no value enters the text

_REPEATS = f"""
SELECT fingerprint, minute, service, environment, version, operation, toInt64(count()) AS repeats,
  {{until:DateTime64(6, 'UTC')}} AS arrived_until
FROM (
  SELECT *,
    row_number() OVER (PARTITION BY trace_id, service, kind, said, reported_as ORDER BY occurred_at, span_id) AS place,
    countIf(reported_as = 'span event' AND NOT is_around) OVER (PARTITION BY trace_id, service, kind, said) AS events,
    countIf(reported_as = 'log') OVER (PARTITION BY trace_id, service, span_id) AS logged
  FROM (
    SELECT *, reported_as = 'span event' AND arrayExists(
        one -> length(one) < length(frames) AND arraySlice(frames, 1, length(one)) = one, stacks) AS is_around
    FROM (
      SELECT *, groupUniqArrayIf({_STACKS})(frames, reported_as = 'span event' AND notEmpty(frames))
        OVER (PARTITION BY trace_id, service, kind, said) AS stacks
      FROM (
        SELECT e.fingerprint AS fingerprint, {_MINUTE} AS minute, toString(e.service) AS service,
          toString(e.environment) AS environment, toString(e.version) AS version, toString(e.operation) AS operation,
          toString(e.reported_as) AS reported_as, e.occurred_at AS occurred_at, e.trace_id AS trace_id,
          e.span_id AS span_id, splitByChar('.', toString(e.type))[-1] AS kind, e.frames AS frames,
          replaceRegexpAll(e.message, '^[\\\\s\\'"]+|[\\\\s\\'"]+$', '') AS said
        FROM ktlo.error_events AS e WHERE e.trace_id IN (
          SELECT e.trace_id FROM ktlo.error_events AS e
          WHERE e.trace_id != '' AND {_MINUTE} IN {{minutes:Array(DateTime64(6, 'UTC'))}})
      )
    )
  )
)
WHERE minute IN {{minutes:Array(DateTime64(6, 'UTC'))}}
  AND ((reported_as = 'log' AND place <= events) OR (reported_as = 'span' AND logged > 0) OR is_around)
GROUP BY fingerprint, minute, service, environment, version, operation"""  # noqa: S608


class Repeats:
    """Keeps the repeats of one store up to date; one at a time a store.

    Args:
        store: where reports are.
        keep_days: how long reports are kept. A minute older than that is left as it is: its reports may have gone.
    """

    def __init__(self, store: Store, keep_days: int) -> None:
        self._store = store
        self._keep = dt.timedelta(days=max(keep_days - 1, 0.5))
        self._arrivals = Arrivals(store, _MARKED, _ARRIVED)
        self._guard = threading.Lock()

    def round(self, now: dt.datetime) -> int:
        """Take in what arrived since the last round; after a start, since the last repeat that the store knows.

        Args:
            now: the moment (aware).

        Returns:
            How many minutes were counted.

        Raises:
            StoreError: the engine failed; the next round does again what this one did not finish.
        """
        with self._guard:
            fresh, until = self._arrivals.fresh(now), settled(now)
            minutes = 0
            if fresh:
                (first, _), (last, _) = fresh[0], fresh[-1]
                minutes = self._count(first, last + dt.timedelta(minutes=1), now, until)
            self._arrivals.taken(fresh)
            self._arrivals.mark(until)
            return minutes

    def _count(self, first: dt.datetime, after: dt.datetime, now: dt.datetime, until: dt.datetime) -> int:
        asked = {"first": first, "after": after, "oldest": now - self._keep}
        touched = self._store.query(_TOUCHED, asked)["minute"].to_pylist()
        for place in range(0, len(touched), _MINUTES_AT_ONCE):
            minutes = touched[place : place + _MINUTES_AT_ONCE]
            self._store.roll_up("error_repeats", _REPEATS, {"minutes": minutes, "until": until})
        return len(touched)
