"""The engine in Python: what a function's entry and exit do.

Each thread has its own cells (`cells.py`), so that no count is lost; `drain` reads them from another thread and
gives what came since it was asked last. `_fast.c` is the same in C; both pass the same tests. A site is one function
of the source, a request kind a small number for caller service and route, with the lowest bit set when the request
is traced.
"""

from __future__ import annotations

import random
import sys
import threading
from collections.abc import Callable
from types import CoroutineType
from typing import Any, Optional

from ktlo_instrument import cells, threads
from ktlo_instrument.cells import OTHER, SCALE, Cell
from ktlo_instrument.clock import Clock
from ktlo_instrument.representation import type_name
from ktlo_instrument.suspension import awaited, drive, each, within, without_our_frames
from ktlo_instrument.threads import BELOW, INNER, SITE, START, Thread, active, drain, other_cell, this_thread
from ktlo_instrument.threads import local as _local

__all__ = [
    "NAME",
    "NEVER",
    "OTHER",
    "OUTSIDE",
    "SCALE",
    "Activation",
    "Site",
    "active",
    "after_fork",
    "drain",
    "setup",
]

NAME = "python"
NEVER = 1 << 62
_DIGIT = (1 << 30) - 1
FOLD = 192
"""Calls of a site, at least, after which durations are folded; at most a third more."""
OUTSIDE = -1
"""Called from code that is not instrumented."""

SLOW, ERROR, FIRST, SAMPLED, TRACED = 1, 2, 4, 8, 16

Gate = Callable[["Site", int, int, Any, Optional[BaseException]], None]

_gate: Gate | None = None
_chance = random.Random()  # noqa: S311 - our own: the application may have seeded the shared one


def _no_request(default: int) -> int:
    return default


_request: Callable[[int], int] = _no_request
_busy = threading.local()


def _entering(clock: Callable[[], int], local: Any) -> Callable[[Site], list[Any]]:
    """What happens on every entry; names that are looked up often are its own."""

    def come(self: Site) -> list[Any]:
        """A call begins; what is given stands in its frame, where it costs less to find than in the thread."""
        try:
            thread = local.thread
        except AttributeError:
            thread = Thread()
        thread.top = entry = [self, 0, clock(), thread.top, thread]
        return entry

    return come


def _exiting(clock: Callable[[], int]) -> Callable[[Site, list[Any]], None]:
    """What happens on every exit: the hottest code there is here.

    What seldom happens is left to be stumbled over, since a `try` costs nothing: a caller or a kind of request that
    is new here is not in its dictionary, and the entry of a call that failed is longer.
    """

    def leave(self: Site, entry: list[Any]) -> None:
        """The call ends, and with it whatever it called that left without an exit."""
        now = clock()
        try:
            _, inner, start, below, thread = entry
            thread.top = below
            wall = now - start
            if below is None:
                caller = -1
            else:
                below[1] += wall
                caller = below[0].index
            cell = thread.now[self.index]
            if cell.request != _request(0):
                cell = other_cell(thread, self.index, _request(0))
            if inner:
                cell.inner[caller].append(wall)
                cell.own.append(wall - inner)
            else:
                cell.leaf[caller].append(wall)
        except KeyError:
            cell = other_cell(thread, self.index, _request(0))
            cell.first(caller, wall, inner)
        except ValueError:
            _exit_of_failed(self, entry, now)
            return
        self.until = until = self.until - 1
        if until <= 0 or wall > self.near or (cell.traced and self.tokens > 0):
            _notice(self, cell, wall, _request(0), None)

    return leave


class Site:
    """One function of the source.

    Attributes:
        index: its number among the sites.
        limit: nanoseconds above which a call is slow for this function.
        left: calls until the next one is looked at (the first, then one in N).
        tokens: details that may still be told before the next fold.
        until: calls until durations are folded or the next one is looked at.
        near: the limit, or less: nanoseconds in one digit of Python's, which compare twice as fast.
    """

    __slots__ = ("after", "index", "near", "slow", "tokens", "until")
    suspends = False

    def __init__(self, index: int) -> None:
        self.index = index
        self.limit = NEVER
        self.until = 1
        self.after = 0
        self.tokens = 1

    def __reduce__(self) -> tuple[Any, ...]:
        return _nothing, ()

    @property
    def left(self) -> int:
        """Calls until the next one is looked at."""
        return self.until + self.after

    @left.setter
    def left(self, calls: int) -> None:
        self.until = min(calls, FOLD)
        self.after = calls - self.until

    @property
    def limit(self) -> int:
        """Nanoseconds above which a call is slow."""
        return self.slow

    @limit.setter
    def limit(self, nanoseconds: int) -> None:
        self.slow = nanoseconds
        self.near = min(nanoseconds, _DIGIT)

    enter = _entering(Clock.nanoseconds, _local)
    exit = _exiting(Clock.nanoseconds)

    def fail(self, entry: list[Any]) -> None:
        """The call raised; `exit` follows."""
        entry.append(sys.exc_info()[1])

    def begin(self) -> Activation:
        """A coroutine or generator begins to run."""
        return Activation(self)

    def hide(self, names: Any) -> Any:
        """Take our variables out of what `locals()`, `vars()` or `dir()` gave."""
        return hide(names)


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


