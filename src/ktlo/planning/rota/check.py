"""Looks at a schedule and says what is wrong with it: gaps, people who are away, rules that are broken.

Reads the rules by itself, without the solver, so it finds what came in later: time off, a member who left, a
swap, an import. Used to look ahead (`ktlo rota gaps`) and, in tests, to judge what the solver made.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ktlo.planning.rota.board import NIGHT_WINDOW, WEEK, Kind, on_clock, window_starts
from ktlo.planning.rota.duties import Absence, Duty, covered_pieces, overlaps
from ktlo.planning.rota.rules import SHADOW, Person, Rota
from ktlo.planning.rota.saying import moment_words, span_words
from ktlo.planning.rota.shifts import Shift, Span, burden_of, clock_minutes, shifts_between
from ktlo.wording import counted, named

AHEAD = dt.timedelta(days=90)
"""How far gaps are looked for."""
_NIGHT = 8 * 60


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong with a schedule.

    Attributes:
        kind: which rule.
        rota: name of the rota.
        role: of the duty; empty where it is not about one.
        person: whom it is about; empty for a gap.
        start: from, UTC.
        end: until, UTC.
        words: one sentence.
        fix: what to do.
    """

    kind: Kind
    rota: str
    role: str
    person: str
    start: dt.datetime
    end: dt.datetime
    words: str
    fix: str


def troubles(
    rota: Rota,
    duties: Sequence[Duty],
    absences: Sequence[Absence],
    span: Span,
    elsewhere: Sequence[Duty] = (),
    planned_until: dt.datetime | None = None,
) -> tuple[Trouble, ...]:
    """Everything that is wrong within a span, in order of time.

    Args:
        rota: the rules.
        duties: in force; those before the span count for rest and share.
        absences: time off of anybody.
        span: from, until.
        elsewhere: duties of the same people in other rotas.
        planned_until: end of the last published plan: what lies beyond is one gap, not one a shift.
    """
    inspector = _Inspector(rota, duties, absences, span, elsewhere)
    found = [
        *inspector.gaps(planned_until),
        *inspector.strangers(),
        *inspector.away(),
        *inspector.skills(),
        *inspector.rest(),
        *inspector.elsewhere(),
        *inspector.windows(),
    ]
    return tuple(sorted(found, key=lambda one: (one.start, one.kind, one.role, one.person)))


