"""The budget over HTTP: the decision, saved scenarios, the share in force and past quarters."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field

from ktlo.metrics.estimate import Estimate
from ktlo.planning.budget import journal
from ktlo.planning.budget.asking import ask_plan
from ktlo.planning.budget.plan import Plan
from ktlo.planning.budget.quarters import Quarter, by_filter, past_quarters
from ktlo.planning.budget.terms import Terms
from ktlo.report.plan_history import told
from ktlo.server.api.effort import AUTHOR
from ktlo.server.api.metrics import Asked, Running
from ktlo.server.api.plan_answer import PlanOut
from ktlo.server.api.plan_load import Expected
from ktlo.server.runtime import Runtime

router = APIRouter(prefix="/plan", tags=["plan"])

_Number = Annotated[str, Query(max_length=40)]


def terms(
    request: Request,
    weeks: Annotated[str, Query(description="Weeks ahead, 1 to 52; else planning.weeks.")] = "",
    share: Annotated[str, Query(description="A share to compare, in percent.")] = "",
    labour_hour: Annotated[str, Query(description="Cost of an hour of labour.")] = "",
    downtime_hour: Annotated[str, Query(description="Cost of an hour of downtime.")] = "",
    waiting_week: Annotated[str, Query(description="Cost of an open item waiting a week.")] = "",
    interruption_minutes: Annotated[str, Query(description="Minutes lost by an interruption.")] = "",
    people: Annotated[str, Query(description="People in the team.")] = "",
    demand: Annotated[str, Query(description="Arrivals, in percent of today.")] = "",
    work: Annotated[str, Query(description="Hours an item takes, in percent of today.")] = "",
    prevention: Annotated[str, Query(description="Effect of prevention, in percent of the fitted one.")] = "",
    upkeep: Annotated[str, Query(description="Other upkeep, in percent of the hours.")] = "",
    old_work: Annotated[str, Query(description="Of what is open today, percent to finish.")] = "",
    seed: Annotated[str, Query(description="Seed of the simulation.")] = "",
) -> Terms:
    """Read the terms from the query string; the parameters are declared for OpenAPI."""
    del weeks, share, labour_hour, downtime_hour, waiting_week, interruption_minutes, people, demand, work
    del prevention, upkeep, old_work, seed
    return Terms.read({name: request.query_params.getlist(name)[-1] for name in request.query_params})


Given = Annotated[Terms, Depends(terms)]


def known_budgets(running: Runtime) -> tuple[journal.Budget, ...]:
    """Recorded budgets, that of the settings first."""
    return journal.budgets(running.state, running.settings.planning.share)


def planned(running: Runtime, question: Asked, given: Terms, *, quickly: bool = False) -> Plan:
    """The plan of a question."""
    return ask_plan(
        running.store,
        question,
        running.settings,
        given,
        known_budgets(running),
        state=running.state,
        quickly=quickly,
    )


@router.get("")
def plan(running: Running, question: Asked, given: Given) -> PlanOut:
    """What share should keep the lights on, with its interval, alternatives, and what it hangs on.

    All records up to the period's end are used, whatever its start. The same records, terms and seed give the
    same answer, byte by byte.
    """
    return PlanOut.of(planned(running, question, given))


class BudgetIn(BaseModel):
    """A share that is in force from a day on."""

    share: float = Field(ge=0, le=1, description="0.25 for a quarter of the hours.")
    since: dt.date | None = Field(None, description="First day; today when not given.")
    why: str = Field("", max_length=500)
    author: str = Field("", max_length=100, description="Who decided; the local user when empty.")


class BudgetOut(BaseModel):
    """A share that is or was in force."""

    since: dt.date | None = Field(description="First day; null for the one of ktlo.yaml.")
    share: float
    why: str
    author: str
    said_at: dt.datetime | None

    @classmethod
    def of(cls, given: journal.Budget) -> BudgetOut:
        """A budget as JSON has it."""
        return cls(
            since=given.since, share=given.share, why=given.why, author=given.author, said_at=given.said_at
        )


@router.get("/budgets")
def list_budgets(running: Running) -> list[BudgetOut]:
    """Shares that are or were in force, in order of their first day."""
    return [BudgetOut.of(each) for each in known_budgets(running)]


@router.post("/budgets", status_code=201)
def set_budget(running: Running, said: BudgetIn) -> BudgetOut:
    """Record the share that is in force from a day on. What was said before stays in the journal."""
    since = said.since or dt.datetime.now(dt.UTC).date()
    recorded = journal.record_budget(running.state, said.share, since, said.why, said.author or AUTHOR)
    return BudgetOut.of(recorded)


@router.delete("/budgets/{since}", status_code=204)
def withdraw_budget(running: Running, since: dt.date) -> Response:
    """Take back what was recorded for a day."""
    journal.withdraw_budget(running.state, since, AUTHOR)
    return Response(status_code=204)


class QuarterOut(BaseModel):
    """A past quarter against its budget."""

    start: dt.date
    end: dt.date
    is_over: bool
    budget: float | None = Field(description="Mean share in force; null where none was on half of the days.")
    share: Expected = Field(description="Share of effort that kept the lights on.")
    verdict: str = Field(description="within, above, below, no_budget, not_told.")
    said: str = Field(description="The quarter in words.")
    bugs_opened: Expected
    bugs_closed: Expected
    bugs_net: Expected
    incidents: Expected
    downtime_s: Expected
    restore_s: Expected = Field(description="Median time to restore.")

    @classmethod
    def of(cls, given: Quarter) -> QuarterOut:
        """A quarter as JSON has it."""

        def out(estimate: Estimate) -> Expected:
            return Expected.of(estimate)

        return cls(
            start=given.start,
            end=given.end,
            is_over=given.is_over,
            budget=given.budget,
            share=out(given.share),
            verdict=given.verdict.value,
            said=told(given),
            bugs_opened=out(given.opened),
            bugs_closed=out(given.closed),
            bugs_net=out(given.net),
            incidents=out(given.incidents),
            downtime_s=out(given.downtime),
            restore_s=out(given.restore),
        )


@router.get("/history")
def history(running: Running, question: Asked) -> list[QuarterOut]:
    """Each past quarter: the budget, what was spent, and what came of it; newest first."""
    return [QuarterOut.of(each) for each in past_quarters(running.store, question, known_budgets(running))]


class ScenarioIn(BaseModel):
    """A what-if to save."""

    name: str = Field(min_length=1, max_length=80)
    terms: dict[str, str] = Field(default_factory=dict, description="Terms as in GET /plan, as texts.")
    note: str = Field("", max_length=500)
    author: str = Field("", max_length=100)


class ScenarioOut(BaseModel):
    """A saved what-if, what it said when saved, and what it says now."""

    name: str
    terms: dict[str, str]
    filters: dict[str, list[str]]
    note: str
    author: str
    saved_at: dt.datetime
    share_then: float | None
    cost_then: float | None
    plan: PlanOut | None = Field(None, description="What it says now; only when asked for one or compared.")

    @classmethod
    def of(cls, given: journal.Scenario, now: Plan | None = None) -> ScenarioOut:
        """A scenario as JSON has it."""
        return cls(
            name=given.name,
            terms=given.terms.query(),
            filters={name: list(values) for name, values in given.filters.items()},
            note=given.note,
            author=given.author,
            saved_at=given.saved_at,
            share_then=given.told.get("share"),
            cost_then=given.told.get("cost"),
            plan=PlanOut.of(now) if now is not None else None,
        )


@router.get("/scenarios")
def list_scenarios(running: Running) -> list[ScenarioOut]:
    """Saved scenarios by name."""
    return [ScenarioOut.of(each) for each in journal.scenarios(running.state)]


@router.post("/scenarios", status_code=201)
def save_scenario(running: Running, question: Asked, said: ScenarioIn) -> ScenarioOut:
    """Save a what-if under a name, with the filters of the query; an older one of the name is replaced."""
    given = Terms.read(said.terms)
    made = planned(running, question, given)
    saved = journal.save_scenario(
        running.state, said.name, given, by_filter(question), said.note, made, said.author or AUTHOR
    )
    return ScenarioOut.of(saved, made)


@router.get("/scenarios/compared")
def compare_scenarios(
    running: Running,
    question: Asked,
    name: Annotated[list[str], Query(description="Only these; all when not given.")] = [],  # noqa: B006 - FastAPI copies it
) -> list[ScenarioOut]:
    """Scenarios side by side, each as it stands now."""
    kept = [journal.scenario(running.state, each) for each in name] or journal.scenarios(running.state)
    return [ScenarioOut.of(each, planned(running, question_of(question, each), each.terms)) for each in kept]


@router.delete("/scenarios/{name}", status_code=204)
def delete_scenario(running: Running, name: str) -> Response:
    """Delete a scenario; the journal keeps that it was there."""
    journal.delete_scenario(running.state, name, AUTHOR)
    return Response(status_code=204)


def question_of(question: Any, scenario: journal.Scenario) -> Any:
    """A question with the filters that a scenario was saved with."""
    import dataclasses

    from ktlo.metrics.question import Dimension

    only = {Dimension(name): tuple(values) for name, values in scenario.filters.items()}
    return dataclasses.replace(question, only=only)
