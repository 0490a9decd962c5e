"""The Staffing page: a dedicated team or a rotation, with what is assumed in the URL to try other values."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from ktlo.metrics.question import Question
from ktlo.report.charts import picture
from ktlo.report.pieces import Filter
from ktlo.report.sections import Section
from ktlo.report.staffing import staffing
from ktlo.server import asking
from ktlo.server.api.plan_staffing import ASSUMPTIONS, assumed
from ktlo.server.runtime import Runtime
from ktlo.server.section_twin import twin_of
from ktlo.server.web.filter_bar import filter_bar
from ktlo.server.web.links import SiteLinks
from ktlo.server.web.rendering import parameters, render, render_twin, with_query
from ktlo.server.web.section_page import PLACES

router = APIRouter()
PATH = "/plan/staffing"


def _section(request: Request) -> tuple[Section, Question]:
    runtime: Runtime = request.app.state.runtime
    given = parameters(request)
    question = asking.question(given, runtime.store, runtime.settings)
    said = assumed(
        runtime.settings.planning.staffing, {name: given[name][-1] for name in ASSUMPTIONS if name in given}
    )
    return staffing(runtime.store, question, runtime.settings, SiteLinks(given), said), question


@router.get(PATH)
def page(request: Request) -> Response:
    """The page."""
    runtime: Runtime = request.app.state.runtime
    given = parameters(request)
    made, question = _section(request)
    settings = runtime.settings.planning.staffing
    fields = [
        Filter(
            name,
            label,
            given.get(name, [""])[-1] or _written(getattr(settings, name)),
            kind="text",
            placeholder="as found" if name in ("engineers", "dedicated", "on_duty") else "a range",
        )
        for name, label in ASSUMPTIONS.items()
    ]
    kept = {name: values for name, values in given.items() if name not in ASSUMPTIONS}
    return render(
        request,
        "plan_staffing.html",
        "plan/staffing",
        section=made,
        pictures=[(figure, picture(figure.chart)) for figure in made.figures],
        bar=filter_bar(runtime.store, PATH, given, question, PLACES),
        fields=fields,
        carry_fields=[(name, value) for name, values in kept.items() for value in values],
        reset_href=with_query(PATH, kept) if any(name in given for name in ASSUMPTIONS) else "",
    )


@router.get(f"{PATH}.json")
def as_json(request: Request) -> Response:
    """The page as JSON."""
    made, question = _section(request)
    return render_twin(twin_of(made, question))


def _written(value: float | None) -> str:
    return "" if value is None else f"{value:g}"
