"""Draws the work that arrives from a ``Demand``: when, where, how long, with which downtime.

Counts of a week are negative binomial (Gamma-Poisson), hours are lognormal, the hour of the week follows the
team's own records. Every item carries a mark between 0 and 1, so that a smaller load is a part of a larger one and
two loads can be compared without noise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ktlo.planning.demand import Demand, Floats, WorkClass
from ktlo.planning.staffing.crew import Crew
from ktlo.planning.staffing.simulation import Indexes, Items
from ktlo.planning.staffing.week import Bools

URGENT = frozenset({WorkClass.INCIDENT})
_LONGEST = 2000.0
"""Hours; an item beyond a working year is a project, not an item."""


@dataclass(frozen=True, slots=True, eq=False)
class Arrivals:
    """What arrives in each draw, (draws, items); ``inf`` where a draw has fewer.

    Attributes:
        at: calendar hours from the first Monday.
        hours: hours of labour as measured, by whoever has done such work so far.
        place: index of the place.
        is_incident: cannot wait.
        downtime: hours of downtime; 0 for none.
        mark: uniform between 0 and 1.
        weeks: how long.
        factor: times the demand that was drawn.
    """

    at: Floats
    hours: Floats
    place: Indexes
    is_incident: Bools
    downtime: Floats
    mark: Floats
    weeks: int
    factor: float


def weekly_rate(demand: Demand) -> float:
    """Expected items a week, all classes together."""
    return float(sum(part.rate.mean() for part in demand.classes))


def draw_arrivals(
    demand: Demand, crew: Crew, *, weeks: int, draws: int, seed: int, factor: float = 1.0
) -> Arrivals:
    """Draw the arrivals of some weeks.

    Args:
        demand: how work arrives.
        crew: where it arises and at which hours.
        weeks: how many weeks, at most what the demand looks ahead.
        draws: how many draws; they walk evenly through those of the demand.
        seed: the same seed, the same arrivals.
        factor: times the demand.
    """
    rng = np.random.default_rng([seed, 3])
    chosen = np.arange(draws) * demand.draws // draws
    parts: list[tuple[Indexes, Floats, Floats, Indexes, Bools, Floats]] = []
    for part in demand.classes:
        mean = part.rate[chosen, :weeks] * factor
        size = np.broadcast_to(part.dispersion[chosen, None], mean.shape)
        spread = np.isfinite(size)
        shape = np.where(spread, size, 1.0)
        expected = np.where(spread, rng.gamma(shape, np.maximum(mean, 0.0) / shape), mean)
        counts = rng.poisson(np.maximum(expected, 0.0))
        of_draw = np.repeat(np.repeat(np.arange(draws), weeks), counts.ravel())
        of_week = np.repeat(np.tile(np.arange(weeks), draws), counts.ravel())
        n = of_draw.size
        urgent = part.work_class in URGENT
        profile = crew.incident_hours if urgent else crew.other_hours
        hour = np.minimum(np.searchsorted(np.cumsum(profile), rng.random(n)), profile.size - 1)
        at = of_week * 168.0 + hour + rng.random(n)
        cv = part.work_cv[chosen][of_draw]
        sigma = np.sqrt(np.log1p(cv**2))
        hours = part.work_hours[chosen][of_draw] * np.exp(sigma * rng.standard_normal(n) - sigma**2 / 2)
        goes_down = rng.random(n) < part.downtime_probability[chosen][of_draw]
        down = np.where(goes_down, part.downtime_hours[chosen][of_draw] * rng.exponential(size=n), 0.0)
        if part.service in crew.places:
            place = np.full(n, crew.places.index(part.service), dtype=np.int64)
        else:
            place = rng.choice(len(crew.places), size=n, p=crew.share).astype(np.int64)
        parts.append((of_draw, at, np.minimum(hours, _LONGEST), place, np.full(n, urgent), down))
    if not parts:
        none = np.zeros((draws, 0))
        whole, no = none.astype(np.int64), none.astype(np.bool_)
        return Arrivals(none, none, whole, no, none, none, weeks, factor)
    of_draw = np.concatenate([p[0] for p in parts])
    at = np.concatenate([p[1] for p in parts])
    order = np.lexsort((at, of_draw))
    of_draw = of_draw[order]
    totals = np.bincount(of_draw, minlength=draws)
    place_in_row = np.arange(of_draw.size) - np.repeat(np.cumsum(totals) - totals, totals)
    longest = int(totals.max(initial=0))

    def laid_out(values: Floats, blank: float) -> Floats:
        table = np.full((draws, longest), blank)
        table[of_draw, place_in_row] = values[order]
        return table

    return Arrivals(
        at=laid_out(at, math.inf),
        hours=laid_out(np.concatenate([p[2] for p in parts]), 0.0),
        place=laid_out(np.concatenate([p[3] for p in parts]).astype(np.float64), 0).astype(np.int64),
        is_incident=laid_out(np.concatenate([p[4] for p in parts]).astype(np.float64), 0) > 0,
        downtime=laid_out(np.concatenate([p[5] for p in parts]), 0.0),
        mark=laid_out(rng.random(of_draw.size), 1.0),
        weeks=weeks,
        factor=factor,
    )


def items_for(arrivals: Arrivals, draw: Indexes, crew: Crew, unfamiliar: Floats, keep: Floats) -> Items:
    """The items of some runs.

    Args:
        arrivals: what was drawn.
        draw: which draw each run takes, (runs,).
        crew: how familiar those were who have done such work so far.
        unfamiliar: the assumption of each run, (runs,): measured hours are those of people who knew it partly.
        keep: the part of the drawn load that each run takes, 0 to 1, (runs,).
    """
    at = np.where(arrivals.mark[draw] < keep[:, None], arrivals.at[draw], math.inf)
    order = np.argsort(at, axis=1, kind="stable")
    place = np.take_along_axis(arrivals.place[draw], order, axis=1)
    hours = np.take_along_axis(arrivals.hours[draw], order, axis=1)
    at = np.take_along_axis(at, order, axis=1)
    longest = int(np.isfinite(at).sum(axis=1).max(initial=0))
    cut = slice(0, longest)
    return Items(
        at=at[:, cut],
        work=(hours / (1 + unfamiliar[:, None] * (1 - crew.handled_by[place])))[:, cut],
        place=place[:, cut],
        is_incident=np.take_along_axis(arrivals.is_incident[draw], order, axis=1)[:, cut],
        downtime=np.take_along_axis(arrivals.downtime[draw], order, axis=1)[:, cut],
        weeks=float(arrivals.weeks),
    )