def _exit_of_failed(site: Site, entry: list[Any], now: int) -> None:
    """A call ends that raised."""
    _, inner, start, below, thread, error = entry
    entry.pop()  # Or the error would hold its traceback, that the frame, the frame its entry and that the error.
    thread.top = below
    wall = now - start
    if below is not None:
        below[INNER] += wall
    request, cell, caller = _place(thread, site.index)
    cell.first(caller, wall, inner)
    site.until -= 1
    _notice(site, cell, wall, request, error, 3)


def _place(thread: Thread, index: int) -> tuple[int, Cell, int]:
    """Where a call that is no longer on the stack counts: request kind, cell, caller."""
    request = _request(0)
    cell = thread.now.get(index)
    if cell is None or cell.request != request:
        cell = other_cell(thread, index, request)
    return request, cell, OUTSIDE if thread.top is None else thread.top[SITE].index


_FLOW = (StopIteration, StopAsyncIteration, GeneratorExit)
"""How iteration ends; no errors."""


def _is_flow(error: BaseException) -> bool:
    # `isinstance` would ask its `__class__`, which may be the application's code.
    return issubclass(type(error), _FLOW)


def _notice(
    site: Site, cell: Cell, wall: int, request: int, error: BaseException | None, depth: int = 2
) -> None:
    """A call is one in so many, or may tell something: fold, and hand it to the gate as far as its tokens allow.

    Args:
        site: called.
        cell: where the call was counted.
        wall: nanoseconds it took.
        request: kind.
        error: raised.
        depth: frames between here and the function's.
    """
    reasons = 0
    if site.until <= 0:
        cells.settle(cell)
        if site.after > 0:
            # Not always as many: threads that call in turn shall all come here. A clock that ticks in tens of
            # nanoseconds would give even steps only.
            site.until = min(site.after, FOLD + _chance.getrandbits(6))
            site.after -= site.until
        else:
            reasons = FIRST if site.until == 0 and site.limit == NEVER else SAMPLED
            site.left = NEVER
    if wall > site.limit:
        reasons |= SLOW
    if request & 1:
        reasons |= TRACED
    if error is not None and not _is_flow(error):
        reasons |= ERROR
        cell.errors.append(type_name(type(error)))
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
    suspends = True

    def __init__(self, site: Site) -> None:
        self.site = site
        self.index = index = site.index
        self.active = 0
        self.child = 0
        self.error: BaseException | None = None
        self.over = False
        thread = this_thread()
        thread.open[index] = thread.open.get(index, 0) + 1
        self.start = start = Clock.nanoseconds()
        self.entry: list[Any] | None = [self, 0, start, thread.top]
        thread.top = self.entry

    def _leave(self, now: int) -> None:
        entry = self.entry
        if entry is None:
            return
        self.entry = None
        thread = this_thread()
        top = thread.top
        while top is not None and top is not entry:
            top = top[BELOW]
        if top is not None:
            thread.top = entry[BELOW]
        spent = now - entry[START]
        self.active += spent
        self.child += entry[INNER]
        if thread.top is not None:
            thread.top[INNER] += spent

    def off(self, value: Any) -> Any:
        """It stops for a while and gives `value`."""
        self._leave(Clock.nanoseconds())
        return value

    def on(self, value: Any) -> Any:
        """It goes on with `value`."""
        if not self.over and self.entry is None:
            thread = this_thread()
            thread.top = self.entry = [self, 0, Clock.nanoseconds(), thread.top]
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
        now = Clock.nanoseconds()
        self._leave(now)
        self.over = True
        thread = this_thread()
        request, cell, caller = _place(thread, self.index)
        wall = now - self.start
        thread.open[self.index] = thread.open.get(self.index, 0) - 1
        try:
            cell.inner[caller].append(wall)
        except KeyError:
            cell.of(caller, cell.inner).append(wall)
        cell.own.append(self.active - self.child)
        cell.active.append(self.active)
        error, self.error = self.error, None
        site = self.site
        site.until = until = site.until - 1
        if until <= 0 or wall > site.near or error is not None or (cell.traced and site.tokens > 0):
            _notice(site, cell, wall, request, error)

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


def setup(request: Any, gate: Gate | None, *_shared: Any) -> None:
    """Say which context variable holds the request kind, and whom telling calls are handed to."""
    global _request, _gate
    _request = request.get
    _gate = gate


def after_fork() -> None:
    """In a child: its figures begin at zero; only the thread that forked is left."""
    _busy.now = False
    threads.after_fork()
