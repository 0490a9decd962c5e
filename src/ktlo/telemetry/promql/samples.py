"""What a selector reads: samples of many series, one after another in two arrays.

Sources (the store, spans, tests) give :class:`Samples`; the evaluator sees no rows. Times are milliseconds since 1970
as in Prometheus; samples of a series ascend in time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import re2

from ktlo.telemetry.promql.labels import Labels, value_of

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

STALE = np.uint64(0x7FF0000000000002)
"""Bits of the NaN that ends a series (Prometheus, model/value/value.go: StaleNaN)."""


@dataclass(frozen=True, slots=True)
class Samples:
    """Samples of several series.

    Attributes:
        labels: of each series.
        starts: index of each series' first sample, and the number of all at the end.
        times: milliseconds since 1970.
        values: numbers; stale markers are NaN of the bits :data:`STALE`.
    """

    labels: tuple[Labels, ...]
    starts: Longs
    times: Longs
    values: Floats

    @classmethod
    def of(cls, series: Sequence[tuple[Labels, npt.ArrayLike, npt.ArrayLike]]) -> Samples:
        """Join series given one by one."""
        times = [np.asarray(each[1], dtype=np.int64) for each in series]
        values = [np.asarray(each[2], dtype=np.float64) for each in series]
        starts = np.zeros(len(series) + 1, dtype=np.int64)
        np.cumsum([len(each) for each in times], out=starts[1:])
        empty: list[Longs] = [np.empty(0, dtype=np.int64)]
        none: list[Floats] = [np.empty(0, dtype=np.float64)]
        return cls(
            tuple(each[0] for each in series),
            starts,
            np.concatenate(times or empty),
            np.concatenate(values or none),
        )

    @property
    def series_of(self) -> Longs:
        """The series that each sample belongs to."""
        return np.repeat(np.arange(len(self.labels), dtype=np.int64), np.diff(self.starts))

    def stale(self) -> Bools:
        """Which samples are stale markers."""
        return np.asarray(self.values.view(np.uint64) == STALE)

    def without_stale(self) -> Samples:
        """The samples that are values."""
        stale = self.stale()
        if not stale.any():
            return self
        kept = ~stale
        starts = np.zeros_like(self.starts)
        np.cumsum(np.bincount(self.series_of[kept], minlength=len(self.labels)), out=starts[1:])
        return Samples(self.labels, starts, self.times[kept], self.values[kept])


@dataclass(frozen=True, slots=True)
class Matcher:
    """A condition on one label: ``=``, ``!=``, ``=~`` or ``!~``. Patterns match whole values (RE2)."""

    label: str
    operator: str
    value: str

    def test(self) -> Callable[[str], bool]:
        """A function that tells whether a value fits; absent labels have the value ``""``."""
        if self.operator == "=":
            return lambda value: value == self.value
        if self.operator == "!=":
            return lambda value: value != self.value
        pattern = re2.compile(f"^(?s:{self.value})$")
        if self.operator == "=~":
            return lambda value: pattern.fullmatch(value) is not None
        return lambda value: pattern.fullmatch(value) is None


@dataclass(frozen=True, slots=True)
class Selector:
    """Series by their labels: all matchers of any one of the groups hold."""

    groups: tuple[tuple[Matcher, ...], ...]

    def test(self) -> Callable[[Labels], bool]:
        """A function that tells whether a series is meant."""
        groups = [[(each.label, each.test()) for each in group] for group in self.groups]
        return lambda labels: any(
            all(fits(value_of(labels, label)) for label, fits in group) for group in groups
        )


@dataclass(frozen=True, slots=True)
class Stretch:
    """The moments whose samples are wanted.

    Attributes:
        start: first one, milliseconds since 1970.
        end: last one.
        step: distance of the windows that are looked at; 0 when everything between is.
        window: length of each; the first begins at ``start``. Samples between windows may be left out.
    """

    start: int
    end: int
    step: int = 0
    window: int = 0

    @property
    def has_gaps(self) -> bool:
        """Whether leaving out what lies between windows spares anything."""
        return self.step > self.window + 1000


class Source(Protocol):
    """Where samples come from."""

    def read(self, selector: Selector, of: Stretch) -> Iterator[Samples]:
        """Series that a selector means with their samples in a stretch, both ends included.

        Several portions when there are many samples; each series is in one of them.
        """


class Fixed:
    """A source of given samples."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples

    def read(self, selector: Selector, of: Stretch) -> Iterator[Samples]:
        """See :meth:`Source.read`."""
        held = self._samples
        found = []
        fits = selector.test()
        for at, labels in enumerate(held.labels):
            if fits(labels):
                begin, stop = int(held.starts[at]), int(held.starts[at + 1])
                low, high = np.searchsorted(held.times[begin:stop], [of.start, of.end + 1]) + begin
                if high > low:
                    found.append((labels, held.times[low:high], held.values[low:high]))
        yield Samples.of(found)
