"""Rotas over HTTP: who is on call, what is planned, what is wrong with it, what is fair, and planning itself."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from ktlo.planning.rota.desk import Desk
from ktlo.planning.rota.feed import calendar_of
from ktlo.planning.rota.importing import exported
from ktlo.planning.rota.load import LONGEST
from ktlo.planning.rota.rules import Rota, person_named
from ktlo.planning.rota.saying import read_moment, read_span
from ktlo.server.api.metrics import Running
from ktlo.server.api.rota_answer import (
    DutyOut,
    LoadsOut,
    PlanIn,
    PublishedOut,
    PublishIn,
    RotaOut,
    RotaPlanOut,
    ServedOut,
    TroubleOut,
    WhoOut,
    duty_out,
    load_out,
    page_out,
    plan_out,
    rota_out,
)

router = APIRouter(prefix="/rota", tags=["rota"])


def desk_of(running: Running) -> Desk:
    """The rota desk of a request."""
    return Desk(running.settings, running.state, running.store)


Desks = Annotated[Desk, Depends(desk_of)]
Name = Annotated[str, Query(max_length=100, description="The rota; may be left out where there is one.")]
First = Annotated[str, Query(alias="from", max_length=40, description="Day or moment; now when empty.")]
Last = Annotated[str, Query(alias="to", max_length=40, description="Last day; 13 weeks on when empty.")]


def span_of(desk: Desk, rota: Rota, first: str, last: str, days: int = 91) -> tuple[dt.datetime, dt.datetime]:
    """The time that was asked for: from now, for so many days, unless said otherwise."""
    if first and last:
        return read_span(first, last, rota.zone)[0]
    start = read_moment(first, rota.zone) if first else desk.now
    if last:
        return read_span(start.astimezone(rota.zone).date().isoformat(), last, rota.zone)[0]
    return start, start + dt.timedelta(days=days)


@router.get("")
def list_rotas(desk: Desks) -> list[RotaOut]:
    """Every rota: who takes turns, who is on duty now and next."""
    return [rota_out(desk, rota) for rota in desk.rotas.values()]


@router.get("/who")
def who(
    desk: Desks,
    rota: Name = "",
    at: Annotated[str, Query(max_length=40, description="Day or moment; now when empty.")] = "",
) -> list[WhoOut]:
    """Who is on duty, now or at another moment; of every rota when none is named."""
    found = []
    for one in desk.chosen(rota):
        moment = read_moment(at, one.zone) if at else desk.now
        duties = desk.served(one).at(moment)
        held = {duty.role for duty in duties}
        found.append(
            WhoOut(
                rota=one.name,
                at=moment,
                duties=[duty_out(desk, duty) for duty in duties],
                uncovered=[role.name for role in one.roles if role.name not in held],
            )
        )
    return found


@router.get("/schedule")
def show_schedule(desk: Desks, rota: Name = "", first: First = "", last: Last = "") -> list[DutyOut]:
    """Duties in force; of the past those that were, where a pager's schedule says so."""
    one = desk.rota(rota)
    return [duty_out(desk, duty) for duty in desk.served(one).between(*span_of(desk, one, first, last))]


@router.get("/gaps")
def find_gaps(
    desk: Desks,
    rota: Name = "",
    days: Annotated[int, Query(ge=1, le=400, description="How far to look.")] = 90,
) -> list[TroubleOut]:
    """What is wrong with the schedules ahead: gaps, people who are away, broken rules."""
    span = (desk.now, desk.now + dt.timedelta(days=days))
    return [TroubleOut.of(one) for each in desk.chosen(rota) for one in desk.troubles(each, span)]


@router.get("/fairness")
def fairness(desk: Desks, rota: Name = "") -> list[ServedOut]:
    """What each member served in the last year and is planned for, against their fair part."""
    one = desk.rota(rota)
    return [ServedOut.of(each) for each in desk.fairness(one, desk.served(one).planned_until)]


@router.get("/load")
def load(desk: Desks, rota: Name = "", first: First = "", last: Last = "") -> LoadsOut:
    """Pages, nights and interrupted hours of each member, in the last 13 weeks unless said otherwise."""
    one = desk.rota(rota)
    window = span_of(desk, one, first, last) if first or last else None
    people, pages, (start, end) = desk.loads(one, window)
    return LoadsOut(
        rota=one.name,
        start=start,
        end=end,
        people=[load_out(each) for each in people],
        pages=[page_out(page) for page in pages],
        unassigned=sum(1 for page in pages if not page.person),
        schedules=[f"{name}: {role}" for role, name in desk.actual(one).schedules],
        unread_schedules=list(desk.actual(one).unknown),
        stranger_hours=round(desk.actual(one).stranger_hours((start, end)), 2),
        strangers=sorted(
            {each.name for each in desk.actual(one).strangers if each.end > start and each.start < end}
        ),
        longest_hours=LONGEST / dt.timedelta(hours=1),
    )


@router.post("/plan")
def plan(desk: Desks, asked: PlanIn) -> RotaPlanOut:
    """Plan a rota. What is found is kept as its draft, and is in force when published."""
    rota = desk.rota(asked.rota)
    first = read_moment(asked.first, rota.zone) if asked.first else None
    planned = desk.plan(
        rota, first=first, weeks=asked.weeks, effort=asked.effort, seed=asked.seed, author=asked.author
    )
    answer = plan_out(desk, rota, planned)
    if asked.publish and planned.plan is not None:
        desk.publish(rota, asked.author)
        answer.is_published = True
    return answer


@router.post("/publish")
def publish(desk: Desks, asked: PublishIn) -> PublishedOut:
    """Put the draft of a rota in force."""
    rota = desk.rota(asked.rota)
    start, end = desk.publish(rota, asked.author)
    return PublishedOut(rota=rota.name, start=start, end=end)


@router.get("/export", response_model=dict[str, Any])
def export(
    desk: Desks,
    form: Annotated[
        Literal["pagerduty", "opsgenie", "ics"], Query(alias="format", description="Shape of the file.")
    ] = "pagerduty",
    rota: Name = "",
    person: Annotated[str, Query(max_length=200, description="Only this person's duties (ics).")] = "",
    first: First = "",
    last: Last = "",
) -> Any:
    """A rota as the bodies of PagerDuty's or Opsgenie's requests, or as a calendar. Nothing is sent anywhere."""
    one = desk.rota(rota)
    span = span_of(desk, one, first, last)
    duties = desk.schedule(one).between(*span)
    if form == "ics":
        if person:
            key = person_named(desk.rotas, person).key
            duties = tuple(duty for duty in duties if duty.person == key)
        body = calendar_of(f"{one.name} on call", duties, desk.people, desk.now)
        return Response(body, media_type="text/calendar; charset=utf-8")
    return exported(one, duties, form, span)
