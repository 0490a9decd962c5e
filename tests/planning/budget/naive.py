"""The model of the budget written a second time, item by item and without numpy's shortcuts, as an oracle."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ktlo.planning.budget.merging import PRIORITY
from ktlo.planning.demand import Demand, WorkClass


@dataclass
class Told:
    reserved: float = 0.0
    overrun: float = 0.0
    left_over: float = 0.0
    waiting: float = 0.0
    downtime: float = 0.0
    incidents: float = 0.0


def walk(demand: Demand, share: float, weeks: int, lag: float, rng: np.random.Generator) -> Told:
    """One future of the first posterior draw, each item with its own hours."""
    told = Told()
    classes = sorted(demand.classes, key=lambda each: PRIORITY.index(each.work_class))
    capacity = float(demand.capacity.hours_per_week[0])
    arriving = sum(float(c.rate[0, :weeks].mean() * c.work_hours[0]) for c in classes)
    usual = max(0.0, capacity * float(demand.capacity.ktlo_share[0]) - arriving)
    felt, backlog = usual, dict.fromkeys(PRIORITY, 0.0)
    for week in range(weeks):
        budget = share * capacity
        told.reserved += budget
        for c in classes:
            left = float(c.floor[0] + (1 - c.floor[0]) * math.exp(-(felt - usual) / c.prevention_scale[0]))
            mean = float(c.rate[0, week]) * min(left, 2.0)
            if math.isfinite(c.dispersion[0]):
                mean *= rng.gamma(c.dispersion[0]) / c.dispersion[0]
            for _ in range(rng.poisson(mean)):
                variation = c.work_cv[0] ** 2
                hours = (
                    rng.gamma(1 / variation, c.work_hours[0] * variation) if variation else c.work_hours[0]
                )
                backlog[c.work_class] += hours
                if rng.random() < c.downtime_probability[0]:
                    told.downtime += rng.exponential(c.downtime_hours[0])
                if c.work_class is WorkClass.INCIDENT:
                    told.incidents += 1
        for c in classes:
            kind = c.work_class
            done = min(backlog[kind], capacity if kind is WorkClass.INCIDENT else budget)
            if done > budget:
                told.overrun += done - budget
            budget = max(0.0, budget - done)
            backlog[kind] -= done
            told.waiting += backlog[kind] / float(c.work_hours[0])
        felt += (budget - felt) / lag
    told.left_over = sum(backlog.values())
    return told


def mean_of(demand: Demand, share: float, weeks: int, lag: float, times: int, seed: int) -> Told:
    """Means over many futures."""
    rng = np.random.default_rng(seed)
    runs = [walk(demand, share, weeks, lag, rng) for _ in range(times)]
    return Told(**{name: float(np.mean([getattr(run, name) for run in runs])) for name in vars(Told())})
