"""The engine in Python: what a function's entry and exit do.

Each thread has its own cells, so that no lock is needed and no count is lost; `drain` reads them from
another thread and gives what came since it was asked last. `_fast.c` is the same in C; both pass the same
tests. A site is one function of the source, a request kind a small number for caller service and route,
with the lowest bit set when the request is traced.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from time import perf_counter_ns as clock
from types import CoroutineType
from typing import Any, Optional

from ktlo_instrument.representation import type_name
from ktlo_instrument.suspension import awaited, drive, each, within, without_our_frames

NAME = "python"
SCALE = 0
NEVER = 1 << 62
MOST_DEPTH = 20_000
"""Entries of a thread's stack; deeper ones mean that exits were not seen, and the stack is begun again."""
MOST_CALLERS = 64
"""Callers counted apart per cell; the others together as `OTHER`."""
MOST_KINDS = 64
"""Error types counted apart per cell."""
MOST_CELLS = 4_000
"""Cells a thread may have; beyond, all request kinds of a site share one cell."""
OTHER = -2
OUTSIDE = -1
"""Called from code that is not instrumented."""

SLOW, ERROR, FIRST, SAMPLED, TRACED = 1, 2, 4, 8, 16

Gate = Callable[["Site", int, int, Any, Optional[BaseException]], None]
Histogram = tuple[int, int, list[int]]
"""Scale, index of the first bucket, counts (OTLP, exponential histogram)."""

_gate: Gate | None = None


def _no_request(default: int) -> int:
    return default


_request: Callable[[int], int] = _no_request
_threads: list[_Thread] = []
_local = threading.local()
_busy = threading.local()

# Places in a cell. Calls that called nothing instrumented count only in LEAF, since there wall time is self time.
_LEAF, _WALL, _SELF, _LEAF_NS, _WALL_NS, _SELF_NS, _CALLERS, _ERRORS, _ACTIVE, _ACTIVE_NS, _KIND = range(11)
_BUCKETS = 64


def _cell(kind: int) -> list[Any]:
    zeros = [0] * _BUCKETS
    return [zeros, zeros[:], zeros[:], 0, 0, 0, {}, {}, None, 0, kind]


class _Stack(list[Any]):
    """Entries of the calls that run: site, nanoseconds spent in what it called, start; and the cells at hand."""

    __slots__ = ("now",)

    def __init__(self, now: dict[int, list[Any]]) -> None:
        super().__init__()
        self.now = now


class _Thread:
    """One thread's stack of running calls and its cells."""

    __slots__ = ("cells", "last", "now", "open", "owner", "stack")

    def __init__(self) -> None:
        self.now: dict[int, list[Any]] = {}
        self.stack = _Stack(self.now)
        self.cells: dict[tuple[int, int], list[Any]] = {}
        self.last: dict[tuple[int, int], list[Any]] = {}
        self.open: dict[int, int] = {}
        self.owner = threading.current_thread()
        _local.stack = self.stack
        _local.thread = self
        _threads.append(self)


def _begin_thread() -> _Thread:
    return getattr(_local, "thread", None) or _Thread()


