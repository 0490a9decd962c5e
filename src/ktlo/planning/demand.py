"""What keeping the lights on asks for, as draws: the nouns between ``load`` (which fits them) and the decisions.

``load`` fits a :class:`Demand` from records; ``budget``, ``backtest`` and ``staffing`` simulate from it. Every
array has one row a posterior draw, and draw *i* of one array belongs to draw *i* of every other, so that a
simulation that walks the draws carries the whole uncertainty. Units are hours and weeks throughout.
"""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class WorkClass(enum.StrEnum):
    """Kinds of work that arrive by themselves."""

    INCIDENT = "incident"
    BUG = "bug"
    VULNERABILITY = "vulnerability"
    DEPENDENCY = "dependency"
    REQUEST = "request"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one class was fitted from.

    Attributes:
        weeks: complete weeks of history.
        items: items that arrived in them.
        still_open: of them, those that are not finished.
        counts: arrivals per week, oldest first, of shape (weeks,).
        first_week: Monday of the oldest week.
        notes: in words, what could not be fitted and what stands in for it; empty when all was.
    """

    weeks: int
    items: int
    still_open: int
    counts: npt.NDArray[np.int64]
    first_week: dt.date
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ClassDemand:
    """How one class of work arrives at one service, and what an item of it costs.

    Attributes:
        service: the service; empty for all together.
        work_class: the class.
        rate: expected arrivals in each week ahead if preventive work goes on as today, (draws, weeks ahead).
        dispersion: size *r* of the negative binomial, variance = mean + mean²/r; ``inf`` is Poisson, (draws,).
        work_hours: mean hours of labour an item takes, (draws,).
        work_cv: coefficient of variation of an item's hours, (draws,).
        downtime_probability: probability that an item comes with downtime, (draws,).
        downtime_hours: mean hours of downtime of one that does, (draws,).
        floor: share of the rate that no preventive work removes, 0 to 1, (draws,).
        prevention_scale: hours of *additional* preventive work a week that remove 63% of what can be removed,
            (draws,); ``inf`` where no effect is shown: rate·(floor + (1 - floor)·exp(-x/scale)).
        open_items: items open at the start.
        evidence: what this was fitted from.
    """

    service: str
    work_class: WorkClass
    rate: Floats
    dispersion: Floats
    work_hours: Floats
    work_cv: Floats
    downtime_probability: Floats
    downtime_hours: Floats
    floor: Floats
    prevention_scale: Floats
    open_items: int
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Capacity:
    """Who is there to do the work.

    Attributes:
        people: people who worked in a usual week.
        hours_per_week: hours of traced work they give together in a week, (draws,).
        ktlo_share: share of it that has kept the lights on lately, (draws,); the measured share, corrected.
    """

    people: int
    hours_per_week: Floats
    ktlo_share: Floats


@dataclass(frozen=True, slots=True)
class DebtLoad:
    """What known debt costs, as ``debt`` measures it.

    Attributes:
        principal_hours: hours that paying all of it back takes, (draws,).
        interest_hours_per_week: hours a week that it costs while it stands, (draws,).
        growth_per_week: relative growth of the principal in a week without repayment, (draws,).
    """

    principal_hours: Floats
    interest_hours_per_week: Floats
    growth_per_week: Floats


@dataclass(frozen=True, slots=True)
class Demand:
    """Everything a plan is simulated from.

    Attributes:
        start: Monday of the first week ahead.
        classes: demand by service and class; classes without any item in the history are left out.
        capacity: who is there.
        debt: what known debt costs; ``None`` where no register was read.
        seed: from which the draws came; the same records and seed give the same draws.
        notes: what cannot be said about this history, and why, one sentence each.
    """

    start: dt.date
    classes: tuple[ClassDemand, ...]
    capacity: Capacity
    debt: DebtLoad | None
    seed: int
    notes: tuple[str, ...] = ()

    @property
    def draws(self) -> int:
        """Number of posterior draws."""
        return int(self.capacity.hours_per_week.size)

    @property
    def weeks(self) -> int:
        """Weeks ahead; 0 when no class has any demand."""
        return int(self.classes[0].rate.shape[1]) if self.classes else 0
