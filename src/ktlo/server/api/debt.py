"""Debt over HTTP: the register, one entry with its rows, entries by hand, decisions, the schedule, what paid off."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import PlainTextResponse, Response, StreamingResponse

from ktlo.metrics.question import Question
from ktlo.planning.budget.journal import in_force
from ktlo.planning.debt.behind import rows_behind
from ktlo.planning.debt.capacity import weekly_hours
from ktlo.planning.debt.entry import Entry, Kind, Standing, Status
from ktlo.planning.debt.journal import Journal
from ktlo.planning.debt.outlook import outlook_of
from ktlo.planning.debt.paid import paid_entries
from ktlo.planning.debt.register import Register
from ktlo.planning.debt.said import checked
from ktlo.planning.debt.schedule import Schedule, schedule
from ktlo.report.debt_export import entries_table, schedule_markdown, schedule_table
from ktlo.report.debt_words import answer_words, schedule_words
from ktlo.server import asking
from ktlo.server.api.debt_answer import (
    EntryOut,
    PaidOut,
    PaidsOut,
    RegisterOut,
    SaidIn,
    ScheduleOut,
    SlotOut,
    StandingIn,
    estimate_out,
)
from ktlo.server.api.effort import AUTHOR
from ktlo.server.api.metrics import Running, Values
from ktlo.server.api.plan import known_budgets
from ktlo.server.registers import entry_of, journal_of, register_of
from ktlo.server.tables import CSV_TOO, csv_lines, json_rows, plain

router = APIRouter(prefix="/debt", tags=["debt"])

Kinds = Annotated[list[Kind], Query(description="Keep only these kinds; repeat for several.")]
Statuses = Annotated[
    list[Status], Query(description="Keep only these; open and scheduled when none is given.")
]


def asked(
    request: Request,
    running: Running,
    to: Annotated[str, Query(description="What the register is about; now when empty.")] = "",
    service: Values = [],  # noqa: B006 - FastAPI copies it
    repository: Values = [],  # noqa: B006
    team: Values = [],  # noqa: B006
) -> Question:
    """Read the question from the query string; interest is always measured over the year before its end."""
    del to, service, repository, team
    names = ("to", "service", "repository", "team")
    given = {name: request.query_params.getlist(name) for name in names if name in request.query_params}
    return asking.question(given, running.store, running.settings)


Asked = Annotated[Question, Depends(asked)]


def kept(found: Register, kinds: list[Kind], statuses: list[Status]) -> tuple[Entry, ...]:
    """Entries of some kinds and statuses; those that are owed when no status is given."""
    wanted = statuses or [Status.OPEN, Status.SCHEDULED]
    return tuple(e for e in found.entries if (not kinds or e.kind in kinds) and e.standing.status in wanted)


def plan_of(
    running: Any,
    question: Question,
    found: Register,
    hours: float | None,
    weeks: int | None,
    least: float,
    kinds: list[Kind],
    statuses: list[Status],
) -> Schedule:
    """The schedule from the Monday after the register's end, of entries of some kinds and statuses.

    What has to be done before one of them is planned with it, whatever its kind.
    """
    ruling = in_force(known_budgets(running), min(question.end, question.now).date())
    share = ruling.share if ruling else None
    there = weekly_hours(running.store, question, running.settings, hours, share)
    end = found.period.end.date()
    return schedule(
        found.with_prerequisites(kept(found, kinds, statuses)),
        start=end + dt.timedelta(days=7 - end.weekday()),
        weeks=weeks if weeks is not None else running.settings.planning.weeks,
        hours_per_week=there.hours,
        basis=there.basis,
        least=least,
    )


_TEXT: dict[str, Any] = {"schema": {"type": "string"}}
_OTHER_FORMS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": _TEXT, "text/markdown": _TEXT}, "description": "As JSON, CSV or Markdown."}
}


def _csv(text: str, name: str) -> Response:
    return Response(
        text,
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": f'attachment; filename="{name}.csv"'},
    )


@router.get("", response_model=RegisterOut, responses=CSV_TOO)
def list_debt(
    running: Running,
    question: Asked,
    kind: Kinds = [],  # noqa: B006 - FastAPI copies it
    status: Statuses = [],  # noqa: B006
    form: Annotated[Literal["json", "csv"], Query(alias="format")] = "json",
) -> Any:
    """The register, in the order in which to pay: urgent vulnerabilities, then by return."""
    found = register_of(running, question)
    entries = kept(found, kind, status)
    if form == "csv":
        return _csv(entries_table(entries).csv(), "debt")
    outlook = outlook_of(entries, found.period.draws)
    return RegisterOut(
        answer=answer_words(found, outlook),
        start=found.period.start,
        end=found.period.end,
        owed=outlook.owed,
        interest=estimate_out(outlook.interest),
        principal=estimate_out(outlook.principal),
        entries=[EntryOut.of(entry) for entry in entries],
        notes=list(found.notes),
    )


@router.get("/schedule", response_model=ScheduleOut, responses=_OTHER_FORMS)
def schedule_debt(
    running: Running,
    question: Asked,
    hours: Annotated[
        float | None, Query(description="Hours a week for paying back; found out when not given.")
    ] = None,
    weeks: Annotated[int | None, Query(description="Weeks ahead; planning.weeks when not given.")] = None,
    least: Annotated[float, Query(description="Least return in a year that is worth it.")] = 1.0,
    kind: Kinds = [],  # noqa: B006 - FastAPI copies it
    status: Statuses = [],  # noqa: B006
    form: Annotated[Literal["json", "csv", "md"], Query(alias="format")] = "json",
) -> Any:
    """Which entry to pay in which week within the hours there are."""
    found = register_of(running, question)
    plan = plan_of(running, question, found, hours, weeks, least, kind, status)
    if form == "csv":
        return _csv(schedule_table(found, plan).csv(), "debt-schedule")
    if form == "md":
        return PlainTextResponse(schedule_markdown(found, plan), media_type="text/markdown; charset=utf-8")
    titles = {entry.key: entry for entry in found.entries}
    return ScheduleOut(
        answer=schedule_words(found, plan),
        start=plan.start,
        weeks=plan.weeks,
        hours_per_week=plan.hours_per_week,
        basis=plan.basis,
        hours=plan.hours,
        saves=estimate_out(plan.saves),
        fits=plain(plan.fits),
        pays_back=plain(plan.pays_back),
        slots=[
            SlotOut(
                week=plan.monday(slot.week), key=slot.key, title=titles[slot.key].title,
                repository=titles[slot.key].repository, hours=slot.hours, is_done=slot.is_done,
            )
            for slot in plan.slots
        ],
        left={key: why.value for key, why in plan.left.items()},
    )  # fmt: skip


@router.get("/paid")
def paid_debt(running: Running, question: Asked) -> PaidsOut:
    """Which entries were paid, and what it brought: bug fixes before and after, against files left alone."""
    found = register_of(running, question)
    return PaidsOut(
        ratio=estimate_out(found.payoffs.ratio),
        basis=found.payoffs.basis,
        paid=[PaidOut.of(one) for one in paid_entries(running.store, journal_of(running), found)],
    )


@router.get("/entries/{key}")
def one_entry(key: str, running: Running, question: Asked) -> EntryOut:
    """One entry with its evidence."""
    return EntryOut.of(entry_of(running, question, key)[1])


@router.get("/entries/{key}/rows", response_model=list[dict[str, Any]], responses=CSV_TOO)
def rows_of_entry(
    key: str,
    running: Running,
    question: Asked,
    limit: Annotated[int, Query(ge=1, le=100_000, description="Most rows to give.")] = 500,
    form: Annotated[Literal["json", "csv"], Query(alias="format")] = "json",
) -> Any:
    """The rows that an entry was made from."""
    found, entry = entry_of(running, question, key)
    table = rows_behind(running.store, entry, found.period, limit)
    if form == "csv":
        return StreamingResponse(
            csv_lines(table),
            media_type="text/csv; charset=utf-8",
            headers={"content-disposition": f'attachment; filename="{entry.key}.csv"'},
        )
    return json_rows(table)


def say(running: Any, question: Question, given: SaidIn, key: str = "") -> str:
    """Check and write down an entry by hand, or change one; returns its key."""
    found = register_of(running, replace(question, only={}))
    known = [entry.key for entry in found.entries if entry.key != key]
    return journal_of(running).add(checked(given.said(), running.store, known), given.author, key)


def decide(running: Any, question: Question, key: str, given: StandingIn) -> Entry:
    """Write a decision down; returns the entry as it stands then."""
    _, entry = entry_of(running, question, key)
    week = given.week - dt.timedelta(days=given.week.weekday()) if given.week else None
    standing = Standing(given.status, given.reason, given.expires, week, given.author)
    journal: Journal = journal_of(running)
    journal.decide(entry, standing, question.now.date())
    return entry_of(running, question, key)[1]


@router.post("/entries", status_code=201)
def add_entry(running: Running, question: Asked, given: SaidIn) -> EntryOut:
    """Write an entry down by hand: what it takes and what it costs, as you say, with your name."""
    return EntryOut.of(entry_of(running, question, say(running, question, given))[1])


@router.post("/entries/{key}")
def change_entry(key: str, running: Running, question: Asked, given: SaidIn) -> EntryOut:
    """Change an entry by hand; what was said before stays in the journal."""
    return EntryOut.of(entry_of(running, question, say(running, question, given, key))[1])


@router.delete("/entries/{key}", status_code=204)
def withdraw_entry(
    key: str, running: Running, author: Annotated[str, Query(max_length=500)] = AUTHOR
) -> Response:
    """Take an entry by hand back; the journal keeps what was said."""
    journal_of(running).withdraw(key, author)
    return Response(status_code=204)


@router.post("/entries/{key}/standing")
def decide_entry(key: str, running: Running, question: Asked, given: StandingIn) -> EntryOut:
    """Decide about an entry: schedule, accept (with reason and last day), pay, or open it again."""
    return EntryOut.of(decide(running, question, key, given))
