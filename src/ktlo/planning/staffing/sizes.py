"""Which sizes of a team or a rotation are worth simulating: those around the least that keeps waiting short.

The least number of people follows from Erlang's formula (``erlang``); the simulation decides between it and its
neighbours.
"""

from __future__ import annotations

import numpy as np

from ktlo.planning.demand import Demand
from ktlo.planning.staffing.crew import Crew
from ktlo.planning.staffing.erlang import least_servers
from ktlo.planning.staffing.simulation import Kind
from ktlo.planning.staffing.trial import Staffing
from ktlo.settings.planning import StaffingSettings

MOST_HELPED = 0.2
"""A team that needs help with a larger share of the items is too small to be called one."""
_LONGEST_WAIT = 8.0
"""Working hours that an item may wait on average: a day."""


def least_size(demand: Demand, crew: Crew, load: float, people: int) -> int:
    """The least number of people whose queue is short, by formula.

    Args:
        demand: how work arrives.
        crew: for the hours of a person's week.
        load: times the demand.
        people: engineers there are.
    """
    rates = np.array([part.rate.mean() for part in demand.classes]) * load
    hours = np.array([part.work_hours.mean() for part in demand.classes])
    squares = hours**2 * (1 + np.array([(part.work_cv**2).mean() for part in demand.classes]))
    rate = float(rates.sum())
    if rate <= 0:
        return 1
    mean = float(rates @ hours) / rate
    cv = float(np.sqrt(max((rates @ squares) / rate / mean**2 - 1, 0.0))) if mean > 0 else 1.0
    # In working hours: a person gives `pace` hours of labour in each.
    return least_servers(
        rate / crew.week.hours_a_week, mean / max(crew.pace, 1e-9), cv, _LONGEST_WAIT, max(people - 1, 1)
    )


def candidates(demand: Demand, crew: Crew, said: StaffingSettings) -> list[Staffing]:
    """Staffings to simulate: as it comes, and each kind in three sizes or in the size asked for.

    Args:
        demand: how work arrives.
        crew: who there is.
        said: sizes that are asked for.
    """
    people = crew.size
    least = least_size(demand, crew, 1.0, people)
    around = sorted({max(1, min(size, people - 1)) for size in (least - 1, least, least + 1)})
    found = [Staffing(Kind.AD_HOC)]
    for kind, asked in ((Kind.DEDICATED, said.dedicated), (Kind.ROTATION, said.on_duty)):
        sizes = [max(1, min(asked, people - 1))] if asked else around
        found += [Staffing(kind, size) for size in sizes]
    return found
