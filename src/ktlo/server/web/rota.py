"""The Rota page: who is on call, plan and publish, time off and swaps; calendars of it, and its JSON twin."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from ktlo.metrics.question import Question
from ktlo.planning.rota import journal, swaps
from ktlo.planning.rota.desk import WEEKS, Desk
from ktlo.planning.rota.duties import Because, Duty, Mood
from ktlo.planning.rota.feed import calendar_of
from ktlo.planning.rota.rules import SHADOW, Rota, person_named
from ktlo.planning.rota.saying import moment_words
from ktlo.planning.rota.swaps import Step, Swap
from ktlo.report.charts import picture
from ktlo.report.pieces import Progress
from ktlo.report.rota import RotaView, rota_section, view_of
from ktlo.server.api.metrics import Running
from ktlo.server.api.rota_answer import TroubleOut, duty_out
from ktlo.server.api.rota_saying import SwapOut
from ktlo.server.planning_runs import PlanningRun, PlanningRuns
from ktlo.server.section_twin import twin_of
from ktlo.server.security import Access
from ktlo.server.web.rendering import render, render_fragment, render_twin, with_message, with_query

router = APIRouter()

FEED_BACK, FEED_AHEAD = dt.timedelta(weeks=4), dt.timedelta(weeks=53)

Text = Annotated[str, Form(max_length=500)]


def _desk(running: Running) -> Desk:
    return Desk(running.settings, running.state, running.store)


def _runs(request: Request) -> PlanningRuns:
    if not hasattr(request.app.state, "planning_runs"):
        request.app.state.planning_runs = PlanningRuns(request.app.state.runtime.tracer)
    runs: PlanningRuns = request.app.state.planning_runs
    return runs


def _back(rota: str, done: str = "", anchor: str = "") -> RedirectResponse:
    path = with_query("/rota", {"rota": rota})
    return RedirectResponse((with_message(path, done) if done else path) + anchor, 303)


@router.get("/rota")
def rota_page(request: Request, running: Running, rota: str = "") -> Response:
    """One rota; the first when none is named."""
    desk = _desk(running)
    if not desk.rotas:
        return render(request, "rota_none.html", "rota")
    one = desk.rota(rota or next(iter(desk.rotas)))
    # Looked at first: a search that ends while the page is made is shown as under way, and the page renews itself.
    run = _runs(request).last(one.name)
    progress = _progress(run)
    view = view_of(desk, one)
    section = rota_section(desk, view)
    return render(
        request,
        "rota.html",
        "rota",
        section=section,
        pictures=[(figure, picture(figure.chart)) for figure in section.figures],
        rota=one,
        rotas=list(desk.rotas),
        view=view,
        run=run,
        progress=progress,
        swaps=[(swap, _swap_words(desk, one, swap)) for swap in _open_first(view)],
        shifts=_shifts(desk, view),
        names={person.key: person.name for person in desk.people},
        next_start=desk.start_of(one).astimezone(one.zone).date(),
        today=desk.now.astimezone(one.zone).date(),
        weeks=WEEKS,
        feeds=_feeds(request, one),
    )


def _progress(run: PlanningRun | None) -> list[Progress]:
    if run is None or not run.is_running:
        return []
    return [Progress(f"Planning {run.rota}", run.found, unit="plans found, each better than the one before")]


def _open_first(view: RotaView) -> list[Swap]:
    waiting = [swap for swap in view.schedule.swaps if swap.step.is_open]
    settled = [swap for swap in view.schedule.swaps if not swap.step.is_open]
    return [*waiting, *reversed(settled[-5:])]


def _shifts(desk: Desk, view: RotaView) -> list[tuple[str, str]]:
    """Shifts to come that can be handed over: how they are named in a form, and in words."""
    names = {person.key: person.name for person in desk.people}
    return [
        (
            f"{duty.role}|{duty.start.isoformat()}",
            (
                f"{names.get(duty.person, duty.person)}: {duty.role},"
                f" {moment_words(duty.start.astimezone(view.rota.zone))}"
            ),
        )
        for duty in view.schedule.duties
        if duty.end > desk.now and duty.role != SHADOW and duty.because is not Because.SCHEDULE
    ][:400]


def _swap_words(desk: Desk, rota: Rota, swap: Swap) -> str:
    names = {person.key: person.name for person in desk.people}
    start = moment_words(swap.start.astimezone(rota.zone))
    said = f"{names.get(swap.giver, swap.giver)} hands {swap.role} from {start} over to"
    said += f" {names.get(swap.taker, swap.taker)}"
    if swap.return_start:
        back = moment_words(swap.return_start.astimezone(rota.zone))
        said += f" and takes {swap.return_role} from {back}"
    return said


def _feeds(request: Request, rota: Rota) -> list[tuple[str, str]]:
    """Addresses of the calendars; where a token is needed, each has a key that opens it alone."""
    access: Access = request.app.state.access
    paths = [("the whole rota", f"/rota/{rota.name}.ics")]
    paths += [(person.name, f"/rota/{rota.name}/{person.key}.ics") for person in rota.members]
    return [(label, with_query(_quoted(path), {"key": access.feed_key(path)})) for label, path in paths]


def _quoted(path: str) -> str:
    from urllib.parse import quote

    return quote(path)


@router.get("/rota.json")
def rota_json(running: Running, rota: str = "") -> Response:
    """The page as JSON."""
    desk = _desk(running)
    if not desk.rotas:
        return JSONResponse({"rotas": []})
    one = desk.rota(rota or next(iter(desk.rotas)))
    view = view_of(desk, one)
    question = Question(start=desk.now - dt.timedelta(weeks=13), end=desk.now, now=desk.now)
    twin: dict[str, Any] = twin_of(rota_section(desk, view), question)
    twin["rotas"] = list(desk.rotas)
    twin["rota"] = one.name
    twin["troubles"] = [TroubleOut.of(each).model_dump(mode="json") for each in view.troubles]
    twin["swaps"] = [SwapOut.of(each).model_dump(mode="json") for each in view.schedule.swaps]
    twin["draft"] = (
        [duty_out(desk, duty).model_dump(mode="json") for duty in view.draft.duties] if view.draft else None
    )
    return render_twin(twin)


@router.get("/fragments/rota")
def rota_fragment(request: Request, rota: str) -> HTMLResponse:
    """How far a search is; says when it is over."""
    run = _runs(request).last(rota)
    items = _progress(run) or [
        Progress(f"Planning {rota}", run.found if run else 0, unit="plans", finished=True)
    ]
    return render_fragment("fragment_progress.html", items=items)


def _calendar(desk: Desk, name: str, duties: list[Duty]) -> Response:
    body = calendar_of(name, duties, desk.people, desk.now)
    return Response(
        body, media_type="text/calendar; charset=utf-8", headers={"cache-control": "private, no-store"}
    )


@router.get("/rota/{name}.ics")
def rota_feed(running: Running, name: str) -> Response:
    """A rota as a calendar, for calendars to read again and again."""
    desk = _desk(running)
    rota = desk.rota(name)
    duties = desk.served(rota).between(desk.now - FEED_BACK, desk.now + FEED_AHEAD)
    return _calendar(desk, f"{rota.name} on call", list(duties))


@router.get("/rota/{name}/{person}.ics")
def person_feed(running: Running, name: str, person: str) -> Response:
    """One person's duties in a rota as a calendar."""
    desk = _desk(running)
    rota = desk.rota(name)
    who = rota.member(person)
    duties = desk.served(rota).between(desk.now - FEED_BACK, desk.now + FEED_AHEAD)
    return _calendar(desk, f"{who.name} on call", [duty for duty in duties if duty.person == who.key])


