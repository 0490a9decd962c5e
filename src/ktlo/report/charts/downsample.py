"""Fewer points, same line: the first, lowest, highest and last of every bucket.

M4 aggregation draws the same pixels as all points would when a bucket is a pixel column (Jugel, Jerzak,
Hackenbroich and Markl, "M4: a visualization-oriented time series data aggregation", VLDB 2014). Charts
that use it say so in their note; the table keeps every row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

P = TypeVar("P")


def m4(points: Sequence[P], value: Callable[[P], float | None], most: int) -> list[P]:
    """At most about ``most`` of the points, ascending as given; gaps (``None``) are kept as gaps.

    Args:
        points: in the order of the x axis.
        value: a point's y, ``None`` where not estimable.
        most: upper bound of what is kept, at least 8.
    """
    if len(points) <= most:
        return list(points)
    buckets = max(most // 4, 2)
    kept: list[P] = []
    for k in range(buckets):
        first, end = k * len(points) // buckets, (k + 1) * len(points) // buckets
        known = [(v, i) for i in range(first, end) if (v := value(points[i])) is not None]
        chosen = {first, end - 1}
        if known:
            chosen |= {min(known)[1], max(known)[1]}
        if len(known) < end - first and known:  # one gap stands for the gaps of its bucket
            chosen.add(next(i for i in range(first, end) if value(points[i]) is None))
        kept += [points[i] for i in sorted(chosen)]
    return kept
