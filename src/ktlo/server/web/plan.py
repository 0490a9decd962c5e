"""The Plan page: the decision, its sliders, and its twins; what is asked is the URL, so that every plan is a link."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from ktlo.metrics.extent import newest_record
from ktlo.metrics.question import Question
from ktlo.planning.budget.costs import Component
from ktlo.planning.budget.options import Why
from ktlo.planning.budget.plan import Plan
from ktlo.planning.budget.terms import TERMS, Term, Terms
from ktlo.report.charts import picture
from ktlo.report.plan import plan_section
from ktlo.report.plan_scenarios import terms_in_words
from ktlo.report.plan_sentences import sentences_of_options
from ktlo.report.plan_tables import options_table
from ktlo.report.sections import freshness
from ktlo.server import asking
from ktlo.server.api.plan import planned
from ktlo.server.api.plan_answer import PlanOut
from ktlo.server.runtime import Runtime
from ktlo.server.section_twin import twin_of
from ktlo.server.web.filter_bar import FilterBar, filter_bar
from ktlo.server.web.rendering import carried, parameters, render, render_fragment, render_twin, with_query
from ktlo.server.web.section_page import PLACES
from ktlo.wording import counted

router = APIRouter()

_TABLES = ("incidents", "issues", "changes", "commits")
_SLIDERS = ("share", "demand", "people", "prevention", "upkeep", "work", "old_work")
_PRICES = ("labour_hour", "downtime_hour", "waiting_week", "interruption_minutes")
_HORIZONS = (13, 26, 39, 52)
_GLANCE = 0.5
"""Seconds that a waiting page's question may take."""
_MOST = {"share": 100, "demand": 300, "prevention": 400, "upkeep": 100, "work": 300, "old_work": 100}


class PlanLinks:
    """Links of one plan's page: other plans keep what is asked.

    Args:
        terms: what is asked.
        kept: filters and period of the URL.
    """

    def __init__(self, terms: Terms, kept: Mapping[str, Sequence[str]]) -> None:
        self._terms = terms
        self._kept = kept

    def plan(self, changed: Mapping[str, str]) -> str:
        """The plan with some of what is asked changed; ``format`` asks for a twin."""
        form = changed.get("format", "")
        given = {**self._terms.query(), **{k: v for k, v in changed.items() if k != "format"}}
        if "share" in changed:
            given["share"] = f"{float(changed['share']) * 100:g}"
        return with_query(f"/plan{'.' + form if form else ''}", {**self._kept, **given})

    def page(self, name: str) -> str:
        """Another page."""
        return with_query(f"/{name}", self._kept)


@dataclass(frozen=True, slots=True)
class Field:
    """One thing of the what-if form.

    Attributes:
        name: of the parameter.
        term: what it is.
        value: given one; empty for none.
        base: what holds while it is empty, as a number for the slider; empty when nothing does.
        least: left end of the slider.
        most: right end of the slider.
        step: of the slider.
        scale: ``linear`` or ``log``.
        unit: behind the number.
        placeholder: shown while empty.
    """

    name: str
    term: Term
    value: str
    base: str
    least: float
    most: float
    step: float
    scale: str
    unit: str
    placeholder: str


def asked_of(request: Request) -> tuple[Runtime, Question, Terms]:
    """Runtime, question and terms of a request."""
    running: Runtime = request.app.state.runtime
    given = parameters(request)
    question = replace(asking.question(given, running.store, running.settings), by=None, grain=None)
    return running, question, Terms.read({name: values[-1] for name, values in given.items()})


def links_of(request: Request, terms: Terms) -> PlanLinks:
    """Links with the filters of a request."""
    return PlanLinks(terms, carried(request))


def plan_bar(
    request: Request, running: Runtime, question: Question, path: str, terms: Terms | None = None
) -> FilterBar:
    """Filters without presets: a plan uses every record before its end."""
    bar = filter_bar(running.store, path, parameters(request), question, PLACES)
    kept = tuple(field for field in bar.fields if field.name not in ("q", "from"))
    asked = tuple(terms.query().items()) if terms is not None else ()
    return replace(bar, presets=(), fields=kept, carry=(*bar.carry, *asked))


@router.get("/plan")
def plan_page(request: Request) -> Response:
    """The decision."""
    given = parameters(request)
    if "q" in given:
        return RedirectResponse(with_query("/search", {**carried(request), "q": given["q"]}), 303)
    running, question, terms = asked_of(request)
    plan = request.app.state.preparing.answer(
        str(request.url.query), lambda: planned(running, question, terms)
    )
    if plan is None:
        ready = with_query("/plan/ready", parameters(request))
        return render(request, "plan_waiting.html", "plan", has_twin=False, ready_href=ready)
    made = plan_section(plan, links_of(request, terms), _fresh(running, question))
    return render(
        request,
        "plan.html",
        "plan",
        section=made,
        pictures=[(figure, picture(figure.chart)) for figure in made.figures],
        bar=plan_bar(request, running, question, "/plan", terms),
        plan=plan,
        fields=fields(plan, terms),
        horizons=[(str(weeks), counted(weeks, "weeks")) for weeks in _HORIZONS],
        weeks=str(plan.asked.weeks),
        changed=terms_in_words(replace(terms, weeks=None, share=None, seed=None)),
        unchanged_href=with_query("/plan", carried(request)),
        carry_fields=[(name, value) for name, values in carried(request).items() for value in values],
        what_if_href="/plan/what-if",
        best_href=_record_href(plan),
        option_words=sentences_of_options(plan),
    )


