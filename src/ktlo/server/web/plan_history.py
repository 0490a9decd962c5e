"""Budgets and quarters on a page: record the share in force, and see each quarter held against it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from ktlo.errors import UsageError
from ktlo.metrics.question import Question
from ktlo.planning.budget import journal
from ktlo.planning.budget.quarters import Quarter, past_quarters
from ktlo.report.charts import picture
from ktlo.report.plan_history import history_section
from ktlo.report.sections import Section
from ktlo.server.api.effort import AUTHOR
from ktlo.server.api.metrics import Running
from ktlo.server.api.plan import BudgetOut, QuarterOut, known_budgets
from ktlo.server.runtime import Runtime
from ktlo.server.section_twin import twin_of
from ktlo.server.web.links import SiteLinks
from ktlo.server.web.plan import asked_of, plan_bar
from ktlo.server.web.rendering import parameters, render, render_twin, with_message

router = APIRouter()


def _section(request: Request) -> Section:
    running, question, _ = asked_of(request)
    budgets = known_budgets(running)
    return history_section(
        _quarters(request, running, question, budgets), budgets, SiteLinks(parameters(request))
    )


def _quarters(
    request: Request, running: Runtime, question: Question, budgets: Sequence[journal.Budget]
) -> tuple[Quarter, ...]:
    found: tuple[Quarter, ...] = request.app.state.again.made(
        request, "plan/history", lambda: past_quarters(running.store, question, budgets), *budgets
    )
    return found


@router.get("/plan/history")
def history_page(request: Request) -> Response:
    """Budgets and quarters."""
    running, question, terms = asked_of(request)
    made = _section(request)
    ruling = journal.in_force(known_budgets(running), dt.datetime.now(dt.UTC).date())
    return render(
        request,
        "plan_history.html",
        "plan",
        section=made,
        pictures=[(figure, picture(figure.chart)) for figure in made.figures],
        bar=plan_bar(request, running, question, "/plan/history"),
        today=dt.datetime.now(dt.UTC).date().isoformat(),
        share=terms.query().get("share", ""),
        ruling=ruling,
        recorded=[each for each in known_budgets(running) if each.since is not None],
    )


@router.get("/plan/history.json")
def history_json(request: Request) -> Response:
    """The same as JSON."""
    running, question, _ = asked_of(request)
    budgets = known_budgets(running)
    quarters = _quarters(request, running, question, budgets)
    twin = twin_of(history_section(quarters, budgets, SiteLinks(parameters(request))), question)
    twin["budgets"] = [BudgetOut.of(each).model_dump(mode="json") for each in budgets]
    twin["quarters"] = [QuarterOut.of(each).model_dump(mode="json") for each in quarters]
    return render_twin(twin)


@router.post("/plan/budgets")
def record(
    running: Running,
    share: Annotated[str, Form(max_length=20)],
    since: Annotated[str, Form(max_length=10)],
    why: Annotated[str, Form(max_length=500)] = "",
    author: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    """Record the share in force from a day on, then show the quarters."""
    try:
        value, day = float(share) / 100, dt.date.fromisoformat(since)
    except ValueError as error:
        raise UsageError(
            f"{share!r} from {since!r} is no budget",
            fix="Give a share in percent, such as 25, and a day such as 2026-10-01",
        ) from error
    journal.record_budget(running.state, value, day, why, author.strip() or AUTHOR)
    return RedirectResponse(with_message("/plan/history", "budget_recorded"), 303)


@router.post("/plan/budgets/withdraw")
def withdraw(running: Running, since: Annotated[dt.date, Form()]) -> Response:
    """Take back what was recorded for a day, then show the quarters."""
    journal.withdraw_budget(running.state, since, AUTHOR)
    return RedirectResponse(with_message("/plan/history", "budget_withdrawn"), 303)
