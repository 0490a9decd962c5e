"""The engine in Python: what a function's entry and exit do.

Each thread has its own cells (`cells.py`), so that no count is lost; `drain` reads them from another thread and
gives what came since it was asked last. `_fast.c` is the same in C; both pass the same tests. A site is one function
of the source, a request kind a small number for caller service and route, with the lowest bit set when the request
is traced.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from ktlo_instrument import activations, gate, threads
from ktlo_instrument.activations import Activation, beginning
from ktlo_instrument.cells import OTHER, SCALE
from ktlo_instrument.clock import Clock
from ktlo_instrument.gate import ERROR, FIRST, FOLD, NEVER, SAMPLED, SLOW, TRACED, Gate, not_ours
from ktlo_instrument.gate import notice as _notice
from ktlo_instrument.threads import INNER, OUTSIDE, Thread, active, drain, other_cell, place
from ktlo_instrument.threads import local as _local

__all__ = [
    "ERROR",
    "FIRST",
    "FOLD",
    "NAME",
    "NEVER",
    "OTHER",
    "OUTSIDE",
    "SAMPLED",
    "SCALE",
    "SLOW",
    "TRACED",
    "Activation",
    "Site",
    "active",
    "after_fork",
    "drain",
    "setup",
]

NAME = "python"
_DIGIT = (1 << 30) - 1


def _no_request(default: int) -> int:
    return default


_request: Callable[[int], int] = _no_request


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
        except KeyError as error:
            if not_ours(error):
                raise
            cell = other_cell(thread, self.index, _request(0))
            cell.first(caller, wall, inner)
        except ValueError as error:
            if not_ours(error):
                raise
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
    slept = False

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
    begin = beginning(Clock.nanoseconds, _local)

    def fail(self, entry: list[Any]) -> None:
        """The call raised; `exit` follows."""
        entry.append(sys.exc_info()[1])

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
    request = _request(0)
    cell, caller = place(thread, site.index, request)
    cell.first(caller, wall, inner)
    site.until -= 1
    _notice(site, cell, wall, request, error, 3)


def setup(request: Any, told: Gate | None, *_shared: Any) -> None:
    """Say which context variable holds the request kind, and whom telling calls are handed to."""
    global _request
    _request = request.get
    activations.use(request.get)
    gate.open_to(told)


def after_fork() -> None:
    """In a child: its figures begin at zero; only the thread that forked is left."""
    gate.after_fork()
    threads.after_fork()
