"""The people there are: how well each knows each place, when they work, and when work arrives.

The nouns that the simulation of staffing takes; ``people`` reads them from the store, tests write them by hand.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ktlo.planning.demand import Floats
from ktlo.planning.staffing.simulation import Indexes
from ktlo.planning.staffing.week import WEEK, WorkingWeek

KNOWS = 0.5
"""From this familiarity on somebody is said to know a place."""


@dataclass(frozen=True, slots=True, eq=False)
class Crew:
    """A team with what it knows.

    Attributes:
        names: of the people, who worked most first.
        places: services (or repositories) where reactive work arises.
        share: part of the reactive work that arises there, adds up to 1, (places,).
        knowledge: part of the code of a place (weighted by changes) that a person is an author of, (places, people).
        handled_by: familiarity of those who have done the reactive work so far, (places,).
        week: working hours.
        hours_per_week: hours of traced work that one person gives a week.
        incident_hours: how incidents spread over the hours of the week, UTC, adds up to 1, (168,).
        other_hours: the same for other work.
        notes: what could not be read and what stands in for it.
    """

    names: tuple[str, ...]
    places: tuple[str, ...]
    share: Floats
    knowledge: Floats
    handled_by: Floats
    week: WorkingWeek
    hours_per_week: float
    incident_hours: Floats
    other_hours: Floats
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """How many people there are."""
        return len(self.names)

    @property
    def pace(self) -> float:
        """Hours of traced work in one working hour."""
        return self.hours_per_week / self.week.hours_a_week

    @property
    def sites(self) -> int:
        """Groups of people whose working days begin at least five hours apart; 1 when all work at one time."""
        if self.size < 2:
            return 1
        starts = np.sort(np.mod(self.week.starts, 24))
        gaps = np.diff(np.append(starts, starts[0] + 24))
        return max(1, int((gaps >= 5).sum()))

    def covered(self) -> Floats:
        """Share of the people at work in each hour of the week, (168,)."""
        if not self.size:
            return np.zeros(int(WEEK))
        moments = np.arange(WEEK)[:, None] + 0.5
        share: Floats = self.week.is_working(moments).mean(axis=1)
        return share

    def outside_hours(self, profile: Floats) -> float:
        """Share of what arrives by a profile of the week, (168,), when nobody is in working hours."""
        return float(profile[self.covered() == 0].sum())

    def of_size(self, people: int) -> Crew:
        """The same team with fewer people, or with more who are like those there are."""
        index = np.arange(people) % self.size
        return Crew(
            tuple(self.names[i] for i in index),
            self.places,
            self.share,
            self.knowledge[:, index],
            self.handled_by,
            WorkingWeek(self.week.starts[index], self.week.hours, self.week.days),
            self.hours_per_week,
            self.incident_hours,
            self.other_hours,
            self.notes,
        )


def joining_order(knowledge: Floats, share: Floats) -> Indexes:
    """Who would join a dedicated team first: always the one who adds most knowledge of where work arises.

    Args:
        knowledge: (places, people).
        share: (places,) of the work.

    Returns:
        The rank of each person, (people,).
    """
    people = knowledge.shape[1]
    covered = np.zeros(knowledge.shape[0])
    rank = np.full(people, -1, dtype=np.int64)
    for turn in range(people):
        added = share @ np.maximum(knowledge - covered[:, None], 0)
        # Of equals, who knows more altogether.
        worth = np.where(rank < 0, added + 1e-6 * (share @ knowledge), -1.0)
        best = int(np.argmax(worth))
        rank[best] = turn
        covered = np.maximum(covered, knowledge[:, best])
    return rank


def rotation_order(starts: Floats, on_duty: int) -> Indexes:
    """Places in a rotation in which those on duty together work at different hours, where people do.

    Args:
        starts: when each person's day begins, (people,).
        on_duty: how many are on duty together.

    Returns:
        The place of each person in the order, (people,).
    """
    by_start = np.argsort(starts, kind="stable")
    stride = -(-starts.size // on_duty)
    order = [
        by_start[b * stride + i]
        for i in range(stride)
        for b in range(on_duty)
        if b * stride + i < starts.size
    ]
    slot = np.empty(starts.size, dtype=np.int64)
    slot[order] = np.arange(starts.size)
    return slot
