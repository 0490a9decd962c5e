"""Fits a load from a history: for each service and class how much arrives, what it takes, what it costs in time.

Pure: a :class:`~ktlo.planning.load.history.History` goes in, a :class:`Load` comes out, the same for the same
seed. Parts of a whole (services) are believed to be like the whole until they show otherwise (partial pooling;
Gelman and Hill 2007, chapter 12).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ktlo.metrics.survival import SurvivalCurve, kaplan_meier
from ktlo.planning.demand import Capacity, ClassDemand, Demand, Evidence, WorkClass
from ktlo.planning.load.arrivals import Arrivals, fit_arrivals
from ktlo.planning.load.capacity import RECENT, Classification, fit_capacity
from ktlo.planning.load.classes import NOUNS, ORDER, REACTS
from ktlo.planning.load.downtime import fit_downtime
from ktlo.planning.load.experiment import Experiment, design
from ktlo.planning.load.heavy_tails import Amounts, Belief, believe, draw_means
from ktlo.planning.load.history import History
from ktlo.planning.load.prevention import Effect, draw_effect, fit_effect
from ktlo.planning.load.spending import ClassHours, fit_class_hours, hours_each, still_to_come
from ktlo.planning.load.weeks import WEEK, first_second, monday

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
FEW_WEEKS, FEW_ITEMS = 13, 10
_PREVENTION_SHARE = 0.1
"""Extra hours of the experiment, as a share of the hours there are."""


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """What a class expected of each past week before it came: mean, 10% and 90%, from ``first_week`` on."""

    first_week: int
    mean: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True, slots=True, eq=False)
class ClassLoad:
    """One class of one service, with what a page shows beside the draws.

    Attributes:
        demand: draws.
        fitted: expectation of past weeks.
        amounts: hours of the items, and which are final.
        waiting: how long items stayed open, in seconds; ``None`` for a class without a tracker.
        effect: of preventive work; ``None`` for what arrives from outside.
        experiment: that would show an effect; ``None`` where one is shown or none is conceivable.
    """

    demand: ClassDemand
    fitted: Fitted
    amounts: Amounts
    waiting: SurvivalCurve | None
    effect: Effect | None
    experiment: Experiment | None


@dataclass(frozen=True, slots=True, eq=False)
class Load:
    """A fitted load.

    Attributes:
        demand: what the decisions simulate from.
        classes: the same classes with what a page shows, in the same order.
        history: what it was fitted from.
        classified: how far traced hours were corrected.
    """

    demand: Demand
    classes: tuple[ClassLoad, ...]
    history: History
    classified: Classification


def fit_load(history: History, classified: Classification, *, weeks: int, seed: int) -> Load:
    """Fit everything.

    Args:
        history: read from the records.
        classified: draws of the share and of the factor on hours; says how many draws there are.
        weeks: how many weeks ahead.
        seed: of the draws.
    """
    draws = classified.share.size
    found: list[ClassLoad] = []
    missing: list[tuple[WorkClass, int]] = []
    grouped = len(history.groups) > 1 or history.groups != ("",)
    for place, work_class in enumerate(ORDER):
        whole = history.counts(None, place)
        seen = int(np.count_nonzero((history.items.work_class == place) & ~history.items.is_duplicate))
        if not whole.sum():
            missing.append((ORDER[place], seen))
            continue
        groups = [g for g in range(len(history.groups)) if history.counts(g, place).sum()]
        series = np.array([history.counts(g, place) for g in groups])
        arrivals = fit_arrivals(series, history.first_week, whole if grouped else None)
        effect = None
        if work_class in REACTS:
            effect = fit_effect(
                whole, history.total(history.days.preventive), history.total(history.days.chosen)
            )
        believed = GENERIC[work_class]
        if grouped:
            believed = believe(amounts_of(history, chosen_of(history, place, None)), believed)
        work = fit_item_hours(
            history, [(place, group) for group in groups], arrivals, [believed] * len(groups), draws,
            np.random.default_rng([seed, place, 2000]),
        )  # fmt: skip
        for index, group in enumerate(groups):
            rng = np.random.default_rng([seed, place, group])
            found.append(
                _class_load(history, arrivals, work, index, place, group, weeks, rng, effect, classified)
            )
    asked = sum((each.demand.rate.mean(axis=1) * each.demand.work_hours for each in found), np.zeros(draws))
    capacity = fit_capacity(
        history, classified, asked / classified.factor, weeks, np.random.default_rng([seed, 1000])
    )
    demand = Demand(
        start=monday(history.end_week),
        classes=tuple(each.demand for each in found),
        capacity=capacity,
        debt=None,
        seed=seed,
        notes=(*history.notes, *_absent(missing), *_cautions(history, capacity, classified)),
    )
    return Load(demand, tuple(found), history, classified)


def _class_load(
    history: History,
    arrivals: Arrivals,
    work: ItemHours,
    series: int,
    place: int,
    group: int,
    weeks: int,
    rng: np.random.Generator,
    effect: Effect | None,
    classified: Classification,
) -> ClassLoad:
    work_class, draws = ORDER[place], classified.share.size
    counts = history.counts(group, place)
    rate, size = arrivals.draw(series, weeks, draws, rng, history.end_week)
    items, chosen, amounts = history.items, chosen_of(history, place, group), work.amounts[series]
    each, cv = work.draw(series, rate, rng)
    hours = each * classified.factor
    probability, lasted = np.zeros(draws), np.zeros(draws)
    if work_class is WorkClass.INCIDENT:
        probability, lasted = fit_downtime(history, chosen, _recency(history, chosen), draws, rng)
    floor, scale = draw_effect(effect, draws, rng)
    still_open = int(np.count_nonzero(chosen & ~items.is_over))
    evidence = Evidence(
        weeks=history.weeks,
        items=int(counts.sum()),
        still_open=still_open,
        counts=counts,
        first_week=monday(history.first_week),
        notes=tuple(_class_notes(history, work_class, group, counts, history.item_hours()[chosen])),
    )
    experiment = None
    if effect is not None and not effect.is_shown:
        recent = history.total(history.days.hours)[-RECENT:]
        extra = max(1.0, _PREVENTION_SHARE * float(recent.mean())) if recent.size else 1.0
        experiment = design(counts, float(rate[:, 0].mean()), float(np.median(size)), extra)
    level = arrivals.level
    length = level.fitted.shape[1]
    fitted = Fitted(history.end_week - length, level.fitted[series], level.low[series], level.high[series])
    demand = ClassDemand(
        service=history.groups[group],
        work_class=work_class,
        rate=rate,
        dispersion=size,
        work_hours=hours,
        work_cv=cv,
        downtime_probability=probability,
        downtime_hours=lasted,
        floor=floor,
        prevention_scale=scale,
        open_items=still_open,
        evidence=evidence,
    )
    return ClassLoad(demand, fitted, amounts, _waiting(history, chosen), effect, experiment)


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
    weight = np.where(items.is_duplicate[chosen], 0.0, _recency(history, chosen))
    hours, quiet = history.item_hours()[chosen], moment - history.last_touched()[chosen] > _DORMANT * WEEK
    if not hours.any():
        incidents = items.work_class[chosen] == ORDER.index(WorkClass.INCIDENT)
        lasted = (items.ended[chosen] - items.arrived[chosen]) / 3600
        usable = incidents & (lasted >= 0)
        return Amounts(
            np.clip(lasted[usable], 0.0, _WORKING_DAY), np.ones(usable.sum(), bool), weight[usable]
        )
    return Amounts(hours, items.is_over[chosen] | quiet, weight)


def _recency(history: History, chosen: Flags) -> Floats:
    """How much each of the chosen items counts: 1 when it arrived just now, half when that was a year ago."""
    moment = first_second(history.end_week)
    age = np.maximum(moment - history.items.arrived[chosen], 0.0) / WEEK
    weight: Floats = 0.5 ** (age / _HALF_LIFE)
    return weight


def _waiting(history: History, chosen: Flags) -> SurvivalCurve | None:
    """Time from arrival to end of the chosen items that somebody could wait for; open ones count."""
    items = history.items
    usable = chosen & items.waits & ~(items.is_over & np.isnan(items.ended))
    if not usable.any():
        return None
    until = np.minimum(items.known_until[usable], first_second(history.end_week) + WEEK)
    ended = items.ended[usable]
    lasted = np.where(np.isnan(ended), until, ended) - items.arrived[usable]
    fits = lasted >= 0
    return kaplan_meier(lasted[fits], ~np.isnan(ended)[fits])


def _absent(missing: Sequence[tuple[WorkClass, int]]) -> list[str]:
    """Sentences on the classes that are left out."""
    notes = [
        f"None of the {seen} {NOUNS[work_class]} arrived in a complete week: they are left out."
        for work_class, seen in missing
        if seen
    ]
    never = [NOUNS[work_class] for work_class, seen in missing if not seen]
    if never:
        said = never[0] if len(never) == 1 else f"{', '.join(never[:-1])} and no {never[-1]}"
        notes.append(f"No {said} are recorded: they are left out, which does not say that there are none.")
    return notes


def _class_notes(
    history: History, work_class: WorkClass, group: int, counts: npt.NDArray[np.int64], hours: Floats
) -> list[str]:
    notes = []
    noun, items = NOUNS[work_class], int(counts.sum())
    if not hours.any():
        instead = (
            "one person for as long as each lasted, at most a working day, stands in"
            if work_class is WorkClass.INCIDENT
            else "what is usual elsewhere stands in"
        )
        notes.append(f"No work on these {noun} left a trace: {instead}, and its interval is a guess.")
    elif items < FEW_ITEMS:
        notes.append(
            f"Only {items} {noun}: hours of each rest on what is usual elsewhere as much as on these."
        )
    spent = float(history.hours(group, ORDER.index(work_class)).sum())
    if hours.any() and hours.sum() < 0.5 * spent:
        notes.append(
            f"{1 - hours.sum() / spent:.0%} of the hours on {noun} name none of them, so that what one of them takes is"
            " an average of all hours over all items, and little is known about how much they differ."
        )
    largest, all_hours = float(hours.max(initial=0.0)), float(hours.sum())
    if items >= 3 and largest > 0.5 * all_hours:
        notes.append(
            f"One of the {items} {noun} took {largest:.0f} h of the {all_hours:.0f} h that all took together: the"
            " mean rests on it, and its interval is wide."
        )
    if counts.size and counts.max() > max(10, 0.3 * counts.sum()) and items > 20:
        week = int(counts.argmax())
        notes.append(
            f"{int(counts.max())} of the {items} {noun} arrived in the week of"
            f" {monday(history.first_week + week):%-d %b %Y}; that week moves the level no more than a high one would."
        )
    return notes


def _cautions(history: History, capacity: Capacity, classified: Classification) -> list[str]:
    """What cannot be said about the history as a whole, and why."""
    notes = []
    if history.weeks < FEW_WEEKS:
        notes.append(
            f"{history.weeks} complete weeks of history: level and spread are little more than guessed, trend, season"
            " and the effect of prevention cannot be told. Intervals are as wide as that deserves."
        )
    elif history.weeks < 104:
        notes.append(f"{history.weeks} weeks of history are less than two years: no season can be told.")
    if capacity.people == 1:
        notes.append(
            "One person did all the work: a plan for one has no averages to lean on, and an absence takes every hour."
        )
    if not history.knows_downtime:
        notes.append(
            "No outage is recorded and no severity is named in downtime_severities: how much downtime incidents bring"
            " is unknown, and no cost of downtime is in the plan."
        )
    if not classified.is_known:
        notes.append(
            "The share that keeps the lights on cannot be estimated: any share is taken as likely as any other."
        )
    return notes