class Site:
    """One function of the source.

    Attributes:
        index: its number among the sites.
        limit: nanoseconds above which a call is slow for this function.
        left: calls until the next one is looked at (the first, then one in N).
        tokens: details that may still be told before the next fold.
    """

    __slots__ = ("index", "left", "limit", "tokens")

    def __init__(self, index: int) -> None:
        self.index = index
        self.limit = NEVER
        self.left = 1
        self.tokens = 1

    def __reduce__(self) -> tuple[Any, ...]:
        return _nothing, ()

    def enter(self) -> None:
        """A call begins."""
        try:
            stack = _local.stack
        except AttributeError:
            stack = _begin_thread().stack
        stack.append([self, 0, clock()])

    def fail(self) -> None:
        """The call raised; `exit` follows."""
        stack = _local.stack
        if stack and stack[-1][0] is self:
            stack[-1][0] = _Failed(self, sys.exc_info()[1])

    def exit(self) -> None:
        """The call ends."""
        now = clock()
        stack = _local.stack
        error = None
        try:
            entry = stack.pop()
            if entry[0] is not self:
                entry, error = _found(self, entry, stack)
                if entry is None:
                    return
        except IndexError:
            return
        wall = now - entry[2]
        if stack:
            parent = stack[-1]
            parent[1] += wall
            caller = parent[0].index
        else:
            caller = -1
        request = _request(0)
        try:
            cell = stack.now[self.index]
            if cell[10] != request:
                cell = _other_cell(self.index, request)
        except KeyError:
            cell = _other_cell(self.index, request)
        callers = cell[6]
        try:
            callers[caller] += 1
        except KeyError:
            _new_caller(callers, caller)
        if entry[1]:
            own = wall - entry[1]
            cell[1][(wall - 1).bit_length()] += 1
            cell[4] += wall
            cell[2][(own - 1).bit_length()] += 1
            cell[5] += own
        else:
            cell[0][(wall - 1).bit_length()] += 1
            cell[3] += wall
        if error is not None:
            _count_error(cell, error)
        self.left = left = self.left - 1
        if left <= 0 or wall > self.limit or request & 1 or error is not None:
            _notice(self, left, wall, request, error, 2)

    def begin(self) -> Activation:
        """A coroutine or generator begins to run."""
        return Activation(self)

    def hide(self, names: Any) -> Any:
        """Take our variables out of what `locals()`, `vars()` or `dir()` gave."""
        return hide(names)


class _Failed:
    """Stands on the stack in place of a site whose call raised."""

    __slots__ = ("error", "index", "site")

    def __init__(self, site: Any, error: BaseException | None) -> None:
        self.site = site
        self.error = error
        self.index = site.index


def _nothing() -> Site:
    """A site that was pickled as part of code, where it is read: counts for the overflow."""
    return Site(0)


def hide(names: Any) -> Any:
    """Without our variables; anything but a list or dict is given back as it is."""
    if type(names) is dict or type(names).__name__ == "FrameLocalsProxy":
        if ".r" in names or ".k" in names:
            names = {key: value for key, value in names.items() if key != ".r" and key != ".k"}
    elif type(names) is list:
        names = [each for each in names if each != ".r" and each != ".k"]
    return names


def _found(
    subject: Any, entry: list[Any], stack: list[list[Any]]
) -> tuple[list[Any] | None, BaseException | None]:
    """The entry of a call that is not on top: it failed, or what it called left without an exit."""
    while True:
        top = entry[0]
        if top is subject:
            return entry, None
        if type(top) is _Failed and top.site is subject:
            return entry, top.error
        if not any(_is_of(each[0], subject) for each in stack):
            stack.append(entry)
            return None, None
        entry = stack.pop()


def _is_of(top: Any, subject: Any) -> bool:
    return top is subject or (type(top) is _Failed and top.site is subject)


def _other_cell(index: int, request: int) -> list[Any]:
    """The cell of a request kind the thread did not have at hand."""
    thread = _begin_thread()
    cell = thread.cells.get((index, request))
    if cell is None:
        if len(thread.cells) >= MOST_CELLS:
            request = 0
            cell = thread.cells.get((index, 0))
        if cell is None:
            cell = _cell(request)
            thread.cells[index, request] = cell
    thread.now[index] = cell
    if len(thread.stack) > MOST_DEPTH:
        del thread.stack[:]
    return cell


def _new_caller(callers: dict[int, int], caller: int) -> None:
    if len(callers) >= MOST_CALLERS:
        caller = OTHER
    callers[caller] = callers.get(caller, 0) + 1


_FLOW = (StopIteration, StopAsyncIteration, GeneratorExit)
"""How iteration ends; no errors."""


def _count_error(cell: list[Any], error: BaseException) -> None:
    if issubclass(
        type(error), _FLOW
    ):  # `isinstance` would ask its `__class__`, which may be the application's code
        return
    name = type_name(type(error))
    errors = cell[_ERRORS]
    if name not in errors and len(errors) >= MOST_KINDS:
        name = "_OTHER"
    errors[name] = errors.get(name, 0) + 1