@router.get("/plan/ready")
def ready(request: Request) -> Response:
    """Whether a plan that takes long is there; the page that waits for it asks again and again."""
    running, question, terms = asked_of(request)
    plan = request.app.state.preparing.answer(
        str(request.url.query), lambda: planned(running, question, terms), _GLANCE
    )
    return render_fragment("fragment_waiting.html", is_ready=plan is not None)


@router.get("/plan/what-if")
def what_if(request: Request) -> Response:
    """The answer to a slider: the top of the page for what is asked, with fewer futures."""
    running, question, terms = asked_of(request)
    plan = planned(running, question, terms, quickly=True)
    made = plan_section(plan, links_of(request, terms))
    return render_fragment(
        "fragment_what_if.html",
        section=made,
        pictures=[(figure, picture(figure.chart)) for figure in made.figures],
        options=options_table(plan) if plan.options else None,
        changed=terms_in_words(replace(terms, weeks=None, share=None, seed=None)),
        unchanged_href=with_query("/plan", carried(request)),
    )


@router.get("/plan.json")
def plan_json(request: Request) -> Response:
    """The page as JSON, with the whole plan in numbers."""
    running, question, terms = asked_of(request)
    plan = planned(running, question, terms)
    made = plan_section(plan, links_of(request, terms), _fresh(running, question))
    twin = {**twin_of(made, question), "plan": PlanOut.of(plan).model_dump(mode="json")}
    return render_twin(twin)


@router.get("/plan.csv")
def plan_csv(request: Request) -> Response:
    """The curve as CSV."""
    running, question, terms = asked_of(request)
    made = plan_section(planned(running, question, terms), links_of(request, terms))
    text = made.figures[0].chart.table().csv() if made.figures else ""
    return Response(
        text,
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": 'attachment; filename="plan.csv"'},
    )


def _fresh(running: Runtime, question: Question) -> str:
    newest = newest_record(running.store, _TABLES, question.now)
    answer = running.store.query(
        "SELECT max(finished_at) AS at, count() AS n FROM ktlo.collections WHERE status != 'failed'"
    )
    collected = answer["at"][0].as_py() if answer["n"][0].as_py() else None
    return freshness(collected, newest, question.now)


def _record_href(plan: Plan) -> str:
    best = plan.option(Why.BEST)
    if best is None or plan.optimum is None or plan.optimum.share is None or Why.IN_FORCE in best.why:
        return ""
    return with_query("/plan/history", {"share": f"{best.share * 100:g}"}) + "#record"


def fields(plan: Plan, terms: Terms) -> list[Field]:
    """The what-if form: numbers with the sliders beside them."""
    given = terms.query()
    people = plan.demand.capacity.people
    best = plan.optimum.share if plan.optimum else None
    base = {
        "share": f"{best * 100:g}" if best is not None else "",
        "people": str(people),
        "demand": "100",
        "work": "100",
        "prevention": "100",
        "upkeep": "0",
        "old_work": "0",
    }
    found = []
    for name in _SLIDERS:
        term = TERMS[name]
        most = max(2 * people, 12) if name == "people" else _MOST[name]
        shown = base[name] if name != "share" else ""
        found.append(
            Field(name, term, given.get(name, ""), base[name], 1 if name == "people" else 0, most, term.step,
                  "linear", "" if name == "people" else term.unit, shown)
        )  # fmt: skip
    settings_value = _in_force(plan)
    for name in _PRICES:
        term = TERMS[name]
        present = settings_value[name] if name not in given else None
        is_time = name == "interruption_minutes"
        unit = "minutes" if is_time else plan.prices.currency if plan.prices.currency not in ("", "h") else ""
        found.append(
            Field(name, term, given.get(name, ""), f"{present:g}" if present is not None else "", 0,
                  60 if is_time else _most_price(plan, name), 0.5 if is_time else 1,
                  "linear" if is_time else "log", unit, f"{present:g}" if present is not None else "unknown")
        )  # fmt: skip
    return found


def _in_force(plan: Plan) -> dict[str, float | None]:
    prices = plan.prices
    return {
        "labour_hour": None if prices.currency == "h" else prices.labour_hour,
        "downtime_hour": prices.downtime_hour,
        "waiting_week": prices.waiting_week,
        "interruption_minutes": prices.interruption_hours * 60,
    }


def _most_price(plan: Plan, name: str) -> float:
    """Right end of a price's slider: far beyond where it matters."""
    if name == "labour_hour":
        return 500.0
    even = plan.break_even(Component.DOWNTIME if name == "downtime_hour" else Component.WAITING)
    floor = 100_000.0 if name == "downtime_hour" else 1_000.0
    return max(floor, 10 * even.moves[0].price) if even is not None and even.moves else floor
