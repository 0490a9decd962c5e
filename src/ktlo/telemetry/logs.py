"""Log records found: newest first by page, as they arrive, around one of them, counted, and by what they say.

A page continues at a cursor: the place of the last record in the order and how many records of that place were given,
because log records have no identifier and may be equal. What arrives is told in the order of arrival (``received_at``),
so that a record that comes late by its own clock is told, too; one writer a store makes that order complete.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ktlo.errors import UsageError
from ktlo.store.protocol import Queryable
from ktlo.store.streams import fingerprint
from ktlo.telemetry.colours import without_colours
from ktlo.telemetry.interval import Interval
from ktlo.telemetry.log_query import Wanted

MOST = 1_000
MOST_PATTERNS = 50
_SHORTEST = dt.timedelta(seconds=1)
MOST_READ = 200_000
"""Newest records that patterns are made of."""

_COLUMNS = """toUnixTimestamp64Nano(l.logged_at) AS logged_ns, l.service AS service, l.version AS version,
  l.environment AS environment, l.instance AS instance, l.severity AS severity, l.severity_text AS severity_text,
  l.body AS body, l.event_name AS event_name, l.trace_id AS trace_id, l.span_id AS span_id,
  l.attributes AS attributes, l.resource AS resource, l.scope_name AS scope_name,
  toUnixTimestamp64Micro(l.received_at) AS received_us,
  cityHash64(l.service, l.instance, l.severity, l.body, l.span_id, l.scope_name) AS digest"""

_WITHIN = "l.logged_at >= {start:DateTime64(9, 'UTC')} AND l.logged_at < {end:DateTime64(9, 'UTC')}"


@dataclass(frozen=True, slots=True)
class Record:
    """A log record.

    Attributes:
        logged_ns: when, nanoseconds since 1970.
        service: who wrote it.
        version: of the service.
        environment: of the service.
        instance: of the service.
        severity: trace to fatal; empty when it does not say.
        severity_text: as the logger calls it.
        body: what it says.
        event_name: name of the event; empty for a plain record.
        trace_id: trace it belongs to; empty when none.
        span_id: span it belongs to.
        attributes: its own.
        resource: of the service.
        scope_name: logger.
        received_us: when it was stored, microseconds since 1970.
        digest: of what it says; tells records of one moment apart.
    """

    logged_ns: int
    service: str
    version: str
    environment: str
    instance: str
    severity: str
    severity_text: str
    body: str
    event_name: str
    trace_id: str
    span_id: str
    attributes: Mapping[str, str]
    resource: Mapping[str, str]
    scope_name: str
    received_us: int
    digest: int

    @property
    def said(self) -> str:
        """What it says, without a terminal's colours."""
        return without_colours(self.body)

    @property
    def logged_at(self) -> dt.datetime:
        """When, to the microsecond."""
        return dt.datetime.fromtimestamp(self.logged_ns // 1000 / 1e6, dt.UTC)


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in an order of records: its key, and how many records of exactly that key were given."""

    first: int
    second: int
    digest: int
    given: int

    def __str__(self) -> str:
        return f"{self.first}-{self.second}-{self.digest}-{self.given}"

    @classmethod
    def read(cls, text: str) -> Cursor:
        """Read what :meth:`__str__` wrote.

        Raises:
            UsageError: it is none.
        """
        parts = text.split("-")
        if len(parts) != 4 or not all(part.isdecimal() and len(part) <= 20 for part in parts):
            raise UsageError(
                f"{text[:60]!r} is no cursor", where="cursor", fix="Take it from the answer before"
            )
        first, second, digest, given = map(int, parts)
        if max(first, second) >= 1 << 63 or digest >= 1 << 64 or given > 1 << 31:
            raise UsageError(
                f"{text[:60]!r} is no cursor", where="cursor", fix="Take it from the answer before"
            )
        return cls(first, second, digest, given)


@dataclass(frozen=True, slots=True)
class Page:
    """Records, and where the next ones begin; ``None`` when there are no more."""

    records: tuple[Record, ...]
    next: Cursor | None


@dataclass(frozen=True, slots=True)
class Volume:
    """Records of one severity in one bucket."""

    at: dt.datetime
    severity: str
    records: int


@dataclass(frozen=True, slots=True)
class Pattern:
    """Records that say the same but for numbers and names.

    Attributes:
        template: what they have in common.
        records: how many.
        severity: the worst of them.
        services: that wrote them.
        sample: one of them.
        first_at: the oldest.
        last_at: the newest.
    """

    template: str
    records: int
    severity: str
    services: tuple[str, ...]
    sample: str
    first_at: dt.datetime
    last_at: dt.datetime


def _records(rows: Sequence[dict[str, Any]]) -> tuple[Record, ...]:
    return tuple(
        Record(**{**row, "attributes": dict(row["attributes"]), "resource": dict(row["resource"])})
        for row in rows
    )


def _bounds(of: Interval) -> dict[str, Any]:
    return {"start": of.start, "end": of.end}


def search(
    store: Queryable, of: Interval, wanted: Wanted, most: int = 100, after: Cursor | None = None
) -> Page:
    """Records of a stretch that are what is wanted, newest first.

    Args:
        store: where they are.
        of: when they were logged.
        wanted: what they must be.
        most: of one page, at most :data:`MOST`.
        after: where the page before ended.
    """
    most = min(most, MOST)
    values = {**wanted.values, "most": most + 1, "skip": after.given if after else 0}
    place = ""
    if after is not None:
        place = " AND (logged_ns, received_us, digest) <= ({at_first:Int64}, {at_second:Int64}, {at_digest:UInt64})"
        values |= {"at_first": after.first, "at_second": after.second, "at_digest": after.digest}
    rows: list[dict[str, Any]] = []
    for within in _newest_parts(of, after):
        rows = store.query(
            f"""SELECT {_COLUMNS} FROM ktlo.log_records AS l WHERE {_WITHIN}{wanted.where}{place}
ORDER BY logged_ns DESC, received_us DESC, digest DESC LIMIT {{most:UInt32}} OFFSET {{skip:UInt32}}""",  # noqa: S608
            {**values, **_bounds(within)},
        ).to_pylist()
        if len(rows) > most:
            break
    found = _records(rows[:most])
    if len(rows) <= most:
        return Page(found, None)
    return Page(found, _cursor([(r.logged_ns, r.received_us, r.digest) for r in found], after))


def _newest_parts(of: Interval, after: Cursor | None) -> list[Interval]:
    """Ever longer ends of a stretch, the whole last: what is newest is mostly found without reading all of it."""
    end = of.end
    if after is not None:
        # A microsecond more than the cursor, whose nanoseconds an instant of Python's does not hold.
        end = min(
            end, dt.datetime.fromtimestamp(after.first // 1000 / 1e6, dt.UTC) + dt.timedelta(microseconds=2)
        )
    whole = max(end - of.start, dt.timedelta(0))
    starts = [end - whole / share for share in (512, 32) if whole / share >= _SHORTEST]
    return [*(Interval(start, end) for start in starts), Interval(of.start, max(end, of.start))]


def arrived(store: Queryable, wanted: Wanted, after: Cursor, most: int = 200) -> Page:
    """Records that arrived after a place in the order of arrival, oldest first; ``next`` is always a place."""
    rows = store.query(
        f"""SELECT {_COLUMNS} FROM ktlo.log_records AS l
WHERE l.received_at >= fromUnixTimestamp64Micro({{at_first:Int64}}, 'UTC'){wanted.where}
  AND (received_us, logged_ns, digest) >= ({{at_first:Int64}}, {{at_second:Int64}}, {{at_digest:UInt64}})
ORDER BY received_us, logged_ns, digest LIMIT {{most:UInt32}} OFFSET {{skip:UInt32}}""",  # noqa: S608
        {
            **wanted.values, "at_first": after.first, "at_second": after.second, "at_digest": after.digest,
            "most": min(most, MOST), "skip": after.given,
        },
    ).to_pylist()  # fmt: skip
    found = _records(rows)
    if not found:
        return Page((), after)
    return Page(found, _cursor([(r.received_us, r.logged_ns, r.digest) for r in found], after))


def present(store: Queryable) -> Cursor:
    """The place in the order of arrival after everything that is there, for whatever query."""
    (row,) = store.query(
        "SELECT toUnixTimestamp64Micro(max(l.received_at)) AS us FROM ktlo.log_records AS l"
    ).to_pylist()
    return Cursor(max(row["us"], 0), (1 << 63) - 1, (1 << 64) - 1, 0)


def _cursor(keys: list[tuple[int, int, int]], before: Cursor | None) -> Cursor:
    last = keys[-1]
    given = sum(1 for key in keys if key == last)
    if before is not None and (before.first, before.second, before.digest) == last:
        given += before.given
    return Cursor(*last, given)


_LATEST = dt.datetime(2262, 4, 11, tzinfo=dt.UTC)
"""Within the engine's last day: nanoseconds since 1970 in 63 bits."""


def around(store: Queryable, at_ns: int, wanted: Wanted, each: int = 30) -> tuple[Record, ...]:
    """Records just before and just after a moment, newest first."""
    day = dt.timedelta(days=1)
    at = dt.datetime.fromtimestamp(at_ns // 1000 / 1e6, dt.UTC)
    values = {**wanted.values, "start": at - day, "end": min(at + day, _LATEST), "at": at_ns, "each": each}
    found: list[dict[str, Any]] = []
    for sign, order in ((">", "ASC"), ("<=", "DESC")):
        rows = store.query(
            f"""SELECT {_COLUMNS} FROM ktlo.log_records AS l
WHERE {_WITHIN}{wanted.where} AND logged_ns {sign} {{at:Int64}}
ORDER BY logged_ns {order}, digest {order} LIMIT {{each:UInt32}}""",  # noqa: S608 - sign and order are ours
            values,
        ).to_pylist()
        found += reversed(rows) if order == "ASC" else rows
    return _records(found)


def of_trace(store: Queryable, trace_id: str, most: int = MOST) -> tuple[Record, ...]:
    """Records of a trace, oldest first."""
    rows = store.query(
        f"""SELECT {_COLUMNS} FROM ktlo.log_records AS l WHERE l.trace_id = {{trace:String}}
ORDER BY logged_ns, digest LIMIT {{most:UInt32}}""",  # noqa: S608
        {"trace": trace_id, "most": most},
    ).to_pylist()
    return _records(rows)


def volume(store: Queryable, of: Interval, wanted: Wanted) -> list[Volume]:
    """Records by bucket and severity; from the counts by minute where no record needs to be read."""
    table, at, n = ("log_records", "logged_at", "count()")
    if not wanted.needs_records:
        table, at, n = ("log_minutes_states", "minute", "sum(l.records)")
    rows = store.query(
        f"""SELECT toDateTime64(toStartOfInterval(l.{at}, toIntervalSecond({{width:UInt32}})), 6, 'UTC') AS bucket,
  l.severity AS severity, toInt64({n}) AS records
FROM ktlo.{table} AS l
WHERE l.{at} >= {{start:DateTime64(9, 'UTC')}} AND l.{at} < {{end:DateTime64(9, 'UTC')}}{wanted.where}
GROUP BY bucket, severity ORDER BY bucket, severity""",  # noqa: S608 - names are ours
        {**_bounds(of), **wanted.values, "width": of.bucket_seconds},
    ).to_pylist()
    return [Volume(row["bucket"], row["severity"], row["records"]) for row in rows]


def _enough(volumes: Sequence[Volume], of: Interval) -> dt.datetime:
    """The moment since which there are as many records as patterns are made of."""
    left = MOST_READ
    for at in sorted({one.at for one in volumes}, reverse=True):
        left -= sum(one.records for one in volumes if one.at == at)
        if left <= 0:
            return max(at, of.start)
    return of.start


def patterns(store: Queryable, of: Interval, wanted: Wanted) -> list[Pattern]:
    """What the newest records of a stretch say, most frequent first: numbers and quoted names are masked."""
    of = Interval(_enough(volume(store, of, wanted), of), of.end)
    plain = fingerprint.without_colours("body")
    worst = "argMax(severity, severity_number)"
    rows = store.query(
        f"""SELECT {fingerprint.masked_words(plain)} AS template, toInt64(count()) AS records, {worst} AS severity,
  arraySort(groupUniqArray(10)(toString(service))) AS services, any({plain}) AS sample,
  toDateTime64(min(logged_at), 6, 'UTC') AS first_at, toDateTime64(max(logged_at), 6, 'UTC') AS last_at
FROM (
  SELECT l.body AS body, toString(l.severity) AS severity, l.severity_number AS severity_number, l.service AS service,
    l.logged_at AS logged_at
  FROM ktlo.log_records AS l WHERE {_WITHIN}{wanted.where} ORDER BY l.logged_at DESC LIMIT {{read:UInt32}}
) GROUP BY template ORDER BY records DESC, template LIMIT {{most:UInt32}}""",  # noqa: S608
        {**_bounds(of), **wanted.values, "read": MOST_READ, "most": MOST_PATTERNS},
    ).to_pylist()
    return [Pattern(**{**row, "services": tuple(row["services"])}) for row in rows]
