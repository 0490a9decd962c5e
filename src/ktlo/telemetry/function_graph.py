"""Who calls whom among functions, and the flame graph of self time that follows from it.

Counts of calls by caller come from the roll-up (``function_edges``), for functions told by spans from the spans
themselves. Whole stacks are not recorded: in the flame graph a function's self time is divided among its callers by
their calls, as gprof does (Graham, Kessler, McKusick, SIGPLAN 1982): every call is taken to cost the function's mean.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from ktlo.store.protocol import Queryable
from ktlo.store.streams.functions import named
from ktlo.telemetry.functions import FILTER, Asked
from ktlo.telemetry.interval import Interval

OUTSIDE = ""
"""The caller of what is called by code that is not counted."""
_LEAST_SHARE = 0.0005
"""Part of the whole below which a frame is not opened further."""
_DEEPEST = 60

_EDGES = f"""
SELECT toString(m.caller) AS caller, toString(m.function) AS function, sum(m.calls) AS calls
FROM ktlo.function_edges_states AS m
WHERE {FILTER} AND ({{of:String}} = '' OR m.caller = {{of:String}} OR m.function = {{of:String}})
GROUP BY caller, function ORDER BY calls DESC, caller, function LIMIT 100000"""  # noqa: S608 - no value enters it

_SELF = f"""
SELECT toString(m.function) AS function, sum(m.self_ns) AS self_ns, sum(m.calls) AS calls
FROM ktlo.function_minutes_states AS m WHERE {FILTER} AND m.origin = 'instrument' GROUP BY function"""  # noqa: S608

_SPAN_EDGES = f"""
SELECT p.function AS caller, c.function AS function, toInt64(count()) AS calls FROM (
  SELECT trace_id, parent_span_id, {named()} AS function FROM ktlo.spans
  WHERE service = {{service:String}} AND started_at >= {{start:DateTime64(9, 'UTC')}}
    AND started_at < {{end:DateTime64(9, 'UTC')}} AND {named()} != ''
) AS c LEFT JOIN (
  SELECT trace_id, span_id, {named()} AS function FROM ktlo.spans
  WHERE service = {{service:String}} AND started_at >= {{start:DateTime64(9, 'UTC')}} - INTERVAL 1 HOUR
    AND started_at < {{end:DateTime64(9, 'UTC')}} AND {named()} != ''
) AS p ON c.trace_id = p.trace_id AND c.parent_span_id = p.span_id
WHERE c.function = {{of:String}} OR p.function = {{of:String}}
GROUP BY caller, function ORDER BY calls DESC, caller, function LIMIT 1000"""  # noqa: S608 - names are ktlo's own


@dataclass(frozen=True, slots=True)
class Edge:
    """Calls of one function by another; an empty caller is code that is not counted."""

    caller: str
    function: str
    calls: int


@dataclass(frozen=True, slots=True)
class Frame:
    """A box of the flame graph.

    Attributes:
        path: functions from the outermost to this one.
        self_ns: self time that is put down to this way of being called.
        total_ns: the same with everything below.
        children: what it calls, most time first.
    """

    path: tuple[str, ...]
    self_ns: float
    total_ns: float
    children: tuple[Frame, ...]

    @property
    def name(self) -> str:
        """The function; empty for the root."""
        return self.path[-1] if self.path else ""

    def below(self, path: tuple[str, ...]) -> Frame | None:
        """The frame of a path; ``None`` when there is none."""
        here: Frame | None = self
        for name in path[len(self.path) :]:
            here = next((one for one in here.children if one.name == name), None) if here else None
        return here


def neighbours(
    store: Queryable, of: Interval, asked: Asked, name: str, origin: str = "instrument"
) -> tuple[list[Edge], list[Edge]]:
    """Callers and callees of a function, most calls first."""
    sql = _EDGES if origin == "instrument" else _SPAN_EDGES
    bound = {**asked.bound(of), "of": name}
    found = [
        Edge(row["caller"], row["function"], row["calls"]) for row in store.query(sql, bound).to_pylist()
    ]
    return [one for one in found if one.function == name], [one for one in found if one.caller == name]


def flame(store: Queryable, of: Interval, asked: Asked) -> Frame:
    """The flame graph of one service, of one route when it is asked for."""
    edges = [Edge(**row) for row in store.query(_EDGES, {**asked.bound(of), "of": ""}).to_pylist()]
    rows = store.query(_SELF, asked.bound(of)).to_pylist()
    return built({row["function"]: float(row["self_ns"]) for row in rows}, edges)


def built(self_ns: Mapping[str, float], edges: list[Edge]) -> Frame:
    """Divide self times among the ways of being called.

    A function that is in its own path already (recursion) is not opened again: what it costs stays where it was
    first entered. What cannot be reached from outside by these edges hangs at the root.
    """
    callers: dict[str, dict[str, int]] = defaultdict(dict)
    for one in edges:
        if one.caller != one.function and one.function in self_ns:
            caller = one.caller if one.caller in self_ns else OUTSIDE
            callers[one.function][caller] = callers[one.function].get(caller, 0) + one.calls
    parts: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for name in self_ns:
        known = callers.get(name) or {OUTSIDE: 1}
        whole = sum(known.values()) or 1
        for caller, calls in known.items():
            parts[caller].append((name, calls / whole))
    least = sum(self_ns.values()) * _LEAST_SHARE
    inclusive = _inclusive(self_ns, parts)

    def frame(name: str, path: tuple[str, ...], share: float) -> Frame:
        here = (*path, name)
        below = tuple(
            frame(other, here, share * part)
            for other, part in parts.get(name, ())
            if other not in here and len(here) < _DEEPEST and share * part * inclusive[other] >= least
        )
        kept = sum(one.total_ns for one in below)
        return _sorted(Frame(here, share * self_ns[name], share * self_ns[name] + kept, below))

    tops = tuple(
        frame(name, (), part) for name, part in parts.get(OUTSIDE, ()) if inclusive[name] * part >= least
    )
    reached = sum(one.total_ns for one in tops)
    return _sorted(
        Frame((), max(0.0, sum(self_ns.values()) - reached), max(sum(self_ns.values()), reached), tops)
    )


def _inclusive(
    self_ns: Mapping[str, float], parts: Mapping[str, list[tuple[str, float]]]
) -> dict[str, float]:
    """An upper bound of what hangs below each function; cycles are cut after as many rounds as the depth."""
    found = dict(self_ns)
    whole = sum(self_ns.values())
    for _ in range(_DEEPEST):
        fresh = {
            name: min(whole, own + sum(part * found[other] for other, part in parts.get(name, ())))
            for name, own in self_ns.items()
        }
        if all(abs(fresh[name] - found[name]) <= 1 for name in fresh):
            break
        found = fresh
    return found


def _sorted(one: Frame) -> Frame:
    ranked = tuple(sorted(one.children, key=lambda child: (-child.total_ns, child.name)))
    return Frame(one.path, one.self_ns, one.total_ns, ranked)
