"""Ways of links past the nodes that stand between their ends, so that no link runs behind one of them.

Pure arithmetic for ``graph``: a link is drawn as one curve where that is clear of nodes; else it bends, column by
column, into the nearest lane between two names.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

Point = tuple[float, float]

ABOVE, BELOW = 22.0, 37.0
"""Distance of a lane above a node's middle, and below it, where its name stands."""
_NEAR = 6.0
_SAMPLES = 32


def curve(start: Point, end: Point) -> tuple[Point, Point, Point, Point]:
    """Control points of a curve that begins and ends level."""
    bend = (end[0] - start[0]) / 2
    return start, (start[0] + bend, start[1]), (end[0] - bend, end[1]), end


def points(start: Point, end: Point, others: Mapping[Point, float]) -> list[Point]:
    """Where a link from left to right begins, bends and ends.

    Args:
        start: its beginning.
        end: its end, further right.
        others: radius by middle of every other node.
    """
    between = {at: radius for at, radius in others.items() if start[0] + 1 < at[0] < end[0] - 1}
    if not _hits(curve(start, end), between):
        return [start, end]
    columns: dict[float, list[float]] = defaultdict(list)
    for x, y in between:
        columns[x].append(y)
    found = [start]
    for x in sorted(columns):
        (x0, y0), (x1, y1) = found[-1], end
        found.append((x, _free(y0 + (y1 - y0) * (x - x0) / (x1 - x0), columns[x])))
    return [*found, end]


def _free(wanted: float, nodes: Sequence[float]) -> float:
    """The place in a column that is nearest to the one wanted and clear of its nodes and their names."""

    def is_clear(at: float) -> bool:
        return not any(-ABOVE < at - y < BELOW for y in nodes)

    lanes = [wanted, *(y - ABOVE for y in nodes), *(y + BELOW for y in nodes)]
    return min(filter(is_clear, lanes), key=lambda at: abs(at - wanted), default=wanted)


def _hits(way: tuple[Point, Point, Point, Point], nodes: Mapping[Point, float]) -> bool:
    samples = [_at(way, n / _SAMPLES) for n in range(1, _SAMPLES)]
    return any(
        (x - at[0]) ** 2 + (y - at[1]) ** 2 < (radius + _NEAR) ** 2
        for at, radius in nodes.items()
        for x, y in samples
    )


def _at(way: tuple[Point, Point, Point, Point], t: float) -> Point:
    a, b, c, d = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = way
    return a * x0 + b * x1 + c * x2 + d * x3, a * y0 + b * y1 + c * y2 + d * y3
