"""Runs staffings side by side on the same arrivals, so that a difference between two is not chance.

Takes arrivals, people and assumptions; gives what each staffing used and how it went, one row a draw.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from ktlo.planning.demand import Floats
from ktlo.planning.staffing.costs import Amounts, amounts_of
from ktlo.planning.staffing.crew import Crew, joining_order, rotation_order
from ktlo.planning.staffing.items import Arrivals, items_for
from ktlo.planning.staffing.simulation import (
    KINDS,
    Indexes,
    Items,
    Kind,
    Rules,
    Runs,
    Trace,
    simulate,
)


@dataclass(frozen=True, slots=True)
class Staffing:
    """A way to staff reactive work.

    Attributes:
        kind: dedicated, rotation, or as it comes.
        size: people of the dedicated team, or on duty together; 0 for as it comes.
    """

    kind: Kind
    size: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One staffing of one team under one load.

    Attributes:
        staffing: how.
        people: engineers there are; ``None`` for as many as the crew has.
        load: part of the drawn load, 0 to 1.
        unfamiliar: replaces the drawn assumption; ``None`` for as drawn.
    """

    staffing: Staffing
    people: int | None = None
    load: float = 1.0
    unfamiliar: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Ran:
    """What came out of one case, with one row a draw.

    Attributes:
        case: what was run.
        items: what arrived.
        runs: staffing of each run.
        trace: what happened.
        amounts: what it used in an average week.
        unfamiliar: the assumption of each draw.
    """

    case: Case
    items: Items
    runs: Runs
    trace: Trace
    amounts: Amounts
    unfamiliar: Floats


def run(
    cases: Sequence[Case], arrivals: Arrivals, crew: Crew, unfamiliar: Floats, rules: Rules, seed: int
) -> tuple[Ran, ...]:
    """Run every case on every draw.

    Args:
        cases: what to run.
        arrivals: the same for all.
        crew: who there is; cases with more people get such as these.
        unfamiliar: the assumption of each draw, (draws,).
        rules: how work is handed out; the pace is the crew's.
        seed: for the week of the rotation that comes first.
    """
    draws = unfamiliar.size
    most = max(case.people or crew.size for case in cases)
    grown = crew.of_size(most)
    first = np.random.default_rng([seed, 5]).integers(0, 10_000, draws)
    draw = np.tile(np.arange(draws), len(cases))
    strange = np.concatenate(
        [unfamiliar if case.unfamiliar is None else np.full(draws, case.unfamiliar) for case in cases]
    )
    keep = np.repeat([case.load for case in cases], draws)
    ranks, slots = zip(*(_orders(grown, case) for case in cases), strict=True)
    runs = Runs(
        kind=np.repeat([KINDS.index(case.staffing.kind) for case in cases], draws),
        size=np.repeat([case.staffing.size for case in cases], draws),
        people=np.repeat([case.people or crew.size for case in cases], draws),
        rank=np.repeat(np.array(ranks), draws, axis=0),
        slot=np.repeat(np.array(slots), draws, axis=0),
        first_week=np.tile(first, len(cases)),
        unfamiliar=strange,
    )
    items = items_for(arrivals, draw, crew, strange, keep)
    trace = simulate(
        items, runs, grown.week, grown.knowledge, Rules(crew.pace, rules.patience, rules.learning)
    )
    amounts = amounts_of(items, runs, trace, crew)
    return tuple(
        _of_case(case, slice(i * draws, (i + 1) * draws), items, runs, trace, amounts)
        for i, case in enumerate(cases)
    )


def _of_case(case: Case, own: slice, items: Items, runs: Runs, trace: Trace, amounts: Amounts) -> Ran:
    """The rows that belong to one case."""

    def cut(whole: Any, kind: type) -> dict[str, Any]:
        values = {name.name: getattr(whole, name.name) for name in fields(kind)}
        return {name: value if np.isscalar(value) else value[own] for name, value in values.items()}

    return Ran(
        case,
        Items(**cut(items, Items)),
        Runs(**cut(runs, Runs)),
        Trace(**cut(trace, Trace)),
        Amounts(**cut(amounts, Amounts)),
        runs.unfamiliar[own],
    )


def _orders(crew: Crew, case: Case) -> tuple[Indexes, Indexes]:
    """Order of joining a team and of a rotation; people who do not exist in a case come last."""
    there = case.people or crew.size
    rank = np.arange(crew.size)
    slot = np.arange(crew.size)
    rank[:there] = joining_order(crew.knowledge[:, :there], crew.share)
    slot[:there] = rotation_order(crew.week.starts[:there], max(case.staffing.size, 1))
    return rank, slot
