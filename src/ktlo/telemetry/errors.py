"""Errors in groups: how often in a stretch of time, since when, in which versions and operations, with sample traces.

An occurrence that is reported twice counts once. Counts come from the roll-up by minute, texts from the group's newest
report; both outlive the reports themselves, from which sample traces and the list of occurrences are. The rules of
grouping are in ``store/streams/fingerprint``.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from ktlo.errors import NotFoundError
from ktlo.store.protocol import Queryable
from ktlo.telemetry.colours import without_colours
from ktlo.telemetry.interval import Interval

MOST = 500
MOST_SAMPLES = 20
MOST_SERVICES = 20
"""Services named of a group; any number may report one error."""
MOST_VERSIONS = 100
EXACT_TRACES = 100
"""Up to so many traces are counted; more are estimated to about 2% (HyperLogLog of 4,096 cells)."""
OTHERS = "(other versions)"

_WITHIN = "m.minute >= {start:DateTime64(6, 'UTC')} AND m.minute < {end:DateTime64(6, 'UTC')}"

_MINUTES = """(
  SELECT fingerprint, minute, service, environment, version, operation, occurrences, seen_in
  FROM ktlo.error_minutes_states
  UNION ALL
  SELECT fingerprint, minute, service, environment, version, operation, -repeats,
    arrayReduce('uniqCombinedState(12)', emptyArrayString())
  FROM ktlo.error_repeats
) AS m"""
"""Reports by minute, and against them those that tell of an occurrence again (``telemetry/error_repeats``)."""

_COUNTS = f"""
SELECT m.fingerprint AS fingerprint, sum(m.occurrences) AS occurrences,
  least(toInt64(uniqCombinedMerge(12)(m.seen_in)), occurrences) AS traces,
  arraySort(groupUniqArray({{named:UInt32}})(toString(m.service))) AS services, uniqExact(m.service) AS reporting,
  arraySort(groupUniqArray({{versions:UInt32}})(toString(m.version))) AS versions, uniq(m.operation) AS operations
FROM {_MINUTES}
WHERE {_WITHIN} AND ({{service:String}} = '' OR m.service = {{service:String}})
  AND ({{version:String}} = '' OR m.version = {{version:String}})
  AND ({{environment:String}} = '' OR m.environment = {{environment:String}})
  AND ({{text:String}} = '' OR m.fingerprint IN (
    SELECT g.fingerprint FROM ktlo.error_groups AS g WHERE positionCaseInsensitiveUTF8(
      concat(g.type, ' ', g.message, ' ', arrayStringConcat(g.frames, ' ')), {{text:String}}) > 0))
GROUP BY fingerprint HAVING occurrences > 0
ORDER BY occurrences DESC, fingerprint LIMIT {{most:UInt32}}"""  # noqa: S608 - no value enters it

_GROUPS = """
SELECT g.fingerprint AS fingerprint, g.type AS type, g.message AS message, g.frames AS frames, g.basis AS basis,
  g.operation AS operation, arraySlice(arraySort(g.services), 1, {named:UInt32}) AS services,
  g.services_reporting AS reporting, g.first_seen AS first_seen, g.first_version AS first_version,
  g.last_seen AS last_seen, g.last_version AS last_version, g.occurrences - r.repeats AS occurrences
FROM ktlo.error_groups AS g
LEFT JOIN (
  SELECT fingerprint, sum(repeats) AS repeats FROM ktlo.error_repeats WHERE fingerprint IN {ids:Array(String)}
  GROUP BY fingerprint
) AS r ON r.fingerprint = g.fingerprint
WHERE g.fingerprint IN {ids:Array(String)}"""

_STACK = "SELECT g.stacktrace AS stacktrace FROM ktlo.error_groups AS g WHERE g.fingerprint = {id:String}"

_SERIES = f"""
SELECT m.fingerprint AS fingerprint,
  toDateTime64(toStartOfInterval(m.minute, toIntervalSecond({{width:UInt32}})), 6, 'UTC') AS at,
  m.version AS version, sum(m.occurrences) AS occurrences
FROM {_MINUTES} WHERE {_WITHIN} AND m.fingerprint IN {{ids:Array(String)}}
GROUP BY fingerprint, at, version HAVING occurrences != 0 ORDER BY at, version"""  # noqa: S608

_SPREAD = f"""
SELECT m.service AS service, m.environment AS environment, m.version AS version, m.operation AS operation,
  sum(m.occurrences) AS occurrences, least(toInt64(uniqCombinedMerge(12)(m.seen_in)), occurrences) AS traces,
  min(m.minute) AS first_seen, max(m.minute) AS last_seen
