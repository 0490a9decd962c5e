"""What the engine in Python counted: cells of one thread, function and kind of request, and how they become rows.

A call leaves nothing but its duration in a list, which is what costs least. Every two hundred calls or so the list is
folded into a histogram: all of its durations at once, as lanes of one long number, in half the time that sorting them
takes and without a branch that the processor would guess wrong.
Lists are only ever appended to by their own thread, and shortened from the front under one lock, so that no count is
lost.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from array import array
from collections.abc import Callable, Iterator
from typing import Optional

SCALE = 0
MOST_CALLERS = 64
"""Callers counted apart per cell; the others together as `OTHER`."""
MOST_KINDS = 64
"""Error types counted apart per cell."""
OTHER = -2
_BUCKETS = 64
"""Bucket i holds (2^(i-1), 2^i] nanoseconds; OTLP calls it i-1."""

Histogram = tuple[int, int, list[int]]
"""Scale, index of the first bucket, counts (OTLP, exponential histogram)."""

Row = tuple[
    int, int, int, int, int, int, Histogram, Histogram, Optional[Histogram], dict[str, int], dict[int, int]
]
"""Site, request kind, calls, wall, self and active nanoseconds, their histograms, errors, callers."""


_LANES = 256
_FEW = 16
"""Durations that are counted one by one, which is faster for so few."""
_EACH = sum(1 << 32 * lane for lane in range(_LANES))
_TOPS = _EACH << 31
_ADDED = [_EACH * ((1 << 31) - 1 - (1 << place)) for place in range(31)] + [0]
_ones: Callable[[int], int] = getattr(int, "bit_count", None) or (lambda number: bin(number).count("1"))


def _spread(durations: list[int], counts: list[int]) -> int:
    """Put at most 256 durations into their buckets; what they are together.

    They become lanes of 32 bits of one long number. To all lanes at once is added what makes those above 2^i overflow
    into their top bits, and these are counted: once for each bucket that is used, whatever the number of durations
    (after Lamport, "Multiple byte processing with full-word instructions", 1975).
    """
    number = len(durations)
    try:
        lanes = _TOPS if number < _FEW else int.from_bytes(array("I", durations), sys.byteorder)
    except OverflowError:  # 2^32 ns or more, or a clock went back.
        lanes = _TOPS
    if lanes & _TOPS:
        total = 0
        for each in durations:
            if each > 0:
                total += each
            counts[_bucket(each)] += 1
        return total
    below = above = _bucket(durations[0])
    longer = reached = _ones((lanes + _ADDED[above]) & _TOPS)
    while longer:
        above += 1
        more = _ones((lanes + _ADDED[above]) & _TOPS)
        counts[above] += longer - more
        longer = more
    while reached < number:
        more = _ones((lanes + _ADDED[below - 1]) & _TOPS) if below else number
        counts[below] += more - reached
        reached = more
        below -= 1
    return sum(durations)


def _bucket(duration: int) -> int:
    return min(_BUCKETS - 1, (duration - 1).bit_length()) if duration > 0 else 0


class Shape:
    """A histogram with its sum."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * _BUCKETS
        self.total = 0

    def take(self, durations: list[int]) -> int:
        """Put in what a list holds, and empty it; how many there were."""
        number = len(durations)
        for start in range(0, number, _LANES):
            part = durations[: min(_LANES, number - start)]
            del durations[: len(part)]
            self.total += _spread(part, self.counts)
        return number

    def add(self, other: Shape) -> None:
        """Put in another one."""
        self.counts = [a + b for a, b in zip(self.counts, other.counts)]
        self.total += other.total

    def told(self) -> Histogram:
        """As OTLP has it."""
        used = [place for place, count in enumerate(self.counts) if count]
        return (SCALE, used[0] - 1, self.counts[used[0] : used[-1] + 1]) if used else (SCALE, 0, [])