def _notice(site: Site, left: int, wall: int, request: int, error: BaseException | None, depth: int) -> None:
    """A call may tell something: hand it to the gate, at most as often as the site's tokens allow."""
    reasons = 0
    if left <= 0:
        reasons = FIRST if left == 0 and site.limit == NEVER else SAMPLED
    if wall > site.limit:
        reasons |= SLOW
    if request & 1:
        reasons |= TRACED
    if error is not None and not issubclass(type(error), _FLOW):
        reasons |= ERROR
    if left <= 0:
        site.left = NEVER
    if not reasons or site.tokens <= 0 or _gate is None or getattr(_busy, "now", False):
        return
    site.tokens -= 1
    _busy.now = True
    try:
        _gate(site, reasons, wall, sys._getframe(depth), error)
    except Exception:
        pass
    finally:
        _busy.now = False


class Activation:
    """One running coroutine, generator or async generator: its wall time, and the time it was active."""

    __slots__ = ("active", "child", "entry", "error", "index", "over", "site", "start")

    def __init__(self, site: Site) -> None:
        self.site = site
        self.index = site.index
        self.active = 0
        self.child = 0
        self.error: BaseException | None = None
        self.over = False
        thread = _begin_thread()
        thread.open[site.index] = thread.open.get(site.index, 0) + 1
        self.start = clock()
        self.entry: list[Any] | None = [self, 0, self.start]
        thread.stack.append(self.entry)

    def _leave(self) -> None:
        now = clock()
        entry = self.entry
        if entry is None:
            return
        self.entry = None
        stack = _begin_thread().stack
        if stack and stack[-1] is entry:
            stack.pop()
        elif any(each is entry for each in stack):
            while stack.pop() is not entry:
                pass
        spent = now - entry[2]
        self.active += spent
        self.child += entry[1]
        if stack:
            stack[-1][1] += spent

    def off(self, value: Any) -> Any:
        """It stops for a while and gives `value`."""
        self._leave()
        return value

    def on(self, value: Any) -> Any:
        """It goes on with `value`."""
        if not self.over and self.entry is None:
            stack = _begin_thread().stack
            self.entry = [self, 0, clock()]
            stack.append(self.entry)
        return value

    def fail(self) -> None:
        """It raised; `exit` follows."""
        self.error = error = sys.exc_info()[1]
        if self.entry is None:
            self.on(None)
        if error is not None:
            without_our_frames(error)

    def exit(self) -> None:
        """It is over."""
        if self.over:
            return
        self._leave()
        self.over = True
        now = clock()
        thread = _begin_thread()
        stack = thread.stack
        caller = stack[-1][0].index if stack else OUTSIDE
        request = _request(0)
        index = self.index
        cell = thread.now.get(index)
        if cell is None or cell[_KIND] != request:
            cell = _other_cell(index, request)
        callers = cell[_CALLERS]
        if caller in callers:
            callers[caller] += 1
        else:
            _new_caller(callers, caller)
        wall = now - self.start
        thread.open[index] = thread.open.get(index, 0) - 1
        own = max(0, self.active - self.child)
        if cell[_ACTIVE] is None:
            cell[_ACTIVE] = [0] * _BUCKETS
        cell[_WALL][_bucket(wall)] += 1
        cell[_WALL_NS] += wall
        cell[_SELF][_bucket(own)] += 1
        cell[_SELF_NS] += own
        cell[_ACTIVE][_bucket(self.active)] += 1
        cell[_ACTIVE_NS] += self.active
        error, self.error = self.error, None
        if error is not None:
            _count_error(cell, error)
        site = self.site
        site.left = left = site.left - 1
        if left <= 0 or wall > site.limit or request & 1 or error is not None:
            _notice(site, left, wall, request, error, 2)

    def watch(self, awaitable: Any) -> Any:
        """What `await` shall wait for, with our time stopped while it is suspended."""
        iterator = awaited(awaitable)
        return awaitable if iterator is None else drive(self, iterator)

    def relay(self, iterable: Any) -> Any:
        """The same for `yield from`."""
        iterator = iterable if isinstance(iterable, CoroutineType) else iter(iterable)
        return drive(self, iterator)

    def each(self, iterable: Any) -> Any:
        """The same for `async for`."""
        return each(self, iterable)

    def within(self, context: Any) -> Any:
        """The same for `async with`."""
        return within(self, context)


def _bucket(nanoseconds: int) -> int:
    return (nanoseconds - 1).bit_length() if nanoseconds > 0 else 0