FROM {_MINUTES} WHERE {_WITHIN} AND m.fingerprint = {{id:String}}
GROUP BY service, environment, version, operation HAVING occurrences > 0
ORDER BY occurrences DESC, service, version, operation LIMIT 200"""  # noqa: S608

_TRACES = f"""
SELECT toInt64(uniqCombinedMerge(12)(m.seen_in)) AS traces, uniqExact(m.service) AS reporting FROM {_MINUTES}
WHERE {_WITHIN} AND m.fingerprint = {{id:String}}"""  # noqa: S608

_SAMPLES = """
SELECT e.occurred_at AS occurred_at, e.service AS service, e.version AS version, e.instance AS instance,
  e.operation AS operation, e.message AS message, e.reported_as AS reported_as, e.trace_id AS trace_id,
  e.span_id AS span_id
FROM ktlo.error_events AS e WHERE e.fingerprint = {id:String}
  AND e.occurred_at >= {start:DateTime64(9, 'UTC')} AND e.occurred_at < {end:DateTime64(9, 'UTC')}
ORDER BY e.occurred_at DESC LIMIT 1 BY e.trace_id, e.span_id, e.reported_as LIMIT {most:UInt32}"""

_OF_TRACE = """
SELECT e.span_id AS span_id, e.fingerprint AS fingerprint, e.type AS type, e.message AS message
FROM ktlo.error_events AS e WHERE e.trace_id = {trace:String} ORDER BY e.occurred_at LIMIT 1000"""


@dataclass(frozen=True, slots=True)
class Group:
    """Errors that are one error.

    Attributes:
        fingerprint: identifier of the group.
        type: exception type of the newest; empty for a span that only says that it failed.
        message: of the newest.
        frames: normalised frames, innermost first; empty when none could be read.
        basis: what the group rests on: own frames, frames, message or operation.
        operation: of the newest.
        services: that ever reported it, at most :data:`MOST_SERVICES` of them.
        reporting: how many ever reported it; to about 2 % where they are very many.
        first_seen: when the first occurred, of all that is kept.
        first_version: that reported it first.
        last_seen: when the last occurred.
        last_version: that reported it last.
        total: reports of all that is kept, without repeats.
    """

    fingerprint: str
    type: str
    message: str
    frames: tuple[str, ...]
    basis: str
    operation: str
    services: tuple[str, ...]
    reporting: int
    first_seen: dt.datetime
    first_version: str
    last_seen: dt.datetime
    last_version: str
    total: int

    @property
    def title(self) -> str:
        """What people call it: the type, or the operation that failed."""
        return (
            self.type if self.type and self.basis != "operation" else f"{self.operation or 'a span'} failed"
        )

    @property
    def culprit(self) -> str:
        """The frame in which it was raised; empty when unknown."""
        return self.frames[0] if self.frames else ""


@dataclass(frozen=True, slots=True)
class Listed:
    """A group in a stretch of time.

    Attributes:
        group: it.
        occurrences: reports in the stretch, without repeats.
        traces: traces that these were in, never more than they are; estimated above :data:`EXACT_TRACES`.
        services: that reported it in the stretch, at most :data:`MOST_SERVICES` of them.
        reporting: how many reported it in the stretch.
        versions: of them, at most :data:`MOST_VERSIONS`.
        operations: how many operations reported it.
        counts: reports by bucket of the stretch, in order, zeros included.
    """

    group: Group
    occurrences: int
    traces: int
    services: tuple[str, ...]
    reporting: int
    versions: tuple[str, ...]
    operations: int
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Spread:
    """Where a group occurs: one service, version and operation."""

    service: str
    environment: str
    version: str
    operation: str
    occurrences: int
    traces: int
    first_seen: dt.datetime
    last_seen: dt.datetime


@dataclass(frozen=True, slots=True)
class Sample:
    """One report; its trace, when it has one, may have been sampled away."""

    occurred_at: dt.datetime
    service: str
    version: str
    instance: str
    operation: str
    message: str
    reported_as: str
    trace_id: str
    span_id: str


@dataclass(frozen=True, slots=True)
class Asked:
    """Which errors. Empty leaves a thing open.

    Attributes:
        service: exact name.
        version: exact version.
        environment: exact name.
        text: part of type, message or frames, in any case.
    """

    service: str = ""
    version: str = ""
    environment: str = ""
    text: str = ""


def _bounds(of: Interval) -> dict[str, Any]:
    return {"start": of.start, "end": of.end}


def moment(value: Any) -> dt.datetime:
    """An instant of the store, to the microsecond."""
    made: dt.datetime = value.to_pydatetime(warn=False) if hasattr(value, "to_pydatetime") else value
    return made


def _group(row: dict[str, Any]) -> Group:
    return Group(
        row["fingerprint"], row["type"], without_colours(row["message"]), tuple(row["frames"]), row["basis"],
        row["operation"], tuple(row["services"]), row["reporting"], moment(row["first_seen"]),
        row["first_version"], moment(row["last_seen"]), row["last_version"], row["occurrences"],
    )  # fmt: skip


def groups(store: Queryable, of: Interval, asked: Asked = Asked(), most: int = MOST) -> list[Listed]:
    """Groups that occurred in a stretch, most frequent first.

    Args:
        store: where they are.
        of: when they occurred.
        asked: which ones.
        most: at most so many.
    """
    counted = store.query(
        _COUNTS,
        {**_bounds(of), "service": asked.service, "version": asked.version, "environment": asked.environment,
         "text": asked.text, "most": min(most, MOST), "named": MOST_SERVICES, "versions": MOST_VERSIONS},
    ).to_pylist()  # fmt: skip
    if not counted:
        return []
    ids = [row["fingerprint"] for row in counted]
    known = {
        row["fingerprint"]: _group(row)
        for row in store.query(_GROUPS, {"ids": ids, "named": MOST_SERVICES}).to_pylist()
    }
    places = {at: place for place, at in enumerate(of.buckets)}
    counts = {one: [0] * len(places) for one in ids}
    asked_series = {**_bounds(of), "ids": ids, "width": of.bucket_seconds}
    for row in store.query(_SERIES, asked_series).to_pylist():
        counts[row["fingerprint"]][places[row["at"]]] += row["occurrences"]
    return [
        Listed(
            known[row["fingerprint"]], row["occurrences"], row["traces"], tuple(row["services"]), row["reporting"],
            tuple(filter(None, row["versions"])), row["operations"], tuple(counts[row["fingerprint"]]),
        )
        for row in counted
        if row["fingerprint"] in known
    ]  # fmt: skip


def group(store: Queryable, fingerprint: str) -> Group:
    """One group.

    Raises:
        NotFoundError: there is none.
    """
    rows = store.query(_GROUPS, {"ids": [fingerprint], "named": MOST_SERVICES}).to_pylist()
    if not rows:
        raise NotFoundError(
            f"there is no error {fingerprint[:60]!r}",
            fix="`ktlo errors` lists them; what did not occur for telemetry.keep_rollups_days is forgotten",
        )
    return _group(rows[0])


def one_listed(store: Queryable, of: Interval, fingerprint: str) -> Listed:
    """One group in a stretch; its figures are zero when it did not occur.

    Raises:
        NotFoundError: there is none.
    """
    it = group(store, fingerprint)
    counts = by_version(store, of, fingerprint)
    places = spread(store, of, fingerprint)
    summed = tuple(sum(column) for column in zip(*counts.values(), strict=True)) or (0,) * len(of.buckets)
    (row,) = store.query(_TRACES, {**_bounds(of), "id": fingerprint}).to_pylist()
    return Listed(
        it, sum(summed), min(row["traces"], sum(summed)),
        tuple(sorted({one.service for one in places})[:MOST_SERVICES]),
        row["reporting"], tuple(sorted(filter(None, counts))), len({one.operation for one in places}), summed,
    )  # fmt: skip


def stacktrace(store: Queryable, fingerprint: str) -> str:
    """The stack of a group's newest report; empty when none was reported."""
    rows = store.query(_STACK, {"id": fingerprint}).to_pylist()
    return without_colours(rows[0]["stacktrace"]) if rows else ""


