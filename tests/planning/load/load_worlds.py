"""Worlds whose truth is known: histories drawn from given rates, hours and lives, without a store."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from ktlo.planning.demand import WorkClass
from ktlo.planning.load.capacity import Classification
from ktlo.planning.load.classes import PLACE
from ktlo.planning.load.history import Days, History, Spent, Stretches, WorkItems
from ktlo.planning.load.weeks import DAY, WEEK, first_second

FIRST_WEEK = 2800  # 28 August 2023
Floats = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class World:
    """A team of whom everything is known.

    Attributes:
        rate: bugs a week, one number a week.
        size: r of the negative binomial.
        log_median: of an item's hours.
        sigma: of the logarithm of an item's hours.
        open_days: mean days that an item stays open.
        capacity: hours of all effort a week.
        group: place of the group.
        work_class: of every item.
    """

    rate: Floats
    size: float = np.inf
    log_median: float = np.log(3.0)
    sigma: float = 0.8
    open_days: float = 5.0
    capacity: float = 200.0
    group: int = 0
    work_class: WorkClass = WorkClass.BUG

    @property
    def mean_hours(self) -> float:
        """True mean of an item's hours."""
        return float(np.exp(self.log_median + self.sigma**2 / 2))


def steady(rate: float, weeks: int, **given: float) -> World:
    """A world in which nothing changes."""
    return World(np.full(weeks, rate), **given)  # type: ignore[arg-type]


def history_of(world: World, seed: int, preventive: Floats | None = None) -> History:
    """Draw a history from a world. An item's hours are spent on the day it ends; open items have spent half."""
    rng = np.random.default_rng(seed)
    weeks = world.rate.size
    mixed = world.rate if np.isinf(world.size) else world.rate * rng.gamma(world.size, 1 / world.size, weeks)
    counts = rng.poisson(mixed)
    week = np.repeat(np.arange(weeks), counts)
    n = int(counts.sum())
    arrived = np.array([first_second(FIRST_WEEK + w) for w in week]) + rng.random(n) * WEEK
    ended = arrived + rng.exponential(world.open_days, n) * DAY
    end = first_second(FIRST_WEEK + weeks)
    hours = np.exp(world.log_median + world.sigma * rng.standard_normal(n))
    is_open = ended >= end
    day = np.floor(np.where(is_open, arrived, ended) / DAY).astype(np.int64)
    every = (np.floor(first_second(FIRST_WEEK) / DAY) + np.arange(weeks * 7)).astype(np.int64)
    daily = np.full(every.size, world.capacity / 7)
    prevent = np.zeros(every.size) if preventive is None else np.repeat(preventive / 7, 7)
    return History(
        groups=("",) if world.group == 0 else ("other", "this"),
        items=WorkItems(
            work_class=np.full(n, PLACE[world.work_class]),
            group=np.full(n, world.group),
            arrived=arrived,
            ended=np.where(is_open, np.nan, ended),
            known_until=np.full(n, end),
            is_over=~is_open,
            waits=np.ones(n, dtype=np.bool_),
            is_duplicate=np.zeros(n, dtype=np.bool_),
        ),
        spent=Spent(
            day, np.arange(n), np.full(n, PLACE[world.work_class]), np.full(n, world.group),
            np.where(is_open, hours / 2, hours),
        ),
        days=Days(every, np.full(every.size, world.group), daily, prevent, np.full(every.size, 3.0)),
        stretches=Stretches(np.zeros(0, np.int64), np.zeros(0), np.zeros(0)),
        people=np.full(weeks, 6),
        first_week=FIRST_WEEK,
        end_week=FIRST_WEEK + weeks,
        knows_downtime=False,
    )  # fmt: skip


def trusted(draws: int = 800, share: float = 0.3) -> Classification:
    """A classification that makes no mistakes."""
    return Classification(np.ones(draws), np.full(draws, share), is_known=True)


def holds(draws: Floats, truth: float, level: float = 0.8) -> bool:
    """Whether the central interval of draws holds the truth."""
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return bool(low <= truth <= high)
