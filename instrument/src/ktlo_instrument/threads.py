"""The threads of the engine in Python: the calls that run in each, its cells, and what others may ask of them."""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import Any

from ktlo_instrument import cells
from ktlo_instrument.cells import Cell, Row

OUTSIDE = -1
"""Called from code that is not instrumented."""
MOST_DEPTH = 20_000
"""Running calls of a thread that are looked at; nothing recurses as deep."""
MOST_CELLS = 4_000
"""Cells a thread may have; beyond, all request kinds of a site share one cell."""
SITE, INNER, START, BELOW = range(4)
"""Places in the entry of a running call: its site or activation, nanoseconds spent in what it called, when it began or
went on, and the entry of the call that runs around it. Its thread follows, and the error of a function that raised."""

local = threading.local()
"""Its `thread` is the thread's own `Thread`."""
threads: list[Thread] = []
_left_open: dict[int, int] = {}


class Thread:
    """One thread's running calls, of which `top` is the innermost, and its cells."""

    __slots__ = ("cells", "now", "open", "owner", "top")

    def __init__(self) -> None:
        self.top: Any = None
        self.now: dict[int, Cell] = {}
        self.cells: dict[tuple[int, int], Cell] = {}
        self.open: dict[int, int] = defaultdict(int)
        self.owner = threading.current_thread()
        local.thread = self
        threads.append(self)


def this_thread() -> Thread:
    """Of the thread that asks."""
    return getattr(local, "thread", None) or Thread()


def other_cell(thread: Thread, index: int, request: int) -> Cell:
    """The cell of a request kind the thread did not have at hand."""
    cell = thread.cells.get((index, request))
    if cell is None:
        if len(thread.cells) >= MOST_CELLS:
            request = 0
            cell = thread.cells.get((index, 0))
        if cell is None:
            cell = thread.cells[index, request] = Cell(request)
    thread.now[index] = cell
    return cell


def place(thread: Thread, index: int, request: int) -> tuple[Cell, int]:
    """Cell and caller of a call that is no longer on the stack."""
    cell = thread.now.get(index)
    if cell is None or cell.request != request:
        cell = other_cell(thread, index, request)
    return cell, OUTSIDE if thread.top is None else thread.top[SITE].index


def drain() -> list[Row]:
    """What came since it was asked last, one row per site and request kind."""
    found: dict[tuple[int, int], Cell] = {}
    for thread in list(threads):
        gone = not thread.owner.is_alive()
        with cells.folding():
            for key, cell in list(thread.cells.items()):
                if cell.holds():
                    cell.move(found.setdefault(key, Cell(key[1])))
        if gone:
            threads.remove(thread)
            for site, count in thread.open.items():
                _left_open[site] = _left_open.get(site, 0) + count
    return [cell.row(site) for (site, _), cell in found.items()]


def active() -> dict[int, tuple[int, int]]:
    """How many calls of each site run now and did at most; here both are a sample of this moment."""
    found: dict[int, int] = dict(_left_open)
    for thread in threads:
        for site, count in list(thread.open.items()):
            found[site] = found.get(site, 0) + count
        entry = thread.top
        for _ in range(MOST_DEPTH):
            if entry is None:
                break
            subject = entry[SITE]
            if not subject.slept:
                found[subject.index] = found.get(subject.index, 0) + 1
            entry = entry[BELOW]
    return {site: (count, count) for site, count in found.items() if count > 0}


def after_fork() -> None:
    """In a child: its figures begin at zero; only the thread that forked is left."""
    thread = getattr(local, "thread", None)
    cells.after_fork()
    del threads[:]
    _left_open.clear()
    if thread is not None:
        thread.cells.clear()
        thread.now.clear()
        thread.open.clear()
        thread.owner = threading.current_thread()
        threads.append(thread)
