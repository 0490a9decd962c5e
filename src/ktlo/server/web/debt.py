"""The debt page, one entry's page, and the forms: add by hand, decide, take back.

The section comes from ``report/debt``; the schedule's hours, weeks and least return are in the URL, so a plan can be
sent to somebody. A form that says something impossible comes back with what was typed and a sentence.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import asdict, replace
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from ktlo.errors import UserError
from ktlo.metrics.choices import choices
from ktlo.metrics.question import Dimension, Question
from ktlo.planning.debt.behind import rows_behind
from ktlo.planning.debt.entry import Kind, Status
from ktlo.planning.debt.outlook import outlook_of
from ktlo.planning.debt.paid import paid_entries
from ktlo.planning.debt.returns import return_of
from ktlo.report.charts import SHARE, Heading, Row, Table, picture, unit_named, written
from ktlo.report.charts.calendar_ticks import minute_label
from ktlo.report.debt import Debt, debt, entry_href
from ktlo.report.debt_words import (
    STATUS_WORDS,
    amount_words,
    fact_words,
    return_words,
    schedule_words,
    standing_words,
)
from ktlo.report.pieces import Filter, Option
from ktlo.report.sections import Section
from ktlo.server import asking
from ktlo.server.api.debt import decide, kept, plan_of, say
from ktlo.server.api.debt_answer import EntryOut, SaidIn, StandingIn
from ktlo.server.api.metrics import Running
from ktlo.server.registers import entry_of, journal_of, register_of
from ktlo.server.runtime import Runtime
from ktlo.server.section_twin import twin_of
from ktlo.server.tables import json_rows
from ktlo.server.web.links import SiteLinks
from ktlo.server.web.rendering import parameters, render, render_twin, with_message, with_query

router = APIRouter()

_PLACES = (Dimension.SERVICE, Dimension.REPOSITORY, Dimension.TEAM)
_ALL = {"kind": "All kinds", "status": "Owed", "service": "All services", "repository": "All repositories",
        "team": "All teams"}  # fmt: skip
_ROWS = 100
FormText = Annotated[str, Form(max_length=500)]
Key = Annotated[str, Query(max_length=100)]


def _question(request: Request, runtime: Runtime) -> Question:
    names = ("to", *(str(place) for place in _PLACES))
    given = {name: values for name, values in parameters(request).items() if name in names}
    return asking.question(given, runtime.store, runtime.settings)


def _number(text: str, name: str) -> float | None:
    if not text.strip():
        return None
    try:
        value = float(text.strip().replace(",", "."))
        if not math.isfinite(value):
            raise ValueError(text)
        return value
    except ValueError as error:
        raise UserError(
            f"{text[:40]!r} is no number", where=name, fix="Write a number, such as 12 or 0.5"
        ) from error


def _last(given: dict[str, list[str]], name: str) -> str:
    return given.get(name, [""])[-1]


def _choices(given: dict[str, list[str]], name: str, kind: Any) -> list[Any]:
    known = {str(each) for each in kind}
    return [kind(value) for value in given.get(name, []) if value in known]


def _made(request: Request, runtime: Runtime) -> tuple[Section, Question, Debt]:
    given = parameters(request)
    question = _question(request, runtime)
    found = register_of(runtime, question)
    weeks = _number(_last(given, "weeks"), "weeks")
    kinds, statuses = _choices(given, "kind", Kind), _choices(given, "status", Status)
    plan = plan_of(
        runtime,
        question,
        found,
        _number(_last(given, "hours"), "hours"),
        int(weeks) if weeks is not None else None,
        _number(_last(given, "least"), "least") if _last(given, "least") else 1.0,  # type: ignore[arg-type]
        kinds,
        statuses,
    )
    shown = kept(found, kinds, statuses)
    told = Debt(
        found,
        shown,
        outlook_of(shown, found.period.draws),
        plan,
        tuple(paid_entries(runtime.store, journal_of(runtime), found)),
    )
    return debt(runtime.store, question, SiteLinks(given), told), question, told


def _filters(runtime: Runtime, given: dict[str, list[str]]) -> list[Filter]:
    kinds = tuple(Option(kind.value, kind.title) for kind in Kind)
    statuses = tuple(Option(status.value, STATUS_WORDS[status]) for status in Status)
    offered = {"kind": kinds, "status": statuses}
    for place in _PLACES:
        offered[place.value] = tuple(Option(name, name) for name in choices(runtime.store, place))
    return [
        Filter(name, name.capitalize(), _last(given, name), (Option("", _ALL[name]), *options))
        for name, options in offered.items()
        if options
    ]


def _page(
    request: Request,
    runtime: Runtime,
    *,
    status: int = 200,
    problem: UserError | None = None,
    typed: dict[str, str] | None = None,
) -> Response:
    section, _, told = _made(request, runtime)
    given = parameters(request)
    names = ("kind", "status", "service", "repository", "team")
    plan = told.plan
    carried = {name: given[name] for name in (*names, "to") if name in given}
    asked = {name: _last(given, name) for name in ("hours", "weeks", "least")}
    export = {**carried, **{name: value for name, value in asked.items() if value}}
    return render(
        request,
        "debt.html",
        "debt",
        status=status,
        section=section,
        pictures=[(figure, picture(figure.chart)) for figure in section.figures],
        filters_of=_filters(runtime, given),
        reset_href="/debt" if any(name in given for name in names) else "",
        filter_carry=[(name, value) for name, value in asked.items() if value],
        plan_carry=[(name, value) for name, values in carried.items() for value in values],
        plan=plan,
        plan_words=schedule_words(told.found, plan),
        asked={**asked, "hours": asked["hours"] or f"{plan.hours_per_week:.1f}", "weeks": asked["weeks"] or plan.weeks,
               "least": asked["least"] or "1"},
        exports=[
            (name, with_query("/api/v1/debt/schedule", {**export, "format": form}))
            for name, form in (("CSV", "csv"), ("JSON", "json"), ("Markdown, ready to paste as issues", "md"))
        ],
        repositories=choices(runtime.store, Dimension.REPOSITORY),
        problem=problem,
        typed=typed or {},
    )  # fmt: skip


@router.get("/debt")
def debt_page(request: Request, running: Running) -> Response:
    """What is owed, what it costs, what to pay first, what paid off."""
    return _page(request, running)


@router.get("/debt.json")
def debt_json(request: Request, running: Running) -> Response:
    """The same as JSON."""
    section, question, told = _made(request, running)
    twin = twin_of(section, question)
    twin["entries"] = [EntryOut.of(entry).model_dump(mode="json") for entry in told.shown]
    return render_twin(twin)


_HIDDEN_COLUMNS = ("repository",)


def _rows_table(rows: list[dict[str, Any]]) -> Table:
    """Rows behind an entry as a table; commits lead to why they have their category."""
    if not rows:
        return Table((Heading("at"),), ())
    names = [name for name in rows[0] if name not in _HIDDEN_COLUMNS]
    numeric = {
        name
        for name in names
        if isinstance(rows[0][name], int | float) and not isinstance(rows[0][name], bool)
    }
    return Table(
        tuple(
            Heading(name.replace("_", " "), unit_named("h") if name == "hours" else unit_named("count"))
            if name in numeric
            else Heading("when" if name == "at" else name.replace("_", " "))
            for name in names
        ),
        tuple(Row(tuple(_cell(row[name]) for name in names), _row_href(row)) for row in rows),
    )


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str) and len(value) > 19 and value.endswith("Z") and value[10:11] == "T":
        return minute_label(dt.datetime.fromisoformat(value))
    return value


def _row_href(row: dict[str, Any]) -> str:
    return with_query("/items", {"item": str(row["sha"])}) if row.get("sha") and row.get("subject") else ""


@router.get("/debt/entry")
def entry_page(request: Request, running: Running, key: Key) -> Response:
    """One entry: evidence, rows, who knows the code, what was decided, and the forms to decide."""
    return _entry(request, running, key)


def _entry(
    request: Request, runtime: Runtime, key: str, *, status: int = 200, problem: UserError | None = None
) -> Response:
    found, entry = entry_of(runtime, _question(request, runtime), key)
    day = found.period.hours_per_day
    paying = return_of(entry)
    journal = journal_of(runtime)
    said = journal.said(entry.key) if entry.kind is Kind.HAND else None
    rows = json_rows(rows_behind(runtime.store, entry, found.period, _ROWS))
    links = SiteLinks({})
    by_key = {each.key: each for each in found.entries}
    return render(
        request,
        "debt_entry.html",
        "debt",
        status=status,
        entry=entry,
        period=found.period,
        principal=amount_words(entry.principal, day),
        interest=amount_words(entry.interest, day, per=" a month"),
        ratio=return_words(entry),
        pays_back=written(paying.pays_back, SHARE)
        if paying.pays_back is not None and entry.interest.is_shown
        else "",
        standing=standing_words(entry),
        facts=[(fact.label, fact_words(fact, day)) for fact in entry.evidence],
        rows=_rows_table(rows),
        rows_csv=with_query(f"/api/v1/debt/entries/{entry.key}/rows", {"format": "csv", "limit": "100000"}),
        is_cut=len(rows) >= _ROWS,
        lines=journal.lines(entry.key),
        said=said,
        said_fields=asdict(said) if said is not None else {},
        repositories=choices(runtime.store, Dimension.REPOSITORY),
        after=[
            (each, by_key[each].title if each in by_key else each, entry_href(links, each))
            for each in entry.after
        ],
        statuses=[(each.value, STATUS_WORDS[each]) for each in Status],
        today=dt.datetime.now(dt.UTC).date().isoformat(),
        problem=problem,
    )


@router.get("/debt/entry.json")
def entry_json(request: Request, running: Running, key: Key) -> EntryOut:
    """The same as JSON."""
    return EntryOut.of(entry_of(running, _question(request, running), key)[1])


@router.post("/debt/entries")
async def add_entry(request: Request, running: Running) -> Response:
    """Write an entry down, or change one; then show it."""
    form = await request.form()
    typed = {name: str(value)[:1000] for name, value in form.items()}
    key = typed.get("key", "")
    question = _question(request, running)
    try:
        made = say(running, question, _read(typed), key)
    except UserError as error:
        if key:
            return _entry(request, running, key, status=400, problem=error)
        return _page(request, running, status=400, problem=error, typed=typed)
    where = with_query("/debt/entry", {"key": made})
    return RedirectResponse(with_message(where, "debt-changed" if key else "debt-added"), 303)


def _read(typed: dict[str, str]) -> SaidIn:
    def needed(name: str, words: str) -> float:
        value = _number(typed.get(name, ""), words)
        if value is None:
            raise UserError(f"{words} is missing", where=words, fix="Write hours, such as 12 or 0.5")
        return value

    for name in ("title", "repository", "path", "service", "team", "note", "author"):
        if len(typed.get(name, "")) > 500:
            raise UserError(f"{name} is longer than 500 characters", where=name, fix="Shorten it")
    return SaidIn(
        title=typed.get("title", ""),
        principal=needed("principal", "principal"),
        principal_low=_number(typed.get("principal_low", ""), "principal, at least"),
        principal_high=_number(typed.get("principal_high", ""), "principal, at most"),
        interest=needed("interest", "interest"),
        interest_low=_number(typed.get("interest_low", ""), "interest, at least"),
        interest_high=_number(typed.get("interest_high", ""), "interest, at most"),
        repository=typed.get("repository", ""),
        path=typed.get("path", ""),
        service=typed.get("service", ""),
        team=typed.get("team", ""),
        note=typed.get("note", ""),
        after=[key for key in typed.get("after", "").replace(",", " ").split() if key],
        author=typed.get("author", ""),
    )


def _date(text: str, name: str) -> dt.date | None:
    if not text:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise UserError(f"{text[:40]!r} is no date", where=name, fix="Write it as 2027-03-31") from error


@router.post("/debt/standing")
def decide_entry(
    request: Request,
    running: Running,
    key: FormText,
    status: Annotated[Status, Form()],
    author: FormText = "",
    reason: FormText = "",
    expires: FormText = "",
    week: FormText = "",
) -> Response:
    """Decide about an entry; then show it again."""
    question = replace(_question(request, running), only={})
    try:
        wanted = StandingIn(
            status=status,
            reason=reason,
            expires=_date(expires, "until") if status is Status.ACCEPTED else None,
            week=_date(week, "week") if status is Status.SCHEDULED else None,
            author=author,
        )
        decide(running, question, key, wanted)
    except UserError as error:
        return _entry(request, running, key, status=400, problem=error)
    return RedirectResponse(with_message(with_query("/debt/entry", {"key": key}), "debt-decided"), 303)


@router.post("/debt/withdraw")
def withdraw_entry(running: Running, key: FormText, author: FormText = "") -> Response:
    """Take an entry by hand back; then show the register."""
    journal_of(running).withdraw(key, author)
    return RedirectResponse(with_message("/debt", "debt-withdrawn"), 303)
