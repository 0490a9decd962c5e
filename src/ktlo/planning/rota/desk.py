"""The rota desk: what faces ask about rotas, answered from settings, journal and records together.

Each answer is read anew: plans, time off and swaps count from the moment they are said.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ktlo.errors import NotFoundError, UsageError
from ktlo.planning.rota.actual import Actual, actual_of, as_served
from ktlo.planning.rota.board import Problem
from ktlo.planning.rota.check import AHEAD, Trouble, troubles
from ktlo.planning.rota.duties import Absence, Because, Duty
from ktlo.planning.rota.explain import Explanation, explain
from ktlo.planning.rota.fairness import LOOK_BACK, Served, served_by
from ktlo.planning.rota.journal import (
    absences,
    draft,
    drop_draft,
    keep_draft,
    publish,
    wishes,
)
from ktlo.planning.rota.load import Load, Names, Page, counted_pages, loads, pages_of
from ktlo.planning.rota.rules import SHADOW, Person, Rota, people_of, rota_named, rotas_of
from ktlo.planning.rota.saying import days_words, moment_words, read_moment
from ktlo.planning.rota.schedule import Schedule, in_force
from ktlo.planning.rota.shifts import Span, handovers_from, shift_of, shifts_between
from ktlo.planning.rota.solve import Plan, Told, Unsolved, solve
from ktlo.planning.rota.swaps import Step
from ktlo.settings import Settings
from ktlo.store.protocol import Queryable
from ktlo.store.state import State
from ktlo.wording import counted

WEEKS = 13
MOST_WEEKS = 53
EFFORT = 4.0
"""Work of a search unless more is asked for: about as many seconds on a usual machine."""
LOAD_BACK = dt.timedelta(weeks=13)

_TIME_OFF = """
SELECT source, external_id, person, first_day, last_day, reason FROM ktlo.time_off
ORDER BY first_day, source, external_id"""


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan that was asked for: what was found, or why nothing was.

    Attributes:
        rota: name of the rota.
        span: from the first hand-over to the last.
        plan: what was found; ``None`` when there is no plan.
        why_not: why there is none; ``None`` when there is a plan.
        is_published: it is in force.
    """

    rota: str
    span: Span
    plan: Plan | None
    why_not: Explanation | None
    is_published: bool = False


