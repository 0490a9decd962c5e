"""Sums over the register that the first sentence is made from: what it costs, and what the first entries bring back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ktlo.metrics.estimate import Estimate
from ktlo.planning.debt.entry import WEEKS_A_MONTH, Entry, Status
from ktlo.planning.debt.register import total_of
from ktlo.planning.debt.returns import saved_per_week

FIRST = 5


@dataclass(frozen=True, slots=True)
class Outlook:
    """Sums over what is owed.

    Attributes:
        owed: entries that are neither paid nor accepted.
        urgent: of them, those that are urgent.
        costing: of them, those that are shown to cost extra.
        interest: hours a month of these.
        principal: hours to pay these back.
        first: how many of these are looked at first, at most five, by return.
        first_hours: expected hours that paying them takes.
        first_months: until they are expected to have brought that back; ``None`` when never.
    """

    owed: int
    urgent: int
    costing: int
    interest: Estimate
    principal: Estimate
    first: int
    first_hours: float
    first_months: float | None


def outlook_of(entries: Sequence[Entry], draws: int) -> Outlook:
    """Sum up entries, given in the order in which to pay."""
    owed = [e for e in entries if e.standing.status in (Status.OPEN, Status.SCHEDULED)]
    costing = [e for e in owed if e.interest.is_shown and e.interest.draws is not None]
    total = total_of(costing, draws)
    first = [entry for entry in costing if entry.principal.draws is not None][:FIRST]
    hours = sum(float(entry.principal.estimate.value or 0.0) for entry in first)
    monthly = sum(float(saved_per_week(entry).mean()) for entry in first) * WEEKS_A_MONTH
    return Outlook(
        owed=len(owed),
        urgent=sum(entry.is_urgent for entry in owed),
        costing=len(costing),
        interest=total.interest,
        principal=total.principal,
        first=len(first),
        first_hours=hours,
        first_months=hours / monthly if monthly > 0 else None,
    )
