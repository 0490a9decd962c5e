"""Time off from a calendar file (iCalendar, RFC 5545): each event is a time away, repetitions written out.

Whole days are days where the person lives; times without a zone are on the person's clock.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from dateutil.rrule import rrulestr
from icalendar import Calendar
from icalendar import Event as Component

from ktlo.errors import UserError
from ktlo.planning.rota.rules import Person
from ktlo.planning.rota.shifts import Span

MOST_BYTES = 5_000_000
MOST_EVENTS = 2_000
AHEAD = dt.timedelta(days=2 * 366)
"""How far repetitions are written out."""


@dataclass(frozen=True, slots=True)
class Event:
    """One time away: as it is said, and why."""

    first: str
    last: str
    reason: str
    span: Span


@dataclass(frozen=True, slots=True)
class CalendarRead:
    """What a calendar says: the times to come, and why others were left out."""

    events: tuple[Event, ...]
    left_out: tuple[str, ...]


def read_calendar(text: bytes, person: Person, now: dt.datetime) -> CalendarRead:
    """Read times away from a calendar.

    Raises:
        UserError: it is no iCalendar file, too large, or has no event.
    """
    if len(text) > MOST_BYTES:
        raise UserError("the calendar is larger than 5 MB", fix="Export the time off alone")
    try:
        calendar = Calendar.from_ical(text)
        components = [one for one in calendar.walk("VEVENT") if isinstance(one, Component)]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise UserError(
            "this is no iCalendar file", fix="It begins with BEGIN:VCALENDAR; export the calendar as .ics"
        ) from error
    if not components:
        raise UserError("the calendar has no event", fix="Export the calendar that has the time off")
    events: list[Event] = []
    left_out: list[str] = []
    for component in components:
        title = str(component.get("summary", "")).strip()[:200] or "an event without a title"
        if str(component.get("status", "")).upper() == "CANCELLED":
            left_out.append(f"{title}: cancelled")
            continue
        try:
            found, problem = _times(component, person, now)
        except (ValueError, TypeError, AttributeError, KeyError, OverflowError) as error:
            left_out.append(f"{title}: its times cannot be read ({error})")
            continue
        if problem:
            left_out.append(f"{title}: {problem}")
        events += [Event(first, last, title, span) for first, last, span in found]
        if len(events) > MOST_EVENTS:
            raise UserError(f"the calendar has more than {MOST_EVENTS:,} times to come", fix="Export less")
    events.sort(key=lambda one: one.span)
    return CalendarRead(tuple(events), tuple(left_out))


def _times(component: Component, person: Person, now: dt.datetime) -> tuple[list[tuple[str, str, Span]], str]:
    if component.get("dtstart") is None:
        return [], "it has no start"
    start, end = component.start, component.end
    found = []
    for begin in _occurrences(component, start, now):
        finish = begin + (end - start)
        if isinstance(begin, dt.datetime) and isinstance(finish, dt.datetime):
            span = _aware(begin, person), _aware(finish, person)
            first, last = (moment.isoformat(timespec="minutes") for moment in span)
        else:
            last_day = max(finish - dt.timedelta(days=1), begin)
            first, last = begin.isoformat(), last_day.isoformat()
            zone = person.zone
            span = (
                dt.datetime.combine(begin, dt.time(), zone).astimezone(dt.UTC),
                dt.datetime.combine(last_day + dt.timedelta(days=1), dt.time(), zone).astimezone(dt.UTC),
            )
        if span[1] > now and span[0] < span[1]:
            found.append((first, last, span))
    return found, "" if found else "it is over"


def _aware(moment: dt.datetime, person: Person) -> dt.datetime:
    return (moment if moment.tzinfo else moment.replace(tzinfo=person.zone)).astimezone(dt.UTC)


def _occurrences(component: Component, start: dt.date, now: dt.datetime) -> list[dt.date]:
    """The start, and those of repetitions, left out days not among them."""
    rule = component.get("rrule")
    if rule is None:
        return [start]
    naive = start if isinstance(start, dt.datetime) else dt.datetime.combine(start, dt.time())
    aware_of = naive.tzinfo
    until = (now + AHEAD).replace(tzinfo=None)
    text = rule.to_ical().decode()
    # dateutil wants UNTIL in the kind of the start; both are compared without a zone here.
    parts = [part for part in text.split(";") if not part.upper().startswith("UNTIL=")]
    limit = rule.get("until")
    if limit:
        last = limit[0]
        if not isinstance(last, dt.datetime):
            last = dt.datetime.combine(last, dt.time.max)
        until = min(until, last.replace(tzinfo=None) + dt.timedelta(days=0 if aware_of is None else 1))
    skipped = component.get("exdate")
    lists = skipped if isinstance(skipped, list) else [skipped] if skipped else []
    out = {value.dt for one in lists for value in one.dts}
    bare = naive.replace(tzinfo=None)
    found: list[dt.date] = []
    for begin in rrulestr(";".join(parts), dtstart=bare):
        if begin > until or len(found) > MOST_EVENTS:
            break
        own: dt.date = begin.replace(tzinfo=aware_of) if isinstance(start, dt.datetime) else begin.date()
        if own not in out:
            found.append(own)
    return found
