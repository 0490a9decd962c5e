"""A load in few numbers: what arrives, what it takes, what it asks for, each with its interval.

Made from a :class:`~ktlo.planning.load.fitting.Load`; pages, API and command line show it. Intervals are 80%, the
level that the backtest checks.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ktlo.metrics.estimate import Estimate, not_estimable
from ktlo.planning.demand import WorkClass
from ktlo.planning.load.ahead import hours_of, items_ahead
from ktlo.planning.load.assembling import SILENT
from ktlo.planning.load.experiment import Experiment
from ktlo.planning.load.fitting import ClassLoad, Load
from ktlo.planning.load.prevention import Effect
from ktlo.planning.load.weeks import monday

Floats = npt.NDArray[np.float64]

LEVEL = 0.8
"""Level of the intervals of a forecast."""
_RECENT = 13


@dataclass(frozen=True, slots=True)
class Week:
    """A week, past or ahead.

    Attributes:
        start: its Monday.
        seen: items that arrived; ``None`` ahead.
        mean: items expected, as believed before that week began.
        low: 10% quantile; past weeks: of the expected rate, weeks ahead: of the items.
        high: 90% quantile.
    """

    start: dt.date
    seen: int | None
    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ClassSummary:
    """One class of one service.

    Attributes:
        service: name of the group; empty for all together.
        work_class: the class.
        items: items in the history.
        still_open: of them, open ones.
        recent_per_week: arrivals of a week over the last quarter, as counted.
        per_week: arrivals of a week ahead.
        hours_each: mean hours of an item, corrected for what the classification gets wrong.
        hours_per_week: hours that the class asks for in a week ahead.
        spent_per_week: hours traced on it in a week over the last quarter, corrected alike.
        waiting_half: seconds within which half of the items ended.
        waiting_most: seconds within which nine in ten did.
        downtime_probability: that an item comes with downtime.
        downtime_hours: hours down of one that does.
        weeks: past and ahead, oldest first.
        effect: of preventive work; ``None`` where none is conceivable.
        experiment: that would show it.
        notes: what could not be fitted, in words.
    """

    service: str
    work_class: WorkClass
    items: int
    still_open: int
    recent_per_week: float
    per_week: Estimate
    hours_each: Estimate
    hours_per_week: Estimate
    spent_per_week: float
    waiting_half: Estimate
    waiting_most: Estimate
    downtime_probability: Estimate
    downtime_hours: Estimate
    weeks: tuple[Week, ...]
    effect: Effect | None
    experiment: Experiment | None
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LoadSummary:
    """A whole load.

    Attributes:
        start: Monday of the first week ahead.
        weeks_ahead: how many weeks.
        history_start: Monday of the first week of the history.
        history_weeks: complete weeks.
        people: people of a usual recent week.
        hours_per_week: traced hours of all effort in a week.
        ktlo_share: share of it that has kept the lights on.
        spent_per_week: hours spent on that in a week over the last quarter, corrected alike.
        demanded: hours that arrive by themselves in a week ahead, all classes together.
        demanded_share: of the hours there are.
        classes: by service and class.
        notes: what cannot be said, and why.
        caution: of them, the one to read before any number; empty when there is none.
        seed: of the draws.
    """

    start: dt.date
    weeks_ahead: int
    history_start: dt.date
    history_weeks: int
    people: int
    hours_per_week: Estimate
    ktlo_share: Estimate
    spent_per_week: float
    demanded: Estimate
    demanded_share: Estimate
    classes: tuple[ClassSummary, ...]
    notes: tuple[str, ...]
    caution: str
    seed: int


def interval(draws: Floats, n: int, level: float = LEVEL) -> Estimate:
    """Mean of draws with their central interval; the interval is widened where a heavy tail lifts the mean out."""
    if not draws.size:
        return not_estimable("nothing was drawn")
    low, high = (float(end) for end in np.quantile(draws, [(1 - level) / 2, (1 + level) / 2]))
    mean = float(draws.mean())
    return Estimate(mean, min(low, mean), max(high, mean), n)


def summarise(load: Load) -> LoadSummary:
    """Bring a load into few numbers."""
    demand, history = load.demand, load.history
    ahead = max(demand.weeks, 1)
    together = np.zeros(demand.draws)
    classes = []
    for place, each in enumerate(load.classes):
        summary, hours = _class_summary(each, load, ahead, np.random.default_rng([demand.seed, 3000, place]))
        classes.append(summary)
        together = together + hours
    capacity = demand.capacity.hours_per_week
    none = not_estimable("no effort is recorded in recent weeks")
    has_hours = bool(capacity.size) and float(capacity.max()) > 0
    nothing = not_estimable("no work that arrives by itself is recorded")
    return LoadSummary(
        start=demand.start,
        weeks_ahead=demand.weeks,
        history_start=monday(history.first_week),
        history_weeks=history.weeks,
        people=demand.capacity.people,
        hours_per_week=interval(capacity, history.weeks) if has_hours else none,
        ktlo_share=interval(demand.capacity.ktlo_share, history.weeks) if load.classified.is_known else none,
        spent_per_week=sum(each.spent_per_week for each in classes),
        demanded=interval(together, history.weeks) if classes else nothing,
        demanded_share=interval(together / np.maximum(capacity, 1e-9), history.weeks)
        if classes and has_hours
        else (none if classes else nothing),
        classes=tuple(classes),
        notes=demand.notes,
        caution=_caution(load),
        seed=demand.seed,
    )


def _caution(load: Load) -> str:
    """The remark on classes that fell silent, where they are most of what ever arrived."""
    everything = sum(each.demand.evidence.items for each in load.classes)
    silent = sum(
        each.demand.evidence.items for each in load.classes if not each.demand.evidence.counts[-SILENT:].any()
    )
    return load.history.notes[0] if load.history.notes and silent > 0.5 * everything else ""


def _class_summary(
    each: ClassLoad, load: Load, ahead: int, rng: np.random.Generator
) -> tuple[ClassSummary, Floats]:
    demand, evidence, history = each.demand, each.demand.evidence, load.history
    arriving = items_ahead(demand, rng)
    hours = hours_of(arriving.sum(axis=1), demand, rng) / ahead
    group = history.groups.index(demand.service)
    place = list(WorkClass).index(demand.work_class)
    spent = history.hours(group, place)[-_RECENT:]
    unknown = not_estimable("no tracker tells when these ended", evidence.items)
    has_downtime = history.knows_downtime and demand.work_class is WorkClass.INCIDENT
    not_down = not_estimable(
        "no outage is recorded"
        if demand.work_class is WorkClass.INCIDENT
        else "only incidents are given downtime",
        evidence.items,
    )
    summary = ClassSummary(
        service=demand.service,
        work_class=demand.work_class,
        items=evidence.items,
        still_open=evidence.still_open,
        recent_per_week=float(evidence.counts[-_RECENT:].mean()) if evidence.counts.size else 0.0,
        per_week=interval(demand.rate.mean(axis=1), evidence.items),
        hours_each=interval(demand.work_hours, evidence.items),
        hours_per_week=interval(hours, evidence.items),
        spent_per_week=float(spent.mean() * load.classified.factor.mean()) if spent.size else 0.0,
        waiting_half=each.waiting.quantile(0.5) if each.waiting else unknown,
        waiting_most=each.waiting.quantile(0.9) if each.waiting else unknown,
        downtime_probability=interval(demand.downtime_probability, evidence.items)
        if has_downtime
        else not_down,
        downtime_hours=interval(demand.downtime_hours, evidence.items) if has_downtime else not_down,
        weeks=(*_past(each), *_ahead(demand.rate, arriving, load)),
        effect=each.effect,
        experiment=each.experiment,
        notes=evidence.notes,
    )
    return summary, hours


def _past(each: ClassLoad) -> list[Week]:
    fitted = each.fitted
    counts = each.demand.evidence.counts[-fitted.mean.size :] if fitted.mean.size else np.zeros(0)
    return [
        Week(monday(fitted.first_week + index), int(seen), float(mean), float(low), float(high))
        for index, (seen, mean, low, high) in enumerate(
            zip(counts, fitted.mean, fitted.low, fitted.high, strict=True)
        )
    ]


def _ahead(rate: Floats, arriving: Floats, load: Load) -> list[Week]:
    low, high = np.quantile(arriving, [0.1, 0.9], axis=0)
    mean = rate.mean(axis=0)
    return [
        Week(
            monday(load.history.end_week + index),
            None,
            float(mean[index]),
            min(float(low[index]), float(mean[index])),
            max(float(high[index]), float(mean[index])),
        )
        for index in range(mean.size)
    ]
