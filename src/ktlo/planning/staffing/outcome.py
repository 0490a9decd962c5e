"""How a staffing goes: cost, waiting, nights, who carries the load, who knows what in the end.

Reads what ``trial`` ran; ``answer`` compares the outcomes. Limits of on-call work: Beyer et al., Site Reliability
Engineering, 2016, chapter 11 (at most 25% on call; eight engineers on one site, six on each of two).
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from ktlo.metrics.estimate import LEVEL, Estimate
from ktlo.planning.demand import Floats
from ktlo.planning.staffing.costs import Parts
from ktlo.planning.staffing.crew import KNOWS, Crew
from ktlo.planning.staffing.simulation import Kind
from ktlo.planning.staffing.trial import Ran, Staffing

_MOST_ON_CALL = 0.25
_ONE_SITE, _EACH_OF_TWO = 8, 6
_YEAR, _MONTH = 52.0, 365.25 / 12 / 7
PART_NAMES = {
    "labour": "The work itself",
    "interruptions": "Interruptions",
    "hand_overs": "Changes of shift",
    "idle": "Standing ready",
    "waiting": "Open items",
    "downtime": "Downtime",
}
"""How the parts of the cost are called."""


@dataclass(frozen=True, slots=True)
class Knowledge:
    """Who knows the places where reactive work arises.

    Attributes:
        knowers: people who know a place, on average over the work.
        bus_factor: how many must leave before more than half of the work arises where nobody knows it.
    """

    knowers: float
    bus_factor: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """One staffing, as it went in the simulated quarters.

    Attributes:
        staffing: which.
        cost: of an average week, in the prices' currency; the interval holds 95% of the simulated quarters.
        parts: the cost by what it is for, in the order of ``PART_NAMES``.
        items: simulated items.
        wait_median: hours until half of the ordinary items are begun; ``None`` where there is none.
        wait_most: hours until nine in ten of them are.
        helped: share of items for which somebody outside the team was asked.
        interruptions: of somebody's other work, a week.
        woken: calls outside working hours, a month, all people together.
        woken_each: of them, those of the person who has most.
        busiest: share of the reactive hours that the busiest person carries.
        on_call: share of their time that those of the team are on call.
        knowledge: after a year.
        limits: limits of on-call work that it breaks, in words.
    """

    staffing: Staffing
    cost: Estimate
    parts: tuple[tuple[str, Estimate], ...]
    items: int
    wait_median: float | None
    wait_most: float | None
    helped: float
    interruptions: float
    woken: float
    woken_each: float
    busiest: float
    on_call: float
    knowledge: Knowledge
    limits: tuple[str, ...]


def spread(values: Floats) -> Estimate:
    """The mean of simulated values, and the interval that holds ``LEVEL`` of them."""
    mean = float(values.mean())
    low, high = (float(end) for end in np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]))
    # A few extreme quarters can pull the mean past a quantile.
    return Estimate(mean, min(low, mean), max(high, mean), int(values.size))


def knowledge_of(knowledge: Floats, share: Floats) -> Knowledge:
    """Knowers and bus factor.

    Args:
        knowledge: familiarity, (places, people).
        share: of the work that arises at each place, (places,).
    """
    knows = knowledge >= KNOWS
    knowers = float(share @ knows.sum(axis=1))
    left = knows.copy()
    for gone in range(knowledge.shape[1] + 1):
        alive = left.any(axis=1)
        if share[alive].sum() < 0.5:
            return Knowledge(knowers, gone)
        # The one whose leaving orphans most; of equals, who knows most of the work.
        orphaned = share @ (left & (left.sum(axis=1) == 1)[:, None])
        worth = orphaned + 1e-6 * (share @ left)
        left[:, int(np.argmax(worth))] = False
    return Knowledge(knowers, knowledge.shape[1])


def outcome_of(ran: Ran, parts: Parts, crew: Crew, learning: float, *, pages: bool) -> Outcome:
    """Sum up one case.

    Args:
        ran: what happened.
        parts: what it cost.
        crew: who there is.
        learning: items after which 63% of what was not known is learned.
        pages: there are incidents, so the limits of on-call work matter.
    """
    trace, staffing = ran.trace, ran.case.staffing
    there = trace.there
    n = int(there.sum())
    people = ran.case.people or crew.size
    weeks = ran.items.weeks * there.shape[0]
    ordinary = there & ~ran.items.is_incident
    waits = (trace.start - np.where(there, ran.items.at, 0.0))[ordinary]
    who, where = trace.who[there], ran.items.place[there]
    hours = np.bincount(who, trace.labour[there], minlength=people)
    nights = np.bincount(who, trace.woken[there], minlength=people)
    handled = np.zeros((len(crew.places), people))
    np.add.at(handled, (where, who), 1.0)
    start = crew.of_size(people).knowledge
    later = 1 - (1 - start) * np.exp(-handled / weeks * _YEAR / learning)
    quantiles = np.quantile(waits, [0.5, 0.9]) if waits.size else None
    return Outcome(
        staffing=staffing,
        cost=spread(parts.total),
        parts=tuple((PART_NAMES[part.name], spread(getattr(parts, part.name))) for part in fields(parts)),
        items=n,
        wait_median=None if quantiles is None else float(quantiles[0]),
        wait_most=None if quantiles is None else float(quantiles[1]),
        helped=float(trace.by_others[there].mean()) if n else 0.0,
        interruptions=float(ran.amounts.interruptions.mean()),
        woken=float(nights.sum() / weeks * _MONTH),
        woken_each=float(nights.max(initial=0) / weeks * _MONTH),
        busiest=float(hours.max(initial=0) / hours.sum()) if hours.sum() else 0.0,
        on_call=on_call_share(staffing, people),
        knowledge=knowledge_of(later, crew.share),
        limits=broken_limits(staffing, people, crew.sites) if pages else (),
    )


def on_call_share(staffing: Staffing, people: int) -> float:
    """Share of the weeks in which somebody of those who take turns is on call."""
    if staffing.kind is Kind.ROTATION:
        return min(1.0, staffing.size / people)
    return 1 / (staffing.size if staffing.kind is Kind.DEDICATED else people)


def broken_limits(staffing: Staffing, people: int, sites: int) -> tuple[str, ...]:
    """Limits of on-call work that a staffing breaks, one sentence each."""
    turns = staffing.size if staffing.kind is Kind.DEDICATED else people
    told = []
    share = on_call_share(staffing, people)
    if share > _MOST_ON_CALL:
        told.append(f"each is on call {share:.0%} of the weeks, above 25%")
    needed = _ONE_SITE if sites < 2 else 2 * _EACH_OF_TWO
    if turns < needed:
        where = "one site" if sites < 2 else "two sites"
        told.append(f"{turns} take{'s' if turns == 1 else ''} turns, where {where} would need {needed}")
    return tuple(told)