class _Inspector:
    def __init__(
        self,
        rota: Rota,
        duties: Sequence[Duty],
        absences: Sequence[Absence],
        span: Span,
        elsewhere: Sequence[Duty],
    ) -> None:
        self._rota = rota
        self._all = [duty for duty in duties if duty.role != SHADOW]
        self._inside = [duty for duty in self._all if overlaps(duty.span, span)]
        self._absences = absences
        self._elsewhere = elsewhere
        self._span = span
        self._people = {person.key: person for person in rota.members}
        lead = dt.timedelta(days=8)
        self._shifts = [
            shift
            for shift in shifts_between(rota, span[0] - lead, span[1])
            if any(overlaps(piece, span) for piece in shift.pieces)
        ]

    def _trouble(self, kind: Kind, role: str, person: str, span: Span, words: str, fix: str) -> Trouble:
        return Trouble(kind, self._rota.name, role, person, *span, words, fix)

    def _name(self, key: str) -> str:
        return self._people[key].name if key in self._people else key

    def _said(self, span: Span) -> str:
        return span_words(span, self._rota.zone)

    def gaps(self, planned_until: dt.datetime | None) -> Iterable[Trouble]:
        """Moments in which a role has nobody."""
        beyond = planned_until or self._span[0]
        command = f"`ktlo rota plan {self._rota.name} --publish` plans on"
        for role in self._rota.roles:
            held = sorted(duty.span for duty in self._all if duty.role == role.name)
            open_gap: Span | None = None
            for shift in self._shifts:
                if shift.first >= beyond:
                    break
                for hole in _holes(shift, held, (self._span[0], min(self._span[1], beyond))):
                    if open_gap and hole[0] <= shift.first and open_gap[1] >= _before(self._shifts, shift):
                        open_gap = open_gap[0], hole[1]
                        continue
                    if open_gap:
                        yield self._gap(role.name, open_gap)
                    open_gap = hole
            if open_gap:
                yield self._gap(role.name, open_gap)
        if beyond < self._span[1]:
            start = beyond.astimezone(self._rota.zone)
            if any(shift.last > beyond for shift in self._shifts):
                yield self._trouble(
                    Kind.COVER,
                    "",
                    "",
                    (beyond, self._span[1]),
                    f"Nobody is planned from {moment_words(start)} on",
                    command,
                )

    def _gap(self, role: str, span: Span) -> Trouble:
        day = span[0].astimezone(self._rota.zone)
        fix = f"`ktlo rota plan {self._rota.name} --from {day:%Y-%m-%d}`, or for a few hours `ktlo rota stand-in`"
        return self._trouble(Kind.COVER, role, "", span, f"Nobody is {role} {self._said(span)}", fix)

    def strangers(self) -> Iterable[Trouble]:
        """Duties of people who are no longer members, or not yet."""
        for duty in self._inside:
            person = self._people.get(duty.person)
            if person is None:
                words = f"{duty.person} is {duty.role} {self._said(duty.span)} but not in the rota"
                yield self._trouble(Kind.JOINED, duty.role, duty.person, duty.span, words, self._again(duty))
            elif person.joined and duty.start.astimezone(person.zone).date() < person.joined:
                words = f"{person.name} is {duty.role} {self._said(duty.span)}, before joining"
                yield self._trouble(Kind.JOINED, duty.role, duty.person, duty.span, words, self._again(duty))

    def _again(self, duty: Duty) -> str:
        day = duty.start.astimezone(self._rota.zone)
        return f"Swap it, or plan again: `ktlo rota plan {self._rota.name} --from {day:%Y-%m-%d}`"

    def away(self) -> Iterable[Trouble]:
        """Duties in somebody's time off."""
        for duty in self._inside:
            for absence in self._absences:
                if absence.person != duty.person:
                    continue
                span = (absence.start, absence.end)
                if any(overlaps(piece, span) for piece in covered_pieces(self._rota, duty)):
                    words = (
                        f"{self._name(duty.person)} is {duty.role} {self._said(duty.span)}"
                        f" but away {absence.words}"
                    )
                    both = max(duty.start, span[0]), min(duty.end, span[1])
                    yield self._trouble(Kind.TIME_OFF, duty.role, duty.person, both, words, self._again(duty))

    def skills(self) -> Iterable[Trouble]:
        """Duties without the skills that are asked for."""
        for role in self._rota.roles:
            for duty in self._inside:
                person = self._people.get(duty.person)
                missing = sorted(role.skills - person.skills) if person and duty.role == role.name else []
                if missing:
                    words = f"{self._name(duty.person)} is {duty.role} {self._said(duty.span)} without {missing[0]}"
                    yield self._trouble(
                        Kind.SKILL, duty.role, duty.person, duty.span, words, self._again(duty)
                    )
        for skill in sorted(self._rota.skills):
            for shift in self._shifts:
                there = [d for d in self._inside if d.start <= shift.first < d.end]
                able = [
                    d for d in there if d.person in self._people and skill in self._people[d.person].skills
                ]
                if there and not able and shift.first >= self._span[0]:
                    span = (shift.first, shift.last)
                    words = f"Nobody on duty has {skill} {self._said(span)}"
                    yield self._trouble(Kind.SKILL, "", "", span, words, self._again(there[0]))

    def rest(self) -> Iterable[Trouble]:
        """Two duties of one person with less rest between them than the rules ask for, or at once."""
        for key in self._people:
            own = sorted((d for d in self._all if d.person == key), key=lambda d: (d.start, d.role))
            pieces = [(duty, covered_pieces(self._rota, duty)) for duty in own]
            busy = [(duty, held) for duty, held in pieces if held]
            for (before, earlier), (after, later) in itertools.pairwise(busy):
                rest = later[0][0] - earlier[-1][1]
                is_one = (
                    before.role == after.role and before.end == after.start and not self._is_handover(after)
                )
                if rest >= self._rota.rest or is_one or not overlaps(after.span, self._span):
                    continue
                hours = max(rest / dt.timedelta(hours=1), 0.0)
                words = (
                    f"{self._name(key)} has {hours:g} {named(hours, 'hours')} of rest before being {after.role}"
                    f" {self._said(after.span)}, less than {self._rota.rest / dt.timedelta(hours=1):g}"
                )
                yield self._trouble(Kind.REST, after.role, key, after.span, words, self._again(after))

    def _is_handover(self, duty: Duty) -> bool:
        return any(shift.start == duty.start for shift in self._shifts)

    def elsewhere(self) -> Iterable[Trouble]:
        """Duties at the same time as one in another rota."""
        for duty in self._inside:
            for other in self._elsewhere:
                if other.person == duty.person and overlaps(other.span, duty.span) and other.role != SHADOW:
                    words = (
                        f"{self._name(duty.person)} is {duty.role} {self._said(duty.span)}"
                        f" and {other.role} of {other.rota} at the same time"
                    )
                    yield self._trouble(
                        Kind.ELSEWHERE, duty.role, duty.person, duty.span, words, self._again(duty)
                    )

    def windows(self) -> Iterable[Trouble]:
        """Who is on call for more of the time, or of the nights, than the rules allow."""
        rota, zone = self._rota, self._rota.zone
        for person in rota.members:
            own = [(duty, covered_pieces(rota, duty)) for duty in self._all if duty.person == person.key]
            length = rota.share_weeks * WEEK
            minutes = [(d, sum(clock_minutes(piece, zone) for piece in pieces)) for d, pieces in own]
            allowed = int(rota.most_share * length / dt.timedelta(minutes=1))
            worst = self._worst(minutes, length, allowed)
            if worst:
                begin, amount = worst
                share = amount / (length / dt.timedelta(minutes=1))
                words = (
                    f"{person.name} is on call {share:.0%} of the {counted(rota.share_weeks, 'weeks')} from"
                    f" {begin:%-d %b %Y}, more than {rota.most_share:.0%}"
                )
                yield self._over(Kind.SHARE, person, begin, length, words)
            if rota.most_nights is None:
                continue
            nights = [(d, round(60 * burden_of(pieces, person, rota.night).night)) for d, pieces in own]
            worst = self._worst(nights, NIGHT_WINDOW, int(rota.most_nights * _NIGHT) + 60)
            if worst:
                begin, amount = worst
                words = (
                    f"{person.name} has {amount / _NIGHT:.0f} nights in the 4 weeks from {begin:%-d %b %Y},"
                    f" more than {rota.most_nights:g}"
                )
                yield self._over(Kind.NIGHTS, person, begin, NIGHT_WINDOW, words)

    def _worst(
        self, amounts: Sequence[tuple[Duty, int]], length: dt.timedelta, allowed: int
    ) -> tuple[dt.datetime, int] | None:
        zone = self._rota.zone
        totals = [
            (sum(n for d, n in amounts if begin <= on_clock(d.start, zone) < begin + length), begin)
            for begin in window_starts(tuple(self._shifts), length, zone)
        ]
        over = [(-total, begin) for total, begin in totals if total > allowed]
        return (min(over)[1], -min(over)[0]) if over else None

    def _over(
        self, kind: Kind, person: Person, begin: dt.datetime, length: dt.timedelta, words: str
    ) -> Trouble:
        start = begin.replace(tzinfo=self._rota.zone).astimezone(dt.UTC)
        fix = f"Plan again: `ktlo rota plan {self._rota.name} --from DATE`"
        return self._trouble(kind, "", person.key, (start, start + length), words, fix)


def _holes(shift: Shift, held: Sequence[Span], within: Span) -> Iterable[Span]:
    """Covered parts of a shift, inside a span, that no duty covers; ``held`` is sorted."""
    for piece in shift.pieces:
        since, until = max(piece[0], within[0]), min(piece[1], within[1])
        for start, end in held:
            if since >= until:
                break
            if end <= since or start >= until:
                continue
            if start > since:
                yield since, start
            since = max(since, end)
        if since < until:
            yield since, until


def _before(shifts: Sequence[Shift], shift: Shift) -> dt.datetime:
    """End of the covered hours before a shift."""
    place = shifts.index(shift)
    return shifts[place - 1].last if place else shift.first
