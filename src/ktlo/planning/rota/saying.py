"""Days and moments as people write and read them, on the clock of whoever they are about.

``2026-12-24`` is a whole day there, ``2026-12-24..2027-01-02`` several, ``2026-12-24T18:00`` a moment.
"""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from ktlo.errors import UsageError
from ktlo.planning.rota.shifts import Span

_LONGEST = dt.timedelta(days=3 * 366)


def read_moment(said: str, zone: ZoneInfo) -> dt.datetime:
    """An instant (UTC) from a date or a date with time; without an offset it is on the given clock.

    Raises:
        UsageError: it is neither.
    """
    text = said.strip().replace(" ", "T", 1) if "T" not in said else said.strip()
    try:
        read = dt.datetime.fromisoformat(text)
        if not 1970 <= read.year <= 2200:
            raise ValueError(text)
        aware = read if read.tzinfo else read.replace(tzinfo=zone)
        return aware.astimezone(dt.UTC)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"{said[:60]!r} is not a date", fix="Write 2026-12-24 or 2026-12-24T18:00 (years 1970 to 2200)"
        ) from error


def read_span(first: str, last: str, zone: ZoneInfo) -> tuple[Span, str]:
    """A span from its first and last day (included) or moment (not included), and how it is said.

    Raises:
        UsageError: one of them is no date, or the end is before the start, or it is longer than three years.
    """
    last = last or first
    start, end = read_moment(first, zone), read_moment(last, zone)
    if "T" not in last.strip().replace(" ", "T"):
        day = dt.date.fromisoformat(last.strip()) + dt.timedelta(days=1)
        end = dt.datetime.combine(day, dt.time(), zone).astimezone(dt.UTC)
    if end <= start:
        raise UsageError(f"{last} is before {first}", fix="Give the first day, then the last")
    if end - start > _LONGEST:
        raise UsageError("that is longer than three years", fix="Look at the years")
    return (start, end), span_words((start, end), zone)


def span_words(span: Span, zone: ZoneInfo) -> str:
    """``5 to 9 Jan 2026`` for whole days, else with times, on the given clock."""
    start, end = (moment.astimezone(zone) for moment in span)
    if start.time() == end.time() == dt.time():
        return days_words(start.date(), end.date() - dt.timedelta(days=1))
    return f"{moment_words(start)} to {moment_words(end)}"


def days_words(first: dt.date, last: dt.date) -> str:
    """``5 Jan 2026``, ``5 to 9 Jan 2026``, ``29 Dec 2025 to 2 Jan 2026``."""
    if first >= last:
        return f"{first:%-d %b %Y}"
    if (first.year, first.month) == (last.year, last.month):
        return f"{first:%-d} to {last:%-d %b %Y}"
    if first.year == last.year:
        return f"{first:%-d %b} to {last:%-d %b %Y}"
    return f"{first:%-d %b %Y} to {last:%-d %b %Y}"


def moment_words(moment: dt.datetime) -> str:
    """``Mon 5 Jan 2026 09:00`` on the clock that the moment carries."""
    return f"{moment:%a %-d %b %Y %H:%M}"
