"""Living through a world at every share: what is done each week, what is left over, what goes down.

Each week the share gives so many hours, of which other upkeep takes its part. Incidents are worked on at once, if need
be with hours of features; then comes what is open in order of priority; what is left is preventive work, which pays
known debt back and, after a while, lowers what arrives. Out: :class:`Outcomes` in hours and items, before any price.
The model, with the reasons for each part and its source, is in docs/planning-budget.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from ktlo.errors import UsageError
from ktlo.planning.budget.merging import PRIORITY
from ktlo.planning.budget.world import (
    MOST_GROWTH,
    SLICES,
    TODAY,
    URGENT,
    Changes,
    World,
    draw_worlds,
    expected_world,
)
from ktlo.planning.demand import DebtLoad, Demand, Floats, WorkClass

LAG_WEEKS = 8.0
"""Weeks until 63% of the effect of preventive work is there: it is written, reviewed, rolled out, then lived with."""

_NOTHING = 0.01
"""Part of the arriving work that may be left over before it counts as piling up."""

_AT_ONCE = 16_384
"""Shares times futures that are walked together: the working arrays stay in the processor's cache."""


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """What happens over the whole horizon, by share and future: every array has the shape (shares, futures).

    Attributes:
        shares: the shares, ascending or not, (shares,).
        parameters: how many posterior draws the futures come from; see :class:`World`.
        weeks: length of the horizon.
        capacity: hours that the team gives over the horizon.
        reserved: hours of the share over the horizon.
        overrun: hours that incidents took beyond the share.
        reactive: hours spent on what arrived.
        preventive: hours left for preventive work and debt.
        upkeep: hours of other upkeep.
        left_over: hours of arrived work that is not done at the end.
        left_over_items: the same in items.
        waiting: weeks that items waited, added up.
        downtime: hours of downtime.
        items: items that arrived.
        urgent: incidents and vulnerabilities that arrived.
        incidents: incidents that arrived.
        interest: hours that known debt cost; 0 without a register.
        debt: principal at the end, hours; 0 without a register.
        week_of_work: expected hours of work that arrive in a week as things are today.
        excess: hours a week by which more arrives than the share can do, were everything as expected, by posterior
            draw, (shares, parameters): what is left over, or taken beyond the share, without any bad luck.
        piles_up: where that is more than 1% of what arrives, (shares, parameters).
    """

    shares: Floats
    parameters: int
    weeks: int
    capacity: Floats
    reserved: Floats
    overrun: Floats
    reactive: Floats
    preventive: Floats
    upkeep: Floats
    left_over: Floats
    left_over_items: Floats
    waiting: Floats
    downtime: Floats
    items: Floats
    urgent: Floats
    incidents: Floats
    interest: Floats
    debt: Floats
    week_of_work: Floats
    excess: Floats
    piles_up: npt.NDArray[np.bool_]

    def averaged(self, values: Floats) -> Floats:
        """Means over the futures of each posterior draw: (shares, futures) becomes (shares, parameters)."""
        means: Floats = values.reshape(values.shape[0], -1, self.parameters).mean(axis=1)
        return means


_NOT_SUMMED = ("shares", "parameters", "weeks", "excess", "piles_up")
_SUMMED = tuple(each.name for each in fields(Outcomes) if each.name not in _NOT_SUMMED)


def checked_shares(shares: Sequence[float] | Floats) -> Floats:
    """Shares as an array.

    Raises:
        UsageError: one that is not between 0 and 1.
    """
    given = np.asarray(shares, dtype=np.float64)
    if given.ndim != 1 or not given.size or not np.all((given >= 0) & (given <= 1)):
        raise UsageError("a share is a number from 0 to 1", fix="Give 0.25 for a quarter of the hours")
    return given


def simulate(
    demand: Demand,
    shares: Sequence[float] | Floats,
    *,
    futures: int = 1000,
    seed: int = 1,
    weeks: int | None = None,
    changes: Changes | None = None,
    parameters: int | None = None,
    lag_weeks: float = LAG_WEEKS,
    old_work: float = 0.0,
) -> Outcomes:
    """What each share brings over the weeks of a demand; the same arguments give the same numbers.

    Args:
        demand: as fitted.
        shares: shares of the team's hours, 0 to 1.
        futures: about how many courses of events; see :func:`~ktlo.planning.budget.world.draw_world`.
        seed: of the chance.
        weeks: how many of the demand's weeks; all when not given.
        changes: what a what-if multiplies.
        parameters: most posterior draws to use.
        lag_weeks: weeks until 63% of the effect of preventive work is there.
        old_work: share of what is open today that shall be worked down too, 0 to 1.

    Raises:
        UsageError: shares outside 0 to 1, or weeks that the demand does not reach.
    """
    given = _checked(shares, lag_weeks, old_work)
    worlds = draw_worlds(
        demand, futures=futures, seed=seed, weeks=weeks, changes=changes, parameters=parameters
    )
    parts, kept, ahead = [], 0, 0
    for world in worlds:
        parts.append(_lived(world, given, lag_weeks, old_work))
        kept, ahead = world.parameters, world.weeks
    without_chance = expected_world(demand, parameters=kept, weeks=ahead, changes=changes)
    return _outcomes(given, kept, ahead, parts, _lived(without_chance, given, lag_weeks, old_work))


