"""What production says of files: calls, errors and time of their functions, and what belongs to no known file.

From the roll-up of functions by minute; a function that both ``ktlo-instrument`` and spans tell of is taken from the
former. Time is self time; of functions that only spans tell of it is the spans' own length, of those that were sampled.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from ktlo.store.protocol import Queryable
from ktlo.telemetry.function_files import Sent, matched
from ktlo.telemetry.interval import Interval

LONGEST = dt.timedelta(days=7)
"""The longest stretch that is looked at: the last of a longer one."""
MOST = 100_000
_NAMED = 3

_RAN = """
SELECT toString(m.service) AS service, toString(m.function) AS function, toString(m.origin) AS origin,
  argMax(m.path, m.minute) AS path, sum(m.calls) AS calls, sum(m.errors) AS errors,
  if(origin = 'instrument', sum(m.self_ns), sum(m.total_ns)) AS time_ns, min(m.minute) AS first, max(m.minute) AS last
FROM ktlo.function_minutes_states AS m
WHERE m.minute >= {start:DateTime64(6, 'UTC')} AND m.minute < {end:DateTime64(6, 'UTC')}
GROUP BY service, function, origin ORDER BY time_ns DESC, service, function LIMIT {most:UInt32}"""

_VERSIONS = """
SELECT toString(m.service) AS service, groupUniqArray(toString(m.version)) AS versions
FROM ktlo.function_minutes_states AS m
WHERE m.minute >= {start:DateTime64(6, 'UTC')} AND m.minute < {end:DateTime64(6, 'UTC')} GROUP BY service"""


@dataclass(frozen=True, slots=True)
class Ran:
    """A function in the stretch.

    Attributes:
        service: service.name.
        name: qualified name.
        calls: calls.
        errors: of them, raised.
        time_ns: self time; for spans their length.
        is_measured: False for spans.
    """

    service: str
    name: str
    calls: int
    errors: int
    time_ns: int
    is_measured: bool


@dataclass(frozen=True, slots=True)
class FileRan:
    """A file of a repository whose functions ran.

    Attributes:
        functions: of it, most time first.
    """

    functions: tuple[Ran, ...]

    @property
    def calls(self) -> int:
        """Calls of its functions; one that calls another counts as two."""
        return sum(one.calls for one in self.functions)

    @property
    def errors(self) -> int:
        """Calls that raised; an exception that passes through two functions counts as two."""
        return sum(one.errors for one in self.functions)

    @property
    def seconds(self) -> float:
        """Time of its functions, added up."""
        return sum(one.time_ns for one in self.functions) / 1e9

    @property
    def is_measured(self) -> bool:
        """Whether all of it is self time of every call."""
        return all(one.is_measured for one in self.functions)


@dataclass(frozen=True, slots=True)
class NotMatched:
    """Functions of a service that belong to no file that is known, and why.

    Attributes:
        service: service.name.
        reason: why.
        functions: how many.
        calls: their calls.
        seconds: their time.
        examples: paths as the service names them.
        could_be: files that they may belong to, where several fit.
    """

    service: str
    reason: str
    functions: int
    calls: int
    seconds: float
    examples: tuple[str, ...]
    could_be: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Production:
    """What ran in a stretch.

    Attributes:
        of: the stretch that was looked at.
        first: first minute that something was told of; ``None`` when nothing was.
        last: last such minute.
        files: by repository and path.
        not_matched: the rest, most time first.
        inferred: services and the repository of each that only the commits which they run tell.
        is_cut: whether there were more functions than are looked at.
    """

    of: Interval
    first: dt.datetime | None
    last: dt.datetime | None
    files: dict[tuple[str, str], FileRan]
    not_matched: tuple[NotMatched, ...]
    inferred: tuple[tuple[str, str], ...] = ()
    is_cut: bool = False

    @property
    def repositories(self) -> frozenset[str]:
        """Repositories of which something ran."""
        return frozenset(repository for repository, _ in self.files)


def production(store: Queryable, start: dt.datetime, end: dt.datetime) -> Production:
    """What ran in a period, in its last :data:`LONGEST` where it is longer.

    Args:
        store: holds functions, catalogue and files.
        start: first moment (aware).
        end: first moment after (aware).
    """
    of = Interval(max(start, end - LONGEST), end)
    rows = store.query(_RAN, {"start": of.start, "end": of.end, "most": MOST}).to_pylist()
    counted = {(row["service"], row["function"]) for row in rows if row["origin"] == "instrument"}
    kept = [
        row
        for row in rows
        if row["origin"] == "instrument" or (row["service"], row["function"]) not in counted
    ]
    versions = {
        row["service"]: row["versions"]
        for row in store.query(_VERSIONS, {"start": of.start, "end": of.end}).to_pylist()
    }
    places = matched(store, [Sent(row["service"], row["path"]) for row in kept], versions)
    files: dict[tuple[str, str], list[Ran]] = defaultdict(list)
    rest: dict[tuple[str, str, tuple[tuple[str, str], ...]], list[dict[str, Any]]] = defaultdict(list)
    for row in kept:
        match = places[Sent(row["service"], row["path"])]
        if match.is_matched:
            files[match.repository, match.path].append(_ran(row))
        else:
            rest[row["service"], match.reason, match.could_be].append(row)
    not_matched = [
        NotMatched(
            service, reason, len(each), sum(row["calls"] for row in each),
            sum(row["time_ns"] for row in each) / 1e9,
            tuple(sorted({row["path"] for row in each if row["path"]})[:_NAMED]), could_be,
        )
        for (service, reason, could_be), each in rest.items()
    ]  # fmt: skip
    return Production(
        of,
        min((row["first"] for row in kept), default=None),
        max((row["last"] for row in kept), default=None),
        {place: FileRan(tuple(each)) for place, each in files.items()},
        tuple(sorted(not_matched, key=lambda one: (-one.seconds, one.service, one.reason))),
        tuple(
            sorted({(sent.service, match.repository) for sent, match in places.items() if match.is_inferred})
        ),
        len(rows) == MOST,
    )


def _ran(row: dict[str, Any]) -> Ran:
    return Ran(
        row["service"], row["function"], row["calls"], row["errors"], row["time_ns"],
        row["origin"] == "instrument",
    )  # fmt: skip
