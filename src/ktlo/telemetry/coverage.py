"""Functions and lines that never ran in a version of a service, since its first process began to look.

From what processes say with ``ktlo.function.coverage`` (``store/streams/coverage``). Nothing is said of a version
that nobody watched, and nothing is dead code because it did not run: the time that was watched is told with it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from ktlo.store.protocol import Queryable
from ktlo.telemetry.unused import is_watched_enough

MOST = 20_000

_VERSIONS = """
SELECT c.service AS service, c.environment AS environment, c.version AS version, c.since AS since,
  greatest(c.told_at, f.called_at) AS last_at, c.functions AS functions, c.never AS never,
  f.days AS days, f.calls AS calls, p.processes AS processes
FROM (
  SELECT toString(service) AS service, toString(environment) AS environment, toString(version) AS version,
    min(since) AS since, max(last_at) AS told_at, toInt64(count()) AS functions,
    toInt64(countIf(NOT executed)) AS never
  FROM ktlo.function_coverage
  WHERE ({service:String} = '' OR service = {service:String})
    AND ({environment:String} = '' OR environment = {environment:String})
  GROUP BY service, environment, version
) AS c LEFT JOIN (
  SELECT toString(m.service) AS service, toString(m.environment) AS environment, toString(m.version) AS version,
    toDateTime64(max(m.minute), 6, 'UTC') AS called_at, toInt64(uniqExact(toDate(m.minute, 'UTC'))) AS days,
    toInt64(sum(m.calls)) AS calls
  FROM ktlo.function_minutes_states AS m
  WHERE m.origin = 'instrument' AND m.calls > 0 AND ({service:String} = '' OR m.service = {service:String})
  GROUP BY service, environment, version
) AS f USING (service, environment, version) LEFT JOIN (
  SELECT toString(m.service) AS service, toString(m.environment) AS environment, toString(m.version) AS version,
    toInt64(uniqCombinedMerge(12)(m.processes)) AS processes
  FROM ktlo.module_coverage_states AS m
  WHERE ({service:String} = '' OR m.service = {service:String})
  GROUP BY service, environment, version
) AS p USING (service, environment, version)
ORDER BY last_at DESC, service, version LIMIT 500"""

_NEVER = """
SELECT path, module, function, line FROM ktlo.function_coverage
WHERE service = {service:String} AND environment = {environment:String} AND version = {version:String}
  AND NOT executed
  AND ({text:String} = '' OR positionCaseInsensitiveUTF8(concat(path, ' ', module, '.', function), {text:String}) > 0)
ORDER BY path, line, function LIMIT {most:UInt32}"""

_LINES = """
SELECT path, max(m.module) AS module, toInt64(uniqCombinedMerge(12)(m.processes)) AS processes,
  arraySort(groupArrayIntersectMerge(m.lines_never)) AS lines
FROM ktlo.module_coverage_states AS m
WHERE m.service = {service:String} AND m.environment = {environment:String} AND m.version = {version:String}
GROUP BY m.path AS path ORDER BY path LIMIT 5000"""


@dataclass(frozen=True, slots=True)
class Watched:
    """A version of a service that was watched.

    Attributes:
        service: service.name.
        environment: its environment.
        version: its version.
        since: when the first process began to look.
        last_at: when one last told, or counted a call: while nothing new runs, nothing is told.
        functions: functions of the modules that were loaded, and of others of their packages.
        never: of them, those that no process ran.
        days: days, in UTC, on which it counted calls.
        calls: calls that it counted.
        processes: that told, estimated above a few thousand.
    """

    service: str
    environment: str
    version: str
    since: dt.datetime
    last_at: dt.datetime
    functions: int
    never: int
    days: int
    calls: int
    processes: int

    @property
    def is_enough(self) -> bool:
        """Whether it was watched as long, by as many processes, with as many calls as debt asks for."""
        return is_watched_enough(self.days, self.processes, self.calls)


@dataclass(frozen=True, slots=True)
class NeverRan:
    """A function that no process ran."""

    path: str
    module: str
    function: str
    line: int


@dataclass(frozen=True, slots=True)
class Unrun:
    """Lines of a module that no process ran.

    Attributes:
        path: its file, as the service names it.
        module: its name.
        processes: that told of it, estimated above a few thousand.
        ranges: first and last line of each run of neighbouring numbers.
    """

    path: str
    module: str
    processes: int
    ranges: tuple[tuple[int, int], ...]

    @property
    def lines(self) -> int:
        """How many lines."""
        return sum(last - first + 1 for first, last in self.ranges)


def watched(store: Queryable, service: str = "", environment: str = "") -> list[Watched]:
    """Versions that were watched, the one that told last first."""
    rows = store.query(_VERSIONS, {"service": service, "environment": environment}).to_pylist()
    return [Watched(**row) for row in rows]


def present(found: Sequence[Watched]) -> list[Watched]:
    """Of each service and environment the version whose watch began last: what is deployed now."""
    newest: dict[tuple[str, str], Watched] = {}
    for one in found:
        key = (one.service, one.environment)
        if key not in newest or one.since > newest[key].since:
            newest[key] = one
    return list(newest.values())


def never_ran(store: Queryable, of: Watched, text: str = "") -> list[NeverRan]:
    """Functions of a version that no process ran, by file and line."""
    rows = store.query(
        _NEVER,
        {
            "service": of.service,
            "environment": of.environment,
            "version": of.version,
            "text": text,
            "most": MOST,
        },
    ).to_pylist()
    return [NeverRan(**row) for row in rows]


def lines_never_ran(store: Queryable, of: Watched) -> list[Unrun]:
    """Lines of a version that no process ran, by module; none where processes tell of functions only."""
    asked = {"service": of.service, "environment": of.environment, "version": of.version}
    return [
        Unrun(row["path"], row["module"], row["processes"], runs(row["lines"]))
        for row in store.query(_LINES, asked).to_pylist()
        if row["lines"]
    ]


def runs(lines: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Ascending numbers as runs of neighbours: 3, 4, 5, 9 are (3, 5), (9, 9)."""
    found: list[tuple[int, int]] = []
    for line in lines:
        if found and line == found[-1][1] + 1:
            found[-1] = (found[-1][0], line)
        else:
            found.append((line, line))
    return tuple(found)
