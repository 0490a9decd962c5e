"""What is being answered right now: a route, asked by a service. Functions are counted apart for each.

The current kind is a small number in a context variable, so that it follows threads, tasks and callbacks;
the engines read it on every call. Frameworks and OpenTelemetry set it (`frameworks.py`, `tracing.py`);
anybody may with `request`.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

MOST_KINDS = 500
"""Routes times callers that are counted apart; the others are `_OTHER` together, and counted."""
OTHER = ("_OTHER", "")

CURRENT: ContextVar[int] = ContextVar("ktlo_request")
"""Number of the kind, doubled, plus one when the request is traced."""

OPENED: ContextVar[Any] = ContextVar("ktlo_opened", default=None)
"""Code of the frame in which this context's outermost span was opened: there stacks of exceptions begin."""

_kinds: list[tuple[str, str]] = [("", ""), OTHER]
_numbers: dict[tuple[str, str], int] = {("", ""): 0, OTHER: 1}
_after: dict[tuple[int, str, str], int] = {}
"""The number after `named`, by the number before."""
_lock = threading.Lock()
overflowed = 0
"""How often a kind had to be put into `_OTHER`."""


def number_of(route: str, caller: str = "", traced: bool = False) -> int:
    """The number of a kind of request."""
    global overflowed
    key = (route[:200], caller[:100])
    found = _numbers.get(key)
    if found is None:
        with _lock:
            found = _numbers.get(key)
            if found is None and len(_kinds) < MOST_KINDS:
                found = _numbers[key] = len(_kinds)
                _kinds.append(key)
        if found is None:
            overflowed += 1
            found = 1
    return found * 2 + traced


def kind_of(number: int) -> tuple[str, str]:
    """Route and caller service of a number."""
    place = number >> 1
    return _kinds[place] if place < len(_kinds) else OTHER


def named(route: str, caller: str = "") -> None:
    """Say which route the current context answers, keeping whether it is traced. On the way of every request."""
    now = CURRENT.get(0)
    key = (now, route, caller)
    number = _after.get(key)
    if number is None:
        number = number_of(route, caller or kind_of(now)[1], bool(now & 1))
        if number >> 1 != 1:  # `_OTHER` is counted each time.
            if len(_after) >= 4 * MOST_KINDS:
                _after.clear()
            _after[key] = number
    if number != now:
        CURRENT.set(number)


@contextlib.contextmanager
def request(route: str, caller: str = "", traced: bool = False) -> Iterator[None]:
    """Count the functions called inside for this route.

    Args:
        route: pattern, never a filled-in path: `/orders/{id}`, or the name of a job.
        caller: service that asked.
        traced: tell its calls in detail, as far as the limits allow.
    """
    before = CURRENT.set(number_of(route, caller, traced))
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            CURRENT.reset(before)