def replay(
    work: Floats,
    kinds: Sequence[WorkClass],
    shares: Sequence[float] | Floats,
    *,
    capacity: float,
    items: Floats | None = None,
    downtime: Floats | None = None,
    inherited: float = 0.0,
) -> Outcomes:
    """The same walk through weeks that really were, for judging a share afterwards.

    What came is taken as it came: no effect of more or less prevention on it is made up.

    Args:
        work: hours of work that arrived, (classes, weeks).
        kinds: the classes, (classes,).
        shares: shares to judge, 0 to 1.
        capacity: hours that the team gave in a week.
        items: arrivals, (classes, weeks); one an arrival of the mean when not given.
        downtime: hours of downtime, (classes, weeks); none when not given.
        inherited: hours of open work at the start that are to be done too; spread over the classes by their work.

    Returns:
        Outcomes with one future.

    Raises:
        UsageError: shapes that do not fit, negative or missing values.
    """
    arrived = np.asarray(work, dtype=np.float64)
    counts = np.where(arrived > 0, 1.0, 0.0) if items is None else np.asarray(items, dtype=np.float64)
    down = np.zeros_like(arrived) if downtime is None else np.asarray(downtime, dtype=np.float64)
    if arrived.ndim != 2 or arrived.shape[0] != len(kinds) or counts.shape != arrived.shape != down.shape:
        raise UsageError("work, items and downtime are (classes, weeks), one row for each class")
    if not all(np.isfinite(each).all() and (each >= 0).all() for each in (arrived, counts, down)):
        raise UsageError("hours and items that really were are numbers, 0 or more")
    order = sorted(range(len(kinds)), key=lambda place: PRIORITY.index(kinds[place]))
    arrived, counts, down = arrived[order], counts[order], down[order]
    one = np.ones((len(kinds), 1))
    total = arrived.sum(axis=1, keepdims=True)
    everything = max(float(total.sum()), 1e-12)
    world = World(
        kinds=tuple(kinds[i] for i in order),
        parameters=1,
        items=_sliced(counts),
        work=_sliced(arrived),
        downtime=_sliced(down),
        mean_work=total / np.maximum(counts.sum(axis=1, keepdims=True), 1.0),
        floor=one,
        scale=np.full_like(one, np.inf),
        capacity=np.array([float(capacity)]),
        usual_prevention=np.zeros(1),
        upkeep=np.zeros(1),
        load=total / max(arrived.shape[1], 1),
        inherited=inherited * total / everything,
        inherited_items=0,
        debt=None,
    )
    return live(world, world, shares, old_work=1.0)


def _sliced(values: Floats) -> Floats:
    sliced = np.zeros((values.shape[0], SLICES, values.shape[1], 1))
    sliced[:, :TODAY] = values[:, None, :, None] / TODAY
    return sliced


def live(
    world: World,
    without_chance: World,
    shares: Sequence[float] | Floats,
    *,
    lag_weeks: float = LAG_WEEKS,
    old_work: float = 0.0,
) -> Outcomes:
    """Live through a world at every share, and through the same world without chance. See :func:`simulate`."""
    given = _checked(shares, lag_weeks, old_work)
    lived = [_lived(each, given, lag_weeks, old_work) for each in (world, without_chance)]
    return _outcomes(given, world.parameters, world.weeks, lived[:1], lived[1])


def _checked(shares: Sequence[float] | Floats, lag_weeks: float, old_work: float) -> Floats:
    if not 0 <= old_work <= 1 or lag_weeks < 1:
        raise UsageError("old work is a share of 0 to 1, and the effect of prevention takes a week or more")
    return checked_shares(shares)


def _outcomes(
    shares: Floats, parameters: int, weeks: int, parts: list[dict[str, Floats]], plain: dict[str, Floats]
) -> Outcomes:
    excess = (plain["left_over"] + plain["overrun"]) / max(weeks, 1)
    return Outcomes(
        shares=shares,
        parameters=parameters,
        weeks=weeks,
        excess=excess,
        piles_up=excess > np.maximum(_NOTHING * plain["week_of_work"], 1e-9),
        **{name: np.concatenate([part[name] for part in parts], axis=1) for name in _SUMMED},
    )


