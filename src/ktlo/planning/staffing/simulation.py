"""Reactive work as it happens, item by item, under a staffing: who takes it, when, and what that interrupts.

Many runs advance together: row *r* of every array is one run with its own arrivals, team and assumptions, and the
loop walks the items of all runs in the order of their arrival (a Kiefer and Wolfowitz recursion, Transactions of
the AMS 1955, with people who differ). Comes from ``items`` and ``crew``; goes to ``costs``.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ktlo.planning.demand import Floats
from ktlo.planning.staffing.week import WEEK, Bools, WorkingWeek

Indexes = npt.NDArray[np.int64]

_FAR = 1e9


class Kind(enum.StrEnum):
    """How reactive work is staffed."""

    AD_HOC = "ad hoc"
    DEDICATED = "dedicated"
    ROTATION = "rotation"


KINDS = tuple(Kind)


@dataclass(frozen=True, slots=True, eq=False)
class Items:
    """Work that arrives, (runs, items), in the order of arrival; a run with fewer items ends in ``inf``.

    Attributes:
        at: when it arrives, calendar hours.
        work: hours of labour for somebody who knows the place.
        place: index of the service or repository.
        is_incident: cannot wait for the morning.
        downtime: hours of downtime it comes with, as measured; 0 for none.
        weeks: how many weeks the runs go on.
    """

    at: Floats
    work: Floats
    place: Indexes
    is_incident: Bools
    downtime: Floats
    weeks: float


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """What differs from run to run.

    Attributes:
        kind: index into ``KINDS``, (runs,).
        size: people of the dedicated team, or on duty in a rotation, (runs,).
        people: engineers there are, (runs,); those beyond it do not exist in that run.
        rank: order in which people would join the dedicated team, (runs, people).
        slot: place in the order of the rotation, (runs, people).
        first_week: which week of the rotation comes first, (runs,).
        unfamiliar: how much longer an item takes somebody who does not know the place: 0.5 is half as long again.
    """

    kind: Indexes
    size: Indexes
    people: Indexes
    rank: Indexes
    slot: Indexes
    first_week: Indexes
    unfamiliar: Floats


@dataclass(frozen=True, slots=True)
class Rules:
    """How work is handed out.

    Attributes:
        pace: hours of labour that one working hour gives.
        patience: working hours an item waits for the team before somebody else is asked; ``inf`` for never.
        learning: items after which 63% of what somebody did not know of a place is learned; ``inf`` for never.
    """

    pace: float = 1.0
    patience: float = 8.0
    learning: float = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """What happened, (runs, items) unless said otherwise; meaningless where no item arrived.

    Attributes:
        there: True where an item arrived.
        start: when the work began, calendar hours.
        finish: when it was done.
        labour: hours it took.
        who: index of the person.
        interrupts: True where it broke into somebody's other work.
        by_others: True where somebody outside the team had to help.
        woken: True where somebody was called outside their hours.
        passed: True where it was handed over at a change of shift.
        knowledge: how well each person knows each place at the end, 0 to 1, (runs, places, people).
    """

    there: Bools
    start: Floats
    finish: Floats
    labour: Floats
    who: Indexes
    interrupts: Bools
    by_others: Bools
    woken: Bools
    passed: Bools
    knowledge: Floats


class _Shift:
    """Who is on duty in the present week of each run; turned only for the runs whose week has changed.

    Attributes:
        week: the present week, (runs,); before the first turn none.
        exists: people of each run, (runs, people).
        on_duty: the team, those on duty, or everybody, (runs, people).
        next_duty: those on duty in the next week of a rotation, (runs, people).
        first: who is called at night, one a run, (runs, people).
    """

    def __init__(self, runs: Runs, people: int) -> None:
        self._runs = runs
        self.exists = np.arange(people) < runs.people[:, None]
        self.week = np.full(runs.kind.size, -1, dtype=np.int64)
        self.on_duty = ((runs.kind == 0)[:, None] | (runs.rank < runs.size[:, None])) & self.exists
        self.next_duty = np.zeros_like(self.exists)
        self.first = np.zeros_like(self.exists)

    def turn(self, rows: Indexes, week: Indexes) -> None:
        """Begin the week of some runs."""
        runs = self._runs
        self.week[rows] = week[rows]
        kind, size, count = runs.kind[rows, None], runs.size[rows, None], runs.people[rows, None]
        now, slot, rank = week[rows, None], runs.slot[rows], runs.rank[rows]
        place = np.mod(slot - runs.first_week[rows, None] - now * size, count)
        is_rotation = kind == 2
        exists = self.exists[rows]
        self.on_duty[rows] = np.where(is_rotation, (place < size) & exists, self.on_duty[rows])
        self.next_duty[rows] = is_rotation & (np.mod(place - size, count) < size) & exists
        called = np.where(kind == 1, rank == np.mod(now, np.maximum(size, 1)), slot == np.mod(now, count))
        self.first[rows] = np.where(is_rotation, place == 0, called)


def simulate(items: Items, runs: Runs, week: WorkingWeek, knowledge: Floats, rules: Rules) -> Trace:
    """Let the work of all runs happen.

    Those on duty in a rotation build while nothing is to be done, so an item breaks into that; a dedicated team
    does nothing else. An item goes to whoever of the team would be done with it first, which weighs waiting
    against knowing the place. Work begun is finished by who began it; what is still waiting at the end of a shift
    passes to the next.
    An incident is begun at once by somebody in working hours, before what they have in hand, else by whose turn it is
    to be woken.

    Args:
        items: what arrives.
        runs: staffing and assumptions of each run.
        week: everybody's working hours.
        knowledge: how well each person knows each place at the start, 0 to 1, (places, people).
        rules: how work is handed out.
    """
    rows, count = items.at.shape
    people = week.starts.size
    learned = np.broadcast_to(knowledge, (rows, *knowledge.shape)).copy()
    gain = -np.expm1(-1 / rules.learning)
    each = np.arange(rows)
    shift = _Shift(runs, people)
    exists = shift.exists
    is_rotation, is_ad_hoc = runs.kind == 2, runs.kind == 0
    takes_turns = is_rotation | is_ad_hoc
    is_rotation_column = is_rotation[:, None]
    boundary = week.worked(np.full((1, people), WEEK))
    free = np.full((rows, people), -_FAR)
    busy_until = np.full((rows, people), -_FAR)
    start, finish, labour = (np.zeros((rows, count)) for _ in range(3))
    who = np.zeros((rows, count), dtype=np.int64)
    interrupts, by_others, woken, passed = (np.zeros((rows, count), dtype=np.bool_) for _ in range(4))
    there = np.isfinite(items.at)
    for j in range(count):
        known = there[:, j]
        at = np.where(known, items.at[:, j], 0.0)
        week_number = np.floor(at / WEEK).astype(np.int64)
        turned = np.flatnonzero(week_number != shift.week)
        if turned.size:
            shift.turn(turned, week_number)
        on_duty, next_duty = shift.on_duty, shift.next_duty
        takes = items.work[:, j, None] * (
            1 + runs.unfamiliar[:, None] * (1 - learned[each, items.place[:, j]])
        )
        lasts = takes / rules.pace
        now = week.worked(at[:, None])
        urgent = items.is_incident[:, j]
        # Ordinary work: whoever of those on duty, or of the next shift, is done first.
        ends = boundary + (week_number * week.hours_a_week)[:, None]
        may_start = np.maximum(now, free)
        late = np.maximum(ends, free)
        this_shift = on_duty & (~is_rotation_column | (may_start < ends))
        after = next_duty & ~this_shift
        begins = np.where(this_shift, may_start, np.where(after, late, _FAR))
        done = week.moment(begins + lasts)
        chosen = np.argmin(done, axis=1)
        waits = begins[each, chosen] - now[each, chosen]
        helps = waits > rules.patience
        if helps.any():
            outside = np.where(exists & ~on_duty, may_start, _FAR)
            other_done = week.moment(outside + lasts)
            other = np.argmin(other_done, axis=1)
            helps &= other_done[each, other] < done[each, chosen]
            begins = np.where(helps[:, None], outside, begins)
            chosen = np.where(helps, other, chosen)
        is_passed = after[each, chosen] & ~helps
        begun = begins[each, chosen]
        place_of = week.starts[chosen]
        start_at = np.maximum(week.moment(begun, place_of), at)
        done_worked = begun + lasts[each, chosen]
        finish_at = week.moment(done_worked, place_of)
        # Work that follows on other work breaks into nothing.
        broke = (takes_turns | helps) & (free[each, chosen] <= now[each, chosen])
        is_woken = np.zeros(rows, dtype=np.bool_)
        if urgent.any():
            awake = week.is_working(at[:, None]) & exists
            available = busy_until <= at[:, None]
            has_team_awake = (on_duty & awake).any(axis=1, keepdims=True)
            tier = np.where(
                on_duty & awake & available,
                0.0,
                np.where(
                    shift.first & ~has_team_awake & available, 1.0, np.where(awake & available, 2.0, 3.0)
                ),
            )
            ready = np.maximum(busy_until, at[:, None])
            score = np.where(exists, tier * _FAR + np.minimum(ready + lasts, _FAR - 1), np.inf)
            called = np.argmin(score, axis=1)
            begin = ready[each, called]
            end = begin + lasts[each, called]
            starts = week.starts[called]
            in_hand = free[each, called] > now[each, called]
            is_other = ~on_duty[each, called]
            begin_worked, end_worked = week.worked(begin, starts), week.worked(end, starts)
            left = np.maximum(free[each, called] - begin_worked, 0.0)
            chosen = np.where(urgent, called, chosen)
            start_at, finish_at = np.where(urgent, begin, start_at), np.where(urgent, end, finish_at)
            done_worked = np.where(urgent, end_worked + left, done_worked)
            broke = np.where(urgent, takes_turns | is_other | in_hand, broke)
            helps = np.where(urgent, is_other, helps)
            is_passed = is_passed & ~urgent
            is_woken = urgent & ~awake[each, called]
            mine = np.flatnonzero(known & urgent)
            busy_until[mine, called[mine]] = end[mine]
        mine = np.flatnonzero(known)
        free[mine, chosen[mine]] = done_worked[mine]
        spot = (mine, items.place[mine, j], chosen[mine])
        learned[spot] += (1 - learned[spot]) * gain
        start[:, j], finish[:, j], who[:, j] = start_at, finish_at, chosen
        labour[:, j] = takes[each, chosen]
        interrupts[:, j], by_others[:, j] = broke, helps
        woken[:, j], passed[:, j] = is_woken, is_passed
    return Trace(there, start, finish, labour, who, interrupts, by_others, woken, passed, learned)
