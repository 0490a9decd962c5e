"""Functions that production never ran, file by file over all versions of the last weeks, and how sure that is.

Coverage of every version that was watched is put together (``store/streams/coverage``): a function is unused when it is
in a version that is deployed now and no process of any version ran it, neither by coverage nor by the statistics of
calls. Functions that run at import alone have run. What may seldom run by its nature is left out by its name and told.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from ktlo.store.protocol import Queryable
from ktlo.telemetry.function_files import Sent, matched

WINDOW = dt.timedelta(days=90)
LEAST_DAYS = 14
"""Days on which the service counted calls while a function was watched."""
LEAST_PROCESSES = 2
LEAST_CALLS = 1000
ASKED_FOR = f"{LEAST_DAYS} days, {LEAST_PROCESSES} processes and {LEAST_CALLS:,} calls are asked for"
MOST = 200_000

_SELDOM = re.compile(
    r"(?i)error|exception|fail|fallback|retr(y|ies)|recover|rollback|abort|shut_?down|tear_?down|clean_?up|close|exit"
    r"|signal|timeout|warn|deprecat|migrat|upgrade|downgrade|backup|restore|debug|^_*main$|(^|\.)__\w+__$"
)
_COMMAND = re.compile(r"(^|\.)(__main__|cli|commands?|manage|migrations?|conftest|tests?)(\.|$)")

_WATCHED = """
SELECT toString(c.service) AS service, c.path AS path, max(c.module) AS module, c.function AS function,
  max(c.executed) AS executed, min(c.since) AS since, max(c.last_at) AS last_at, argMax(c.line, c.last_at) AS line,
  groupUniqArray(toString(c.version)) AS versions
FROM ktlo.function_coverage AS c
WHERE c.last_at >= {start:DateTime64(6, 'UTC')} AND c.since < {end:DateTime64(6, 'UTC')}
GROUP BY service, path, function ORDER BY service, path, function LIMIT {most:UInt32}"""

_NOW = """
SELECT w.service AS service, w.environment AS environment, argMax(w.version, w.began) AS version
FROM (
  SELECT toString(c.service) AS service, toString(c.environment) AS environment, toString(c.version) AS version,
    min(c.since) AS began
  FROM ktlo.function_coverage AS c
  WHERE c.last_at >= {start:DateTime64(6, 'UTC')} AND c.since < {end:DateTime64(6, 'UTC')}
  GROUP BY service, environment, version
) AS w GROUP BY service, environment"""

_RAN = """
SELECT DISTINCT toString(m.service) AS service, toString(m.function) AS function
FROM ktlo.function_minutes_states AS m
WHERE m.minute >= {start:DateTime64(6, 'UTC')} AND m.service IN {services:Array(String)} LIMIT {most:UInt32}"""

_DAYS = """
SELECT toString(m.service) AS service, toDate(m.minute, 'UTC') AS day, sum(m.calls) AS calls
FROM ktlo.function_minutes_states AS m
WHERE m.minute >= {start:DateTime64(6, 'UTC')} AND m.minute < {end:DateTime64(6, 'UTC')}
  AND m.service IN {services:Array(String)}
