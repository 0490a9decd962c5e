"""What will come, drawn once: arrivals, their work and downtime, week by week, before any decision.

Takes a :class:`~ktlo.planning.demand.Demand` and a seed; gives a :class:`World` that every share lives through, so
that two shares differ by what they do and not by luck (common random numbers; Law, Simulation Modeling and Analysis,
chapter 11). Arrivals are negative binomial, a week's work is gamma with the mean and variance of its compound sum.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from ktlo.errors import UsageError
from ktlo.planning.budget.merging import merged
from ktlo.planning.demand import ClassDemand, DebtLoad, Demand, Floats, WorkClass
from ktlo.wording import counted

TODAY = 4
"""Slices of a week of today: prevention takes whole items away, not a part of each."""

MOST_GROWTH = 2.0
"""Arrivals are never taken beyond twice those of today: less prevention than today is not in any record."""

SLICES = int(TODAY * MOST_GROWTH)
"""Slices that are drawn: those of today, and those that would come if prevention fell behind."""

URGENT = frozenset({WorkClass.INCIDENT, WorkClass.VULNERABILITY})
"""Classes of which each item pulls somebody out of other work."""

_DOWNTIME_CV = 1.0
"""Outages of one service last about exponentially long; only the width of the downtime depends on it."""

_BLOCK = 2000
"""Futures that are drawn together."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What a what-if multiplies; 1 leaves a thing as it was fitted.

    Attributes:
        demand: arrivals of every class.
        people: hours that the team gives.
        prevention: effect of preventive work; 2 means that half the hours do as much.
        work: hours that an item takes.
        upkeep: share of today's hours that other upkeep takes whatever arrives, and that prevents nothing: it is
            added to, not multiplied; 0 gives all that is left to preventive work.
    """

    demand: float = 1.0
    people: float = 1.0
    prevention: float = 1.0
    work: float = 1.0
    upkeep: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what no team can be.

        Raises:
            UsageError: a factor outside 0 to 10.
        """
        for name in ("demand", "people", "prevention", "work"):
            value = getattr(self, name)
            if not 0 <= value <= 10:
                raise UsageError(
                    f"{name} changed by a factor of {value:g} says nothing", fix="Give 0 to 10; 1 is as today"
                )
        if not 0 <= self.upkeep <= 1:
            raise UsageError(f"upkeep of {self.upkeep:g} is no share of the hours", fix="Give 0 to 1")


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """Everything that is drawn and nothing that is decided. Units are hours and weeks.

    A *future* is one column: a posterior draw of the demand with one course of chance. Futures ``i``, ``i +
    parameters``, ``i + 2·parameters``… share posterior draw ``i``.

    Attributes:
        kinds: classes in order of priority.
        parameters: number of posterior draws.
        items: arrivals by class, slice, week and future; the first ``TODAY`` slices are what comes if
            preventive work goes on as today.
        work: their hours of labour.
        downtime: their hours of downtime.
        mean_work: expected hours of an item, (classes, futures).
        floor: share of the arrivals that no prevention removes, (classes, futures).
        scale: hours a week that remove 63% of the rest, ``inf`` without effect, (classes, futures).
        capacity: hours the team gives in a week, (futures,).
        usual_prevention: preventive hours a week as things are today, (futures,).
        upkeep: hours a week of other upkeep, which come before prevention, (futures,).
        load: expected hours of arriving work a week as things are today, (classes, futures).
        inherited: hours of work that is open at the start, (classes, futures).
        inherited_items: items that are open at the start.
        debt: what known debt costs, by future; ``None`` without a register.
    """

    kinds: tuple[WorkClass, ...]
    parameters: int
    items: Floats
    work: Floats
    downtime: Floats
    mean_work: Floats
    floor: Floats
    scale: Floats
    capacity: Floats
    usual_prevention: Floats
    upkeep: Floats
    load: Floats
    inherited: Floats
    inherited_items: int
    debt: DebtLoad | None

    @property
    def weeks(self) -> int:
        """Weeks ahead."""
        return int(self.work.shape[2])

    @property
    def futures(self) -> int:
        """Number of simulated courses of events."""
        return int(self.capacity.size)

    def averaged(self, values: Floats) -> Floats:
        """Means over the futures of each posterior draw: (…, futures) becomes (…, parameters)."""
        means: Floats = values.reshape(*values.shape[:-1], -1, self.parameters).mean(axis=-2)
        return means


