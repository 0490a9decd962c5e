"""Two traces held against each other by their structure: what is new, what is gone, what became slower.

Spans are aligned by their way from the root, service and operation at each step; spans with the same way are taken
together, so that three calls against five is a line of its own. Times are self times: they add up to the work that was
done, which is more than the duration where things ran side by side.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from ktlo.store.protocol import Queryable
from ktlo.telemetry.trace import Node, Trace
from ktlo.telemetry.waterfall import parents_of

Way = tuple[tuple[str, str], ...]
"""Service and operation of each span from the root down."""

MOST_DEEP = 60
_LOOK_BACK = dt.timedelta(days=7)

_LIKE = """
SELECT t.trace_id AS trace_id, dateDiff('nanosecond', t.started_at, t.ended_at) AS duration_ns
FROM ktlo.trace_summaries AS t
WHERE t.trace_id IN (
  SELECT s.trace_id FROM ktlo.spans AS s
  WHERE s.service = {service:String} AND s.name = {name:String} AND s.parent_span_id = ''
    AND s.started_at >= {start:DateTime64(9, 'UTC')} AND s.started_at < {end:DateTime64(9, 'UTC')}
  ORDER BY s.started_at DESC LIMIT 2000
) AND t.trace_id != {trace:String} AND t.errors = 0
ORDER BY duration_ns, trace_id"""


@dataclass(frozen=True, slots=True)
class Sum:
    """Spans of one way in one trace."""

    spans: int = 0
    own_ns: int = 0
    errors: int = 0


@dataclass(frozen=True, slots=True)
class Difference:
    """One way in both traces.

    Attributes:
        way: it.
        before: in the first trace.
        after: in the second.
    """

    way: Way
    before: Sum
    after: Sum

    @property
    def service(self) -> str:
        """Who does it."""
        return self.way[-1][0]

    @property
    def name(self) -> str:
        """What is done."""
        return self.way[-1][1]

    @property
    def own_ns(self) -> int:
        """Self time that the second trace spends more here."""
        return self.after.own_ns - self.before.own_ns


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two traces.

    Attributes:
        a: the first.
        b: the second.
        differences: every way of both, in the order of the traces.
    """

    a: Trace
    b: Trace
    differences: tuple[Difference, ...]

    @property
    def new(self) -> list[Difference]:
        """Ways that only the second trace has; most self time first."""
        found = [one for one in self.differences if not one.before.spans]
        return sorted(found, key=lambda one: -one.after.own_ns)

    @property
    def gone(self) -> list[Difference]:
        """Ways that only the first trace has; most self time first."""
        found = [one for one in self.differences if not one.after.spans]
        return sorted(found, key=lambda one: -one.before.own_ns)


def compare(a: Trace, b: Trace) -> Comparison:
    """Hold two traces against each other."""
    before, after = _sums(a.nodes), _sums(b.nodes)
    ways = list(dict.fromkeys([*after, *before]))
    return Comparison(
        a, b, tuple(Difference(w, before.get(w, Sum()), after.get(w, Sum())) for w in _ordered(ways))
    )


def _sums(nodes: Sequence[Node]) -> dict[Way, Sum]:
    counted: dict[Way, list[int]] = defaultdict(lambda: [0, 0, 0])
    parent = parents_of(nodes)
    ways: list[Way] = []
    for place, node in enumerate(nodes):
        above = parent[place]
        step = (node.service, node.name)
        # A way as deep as a recursion would be as long as the trace at every span; the deepest steps are enough.
        way = (*(ways[above][-MOST_DEEP:] if above is not None else ()), step)
        ways.append(way)
        of_way = counted[way]
        of_way[0] += 1
        of_way[1] += node.self_ns
        of_way[2] += node.is_error
    return {way: Sum(*sums) for way, sums in counted.items()}


def _ordered(ways: Sequence[Way]) -> list[Way]:
    """Parents before their children, else in the order given."""
    place = {way: number for number, way in enumerate(ways)}
    return sorted(
        ways, key=lambda way: [place.get(way[: depth + 1], len(place)) for depth in range(len(way))]
    )


def typical(store: Queryable, of: Trace) -> tuple[str, int]:
    """A typical trace of the operation that a trace is of, and of how many it was chosen.

    Of the newest two thousand requests of the same root within a week before it that had no error, the one of median
    duration. An empty identifier when there is none.
    """
    root = next((node for node in of.nodes if not node.is_orphan), of.nodes[0])
    rows = store.query(
        _LIKE,
        {
            "service": root.service, "name": root.name, "trace": of.trace_id,
            "start": of.started_at - _LOOK_BACK, "end": of.started_at + dt.timedelta(days=1),
        },
    ).to_pylist()  # fmt: skip
    return (str(rows[len(rows) // 2]["trace_id"]), len(rows)) if rows else ("", 0)
