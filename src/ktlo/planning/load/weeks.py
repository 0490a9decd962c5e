"""Weeks as whole numbers: the Monday of week 0 is 5 January 1970. Days are counted since 1 January 1970.

Counting weeks by number keeps every series of a history on one ruler, so that classes and services line up.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

_EPOCH = dt.date(1970, 1, 1)
_FIRST_MONDAY = 4
DAY = 86400.0
WEEK = 7 * DAY
YEAR = 52.1775
"""Weeks in a year."""


def day_of(date: dt.date) -> int:
    """Days since 1 January 1970."""
    return (date - _EPOCH).days


def date_of(day: int) -> dt.date:
    """The date of a day."""
    return _EPOCH + dt.timedelta(days=int(day))


def weeks_of_days(days: npt.ArrayLike) -> Ints:
    """The weeks in which days lie."""
    return (np.asarray(days, dtype=np.int64) - _FIRST_MONDAY) // 7


def weeks_of_seconds(seconds: npt.ArrayLike) -> Ints:
    """The weeks in which moments (seconds since 1970, UTC) lie."""
    return weeks_of_days(np.floor(np.asarray(seconds, dtype=np.float64) / DAY))


def monday(week: int) -> dt.date:
    """The Monday on which a week begins."""
    return date_of(week * 7 + _FIRST_MONDAY)


def first_second(week: int) -> float:
    """The first moment of a week, in seconds since 1970 (UTC)."""
    return (week * 7 + _FIRST_MONDAY) * DAY
