"""Who has which duty, who is away, who would rather not: the nouns between journal, solver and faces."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterable
from dataclasses import dataclass

from ktlo.planning.rota.rules import Rota
from ktlo.planning.rota.shifts import Shift, Span, shifts_between


class Because(enum.StrEnum):
    """Why somebody has a duty."""

    PLAN = "plan"
    SWAP = "swap"
    OVERRIDE = "override"
    IMPORT = "import"
    SCHEDULE = "schedule"
    """The schedule of a pager has the person there."""


@dataclass(frozen=True, slots=True)
class Duty:
    """A person in a role from one moment to another.

    Attributes:
        rota: name of the rota.
        role: name of the role, or ``shadow``.
        person: key of the person.
        start: from, UTC.
        end: until, UTC.
        because: what put the person there.
    """

    rota: str
    role: str
    person: str
    start: dt.datetime
    end: dt.datetime
    because: Because = Because.PLAN

    @property
    def span(self) -> Span:
        """From and until."""
        return self.start, self.end


@dataclass(frozen=True, slots=True)
class Absence:
    """Time off; whole days are days where the person lives.

    Attributes:
        number: identifier in the journal.
        person: key of the person.
        start: from, UTC.
        end: until, UTC.
        words: when, as people say it: ``5 to 9 Jan 2026``.
        reason: as it was told; may be empty.
    """

    number: str
    person: str
    start: dt.datetime
    end: dt.datetime
    words: str
    reason: str = ""


class Mood(enum.StrEnum):
    """What a person wishes; a plan follows it where nobody else pays for it."""

    RATHER_NOT = "rather_not"
    GLADLY = "gladly"


@dataclass(frozen=True, slots=True)
class Wish:
    """A preference about some days."""

    number: str
    person: str
    mood: Mood
    start: dt.datetime
    end: dt.datetime
    words: str
    reason: str = ""


def overlaps(span: Span, other: Span) -> bool:
    """True when two spans have a moment in common; ends are not part of a span."""
    return span[0] < other[1] and other[0] < span[1]


def covered_pieces(rota: Rota, duty: Duty) -> tuple[Span, ...]:
    """The covered parts of a duty: all of it where a rota covers all hours."""
    if rota.window is None and len(rota.days) == 7:
        return (duty.span,)
    around = shifts_between(rota, duty.start - dt.timedelta(days=8), duty.end)
    return tuple(
        (max(since, duty.start), min(until, duty.end))
        for shift in around
        for since, until in shift.pieces
        if overlaps((since, until), duty.span)
    )


def holder(duties: Iterable[Duty], role: str, shift: Shift) -> str:
    """Key of whoever has a role at the start of a shift; empty when nobody has."""
    return next((d.person for d in duties if d.role == role and d.start <= shift.first < d.end), "")
