"""Samples from the store's tables ``metric_series``, ``metric_points`` and ``metric_histograms``.

A selector is one question to ``metric_series`` (matchers are bound) and then portions of series from the table of
their points. Attributes are labels; ``job`` and ``instance`` follow from the resource as the OpenTelemetry
specification says, ``service_name``, ``service_version`` and ``deployment_environment_name`` are labels, too.
"""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ktlo.errors import UsageError
from ktlo.store.protocol import Queryable
from ktlo.telemetry.promql import stored_histograms
from ktlo.telemetry.promql.labels import NAME, Labels, labels_of
from ktlo.telemetry.promql.members import Chosen, Member, chosen_of, conditions, identity, members_of
from ktlo.telemetry.promql.names import Family, label_name
from ktlo.telemetry.promql.samples import STALE, Floats, Longs, Matcher, Samples, Selector, Stretch

MOST_SERIES = 50_000
_PORTION = 6_000_000
"""Samples that one question to the table of points should bring at most, as far as can be foreseen."""
_SHORTEST_MS = 10_000
"""Distance of points that is assumed for it."""

_FAMILIES = """
SELECT s.name AS name, s.type AS type, s.unit AS unit, s.temporality AS temporality, s.monotonic AS monotonic
FROM ktlo.metric_series AS s
WHERE s.last_at >= {start:DateTime64(9, 'UTC')} AND s.first_at <= {end:DateTime64(9, 'UTC')}
  AND ({letters:String} = '' OR startsWith({letters:String},
    replaceRegexpOne(replaceRegexpAll(toString(s.name), '[^a-zA-Z0-9]', ''), 'total$', '')))
GROUP BY name, type, unit, temporality, monotonic ORDER BY name, type, unit"""
"""Whatever Prometheus makes of a name, it begins with the letters of the name, but for a last ``total``."""

_SERIES = """
SELECT s.series AS series, s.name AS name, s.type AS type, s.unit AS unit, s.temporality AS temporality,
  s.monotonic AS monotonic, s.service AS service, s.version AS version, s.environment AS environment,
  s.instance AS instance, s.resource['service.namespace'] AS namespace, s.scope_name AS scope_name,
  s.attributes AS attributes
FROM ktlo.metric_series AS s
WHERE s.last_at >= {start:DateTime64(9, 'UTC')} AND s.first_at <= {end:DateTime64(9, 'UTC')}
  AND s.name IN {names:Array(String)}"""

_COUNT = """
SELECT uniqExact(s.series) AS series FROM ktlo.metric_series_states AS s
WHERE s.last_at >= {start:DateTime64(9, 'UTC')} AND s.first_at <= {end:DateTime64(9, 'UTC')}
  AND s.name IN {names:Array(String)}"""
"""Of the parts of which a series is stored; so one that is long ended and begun again may be left out here."""

_POINTS = """
SELECT p.series AS series, groupArray(toUnixTimestamp64Milli(p.at)) AS times, groupArray(p.value) AS numbers,
  groupArray(toUInt8(p.flags % 2)) AS flags
FROM ktlo.metric_points AS p
WHERE p.series IN {ids:Array(String)}
  AND p.at >= {start:DateTime64(9, 'UTC')} AND p.at <= {end:DateTime64(9, 'UTC')}
  AND ({step:Int64} = 0
    OR positiveModulo(toUnixTimestamp64Milli(p.at) - {origin:Int64}, {step:Int64}) <= {window:Int64})
GROUP BY series"""
"""What lies between the windows of a long range is not read: a step of an hour looks at five minutes of it."""

_BEFORE = """
SELECT p.series AS series, sum(p.value) AS total FROM ktlo.metric_points AS p
WHERE p.series IN {ids:Array(String)} AND p.at < {start:DateTime64(9, 'UTC')} AND p.flags % 2 = 0
GROUP BY series"""

_TARGETS = """
SELECT s.service AS service, s.instance AS instance, s.resource AS resource,
  min(toUnixTimestamp64Milli(s.first_at)) AS first_ms, max(toUnixTimestamp64Milli(s.last_at)) AS last_ms
FROM ktlo.metric_series AS s
WHERE s.last_at >= {start:DateTime64(9, 'UTC')} AND s.first_at <= {end:DateTime64(9, 'UTC')}
GROUP BY service, instance, resource ORDER BY service, instance LIMIT {most:UInt32}"""

TARGET_INFO = "target_info"


def moment(milliseconds: int) -> dt.datetime:
    """An instant of milliseconds since 1970, as the store takes it."""
    bounded = min(max(milliseconds, 0), 9_000_000_000_000)
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(milliseconds=bounded)


