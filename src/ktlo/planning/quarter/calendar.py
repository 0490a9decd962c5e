"""Calendar quarters: their names, their days, and which one is meant when nobody says.

A quarter is written ``2026-Q3``. Days are UTC, as everywhere.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from ktlo.errors import UsageError

_NAME = re.compile(r"(\d{4})-?[qQ]([1-4])")
_ORDINAL = ("first", "second", "third", "fourth")
_FIRST_YEAR, _LAST_YEAR = 1990, 2200


@dataclass(frozen=True, slots=True, order=True)
class Quarter:
    """One calendar quarter.

    Attributes:
        year: of it.
        number: 1 to 4.
    """

    year: int
    number: int

    @classmethod
    def read(cls, text: str) -> Quarter:
        """Read ``2026-Q3``.

        Raises:
            UsageError: it is no quarter.
        """
        found = _NAME.fullmatch(text.strip())
        if found is None or not _FIRST_YEAR <= int(found[1]) <= _LAST_YEAR:
            raise UsageError(
                f"{text[:40]!r} is no quarter", fix="Write a year and a quarter, such as 2026-Q3"
            )
        return cls(int(found[1]), int(found[2]))

    @classmethod
    def of(cls, day: dt.date) -> Quarter:
        """The quarter of a day."""
        return cls(day.year, (day.month - 1) // 3 + 1)

    @property
    def name(self) -> str:
        """``2026-Q3``."""
        return f"{self.year}-Q{self.number}"

    @property
    def title(self) -> str:
        """``third quarter of 2026``."""
        return f"{_ORDINAL[self.number - 1]} quarter of {self.year}"

    @property
    def start(self) -> dt.datetime:
        """First moment."""
        return dt.datetime(self.year, 3 * self.number - 2, 1, tzinfo=dt.UTC)

    @property
    def end(self) -> dt.datetime:
        """First moment after it."""
        return self.next().start

    def next(self) -> Quarter:
        """The quarter after."""
        return Quarter(self.year + self.number // 4, self.number % 4 + 1)

    def before(self) -> Quarter:
        """The quarter before."""
        return Quarter(self.year - (self.number == 1), (self.number + 2) % 4 + 1)


def last_complete(records_end: dt.datetime, now: dt.datetime) -> Quarter:
    """The newest quarter that is over and has records.

    Args:
        records_end: first moment after the newest record; now where records are fresh.
        now: the moment of asking.
    """
    newest = Quarter.of((records_end - dt.timedelta(microseconds=1)).date())
    return newest if newest.end <= now else newest.before()