@router.post("/rota/plan")
def plan(
    request: Request, running: Running, rota: Text, first: Text = "", weeks: Annotated[int, Form()] = WEEKS
) -> Response:
    """Begin to plan; the page shows how far it is, then the draft or why there is none."""
    desk = _desk(running)
    one = desk.rota(rota)
    _runs(request).start(desk, one, first, weeks, "the page")
    return _back(one.name, anchor="#plan")


@router.post("/rota/publish")
def publish(running: Running, rota: Text, what: Text = "publish") -> Response:
    """Put the draft in force, or throw it away."""
    desk = _desk(running)
    one = desk.rota(rota)
    if what == "drop":
        journal.drop_draft(desk.state, one.name, "the page")
        return _back(one.name, "rota_dropped")
    desk.publish(one, "the page")
    return _back(one.name, "rota_published")


@router.post("/rota/off")
def off(
    running: Running,
    rota: Text,
    person: Text,
    first: Text,
    last: Text = "",
    reason: Text = "",
    what: Text = "off",
) -> Response:
    """Enter time off, or a wish."""
    desk = _desk(running)
    who = person_named(desk.rotas, person)
    if what == "off":
        journal.take_time_off(desk.state, who, first, last, reason=reason, author=who.key, now=desk.now)
        return _back(rota, "rota_off")
    journal.wish(desk.state, who, Mood(what), first, last, reason=reason, author=who.key, now=desk.now)
    return _back(rota, "rota_wish")


@router.post("/rota/take-back")
def take_back(running: Running, rota: Text, number: Text) -> Response:
    """Take time off, a wish or an override back."""
    journal.take_back(running.state, number, "the page")
    return _back(rota, "rota_taken_back")


@router.post("/rota/swaps")
def ask_swap(
    running: Running, rota: Text, shift: Text, to: Text, in_return: Text = "", reason: Text = ""
) -> Response:
    """Ask somebody to take a shift."""
    desk = _desk(running)
    one = desk.rota(rota)
    role, _, start = shift.partition("|")
    duty = desk.duty(one, start, role)
    back = None
    if in_return:
        back_role, _, back_start = in_return.partition("|")
        back = desk.duty(one, back_start, back_role)
    swaps.ask(
        desk.state, one, duty, one.member(to), in_return=back, reason=reason, author=duty.person, now=desk.now
    )
    return _back(one.name, "rota_asked", "#swaps")


@router.post("/rota/swaps/step")
def step_swap(
    running: Running, rota: Text, number: Text, step: Annotated[Step, Form()], author: Text
) -> Response:
    """Say something to a swap."""
    desk = _desk(running)
    one = desk.rota(rota)
    swaps.say(desk.state, one, number, step, author)
    told = next(swap for swap in desk.schedule(one).swaps if swap.number == number)
    return _back(one.name, f"rota_{told.step}", "#swaps")
