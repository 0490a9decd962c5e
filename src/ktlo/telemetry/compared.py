"""Two stretches of telemetry side by side, hour against the same hour of the week, as arrays of operations by hours.

Read from ``operation_hours``. An hour that is not over yet, in which nothing at all arrived in one of the two
stretches, or in which the store began, is in neither. Durations come as quantiles of each hour's t-digest.
"""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ktlo.errors import UsageError
from ktlo.store.protocol import Queryable
from ktlo.telemetry.interval import Interval
from ktlo.telemetry.observed import Watch, watch

Floats = npt.NDArray[np.float64]

HOUR = dt.timedelta(hours=1)
LEVELS = (0.0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975, 0.99, 1.0)
"""Levels of the quantiles that stand for an hour's durations."""
MOST = 500
"""Operations compared, those with most calls; the rest is counted."""

_ASKED = """(o.kind IN ('server', 'consumer') OR o.service NOT IN (
    SELECT service FROM ktlo.operation_hours_states
    WHERE hour >= {first:DateTime64(6, 'UTC')} AND hour < {end:DateTime64(6, 'UTC')}
      AND kind IN ('server', 'consumer')))"""
_WITHIN = f"""o.hour >= {{first:DateTime64(6, 'UTC')}} AND o.hour < {{end:DateTime64(6, 'UTC')}}
  AND ({{service:String}} = '' OR o.service = {{service:String}}) AND {_ASKED}"""
_CHOSEN = f"""
SELECT o.service, o.environment, o.kind, o.name FROM ktlo.operation_hours_states AS o WHERE {_WITHIN}
GROUP BY o.service, o.environment, o.kind, o.name
ORDER BY sum(o.calls) DESC, o.service, o.environment, o.kind, o.name LIMIT {{most:UInt32}}"""  # noqa: S608
_OF_CHOSEN = f"{_WITHIN} AND (o.service, o.environment, o.kind, o.name) IN ({_CHOSEN})"
_ALL = f"""
SELECT uniqExact(o.service, o.environment, o.kind, o.name) AS operations FROM ktlo.operation_hours_states AS o
WHERE {_WITHIN}"""  # noqa: S608
_OPERATIONS = f"""
SELECT toString(o.service) AS service, toString(o.environment) AS environment, toString(o.kind) AS kind,
  toString(o.name) AS name, sum(o.calls) AS calls,
  quantilesTDigestMerge(0.95)(o.durations)[1] AS pooled,
  quantilesTDigestMergeIf(0.95)(o.durations, o.hour >= {{start:DateTime64(6, 'UTC')}})[1] AS later,
  quantilesTDigestMergeIf(0.95)(o.durations, o.hour >= {{before:DateTime64(6, 'UTC')}}
    AND o.hour < {{before_end:DateTime64(6, 'UTC')}})[1] AS earlier,
  argMaxMergeIf(o.longest_trace, o.hour >= {{start:DateTime64(6, 'UTC')}}) AS trace
FROM ktlo.operation_hours_states AS o WHERE {_OF_CHOSEN}
GROUP BY service, environment, kind, name ORDER BY calls DESC, service, environment, kind, name"""  # noqa: S608
_HOURS = f"""
SELECT toString(o.service) AS service, toString(o.environment) AS environment, toString(o.kind) AS kind,
  toString(o.name) AS name, toInt64(toUnixTimestamp(toDateTime(o.hour))) AS hour, sum(o.calls) AS calls,
  sum(o.errors) AS errors, sum(o.total_ns) AS total_ns,
  quantilesTDigestMerge({", ".join(map(str, LEVELS))})(o.durations) AS quantiles
FROM ktlo.operation_hours_states AS o WHERE {_OF_CHOSEN}
GROUP BY service, environment, kind, name, hour"""  # noqa: S608
_ANYTHING = """
SELECT DISTINCT toInt64(toUnixTimestamp(toDateTime(hour))) AS hour FROM ktlo.operation_hours_states
WHERE hour >= {first:DateTime64(6, 'UTC')} AND hour < {end:DateTime64(6, 'UTC')}"""


class Span(enum.StrEnum):
    """What is compared with what."""

    DAY = "day"
    WEEK = "week"
    MONTH = "4weeks"


_LENGTHS = {
    Span.DAY: dt.timedelta(days=1),
    Span.WEEK: dt.timedelta(days=7),
    Span.MONTH: dt.timedelta(days=28),
}
_READ = {Span.DAY: dt.timedelta(days=7), Span.WEEK: dt.timedelta(days=7), Span.MONTH: dt.timedelta(days=28)}