GROUP BY service, day HAVING calls > 0"""

_PROCESSES = """
SELECT toString(m.service) AS service, m.path AS path, toInt64(uniqCombinedMerge(12)(m.processes)) AS processes
FROM ktlo.module_coverage_states AS m
WHERE m.service IN {services:Array(String)} AND m.last_at >= {start:DateTime64(6, 'UTC')}
GROUP BY service, path"""

_SOURCES = """
SELECT DISTINCT repository, path FROM ktlo.files
WHERE role = 'source' AND repository IN {repositories:Array(String)} AND path IN {paths:Array(String)}"""


def is_watched_enough(days: int, processes: int, calls: int) -> bool:
    """Whether code that did not run was watched on so many days, by so many processes, with so many calls counted."""
    return days >= LEAST_DAYS and processes >= LEAST_PROCESSES and calls >= LEAST_CALLS


@dataclass(frozen=True, slots=True)
class Unused:
    """A function that nothing ran.

    Attributes:
        service: that has it; the first by name where several do.
        module: its module.
        name: qualified name in it.
        line: first line, in the version told of last.
        since: from when it was watched.
        last_at: when a process last told of it.
        days: on which the services that have it counted calls meanwhile.
        calls: that they counted on those days.
        processes: that told of its module.
    """

    service: str
    module: str
    name: str
    line: int
    since: dt.datetime
    last_at: dt.datetime
    days: int
    calls: int
    processes: int

    @property
    def is_enough(self) -> bool:
        """Whether it was watched long enough, by enough processes, with enough calls."""
        return is_watched_enough(self.days, self.processes, self.calls)


@dataclass(frozen=True, slots=True)
class UnusedFile:
    """The unused functions of a file.

    Attributes:
        repository: its repository.
        path: in it.
        functions: how many of it were watched.
        unused: those that nothing ran, by line; without those left out.
        seldom: names of those that nothing ran and that are left out, since they may seldom run.
        inferred: services of which only the commits that they run tell that the repository is theirs.
    """

    repository: str
    path: str
    functions: int
    unused: tuple[Unused, ...]
    seldom: tuple[str, ...]
    inferred: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """What was found.

    Attributes:
        files: with functions that nothing ran.
        not_matched: how many such functions belong to no known file, by service and reason.
        is_cut: whether there were more functions than are looked at; then nothing is said.
    """

    files: tuple[UnusedFile, ...]
    not_matched: tuple[tuple[str, str, int], ...]
    is_cut: bool = False


@dataclass(slots=True)
class _Seen:
    """One function of one file, over services and paths."""

    rows: list[dict[str, Any]]

    @property
    def is_executed(self) -> bool:
        return any(row["executed"] for row in self.rows)

    @property
    def is_here(self) -> bool:
        return any(row["is_here"] for row in self.rows)


def unused_functions(store: Queryable, end: dt.datetime) -> Found:
    """Functions that nothing ran in the weeks before a moment, by file.

    Args:
        store: holds coverage, statistics, catalogue and files.
        end: the moment; coverage is as it is known now.
    """
    bound: dict[str, Any] = {"start": end - WINDOW, "end": end, "most": MOST}
    rows = store.query(_WATCHED, bound).to_pylist()
    if len(rows) == MOST:
        return Found((), (), is_cut=True)
    services = sorted({row["service"] for row in rows})
    if not services:
        return Found((), ())
    bound["services"] = services
    now: dict[str, set[str]] = defaultdict(set)
    for row in store.query(_NOW, bound).to_pylist():
        now[row["service"]].add(row["version"])
    ran = {(row["service"], row["function"]) for row in store.query(_RAN, bound).to_pylist()}
    versions: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        versions[row["service"]] |= set(row["versions"])
    places = matched(store, [Sent(row["service"], row["path"]) for row in rows], versions)
    files: dict[tuple[str, str], dict[str, _Seen]] = defaultdict(dict)
    inferred: dict[tuple[str, str], set[str]] = defaultdict(set)
    lost: dict[tuple[str, str], int] = defaultdict(int)
    for row in rows:
        called = f"{row['module']}.{row['function']}" if row["module"] else row["function"]
        row["executed"] = row["executed"] or (row["service"], called) in ran
        row["is_here"] = bool(now[row["service"]] & set(row["versions"]))
        match = places[Sent(row["service"], row["path"])]
        if match.is_matched:
            files[match.repository, match.path].setdefault(row["function"], _Seen([])).rows.append(row)
            if match.is_inferred:
                inferred[match.repository, match.path].add(row["service"])
        elif not row["executed"] and row["is_here"]:
            lost[row["service"], match.reason] += 1
    watch = _Watch(store, bound)
    sources = _sources(store, files)
    found = [
        _file(place, functions, watch, inferred[place])
        for place, functions in sorted(files.items())
        if place in sources
    ]
    return Found(
        tuple(one for one in found if one.unused or one.seldom),
        tuple((service, reason, n) for (service, reason), n in sorted(lost.items())),
    )


def _sources(store: Queryable, files: dict[tuple[str, str], Any]) -> set[tuple[str, str]]:
    asked = {"repositories": sorted({one for one, _ in files}), "paths": sorted({path for _, path in files})}
    return {(row["repository"], row["path"]) for row in store.query(_SOURCES, asked).to_pylist()}


class _Watch:
    """How long and by how many processes services were watched."""

    def __init__(self, store: Queryable, bound: dict[str, Any]) -> None:
        self._days: dict[str, list[tuple[dt.date, int]]] = defaultdict(list)
        for row in store.query(_DAYS, bound).to_pylist():
            self._days[row["service"]].append((row["day"], row["calls"]))
        self._processes = {
            (row["service"], row["path"]): row["processes"]
            for row in store.query(_PROCESSES, bound).to_pylist()
        }

    def of(self, seen: _Seen) -> Unused:
        """A function with how it was watched."""
        first, last = min(row["since"] for row in seen.rows), max(row["last_at"] for row in seen.rows)
        services = {row["service"] for row in seen.rows}
        counted: dict[dt.date, int] = defaultdict(int)
        for service in services:
            for day, calls in self._days[service]:
                if first.date() <= day <= last.date():
                    counted[day] += calls
        newest = max(seen.rows, key=lambda row: (row["last_at"], row["service"]))
        processes = sum(self._processes.get((row["service"], row["path"]), 0) for row in seen.rows)
        return Unused(
            min(services), newest["module"], newest["function"], newest["line"], first, last, len(counted),
            sum(counted.values()), processes,
        )  # fmt: skip


def _file(
    place: tuple[str, str], functions: dict[str, _Seen], watch: _Watch, inferred: set[str]
) -> UnusedFile:
    idle = {name: seen for name, seen in functions.items() if not seen.is_executed and seen.is_here}
    # A function inside one that never ran goes with it.
    outer = {name: seen for name, seen in idle.items() if not _inside(name, idle)}
    seldom = sorted(name for name, seen in outer.items() if is_seldom(seen.rows[0]["module"], name))
    unused = sorted(
        (watch.of(seen) for name, seen in outer.items() if name not in seldom),
        key=lambda one: (one.line, one.name),
    )
    return UnusedFile(*place, len(functions), tuple(unused), tuple(seldom), tuple(sorted(inferred)))


def _inside(name: str, idle: dict[str, _Seen]) -> bool:
    parts = name.split(".<locals>.")
    return any(".<locals>.".join(parts[:n]) in idle for n in range(1, len(parts)))


def is_seldom(module: str, name: str) -> bool:
    """Whether a function may seldom run by its nature: by its name it handles errors, ends or migrates something.

    So do special methods and entries of commands. A heuristic, which leaves out too much rather than too little.
    """
    return bool(_SELDOM.search(name.rpartition(".<locals>.")[2]) or _COMMAND.search(module))