def draw_world(
    demand: Demand,
    *,
    futures: int,
    seed: int,
    weeks: int | None = None,
    changes: Changes | None = None,
    parameters: int | None = None,
) -> World:
    """Draw what will come.

    Args:
        demand: as fitted; services are put together.
        futures: about how many courses of events; each posterior draw gets equally many, at least one. With
            fewer futures than posterior draws, the first draws are used.
        seed: of the chance; the demand carries its own.
        weeks: how many of the demand's weeks; all when not given.
        changes: what a what-if multiplies.
        parameters: most posterior draws to use; fewer leave more courses of chance for each, which keeps chance
            out of what is said about one draw.

    Raises:
        UsageError: fewer weeks than asked for, or no future.
    """
    whole = merged(demand)
    ahead = whole.weeks if weeks is None else weeks
    if futures < 1:
        raise UsageError("a plan needs at least one simulated future", fix="Give 1 or more")
    if whole.classes and not 1 <= ahead <= whole.weeks:
        raise UsageError(
            f"demand is known for {counted(whole.weeks, 'weeks')} ahead, not {ahead}", fix="Ask for fewer"
        )
    kept = min(demand.draws, futures, parameters or demand.draws)
    times = max(1, round(futures / kept))
    return next(_blocks(whole, kept, times, times, ahead, seed, changes or Changes()))


