"""How far a list was read, so that a run can stop anywhere and the next one continues.

Two ways through a list that changes while it is read. :class:`OldestFirst` asks for what changed since a
time, in that order, and always from the first page, so that an item that moves to the end shifts none of
the others past us. :class:`NewestFirst` goes back from the newest to where it was before: what is added
meanwhile only makes items appear twice. Both take the state in and give it out; neither does I/O itself.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")

SETTLE = dt.timedelta(seconds=60)
"""Lists lag a little behind writes: nothing younger counts as read for good."""
_TICK = dt.timedelta(seconds=1)
"""Times may be whole seconds, and ``since`` may or may not include its own."""
UNSETTLED = dt.timedelta(days=3)
"""How long an unfinished item (a run, a deployment) is waited for by reading back to it."""


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

    ``unchanged`` is the answer to an ETag that still holds.
    """

    entries: Sequence[Entry[T]]
    more: bool
    etag: str
    at: dt.datetime
    unchanged: bool = False


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
        page: page the walk is at.
        oldest: time of the last entry handled, and in ``ties`` the numbers of all handled at that time.
        unsettled: oldest entry met that is still going to change.
        etag: of the first page, worth asking with when ``etag_reach``, its last entry, is below the floor.
    """

    floor: dt.datetime | None = None
    top: dt.datetime | None = None
    page: int = 1
    oldest: dt.datetime | None = None
    ties: tuple[int, ...] = ()
    unsettled: dt.datetime | None = None
    etag: str = ""
    etag_reach: dt.datetime | None = None


async def newest_first(
    state: NewestState,
    fetch: Callable[[int, str], Awaitable[Page[T]]],
    *,
    horizon: dt.datetime,
    chunk: int,
    complete: Callable[[Sequence[Entry[T]]], Awaitable[Sequence[Entry[T]]]],
    overlap: dt.timedelta = dt.timedelta(0),
) -> AsyncIterator[tuple[Sequence[Entry[T]], NewestState]]:
    """Walk a list sorted newest first back to where the last walk began, or to the horizon.

    A walk that was interrupted is finished first; then what came meanwhile is read.

    Args:
        state: where to start.
        fetch: gets (page number, ETag or empty).
        horizon: nothing older is wanted.
        chunk: entries to give at a time.
        complete: adds to a chunk what takes further requests, before it counts as handled.
        overlap: how far below the floor to read again, for lists not quite in order.

    Yields:
        Entries and the state after them.
    """
    for _ in range(2 if state.top is not None else 1):
        async for entries, after in _walk(state, fetch, horizon, chunk, complete, overlap):
            state = after
            yield entries, after


async def _walk(
    state: NewestState,
    fetch: Callable[[int, str], Awaitable[Page[T]]],
    horizon: dt.datetime,
    chunk: int,
    complete: Callable[[Sequence[Entry[T]]], Awaitable[Sequence[Entry[T]]]],
    overlap: dt.timedelta,
) -> AsyncIterator[tuple[Sequence[Entry[T]], NewestState]]:
    floor = horizon if state.floor is None else max(horizon, state.floor - overlap)
    covered = state.top is None and state.etag_reach is not None and state.etag_reach <= floor
    page = await fetch(state.page, state.etag if covered else "")
    if page.unchanged:
        return
    if state.top is None:
        newest = max((entry.at for entry in page.entries), default=horizon)
        reach = page.entries[-1].at if page.entries and page.more else dt.datetime.min.replace(tzinfo=dt.UTC)
        state = msgspec.structs.replace(
            state, top=min(newest, page.at - SETTLE), etag=page.etag, etag_reach=reach, page=1
        )
    elif state.oldest is not None:
        # Deletions pull later entries towards the front: go back until what we had is in sight.
        while state.page > 1 and (not page.entries or page.entries[0].at < state.oldest):
            state = msgspec.structs.replace(state, page=state.page - 1)
            page = await fetch(state.page, "")
    while True:
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
        state = msgspec.structs.replace(state, page=state.page + 1)
        page = await fetch(state.page, "")


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
