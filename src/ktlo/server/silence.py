"""Whether a source that only listens has fallen silent: its deliveries, held against the rhythm that they had.

Nothing can be asked of such a source, so that its silence is the only sign of a sender that broke. Pure arithmetic;
the days come from ``ktlo.deliveries``.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Collection
from dataclasses import dataclass

from ktlo.server.completeness import CHANCE

LEAST_INTERVALS = 5
"""Intervals between days with deliveries below which there is no rhythm that could have ended."""


@dataclass(frozen=True, slots=True)
class Silence:
    """A silence that is too long to be chance.

    Attributes:
        days: since the last day with a delivery.
        every: mean days between days with a delivery, before it.
        chance: probability of a silence at least as long, had nothing changed.
    """

    days: int
    every: float
    chance: float

    @property
    def said(self) -> str:
        """As a sentence."""
        return (
            f"Nothing for {self.days} days; before, something came every {self.every:.1f} days on average. If the"
            " sender had something to tell, it did not arrive."
        )


def silence_of(days: Collection[dt.date], today: dt.date) -> Silence | None:
    """The silence since the last delivery, where it is too long to be chance; else ``None``.

    Days with deliveries, not deliveries, are counted: those of one deployment come together. With ``n`` intervals
    of ``T`` days in all, taken as exponential, the next is longer than ``s`` with probability
    ``(1 + s / T) ** -n``: the predictive distribution with the scale unknown (Lawless, Statistical Models and Methods
    for Lifetime Data, 4.1), so that few intervals prove little. It must also be longer than any before.

    Args:
        days: on which something was delivered.
        today: up to which nothing more came.
    """
    told = sorted(set(days))
    if len(told) <= LEAST_INTERVALS:
        return None
    intervals = [(later - earlier).days for earlier, later in itertools.pairwise(told)]
    quiet, total = (today - told[-1]).days, sum(intervals)
    chance = float((1 + max(quiet, 0) / total) ** -len(intervals))
    if chance >= CHANCE or quiet <= max(intervals):
        return None
    return Silence(quiet, total / len(intervals), chance)
