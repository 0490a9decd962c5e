"""How far a list was read, so that a run can stop anywhere and the next one continues.

Two ways through a list that changes while it is read. :class:`OldestFirst` asks for what changed since a
time, in that order, and always from the first page, so that an item that moves to the end shifts none of
the others past us. :class:`NewestFirst` goes back from the newest to where it was before: what is added
meanwhile only makes items appear twice, and what is deleted would draw others past the page that comes next. So each
page begins with an entry that was read already: where it does not, the walk goes back until it does. Both take the
state in and give it out; neither does I/O itself.

Pages are known by their number, so a page that overlaps the one before has another size (:func:`spot`). That takes 14%
more requests than pages side by side, of any service and without a token. To ask each page again with its ETag after
the next one came would take twice as many; only GitHub does not count those that it answers with 304, and only of a
token (docs.github.com, "Best practices for using the REST API", conditional requests).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from ktlo.errors import SourceError

T = TypeVar("T")

SETTLE = dt.timedelta(seconds=60)
"""Lists lag a little behind writes: nothing younger counts as read for good."""
_TICK = dt.timedelta(seconds=1)
"""Times may be whole seconds, and ``since`` may or may not include its own."""
UNSETTLED = dt.timedelta(days=3)
"""How long an unfinished item (a run, a deployment) is waited for by reading back to it."""
_BACK = 32
"""Entries to go back where others were drawn past; twice as many each time that this does not do."""
_MISSES = 20
"""How often in a row a walk goes back before it gives up: enough for millions of deletions at once."""


class UnsteadyError(SourceError):
    """The list changed faster than it could be read; the state last given goes on later."""


@dataclass(frozen=True, slots=True)
class Entry(Generic[T]):
    """One item of a page. ``is_settled`` is false while it will change without moving in the list."""

    at: dt.datetime
    number: int
    item: T
    is_settled: bool = True


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page: its entries in the service's order, whether there is a next, and the service's time.

    ``unchanged`` is the answer to an ETag that still holds. ``is_first_known`` is false where the first entry could not
    be read, or where the list ends though the service has more: the page does not tell what is before it.
    """

    entries: Sequence[Entry[T]]
    more: bool
    etag: str
    at: dt.datetime
    unchanged: bool = False
    is_first_known: bool = True


class OldestState(msgspec.Struct, frozen=True, omit_defaults=True):
    """Read up to ``since``; ``page`` is above 1 only amid more than a page of one second."""

    since: dt.datetime
    page: int = 1
    etag: str = ""


async def oldest_first(
    state: OldestState, fetch: Callable[[dt.datetime, int, str], Awaitable[Page[T]]]
) -> AsyncIterator[tuple[Sequence[Entry[T]], OldestState]]:
    """Walk a list sorted by change, oldest first, that can be asked ``since``.

    Args:
        state: where to start.
        fetch: gets (since, page number, ETag or empty).

    Yields:
        Entries and the state after them.
    """
    while True:
        page = await fetch(state.since, state.page, state.etag if state.page == 1 else "")
        if page.unchanged:
            return
        if not page.more:
            # The last page is asked for again next time, with its ETag: no change costs nothing. Not so soon after a
            # change: another in the same second may leave the list as it is.
            is_settled = all(entry.at <= page.at - SETTLE for entry in page.entries)
            etag = page.etag if state.page == 1 and is_settled else ""
            yield page.entries, OldestState(state.since, 1, etag)
            return
        newest = max((entry.at for entry in page.entries), default=state.since)
        reached = min(newest - _TICK, page.at - SETTLE)
        is_ahead = reached > state.since
        state = OldestState(reached) if is_ahead else OldestState(state.since, state.page + 1)
        yield page.entries, state


