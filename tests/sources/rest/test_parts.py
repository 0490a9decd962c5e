"""A page that is too large is read by smaller ones: each entry once, but what is too large by itself."""

from __future__ import annotations

import asyncio
import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from ktlo.sources.rest.connection import OversizedError
from ktlo.sources.rest.parts import as_many_as_fit, divided, in_parts
from ktlo.sources.rest.walks import Entry, OldestState, Page, oldest_first

AT = dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC)
MOST = 10


@given(
    sizes=st.lists(st.sampled_from([0, 1, 3, 9, 11]), max_size=40),
    number=st.integers(1, 3),
    size=st.sampled_from([1, 2, 7, 12, 100]),
)
def test_every_entry_of_the_page_comes_once(sizes: list[int], number: int, size: int) -> None:
    left: list[str] = []

    async def ask(number: int, size: int) -> Page[int]:
        told = sizes[(number - 1) * size : number * size]
        if sum(told) > MOST:
            raise OversizedError("too large")
        entries = [Entry(AT, place, weight) for place, weight in enumerate(told, start=(number - 1) * size)]
        return Page(entries, more=number * size < len(sizes), etag="x", at=AT)

    def left_out(error: OversizedError) -> Page[int]:
        left.append(str(error))
        return Page((), more=True, etag="", at=AT)

    found = asyncio.run(in_parts(ask, number, size, left_out))
    wanted = {place: sizes[place] for place in range((number - 1) * size, min(number * size, len(sizes)))}
    assert [entry.number for entry in found.entries] == [n for n, weight in wanted.items() if weight <= MOST]
    assert len(left) == sum(weight > MOST for weight in wanted.values())
    if found.more != (number * size < len(sizes)):
        assert found.more, "after what was left out there may be more, as far as anybody knows"
        assert sizes[-1] > MOST


@given(moved=st.lists(st.tuples(st.integers(1, 30), st.integers(0, 49)), max_size=8))
def test_a_list_that_changes_between_the_parts_of_a_page_loses_nothing(moved: list[tuple[int, int]]) -> None:
    changed = {number: AT + dt.timedelta(seconds=number) for number in range(50)}
    seen: set[tuple[int, dt.datetime]] = set()
    asked = 0

    async def fetch(since: dt.datetime, page: int, etag: str) -> Page[int]:
        async def ask(number: int, size: int) -> Page[int]:
            nonlocal asked
            asked += 1
            if size > 5:
                raise OversizedError("too large")
            for _, each in [one for one in moved if one[0] == asked]:
                changed[each] = AT + dt.timedelta(days=1, seconds=asked)
            told = sorted((at, each) for each, at in changed.items() if at >= since)
            part = [Entry(at, each, each) for at, each in told[(number - 1) * size : number * size]]
            now = AT + dt.timedelta(days=1, seconds=asked)
            return Page(part, more=number * size < len(told), etag="", at=now)

        return await in_parts(ask, page, 20, lambda _: Page((), more=True, etag="", at=AT), is_rising=True)

    async def whole(state: OldestState) -> OldestState:
        async for entries, after in oldest_first(state, fetch):
            seen.update((entry.number, entry.at) for entry in entries)
            state = after
        return state

    state = asyncio.run(whole(OldestState(AT)))
    moved.clear()
    asyncio.run(whole(state))
    assert set(changed.items()) <= seen


def test_a_page_is_divided_into_pages_with_the_same_entries() -> None:
    assert divided(3, 100) == (5, 2, 50)
    assert divided(5, 25) == (21, 5, 5)
    assert divided(2, 7) == (8, 7, 1)


@given(sizes=st.lists(st.sampled_from([0, 1, 3, 9, 11]), max_size=40), most=st.sampled_from([1, 2, 7, 100]))
def test_a_list_that_goes_on_from_a_place_comes_whole_but_for_what_is_too_large(
    sizes: list[int], most: int
) -> None:
    offset, left, found = 0, list[int](), list[int]()

    async def ask(size: int) -> list[int] | None:
        told = sizes[offset : offset + size]
        if sum(told) > MOST:
            raise OversizedError("too large")
        return told

    async def left_out(_: OversizedError) -> list[int] | None:
        left.append(offset)
        return None

    while offset < len(sizes):
        told, size = asyncio.run(as_many_as_fit(ask, most, left_out))
        found += told or []
        offset += size
    assert found == [weight for weight in sizes if weight <= MOST]
    assert left == [place for place, weight in enumerate(sizes) if weight > MOST]
