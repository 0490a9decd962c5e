"""Reading dates as exports write them, without guessing which number is the day.

A style says how a column orders its numbers; separators, seconds, month names, AM/PM and offsets are
understood in any style. Used by ``propose`` (what does a column prove?) and by ``values`` (what does a
cell say?). Sources: ISO 8601, and the export formats named in docs/sources/csv.md.
"""

from __future__ import annotations

import datetime as dt
import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from ktlo.wording import counted


class DateStyle(enum.StrEnum):
    """How the numbers of a date are ordered."""

    UNAMBIGUOUS = "unambiguous"
    """Year first (ISO 8601) or with the month's name; a numeric date with the year last is refused."""
    DAY_FIRST = "day_first"
    MONTH_FIRST = "month_first"
    EPOCH_SECONDS = "epoch_seconds"
    EPOCH_MILLIS = "epoch_millis"
    EXCEL_DAYS = "excel_days"
    """Days since 30 December 1899, as spreadsheets store them."""


class Evidence(enum.StrEnum):
    """What one value says about its style."""

    YEAR_FIRST = "year_first"
    MONTH_NAME = "month_name"
    DAY_FIRST = "day_first"
    MONTH_FIRST = "month_first"
    EITHER = "either"
    """Both readings are dates: 03-02-2016."""
    NUMBER = "number"
    NO_DATE = "no_date"


class DateError(ValueError):
    """The text is no date in this style; the message says why, for a person."""


_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            ("jan", "january"),
            ("feb", "february"),
            ("mar", "march"),
            ("apr", "april"),
            ("may",),
            ("jun", "june"),
            ("jul", "july"),
            ("aug", "august"),
            ("sep", "sept", "september"),
            ("oct", "october"),
            ("nov", "november"),
            ("dec", "december"),
        ),
        start=1,
    )
    for name in names
}
_CLOCK = (
    r"(?:[T ,]+(?:at )?(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"(?: ?(?P<half>[AaPp])\.?[Mm]\.?)?(?: ?(?P<zone>Z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2}))?)?$"
)
_YEAR_FIRST = re.compile(
    r"(?P<year>\d{4})(?P<sep>[-/.]?)(?P<month>\d{2}|\d(?=\D))(?P=sep)(?P<day>\d{1,2})" + _CLOCK
)
_YEAR_LAST = re.compile(r"(?P<a>\d{1,2})(?P<sep>[-/. ])(?P<b>\d{1,2})(?P=sep)(?P<year>\d{4}|\d{2})" + _CLOCK)
_NAMED = re.compile(
    r"(?:[A-Za-z]{3,9},? )?"
    r"(?:(?P<day>\d{1,2})[-/. ]?(?P<month>[A-Za-z]{3,9})|(?P<month2>[A-Za-z]{3,9})\.? (?P<day2>\d{1,2}))"
    r"[,]?[-/. ]+(?P<year>\d{4}|\d{2})" + _CLOCK
)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?$")
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_EXCEL = dt.datetime(1899, 12, 30)  # noqa: DTZ001 - a spreadsheet's day has no zone until the person's is put on


def _possible_day(day: int, month: int) -> bool:
    return 1 <= month <= 12 and 1 <= day <= 31


@lru_cache(maxsize=65536)
def evidence_of(text: str) -> Evidence:
    """What one value proves about its column's style."""
    if match := _YEAR_FIRST.match(text):
        if _possible_day(int(match["day"]), int(match["month"])) and not text.isdigit():
            return Evidence.YEAR_FIRST
    elif match := _YEAR_LAST.match(text):
        first, second = int(match["a"]), int(match["b"])
        day, month = _possible_day(first, second), _possible_day(second, first)
        if day and month:
            return Evidence.EITHER
        if day or month:
            return Evidence.DAY_FIRST if day else Evidence.MONTH_FIRST
    elif (match := _NAMED.match(text)) and (match["month"] or match["month2"]).lower() in _MONTHS:
        return Evidence.MONTH_NAME
    return Evidence.NUMBER if _NUMBER.match(text) else Evidence.NO_DATE


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a column's values prove together.

    Attributes:
        style: the style; ``None`` when nothing proves it or values contradict each other.
        reason: why, in words, with the values that decide.
    """

    style: DateStyle | None
    reason: str


SURE = 0.9
"""Share of a column's values that read as dates, from which on it is a column of dates."""
LIKELY = 0.5
"""The same for a column whose name says that it holds dates: the others are mistakes, which are turned away."""
_LONGEST = 40
_COUNTED = (DateStyle.EPOCH_SECONDS, DateStyle.EPOCH_MILLIS, DateStyle.EXCEL_DAYS)


