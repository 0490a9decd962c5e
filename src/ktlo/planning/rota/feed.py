"""Duties as an iCalendar feed (RFC 5545), for the calendars that people look at anyway.

Identifiers stay the same from one reading to the next, so a calendar changes an event in place of adding another.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping

from ktlo import __version__
from ktlo.planning.rota.duties import Duty
from ktlo.planning.rota.journal import number_of
from ktlo.planning.rota.rules import Person

REFRESH = dt.timedelta(hours=1)


def calendar_of(name: str, duties: Iterable[Duty], people: Iterable[Person], now: dt.datetime) -> bytes:
    """A calendar with an event for each duty.

    Args:
        name: shown by calendars.
        duties: what to write.
        people: whose names are written in place of their keys.
        now: when the feed is made.
    """
    from icalendar import Calendar, Event

    names: Mapping[str, str] = {person.key: person.name for person in people}
    calendar = Calendar()
    calendar.add("prodid", f"-//ktlo//ktlo {__version__}//EN")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", _line(name))
    calendar.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    for duty in duties:
        event = Event()
        # One event a role and hand-over: who has it may change, and then the event changes.
        event.add("uid", f"{number_of(duty.rota, duty.role, duty.start)}@rota.ktlo")
        event.add("dtstamp", now.astimezone(dt.UTC).replace(microsecond=0))
        event.add("dtstart", duty.start)
        event.add("dtend", duty.end)
        event.add("summary", _line(f"{names.get(duty.person, duty.person)}: {duty.role} of {duty.rota}"))
        event.add("categories", ["on call", duty.rota, duty.role])
        event.add("transp", "TRANSPARENT")
        calendar.add_component(event)
    return bytes(calendar.to_ical())


def _line(text: str) -> str:
    """One line without control characters, which RFC 5545 (3.3.11) has no way to write in a text."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
