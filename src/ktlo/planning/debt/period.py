"""Over which stretch interest is measured, and in which units.

Interest is what debt cost in the year before the moment of asking: long enough for counts to say something, short
enough to be about the code of today. Read by every reader of this folder.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from ktlo.metrics.question import Question
from ktlo.settings import Settings
from ktlo.store.protocol import Queryable

MEASURED = dt.timedelta(days=364)
"""52 whole weeks."""
LEAST = dt.timedelta(days=28)
"""A shorter history says nothing about a month."""
_MONTH = 365.25 / 12


@dataclass(frozen=True, slots=True)
class Period:
    """The stretch that interest is measured over.

    Attributes:
        start: first moment.
        end: first moment after; what the register is about.
        hours_per_day: hours that make a person-day.
        draws: how many draws every amount has.
        seed: of all of them.
    """

    start: dt.datetime
    end: dt.datetime
    hours_per_day: float
    draws: int
    seed: int

    @property
    def months(self) -> float:
        """Length in months of 30.4 days."""
        return (self.end - self.start).total_seconds() / 86400 / _MONTH

    @property
    def is_too_short(self) -> bool:
        """True when the history is shorter than four weeks."""
        return self.end - self.start < LEAST

    def bound(self, **more: Any) -> dict[str, Any]:
        """Parameters that every statement of this folder may use, and further ones."""
        return {"start": self.start, "end": self.end, **more}


def period_of(store: Queryable, question: Question, settings: Settings, *, draws: int, seed: int) -> Period:
    """The 52 weeks before the end of the question's period, or since the first commit where that is less.

    Args:
        store: asked for the first commit.
        question: its end is the moment of asking, never after now.
        settings: hours that make a day.
        draws: how many draws every amount gets.
        seed: of all of them.
    """
    end = min(question.end, question.now)
    found = store.query(
        "SELECT min(authored_at) AS first, count() AS n FROM ktlo.commits WHERE dated_by = 'author'"
        " AND authored_at < {end:DateTime64(6, 'UTC')}",
        {"end": end},
    ).to_pylist()[0]
    start = end - MEASURED
    if found["n"]:
        start = min(max(start, found["first"]), end)
    return Period(start, end, settings.effort.hours_per_day, draws, seed)
