"""Rotas as a section: who is on call now and next, what is wrong ahead, and what is everybody's fair part.

Answers come from the rota desk (``planning/rota``); nothing is worked out here. What is shown about people is
about a fair load, never about how well they work.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from ktlo.planning.rota.actual import Actual
from ktlo.planning.rota.check import Trouble
from ktlo.planning.rota.desk import Desk
from ktlo.planning.rota.duties import Absence, Because, Duty
from ktlo.planning.rota.fairness import Served
from ktlo.planning.rota.journal import Published, draft
from ktlo.planning.rota.load import Load, Page
from ktlo.planning.rota.rules import SHADOW, Rota
from ktlo.planning.rota.saying import moment_words
from ktlo.planning.rota.schedule import Schedule
from ktlo.planning.rota.shifts import Span
from ktlo.report.charts import COUNT, Head, Heading, Row, Table, Unit
from ktlo.report.charts.duties import DutyCalendar, Turn
from ktlo.report.pieces import Answer, Card, Known, Nothing
from ktlo.report.sections import Figure, Listing, Section
from ktlo.wording import counted, named

SHOWN = dt.timedelta(weeks=13)
_HOURS = Unit(symbol="h")
_MOST_TROUBLES = 50


@dataclass(frozen=True, slots=True)
class RotaView:
    """What the page of a rota shows beside its section.

    Attributes:
        rota: which.
        schedule: in force; of the past, who really was on call where a pager's schedule says so.
        draft: a plan that is not in force yet; ``None`` without one.
        troubles: what is wrong ahead.
        absences: time off of members to come.
    """

    rota: Rota
    schedule: Schedule
    draft: Published | None
    troubles: tuple[Trouble, ...]
    absences: tuple[Absence, ...]


def view_of(desk: Desk, rota: Rota) -> RotaView:
    """Everything that the page of a rota asks the desk for, once."""
    members = {person.key for person in rota.members}
    return RotaView(
        rota,
        desk.served(rota),
        draft(desk.state, rota.name),
        desk.troubles(rota),
        tuple(one for one in desk.absences() if one.end > desk.now and one.person in members),
    )


def rota_section(desk: Desk, view: RotaView) -> Section:
    """Answer who is on call in one rota."""
    rota, schedule = view.rota, view.schedule
    fair = desk.fairness(rota, schedule.planned_until)
    people, pages, window = desk.loads(rota)
    figures = []
    ahead = _calendar(
        desk, rota, schedule.between(desk.now, desk.now + SHOWN), "duties", "Who is on call", desk.now
    )
    if schedule.duties:
        figures.append(ahead)
    if view.draft is not None:
        figures.append(_calendar(desk, rota, view.draft.duties, "draft", "The draft, not in force yet", None))
    listings = [_troubles(view.troubles)] if view.troubles else []
    if schedule.duties:
        listings.append(_fairness(fair, rota))
        listings.append(_load(people, window, desk.actual(rota)))
    if view.absences:
        listings.append(_absences(desk, view.absences))
    return Section(
        key="rota",
        title=f"Rota {rota.name}",
        answer=_answer(desk, view),
        cards=_cards(view, fair, people),
        figures=tuple(figures),
        listings=tuple(listings),
        known=_known(rota, len(pages), _missing(desk, rota, pages, window)),
        nothing=None
        if schedule.duties or view.draft
        else Nothing(
            f"Nobody is planned in {rota.name} yet",
            f"{counted(len(rota.members), 'people')} take turns: plan the first weeks below, or on the command line.",
            command=f"ktlo rota plan {rota.name} --publish",
        ),
    )


def _answer(desk: Desk, view: RotaView) -> Answer:
    rota, schedule = view.rota, view.schedule
    now = [duty for duty in schedule.at(desk.now) if duty.role != SHADOW]
    held = {duty.role: duty for duty in now}
    said = _on_duty(desk, rota, [held.get(role.name) for role in rota.roles])
    following = [schedule.next_after(desk.now, role.name) for role in rota.roles]
    several = len(rota.roles) > 1
    then = [
        f"{_name(desk, duty.person)} ({duty.role})" if several else _name(desk, duty.person)
        for duty in following
        if duty
    ]
    planned = schedule.planned_until
    what = "planned" if desk.is_planned(rota) else "the pager's schedule is read"
    change = (
        f"{what} until {moment_words(planned.astimezone(rota.zone))}" if planned else "nothing is planned"
    )
    if view.troubles:
        needs = "needs" if len(view.troubles) == 1 else "need"
        change += f"; {counted(len(view.troubles), 'things')} ahead {needs} a look"
    return Answer(
        question=f"Who keeps the lights on in {rota.name}, and who is next?",
        said=said[0].upper() + said[1:],
        interval=f"next: {', '.join(then)}" if then else "",
        change=change,
    )


def _on_duty(desk: Desk, rota: Rota, duties: Sequence[Duty | None]) -> str:
    """``Ada is primary and Bob secondary until Mon 5 Jan 2026 09:00``."""
    ends = {duty.end if duty else None for duty in duties}
    parts: list[str] = []
    for role, duty in zip(rota.roles, duties, strict=True):
        verb = "is " if not parts or len(ends) > 1 else ""
        until = ""
        if duty and len(ends) > 1:
            until = f" until {moment_words(duty.end.astimezone(rota.zone))}"
        parts.append(f"{_name(desk, duty.person) if duty else 'nobody'} {verb}{role.name}{until}")
    said = ", ".join(parts[:-1]) + (" and " if len(parts) > 1 else "") + parts[-1]
    end = next(iter(ends))
    if len(ends) == 1 and end is not None:
        said += f" until {moment_words(end.astimezone(rota.zone))}"
    return said


def _name(desk: Desk, key: str) -> str:
    return next((person.name for person in desk.people if person.key == key), key)


def _calendar(
    desk: Desk, rota: Rota, duties: Sequence[Duty], name: str, title: str, now: dt.datetime | None
) -> Figure:
    names = {person.key: person.name for person in desk.people}
    roles = [role.name for role in rota.roles]
    roles += [SHADOW] if any(duty.role == SHADOW for duty in duties) else []
    turns = tuple(
        Turn(
            duty.role,
            names.get(duty.person, duty.person),
            _local(duty.start, rota),
            _local(duty.end, rota),
            "" if duty.because in (Because.PLAN, Because.SCHEDULE) else duty.because,
        )
        for duty in duties
        if duty.role in roles and _local(duty.end, rota) > _local(duty.start, rota)
    )
    zone = f"Times are those of {rota.zone}."
    return Figure(
        DutyCalendar(
            Head(name, title, f"Duties of {rota.name} by week. {zone}"),
            tuple(roles),
            turns,
            _local(now, rota) if now else None,
        ),
        f"A row is a week. {zone}",
    )


def _local(moment: dt.datetime, rota: Rota) -> dt.datetime:
    return moment.astimezone(rota.zone).replace(tzinfo=None)


def _cards(view: RotaView, fair: Sequence[Served], people: Sequence[Load]) -> tuple[Card, ...]:
    if not view.schedule.duties:
        return ()
    nights = [one.counted.night - one.due.night for one in fair]
    pages = sum(one.pages for one in people)
    at_night = sum(one.at_night for one in people)
    open_swaps = sum(1 for swap in view.schedule.swaps if swap.step.is_open)
    return (
        Card(
            "Night hours above or below due",
            f"{min(nights):+.0f} to {max(nights):+.0f}\N{NO-BREAK SPACE}h".replace("-", "\N{MINUS SIGN}"),
            href="#fairness",
            sample=f"{counted(len(fair), 'people')}, the last year and what is planned",
        ),
        Card(
            "Pages in the last 13 weeks",
            f"{pages:,}",
            href="#load",
            sample=f"{at_night:,} of them at night",
        ),
        Card(
            "Things that need a look",
            f"{len(view.troubles):,}",
            href="#troubles" if view.troubles else "",
            sample="in the coming 90 days",
        ),
        Card("Swaps waiting", f"{open_swaps:,}", href="#swaps", sample="for an answer or an approval"),
    )


def _troubles(found: Sequence[Trouble]) -> Listing:
    rows = tuple(Row((one.words, one.kind.value, one.fix.replace("`", ""))) for one in found[:_MOST_TROUBLES])
    more = len(found) - len(rows)
    return Listing(
        "troubles",
        "What needs a look",
        Table((Heading("What"), Heading("Rule"), Heading("What to do")), rows),
        "Gaps, people who are away, and rules that are broken, in the coming 90 days."
        + (f" {more} more are in the JSON." if more else ""),
    )


def _fairness(fair: Sequence[Served], rota: Rota) -> Listing:
    kinds = (("hours", "Hours"), ("night", "Nights"), ("weekend", "Weekends"), ("holiday", "Holidays"))
    headings = [Heading("Person"), Heading("Shifts", COUNT)]
    for _, title in kinds:
        headings += [Heading(title, _HOURS), Heading("due", _HOURS)]
    rows = tuple(
        Row(
            (
                one.person.name,
                one.shifts,
                *(round(getattr(part, kind), 1) for kind, _ in kinds for part in (one.counted, one.due)),
            )
        )
        for one in fair
    )
    return Listing(
        "fairness",
        "What everybody has, and their fair part",
        Table(tuple(headings), rows),
        "Hours on call in the last year and in what is planned. Due is the total shared out by the time that each"
        f" was there. A page counts for {rota.page_hours:g} {named(rota.page_hours, 'hours')} more. It is about a fair"
        " load, not about performance.",
    )


def _load(people: Sequence[Load], window: Span, actual: Actual) -> Listing:
    headings = (
        Heading("Person"), Heading("On call", _HOURS), Heading("Shifts", COUNT), Heading("Pages", COUNT),
        Heading("At night", COUNT),
        Heading("Off hours", COUNT), Heading("Interrupted", _HOURS), Heading("Pages a week on call", COUNT),
        Heading("low", COUNT), Heading("high", COUNT),
    )  # fmt: skip
    rows = tuple(
        Row(
            (
                one.person.name,
                round(one.duty, 1),
                one.shifts,
                one.pages,
                one.at_night,
                one.off_hours,
                round(one.interrupted, 1),
                one.per_week.value,
                one.per_week.low,
                one.per_week.high,
            )
        )
        for one in people
    )
    told = list(dict.fromkeys(name for _, name in actual.schedules))
    said = (
        f" Who was on call is told by {' and '.join(told)}."
        if told
        else " On call are those who were planned."
    )
    return Listing(
        "load",
        "What being on call asked of everybody",
        Table(headings, rows),
        f"From {window[0]:%-d %b %Y} to {window[1]:%-d %b %Y}, low and high are a 95% interval."
        " Pages go into the next plan: who was woken more owes less." + said,
    )


def _absences(desk: Desk, found: Sequence[Absence]) -> Listing:
    rows = tuple(Row((_name(desk, one.person), one.words, one.reason)) for one in found)
    return Listing(
        "time-off",
        "Time off to come",
        Table((Heading("Person"), Heading("When"), Heading("Reason")), rows),
    )


def _missing(desk: Desk, rota: Rota, pages: Sequence[Page], window: Span) -> tuple[str, ...]:
    missing = []
    actual = desk.actual(rota)
    missing += [
        f"Nothing was read of a schedule {name}: its role counts as planned. Check its name, and its source."
        for name in actual.unknown
    ]
    hours = actual.stranger_hours(window)
    if hours:
        others = sorted(
            {one.name for one in actual.strangers if one.end > window[0] and one.start < window[1]}
        )
        missing.append(
            f"{hours:,.0f} hours on call were those of people who are not in the rota ({', '.join(others[:5])}"
            f"{' and others' if len(others) > 5 else ''}): they count for nobody."
        )
    unassigned = sum(1 for page in pages if not page.person)
    if unassigned:
        missing.append(
            f"{counted(unassigned, 'pages')} came while nobody was on duty, and no member took them:"
            " they count for nobody."
        )
    if not any(person.country for person in rota.members):
        missing.append("No member has a country, so no day counts as a public holiday.")
    return tuple(missing)


def _known(rota: Rota, pages: int, missing: tuple[str, ...]) -> Known:
    return Known(
        definition=(
            "The schedule is what was published, then approved swaps, then who stands in, in the order it was said; of"
            " the past, what the pager's schedule had, where it is read. Hours on call are the covered hours of shifts"
            " that passed, so that a week in which clocks change has 167 or 169."
            f" At most {rota.most_share:.0%} on call over {counted(rota.share_weeks, 'weeks')};"
            f" {rota.rest / dt.timedelta(hours=1):g} hours of rest. A page is an incident, counted for whoever"
            " acknowledged it if that is a member, else for who was on duty; one interrupts for 6 hours at most."
        ),
        sample=f"{counted(len(rota.members), 'people')}; {counted(pages, 'pages')} in 13 weeks",
        missing=missing,
        source="At most 25% on call: Google, Site Reliability Engineering, chapter 11; solver: OR-Tools CP-SAT",
    )
