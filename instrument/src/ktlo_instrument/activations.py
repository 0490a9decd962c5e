"""Coroutines and generators in the engine in Python: wall time, and the time in which they were active.

An activation is one that runs. It stands on its thread's stack of calls while it is on, and leaves it while it is
suspended. Most never are: the time of these is in one list, as a function's is.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import CoroutineType
from typing import Any

from ktlo_instrument.clock import Clock
from ktlo_instrument.gate import not_ours, notice
from ktlo_instrument.suspension import awaited, drive, each, within, without_our_frames
from ktlo_instrument.threads import BELOW, Thread, other_cell, place, this_thread
from ktlo_instrument.threads import local as _local

_request: Callable[[int], int] = lambda default: default  # noqa: E731


def use(request: Callable[[int], int]) -> None:
    """Say what gives the request kind."""
    global _request
    _request = request


def beginning(clock: Callable[[], int], local: Any) -> Callable[[Any], Activation]:
    """What happens when one begins, as a method of its site."""

    def begin(self: Any) -> Activation:
        """A coroutine or generator begins to run."""
        try:
            thread = local.thread
        except AttributeError:
            thread = Thread()
        made = Activation()  # Without an `__init__`, which would cost half as much again.
        made.site = self
        made.index = self.index
        made.error = None
        made.slept = made.over = False
        made.entry = thread.top = [made, 0, clock(), thread.top, thread]
        return made

    return begin


def _going_on(clock: Callable[[], int], local: Any) -> Callable[[Activation, Any], Any]:
    def on(self: Activation, value: Any) -> Any:
        """It goes on with `value`."""
        if self.entry is None and not self.over:
            try:
                thread = local.thread
            except AttributeError:
                thread = Thread()
            self.entry = thread.top = [self, 0, clock(), thread.top, thread]
        return value

    return on


def _stopping(clock: Callable[[], int]) -> Callable[[Activation, Any], Any]:
    def off(self: Activation, value: Any) -> Any:
        """It stops for a while and gives `value`."""
        now = clock()
        entry = self.entry
        if entry is not None:
            _, inner, start, below, thread = entry
            spent = now - start
            if self.slept:
                self.active += spent
                self.child += inner
            else:  # In this order: a handler of a signal may raise between any two of them.
                self.start = start
                self.active = spent
                self.child = inner
                self.slept = True
                thread.open[self.index] += 1
            self.entry = None
            if thread.top is entry:
                thread.top = below
            else:
                below = _taken_out(thread, entry)
            if below is not None:
                below[1] += spent
        return value

    return off


def _ending(clock: Callable[[], int]) -> Callable[[Activation], None]:
    def leave(self: Activation) -> None:
        """It is over; much as a function's exit."""
        now = clock()
        entry = self.entry
        if entry is None or self.error is not None or entry[4].top is not entry:
            _end(self)
            return
        _, inner, start, below, thread = entry
        thread.top = below
        self.entry = None
        self.over = True
        wall = active = now - start
        if below is None:
            caller = -1
        else:
            below[1] += wall
            caller = below[0].index
        slept = self.slept
        if slept:
            wall = now - self.start
            active += self.active
            inner += self.child
            thread.open[self.index] -= 1
        try:
            cell = thread.now[self.index]
            if cell.request != _request(0):
                cell = other_cell(thread, self.index, _request(0))
            if slept or inner:
                cell.inner[caller].append(wall)
                cell.own.append(active - inner)
                cell.active.append(active)
            else:
                cell.bare[caller].append(wall)
        except KeyError as error:
            if not_ours(error):
                raise
            cell = other_cell(thread, self.index, _request(0))
            cell.first_active(caller, wall, active, inner)
        site = self.site
        site.until = until = site.until - 1
        if until <= 0 or wall > site.near or (cell.traced and site.tokens > 0):
            notice(site, cell, wall, _request(0), None)

    return leave


def _taken_out(thread: Thread, entry: list[Any]) -> Any:
    """Take an entry off the stack with what lies above it, if it is there; gives the innermost that is left."""
    top = thread.top
    while top is not None and top is not entry:
        top = top[BELOW]
    if top is not None:
        thread.top = entry[BELOW]
    return thread.top


def _end(self: Activation) -> None:
    """It is over, and raised or is not innermost, or it was over before."""
    if self.over:
        return
    self.off(None)
    wall = Clock.nanoseconds() - self.start
    self.over = True
    thread = this_thread()
    thread.open[self.index] -= 1
    request = _request(0)
    cell, caller = place(thread, self.index, request)
    cell.first_active(caller, wall, self.active, self.child)
    error, self.error = self.error, None
    site = self.site
    site.until = until = site.until - 1
    if until <= 0 or wall > site.near or error is not None or (cell.traced and site.tokens > 0):
        notice(site, cell, wall, request, error, 3)


class Activation:
    """One running coroutine, generator or async generator.

    Attributes:
        site: its function.
        index: its number.
        entry: on the stack; `None` while it is suspended.
        error: raised.
        slept: whether it ever was suspended; only then the next three are there.
        start: when it began.
        active: nanoseconds it ran, with what it called, until it was suspended last.
        child: nanoseconds of these in what it called.
        over: whether it ended.
    """

    __slots__ = ("active", "child", "entry", "error", "index", "over", "site", "slept", "start")

    site: Any
    index: int
    entry: list[Any] | None
    error: BaseException | None
    slept: bool
    start: int
    active: int
    child: int
    over: bool

    off = _stopping(Clock.nanoseconds)
    on = _going_on(Clock.nanoseconds, _local)
    exit = _ending(Clock.nanoseconds)

    def fail(self) -> None:
        """It raised; `exit` follows."""
        self.error = error = sys.exc_info()[1]
        self.on(None)
        if error is not None:
            without_our_frames(error)

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
