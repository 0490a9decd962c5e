"""Which debt to pay in which week, within the hours there are.

Three steps. Duty first: urgent vulnerabilities, and what a person has scheduled. Then the choice: of the entries that
are worth it, those that together save most within the hours (a knapsack with prerequisites, solved exactly by
OR-Tools' CP-SAT). Then the order: highest saving for each hour first, which minimises what debt costs meanwhile (Smith,
Various Optimizers for Single-stage Production, Naval Research Logistics Quarterly 1956); an entry takes its
prerequisites along.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ktlo.errors import UsageError
from ktlo.metrics.estimate import Estimate
from ktlo.planning.debt.entry import Entry, Status, spread_of
from ktlo.planning.debt.returns import HORIZON_WEEKS, expected_ratio, saved_per_week
from ktlo.wording import counted, named

MOST_WEEKS = 104
MOST_HOURS = 10_000.0
MOST_ENTRIES = 300
_QUARTER = 0.25


class Why(enum.StrEnum):
    """Why an entry is not in the schedule."""

    NOT_WORTH_IT = "not_worth_it"
    NO_COST_SHOWN = "no_cost_shown"
    NO_ROOM = "no_room"
    WAITS = "waits"


@dataclass(frozen=True, slots=True)
class Slot:
    """Hours of one week for one entry.

    Attributes:
        week: number of the week, from 0.
        key: of the entry.
        hours: in that week.
        is_done: the entry is finished in it.
    """

    week: int
    key: str
    hours: float
    is_done: bool


@dataclass(frozen=True, slots=True, eq=False)
class Schedule:
    """A plan of repayment.

    Attributes:
        start: Monday of the first week.
        weeks: how many.
        hours_per_week: that there are.
        basis: where these hours come from.
        slots: by week, then in order of work.
        order: keys in the order of work.
        left: keys that are not in it, with why.
        hours: planned in all.
        saves: hours that the planned entries are expected to save in the year after.
        fits: probability that the planned entries take no more than the hours there are.
        pays_back: probability that a year saves at least what they take; ``None`` without any interest among them.
    """

    start: dt.date
    weeks: int
    hours_per_week: float
    basis: str
    slots: tuple[Slot, ...]
    order: tuple[str, ...]
    left: Mapping[str, Why]
    hours: float
    saves: Estimate
    fits: float | None
    pays_back: float | None

    def monday(self, week: int) -> dt.date:
        """The Monday of a week."""
        return self.start + dt.timedelta(weeks=week)


def schedule(
    entries: Sequence[Entry],
    *,
    start: dt.date,
    weeks: int,
    hours_per_week: float,
    basis: str = "",
    least: float = 1.0,
) -> Schedule:
    """Fit entries into weeks.

    Args:
        entries: owed ones; paid and accepted ones are passed over.
        start: any day of the first week.
        weeks: how many, 1 to 104.
        hours_per_week: for repayment.
        basis: where these hours come from.
        least: entries whose return lies below are not worth it; 1 brings back within a year what it takes.

    Raises:
        UsageError: hours or weeks that are negative or absurd.
    """
    _sensible(weeks, hours_per_week, least)
    monday = start - dt.timedelta(days=start.weekday())
    owed = [
        e for e in entries if e.standing.status in (Status.OPEN, Status.SCHEDULED) and _hours(e) is not None
    ]
    by_key = {entry.key: entry for entry in owed[:MOST_ENTRIES]}
    duty = [e for e in by_key.values() if e.is_urgent or e.standing.status is Status.SCHEDULED]
    worth = [
        e for e in by_key.values() if e not in duty and e.interest.is_shown and expected_ratio(e) >= least
    ]
    capacity = np.full(weeks, hours_per_week)
    slots: list[Slot] = []
    finished: dict[str, int] = {}
    left: dict[str, Why] = {}
    for entry in duty:
        _place_with_prerequisites(entry, by_key, capacity, slots, finished, left, monday)
    waiting = [entry for entry in worth if entry.key not in finished]
    chosen = _chosen(waiting, by_key, finished, float(capacity.sum()))
    for entry in _in_order_of_work(chosen, by_key, finished):
        _place_with_prerequisites(entry, by_key, capacity, slots, finished, left, monday)
    for entry in by_key.values():
        if entry.key not in finished:
            left.setdefault(entry.key, _why(entry, entry in worth))
    order = tuple(sorted(finished, key=lambda key: (finished[key], _place_of(slots, key))))
    return _schedule(order, by_key, slots, left, monday, weeks, hours_per_week, basis)


def _sensible(weeks: int, hours: float, least: float) -> None:
    if not 1 <= weeks <= MOST_WEEKS:
        raise UsageError(
            f"{counted(weeks, 'weeks')} cannot be planned", where="weeks", fix=f"Give 1 to {MOST_WEEKS}"
        )
    if not np.isfinite(hours) or hours < 0:
        raise UsageError(
            f"{hours:g} {named(hours, 'hours')} a week are none", where="hours", fix="Give 0 or more"
        )
    if hours > MOST_HOURS:
        raise UsageError(
            f"{hours:g} {named(hours, 'hours')} a week are more than {MOST_HOURS:,.0f}",
            where="hours",
            fix="Check the unit: hours a week",
        )
    if not np.isfinite(least) or least < 0:
        raise UsageError(f"a return of {least:g} is none", where="least", fix="Give 0 or more, such as 0.5")


def _hours(entry: Entry) -> float | None:
    """Hours to plan for an entry, in quarters of an hour, upwards."""
    value = entry.principal.estimate.value
    return None if value is None else max(_QUARTER, float(np.ceil(value / _QUARTER)) * _QUARTER)


def _planned(entry: Entry) -> float:
    hours = _hours(entry)
    return 0.0 if hours is None else hours


def _why(entry: Entry, is_worth: bool) -> Why:
    if is_worth:
        return Why.NO_ROOM
    return Why.NOT_WORTH_IT if entry.interest.is_shown else Why.NO_COST_SHOWN


def _closure(entry: Entry, by_key: Mapping[str, Entry], finished: Mapping[str, int]) -> list[Entry]:
    """An entry after everything that must be done before it, prerequisites first; a loop is cut where it closes."""
    made: list[Entry] = []
    seen: set[str] = set()

    def visit(one: Entry) -> None:
        if one.key in seen or one.key in finished:
            return
        seen.add(one.key)
        for key in one.after:
            if key in by_key:
                visit(by_key[key])
        made.append(one)

    visit(entry)
    return made


def _chosen(
    worth: Sequence[Entry], by_key: Mapping[str, Entry], finished: Mapping[str, int], room: float
) -> list[Entry]:
    """The entries that together save most within the hours left."""
    if not worth or room <= 0:
        return []
    total = sum(
        _planned(e) for e in {o.key: o for w in worth for o in _closure(w, by_key, finished)}.values()
    )
    if total <= room:
        return list(worth)
    from ortools.sat.python import cp_model  # half a second to import, and only where there is a choice

    model = cp_model.CpModel()
    involved = {e.key: e for one in worth for e in _closure(one, by_key, finished)}
    picked = {key: model.new_bool_var(key) for key in involved}
    for key, entry in involved.items():
        for before in entry.after:
            if before in picked and before != key:
                model.add_implication(picked[key], picked[before])
    quarters = {key: round(_planned(entry) / _QUARTER) for key, entry in involved.items()}
    model.add(sum(picked[key] * quarters[key] for key in picked) <= int(room / _QUARTER + 1e-9))
    worth_keys = {entry.key for entry in worth}
    minutes = {
        key: round(60 * HORIZON_WEEKS * float(saved_per_week(entry).mean())) if key in worth_keys else 0
        for key, entry in involved.items()
    }
    model.maximize(sum(picked[key] * minutes[key] for key in picked))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 1
    solver.parameters.max_deterministic_time = 5.0
    solver.solve(model)
    return [entry for entry in worth if solver.boolean_value(picked[entry.key])]


def _in_order_of_work(
    chosen: Sequence[Entry], by_key: Mapping[str, Entry], finished: Mapping[str, int]
) -> list[Entry]:
    """Highest saving for each hour first; what must come before counts with what it allows."""
    waiting, ordered = list(chosen), []
    done = dict(finished)

    def ratio(entry: Entry) -> float:
        together = _closure(entry, by_key, done)
        hours = sum(_planned(each) for each in together)
        return sum(float(saved_per_week(each).mean()) for each in together) / max(hours, _QUARTER)

    while waiting:
        best = max(waiting, key=lambda entry: (ratio(entry), entry.key))
        for each in _closure(best, by_key, done):
            done[each.key] = 0
        waiting = [entry for entry in waiting if entry.key not in done]
        ordered.append(best)
    return ordered


def _place_with_prerequisites(
    entry: Entry,
    by_key: Mapping[str, Entry],
    capacity: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    slots: list[Slot],
    finished: dict[str, int],
    left: dict[str, Why],
    monday: dt.date,
) -> None:
    """Give an entry and what must come before it their hours, or say that there is no room."""
    for each in _closure(entry, by_key, finished):
        needed = _planned(each)
        first = max([finished[key] for key in each.after if key in finished], default=0)
        if each.standing.week is not None:
            first = max(first, (each.standing.week - monday).days // 7)
        if any(key in by_key and key not in finished and key != each.key for key in each.after):
            left[each.key] = Why.WAITS
            continue
        if float(capacity[first:].sum()) + 1e-9 < needed:
            left[each.key] = Why.NO_ROOM
            continue
        for week in range(first, capacity.size):
            given = min(float(capacity[week]), needed)
            if given <= 1e-9:
                continue
            capacity[week] -= given
            needed -= given
            slots.append(Slot(week, each.key, given, needed <= 1e-9))
            if needed <= 1e-9:
                finished[each.key] = week
                left.pop(each.key, None)
                break


def _place_of(slots: Sequence[Slot], key: str) -> int:
    return next(place for place, slot in enumerate(slots) if slot.key == key and slot.is_done)


def _schedule(
    order: tuple[str, ...],
    by_key: Mapping[str, Entry],
    slots: Sequence[Slot],
    left: Mapping[str, Why],
    monday: dt.date,
    weeks: int,
    hours_per_week: float,
    basis: str,
) -> Schedule:
    planned = [by_key[key] for key in order]
    size = planned[0].relief.size if planned else 1
    taken, saved = np.zeros(size), np.zeros(size)
    for entry in planned:
        if entry.principal.draws is not None:
            taken = taken + entry.principal.draws
        saved = saved + saved_per_week(entry) * HORIZON_WEEKS
    return Schedule(
        start=monday,
        weeks=weeks,
        hours_per_week=hours_per_week,
        basis=basis,
        slots=tuple(sorted(slots, key=lambda slot: slot.week)),
        order=order,
        left=dict(left),
        hours=sum(slot.hours for slot in slots),
        saves=spread_of(saved, len(planned)),
        fits=float(np.mean(taken <= weeks * hours_per_week)) if planned else None,
        pays_back=float(np.mean(saved >= taken)) if planned and saved.any() else None,
    )
