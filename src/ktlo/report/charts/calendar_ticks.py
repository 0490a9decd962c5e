"""Ticks of a time axis: at minutes, hours, days, Mondays, months or years, whichever fits the width.

Works on :class:`~ktlo.report.charts.scale.Linear` scales over seconds since 1970 (UTC). The first tick
and every change of year carry the year, so that a label is never ambiguous.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from ktlo.report.charts.quantity import DAY, HOUR, MINUTE, YEAR
from ktlo.report.charts.scale import Linear, Tick, instant, moment, nice_step

_MINUTES = (1, 2, 5, 10, 15, 30)
_HOURS = (1, 2, 3, 6, 12)
_DAYS = (1, 2, 7, 14)
_MONTHS = (1, 2, 3, 6, 12)
_MONTH = 30.44 * DAY


def time_ticks(scale: Linear, count: int) -> list[Tick]:
    """About ``count`` calendar places within the scale's domain.

    Args:
        scale: domain in seconds since 1970, UTC.
        count: how many labels fit.
    """
    low, high = scale.low, scale.high
    raw = max(high - low, 1.0) / max(count, 1)
    if minutes := next((m for m in _MINUTES if m * MINUTE >= raw), None):
        places = _by_seconds(low, high, minutes * MINUTE, 0.0)
        return _named(places, "%H:%M", "%-d %b %H:%M", lambda t: t.date())
    if (hours := next((h for h in _HOURS if h * HOUR >= raw), None)) and raw <= 12 * HOUR:
        places = _by_seconds(low, high, hours * HOUR, 0.0)
        return _named(places, "%H:%M", "%-d %b %H:%M", lambda t: t.date())
    if days := next((d for d in _DAYS if d * DAY >= raw), None):
        # 5 January 1970 was a Monday: weeks are counted from it.
        places = _by_seconds(low, high, days * DAY, 4 * DAY if days >= 7 else 0.0)
        return _named(places, "%-d %b", "%-d %b %Y", lambda t: t.year)
    if months := next((m for m in _MONTHS if m * _MONTH >= raw), None):
        if months < 12:
            return _named(_by_months(low, high, months), "%b", "%b %Y", lambda t: t.year)
        return _named(_by_months(low, high, 12), "%Y", "%Y", lambda t: t.year)
    years = max(int(nice_step((high - low) / YEAR, count)), 1)
    return _named(_by_months(low, high, 12 * years), "%Y", "%Y", lambda t: t.year)


def day_label(value: dt.date) -> str:
    """A day written so that every reader reads it alike: ``3 Nov 2026``."""
    return f"{value.day} {value:%b} {value.year}"


def minute_label(value: dt.datetime) -> str:
    """An instant to the minute, UTC: ``3 Nov 2026 14:05 UTC``."""
    utc = value.astimezone(dt.UTC) if value.tzinfo else value
    return f"{day_label(utc)} {utc:%H:%M} UTC"


def moment_label(value: dt.datetime) -> str:
    """An instant to the millisecond, UTC, where the year goes without saying: ``3 Nov 14:05:09.120``."""
    utc = value.astimezone(dt.UTC) if value.tzinfo else value
    return f"{utc.day} {utc:%b} {utc:%H:%M:%S}.{utc.microsecond // 1000:03}"


def start_label(value: dt.date) -> str:
    """Beginning of a period: a day, or an instant where periods are shorter than days."""
    return minute_label(value) if isinstance(value, dt.datetime) else day_label(value)


def _by_seconds(low: float, high: float, step: float, origin: float) -> Iterator[dt.datetime]:
    at = origin - ((origin - low) // step) * step
    while at <= high:
        if at >= low:
            yield moment(at)
        at += step


def _by_months(low: float, high: float, step: int) -> Iterator[dt.datetime]:
    first = moment(low)
    index = (first.year * 12 + first.month - 1) // step * step
    while index // 12 < dt.MAXYEAR:
        if index >= 12:
            at = dt.datetime(index // 12, index % 12 + 1, 1, tzinfo=dt.UTC)
            if instant(at) > high:
                return
            if instant(at) >= low:
                yield at
        index += step


def _named(places: Iterator[dt.datetime], short: str, long: str, era: object) -> list[Tick]:
    ticks: list[Tick] = []
    last: object = None
    for place in places:
        now = era(place) if callable(era) else None
        pattern = short if now == last else long
        label = place.strftime(pattern.replace("%-d", str(place.day)).replace("%Y", str(place.year)))
        ticks.append(Tick(instant(place), label))
        last = now
    return ticks
