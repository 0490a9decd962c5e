"""The past moments from which is forecast, and what then really happened.

An origin is a Monday. What is known at it is ``History.known_before``; what it is judged by are the hours that the
next thirteen weeks spent on work that arrived by itself (rolling origin; Tashman, International Journal of
Forecasting 2000, 16:437-450).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ktlo.planning.load.history import History

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

HORIZON = 13
"""Weeks that are forecast: a quarter."""
STEP = 4
"""Weeks between two origins."""
LEAST_BEFORE = 26
"""Weeks of history that a first forecast needs."""
LONGEST = 78
"""At most so many origins, the newest: six years."""


@dataclass(frozen=True, slots=True, eq=False)
class Origins:
    """Origins with their outcomes; arrays have one entry an origin, oldest first.

    Attributes:
        weeks: number of the week that each begins with.
        hours: hours that the weeks after it spent on work that arrived by itself.
        capacity: hours of all effort in those weeks.
    """

    weeks: Ints
    hours: Floats
    capacity: Floats

    def __len__(self) -> int:
        return int(self.weeks.size)

    @property
    def share(self) -> Floats:
        """Hours of arrived work over all hours; 0 where nothing was done at all."""
        return np.divide(self.hours, self.capacity, out=np.zeros(len(self)), where=self.capacity > 0)


def origins_of(history: History, horizon: int = HORIZON, step: int = STEP) -> Origins:
    """Every origin that has a whole horizon after it, ending with the newest one possible.

    Args:
        history: the whole of it.
        horizon: weeks that are forecast.
        step: weeks between two origins.
    """
    hours, capacity = history.hours(), history.total(history.days.hours)
    last = history.weeks - horizon
    first = LEAST_BEFORE
    places = np.arange(last, first - 1, -step)[:LONGEST][::-1] if last >= first else np.zeros(0, np.int64)
    return Origins(
        weeks=(places + history.first_week).astype(np.int64),
        hours=np.array([hours[place : place + horizon].sum() for place in places]),
        capacity=np.array([capacity[place : place + horizon].sum() for place in places]),
    )
