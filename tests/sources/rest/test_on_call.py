"""Schedules that change while they are read, tried by generated histories against what was in force at each moment."""

from __future__ import annotations

import asyncio
import datetime as dt
import random
from collections.abc import Sequence

import pytest
from collected_rows import Seen

from ktlo.sources.protocol import Batch
from ktlo.sources.rest.on_call import (
    AHEAD,
    SETTLE,
    Schedule,
    Shift,
    Told,
    held_against,
    read_shifts,
    state,
)
from ktlo.sources.rest.rows import batches

BEGIN = dt.datetime(2026, 9, 1, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
PEOPLE = "abcd"
LENGTH = 24 * 150


class Pager:
    """A schedule as the person of every hour; what is told may be cut at the ends of the window, or whole."""

    def __init__(self, chance: random.Random, *, is_cut: bool) -> None:
        self.chance = chance
        self.is_cut = is_cut
        self.is_there = True
        self.now = BEGIN
        self.hours: list[str] = []
        self.own = set[int]()
        while len(self.hours) < LENGTH:
            self.hours += chance.choice([*PEOPLE, ""]) * chance.choice([6, 12, 24, 168])

    def hand_over(self) -> None:
        """The same people in turns of their own, whoever was on call before."""
        self.own = {place for place in range(LENGTH) if self.chance.random() < 1 / 8}

    def change(self, back: int = 0) -> None:
        """Somebody stands in for a while, from now on at the earliest, or from so many hours back."""
        first = max(int((self.now - BEGIN) / HOUR) + self.chance.randrange(1 - back, 24 * 30), 0)
        last = first + self.chance.randrange(1, 80)
        self.hours[first:last] = [self.chance.choice([*PEOPLE, ""])] * (last - first)

    def turns(self) -> list[tuple[str, int, int]]:
        found, start = [], 0
        for place in range(1, len(self.hours) + 1):
            if place == len(self.hours) or self.hours[place] != self.hours[start] or place in self.own:
                if self.hours[start]:
                    found.append((self.hours[start], start, place))
                start = place
        return found

    async def schedules(self) -> tuple[Sequence[Schedule], bool]:
        return [Schedule("s", "Week")] if self.is_there else [], True

    async def on_call(self, _: Schedule, since: dt.datetime, until: dt.datetime) -> Told:
        shifts = []
        for who, first, last in self.turns():
            start, end = BEGIN + first * HOUR, BEGIN + last * HOUR
            if start >= until or end <= since:
                continue
            if self.is_cut:
                start, end = max(start, since), min(end, until)
            shifts.append(Shift(who, f"{who}@example.org", start, end))
        return Told(shifts, since, until, since if self.is_cut else None)


def read(pager: Pager, seen: Seen, stop_after: int = 0) -> None:
    at = state(seen.cursor, BEGIN)

    async def work() -> None:
        number = 0
        async for rows in read_shifts(pager, at, "p", BEGIN, lambda: pager.now, lambda *_: None):
            seen.put(Batch(batches(rows), {"schedules": at.saved(), "since": BEGIN.isoformat()}))
            number += 1
            if number == stop_after:
                return

    asyncio.run(work())


def by_hour(seen: Seen, until: dt.datetime) -> list[str]:
    """Who is on call in each hour by the rows; two people at once are both named."""
    found = [""] * int((until - BEGIN) / HOUR)
    for row in seen.shown("on_call_shifts"):
        first = int((row["started_at"] - BEGIN) / HOUR)
        last = int((row["ended_at"] - BEGIN) / HOUR)
        for place in range(max(first, 0), min(last, len(found))):
            found[place] += row["account"].partition(":")[2]
    return found


@pytest.fixture(autouse=True, params=[30, 1, 4], ids=["30 days at a time", "1 day", "4 days"])
def _windows(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ktlo.sources.rest.on_call.LONGEST", dt.timedelta(days=request.param))


@pytest.mark.parametrize("is_cut", [True, False], ids=["cut at the window", "whole"])
@pytest.mark.parametrize("seed", range(25))
def test_after_any_changes_the_rows_say_who_was_on_call_in_every_hour(seed: int, is_cut: bool) -> None:
    chance = random.Random(seed)
    pager, seen = Pager(chance, is_cut=is_cut), Seen()
    pager.now = BEGIN + chance.randrange(1, 24 * 70) * HOUR
    for _ in range(chance.randrange(2, 9)):
        read(pager, seen, stop_after=chance.choice([0, 0, 1, 2]))
        for _ in range(chance.randrange(4)):
            pager.change()
        pager.now += chance.choice([1, 5, 24, 24 * 9]) * HOUR
        if pager.now > BEGIN + dt.timedelta(days=110):
            break
    read(pager, seen)
    horizon = min(pager.now + AHEAD, BEGIN + LENGTH * HOUR)
    truth = pager.hours[: int((horizon - BEGIN) / HOUR)]
    assert by_hour(seen, horizon) == truth


@pytest.mark.parametrize("is_cut", [True, False], ids=["cut at the window", "whole"])
@pytest.mark.parametrize("seed", range(25))
def test_a_past_that_is_told_anew_holds_for_a_day_back_and_before_that_as_it_was_read(
    seed: int, is_cut: bool
) -> None:
    chance = random.Random(seed)
    pager, seen = Pager(chance, is_cut=is_cut), Seen()
    pager.now = BEGIN + chance.randrange(24, 24 * 60) * HOUR
    read(pager, seen)
    expected = list(pager.hours)
    for _ in range(5):
        settled = int((pager.now - SETTLE - BEGIN) / HOUR)
        for _ in range(3):
            pager.change(back=24 * 20)
        pager.now += chance.choice([1, 5, 24, 24 * 9]) * HOUR
        read(pager, seen)
        expected[settled:] = pager.hours[settled:]
    assert by_hour(seen, pager.now + AHEAD) == expected[: int((pager.now + AHEAD - BEGIN) / HOUR)]


def test_a_turn_that_lies_over_the_end_of_a_window_is_one_shift() -> None:
    pager, seen = Pager(random.Random(1), is_cut=True), Seen()
    pager.hours = [PEOPLE[place // 168 % 4] for place in range(LENGTH)]
    pager.now = BEGIN + dt.timedelta(days=100)
    read(pager, seen)
    horizon = pager.now + AHEAD
    assert len(seen.shown("on_call_shifts")) == -(-int((horizon - BEGIN) / HOUR) // 168)


def test_what_lies_beyond_a_window_stays_as_it_was_read() -> None:
    beyond = Shift("a", "a", BEGIN + 50 * HOUR, BEGIN + 60 * HOUR)
    told = Told([Shift("b", "b", BEGIN, BEGIN + 10 * HOUR)], BEGIN, BEGIN + 40 * HOUR, BEGIN)
    assert held_against([beyond], told, is_first=True) == ([*told.shifts, beyond], [], [])


def test_a_deleted_schedule_keeps_every_hour_that_was_served() -> None:
    pager, seen = Pager(random.Random(3), is_cut=False), Seen()
    pager.now = BEGIN + dt.timedelta(days=40)
    read(pager, seen)
    pager.is_there = False
    pager.now += 5 * HOUR
    served = pager.hours[: int((pager.now - BEGIN) / HOUR)]
    read(pager, seen)
    assert by_hour(seen, pager.now + AHEAD) == served + [""] * int(AHEAD / HOUR)
    # It was a right that was taken, and is given back: everything is there again.
    pager.is_there = True
    pager.now += 5 * HOUR
    read(pager, seen)
    horizon = pager.now + AHEAD
    assert by_hour(seen, horizon) == pager.hours[: int((horizon - BEGIN) / HOUR)]


def test_what_the_cursor_remembers_stays_small() -> None:
    pager, seen = Pager(random.Random(5), is_cut=False), Seen()
    pager.hours = [PEOPLE[place // 6 % 4] for place in range(LENGTH)]
    pager.now = BEGIN + dt.timedelta(days=100)
    read(pager, seen)
    (known,) = state(seen.cursor, BEGIN).known.values()
    assert len(known.shifts) <= (AHEAD / HOUR + 24) / 6 + 2


@pytest.mark.parametrize("seed", range(25))
def test_turns_that_are_told_whole_stay_turns_of_their_own_wherever_a_window_begins(seed: int) -> None:
    chance = random.Random(seed)
    pager, seen = Pager(chance, is_cut=False), Seen()
    pager.hand_over()
    pager.now = BEGIN + chance.randrange(24, 24 * 60) * HOUR
    for _ in range(chance.randrange(2, 5)):
        read(pager, seen, stop_after=chance.choice([0, 0, 1, 2]))
        for _ in range(chance.randrange(3)):
            pager.change()
        pager.now += chance.choice([1, 5, 24, 24 * 9]) * HOUR
    read(pager, seen)
    found = sorted((row["started_at"], row["ended_at"]) for row in seen.shown("on_call_shifts"))
    turns = [(BEGIN + first * HOUR, BEGIN + last * HOUR) for _, first, last in pager.turns()]
    assert found == [turn for turn in turns if turn[0] < pager.now + AHEAD]


def test_where_they_may_be_cut_a_turn_that_begins_behind_the_cut_is_one_of_its_own() -> None:
    """A timeline may begin before what was asked for: what begins right there is told as it is."""
    before, after = (
        Shift("a", "a", BEGIN, BEGIN + 9 * HOUR),
        Shift("a", "a", BEGIN + 9 * HOUR, BEGIN + 20 * HOUR),
    )
    since, until = BEGIN + 9 * HOUR, BEGIN + 40 * HOUR
    earlier = Told([after], since, until, cut_at=BEGIN + 5 * HOUR)
    assert held_against([before], earlier, is_first=False)[0] == [after]
    cut = Told([after], since, until, cut_at=since)
    assert [(one.start, one.end) for one in held_against([before], cut, is_first=False)[0]] == [
        (BEGIN, after.end)
    ]