# What other threads may ask.


def setup(request: Any, gate: Gate | None, *_shared: Any) -> None:
    """Say which context variable holds the request kind, and whom telling calls are handed to."""
    global _request, _gate
    _request = request.get
    _gate = gate


Row = tuple[
    int, int, int, int, int, int, Histogram, Histogram, Optional[Histogram], dict[str, int], dict[int, int]
]
"""Site, request kind, calls, wall, self and active nanoseconds, their histograms, errors, callers."""


def drain() -> list[Row]:
    """What came since it was asked last, one row per site and request kind."""
    found: dict[tuple[int, int], list[Any]] = {}
    for thread in list(_threads):
        gone = not thread.owner.is_alive()
        for key, cell in list(thread.cells.items()):
            now = _copy(cell)
            _add(found.setdefault(key, _cell(key[1])), _since(now, thread.last.get(key)))
            thread.last[key] = now
        if gone:
            _threads.remove(thread)
            for site, count in thread.open.items():
                _left_open[site] = _left_open.get(site, 0) + count
    return [_row(key, cell) for key, cell in found.items() if any(cell[_LEAF]) or any(cell[_WALL])]


_left_open: dict[int, int] = {}


def active() -> dict[int, tuple[int, int]]:
    """How many calls of each site run now and did at most; here both are a sample of this moment."""
    found: dict[int, int] = dict(_left_open)
    for thread in _threads:
        for site, count in list(thread.open.items()):
            found[site] = found.get(site, 0) + count
        for entry in list(thread.stack):
            if not isinstance(entry[0], Activation):
                found[entry[0].index] = found.get(entry[0].index, 0) + 1
    return {site: (count, count) for site, count in found.items() if count > 0}


def after_fork() -> None:
    """In a child: its figures begin at zero; only the thread that forked is left."""
    thread = getattr(_local, "thread", None)
    del _threads[:]
    _left_open.clear()
    _busy.now = False
    if thread is not None:
        thread.cells.clear()
        thread.now.clear()
        thread.last.clear()
        thread.open.clear()
        thread.owner = threading.current_thread()
        _threads.append(thread)


def _copy(cell: list[Any]) -> list[Any]:
    return [each.copy() if isinstance(each, (list, dict)) else each for each in cell]


def _since(cell: list[Any], last: list[Any] | None) -> list[Any]:
    now = list(cell)
    if last is None:
        return now
    for place, old in enumerate(last[:_KIND]):
        new = now[place]
        if isinstance(old, list):
            now[place] = [a - b for a, b in zip(new, old)]
        elif isinstance(old, dict):
            now[place] = {
                key: count - old.get(key, 0) for key, count in new.items() if count != old.get(key, 0)
            }
        elif old is not None:
            now[place] = new - old
    return now


def _add(to: list[Any], more: list[Any]) -> None:
    for place, new in enumerate(more[:_KIND]):
        old = to[place]
        if isinstance(new, list):
            to[place] = [a + b for a, b in zip(old, new)] if old else new
        elif isinstance(new, dict):
            for key, count in new.items():
                old[key] = old.get(key, 0) + count
        elif new is not None:
            to[place] = old + new


def _row(key: tuple[int, int], cell: list[Any]) -> Row:
    wall = [a + b for a, b in zip(cell[_LEAF], cell[_WALL])]
    own = [a + b for a, b in zip(cell[_LEAF], cell[_SELF])]
    return (
        key[0],
        key[1],
        sum(wall),
        cell[_LEAF_NS] + cell[_WALL_NS],
        cell[_LEAF_NS] + cell[_SELF_NS],
        cell[_ACTIVE_NS],
        _histogram(wall),
        _histogram(own),
        _histogram(cell[_ACTIVE]) if cell[_ACTIVE] else None,
        cell[_ERRORS],
        cell[_CALLERS],
    )


def _histogram(buckets: list[int]) -> Histogram:
    """Bucket i here holds (2^(i-1), 2^i]; OTLP calls it i-1."""
    used = [index for index, count in enumerate(buckets) if count]
    if not used:
        return SCALE, 0, []
    return SCALE, used[0] - 1, buckets[used[0] : used[-1] + 1]
