"""Walking lists that change while they are read, and continuing after any interruption."""

import asyncio
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from ktlo.sources.rest.walks import (
    Entry,
    NewestState,
    OldestState,
    Page,
    UnsteadyError,
    newest_first,
    oldest_first,
    spot,
)

T0 = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
SIZE = 3
MOST = 7
"""Of the largest page of a list that is read newest first; its pages overlap up to place 418."""
HOUR = 3600


def at(seconds: int) -> dt.datetime:
    return T0 + dt.timedelta(seconds=seconds)


@dataclass
class Listed:
    """A list on a server: entries by number, each with the second of its last change."""

    changed: dict[int, int]
    now: int = HOUR
    requests: int = 0
    plan: list[tuple[int, int]] = field(default_factory=list)

    def tick(self) -> None:
        """Between two requests, somebody changes (or adds) the next entry of the plan."""
        self.requests += 1
        self.now += 1
        if self.plan:
            number, pause = self.plan.pop(0)
            self.now += pause
            self.changed[number] = self.now

    def page(self, entries: list[tuple[int, int]], page: int, size: int = SIZE) -> Page[int]:
        part = entries[(page - 1) * size : page * size]
        return Page(
            [Entry(at(second), number, number) for number, second in part],
            more=len(entries) > page * size,
            etag=str(entries),
            at=at(self.now),
        )

    async def rising(self, since: dt.datetime, page: int, etag: str) -> Page[int]:
        self.tick()
        entries = sorted(self.changed.items(), key=lambda entry: (entry[1], entry[0]))
        said = self.page([(n, s) for n, s in entries if at(s) >= since], page)
        if etag and etag == said.etag:
            return Page((), more=False, etag=etag, at=said.at, unchanged=True)
        return said

    async def falling(self, page: int, size: int, etag: str) -> Page[int]:
        self.tick()
        entries = sorted(self.changed.items(), key=lambda entry: (-entry[1], -entry[0]))
        said = self.page(entries, page, size)
        if etag and etag == said.etag:
            return Page((), more=False, etag=etag, at=said.at, unchanged=True)
        return said


async def as_they_are(entries: Sequence[Entry[int]]) -> Sequence[Entry[int]]:
    return entries


def through_json(state: msgspec.Struct, kind: type) -> object:
    return msgspec.convert(msgspec.json.decode(msgspec.json.encode(state)), kind)


async def read_rising(
    server: Listed, state: OldestState, stop: int
) -> tuple[set[tuple[int, int]], OldestState, bool]:
    seen, count = set(), 0
    walk = oldest_first(state, server.rising)
    async for entries, after in walk:
        seen |= {(entry.number, int((entry.at - T0).total_seconds())) for entry in entries}
        state = through_json(after, OldestState)  # type: ignore[assignment]
        count += 1
        if count == stop:
            await walk.aclose()
            return seen, state, False
    return seen, state, True


async def read_falling(
    server: Listed, state: NewestState, stop: int
) -> tuple[set[tuple[int, int]], NewestState, bool]:
    seen, count = set(), 0
    walk = newest_first(state, server.falling, most=MOST, horizon=T0, chunk=2, complete=as_they_are)
    async for entries, after in walk:
        seen |= {(entry.number, int((entry.at - T0).total_seconds())) for entry in entries}
        state = through_json(after, NewestState)  # type: ignore[assignment]
        count += 1
        if count == stop:
            await walk.aclose()
            return seen, state, False
    return seen, state, True