def _lived(world: World, shares: Floats, lag_weeks: float, old_work: float) -> dict[str, Floats]:
    step = max(1, _AT_ONCE // shares.size)
    parts = [
        _walk(world, slice(first, first + step), shares[:, None], lag_weeks, old_work)
        for first in range(0, world.futures, step)
    ]
    return {name: np.concatenate([part[name] for part in parts], axis=1) for name in _SUMMED}


def _walk(world: World, some: slice, share: Floats, lag_weeks: float, old_work: float) -> dict[str, Floats]:
    """One stretch of futures at all shares; arrays are (shares, futures)."""
    capacity = world.capacity[some]
    hours = share * capacity
    given = np.maximum(hours - world.upkeep[some], 0.0)
    shape = hours.shape
    usual = world.usual_prevention[some]
    zero = np.zeros(shape)
    waiting_work = [zero + world.inherited[k, some] * old_work for k in range(len(world.kinds))]
    inverse = 1 / np.maximum(world.mean_work[:, some], 1e-9)
    felt = zero + usual
    sums = {name: np.zeros(shape) for name in _SUMMED}
    owed, interest, growth = _debt(world.debt, some, shape)
    for week in range(world.weeks):
        left = given
        extra = felt - usual
        for k, kind in enumerate(world.kinds):
            weights = _weights(world.floor[k, some], world.scale[k, some], extra)
            arrived = _thinned(world.work[k, :, week, some], weights)
            came = _thinned(world.items[k, :, week, some], weights)
            sums["items"] += came
            if kind in URGENT:
                sums["urgent"] += came
                if kind is WorkClass.INCIDENT:
                    sums["incidents"] += came
            if world.downtime[k, :, week, some].any():
                sums["downtime"] += _thinned(world.downtime[k, :, week, some], weights)
            there = waiting_work[k] + arrived
            done = np.minimum(there, capacity if kind is WorkClass.INCIDENT else left)
            if kind is WorkClass.INCIDENT:
                sums["overrun"] += np.maximum(done - left, 0.0)
                left = np.maximum(left - done, 0.0)
            else:
                left = left - done
            sums["reactive"] += done
            waiting_work[k] = there - done
            sums["waiting"] += waiting_work[k] * inverse[k]
        sums["preventive"] += left
        felt = felt + (left - felt) / lag_weeks
        if world.debt is not None:
            sums["interest"] += interest * owed
            owed = np.maximum(owed * (1 + growth) - left, 0.0)
    for k, remaining in enumerate(waiting_work):
        sums["left_over"] += remaining
        sums["left_over_items"] += remaining * inverse[k]
    sums["capacity"] += capacity * world.weeks
    sums["reserved"] += hours * world.weeks
    sums["upkeep"] += (hours - given) * world.weeks
    sums["week_of_work"] += world.load[:, some].sum(axis=0)
    sums["debt"] += owed
    return sums


def _debt(debt: DebtLoad | None, some: slice, shape: tuple[int, ...]) -> tuple[Floats, Floats, Floats]:
    """Principal (shares, futures), interest a week of each of its hours, and its growth a week."""
    if debt is None:
        return np.zeros(shape), np.zeros(1), np.zeros(1)
    principal = debt.principal_hours[some]
    rate = debt.interest_hours_per_week[some] / np.maximum(principal, 1e-12)
    return np.zeros(shape) + principal, rate, debt.growth_per_week[some]


def _weights(floor: Floats, scale: Floats, extra: Floats) -> list[Floats] | None:
    """How much of each slice of the arrivals comes, (shares, futures) each; ``None`` where all of it does."""
    if not np.isfinite(scale).any() or (floor >= 1).all():
        return None
    with np.errstate(over="ignore"):
        rate = np.minimum(floor + (1 - floor) * np.exp(-extra / scale), MOST_GROWTH)
    sliced = rate * TODAY
    last = int(np.ceil(sliced.max())) if sliced.size else TODAY
    return [np.clip(sliced - index, 0.0, 1.0) for index in range(max(last, 1))]


def _thinned(slices: Floats, weights: list[Floats] | None) -> Floats:
    """What comes of a week's arrivals, (slices, futures), by share and future."""
    if weights is None:
        total: Floats = slices[:TODAY].sum(axis=0)
        return total
    kept: Floats = weights[0] * slices[0]
    for index in range(1, len(weights)):
        kept += weights[index] * slices[index]
    return kept
