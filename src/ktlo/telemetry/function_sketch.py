"""Durations as the buckets of exponential histograms: adding them up, and quantiles with how far they can be off.

Fed from the roll-up by minute (``store/streams/functions``). Bucket *i* of scale *s* holds durations above
2^(i/2^s) up to 2^((i+1)/2^s) (opentelemetry-proto, ``ExponentialHistogramDataPoint``; buckets of a finer scale merge
two by two into the next coarser one). A quantile is told with the bucket that it lies in: nothing finer is known.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

_PLACE = 1 << 32
_MIDDLE = 1 << 31
_ZERO = -(1 << 62)


@dataclass(frozen=True, slots=True)
class Quantile:
    """A quantile of durations and the bucket that it lies in, nanoseconds."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Bucket:
    """Durations above ``low`` up to ``high`` nanoseconds."""

    low: float
    high: float
    count: int


@dataclass(frozen=True, slots=True)
class Sketch:
    """A histogram of durations.

    Attributes:
        scale: of its buckets.
        counts: by index of the bucket, ascending.
        zeros: durations of nothing.
    """

    scale: int
    counts: Mapping[int, int]
    zeros: int = 0

    @property
    def n(self) -> int:
        """Durations in it."""
        return self.zeros + sum(self.counts.values())

    @property
    def error(self) -> float:
        """How far a quantile can be off at most, as part of it: half a bucket on the logarithmic scale."""
        return float(2 ** (2.0 ** -(self.scale + 1)) - 1)

    def bounds(self, index: int) -> tuple[float, float]:
        """Ends of a bucket, nanoseconds."""
        step = 2.0**-self.scale
        return float(2 ** min(index * step, 1000.0)), float(2 ** min((index + 1) * step, 1000.0))

    def buckets(self) -> list[Bucket]:
        """Every bucket between the first and the last that holds any, ascending; zeros first."""
        found = [Bucket(0.0, 0.0, self.zeros)] if self.zeros else []
        if self.counts:
            first, last = min(self.counts), max(self.counts)
            found += [Bucket(*self.bounds(i), self.counts.get(i, 0)) for i in range(first, last + 1)]
        return found

    def quantile(self, level: float) -> Quantile | None:
        """The duration that a share ``level`` of all does not exceed; ``None`` when there are none."""
        n = self.n
        if not n:
            return None
        rank, seen = max(1, math.ceil(level * n)), self.zeros
        if rank <= seen:
            return Quantile(0.0, 0.0, 0.0)
        for index in sorted(self.counts):
            seen += self.counts[index]
            if rank <= seen:
                break
        low, high = self.bounds(index)
        return Quantile(math.sqrt(low * high), low, high)

    def spread(self, levels: Iterable[float]) -> tuple[float, ...]:
        """Quantiles within their buckets by straight lines over the logarithm: continuous, for comparisons."""
        if not self.n:
            return ()
        ends, shares, seen = [0.0], [0.0], self.zeros
        for bucket in self.buckets()[bool(self.zeros) :]:
            if not shares[-1] or seen / self.n > shares[-1] or len(ends) == 1:
                ends.append(math.log2(bucket.low))
                shares.append(seen / self.n)
            seen += bucket.count
            ends.append(math.log2(bucket.high))
            shares.append(seen / self.n)
        return tuple(float(2**at) for at in np.interp(tuple(levels), shares, ends))

    def coarser(self, scale: int) -> Sketch:
        """The same at a lower scale."""
        if scale >= self.scale:
            return self
        found: dict[int, int] = {}
        for index, count in self.counts.items():
            found[index >> (self.scale - scale)] = found.get(index >> (self.scale - scale), 0) + count
        return Sketch(scale, found, self.zeros)


EMPTY = Sketch(20, {})


def sketch_of(numbered: Iterable[tuple[int, int]]) -> Sketch:
    """Read what the store has: counts by the bucket's number, of any scales; the coarsest one is that of all."""
    read: list[tuple[int, int, int]] = []
    zeros = 0
    for number, count in numbered:
        if number == _ZERO:
            zeros += count
        elif count > 0:
            scale, place = divmod(number, _PLACE)
            read.append((scale, place - _MIDDLE, count))
    if not read:
        return Sketch(EMPTY.scale, {}, zeros)
    coarsest = min(scale for scale, _, _ in read)
    found: dict[int, int] = {}
    for scale, index, count in read:
        at = index >> (scale - coarsest)
        found[at] = found.get(at, 0) + count
    return Sketch(coarsest, dict(sorted(found.items())), zeros)
