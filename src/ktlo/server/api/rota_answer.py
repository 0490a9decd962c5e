"""Rotas as JSON: the models that the API takes and answers."""

from __future__ import annotations

import datetime as dt

from pydantic import BaseModel, Field

from ktlo.planning.rota.check import Trouble
from ktlo.planning.rota.desk import EFFORT, MOST_WEEKS, WEEKS, Desk, Planned
from ktlo.planning.rota.duties import Duty
from ktlo.planning.rota.explain import Explanation
from ktlo.planning.rota.fairness import Served
from ktlo.planning.rota.load import Load, Page
from ktlo.planning.rota.rules import Rota
from ktlo.planning.rota.shifts import Burden
from ktlo.server.api.metrics import EstimateOut
from ktlo.server.tables import plain

NOBODY = "local user"
"""Who said something, where nobody was named."""


class DutyOut(BaseModel):
    """Somebody in a role from one moment to another."""

    rota: str
    role: str
    person: str
    name: str = Field(description="Name of the person.")
    start: dt.datetime
    end: dt.datetime
    because: str = Field(description="plan, swap, override, import, or schedule: that of a pager.")


class RotaMemberOut(BaseModel):
    """Somebody who takes turns."""

    person: str
    name: str
    time_zone: str
    skills: list[str]


class RotaOut(BaseModel):
    """A rota at a glance."""

    name: str
    time_zone: str
    shift: str
    roles: list[str]
    members: list[RotaMemberOut]
    now: list[DutyOut] = Field(description="Who is on duty now.")
    next: list[DutyOut] = Field(description="Who has each role next.")
    planned_until: dt.datetime | None


class WhoOut(BaseModel):
    """Who has a role at a moment."""

    rota: str
    at: dt.datetime
    duties: list[DutyOut]
    uncovered: list[str] = Field(description="Roles that nobody has.")


class TroubleOut(BaseModel):
    """One thing that is wrong with a schedule."""

    kind: str
    rota: str
    role: str
    person: str
    start: dt.datetime
    end: dt.datetime
    words: str
    fix: str

    @classmethod
    def of(cls, given: Trouble) -> TroubleOut:
        """As JSON has it."""
        return cls(
            kind=given.kind, rota=given.rota, role=given.role, person=given.person,
            start=given.start, end=given.end, words=given.words, fix=given.fix,
        )  # fmt: skip


class HoursOut(BaseModel):
    """Hours by kind; kinds overlap."""

    hours: float
    night: float
    weekend: float
    holiday: float

    @classmethod
    def of(cls, given: Burden) -> HoursOut:
        """As JSON has it."""
        return cls(
            hours=round(given.hours, 2), night=round(given.night, 2),
            weekend=round(given.weekend, 2), holiday=round(given.holiday, 2),
        )  # fmt: skip


class ServedOut(BaseModel):
    """What one person served and is due."""

    person: str
    name: str
    shifts: int
    served: HoursOut
    counted: HoursOut = Field(description="Served, with the hours that pages count for.")
    due: HoursOut = Field(description="A fair part, by the time that the person was there.")

    @classmethod
    def of(cls, given: Served) -> ServedOut:
        """As JSON has it."""
        return cls(
            person=given.person.key,
            name=given.person.name,
            shifts=given.shifts,
            served=HoursOut.of(given.served),
            counted=HoursOut.of(given.counted),
            due=HoursOut.of(given.due),
        )


class RotaLoadOut(BaseModel):
    """What one person bore. It is about a fair load, not about how well anybody works."""

    person: str
    name: str
    duty_hours: float
    shifts: int = Field(description="Duties behind the hours.")
    pages: int
    at_night: int
    off_hours: int
    interrupted_hours: float
    pages_per_week: EstimateOut = Field(description="Pages a week on call.")


class RotaPageOut(BaseModel):
    """One incident that called somebody."""

    source: str
    external_id: str
    title: str
    url: str
    service: str
    at: dt.datetime
    person: str
    is_night: bool
    is_off_hours: bool


class LoadsOut(BaseModel):
    """Load of a rota within a window."""

    rota: str
    start: dt.datetime
    end: dt.datetime
    people: list[RotaLoadOut]
    pages: list[RotaPageOut]
    unassigned: int = Field(description="Pages while nobody was on duty and that no member took.")
    schedules: list[str] = Field(
        description="Schedules of pagers, with their roles, by which it is known who was on call; else as planned."
    )
    unread_schedules: list[str] = Field(
        description="Those that the settings name and of which nothing was read."
    )
    strangers: list[str] = Field(description="People on call by these schedules who are not in the rota.")
    stranger_hours: float = Field(description="Their hours, which count for nobody.")
    longest_hours: float = Field(description="Most hours that one incident counts as an interruption.")


