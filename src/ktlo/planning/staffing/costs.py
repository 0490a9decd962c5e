"""What a staffing costs in a week: the work itself, what not knowing adds, interruptions, hand-overs, idle hours.

Everything in hours of labour first, so that prices can change without another simulation, and so that the value
at which a verdict turns follows from two straight lines (``flips``). Only what differs between staffings
decides; the work itself is told because people ask for it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ktlo.planning.assumptions import Prices
from ktlo.planning.demand import Floats
from ktlo.planning.staffing.crew import Crew
from ktlo.planning.staffing.simulation import Items, Runs, Trace
from ktlo.planning.staffing.week import WEEK


@dataclass(frozen=True, slots=True, eq=False)
class Amounts:
    """What a run used in an average week, before any price; every array is (runs,).

    Attributes:
        labour: hours of work on items, by whoever did it.
        interruptions: times that somebody was torn out of other work, or took over a waiting item.
        changes: pairs who handed over.
        idle: hours in which a dedicated team had nothing to do.
        slack: hours in which those on duty in a rotation built something, always ready to be called.
        open_weeks: item-weeks that bugs, requests and updates were open.
        downtime: hours of downtime: what incidents bring, longer where they wait or meet somebody who does not
            know the place.
    """

    labour: Floats
    interruptions: Floats
    changes: Floats
    idle: Floats
    slack: Floats
    open_weeks: Floats
    downtime: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Rates:
    """Assumptions of each run, (runs,).

    Attributes:
        interruption: hours lost by an interruption.
        hand_over: hours lost by a change of shift.
        idle_value: worth of an hour without items in a dedicated team.
        duty_value: worth of an hour without items on duty in a rotation.
    """

    interruption: Floats
    hand_over: Floats
    idle_value: Floats
    duty_value: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """The cost of a week by what it is for, in the prices' currency, (runs,)."""

    labour: Floats
    interruptions: Floats
    hand_overs: Floats
    idle: Floats
    waiting: Floats
    downtime: Floats

    @property
    def total(self) -> Floats:
        """All of it."""
        return self.labour + self.interruptions + self.hand_overs + self.idle + self.waiting + self.downtime


def amounts_of(items: Items, runs: Runs, trace: Trace, crew: Crew) -> Amounts:
    """Add up what each run used.

    Args:
        items: what arrived.
        runs: staffing of each run.
        trace: what happened.
        crew: for the hours of a week and the familiarity behind measured downtime.
    """
    there, weeks = trace.there, items.weeks
    labour = np.where(there, trace.labour, 0.0)
    by_team = np.where(trace.by_others, 0.0, labour).sum(axis=1) / weeks
    without = np.maximum(runs.size * crew.hours_per_week - by_team, 0.0)
    is_rotation = runs.kind == 2
    waited = np.where(there, trace.start - np.where(there, items.at, 0.0), 0.0)
    open_hours = np.where(there & ~items.is_incident, trace.finish - np.where(there, items.at, 0.0), 0.0)
    usual = items.work * (1 + runs.unfamiliar[:, None] * (1 - crew.handled_by[items.place]))
    slower = np.divide(labour, usual, out=np.ones_like(labour), where=usual > 0)
    down = np.where(there & (items.downtime > 0), waited + items.downtime * slower, 0.0)
    passed = np.where(there, trace.passed, False).sum(axis=1)
    return Amounts(
        labour=labour.sum(axis=1) / weeks,
        interruptions=(np.where(there, trace.interrupts, False).sum(axis=1) + passed) / weeks,
        # Nobody hands over where everybody is always on duty.
        changes=np.where(is_rotation & (runs.size < runs.people), runs.size, 0).astype(np.float64),
        idle=np.where(runs.kind == 1, without, 0.0),
        slack=np.where(is_rotation, without, 0.0),
        open_weeks=open_hours.sum(axis=1) / WEEK / weeks,
        downtime=down.sum(axis=1) / weeks,
    )


def priced(amounts: Amounts, rates: Rates, prices: Prices) -> Parts:
    """Put prices on what was used; what has no price is left out, and the answer says so."""
    hour = prices.labour_hour
    return Parts(
        labour=hour * amounts.labour,
        interruptions=hour * rates.interruption * amounts.interruptions,
        hand_overs=hour * rates.hand_over * amounts.changes,
        idle=hour * ((1 - rates.idle_value) * amounts.idle + (1 - rates.duty_value) * amounts.slack),
        waiting=(prices.waiting_week or 0.0) * amounts.open_weeks,
        downtime=(prices.downtime_hour or 0.0) * amounts.downtime,
    )