class Cell:
    """Of one thread, function and kind of request.

    Attributes:
        request: the kind.
        traced: whether such requests are.
        leaf: by caller, durations of calls that called nothing instrumented: for these wall time is self time.
        inner: by caller, durations of the others.
        own: self times of the others.
        bare: as `leaf`, of coroutines and generators that were never suspended: it is their active time too.
        active: active times of the others.
        errors: names of the types of what was raised.
    """

    __slots__ = (
        "active",
        "bare",
        "callers",
        "errors",
        "inner",
        "kinds",
        "leaf",
        "own",
        "request",
        "shapes",
        "traced",
    )

    def __init__(self, request: int) -> None:
        self.request = request
        self.traced = bool(request & 1)
        self.leaf: dict[int, list[int]] = {}
        self.inner: dict[int, list[int]] = {}
        self.bare: dict[int, list[int]] = {}
        self.own: list[int] = []
        self.active: list[int] = []
        self.errors: list[str] = []
        self.callers: dict[int, int] = {}
        self.kinds: dict[str, int] = {}
        self.shapes: dict[str, Shape] = {}

    def of(self, caller: int, lists: dict[int, list[int]]) -> list[int]:
        """The list of a caller that was not there, in `leaf`, `inner` or `bare`."""
        if caller not in self.callers:
            if len(self.callers) >= MOST_CALLERS:
                caller = OTHER
            self.callers.setdefault(caller, 0)
        return lists.setdefault(caller, [])

    def holds(self) -> bool:
        """Whether it was counted in since it was moved."""
        if self.shapes or self.kinds or self.own or self.errors:
            return True
        return any(any(map(len, list(lists.values()))) for lists in (self.leaf, self.inner, self.bare))

    def first(self, caller: int, wall: int, inner: int) -> None:
        """Count a call of a caller that may not be known yet."""
        self.of(caller, self.inner if inner else self.leaf).append(wall)
        if inner:
            self.own.append(wall - inner)

    def first_active(self, caller: int, wall: int, active: int, inner: int) -> None:
        """The same for a coroutine or generator."""
        if inner or active != wall:
            self.of(caller, self.inner).append(wall)
            self.own.append(active - inner)
            self.active.append(active)
        else:
            self.of(caller, self.bare).append(wall)

    def settle(self) -> None:
        """Fold what waits. Only under the lock."""
        shapes, callers = self.shapes, self.callers
        for name, lists in (("leaf", self.leaf), ("wall", self.inner), ("bare", self.bare)):
            if lists:
                shape = shapes.get(name) or self._shape(name)
                for caller, durations in list(lists.items()):
                    if durations:
                        callers[caller] += shape.take(durations)
        for name, durations in (("own", self.own), ("active", self.active)):
            if durations:
                (shapes.get(name) or self._shape(name)).take(durations)
        if self.errors:
            part = self.errors[:]
            del self.errors[: len(part)]
            for kind in part:
                shown = kind if kind in self.kinds or len(self.kinds) < MOST_KINDS else "_OTHER"
                self.kinds[shown] = self.kinds.get(shown, 0) + 1

    def _shape(self, name: str) -> Shape:
        shape = self.shapes.get(name)
        if shape is None:
            shape = self.shapes[name] = Shape()
        return shape

    def move(self, to: Cell) -> None:
        """Settle, and hand all of it over. Only under the lock."""
        self.settle()
        shapes, self.shapes = self.shapes, {}
        for name, shape in shapes.items():
            to._shape(name).add(shape)
        for caller, calls in list(self.callers.items()):
            if calls:
                self.callers[caller] = 0
                to.callers[caller] = to.callers.get(caller, 0) + calls
        kinds, self.kinds = self.kinds, {}
        for kind, count in kinds.items():
            to.kinds[kind] = to.kinds.get(kind, 0) + count

    def row(self, site: int) -> Row:
        """What is told of it."""
        wall, own, active = Shape(), Shape(), Shape()
        for name, shape in self.shapes.items():
            if name in ("leaf", "wall", "bare"):
                wall.add(shape)
            if name in ("leaf", "own", "bare"):
                own.add(shape)
            if name in ("active", "bare"):
                active.add(shape)
        return (
            site,
            self.request,
            sum(wall.counts),
            wall.total,
            own.total,
            active.total,
            wall.told(),
            own.told(),
            active.told() if any(active.counts) else None,
            self.kinds,
            self.callers,
        )


_lock = threading.Lock()
"""Held while lists are folded. Who is in the middle of a call never waits for it."""
_PATIENCE = 5.0


def settle(cell: Cell) -> None:
    """Fold a cell, unless somebody else is folding."""
    lock = _lock
    if lock.acquire(blocking=False):
        try:
            cell.settle()
        finally:
            lock.release()


@contextlib.contextmanager
def folding() -> Iterator[None]:
    """Hold the lock, waiting for it. One that stays shut was left so by an interrupt in the middle of `settle`."""
    global _lock
    lock = _lock
    if not lock.acquire(timeout=_PATIENCE):
        lock = _lock = threading.Lock()
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def after_fork() -> None:
    """In a child: a lock that another thread held is open again."""
    global _lock
    _lock = threading.Lock()