class StyleEvidence:
    """Gathers what a column's values prove, one at a time and in little memory."""

    def __init__(self) -> None:
        self._count = dict.fromkeys(Evidence, 0)
        self._first: dict[Evidence, str] = {}
        self._row: dict[Evidence, int] = {}
        self._low, self._high = float("inf"), float("-inf")
        self.without_offset = 0

    def add(self, value: str, row: int = 0) -> None:
        """Take one value into account, and the row in which it stands."""
        kind = evidence_of(value) if len(value) <= _LONGEST else Evidence.NO_DATE
        self._count[kind] += 1
        if kind not in self._first:
            self._first[kind], self._row[kind] = value[:_LONGEST], row
        if kind is Evidence.NUMBER:
            number = float(value)
            self._low, self._high = min(self._low, number), max(self._high, number)
        elif kind is not Evidence.NO_DATE and not has_offset(value):
            self.without_offset += 1

    def verdict(self, share: float = SURE) -> Verdict | None:
        """The column's style; ``None`` when it holds no dates.

        Args:
            share: of its values that must read as a date, :data:`SURE` or :data:`LIKELY`.
        """
        count = sum(self._count.values())
        numbers, strange = self._count[Evidence.NUMBER], self._count[Evidence.NO_DATE]
        if count and count - numbers - strange >= share * count:
            return self._written()
        if count and numbers >= share * count:
            return self._counted() if not strange or share < SURE else None
        return None

    def strangers(self, style: DateStyle | None) -> str:
        """Which values are no dates in a style, in words: ``1 of 4 cells is no date (row 3: 'soon')``; else empty."""
        kinds = (Evidence.NO_DATE,) if style in _COUNTED else (Evidence.NO_DATE, Evidence.NUMBER)
        many = sum(self._count[kind] for kind in kinds)
        if not many:
            return ""
        first = min((kind for kind in kinds if kind in self._row), key=lambda kind: self._row[kind])
        return (
            f"{many:,} of {counted(sum(self._count.values()), 'cells')} {'is' if many == 1 else 'are'} no date"
            f" (row {self._row[first]}: {self._first[first]!r})"
        )

    def _written(self) -> Verdict:
        day, month = self._first.get(Evidence.DAY_FIRST), self._first.get(Evidence.MONTH_FIRST)
        if day and month:
            return Verdict(None, f"{day!r} has the day first and {month!r} the month: formats are mixed")
        if day:
            many = self._count[Evidence.DAY_FIRST]
            return Verdict(DateStyle.DAY_FIRST, f"{day!r} can only have the day first ({many} such values)")
        if month:
            many = self._count[Evidence.MONTH_FIRST]
            return Verdict(
                DateStyle.MONTH_FIRST, f"{month!r} can only have the month first ({many} such values)"
            )
        if either := self._first.get(Evidence.EITHER):
            return Verdict(None, f"no value proves whether the day or the month is first ({either!r})")
        return Verdict(DateStyle.UNAMBIGUOUS, "year first, or the month's name")

    def _counted(self) -> Verdict | None:
        # 2001 to 2100: wide enough for any export, narrow enough to keep counters and identifiers out.
        if self._low >= 978_307_200 and self._high < 4_102_444_800:
            return Verdict(DateStyle.EPOCH_SECONDS, "all values are seconds since 1970, after 2000")
        if self._low >= 978_307_200_000 and self._high < 4_102_444_800_000:
            return Verdict(DateStyle.EPOCH_MILLIS, "all values are milliseconds since 1970, after 2000")
        if self._low >= 36_526 and self._high < 73_051:
            return Verdict(DateStyle.EXCEL_DAYS, "all values are a spreadsheet's days, after 1999")
        return None


