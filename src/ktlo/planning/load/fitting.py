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
from ktlo.planning.load.heavy_tails import Amounts, believe
from ktlo.planning.load.history import History
from ktlo.planning.load.item_hours import GENERIC, ItemHours, amounts_of, chosen_of, fit_item_hours, recency
from ktlo.planning.load.prevention import Effect, draw_effect, fit_effect
from ktlo.planning.load.weeks import WEEK, first_second, monday
from ktlo.wording import counted

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

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
        probability, lasted = fit_downtime(history, chosen, recency(history, chosen), draws, rng)
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
        f"{counted(seen, NOUNS[work_class])} arrived, none in a complete week: left out."
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
            f"{counted(history.weeks, 'complete weeks')} of history: level and spread are little more than"
            " guessed, trend, season"
            " and the effect of prevention cannot be told. Intervals are as wide as that deserves."
        )
    elif history.weeks < 104:
        notes.append(
            f"{counted(history.weeks, 'weeks')} of history are less than two years: no season can be told."
        )
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
