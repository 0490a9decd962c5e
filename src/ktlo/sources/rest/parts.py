"""A page of a list whose answer is too large, asked for again in smaller pages.

Lists that know pages by their numbers are read by :func:`in_parts`, those that go on from a place by
:func:`as_many_as_fit`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from ktlo.sources.rest.connection import OversizedError
from ktlo.sources.rest.walks import Page

T = TypeVar("T")
A = TypeVar("A")


def divided(number: int, size: int) -> tuple[int, int, int]:
    """A page as smaller ones: the number of the first (from 1), how many they are, and the entries that each has."""
    parts = next(divisor for divisor in range(2, size + 1) if size % divisor == 0)
    return (number - 1) * parts + 1, parts, size // parts


async def in_parts(
    ask: Callable[[int, int], Awaitable[Page[T]]],
    number: int,
    size: int,
    left_out: Callable[[OversizedError], Page[T]],
    *,
    is_rising: bool = False,
) -> Page[T]:
    """One page of a list, in as many requests as it takes.

    Args:
        ask: gets the number of a page (from 1) and how many entries it has.
        number: of the page.
        size: its entries.
        left_out: makes the page of a single entry that is too large by itself.
        is_rising: what changes moves to the end of the list and draws the others forward: its parts are read from the
            last to the first, so that an entry comes twice rather than not at all.
    """
    try:
        return await ask(number, size)
    except OversizedError as error:
        if size == 1:
            return left_out(error)
    first, parts, smaller = divided(number, size)
    pages: list[Page[T]] = []
    places = range(first, first + parts)
    for each in reversed(places) if is_rising else places:
        pages.append(await in_parts(ask, each, smaller, left_out, is_rising=is_rising))
        if not is_rising and not pages[-1].more:
            break
    if is_rising:
        pages.reverse()
    entries = [entry for page in pages for entry in page.entries]
    return Page(
        entries,
        more=pages[-1].more,
        etag="",
        at=min(page.at for page in pages),
        is_first_known=pages[0].is_first_known,
    )


async def as_many_as_fit(
    ask: Callable[[int], Awaitable[A]], size: int, left_out: Callable[[OversizedError], Awaitable[A]]
) -> tuple[A, int]:
    """An answer from some place in a list on, and how many entries were asked for in the end.

    Args:
        ask: gets how many entries to ask for.
        size: how many at most.
        left_out: notes a single entry that is too large by itself, and makes the answer that goes on behind it.
    """
    while True:
        try:
            return await ask(size), size
        except OversizedError as error:
            if size == 1:
                return await left_out(error), size
        size //= 2
