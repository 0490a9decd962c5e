"""Which calls are told in the engine in Python: the first, one in so many, slow, failed and traced ones."""

from __future__ import annotations

import random
import sys
import threading
from collections.abc import Callable
from typing import Any, Optional

from ktlo_instrument import cells
from ktlo_instrument.cells import Cell
from ktlo_instrument.representation import type_name

NEVER = 1 << 62
FOLD = 192
"""Calls of a site, at least, after which durations are folded; at most a third more."""
SLOW, ERROR, FIRST, SAMPLED, TRACED = 1, 2, 4, 8, 16

Gate = Callable[[Any, int, int, Any, Optional[BaseException]], None]
"""Handed the site, the reasons, nanoseconds, the function's frame, and what it raised."""

_gate: Gate | None = None
_chance = random.Random()  # noqa: S311 - our own: the application may have seeded the shared one
_busy = threading.local()


def open_to(gate: Gate | None) -> None:
    """Say whom telling calls are handed to."""
    global _gate
    _gate = gate


def after_fork() -> None:
    """In a child: nobody is in the middle of telling."""
    _busy.now = False


_FLOW = (StopIteration, StopAsyncIteration, GeneratorExit)
"""How iteration ends; no errors."""


def _is_flow(error: BaseException) -> bool:
    # `isinstance` would ask its `__class__`, which may be the application's code.
    return issubclass(type(error), _FLOW)


def not_ours(error: BaseException) -> bool:
    """Whether what we caught was raised below our own frame: by a handler of a signal that came just then."""
    trace = error.__traceback__
    return trace is not None and trace.tb_next is not None


def notice(
    site: Any, cell: Cell, wall: int, request: int, error: BaseException | None, depth: int = 2
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