class Stored:
    """Samples of the metrics that services reported."""

    def __init__(self, store: Queryable) -> None:
        self._store = store

    def families(self, start: int, end: int, name: str = "") -> list[Family]:
        """Metrics with points in a stretch; with a name, those that can have it in PromQL, and maybe some more."""
        asked = {
            "start": moment(start), "end": moment(end), "letters": re.sub(r"[^a-zA-Z0-9]", "", name),
        }  # fmt: skip
        rows = self._store.query(_FAMILIES, asked).to_pylist()
        return [
            Family(row["name"], row["type"], row["unit"], row["temporality"], bool(row["monotonic"]))
            for row in rows
        ]

    def members(self, selector: Selector, start: int, end: int) -> list[Member]:
        """Series that a selector means; ``le`` and ``quantile`` are not yet told apart.

        Raises:
            UsageError: there are too many.
        """
        found, too_many = self._meant(selector, start, end, is_counted=True)
        if too_many:
            raise UsageError(
                f"at least {too_many:,} series match, and at most {MOST_SERIES:,} are read",
                fix="Narrow it by labels",
            )
        return found

    def first_members(self, selector: Selector, start: int, end: int) -> tuple[list[Member], bool]:
        """The same, of too many the first :data:`MOST_SERIES`; and whether there are more."""
        found, too_many = self._meant(selector, start, end, is_counted=False)
        return found, bool(too_many)

    def _meant(
        self, selector: Selector, start: int, end: int, *, is_counted: bool
    ) -> tuple[list[Member], int]:
        found: dict[tuple[str, str], Member] = {}
        too_many = 0
        for group in selector.groups:
            name = next((each.value for each in group if each.label == NAME and each.operator == "="), "")
            chosen = chosen_of(group, self.families(start, end, name))
            if not chosen:
                continue
            rows, more = self._rows(group, chosen, start, end, is_counted=is_counted)
            too_many = max(too_many, more)
            for member in members_of(group, chosen, rows):
                found.setdefault((member.series, member.exposed.name), member)
        return list(found.values()), too_many

    def read(self, selector: Selector, of: Stretch) -> Iterator[Samples]:
        """See :meth:`ktlo.telemetry.promql.samples.Source.read`."""
        fits = selector.test()
        by_part: dict[str, list[Member]] = {}
        for member in self.members(selector, of.start, of.end):
            by_part.setdefault(member.exposed.part, []).append(member)
        length = (of.end - of.start) * of.window // of.step if of.has_gaps else of.end - of.start
        size = max(1, _PORTION // max(1, length // _SHORTEST_MS))
        for part, members in by_part.items():
            per_series = size if part == "value" else max(1, size // 12)
            for some in _portions(members, per_series):
                if part == "value":
                    yield self._points(some, of)
                else:
                    yield _fitting(stored_histograms.read(self._store, part, some, of), fits)
        if any(_named(group, TARGET_INFO) for group in selector.groups):
            yield _fitting(self._targets(of.start, of.end), fits)

    def _rows(
        self, group: Sequence[Matcher], chosen: Chosen, start: int, end: int, *, is_counted: bool
    ) -> tuple[list[dict[str, Any]], int]:
        """Rows of series, at most :data:`MOST_SERIES`, and how many there are where these are too many."""
        terms, values = conditions(group)
        values |= {
            "names": sorted({each.name for each in chosen}),
            "start": moment(start),
            "end": moment(end),
        }
        where = "".join(f" AND {condition}" for condition in terms)
        if is_counted:
            # Counted first: to read what many series are called takes long, and then they would be refused.
            series: int = self._store.query(f"{_COUNT}{where}", values).to_pylist()[0]["series"]
            if series > MOST_SERIES:
                return [], series
        rows = self._store.query(f"{_SERIES}{where} ORDER BY series LIMIT {MOST_SERIES + 1}", values)
        return rows[:MOST_SERIES].to_pylist(), len(rows) if len(rows) > MOST_SERIES else 0

    def _points(self, members: Sequence[Member], of: Stretch) -> Samples:
        by_id = {member.series: member for member in members}
        asked = asked_of(members, of)
        rows = self._store.query(_POINTS, asked)
        runs = runs_of(rows, "times", "numbers", "flags")
        deltas = [each.series for each in members if each.exposed.family.temporality == "delta"]
        before: dict[str, float] = {}
        if deltas:
            asked["ids"] = deltas
            before = {row["series"]: row["total"] for row in self._store.query(_BEFORE, asked).to_pylist()}
        found = []
        for series, (times, values, flags) in zip(
            map(str, rows.column("series").to_pylist()) if runs else (), runs, strict=True
        ):
            member, numbers = by_id[series], values
            if member.exposed.family.temporality == "delta":
                told = np.where(flags & 1, 0.0, values)
                numbers = before.get(series, 0.0) + np.cumsum(told)
            found.append((member.labels, times, with_stale(numbers, flags)))
        return same_joined(found)

    def _targets(self, start: int, end: int) -> Samples:
        """``target_info``: 1 for each resource, its attributes as labels, every minute while it reports."""
        asked = {"start": moment(start), "end": moment(end), "most": MOST_SERIES}
        found = []
        for row in self._store.query(_TARGETS, asked).to_pylist():
            resource = dict(row["resource"])
            labels = {
                label_name(key): value for key, value in resource.items() if not key.startswith("service.")
            }
            labels |= identity(row["service"], resource.get("service.namespace", ""), row["instance"])
            labels[NAME] = TARGET_INFO
            if resource.get("service.version"):
                labels["service_version"] = resource["service.version"]
            begin, stop = max(start, row["first_ms"]), min(end, row["last_ms"] + 60_000)
            times = np.arange(-(-begin // 60_000) * 60_000, stop + 1, 60_000, dtype=np.int64)
            found.append((labels_of(labels), times, np.ones(len(times))))
        return same_joined(found)


def _portions(members: Sequence[Member], size: int) -> Iterator[list[Member]]:
    """Members in portions; those of equal labels are never parted, for they become one series."""
    portion: list[Member] = []
    for member in sorted(members, key=lambda each: each.labels):
        if len(portion) >= size and member.labels != portion[-1].labels:
            yield portion
            portion = []
        portion.append(member)
    if portion:
        yield portion


def _named(group: Sequence[Matcher], name: str) -> bool:
    named = [each for each in group if each.label == NAME]
    return bool(named) and all(each.test()(name) for each in named)


def asked_of(members: Sequence[Member], of: Stretch) -> dict[str, Any]:
    """Parameters of a question for points. Increments are all needed, for each adds to what follows."""
    all_needed = any(member.exposed.family.temporality == "delta" for member in members)
    step = of.step if of.has_gaps and not all_needed else 0
    return {
        "ids": list({member.series: None for member in members}), "start": moment(of.start), "end": moment(of.end),
        "origin": of.start, "step": step, "window": of.window,
    }  # fmt: skip


def runs_of(rows: pa.Table, *names: str) -> list[tuple[Any, ...]]:
    """Columns of lists as arrays, row by row, ascending by the first of them; the last of equal times is kept."""
    if not len(rows):
        return []
    columns: list[Any] = [rows.column(name).combine_chunks() for name in names]
    offsets = np.asarray(columns[0].offsets)
    flat = [np.asarray(column.values) for column in columns]
    found = []
    for begin, end in itertools.pairwise(offsets):
        run = tuple(values[begin:end] for values in flat)
        steps = np.diff(run[0])
        if (steps < 0).any():
            order = np.argsort(run[0], kind="stable")
            run = tuple(values[order] for values in run)
            steps = np.diff(run[0])
        if (steps == 0).any():
            last = np.append(steps != 0, True)
            run = tuple(values[last] for values in run)
        found.append(run)
    return found


def with_stale(values: Floats, flags: Any) -> Floats:
    """Values with stale markers where the flags say that none was recorded."""
    stale = (np.asarray(flags) & 1) == 1
    if not stale.any():
        return np.asarray(values, dtype=np.float64)
    marked = np.array(values, dtype=np.float64)
    marked.view(np.uint64)[stale] = STALE
    return marked


def same_joined(found: Sequence[tuple[Labels, Longs, Floats]]) -> Samples:
    """Join series; those of equal labels (another scope, a restarted process) become one, by time."""
    members: dict[Labels, list[tuple[Longs, Floats]]] = {}
    for labels, times, values in found:
        members.setdefault(labels, []).append((times, values))
    series = []
    for labels, parts in members.items():
        times, values = parts[0]
        if len(parts) > 1:
            times = np.concatenate([part[0] for part in parts])
            values = np.concatenate([part[1] for part in parts])
            order = np.argsort(times, kind="stable")
            times, values = times[order], values[order]
            last = np.append(np.diff(times) != 0, True)
            times, values = times[last], values[last]
        series.append((labels, times, values))
    return Samples.of(series)


def _fitting(samples: Samples, fits: Any) -> Samples:
    """The series that a selector means, by their finished labels."""
    kept = [at for at, labels in enumerate(samples.labels) if fits(labels)]
    if len(kept) == len(samples.labels):
        return samples
    return Samples.of(
        [
            (samples.labels[at], samples.times[begin:end], samples.values[begin:end])
            for at in kept
            for begin, end in [(samples.starts[at], samples.starts[at + 1])]
        ]
    )