class Desk:
    """Answers about rotas.

    Args:
        settings: of ktlo.yaml.
        state: the journal.
        store: the records.
        now: the moment of asking.

    Raises:
        UserError: the rotas in the settings cannot be.
    """

    def __init__(
        self, settings: Settings, state: State, store: Queryable, now: dt.datetime | None = None
    ) -> None:
        self.state = state
        self.store = store
        self.now = now or dt.datetime.now(dt.UTC)
        self.rotas: Mapping[str, Rota] = rotas_of(settings.rota)
        self._seed = settings.planning.seed
        self._actual: dict[str, Actual] = {}

    def rota(self, name: str) -> Rota:
        """One rota. See :func:`~ktlo.planning.rota.rules.rota_named`."""
        return rota_named(self.rotas, name)

    def chosen(self, name: str) -> list[Rota]:
        """One rota, or all when none is named; raises as :meth:`rota`, also where there is none at all."""
        return list(self.rotas.values()) if self.rotas and not name else [self.rota(name)]

    @property
    def people(self) -> Sequence[Person]:
        """Everybody who is in any rota."""
        return people_of(self.rotas)

    def schedule(self, rota: Rota) -> Schedule:
        """The schedule in force, as it was planned and said here: what swaps and plans change."""
        return in_force(self.state, rota.name)

    def actual(self, rota: Rota) -> Actual:
        """What the schedules of pagers say about a rota; read once."""
        if rota.name not in self._actual:
            self._actual[rota.name] = actual_of(self.store, rota, self.now)
        return self._actual[rota.name]

    def is_planned(self, rota: Rota) -> bool:
        """Whether anything was ever planned here; else a rota lives by a pager's schedule, or has nobody."""
        return self.schedule(rota).planned_until is not None

    def served(self, rota: Rota) -> Schedule:
        """The schedule with who really was on call, where a pager's schedule says so, in place of who was planned."""
        return as_served(self.schedule(rota), self.actual(rota), self.now)

    def absences(self) -> list[Absence]:
        """Time off: what was entered here, and what sources delivered about people in a rota."""
        found = absences(self.state)
        people = self.people
        if not people:
            return found
        names = Names(self.store, people)
        by_key = {person.key: person for person in people}
        for row in self.store.query(_TIME_OFF).to_pylist():
            key = names.key(row["person"])
            if not key or row["last_day"] < row["first_day"]:
                continue
            zone = by_key[key].zone
            start = dt.datetime.combine(row["first_day"], dt.time(), zone)
            end = dt.datetime.combine(row["last_day"] + dt.timedelta(days=1), dt.time(), zone)
            found.append(
                Absence(
                    f"{row['source']}|{row['external_id']}",
                    key,
                    start.astimezone(dt.UTC),
                    end.astimezone(dt.UTC),
                    days_words(row["first_day"], row["last_day"]),
                    row["reason"],
                )
            )
        return sorted(found, key=lambda one: (one.start, one.person, one.number))

    def elsewhere(self, rota: Rota) -> tuple[Duty, ...]:
        """Duties of a rota's members in the other rotas."""
        members = {person.key for person in rota.members}
        return tuple(
            duty
            for other in self.rotas.values()
            if other.name != rota.name
            for duty in self.served(other).duties
            if duty.person in members and duty.role != SHADOW
        )

    def pages(self, rota: Rota, window: Span, schedule: Schedule | None = None) -> tuple[Page, ...]:
        """Pages of a rota within a window."""
        duties = (schedule or self.served(rota)).duties
        return pages_of(self.store, rota, duties, window, self.now)

    def loads(
        self, rota: Rota, window: Span | None = None
    ) -> tuple[tuple[Load, ...], tuple[Page, ...], Span]:
        """What each member bore lately, the pages behind it, and the window."""
        schedule = self.served(rota)
        window = window or (self.now - LOAD_BACK, self.now)
        pages = self.pages(rota, window, schedule)
        return loads(rota, schedule.duties, pages, window, self.absences()), pages, window

    def fairness(self, rota: Rota, until: dt.datetime | None = None) -> tuple[Served, ...]:
        """What each member served in the last year, and is planned for until a moment, against their due."""
        schedule = self.served(rota)
        window = (self.now - LOOK_BACK, until or self.now)
        pages = counted_pages(rota, self.pages(rota, (window[0], self.now), schedule))
        return served_by(rota, schedule.duties, window, self.absences(), pages)

    def troubles(self, rota: Rota, span: Span | None = None) -> tuple[Trouble, ...]:
        """What is wrong with the schedule in force, within the coming 90 days unless said otherwise."""
        schedule = self.served(rota)
        start, end = span or (self.now, self.now + AHEAD)
        if not self.is_planned(rota) and schedule.planned_until is not None:
            # A pager's schedule goes on; how, is not read so far ahead.
            end = max(min(end, schedule.planned_until), start)
        return troubles(
            rota,
            schedule.duties,
            self.absences(),
            (start, end),
            self.elsewhere(rota),
            schedule.planned_until,
        )

    def start_of(self, rota: Rota, first: dt.datetime | None = None) -> dt.datetime:
        """The hand-over at which a plan begins: asked for, or where the last ends; the running shift if it is empty.

        Raises:
            UsageError: it lies in the past.
        """
        if first is not None and first + dt.timedelta(days=1) <= self.now:
            raise UsageError(
                f"{moment_words(first.astimezone(rota.zone))} is in the past",
                fix="What was served stays as it was: plan from today or later",
            )
        schedule = self.schedule(rota)
        moment = first or max(schedule.planned_until or self.now, self.now)
        running = shift_of(rota, moment)
        if running and not self.served(rota).between(running.start, running.end):
            # Nobody has any of it yet: it is planned as well.
            return running.start
        return next(handovers_from(rota, moment))

    def problem(
        self,
        rota: Rota,
        start: dt.datetime,
        weeks: int = WEEKS,
        effort: float = EFFORT,
        seed: int | None = None,
    ) -> Problem:
        """Everything that a plan from a hand-over on depends on.

        Raises:
            UsageError: no weeks, or more than a year of them.
        """
        if not 1 <= weeks <= MOST_WEEKS:
            raise UsageError(f"{counted(weeks, 'weeks')} cannot be planned", fix=f"Choose 1 to {MOST_WEEKS}")
        end = start + dt.timedelta(weeks=weeks)
        shifts = shifts_between(rota, start, end - dt.timedelta(hours=2))
        last = shifts[-1].end if shifts else end
        schedule = self.served(rota)
        # What a pager's schedule has from the plan's beginning on is what the plan is to replace.
        duties = [d for d in schedule.duties if d.because is not Because.SCHEDULE or d.start < start]
        pages = self.pages(rota, (start - LOOK_BACK, self.now), schedule)
        members = {person.key for person in rota.members}
        return Problem(
            rota=rota,
            shifts=shifts,
            absences=tuple(one for one in self.absences() if one.person in members),
            wishes=tuple(one for one in wishes(self.state) if one.person in members),
            fixed=tuple(duty for duty in duties if duty.start < start or duty.start >= last),
            elsewhere=self.elsewhere(rota),
            standing=tuple(duty for duty in duties if start <= duty.start < last),
            pages=counted_pages(rota, pages),
            seed=self._seed if seed is None else seed,
            effort=effort,
        )

    def plan(
        self,
        rota: Rota,
        *,
        first: dt.datetime | None = None,
        weeks: int = WEEKS,
        effort: float = EFFORT,
        seed: int | None = None,
        author: str,
        told: Told | None = None,
    ) -> Planned:
        """Plan, and keep what was found as the rota's draft; nothing is in force by that."""
        start = self.start_of(rota, first)
        problem = self.problem(rota, start, weeks, effort, seed)
        span = (start, problem.shifts[-1].end if problem.shifts else start + dt.timedelta(weeks=weeks))
        found = solve(problem, told)
        if isinstance(found, Unsolved):
            return Planned(rota.name, span, None, explain(problem))
        keep_draft(self.state, rota.name, span, [role.name for role in rota.roles], found.duties, author)
        return Planned(rota.name, span, found, None)

    def publish(self, rota: Rota, author: str) -> Span:
        """Put the draft of a rota in force; returns its time.

        Raises:
            UsageError: there is no draft, or a swap was approved since it was made.
        """
        kept = draft(self.state, rota.name)
        if kept is None:
            raise UsageError(
                f"there is no draft of {rota.name} to publish", fix=f"`ktlo rota plan {rota.name}` makes one"
            )
        for swap in self.schedule(rota).swaps:
            if swap.step is Step.APPROVED and swap.said_at > kept.said_at and swap.start >= kept.start:
                raise UsageError(
                    "a swap was approved after this draft was made",
                    fix=f"Plan again, so that it is kept: `ktlo rota plan {rota.name}`",
                )
        publish(self.state, rota.name, (kept.start, kept.end), kept.roles, kept.duties, author)
        drop_draft(self.state, rota.name, author)
        return kept.start, kept.end

    def duty(self, rota: Rota, said: str, role: str = "") -> Duty:
        """The duty that begins on a day, or that a day or moment falls into.

        Raises:
            NotFoundError: nobody has that role then.
            UsageError: it is no date.
        """
        wanted = rota.role(role or rota.roles[0].name).name
        moment = read_moment(said, rota.zone)
        duties = [duty for duty in self.schedule(rota).duties if duty.role == wanted]
        if "T" not in said:
            day = moment.astimezone(rota.zone).date()
            begins = [duty for duty in duties if duty.start.astimezone(rota.zone).date() == day]
            if begins:
                return begins[0]
            moment += dt.timedelta(hours=12)
        for duty in duties:
            if duty.start <= moment < duty.end:
                return duty
        raise NotFoundError(
            f"nobody is {wanted} of {rota.name} on {said[:40]}",
            fix=f"`ktlo rota show {rota.name}` lists the shifts",
        )

    def duties_of(self, person: Person, span: Span) -> tuple[Duty, ...]:
        """Duties of a person in every rota within a span."""
        found = [
            duty
            for rota in self.rotas.values()
            for duty in self.served(rota).between(*span)
            if duty.person == person.key
        ]
        return tuple(sorted(found, key=lambda duty: (duty.start, duty.rota, duty.role)))

    def fairness_with(self, rota: Rota, planned: Planned) -> tuple[Served, ...]:
        """What each member would have served by the end of a plan that is not in force yet."""
        schedule = self.served(rota)
        duties = planned.plan.duties if planned.plan else ()
        kept = [d for d in schedule.duties if not planned.span[0] <= d.start < planned.span[1]]
        window = (self.now - LOOK_BACK, planned.span[1])
        pages = counted_pages(rota, self.pages(rota, (window[0], self.now), schedule))
        return served_by(rota, [*kept, *duties], window, self.absences(), pages)
