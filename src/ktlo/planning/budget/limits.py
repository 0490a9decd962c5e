"""Limits of site reliability engineering that a plan may break, and whether it does.

Source: Beyer, Jones, Petoff and Murphy (eds.), Site Reliability Engineering, O'Reilly 2016, chapters 5 and 11: at most
half of the time on operations, at most a quarter on call, hence eight people at one site for a primary and a
secondary, and at most two incidents in a shift of twelve hours.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

MOST_OPERATIONS = 0.5
MOST_ON_CALL = 0.25
PEOPLE_AT_ONE_SITE = 8
PEOPLE_AT_EACH_OF_TWO_SITES = 6
MOST_INCIDENTS_PER_SHIFT = 2.0
_SHIFTS_PER_WEEK = 14.0
_ON_CALL_AT_ONCE = 2


class Limit(enum.StrEnum):
    """What is limited."""

    OPERATIONS = "operations"
    ON_CALL = "on_call"
    INCIDENTS = "incidents"


@dataclass(frozen=True, slots=True)
class Check:
    """One limit, held or broken.

    Attributes:
        limit: which.
        value: what the plan has: share of hours, share of weeks on call, incidents in a shift.
        most: what is allowed.
    """

    limit: Limit
    value: float
    most: float

    @property
    def is_broken(self) -> bool:
        """Whether the plan breaks it."""
        return self.value > self.most + 1e-9


def check_limits(share: float, people: int, incidents_per_week: float) -> tuple[Check, ...]:
    """Hold a plan against the limits.

    Args:
        share: share of hours for keeping the lights on.
        people: people in the team, who are taken to share on-call evenly, two at a time.
        incidents_per_week: expected incidents; without any, nothing is said of being on call.
    """
    operations = Check(Limit.OPERATIONS, share, MOST_OPERATIONS)
    if incidents_per_week <= 0:
        return (operations,)
    return (
        operations,
        Check(Limit.ON_CALL, min(1.0, _ON_CALL_AT_ONCE / max(people, 1)), MOST_ON_CALL),
        Check(Limit.INCIDENTS, incidents_per_week / _SHIFTS_PER_WEEK, MOST_INCIDENTS_PER_SHIFT),
    )
