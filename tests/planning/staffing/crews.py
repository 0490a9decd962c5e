"""Teams by hand for the tests of staffing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ktlo.planning.staffing.crew import Crew
from ktlo.planning.staffing.simulation import KINDS, Items, Kind, Runs
from ktlo.planning.staffing.terms import Terms
from ktlo.planning.staffing.week import WorkingWeek

ALWAYS = np.full(168, 1 / 168)


def crew(
    people: int = 6,
    *,
    places: int = 1,
    knowledge: float | np.ndarray = 1.0,
    starts: list[float] | None = None,
    hours: float = 40.0,
    around_the_clock: bool = False,
) -> Crew:
    """So many people who all know everything, on one site, work arriving at any hour."""
    begin = np.array(starts if starts is not None else [0.0] * people)
    week = WorkingWeek(begin, 24.0, 7) if around_the_clock else WorkingWeek(begin)
    known = np.full((places, people), knowledge) if np.isscalar(knowledge) else np.asarray(knowledge)
    return Crew(
        names=tuple(f"person {i}" for i in range(people)),
        places=tuple(f"place {i}" for i in range(places)),
        share=np.full(places, 1 / places),
        knowledge=known,
        handled_by=np.ones(places),
        week=week,
        hours_per_week=168.0 if around_the_clock else hours,
        incident_hours=ALWAYS,
        other_hours=ALWAYS,
    )


def terms(draws: int = 120, **said: float) -> Terms:
    """Assumptions without any doubt: by default nothing costs anything but the work."""
    values = {
        "hand_over": 0.0,
        "unfamiliar": 0.0,
        "idle_value": 1.0,
        "duty_value": 1.0,
        "interruption": 0.0,
        "traced": 1.0,
    }
    return Terms(**{k: np.full(draws, v) for k, v in {**values, **said}.items()}, said=frozenset())


def runs(kind: Kind, size: int, people: int, count: int, unfamiliar: float = 0.0) -> Runs:
    """The same staffing in every run."""
    order = np.tile(np.arange(people), (count, 1))
    return Runs(
        kind=np.full(count, KINDS.index(kind)), size=np.full(count, size), people=np.full(count, people),
        rank=order, slot=order, first_week=np.zeros(count, dtype=np.int64),
        unfamiliar=np.full(count, unfamiliar),
    )  # fmt: skip


def items(at: Any, work: Any, **given: Any) -> Items:
    """Ordinary items at one place; a single run when ``at`` is a list."""
    when = np.atleast_2d(np.asarray(at, dtype=float))
    blank = {
        "place": np.zeros(when.shape, dtype=np.int64),
        "is_incident": np.zeros(when.shape, dtype=np.bool_),
        "downtime": np.zeros(when.shape),
        "weeks": 13.0,
    }
    hours = np.broadcast_to(np.asarray(work, dtype=float), when.shape)
    made = Items(at=when, work=hours, **blank)
    return replace(made, **{k: np.atleast_2d(v) if k != "weeks" else v for k, v in given.items()})