def draw_worlds(
    demand: Demand,
    *,
    futures: int,
    seed: int,
    weeks: int | None = None,
    changes: Changes | None = None,
    parameters: int | None = None,
) -> Iterator[World]:
    """As :func:`draw_world`, in worlds of few futures, so that memory holds however many are asked for."""
    whole = merged(demand)
    ahead = whole.weeks if weeks is None else weeks
    draw_world(demand, futures=1, seed=seed, weeks=weeks)  # says what is wrong with the question
    kept = min(demand.draws, max(futures, 1), parameters or demand.draws)
    times = max(1, round(futures / kept))
    yield from _blocks(whole, kept, times, max(1, _BLOCK // kept), ahead, seed, changes or Changes())


def _blocks(
    whole: Demand, kept: int, times: int, most: int, ahead: int, seed: int, changes: Changes
) -> Iterator[World]:
    """Worlds of at most so many courses of each posterior draw, together ``times`` of each."""
    chances = np.random.SeedSequence([seed, whole.seed])
    cut = [_cut(each, kept, ahead) for each in whole.classes]
    usual = _usual_prevention(whole, ahead, changes)[:kept]
    for done in range(0, times, most):
        courses = min(most, times - done)
        (chance,) = chances.spawn(1)
        drawn = [
            _draw(each, courses, usual, own, changes)
            for each, own in zip(cut, chance.spawn(len(cut)), strict=True)
        ]
        yield _assembled(whole, drawn, kept, courses, ahead, changes)


def _usual_prevention(whole: Demand, ahead: int, changes: Changes) -> Floats:
    """Preventive hours a week as things are: what has kept the lights on less what arrives and other upkeep."""
    hours = whole.capacity.hours_per_week
    other = hours * changes.upkeep
    for each in whole.classes:
        other = other + each.rate[:, :ahead].mean(axis=1) * each.work_hours
    return np.maximum(hours * whole.capacity.ktlo_share - other, 0.0)


def expected_world(demand: Demand, *, parameters: int, weeks: int, changes: Changes | None = None) -> World:
    """The same without chance: in each week of each posterior draw comes exactly what is expected.

    What is left over in it is left over because more arrives than can be done, not by bad luck.
    """
    whole = merged(demand)
    kept, changed = min(demand.draws, parameters), changes or Changes()
    drawn = []
    for each in (_cut(each, kept, weeks) for each in whole.classes):
        rate = np.repeat((each.rate.T * changed.demand / TODAY)[None], SLICES, axis=0)
        down = each.downtime_probability * each.downtime_hours
        drawn.append((rate, rate * each.work_hours * changed.work, rate * down))
    return _assembled(whole, drawn, kept, 1, weeks, changed)


def _assembled(
    whole: Demand,
    drawn: list[tuple[Floats, Floats, Floats]],
    kept: int,
    times: int,
    ahead: int,
    changed: Changes,
) -> World:
    def tiled(values: Floats) -> Floats:
        return np.tile(values[:kept], times)

    def by_class(values: list[Floats]) -> Floats:
        return np.stack([tiled(each) for each in values]) if values else np.zeros((0, kept * times))

    def stacked(part: int) -> Floats:
        if not drawn:
            return np.zeros((0, SLICES, ahead, kept * times))
        return np.stack([each[part] for each in drawn])

    upkeep = whole.capacity.hours_per_week * changed.upkeep
    weekly = [each.rate[:, :ahead].mean(axis=1) * each.work_hours for each in whole.classes]
    debt = whole.debt
    return World(
        kinds=tuple(each.work_class for each in whole.classes),
        parameters=kept,
        items=stacked(0),
        work=stacked(1),
        downtime=stacked(2),
        mean_work=by_class([each.work_hours * changed.work for each in whole.classes]),
        floor=by_class([each.floor for each in whole.classes]),
        scale=by_class([_scale(each.prevention_scale, changed.prevention) for each in whole.classes]),
        capacity=tiled(whole.capacity.hours_per_week) * changed.people,
        # What is done today is done by today's people against today's demand, whatever a what-if changes.
        usual_prevention=tiled(_usual_prevention(whole, ahead, changed)),
        upkeep=tiled(upkeep),
        load=by_class([each * changed.demand * changed.work for each in weekly]),
        inherited=by_class([each.open_items * each.work_hours * changed.work for each in whole.classes]),
        inherited_items=sum(each.open_items for each in whole.classes),
        debt=debt
        and DebtLoad(
            tiled(debt.principal_hours), tiled(debt.interest_hours_per_week), tiled(debt.growth_per_week)
        ),
    )


def _scale(scale: Floats, effect: float) -> Floats:
    if effect == 0:
        return np.full_like(scale, np.inf)
    return scale / effect


def _cut(each: ClassDemand, draws: int, weeks: int) -> ClassDemand:
    return replace(
        each,
        rate=each.rate[:draws, :weeks],
        dispersion=each.dispersion[:draws],
        work_hours=each.work_hours[:draws],
        work_cv=each.work_cv[:draws],
        downtime_probability=each.downtime_probability[:draws],
        downtime_hours=each.downtime_hours[:draws],
    )


def _draw(
    each: ClassDemand, times: int, usual: Floats, chance: np.random.SeedSequence, changes: Changes
) -> tuple[Floats, Floats, Floats]:
    """Items, hours of work and hours of downtime of one class, each (slices, weeks, futures)."""
    of_items, of_work, of_downtime = (np.random.default_rng(own) for own in chance.spawn(3))
    rate = np.tile(each.rate.T, times) * changes.demand  # (weeks, futures)
    size = np.tile(each.dispersion, times)
    finite = np.isfinite(size)
    swing = np.ones_like(rate)
    if finite.any():
        shape = np.where(finite, size, 1.0)
        swing = np.where(finite, of_items.standard_gamma(np.broadcast_to(shape, rate.shape)) / shape, 1.0)
    items = np.zeros((SLICES, *rate.shape))
    needed = _needed_slices(each, usual, changes)
    items[:needed] = of_items.poisson(np.broadcast_to(rate * swing / TODAY, (needed, *rate.shape)))
    hours = np.tile(each.work_hours, times) * changes.work
    work = _sums(items, hours, np.tile(each.work_cv, times), of_work)
    down = np.zeros_like(items)
    came = items > 0
    chances = np.broadcast_to(np.tile(each.downtime_probability, times), items.shape)[came]
    if not chances.any():
        return items, work, down
    down[came] = of_downtime.binomial(items[came].astype(np.int64), chances)
    lasting = np.tile(each.downtime_hours, times)
    return items, work, _sums(down, lasting, np.full_like(lasting, _DOWNTIME_CV), of_downtime)


def _needed_slices(each: ClassDemand, usual: Floats, changes: Changes) -> int:
    """How many slices can come: those of today, and more only if prevention can fall behind today's."""
    scale = _scale(each.prevention_scale[: usual.size], changes.prevention)
    floor = each.floor[: usual.size]
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        most = floor + (1 - floor) * np.exp(np.where(usual > 0, usual / scale, 0.0))
    return min(SLICES, int(np.ceil(TODAY * min(float(most.max()), MOST_GROWTH) - 1e-9)))


def _sums(counts: Floats, mean: Floats, variation: Floats, rng: np.random.Generator) -> Floats:
    """Sums of so many positive amounts of a given mean and coefficient of variation: gamma by two moments."""
    sums = counts * mean
    squared = variation**2
    if not squared.any():
        return sums
    drawn = (counts > 0) & (squared > 0)
    spread = np.broadcast_to(squared, counts.shape)[drawn]
    sums[drawn] = (
        rng.standard_gamma(counts[drawn] / spread) * spread * np.broadcast_to(mean, counts.shape)[drawn]
    )
    return sums