class WhyNotOut(BaseModel):
    """Why there is no plan."""

    summary: str
    reasons: list[str]
    ways_out: list[str] = Field(description="Each is enough by itself, cheapest first.")
    cheapest: list[str] = Field(description="What to give up together at the least price.")
    is_proven: bool
    words: str

    @classmethod
    def of(cls, given: Explanation) -> WhyNotOut:
        """As JSON has it."""
        return cls(
            summary=given.summary, reasons=list(given.reasons), ways_out=list(given.ways_out),
            cheapest=list(given.cheapest), is_proven=given.is_proven, words=given.words,
        )  # fmt: skip


class PlanIn(BaseModel):
    """What to plan."""

    rota: str = Field("", max_length=100)
    first: str = Field(
        "",
        max_length=40,
        description="Plan from this day on, published shifts included; where the last plan ends when empty.",
    )
    weeks: int = Field(WEEKS, ge=1, le=MOST_WEEKS)
    effort: float = Field(EFFORT, gt=0, le=60, description="Work of the search, about as many seconds.")
    seed: int | None = Field(None, ge=0)
    publish: bool = Field(False, description="Put what is found in force at once.")
    author: str = Field(NOBODY, max_length=200)


class RotaPlanOut(BaseModel):
    """A plan, or why there is none."""

    rota: str
    start: dt.datetime
    end: dt.datetime
    is_published: bool
    is_best: bool = Field(description="Proven that no plan is better by ktlo's weights.")
    duties: list[DutyOut]
    changed: int = Field(description="Published shifts that go to somebody else.")
    wishes_missed: list[str]
    notes: list[str]
    fairness: list[ServedOut] = Field(description="The last year and this plan together.")
    why_not: WhyNotOut | None


def duty_out(desk: Desk, duty: Duty) -> DutyOut:
    """A duty with the name of its person."""
    names = {person.key: person.name for person in desk.people}
    return DutyOut(
        rota=duty.rota, role=duty.role, person=duty.person, name=names.get(duty.person, duty.person),
        start=duty.start, end=duty.end, because=duty.because,
    )  # fmt: skip


def load_out(given: Load) -> RotaLoadOut:
    """As JSON has it."""
    rate = given.per_week
    return RotaLoadOut(
        person=given.person.key,
        name=given.person.name,
        duty_hours=round(given.duty, 2),
        shifts=given.shifts,
        pages=given.pages,
        at_night=given.at_night,
        off_hours=given.off_hours,
        interrupted_hours=round(given.interrupted, 2),
        pages_per_week=EstimateOut(
            value=plain(rate.value), low=plain(rate.low), high=plain(rate.high), n=rate.n,
            censored=rate.censored, reason=rate.reason,
        ),
    )  # fmt: skip


def page_out(given: Page) -> RotaPageOut:
    """As JSON has it."""
    return RotaPageOut(
        source=given.source, external_id=given.external_id, title=given.title, url=given.url,
        service=given.service, at=given.at, person=given.person, is_night=given.is_night,
        is_off_hours=given.is_off_hours,
    )  # fmt: skip


def plan_out(desk: Desk, rota: Rota, planned: Planned) -> RotaPlanOut:
    """A plan as JSON has it."""
    plan = planned.plan
    return RotaPlanOut(
        rota=planned.rota,
        start=planned.span[0],
        end=planned.span[1],
        is_published=planned.is_published,
        is_best=plan is not None and plan.is_best,
        duties=[duty_out(desk, duty) for duty in plan.duties] if plan else [],
        changed=plan.changed if plan else 0,
        wishes_missed=list(plan.wishes_missed) if plan else [],
        notes=list(plan.notes) if plan else [],
        fairness=[ServedOut.of(one) for one in desk.fairness_with(rota, planned)] if plan else [],
        why_not=WhyNotOut.of(planned.why_not) if planned.why_not else None,
    )


class PublishIn(BaseModel):
    """Which draft to put in force."""

    rota: str = Field("", max_length=100)
    author: str = Field(NOBODY, max_length=200)


class PublishedOut(BaseModel):
    """What was put in force."""

    rota: str
    start: dt.datetime
    end: dt.datetime


def rota_out(desk: Desk, rota: Rota) -> RotaOut:
    """A rota at a glance as JSON has it."""
    schedule = desk.served(rota)
    following = [schedule.next_after(desk.now, role.name) for role in rota.roles]
    return RotaOut(
        name=rota.name,
        time_zone=str(rota.zone),
        shift=rota.length,
        roles=[role.name for role in rota.roles],
        members=[
            RotaMemberOut(person=one.key, name=one.name, time_zone=str(one.zone), skills=sorted(one.skills))
            for one in rota.members
        ],
        now=[duty_out(desk, duty) for duty in schedule.at(desk.now)],
        next=[duty_out(desk, duty) for duty in following if duty is not None],
        planned_until=schedule.planned_until,
    )
