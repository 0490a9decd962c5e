"""The part of a stretch of time in which a service can have data: what calls a minute are taken over.

A service that is ten minutes old has reported for ten minutes, whatever stretch is asked for. Its rate is over the time
since its first record, at least a minute. A service that ran once, such as a batch job, is not called at the rate of
its run: when it has been silent for longer than it ran, its rate is over the time since the store's first record.
First and last records are those of ``instance_versions``, which spans fill whose clock is not wrong by years.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ktlo.store.protocol import Queryable
from ktlo.telemetry.interval import Interval

LEAST = dt.timedelta(minutes=1)
"""Roll-ups are by minute."""

_RECORDS = """
SELECT toString(i.service) AS service,
  countIf({environment:String} = '' OR i.environment = {environment:String}) > 0 AS is_here,
  minIf(i.first_at, {environment:String} = '' OR i.environment = {environment:String}) AS first_here,
  maxIf(i.last_at, {environment:String} = '' OR i.environment = {environment:String}) AS last_here
FROM ktlo.instance_versions_states AS i WHERE i.service IN {names:Array(String)} GROUP BY service"""

_FIRST = "SELECT count() AS n, min(i.first_at) AS first_at FROM ktlo.instance_versions_states AS i"

_INSTANCES = """
SELECT toString(i.instance) AS instance, toString(i.environment) AS environment, min(i.first_at) AS first_here,
  max(i.last_at) AS last_here
FROM ktlo.instance_versions_states AS i WHERE i.service = {service:String} GROUP BY instance, environment"""


class Since(enum.StrEnum):
    """Where an observed stretch begins."""

    STRETCH = "stretch"
    FIRST_RECORD = "first_record"
    STORE = "store"


@dataclass(frozen=True, slots=True)
class Observed:
    """The part of a stretch in which there can be data.

    Attributes:
        start: its first moment.
        end: first moment after; now where the stretch asked for ends later.
        since: what begins at ``start``: the stretch itself, the service's first record, or the store's.
    """

    start: dt.datetime
    end: dt.datetime
    since: Since

    @property
    def seconds(self) -> float:
        """Its length."""
        return (self.end - self.start).total_seconds()

    def bucket(self, at: dt.datetime, width: int) -> Observed:
        """The part of a bucket of so many seconds; without length where they do not meet."""
        start = max(at, self.start)
        end = min(at + dt.timedelta(seconds=width), self.end)
        return Observed(start, max(start, end), self.since)

    def parts(self, of: Interval) -> dict[dt.datetime, Observed]:
        """By their beginnings the buckets of a stretch in which there can be data, each with that part of it."""
        found = {at: self.bucket(at, of.bucket_seconds) for at in of.buckets}
        return {at: part for at, part in found.items() if part.seconds}

    def and_of(self, other: Observed) -> Observed:
        """The part in which both can have data: a call needs both ends."""
        return other if other.start > self.start else self


@dataclass(frozen=True, slots=True)
class Watch:
    """What is known of services when a stretch is asked for.

    Attributes:
        whole: the stretch, until now at most.
        store_first: the store's first record; ``None`` when it has none.
        records: first and last record by service, of the environment asked for.
    """

    whole: Observed
    store_first: dt.datetime | None
    records: Mapping[object, tuple[dt.datetime, dt.datetime]]

    def of(self, key: object) -> Observed:
        """The part in which a service can have data; the whole stretch where nothing is known of it."""
        if key not in self.records:
            return self.whole
        first, last = self.records[key]
        start, end = self.whole.start, self.whole.end
        if first <= start or first >= end:
            return self.whole
        if end - last <= last - first:
            return Observed(max(start, min(first, end - LEAST)), end, Since.FIRST_RECORD)
        if self.store_first is None or self.store_first <= start:
            return self.whole
        return Observed(max(start, min(self.store_first, end - LEAST)), end, Since.STORE)

    def part(self, of: Interval, key: object) -> Interval:
        """An earlier stretch without the time before a service's first record; as it is when that came after it."""
        first = self.records[key][0] if key in self.records else of.start
        return Interval(first, of.end) if of.start < first < of.end else of


def whole(of: Interval, now: dt.datetime | None = None) -> Observed:
    """A stretch from its first whole minute until its end or now."""
    moment = now or dt.datetime.now(dt.UTC)
    start = of.start.replace(second=0, microsecond=0)
    start = start if start == of.start else start + dt.timedelta(minutes=1)
    end = min(of.end, moment) if moment > of.start else of.end
    return Observed(min(start, end - LEAST), end, Since.STRETCH)


def watch(
    store: Queryable,
    of: Interval,
    names: Collection[str],
    environment: str = "",
    now: dt.datetime | None = None,
) -> Watch:
    """Look up when services began to report.

    Args:
        store: where telemetry is.
        of: the stretch that is asked for.
        names: the services; there may be very many that are not asked for.
        environment: of the services; empty for all.
        now: the moment of asking.
    """
    first = store.query(_FIRST).to_pylist()[0]
    asked = {"environment": environment, "names": list(names)}
    rows = store.query(_RECORDS, asked).to_pylist() if names else []
    return Watch(
        whole(of, now),
        first["first_at"] if first["n"] else None,
        {row["service"]: (row["first_here"], row["last_here"]) for row in rows if row["is_here"]},
    )


def watch_instances(store: Queryable, of: Interval, service: str, now: dt.datetime | None = None) -> Watch:
    """The same of the instances of a service; keys are instance and environment."""
    rows = store.query(_INSTANCES, {"service": service}).to_pylist()
    return Watch(
        whole(of, now),
        min((row["first_here"] for row in rows), default=None),
        {(row["instance"], row["environment"]): (row["first_here"], row["last_here"]) for row in rows},
    )
