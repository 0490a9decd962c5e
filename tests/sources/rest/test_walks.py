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
    newest_first,
    oldest_first,
)

T0 = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
SIZE = 3
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

    def page(self, entries: list[tuple[int, int]], page: int) -> Page[int]:
        part = entries[(page - 1) * SIZE : page * SIZE]
        return Page(
            [Entry(at(second), number, number) for number, second in part],
            more=len(entries) > page * SIZE,
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

    async def falling(self, page: int, etag: str) -> Page[int]:
        self.tick()
        entries = sorted(self.changed.items(), key=lambda entry: (-entry[1], -entry[0]))
        said = self.page(entries, page)
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
    walk = newest_first(state, server.falling, horizon=T0, chunk=2, complete=as_they_are)
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
        async for entries, after in newest_first(state, server.falling, horizon=T0, chunk=9, complete=judge):
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
