"""Coroutines and generators stop in the middle: here their clock is stopped with them.

What a function awaits (or yields from, or iterates and enters with `async`) is driven through these
objects, which tell its activation when it is suspended and resumed. The protocol is that of PEP 380 and PEP
492; `_fast.c` has the same in C.
"""

from __future__ import annotations

from collections.abc import Generator
from types import CoroutineType, GeneratorType, coroutine
from typing import Any

_ITERABLE_COROUTINE = 0x100
_SENT_TO = (CoroutineType, GeneratorType)


def awaited(subject: Any) -> Any:
    """The iterator behind an awaitable; `None` when it is none, or awaited already: `await` itself shall complain."""
    kind = type(subject)
    if kind is CoroutineType:
        return None if subject.cr_await is not None else subject
    if kind is GeneratorType:
        return subject if subject.gi_code.co_flags & _ITERABLE_COROUTINE else None
    begin = getattr(kind, "__await__", None)
    if begin is None:
        return None
    iterator = begin(subject)
    return iterator if hasattr(type(iterator), "__next__") else None


@coroutine
def drive(activation: Any, iterator: Any) -> Generator[Any, Any, Any]:
    """Run an iterator to its end, with the activation off while it is suspended.

    Raises:
        BaseException: whatever the iterator raises.
    """
    value: Any = None
    error: BaseException | None = None
    send = iterator.send if type(iterator) in _SENT_TO else None
    while True:
        try:
            if error is not None:
                thrown, error = error, None
                throw = getattr(iterator, "throw", None)
                if throw is None:
                    raise thrown
                given = throw(thrown)
            elif send is not None:
                given = send(value)
            elif value is None:
                given = iterator.__next__() if hasattr(iterator, "__next__") else iterator.send(None)
            else:
                given = iterator.send(value)
        except StopIteration as stop:
            return stop.value
        activation.off(None)
        try:
            value = yield given
        except GeneratorExit:
            activation.on(None)
            close = getattr(iterator, "close", None)
            if close is not None:
                close()
            raise
        except BaseException as problem:
            error = problem
        activation.on(None)


class Each:
    """An asynchronous iterator that tells its activation when it waits."""

    __slots__ = ("_activation", "_iterator")

    def __init__(self, activation: Any, iterator: Any) -> None:
        self._activation = activation
        self._iterator = iterator

    def __aiter__(self) -> Each:
        return self

    def __anext__(self) -> Any:
        return self._activation.watch(type(self._iterator).__anext__(self._iterator))


class Within:
    """An asynchronous context manager that tells its activation when it waits."""

    __slots__ = ("_activation", "_context")

    def __init__(self, activation: Any, context: Any) -> None:
        self._activation = activation
        self._context = context

    def __aenter__(self) -> Any:
        return self._activation.watch(type(self._context).__aenter__(self._context))

    def __aexit__(self, *given: Any) -> Any:
        return self._activation.watch(type(self._context).__aexit__(self._context, *given))


def each(activation: Any, iterable: Any) -> Any:
    """What `async for` shall iterate; something that it cannot iterate is given back, for its own complaint."""
    begin = getattr(type(iterable), "__aiter__", None)
    if begin is None:
        return iterable
    iterator = begin(iterable)
    return Each(activation, iterator) if hasattr(type(iterator), "__anext__") else iterable


def within(activation: Any, context: Any) -> Any:
    """What `async with` shall enter; something that it cannot enter is given back, for its own complaint."""
    kind = type(context)
    return (
        Within(activation, context) if hasattr(kind, "__aenter__") and hasattr(kind, "__aexit__") else context
    )


def without_our_frames(error: BaseException) -> None:
    """Take the frames of `drive` out of a traceback."""
    before = None
    entry = error.__traceback__
    while entry is not None:
        if entry.tb_frame.f_code is drive.__code__:
            if before is None:
                error.__traceback__ = entry.tb_next
            else:
                before.tb_next = entry.tb_next
        else:
            before = entry
        entry = entry.tb_next
