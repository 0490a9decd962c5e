"""One trace taken apart: its spans as a tree, self time, and the critical path.

Spans come as they were reported: parents may be missing (not arrived yet, or sampled away), identifiers may stand
twice, and parents may form a circle. None of that hides a span: whatever has no way to a root becomes one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ktlo.errors import NotFoundError, UsageError
from ktlo.store.protocol import Queryable

MOST_SPANS = 20_000
_HEX = frozenset("0123456789abcdef")

_WHEN = """
SELECT subtractSeconds(t.started_at, 1) AS start, addSeconds(t.ended_at, 1) AS end, t.spans AS spans
FROM ktlo.trace_summaries AS t WHERE t.trace_id = {trace:String}"""

_SPANS = """
SELECT s.span_id AS span_id, s.parent_span_id AS parent_span_id, s.service AS service, s.name AS name,
  s.kind AS kind, toUnixTimestamp64Nano(s.started_at) AS start_ns, s.duration_ns AS duration_ns,
  s.status AS status
FROM ktlo.spans AS s
WHERE s.trace_id = {trace:String} AND s.started_at >= {start:DateTime64(9, 'UTC')}
  AND s.started_at <= {end:DateTime64(9, 'UTC')}
ORDER BY start_ns, s.duration_ns DESC, s.span_id LIMIT {most:UInt32}"""

_ONE = """
SELECT s.* FROM ktlo.spans AS s
WHERE s.trace_id = {trace:String} AND s.span_id = {span:String} ORDER BY s.started_at LIMIT 10"""


@dataclass(frozen=True, slots=True)
class Node:
    """A span in its place in the tree.

    Attributes:
        span_id: identifier.
        service: who did it.
        name: operation.
        kind: of span.
        start_ns: since 1970, by the service's clock.
        duration_ns: how long it took.
        self_ns: the part of it in which none of its children ran.
        is_error: whether its status is error.
        depth: 0 for a root.
        children: how many it has.
        is_critical: whether the trace would have been shorter without it.
        is_orphan: whether it names a parent that is not here.
    """

    span_id: str
    service: str
    name: str
    kind: str
    start_ns: int
    duration_ns: int
    self_ns: int
    is_error: bool
    depth: int
    children: int
    is_critical: bool
    is_orphan: bool


@dataclass(frozen=True, slots=True)
class Trace:
    """A trace.

    Attributes:
        trace_id: it.
        nodes: spans, parents before their children, siblings by time.
        start_ns: beginning of its first span.
        duration_ns: until the end of its last one.
        total: spans that are stored; more than ``nodes`` when it was cut.
    """

    trace_id: str
    nodes: tuple[Node, ...]
    start_ns: int
    duration_ns: int
    total: int

    @property
    def started_at(self) -> dt.datetime:
        """When its first span began."""
        return dt.datetime.fromtimestamp(self.start_ns / 1e9, dt.UTC)


def read_id(text: str) -> str:
    """A trace identifier as people paste it: upper or lower case, with hyphens or without.

    Raises:
        UsageError: it has not 32 hexadecimal digits.
    """
    plain = text.strip().replace("-", "").lower()
    if not plain:
        raise UsageError(
            "which trace?", fix="Give its 32 hexadecimal digits, or look for it on the page Traces"
        )
    if len(plain) != 32 or not set(plain) <= _HEX:
        raise UsageError(f"{text[:60]!r} is no trace", fix="A trace has 32 hexadecimal digits")
    return plain


def trace(store: Queryable, trace_id: str) -> Trace:
    """Read one trace.

    Raises:
        NotFoundError: none of its spans is stored.
    """
    # The summary says when it was, and the spans lie by time: most of the store need not be looked at.
    counted = store.query(_WHEN, {"trace": trace_id}).to_pylist()
    rows: list[dict[str, Any]] = []
    if counted:
        within = {"start": _moment(counted[0]["start"]), "end": _moment(counted[0]["end"])}
        rows = store.query(_SPANS, {"trace": trace_id, "most": MOST_SPANS, **within}).to_pylist()
    if not rows:
        raise NotFoundError(
            f"there is no trace {trace_id}",
            fix="It may not have arrived yet, or its days are over (telemetry.keep_days)",
        )
    return arranged(trace_id, rows, counted[0]["spans"])


def _moment(given: Any) -> dt.datetime:
    """An instant of the store as a datetime; its last three digits do not matter where it bounds a stretch."""
    plain: dt.datetime = given.to_pydatetime(warn=False) if hasattr(given, "to_pydatetime") else given
    return plain


def span_details(store: Queryable, trace_id: str, span_id: str) -> list[dict[str, Any]]:
    """Everything of the spans with one identifier, at most ten; usually one."""
    return store.query(_ONE, {"trace": trace_id, "span": span_id}).to_pylist()


def arranged(trace_id: str, rows: Sequence[Mapping[str, Any]], total: int) -> Trace:
    """Put spans into their tree.

    Args:
        trace_id: of all.
        rows: span_id, parent_span_id, service, name, kind, start_ns, duration_ns, status; by time.
        total: spans that are stored.
    """
    first = {row["span_id"]: place for place, row in reversed(list(enumerate(rows)))}
    parent = [_parent(place, row, first) for place, row in enumerate(rows)]
    _break_circles(parent)
    children: list[list[int]] = [[] for _ in rows]
    roots: list[int] = []
    for place, above in enumerate(parent):
        (roots if above is None else children[above]).append(place)
    critical = _critical(rows, children, roots)
    nodes: list[Node] = []
    waiting = [(place, 0) for place in reversed(roots)]
    while waiting:
        place, depth = waiting.pop()
        row = rows[place]
        nodes.append(
            Node(
                row["span_id"], row["service"], row["name"], row["kind"], row["start_ns"], row["duration_ns"],
                _self_time(row, [rows[child] for child in children[place]]), row["status"] == "error", depth,
                len(children[place]), place in critical,
                bool(row["parent_span_id"]) and row["parent_span_id"] not in first,
            )
        )  # fmt: skip
        waiting += [(child, depth + 1) for child in reversed(children[place])]
    begin = min(row["start_ns"] for row in rows)
    end = max(row["start_ns"] + row["duration_ns"] for row in rows)
    return Trace(trace_id, tuple(nodes), begin, end - begin, max(total, len(rows)))


def _parent(place: int, row: Mapping[str, Any], first: Mapping[str, int]) -> int | None:
    above = first.get(row["parent_span_id"]) if row["parent_span_id"] else None
    return None if above == place else above


def _break_circles(parent: list[int | None]) -> None:
    """Make a root of one span of each circle of parents."""
    done = [False] * len(parent)
    for begin in range(len(parent)):
        path: list[int] = []
        on_path: set[int] = set()
        at: int | None = begin
        while at is not None and not done[at] and at not in on_path:
            path.append(at)
            on_path.add(at)
            at = parent[at]
        if at is not None and at in on_path:
            parent[at] = None
        for place in path:
            done[place] = True


def _self_time(row: Mapping[str, Any], children: Sequence[Mapping[str, Any]]) -> int:
    """Duration less the union of the children's intervals within it."""
    begin, end = row["start_ns"], row["start_ns"] + row["duration_ns"]
    covered, reached = 0, begin
    for child in sorted(children, key=lambda one: one["start_ns"]):
        low = max(reached, child["start_ns"])
        high = min(end, child["start_ns"] + child["duration_ns"])
        if high > low:
            covered += high - low
            reached = high
    return int(row["duration_ns"] - covered)


def _critical(
    rows: Sequence[Mapping[str, Any]], children: Sequence[Sequence[int]], roots: Sequence[int]
) -> set[int]:
    """Spans on the critical path: from the end backwards, always the child that ended last before that moment.

    After Zhang et al., CRISP: Critical Path Analysis of Large-Scale Microservice Architectures, USENIX ATC 2022.
    """
    if not roots:
        return set()

    def end(place: int) -> int:
        return int(rows[place]["start_ns"] + rows[place]["duration_ns"])

    critical: set[int] = set()
    longest = max(roots, key=lambda place: int(rows[place]["duration_ns"]))
    waiting = [(longest, end(longest))]
    while waiting:
        place, until = waiting.pop()
        critical.add(place)
        moment = min(until, end(place))
        for child in sorted(children[place], key=end, reverse=True):
            if end(child) <= moment and rows[child]["start_ns"] >= rows[place]["start_ns"]:
                waiting.append((child, moment))
                moment = rows[child]["start_ns"]
    return critical
