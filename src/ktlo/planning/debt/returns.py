"""What paying an entry back brings for what it takes, with how sure that is.

The return is hours saved in the year after repayment over hours of principal: 2 means that an hour brings back two. It
orders the register and the schedule. Arithmetic over an entry's draws; nothing is assumed here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ktlo.metrics.estimate import LEVEL, Estimate, not_estimable
from ktlo.planning.debt.entry import WEEKS_A_MONTH, Entry
from ktlo.planning.demand import Floats

HORIZON_WEEKS = 52
_MONTHS = HORIZON_WEEKS / WEEKS_A_MONTH


@dataclass(frozen=True, slots=True)
class Return:
    """What an hour of repayment brings.

    Attributes:
        ratio: expected hours saved within a year over expected hours of principal, and the middle 95% of their ratio.
        pays_back: probability that a year saves at least what it took; ``None`` where no interest is estimable.
        months: until it is expected to have paid itself back; ``None`` when never or unknown.
    """

    ratio: Estimate
    pays_back: float | None
    months: float | None


def saved_per_week(entry: Entry) -> Floats:
    """(draws,) hours a week that paying an entry back saves; nothing where no interest is shown."""
    if entry.interest.draws is None:
        return np.zeros_like(entry.relief)
    saved: Floats = entry.interest.draws * entry.relief / WEEKS_A_MONTH
    return saved


def return_of(entry: Entry) -> Return:
    """The return of one entry."""
    principal = entry.principal.draws
    if entry.interest.draws is None or principal is None:
        reason = entry.interest.estimate.reason or entry.principal.estimate.reason
        return Return(not_estimable(reason), None, None)
    saved = saved_per_week(entry) * HORIZON_WEEKS
    tail = (1 - LEVEL) / 2
    low, high = (float(q) for q in np.quantile(saved / np.maximum(principal, 1e-9), (tail, 1 - tail)))
    value = min(max(expected_ratio(entry), low), high)
    months = _MONTHS / value if value > 0 else None
    ratio = Estimate(value, low, high, entry.interest.estimate.n)
    return Return(ratio, float(np.mean(saved >= principal)), months)


def expected_ratio(entry: Entry) -> float:
    """Expected hours saved in a year over expected principal: what the order goes by; 0 where none is shown."""
    if entry.principal.draws is None or not entry.interest.is_shown:
        return 0.0
    saved = float(saved_per_week(entry).mean()) * HORIZON_WEEKS
    return saved / max(float(entry.principal.draws.mean()), 1e-9)


def in_order(entries: list[Entry]) -> list[Entry]:
    """Urgent ones first (by the order they come in), then by return, highest first; ties by key."""
    urgent = [entry for entry in entries if entry.is_urgent]
    rest = [entry for entry in entries if not entry.is_urgent]
    return urgent + sorted(rest, key=lambda entry: (-expected_ratio(entry), entry.key))