def style_of(values: Iterable[str]) -> Verdict | None:
    """Judge a column by all its values; see :meth:`StyleEvidence.verdict`."""
    evidence = StyleEvidence()
    for value in values:
        evidence.add(value)
    return evidence.verdict()


def parse_instant(text: str, style: DateStyle, zone: dt.tzinfo) -> dt.datetime:
    """Read one instant as UTC.

    Args:
        text: the cell, trimmed.
        style: how its column orders the numbers.
        zone: zone of values that carry no offset. A time that the clock shows twice is the first.

    Raises:
        DateError: it is no date in this style; says why.
    """
    try:
        return _parse(text, style, zone)
    except (OverflowError, ValueError) as error:
        if isinstance(error, DateError):
            raise
        raise DateError(f"there is no such date ({error})") from error


@lru_cache(maxsize=65536)
def _parse(text: str, style: DateStyle, zone: dt.tzinfo) -> dt.datetime:
    if style in _COUNTED:
        if not _NUMBER.match(text):
            raise DateError(f"a number was expected ({style})")
        number = float(text)
        if style is DateStyle.EXCEL_DAYS:
            return (
                (_EXCEL + dt.timedelta(seconds=round(number * 86400))).replace(tzinfo=zone).astimezone(dt.UTC)
            )
        unit = "seconds" if style is DateStyle.EPOCH_SECONDS else "milliseconds"
        return _EPOCH + dt.timedelta(**{unit: number})
    if match := _YEAR_FIRST.match(text):
        return _instant(match, int(match["year"]), int(match["month"]), int(match["day"]), zone)
    if match := _YEAR_LAST.match(text):
        first, second = int(match["a"]), int(match["b"])
        if style is DateStyle.UNAMBIGUOUS:
            raise DateError("it could have the day or the month first: say which with `dates`")
        day, month = (first, second) if style is DateStyle.DAY_FIRST else (second, first)
        if not _possible_day(day, month):
            raise DateError(f"it is no date with the {style.removesuffix('_first')} first")
        return _instant(match, _full_year(match["year"]), month, day, zone)
    if match := _NAMED.match(text):
        named = _MONTHS.get((match["month"] or match["month2"]).lower())
        if named is not None:
            day = int(match["day"] or match["day2"])
            return _instant(match, _full_year(match["year"]), named, day, zone)
    raise DateError("it does not read as a date")


def _full_year(text: str) -> int:
    return int(text) + 2000 if len(text) == 2 else int(text)


def _instant(match: re.Match[str], year: int, month: int, day: int, zone: dt.tzinfo) -> dt.datetime:
    hour, half = int(match["hour"] or 0), (match["half"] or "").lower()
    if half:
        if not 1 <= hour <= 12:
            raise DateError("the hour does not go with AM or PM")
        hour = hour % 12 + (12 if half == "p" else 0)
    micros = int((match["fraction"] or "0")[:6].ljust(6, "0"))
    own = _offset(match["zone"]) or zone
    moment = dt.datetime(
        year, month, day, hour, int(match["minute"] or 0), int(match["second"] or 0), micros, tzinfo=own
    )
    return moment if own is dt.UTC else moment.astimezone(dt.UTC)


def _offset(text: str | None) -> dt.tzinfo | None:
    if not text:
        return None
    if text[0] not in "+-":
        return dt.UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    shift = dt.timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return dt.timezone(-shift if text[0] == "-" else shift)


def has_offset(text: str) -> bool:
    """Whether a value says its own zone."""
    for pattern in (_YEAR_FIRST, _YEAR_LAST, _NAMED):
        if match := pattern.match(text):
            return bool(match["zone"])
    return bool(_NUMBER.match(text))
