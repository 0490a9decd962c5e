"""Saved scenarios on a page: side by side, saved, deleted, shared as a link, exported."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from ktlo.metrics.question import Question
from ktlo.planning.budget import journal
from ktlo.planning.budget.quarters import by_filter
from ktlo.planning.budget.terms import Terms
from ktlo.report.charts import picture
from ktlo.report.document import Document
from ktlo.report.markdown import write as write_markdown
from ktlo.report.plan_scenarios import Compared, scenarios_section, scenarios_table, terms_in_words
from ktlo.server import asking
from ktlo.server.api.effort import AUTHOR
from ktlo.server.api.metrics import Running
from ktlo.server.api.plan import compare_scenarios, planned, question_of
from ktlo.server.runtime import Runtime
from ktlo.server.web.plan import asked_of
from ktlo.server.web.rendering import carried, parameters, render, render_twin, with_message, with_query

router = APIRouter()


def scenario_href(saved: journal.Scenario) -> str:
    """The plan that a scenario is: its link."""
    return with_query("/plan", {**{k: list(v) for k, v in saved.filters.items()}, **saved.terms.query()})


def _compared(running: Runtime, question: Question, names: list[str]) -> list[Compared]:
    kept = [journal.scenario(running.state, name) for name in names] or journal.scenarios(running.state)
    found = [Compared(None, planned(running, question, Terms()), "/plan")]
    for saved in kept:
        plan = planned(running, question_of(question, saved), saved.terms)
        found.append(Compared(saved, plan, scenario_href(saved)))
    return found


def _asked(request: Request) -> tuple[Runtime, Question, list[Compared]]:
    running, question, _ = asked_of(request)
    return running, question, _compared(running, question, parameters(request).get("name", []))


@router.get("/plan/scenarios")
def scenarios_page(request: Request) -> Response:
    """Scenarios side by side."""
    _, _, compared = _asked(request)
    made = scenarios_section(compared, with_query("/plan", carried(request)))
    shown = parameters(request).get("name", [])
    saved = [each.scenario for each in compared if each.scenario]
    return render(
        request,
        "plan_scenarios.html",
        "plan",
        section=made,
        pictures=[(figure, picture(figure.chart)) for figure in made.figures],
        saved=[(each, scenario_href(each), terms_in_words(each.terms)) for each in saved],
        shown=shown,
    )


@router.get("/plan/scenarios.json")
def scenarios_json(request: Request, running: Running) -> Response:
    """The same as JSON, each scenario with its whole plan."""
    _, question, _ = asked_of(request)
    found = compare_scenarios(running, question, parameters(request).get("name", []))
    return render_twin([each.model_dump(mode="json") for each in found])


@router.get("/plan/scenarios.csv")
def scenarios_csv(request: Request) -> Response:
    """The table as CSV."""
    _, _, compared = _asked(request)
    return Response(
        scenarios_table(compared).csv(),
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": 'attachment; filename="scenarios.csv"'},
    )


@router.get("/plan/scenarios.md")
def scenarios_markdown(request: Request) -> Response:
    """The page as Markdown."""
    _, question, compared = _asked(request)
    made = scenarios_section(compared, "")
    document = Document(
        title="Scenarios",
        period=f"From {compared[0].plan.demand.start:%Y-%m-%d}",
        scope="everything that is connected",
        made_at=question.now,
        sections=(made,),
    )
    return Response(write_markdown(document), media_type="text/markdown; charset=utf-8")


@router.post("/plan/scenarios")
async def save(request: Request, running: Running) -> Response:
    """Save what the what-if form holds, then show the scenarios."""
    form = await request.form()
    given = {name: [str(value) for value in form.getlist(name)] for name in form}
    question = asking.question(given, running.store, running.settings)
    terms = Terms.read({name: values[-1] for name, values in given.items()})
    plan = planned(running, question, terms)
    name = (given.get("name") or [""])[-1]
    note = (given.get("note") or [""])[-1]
    journal.save_scenario(
        running.state, name, terms, by_filter(replace(question, by=None)), note, plan, AUTHOR
    )
    return RedirectResponse(with_message("/plan/scenarios", "scenario_saved"), 303)


@router.post("/plan/scenarios/delete")
def delete(running: Running, name: Annotated[str, Form(max_length=80)]) -> Response:
    """Delete a scenario, then show the others."""
    journal.delete_scenario(running.state, name, AUTHOR)
    return RedirectResponse(with_message("/plan/scenarios", "scenario_deleted"), 303)