def two_a_second(said: list[int]) -> dict[int, int]:
    """Numbers in this order of change. More of one second than a page holds is the known limit."""
    return {number: 1 + place // 2 * 7 for place, number in enumerate(said)}


lists = st.lists(st.integers(1, 30), unique=True, max_size=30).map(two_a_second)
plans = st.lists(st.tuples(st.integers(1, 35), st.integers(0, 90)), max_size=8)


@settings(deadline=None)
@given(changed=lists, plan=plans, stops=st.lists(st.integers(1, 3), max_size=12))
def test_rising_walks_see_the_last_change_of_every_entry_however_often_interrupted(
    changed: dict[int, int], plan: list[tuple[int, int]], stops: list[int]
) -> None:
    server = Listed(dict(changed), plan=list(plan))
    state, seen = OldestState(T0), set()
    for stop in [*stops, 0, 0]:
        part, state, _ = asyncio.run(read_rising(server, state, stop))
        seen |= part
    server.plan.clear()
    part, state, _ = asyncio.run(read_rising(server, state, 0))
    assert set(server.changed.items()) <= seen | part


@settings(deadline=None)
@given(changed=lists, plan=plans, stops=st.lists(st.integers(1, 3), max_size=12))
def test_falling_walks_see_the_last_change_of_every_entry_however_often_interrupted(
    changed: dict[int, int], plan: list[tuple[int, int]], stops: list[int]
) -> None:
    server = Listed(dict(changed), plan=list(plan))
    state, seen = NewestState(), set()
    for stop in [*stops, 0, 0]:
        part, state, _ = asyncio.run(read_falling(server, state, stop))
        seen |= part
    server.plan.clear()
    part, state, _ = asyncio.run(read_falling(server, state, 0))
    assert set(server.changed.items()) <= seen | part


@settings(deadline=None)
@given(changed=lists, stop=st.integers(1, 5), deleted=st.sets(st.integers(1, 30), max_size=12))
def test_entries_deleted_between_two_runs_pull_none_of_the_others_out_of_sight(
    changed: dict[int, int], stop: int, deleted: set[int]
) -> None:
    server = Listed(dict(changed))
    seen, state, _ = asyncio.run(read_falling(server, NewestState(), stop))
    for number in deleted:
        server.changed.pop(number, None)
    part, state, is_complete = asyncio.run(read_falling(server, state, 0))
    assert is_complete
    assert set(server.changed.items()) <= seen | part


@dataclass
class Busy:
    """A list of a service, newest first, of which entries go and to which others come between any two requests."""

    numbers: list[int]
    changes: list[list[int]]
    requests: int = 0
    newest: int = 1000

    def happen(self) -> None:
        """Each of a change's places loses its entry; -1 is a new entry in front."""
        for place in self.changes.pop(0) if self.changes else []:
            if place < 0:
                self.newest += 1
                self.numbers.insert(0, self.newest)
            elif self.numbers:
                del self.numbers[place % len(self.numbers)]

    async def page(self, number: int, size: int, etag: str) -> Page[int]:
        del etag
        self.requests += 1
        assert 1 <= size <= MOST
        part = self.numbers[(number - 1) * size : number * size]
        # Four a second.
        entries = [Entry(at(each // 4), each, each) for each in part]
        said = Page(entries, more=len(self.numbers) > number * size, etag="", at=at(HOUR))
        self.happen()
        return said


happenings = st.lists(st.one_of(st.just(-1), st.integers(0, 5), st.integers(0, 60)), max_size=9)


@settings(deadline=None)
@given(
    count=st.integers(0, 60),
    changes=st.lists(happenings, max_size=25),
    stops=st.lists(st.integers(1, 4), max_size=4),
)
def test_falling_walks_read_each_entry_that_stays_and_none_twice_whatever_is_deleted_meanwhile(
    count: int, changes: list[list[int]], stops: list[int]
) -> None:
    server = Busy([*range(count, 0, -1)], [list(change) for change in changes])
    state, read = NewestState(), list[int]()

    async def walk(stop: int) -> None:
        nonlocal state
        found = newest_first(state, server.page, most=MOST, horizon=T0, chunk=3, complete=as_they_are)
        async for entries, after in found:
            read.extend(entry.number for entry in entries)
            state = through_json(after, NewestState)  # type: ignore[assignment]
            stop -= 1
            if stop == 0 or state.top is None:
                await found.aclose()
                return

    for stop in [*stops, 0]:
        if (
            state.floor is None
        ):  # only the first walk: a later one reads the newest again, which may have changed
            asyncio.run(walk(stop))
    assert {number for number in server.numbers if number <= count} <= set(read)
    known = [number for number in read if number <= count]
    assert len(known) == len(set(known))


def test_a_walk_ends_though_as_much_comes_and_goes_without_end() -> None:
    server = Busy([*range(60, 0, -1)], [])

    async def page(number: int, size: int, etag: str) -> Page[int]:
        # Far more is gone whenever a later page is asked for, and there again whenever an earlier one is.
        said = await server.page(number, size, etag)
        assert server.requests < 50
        return said if number == 1 else Page([Entry(T0, 0, 0)], more=True, etag="", at=said.at)

    async def walk() -> list[int]:
        read: list[int] = []
        try:
            async for entries, _ in newest_first(
                NewestState(), page, most=MOST, horizon=T0, chunk=9, complete=as_they_are
            ):
                read += [entry.number for entry in entries]
        except UnsteadyError:
            return read
        raise AssertionError("it ended as if nothing were missing")

    assert asyncio.run(walk()) == [*range(60, 60 - MOST, -1)]


def test_entries_that_cannot_be_read_stop_no_walk() -> None:
    server = Busy([*range(60, 0, -1)], [])

    async def page(number: int, size: int, etag: str) -> Page[int]:
        said = await server.page(number, size, etag)
        readable = [entry for entry in said.entries if not 20 < entry.number < 50]
        is_first_known = said.entries[:1] == readable[:1]
        return Page(readable, more=said.more, etag="", at=said.at, is_first_known=is_first_known)

    async def walk() -> list[int]:
        found = newest_first(NewestState(), page, most=MOST, horizon=T0, chunk=9, complete=as_they_are)
        return [entry.number async for entries, _ in found for entry in entries]

    assert asyncio.run(walk()) == [*range(60, 49, -1), *range(20, 0, -1)]


def test_pages_that_overlap_take_a_seventh_more_requests_than_pages_side_by_side() -> None:
    numbers, requests = range(100_000), 0

    async def page(number: int, size: int, etag: str) -> Page[int]:
        nonlocal requests
        requests += 1
        part = numbers[(number - 1) * size : number * size]
        entries = [Entry(at(-each), each, each) for each in part]
        return Page(entries, more=number * size < len(numbers), etag="", at=at(HOUR))

    async def walk() -> int:
        found = newest_first(
            NewestState(), page, most=100, horizon=at(-len(numbers)), chunk=100, complete=as_they_are
        )
        return sum([len(entries) async for entries, _ in found])

    assert asyncio.run(walk()) == len(numbers)
    assert requests == 1143


def test_a_page_has_the_entry_at_its_place_and_more_behind_it() -> None:
    for most, places in ((MOST, 419), (100, 20_000)):
        for place in range(places):
            number, size = spot(place, most)
            assert (number - 1) * size <= place < number * size - 1, (most, place)


def test_what_github_shows_late_is_still_read() -> None:
    for read, start in ((read_rising, OldestState(T0)), (read_falling, NewestState())):
        server = Listed({number: HOUR - 100 + number for number in range(1, 9)})
        server.changed[9] = HOUR - 5
        _, state, _ = asyncio.run(read(server, start, 0))  # type: ignore[operator]
        server.changed[10] = HOUR - 10
        seen, _, _ = asyncio.run(read(server, state, 0))  # type: ignore[operator]
        assert (10, HOUR - 10) in seen


def test_a_second_change_within_a_second_is_read_though_the_list_is_as_it_was() -> None:
    server = Listed({1: HOUR})
    seen, state, _ = asyncio.run(read_rising(server, OldestState(T0), 0))
    again, _, _ = asyncio.run(read_rising(server, state, 0))
    assert seen == again == {(1, HOUR)}


def test_a_list_that_did_not_change_costs_one_conditional_request() -> None:
    for read, start in ((read_rising, OldestState(T0)), (read_falling, NewestState())):
        server = Listed({number: number for number in range(1, 3)})
        _, state, _ = asyncio.run(read(server, start, 0))  # type: ignore[operator]
        before = server.requests
        seen, _, _ = asyncio.run(read(server, state, 0))  # type: ignore[operator]
        assert seen == set()
        assert server.requests == before + 1


def test_an_unfinished_entry_is_read_again_until_it_is_finished() -> None:
    server = Listed({number: number * 100 for number in range(1, 9)})
    finished = {1, 2, 3, 4, 5, 7, 8}

    async def judge(entries: Sequence[Entry[int]]) -> Sequence[Entry[int]]:
        return [Entry(e.at, e.number, e.item, is_settled=e.number in finished) for e in entries]

    async def numbers(state: NewestState) -> tuple[list[int], NewestState]:
        read = []
        async for entries, after in newest_first(
            state, server.falling, most=MOST, horizon=T0, chunk=9, complete=judge
        ):
            read += [entry.number for entry in entries]
            state = after
        return read, state

    _, state = asyncio.run(numbers(NewestState()))
    read, state = asyncio.run(numbers(state))
    assert read == [8, 7, 6]
    finished.add(6)
    _, state = asyncio.run(numbers(state))
    read, _ = asyncio.run(numbers(state))
    assert read == [], "the ETag holds again"