WORDS = {
    Span.DAY: ("the last day", "the same day of the week before"),
    Span.WEEK: ("the last seven days", "the seven days before"),
    Span.MONTH: ("the last four weeks", "the four weeks before"),
}
"""Both stretches in words."""


@dataclass(frozen=True, slots=True)
class Stretches:
    """Two stretches of whole hours, as far apart as whole weeks.

    A day is read with the six before it, and the week before those: only so is it known how much days differ anyway.

    Attributes:
        span: what they are.
        later: the one that is asked about.
        earlier: what it is compared with.
        read_later: what is read for the later one; it ends when that ends.
        read_earlier: what is read for the earlier one.
    """

    span: Span
    later: Interval
    earlier: Interval
    read_later: Interval
    read_earlier: Interval

    @property
    def hours(self) -> int:
        """Hours that are read of each."""
        return round(self.read_later.seconds / 3600)

    @property
    def asked(self) -> npt.NDArray[np.bool_]:
        """(h,) hours that the question is about."""
        return np.arange(self.hours) >= self.hours - round(self.later.seconds / 3600)

    @property
    def block(self) -> npt.NDArray[np.int64]:
        """(h,) day of each hour, counted from the start."""
        return np.arange(self.hours) // 24

    @property
    def asked_blocks(self) -> npt.NDArray[np.bool_]:
        """(b,) days that the question is about."""
        return np.arange(self.hours // 24) >= self.hours // 24 - round(self.later.seconds / 86400)


def stretches(span: str, until: dt.datetime) -> Stretches:
    """The two stretches that a comparison is about; the hour that is not over yet is in neither.

    Raises:
        UsageError: there is no such comparison.
    """
    try:
        meant = Span(span or Span.WEEK)
    except ValueError:
        raise UsageError(
            f"{span[:40]!r} is no stretch to compare", fix="Choose day, week or 4weeks"
        ) from None
    end = until.astimezone(dt.UTC).replace(minute=0, second=0, microsecond=0)
    length, read = _LENGTHS[meant], _READ[meant]
    return Stretches(
        meant,
        Interval(end - length, end),
        Interval(end - read - length, end - read),
        Interval(end - read, end),
        Interval(end - 2 * read, end - read),
    )


@dataclass(frozen=True, slots=True)
class Key:
    """Which operation."""

    service: str
    environment: str
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Compared:
    """Operations in two stretches; g operations, h hours, earlier first on the first axis of arrays.

    Attributes:
        stretches: what is compared.
        keys: operations, most calls first.
        left_out: operations beyond the most that are compared.
        there: (h,) hours in which anything arrived in both stretches.
        calls: (2, g, h) calls.
        errors: (2, g, h) calls that failed.
        total: (2, g, h) seconds, durations added up.
        slow: (2, g, h) calls slower than the operation's p95 of both stretches together.
        p95: (2, g) seconds; NaN without calls.
        hourly_p95: (2, g, h) seconds; NaN without calls.
        slope: (g,) share of calls between that p95 and a fifth less: how many more would be slow if all took a quarter
            longer.
        traces: of the longest call of the later stretch.
        reporting: (g, h) hours in which the operation's service can have reported in both stretches; all of them for
            one that began after the earlier stretch, which is new.
        since: when the store has its first record, where that is after the earlier stretch began; else ``None``.
    """

    stretches: Stretches
    keys: tuple[Key, ...]
    left_out: int
    there: npt.NDArray[np.bool_]
    calls: Floats
    errors: Floats
    total: Floats
    slow: Floats
    p95: Floats
    hourly_p95: Floats
    slope: Floats
    traces: tuple[str, ...]
    reporting: npt.NDArray[np.bool_]
    since: dt.datetime | None = None


def read_compared(store: Queryable, of: Stretches, service: str = "") -> Compared:
    """Read both stretches.

    Args:
        store: holds the roll-up by hour.
        of: what is compared.
        service: service.name; empty for all.
    """
    asked = {
        "first": of.read_earlier.start,
        "before": of.earlier.start,
        "before_end": of.earlier.end,
        "start": of.later.start,
        "end": of.later.end,
        "service": service,
        "most": MOST,
    }
    chosen = store.query(_OPERATIONS, asked).to_pylist()
    operations: int = store.query(_ALL, asked).to_pylist()[0]["operations"]
    keys = tuple(Key(row["service"], row["environment"], row["kind"], row["name"]) for row in chosen)
    shape = (2, len(keys), of.hours)
    hours = np.asarray(store.query(_ANYTHING, asked).column("hour").to_numpy(), dtype=np.int64)
    here, there = np.zeros(of.hours, dtype=bool), np.zeros(of.hours, dtype=bool)
    for mask, start in ((there, of.read_earlier.start), (here, of.read_later.start)):
        places = (hours - int(start.timestamp())) // 3600
        mask[places[(places >= 0) & (places < of.hours)]] = True
    seen = watch(store, Interval(of.read_earlier.start, of.later.end), {key.service for key in keys})
    there &= np.arange(of.hours) >= _hours_until(seen.store_first, of)
    filled = {name: np.zeros(shape) for name in ("calls", "errors", "total", "slow")}
    hourly = np.full(shape, np.nan)
    near = np.zeros(len(keys))
    pooled = np.array([row["pooled"] for row in chosen], dtype=np.float64)
    if keys:
        table = store.query(_HOURS, asked)
        place, which, at = _places(table, keys, of)
        kept = (place >= 0) & (at >= 0) & (at < of.hours)
        where = (which[kept], place[kept], at[kept])
        numbers = {
            name: table.column(name).to_numpy().astype(np.float64)[kept]
            for name in ("calls", "errors", "total_ns")
        }
        filled["calls"][where], filled["errors"][where] = numbers["calls"], numbers["errors"]
        filled["total"][where] = numbers["total_ns"] / 1e9
        grid = _grid(table)[kept]
        hourly[where] = grid[:, LEVELS.index(0.95)] / 1e9
        filled["slow"][where] = numbers["calls"] * _beyond(grid, pooled[place[kept]])
        a_quarter_longer = numbers["calls"] * _beyond(grid, pooled[place[kept]] / 1.25)
        more = np.bincount(place[kept], a_quarter_longer - filled["slow"][where], minlength=len(keys))
        near = more / np.maximum(filled["calls"].sum(axis=(0, 2)), 1)
    return Compared(
        of,
        keys,
        operations - len(chosen),
        here & there,
        **filled,
        p95=np.array([[row["earlier"] for row in chosen], [row["later"] for row in chosen]], dtype=np.float64)
        / 1e9,
        hourly_p95=hourly,
        slope=near,
        traces=tuple(row["trace"] for row in chosen),
        reporting=_reporting(seen, keys, of),
        since=seen.store_first if seen.store_first and seen.store_first > of.earlier.start else None,
    )


def _hours_until(first: dt.datetime | None, of: Stretches) -> int:
    """Hours of the earlier stretch that are not whole before a first record."""
    if first is None:
        return 0
    return max(-int((of.read_earlier.start - first).total_seconds() // 3600), 0)


def _reporting(seen: Watch, keys: tuple[Key, ...], of: Stretches) -> npt.NDArray[np.bool_]:
    began = [
        _hours_until(seen.records[key.service][0], of) if key.service in seen.records else 0 for key in keys
    ]
    begins = np.array([hours if hours < of.hours else 0 for hours in began], dtype=np.int64)
    reporting: npt.NDArray[np.bool_] = np.arange(of.hours)[None, :] >= begins[:, None]
    return reporting


def _places(
    table: pa.Table, keys: tuple[Key, ...], of: Stretches
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """For each row: place of its operation (-1 for none), 0 in the earlier stretch and 1 in the later, and the hour."""
    known = {(key.service, key.environment, key.kind, key.name): number for number, key in enumerate(keys)}
    columns = [table.column(name).to_pylist() for name in ("service", "environment", "kind", "name")]
    place = np.array([known.get(row, -1) for row in zip(*columns, strict=True)], dtype=np.int64)
    hour = table.column("hour").to_numpy()
    is_later = hour >= int(of.read_later.start.timestamp())
    start = np.where(is_later, int(of.read_later.start.timestamp()), int(of.read_earlier.start.timestamp()))
    return place, is_later.astype(np.int64), (hour - start) // 3600


def _grid(table: pa.Table) -> Floats:
    """(n, levels) quantiles, nanoseconds, ascending in each row."""
    column: Any = table.column("quantiles").combine_chunks()
    flat = np.asarray(column.flatten().to_numpy(zero_copy_only=False), dtype=np.float64)
    return np.maximum.accumulate(flat.reshape(-1, len(LEVELS)), axis=1)


def _beyond(grid: Floats, threshold: Floats) -> Floats:
    """(n,) share of each row's calls that took longer than its threshold, by straight lines between quantiles."""
    levels = np.array(LEVELS)
    below = np.zeros(len(grid))
    for number in range(len(LEVELS) - 1):
        low, high = grid[:, number], grid[:, number + 1]
        inside = np.clip((threshold - low) / np.maximum(high - low, 1.0), 0.0, 1.0)
        inside = np.where(threshold >= high, 1.0, np.where(threshold < low, 0.0, inside))
        below += inside * (levels[number + 1] - levels[number])
    return 1 - below
