"""Teams whose demand is known, for tests of everything that plans from it.

``team()`` is a usual one; give ``weekly(...)`` classes of your own for others. Draws are exact (a known truth) unless
``spread`` asks for uncertainty, which is then lognormal and the same draw by draw for every class.
"""

from __future__ import annotations

import datetime as dt
import math

import numpy as np

from ktlo.planning.demand import Capacity, ClassDemand, DebtLoad, Demand, Evidence, WorkClass

START = dt.date(2026, 11, 30)


def weekly(
    kind: WorkClass,
    rate: float,
    work: float,
    *,
    draws: int = 200,
    weeks: int = 52,
    spread: float = 0.0,
    work_cv: float = 1.0,
    dispersion: float = math.inf,
    down: float = 0.0,
    down_hours: float = 0.0,
    floor: float = 0.3,
    scale: float = math.inf,
    open_items: int = 0,
    history: int = 52,
    service: str = "",
    seed: int = 7,
) -> ClassDemand:
    """A class that arrives at a constant rate a week and takes so many hours an item."""
    rng = np.random.default_rng([seed, list(WorkClass).index(kind)])

    def drawn(value: float) -> np.ndarray:
        return value * np.exp(spread * rng.standard_normal(draws))

    counts = np.random.default_rng(seed).poisson(rate, history).astype(np.int64)
    return ClassDemand(
        service=service,
        work_class=kind,
        rate=np.repeat(drawn(rate)[:, None], weeks, axis=1),
        dispersion=np.full(draws, dispersion),
        work_hours=drawn(work),
        work_cv=np.full(draws, work_cv),
        downtime_probability=np.full(draws, down),
        downtime_hours=drawn(down_hours),
        floor=np.full(draws, floor),
        prevention_scale=drawn(scale) if math.isfinite(scale) else np.full(draws, math.inf),
        open_items=open_items,
        evidence=Evidence(
            weeks=history,
            items=int(counts.sum()),
            still_open=open_items,
            counts=counts,
            first_week=START - dt.timedelta(weeks=history),
        ),
    )


def demand_of(
    *classes: ClassDemand,
    hours: float = 200.0,
    people: int = 6,
    share: float = 0.25,
    debt: DebtLoad | None = None,
    draws: int = 200,
    spread: float = 0.0,
    notes: tuple[str, ...] = (),
) -> Demand:
    """A demand of these classes for a team that gives so many hours a week."""
    rng = np.random.default_rng(11)
    draws = int(classes[0].work_hours.size) if classes else draws
    return Demand(
        start=START,
        classes=classes,
        capacity=Capacity(
            people=people,
            hours_per_week=hours * np.exp(spread * 0.3 * rng.standard_normal(draws)),
            ktlo_share=np.clip(share * np.exp(spread * 0.5 * rng.standard_normal(draws)), 0, 1),
        ),
        debt=debt,
        seed=1,
        notes=notes,
    )


def team(*, spread: float = 0.2, scale: float = 12.0, draws: int = 200, share: float = 0.25) -> Demand:
    """Six people, 200 hours a week: two incidents, eight bugs, two vulnerabilities, five requests, six updates."""
    shown = {"draws": draws, "spread": spread}
    return demand_of(
        weekly(WorkClass.INCIDENT, 2, 6, down=0.4, down_hours=1.5, scale=scale, dispersion=3, **shown),
        weekly(WorkClass.BUG, 8, 2.5, scale=scale, dispersion=6, open_items=40, **shown),
        weekly(WorkClass.VULNERABILITY, 2, 1.5, scale=2 * scale, open_items=3, **shown),
        weekly(WorkClass.REQUEST, 5, 1, floor=1.0, open_items=6, **shown),
        weekly(WorkClass.DEPENDENCY, 6, 0.5, floor=1.0, open_items=20, **shown),
        share=share,
        spread=spread,
    )


def one_class(
    *,
    rate: float,
    floor: float,
    work: float,
    scale: float,
    hours: float,
    usual: float = 0.0,
    down: float = 0.0,
    down_hours: float = 0.0,
    draws: int = 50,
    weeks: int = 52,
) -> Demand:
    """One class with a known best amount of prevention; ``usual`` hours of it are done today."""
    return demand_of(
        weekly(
            WorkClass.BUG, rate, work, draws=draws, weeks=weeks, floor=floor, scale=scale, down=down,
            down_hours=down_hours,
        ),
        hours=hours,
        share=(rate * work + usual) / hours,
    )  # fmt: skip
