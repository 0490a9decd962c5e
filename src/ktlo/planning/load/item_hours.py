"""What an item of a class takes: hours of the items seen so far, and draws of the mean in the weeks ahead.

Recent items count more, an open one has taken at least so much so far, and where few were seen the rest is what is
usual elsewhere (partial pooling; Gelman and Hill 2007, chapter 12).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ktlo.planning.demand import WorkClass
from ktlo.planning.load.arrivals import Arrivals
from ktlo.planning.load.classes import ORDER
from ktlo.planning.load.heavy_tails import Amounts, Belief, draw_means
from ktlo.planning.load.history import History
from ktlo.planning.load.spending import ClassHours, fit_class_hours, hours_each, still_to_come
from ktlo.planning.load.weeks import WEEK, first_second

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

GENERIC = {
    WorkClass.INCIDENT: Belief(float(np.log(3.0)), 1.2),
    WorkClass.BUG: Belief(float(np.log(2.5)), 1.1),
    WorkClass.VULNERABILITY: Belief(float(np.log(2.0)), 1.1),
    WorkClass.DEPENDENCY: Belief(float(np.log(1.0)), 1.0),
    WorkClass.REQUEST: Belief(float(np.log(1.0)), 1.1),
}
"""Hours of an item before any was seen, worth four items; an incident's mean is the six hours of Google's Site
Reliability Engineering, chapter 11."""
_HALF_LIFE = 52.0
"""Weeks after which an item counts for half in the distribution of hours."""
_DORMANT = 26.0
"""Weeks without any work after which an open item is taken to wait for good."""
_WORKING_DAY = 8.0
_FAR = 5.0
"""An item takes at most so many times what items took."""
_ENOUGH = 20.0
"""Recent items at which what was spent each week says as much as the items themselves do."""


@dataclass(frozen=True, slots=True, eq=False)
class ItemHours:
    """Hours of the items of several series, ready to be drawn.

    Attributes:
        amounts: hours of the items of each series so far.
        mean: mean of an item by the items themselves, a row of draws for each series.
        cv: coefficient of variation, a row of draws for each series.
        hours: of the series in a week; ``None`` where none was ever spent.
        to_come: factor for what is still to come on open items, by series.
        unfiled: all hours of a series over those of its items.
    """

    amounts: tuple[Amounts, ...]
    mean: tuple[Floats, ...]
    cv: tuple[Floats, ...]
    hours: ClassHours | None
    to_come: tuple[float, ...]
    unfiled: tuple[float, ...]

    def draw(self, series: int, rate: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Draw the mean hours of an item in the weeks ahead and their coefficient of variation, both (draws,).

        Args:
            series: which.
            rate: its drawn arrivals, (draws, weeks).
            rng: where draws come from.
        """
        draws, weeks = rate.shape
        if self.hours is None or self.hours.level.fitted[series].max(initial=0.0) <= 1e-6:
            return self.mean[series], self.cv[series]
        together = self.hours.draw(series, weeks, draws, rng)
        followed = hours_each(together, rate.mean(axis=1), rng)
        # Where hardly anything arrives any more, hours over items is a quotient of two nothings.
        usual = self.mean[series] * self.unfiled[series]
        followed = np.minimum(followed, usual * _FAR)
        # With few items the quotient of two guesses says less than the items themselves, if they have the hours.
        recent = float(self.amounts[series].weights.sum())
        own = _ENOUGH / (recent + _ENOUGH) / self.unfiled[series]
        return followed ** (1 - own) * self.mean[series] ** own * self.to_come[series], self.cv[series]


def fit_item_hours(
    history: History,
    series: Sequence[tuple[int, int | None]],
    arrivals: Arrivals,
    believed: Sequence[Belief],
    draws: int,
    rng: np.random.Generator,
) -> ItemHours:
    """Fit what an item takes, for several classes or services at once.

    Args:
        history: what is known.
        series: place of the class in ``classes.ORDER``, and of the group; ``None`` for all groups together.
        arrivals: of the same series.
        believed: of an item of each before any was seen.
        draws: how many.
        rng: where draws come from.
    """
    amounts = tuple(amounts_of(history, chosen_of(history, place, group)) for place, group in series)
    spent = np.array([history.hours(group, place) for place, group in series])
    means, cvs, unfiled = [], [], []
    for own, belief, hours in zip(amounts, believed, spent, strict=True):
        mean, cv = draw_means(own, belief, draws, rng)
        filed = float(own.values.sum())
        more = max(1.0, float(hours.sum()) / filed) if filed > 0 else 1.0
        means.append(mean)
        # Hours without an item of their own are spread evenly, which makes the items more alike.
        cvs.append(np.maximum(cv / more, 0.05))
        unfiled.append(min(more, 50.0))
    items = np.array([history.counts(group, place).mean() for place, group in series])
    spread = np.array([np.median(cv) for cv in cvs])
    hours = None
    if spent.any():
        hours = fit_class_hours(spent, items, arrivals.season, believed, spread, history.first_week)
    to_come = tuple(
        still_to_come(own, belief, history.weeks, rng) for own, belief in zip(amounts, believed, strict=True)
    )
    return ItemHours(amounts, tuple(means), tuple(cvs), hours, to_come, tuple(unfiled))


def chosen_of(history: History, place: int, group: int | None) -> Flags:
    """Items of a class and group, duplicates left out, (items,)."""
    items = history.items
    chosen: Flags = (items.work_class == place) & ~items.is_duplicate
    return chosen if group is None else chosen & (items.group == group)


def amounts_of(history: History, chosen: Flags) -> Amounts:
    """Hours of the chosen items. Recent ones count more; an open one has taken at least so much so far.

    An open item that nothing was done on for half a year is dormant: its hours are taken as all it will get.
    Where no work on incidents left a trace, one person for as long as each lasted stands in, up to a day.
    """
    items, moment = history.items, first_second(history.end_week)
    weight = np.where(items.is_duplicate[chosen], 0.0, recency(history, chosen))
    hours, quiet = history.item_hours()[chosen], moment - history.last_touched()[chosen] > _DORMANT * WEEK
    if not hours.any():
        incidents = items.work_class[chosen] == ORDER.index(WorkClass.INCIDENT)
        lasted = (items.ended[chosen] - items.arrived[chosen]) / 3600
        usable = incidents & (lasted >= 0)
        return Amounts(
            np.clip(lasted[usable], 0.0, _WORKING_DAY), np.ones(usable.sum(), bool), weight[usable]
        )
    return Amounts(hours, items.is_over[chosen] | quiet, weight)


def recency(history: History, chosen: Flags) -> Floats:
    """How much each of the chosen items counts: 1 when it arrived just now, half when that was a year ago."""
    moment = first_second(history.end_week)
    age = np.maximum(moment - history.items.arrived[chosen], 0.0) / WEEK
    weight: Floats = 0.5 ** (age / _HALF_LIFE)
    return weight
