"""What everybody has served and what is their due: hours, nights, weekends and holidays on call.

A person's due is the total shared out by the time that everybody was there: joined, and not away. Each page
counts for some hours more of the kind of time it fell into (``page_hours``), so that who was woken owes less.
It is about a fair load, never about how well anybody works.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ktlo.planning.rota.duties import Absence, Duty, covered_pieces
from ktlo.planning.rota.rules import SHADOW, Person, Rota
from ktlo.planning.rota.shifts import Burden, Span, burden_of, overlap_hours

LOOK_BACK = dt.timedelta(weeks=52)
"""How far back what was served counts."""
KINDS = ("hours", "night", "weekend", "holiday")


@dataclass(frozen=True, slots=True)
class Served:
    """One person's part.

    Attributes:
        person: who.
        served: hours of duty, pages not counted.
        counted: the same with the hours that pages count for.
        due: hours that would have been their fair part.
        shifts: duties that began in the window.
        here: hours that the person was there for.
    """

    person: Person
    served: Burden
    counted: Burden
    due: Burden
    shifts: int
    here: float


def served_by(
    rota: Rota,
    duties: Iterable[Duty],
    window: Span,
    absences: Sequence[Absence],
    pages: Mapping[str, Burden] | None = None,
) -> tuple[Served, ...]:
    """Count what each member served within a window, in the order of the rota.

    Args:
        rota: the rota.
        duties: in force; those outside the window or of others are left out.
        window: from, until.
        absences: time off of anybody.
        pages: hours that each person's pages count for, by kind.
    """
    total = {person.key: Burden() for person in rota.members}
    shifts = dict.fromkeys(total, 0)
    people = {person.key: person for person in rota.members}
    for duty in duties:
        if duty.person not in people or duty.role == SHADOW:
            continue
        pieces = tuple(
            (max(since, window[0]), min(until, window[1]))
            for since, until in covered_pieces(rota, duty)
            if since < window[1] and until > window[0]
        )
        if pieces:
            total[duty.person] += burden_of(pieces, people[duty.person], rota.night)
            shifts[duty.person] += 1
    counted = {key: burden + (pages or {}).get(key, Burden()) for key, burden in total.items()}
    here = presence(rota, window, absences)
    due = dues(list(counted.values()), list(here.values()))
    return tuple(
        Served(
            person, total[person.key], counted[person.key], due[place], shifts[person.key], here[person.key]
        )
        for place, person in enumerate(rota.members)
    )


def presence(rota: Rota, window: Span, absences: Sequence[Absence]) -> dict[str, float]:
    """Hours within a window that each member was there: joined, and not away; overlapping time off counts once."""
    found = {}
    for person in rota.members:
        since = window[0]
        if person.joined is not None:
            since = max(since, dt.datetime.combine(person.joined, dt.time(), person.zone).astimezone(dt.UTC))
        hours = overlap_hours((since, window[1]), window) if since < window[1] else 0.0
        until = since
        for away in sorted((a for a in absences if a.person == person.key), key=lambda a: (a.start, a.end)):
            start = max(away.start, until)
            if away.end > start:
                hours -= overlap_hours((start, away.end), (since, window[1])) if since < window[1] else 0.0
                until = away.end
        found[person.key] = max(hours, 0.0)
    return found


def dues(counted: Sequence[Burden], here: Sequence[float]) -> list[Burden]:
    """The total of each kind shared out by presence; equally when nobody was there."""
    everything = sum(here)
    parts = [hours / everything if everything else 1 / len(here) for hours in here]
    totals = Burden()
    for burden in counted:
        totals += burden
    return [
        Burden(totals.hours * part, totals.night * part, totals.weekend * part, totals.holiday * part)
        for part in parts
    ]