def by_version(store: Queryable, of: Interval, fingerprint: str) -> dict[str, tuple[int, ...]]:
    """Reports by bucket for each version that reported, zeros included; see :attr:`Interval.buckets`.

    Beyond :data:`MOST_VERSIONS` those with fewest reports are added up as :data:`OTHERS`.
    """
    places = {at: place for place, at in enumerate(of.buckets)}
    found: dict[str, list[int]] = {}
    asked = {**_bounds(of), "ids": [fingerprint], "width": of.bucket_seconds}
    for row in store.query(_SERIES, asked).to_pylist():
        found.setdefault(row["version"], [0] * len(places))[places[row["at"]]] = row["occurrences"]
    least = sorted(found, key=lambda version: -sum(found[version]))[MOST_VERSIONS:]
    if least:
        found[OTHERS] = [
            sum(column) for column in zip(*(found.pop(version) for version in least), strict=True)
        ]
    return {version: tuple(counts) for version, counts in found.items()}


def spread(store: Queryable, of: Interval, fingerprint: str) -> list[Spread]:
    """Services, versions and operations that reported a group, most frequent first."""
    rows = store.query(_SPREAD, {**_bounds(of), "id": fingerprint}).to_pylist()
    return [Spread(**row) for row in rows]


def samples(store: Queryable, of: Interval, fingerprint: str, most: int = MOST_SAMPLES) -> list[Sample]:
    """Newest reports of a group, one a span and way of reporting; repeats are there, too."""
    rows = store.query(_SAMPLES, {**_bounds(of), "id": fingerprint, "most": most}).to_pylist()
    return [
        Sample(
            **{**row, "occurred_at": moment(row["occurred_at"]), "message": without_colours(row["message"])}
        )
        for row in rows
    ]


def of_trace(store: Queryable, trace_id: str) -> dict[str, tuple[str, str, str]]:
    """Errors of a trace: by span the group, type and message of its first report."""
    found: dict[str, tuple[str, str, str]] = {}
    for row in store.query(_OF_TRACE, {"trace": trace_id}).to_pylist():
        found.setdefault(row["span_id"], (row["fingerprint"], row["type"], without_colours(row["message"])))
    return found
