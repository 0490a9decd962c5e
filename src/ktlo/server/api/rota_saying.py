"""What people say about rotas over HTTP: time off, wishes, swaps, overrides, schedules of other products."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from ktlo.errors import UsageError
from ktlo.planning.rota import journal, swaps
from ktlo.planning.rota.absence_calendar import read_calendar
from ktlo.planning.rota.desk import Desk
from ktlo.planning.rota.duties import Absence, Mood, Wish, overlaps
from ktlo.planning.rota.importing import import_duties, proposed_settings
from ktlo.planning.rota.rules import Rota, person_named
from ktlo.planning.rota.saying import read_moment, span_words
from ktlo.planning.rota.swaps import Step, Swap
from ktlo.server.api.rota import Desks, Name, span_of
from ktlo.server.api.rota_answer import NOBODY, DutyOut, TroubleOut, duty_out

router = APIRouter(prefix="/rota", tags=["rota"])

Author = Field(NOBODY, max_length=200, description="Who says so.")


class OffIn(BaseModel):
    """Time off to enter."""

    person: str = Field(max_length=200, description="Key, name or alias.")
    first: str = Field(max_length=40, description="First day, or moment.")
    last: str = Field("", max_length=40, description="Last day, included, or moment; the first when empty.")
    reason: str = Field("", max_length=500)
    author: str = Author


class CalendarIn(BaseModel):
    """Time off from a calendar."""

    person: str = Field(max_length=200)
    calendar: str = Field(max_length=5_000_000, description="iCalendar text (RFC 5545).")
    author: str = Author


class OffOut(BaseModel):
    """Time off."""

    number: str
    person: str
    name: str
    start: dt.datetime
    end: dt.datetime
    words: str
    reason: str


class OffSaidOut(BaseModel):
    """Time off that was entered, and what it does to the schedule in force."""

    entered: list[OffOut]
    left_out: list[str] = Field(description="What was not entered, and why.")
    troubles: list[TroubleOut] = Field(description="Duties in this time, to be swapped or planned again.")


class WishIn(OffIn):
    """A preference to enter."""

    mood: Mood = Field(Mood.RATHER_NOT, description="rather_not or gladly.")


class WishOut(OffOut):
    """A preference."""

    mood: Mood


class SwapIn(BaseModel):
    """A swap to ask for."""

    rota: str = Field("", max_length=100)
    shift: str = Field(max_length=40, description="A day or moment of the duty to hand over.")
    role: str = Field("", max_length=100, description="Its role; the first of the rota when empty.")
    to: str = Field(max_length=200, description="Who is asked to take it.")
    in_return: str = Field(
        "", max_length=40, description="A day or moment of a duty of theirs to take in return."
    )
    return_role: str = Field("", max_length=100)
    reason: str = Field("", max_length=500)
    author: str = Field("", max_length=200, description="Who asks; whoever has the duty when empty.")


class StepIn(BaseModel):
    """What somebody says to a swap."""

    rota: str = Field("", max_length=100)
    number: str = Field(max_length=40)
    step: Step = Field(description="accepted, approved, refused or withdrawn.")
    author: str = Field(max_length=200, description="Who says so.")


class SwapOut(BaseModel):
    """A swap and where it stands."""

    number: str
    rota: str
    role: str
    start: dt.datetime
    giver: str
    taker: str
    return_role: str
    return_start: dt.datetime | None
    step: Step
    reason: str
    asked_at: dt.datetime
    said_at: dt.datetime
    said_by: str

    @classmethod
    def of(cls, given: Swap) -> SwapOut:
        """As JSON has it."""
        return cls(**{name: getattr(given, name) for name in cls.model_fields})


class OverrideIn(BaseModel):
    """Somebody stands in."""

    rota: str = Field("", max_length=100)
    role: str = Field("", max_length=100)
    person: str = Field(max_length=200)
    start: str = Field(max_length=40, description="Moment, on the rota's clock without an offset.")
    end: str = Field(max_length=40)
    reason: str = Field("", max_length=500)
    author: str = Author


class RotaSaidOut(BaseModel):
    """What was said or taken back."""

    number: str
    what: str


class ImportIn(BaseModel):
    """A schedule of another product."""

    document: dict[str, Any] = Field(description="JSON that PagerDuty or Opsgenie answered.")
    rota: str = Field(
        "", max_length=100, description="Into this rota; empty proposes settings and stores nothing."
    )
    role: str = Field("", max_length=100)
    first: str = Field("", max_length=40)
    last: str = Field("", max_length=40)
    author: str = Author


class ImportedOut(BaseModel):
    """What was read."""

    vendor: str
    duties: list[DutyOut]
    notes: list[str]
    settings: str = Field(description="What to write into ktlo.yaml, where no rota was named.")


def off_out(desk: Desk, given: Absence | Wish) -> OffOut:
    """As JSON has it."""
    names = {person.key: person.name for person in desk.people}
    return OffOut(
        number=given.number, person=given.person, name=names.get(given.person, given.person),
        start=given.start, end=given.end, words=given.words, reason=given.reason,
    )  # fmt: skip


def _troubled(desk: Desk, person: str, entered: list[Absence]) -> list[TroubleOut]:
    return [
        TroubleOut.of(one)
        for rota in desk.rotas.values()
        for one in desk.troubles(rota, (desk.now, desk.now + dt.timedelta(days=400)))
        if one.person == person and any(overlaps((one.start, one.end), (a.start, a.end)) for a in entered)
    ]


@router.get("/off")
def list_off(
    desk: Desks, person: Annotated[str, Query(max_length=200, description="Only this person's.")] = ""
) -> list[OffOut]:
    """Time off to come, entered here or delivered by sources."""
    key = person_named(desk.rotas, person).key if person else ""
    return [
        off_out(desk, one) for one in desk.absences() if one.end > desk.now and (not key or one.person == key)
    ]


@router.post("/off", status_code=201)
def enter_off(desk: Desks, said: OffIn) -> OffSaidOut:
    """Enter time off; tells which duties fall into it."""
    person = person_named(desk.rotas, said.person)
    entered = journal.take_time_off(
        desk.state, person, said.first, said.last, reason=said.reason, author=said.author, now=desk.now
    )
    return OffSaidOut(
        entered=[off_out(desk, entered)], left_out=[], troubles=_troubled(desk, person.key, [entered])
    )


@router.post("/off/calendar", status_code=201)
def enter_calendar(desk: Desks, said: CalendarIn) -> OffSaidOut:
    """Enter time off from a calendar: every event to come is a time away."""
    person = person_named(desk.rotas, said.person)
    read = read_calendar(said.calendar.encode(), person, desk.now)
    entered, left_out = [], list(read.left_out)
    for event in read.events:
        try:
            entered.append(
                journal.take_time_off(
                    desk.state, person, event.first, event.last,
                    reason=event.reason, author=said.author, now=desk.now,
                )
            )  # fmt: skip
        except UsageError as error:
            left_out.append(f"{event.reason}: {error.what}")
    return OffSaidOut(
        entered=[off_out(desk, one) for one in entered],
        left_out=left_out,
        troubles=_troubled(desk, person.key, entered),
    )


@router.get("/wishes")
def list_wishes(desk: Desks) -> list[WishOut]:
    """Preferences to come."""
    return [
        WishOut(**off_out(desk, one).model_dump(), mood=one.mood)
        for one in journal.wishes(desk.state)
        if one.end > desk.now
    ]


@router.post("/wishes", status_code=201)
def enter_wish(desk: Desks, said: WishIn) -> WishOut:
    """Enter a preference; the next plan follows it where nobody else pays for it."""
    person = person_named(desk.rotas, said.person)
    one = journal.wish(
        desk.state, person, said.mood, said.first, said.last,
        reason=said.reason, author=said.author, now=desk.now,
    )  # fmt: skip
    return WishOut(**off_out(desk, one).model_dump(), mood=one.mood)


@router.delete("/said", status_code=204)
def take_back(
    desk: Desks,
    number: Annotated[str, Query(max_length=40, description="Of time off, a wish or an override.")],
    author: Annotated[str, Query(max_length=200)] = NOBODY,
) -> None:
    """Take time off, a wish or an override back; the journal keeps that it was said."""
    journal.take_back(desk.state, number, author)


@router.get("/swaps")
def list_swaps(desk: Desks, rota: Name = "") -> list[SwapOut]:
    """Swaps with where they stand, of every rota when none is named."""
    chosen = [desk.rota(rota)] if rota else list(desk.rotas.values())
    return [SwapOut.of(swap) for one in chosen for swap in desk.schedule(one).swaps]


@router.post("/swaps", status_code=201)
def ask_swap(desk: Desks, said: SwapIn) -> SwapOut:
    """Ask somebody to take a duty, in return for one of theirs or for nothing."""
    rota = desk.rota(said.rota)
    duty = desk.duty(rota, said.shift, said.role)
    back = desk.duty(rota, said.in_return, said.return_role or said.role) if said.in_return else None
    swap = swaps.ask(
        desk.state, rota, duty, rota.member(said.to), in_return=back, reason=said.reason,
        author=said.author or duty.person, now=desk.now,
    )  # fmt: skip
    return SwapOut.of(swap)


@router.post("/swaps/step")
def step_swap(desk: Desks, said: StepIn) -> SwapOut:
    """Accept, approve, refuse or withdraw a swap; it changes the schedule once it is approved."""
    rota = _rota_of_swap(desk, said.rota, said.number)
    swaps.say(desk.state, rota, said.number, said.step, said.author)
    told = next(swap for swap in desk.schedule(rota).swaps if swap.number == said.number)
    return SwapOut.of(told)


def _rota_of_swap(desk: Desk, name: str, number: str) -> Rota:
    if name or len(desk.rotas) == 1:
        return desk.rota(name)
    for rota in desk.rotas.values():
        if any(swap.number == number for swap in desk.schedule(rota).swaps):
            return rota
    return desk.rota(next(iter(desk.rotas), ""))


@router.post("/overrides", status_code=201)
def stand_in(desk: Desks, said: OverrideIn) -> RotaSaidOut:
    """Let somebody stand in for a while, whoever would have been on duty."""
    rota = desk.rota(said.rota)
    role = rota.role(said.role or rota.roles[0].name)
    person = rota.member(said.person)
    span = read_moment(said.start, rota.zone), read_moment(said.end, rota.zone)
    if span[1] <= span[0]:
        raise UsageError("the end is not after the start", fix="Write from when until when")
    if span[1] <= desk.now:
        raise UsageError(f"{span_words(span, rota.zone)} is over", fix="Overrides are for the time to come")
    number = journal.override(
        desk.state, rota.name, role.name, person, span, reason=said.reason, author=said.author
    )
    what = f"{person.name} is {role.name} of {rota.name} {span_words(span, rota.zone)}"
    return RotaSaidOut(number=number, what=what)


@router.post("/import", status_code=201)
def import_schedule(desk: Desks, said: ImportIn) -> ImportedOut:
    """Read a schedule of PagerDuty or Opsgenie: into a rota, or as settings to write."""
    if not said.rota:
        read = proposed_settings(said.document)
    else:
        rota = desk.rota(said.rota)
        role = rota.role(said.role).name if said.role else ""
        span = span_of(desk, rota, said.first, said.last)
        read = import_duties(desk.state, rota, role, said.document, span, said.author)
    return ImportedOut(
        vendor=read.vendor,
        duties=[duty_out(desk, duty) for duty in read.duties],
        notes=list(read.notes),
        settings=read.settings,
    )