class NewestState(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far back a list was read.

    Attributes:
        floor: everything from here on back was read by an earlier walk.
        top: where the walk under way began; becomes the floor when it ends. ``None`` between walks.
        page, size: page the walk is at, by its number from 1 and its size; 0 is the largest.
        oldest: time of the last entry handled, and in ``ties`` the numbers of all handled at that time.
        unsettled: oldest entry met that is still going to change.
        etag: of the first page, worth asking with when ``etag_reach``, its last entry, is below the floor.
    """

    floor: dt.datetime | None = None
    top: dt.datetime | None = None
    page: int = 1
    size: int = 0
    oldest: dt.datetime | None = None
    ties: tuple[int, ...] = ()
    unsettled: dt.datetime | None = None
    etag: str = ""
    etag_reach: dt.datetime | None = None


def spot(place: int, most: int) -> tuple[int, int]:
    """Number (from 1) and size of a page that has the entry at a place (from 0) and as many behind it as can be.

    Args:
        place: of the entry.
        most: the largest size. With 10 the page ends behind the entry for all places up to 2,519, with 100 for all.
    """
    size = max(range(most, 0, -1), key=lambda size: (place // size + 1) * size)
    return place // size + 1, size


async def newest_first(
    state: NewestState,
    fetch: Callable[[int, int, str], Awaitable[Page[T]]],
    *,
    most: int,
    horizon: dt.datetime,
    chunk: int,
    complete: Callable[[Sequence[Entry[T]]], Awaitable[Sequence[Entry[T]]]],
    overlap: dt.timedelta = dt.timedelta(0),
) -> AsyncIterator[tuple[Sequence[Entry[T]], NewestState]]:
    """Walk a list sorted newest first back to where the last walk began, or to the horizon.

    A walk that was interrupted is finished first; then what came meanwhile is read.

    Args:
        state: where to start.
        fetch: gets (page number, size of the page, ETag or empty).
        most: entries of the largest page.
        horizon: nothing older is wanted.
        chunk: entries to give at a time.
        complete: adds to a chunk what takes further requests, before it counts as handled.
        overlap: how far below the floor to read again, for lists not quite in order.

    Yields:
        Entries and the state after them.

    Raises:
        UnsteadyError: so much is deleted between any two requests that the walk does not get on.
    """
    for _ in range(2 if state.top is not None else 1):
        async for entries, after in _walk(state, fetch, most, horizon, chunk, complete, overlap):
            state = after
            yield entries, after


async def _walk(
    state: NewestState,
    fetch: Callable[[int, int, str], Awaitable[Page[T]]],
    most: int,
    horizon: dt.datetime,
    chunk: int,
    complete: Callable[[Sequence[Entry[T]]], Awaitable[Sequence[Entry[T]]]],
    overlap: dt.timedelta,
) -> AsyncIterator[tuple[Sequence[Entry[T]], NewestState]]:
    floor = horizon if state.floor is None else max(horizon, state.floor - overlap)
    covered = state.top is None and state.etag_reach is not None and state.etag_reach <= floor
    state = msgspec.structs.replace(state, size=state.size or most)
    page = await fetch(state.page, state.size, state.etag if covered else "")
    if page.unchanged:
        return
    if state.top is None:
        newest = max((entry.at for entry in page.entries), default=horizon)
        reach = page.entries[-1].at if page.entries and page.more else dt.datetime.min.replace(tzinfo=dt.UTC)
        state = msgspec.structs.replace(
            state, top=min(newest, page.at - SETTLE), etag=page.etag, etag_reach=reach
        )
    misses, back = 0, _BACK
    while True:
        first = (state.page - 1) * state.size
        if _follows(page, state):
            wanted = [entry for entry in page.entries if entry.at >= floor and not _is_handled(entry, state)]
            is_last = not page.more or any(entry.at < floor for entry in page.entries)
            for start in range(0, len(wanted), chunk):
                part = await complete(wanted[start : start + chunk])
                state = _after(part, state)
                if not (is_last and start + chunk >= len(wanted)):
                    yield part, state
                else:
                    yield part, _finished(state)
                    return
            if is_last:
                yield [], _finished(state)
                return
            misses, back = 0 if wanted else misses, _BACK
            place = first + state.size - 1
        else:
            misses += 1
            if misses > _MISSES:
                raise UnsteadyError("the list changed faster than it could be read")
            place, back = max(first - back, 0), back * 2
        number, size = spot(place, most)
        state = msgspec.structs.replace(state, page=number, size=size)
        page = await fetch(number, size, "")


def _follows(page: Page[T], state: NewestState) -> bool:
    """Whether nothing unread can be before the page."""
    if state.page == 1 or state.oldest is None or not page.is_first_known:
        return True
    return _is_handled(page.entries[0], state) if page.entries else page.more


def _is_handled(entry: Entry[T], state: NewestState) -> bool:
    if state.oldest is None:
        return False
    return entry.at > state.oldest or (entry.at == state.oldest and entry.number in state.ties)


def _after(part: Sequence[Entry[T]], state: NewestState) -> NewestState:
    oldest = min(entry.at for entry in part)
    ties = tuple(entry.number for entry in part if entry.at == oldest)
    if oldest == state.oldest:
        ties = state.ties + ties
    waiting = [entry.at for entry in part if not entry.is_settled]
    if state.unsettled is not None:
        waiting.append(state.unsettled)
    return msgspec.structs.replace(state, oldest=oldest, ties=ties, unsettled=min(waiting, default=None))


def _finished(state: NewestState) -> NewestState:
    if state.top is None or state.unsettled is None:
        return NewestState(floor=state.top, etag=state.etag, etag_reach=state.etag_reach)
    # No ETag: what is waited for may come without the list itself changing (a deployment's status).
    return NewestState(floor=min(state.top, max(state.unsettled, state.top - UNSETTLED)))
