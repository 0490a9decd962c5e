"""Windows over samples: for each series and step the samples of a range, as bounds into one array.

Ranges are found by binary search, of all series at once or of each series that has many samples, and reduced by
``ufunc.reduceat`` without a loop over rows.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ktlo.telemetry.promql.labels import Labels
from ktlo.telemetry.promql.samples import Bools, Floats, Longs, Samples

_MANY = 100
"""Samples a series from which on a search of each is quicker than one of all."""
_MOST_EXPANDED = 4_000_000
"""Samples of windows that lie unfolded in memory at once."""


@dataclass(frozen=True, slots=True)
class Windows:
    """The samples of a range before each step.

    Attributes:
        samples: all of them, without stale markers.
        low: series by steps, index of the first sample inside.
        high: index after the last one.
        ends: end of the window at each step, milliseconds.
        range_ms: length of the window.
    """

    samples: Samples
    low: Longs
    high: Longs
    ends: Longs
    range_ms: int

    @property
    def count(self) -> Longs:
        """Samples in each window."""
        return self.high - self.low

    @property
    def labels(self) -> tuple[Labels, ...]:
        """Of the series."""
        return self.samples.labels

    def first(self) -> tuple[Longs, Floats]:
        """Time and value of the first sample; of any where there is none."""
        at = np.minimum(self.low, max(len(self.samples.times) - 1, 0))
        return self.samples.times[at], self.samples.values[at]

    def last(self) -> tuple[Longs, Floats]:
        """Time and value of the last sample; of any where there is none."""
        at = np.maximum(self.high - 1, 0)
        return self.samples.times[at], self.samples.values[at]

    def parts(self) -> Iterator[tuple[slice, Windows]]:
        """The same in portions of series whose unfolded windows fit into memory."""
        sizes = np.cumsum(self.count.sum(axis=1))
        begin = 0
        while begin < len(sizes):
            before = int(sizes[begin - 1]) if begin else 0
            end = max(begin + 1, int(np.searchsorted(sizes, before + _MOST_EXPANDED, side="right")))
            yield (
                slice(begin, end),
                Windows(self.samples, self.low[begin:end], self.high[begin:end], self.ends, self.range_ms),
            )
            begin = end

    def unfolded(self) -> tuple[Longs, Longs, Longs]:
        """Indices of the samples of all windows that have any, one window after another.

        Returns:
            Indices; where each window begins among them; places of the windows (flat, series by steps).
        """
        count = self.count.ravel()
        filled = np.flatnonzero(count)
        sizes = count[filled]
        begins = np.zeros(len(filled), dtype=np.int64)
        np.cumsum(sizes[:-1], out=begins[1:])
        shift = np.repeat(self.low.ravel()[filled] - begins, sizes)
        return shift + np.arange(int(sizes.sum()), dtype=np.int64), begins, filled

    def reduced(self, function: np.ufunc, values: Floats) -> Floats:
        """A ufunc reduced over each window of ``values`` (an array beside the samples); 0 where empty."""
        result = np.zeros(self.low.shape)
        low, high = self.low.ravel(), self.high.ravel()
        filled = np.flatnonzero(high > low)
        # Of each pair of bounds the first gives the window, the second what lies until the next one, which is not used.
        bounds = np.empty(2 * len(filled), dtype=np.int64)
        bounds[::2], bounds[1::2] = low[filled], high[filled]
        if len(filled):
            padded = np.append(values, 0.0) if bounds.max() == len(values) else values
            result.ravel()[filled] = function.reduceat(padded, bounds)[::2]
        return result


def windows_of(samples: Samples, ends: Longs, range_ms: int, *, open_left: bool) -> Windows:
    """Find the samples in ``(end - range, end]`` for each end.

    Args:
        samples: of any number of series.
        ends: milliseconds; any order.
        range_ms: length.
        open_left: whether a sample exactly at the beginning is outside (Prometheus 3); inside in Prometheus 2.
    """
    samples = samples.without_stale()
    return Windows(
        samples,
        _search(samples, ends - range_ms, after_equal=open_left),
        _search(samples, ends, after_equal=True),
        ends,
        range_ms,
    )


def newest(
    samples: Samples, ends: Longs, lookback_ms: int, *, open_left: bool
) -> tuple[Longs, Floats, Bools]:
    """The newest sample of each series at each moment, not older than the lookback and not stale.

    Returns:
        Times, values, and whether there is one; series by steps.
    """
    shape = (len(samples.labels), len(ends))
    if not len(samples.times):
        return np.zeros(shape, dtype=np.int64), np.zeros(shape), np.zeros(shape, dtype=np.bool_)
    after = _search(samples, ends, after_equal=True)
    at = np.maximum(after - 1, 0)
    times = samples.times[at]
    oldest = ends - lookback_ms
    fresh = times > oldest if open_left else times >= oldest
    present = (after > samples.starts[:-1, None]) & fresh & ~samples.stale()[at]
    return times, samples.values[at], present


def _search(samples: Samples, moments: Longs, *, after_equal: bool) -> Longs:
    """For each series and moment the index of the first sample after it (or not before it)."""
    series = len(samples.labels)
    if not len(samples.times) or not len(moments):
        return np.repeat(samples.starts[:-1, None], len(moments), axis=1)
    side: Literal["right", "left"] = "right" if after_equal else "left"
    if len(samples.times) > _MANY * series:
        found = np.empty((series, len(moments)), dtype=np.int64)
        for row, (begin, end) in enumerate(itertools.pairwise(samples.starts)):
            found[row] = begin + np.searchsorted(samples.times[begin:end], moments, side=side)
        return found
    base = min(int(samples.times.min()), int(moments.min())) - 1
    span = max(int(samples.times.max()), int(moments.max())) - base + 2
    keys = samples.series_of * span + (samples.times - base)
    wanted = np.arange(series, dtype=np.int64)[:, None] * span + (moments - base)[None, :]
    return np.searchsorted(keys, wanted.ravel(), side=side).reshape(wanted.shape)
