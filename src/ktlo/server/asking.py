"""Questions as people write them in URLs and options, turned into :class:`~ktlo.metrics.question.Question`.

``from`` and ``to`` are dates (UTC), instants, or an age such as ``90d``, ``13w``, ``6m``, ``2y`` or ``all``;
dimensions repeat: ``service=shop&service=search``. Pages, API and CLI share this one grammar.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from typing import TypeVar

from ktlo.errors import UsageError
from ktlo.metrics.clocks import BusinessClock, Clock
from ktlo.metrics.extent import newest_if_before
from ktlo.metrics.question import Dimension, Grain, Question
from ktlo.settings import Settings
from ktlo.store.protocol import Store

E = TypeVar("E", Dimension, Grain)

DEFAULT_PERIOD = "90d"
_DEFAULT_LENGTH = dt.timedelta(days=90)
_AGE = re.compile(r"(\d{1,5})([dwmy])")
_DAYS = {"d": 1.0, "w": 7.0, "m": 365.25 / 12, "y": 365.25}
_FIRST_YEAR, _LAST_YEAR = 1900, 2299
"""What the store's instants can hold."""
_EARLIEST = dt.datetime(1990, 1, 1, tzinfo=dt.UTC)
_FIRST = """
SELECT min(first) AS first, count() AS n FROM (
  SELECT min(authored_at) AS first FROM ktlo.commits WHERE dated_by = 'author' HAVING count() > 0
  UNION ALL SELECT min(started_at) FROM ktlo.deployments HAVING count() > 0
  UNION ALL SELECT min(detected_at) FROM ktlo.incidents HAVING count() > 0
  UNION ALL SELECT min(created_at) FROM ktlo.issues HAVING count() > 0
  UNION ALL SELECT min(started_at) FROM ktlo.outages HAVING count() > 0
)"""


def first_record(store: Store) -> dt.datetime | None:
    """When the oldest record happened; ``None`` in an empty store."""
    answer = store.query(_FIRST)
    if answer.num_rows == 0 or not answer["n"][0].as_py():
        return None
    first: dt.datetime = answer["first"][0].as_py()
    return max(first, _EARLIEST)


def moment(text: str, now: dt.datetime, *, ends_day: bool = False) -> dt.datetime:
    """Read one date, instant or age.

    Args:
        text: ``2026-05-01``, ``2026-05-01T12:00:00Z`` or ``90d`` (before now).
        now: the moment of asking.
        ends_day: a bare date means the end of that day instead of its start.

    Raises:
        UsageError: it is none of these.
    """
    try:
        read = _read(text, now, ends_day=ends_day)
        if not _FIRST_YEAR <= read.year <= _LAST_YEAR:
            raise ValueError(text)
        return read
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"{text[:80]!r} is not a date",
            fix="Write 2026-05-01, 2026-05-01T12:00:00Z, 90d, 13w, 6m, 2y or all (years 1900 to 2299)",
        ) from error


def _read(text: str, now: dt.datetime, *, ends_day: bool) -> dt.datetime:
    aged = _AGE.fullmatch(text)
    if aged:
        return now - dt.timedelta(days=int(aged[1]) * _DAYS[aged[2]])
    if "T" in text:
        # A plus sign that was not percent-encoded arrives as a space.
        read = dt.datetime.fromisoformat(text.replace(" ", "+"))
        return read.astimezone(dt.UTC) if read.tzinfo else read.replace(tzinfo=dt.UTC)
    day = dt.date.fromisoformat(text) + dt.timedelta(days=1 if ends_day else 0)
    return dt.datetime.combine(day, dt.time(), dt.UTC)


def question(
    given: Mapping[str, Sequence[str]], store: Store, settings: Settings, now: dt.datetime | None = None
) -> Question:
    """Read a whole question.

    Args:
        given: parameters by name, each with all its values; unknown names are left alone.
        settings: says which incident severities mean down.
        store: asked for the oldest record when ``from`` is ``all``, and for the newest when neither ``from``
            nor ``to`` is given: where that is older than the default period, the period ends with its day.
        now: the moment of asking; the clock's when not given.

    Raises:
        UsageError: a date, dimension or grain that does not exist, or an empty period.
    """
    now = now or dt.datetime.now(dt.UTC)

    def one(name: str) -> str:
        values = [value for value in given.get(name, ()) if value]
        return values[-1] if values else ""

    end = moment(one("to"), now, ends_day=True) if one("to") else now
    if not one("from") and not one("to"):
        end = _default_end(store, now)
    begin = one("from") or DEFAULT_PERIOD
    if begin == "all":
        start = first_record(store) or now - dt.timedelta(days=90)
    else:
        aged = _AGE.fullmatch(begin) is not None
        start = moment(begin, end if aged else now)
    only = {
        dimension: tuple(value for value in given.get(dimension.value, ()) if value)
        for dimension in Dimension
        if any(given.get(dimension.value, ()))
    }
    return Question(
        start=start,
        end=end,
        now=now,
        only=only,
        by=_choice(Dimension, one("by"), "dimension"),
        grain=_choice(Grain, one("grain"), "grain"),
        downtime_severities=tuple(settings.downtime_severities),
        clock=_clock(one("clock"), settings),
        calendars=business_clock(settings),
    )


def business_clock(settings: Settings) -> BusinessClock | None:
    """The calendars of ``ktlo.yaml``; ``None`` where there are none."""
    if not settings.calendars:
        return None
    own = {name: given.calendar for name, given in settings.services.items() if given.calendar}
    return BusinessClock(settings.calendars, own)


def _clock(text: str, settings: Settings) -> Clock:
    if text not in ("", *Clock):
        raise UsageError(f"there is no clock {text[:80]!r}", fix=f"Choose one of: {', '.join(Clock)}")
    if text == Clock.BUSINESS and not settings.calendars:
        raise UsageError(
            "there is no business calendar yet",
            fix="Write one into calendars: of ktlo.yaml (docs/calendars.md)",
        )
    return Clock(text or Clock.WALL)


def _default_end(store: Store, now: dt.datetime) -> dt.datetime:
    """Now; the end of the newest record's day where nothing happened in the default period."""
    newest = newest_if_before(store, now - _DEFAULT_LENGTH, now)
    if newest is None or newest < _EARLIEST:
        return now
    return dt.datetime.combine(newest.date() + dt.timedelta(days=1), dt.time(), dt.UTC)


def newest_instead(given: Mapping[str, Sequence[str]], asked: Question) -> dt.date | None:
    """Day of the newest record where the default period was moved to end with it; else ``None``.

    Args:
        given: the parameters that :func:`question` read.
        asked: what it made of them.
    """
    if any(any(given.get(name, ())) for name in ("from", "to")) or asked.end >= asked.now:
        return None
    return (asked.end - dt.timedelta(microseconds=1)).date()


def _choice(kind: type[E], text: str, name: str) -> E | None:
    if not text:
        return None
    try:
        return kind(text)
    except ValueError as error:
        raise UsageError(
            f"there is no {name} {text[:80]!r}", fix=f"Choose one of: {', '.join(kind)}"
        ) from error
