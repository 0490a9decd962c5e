"""The report to the business: a page, its JSON twin, and the same as Markdown, one HTML file or a PDF of one page."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from ktlo.errors import NotFoundError
from ktlo.planning.quarter.calendar import Quarter
from ktlo.report.business import business_document, business_section
from ktlo.report.charts import picture
from ktlo.report.document import Form
from ktlo.report.pieces import Filter, Option
from ktlo.server import asking
from ktlo.server.business import Reported, quarter_of, report_business
from ktlo.server.runtime import Runtime
from ktlo.server.section_twin import twin_of
from ktlo.server.web.filter_bar import filter_bar
from ktlo.server.web.links import SiteLinks
from ktlo.server.web.rendering import carried, parameters, render, render_twin, with_query
from ktlo.server.web.section_page import PLACES

router = APIRouter()
PATH = "/plan/report"
_OFFERED = 8
"""Quarters that the page offers to choose from."""


def _reported(request: Request) -> Reported:
    running: Runtime = request.app.state.runtime
    given = parameters(request)
    question = asking.question(given, running.store, running.settings)
    return report_business(running, question, quarter_of(given, question))


@router.get(PATH)
def page(request: Request) -> Response:
    """The page."""
    running: Runtime = request.app.state.runtime
    given = parameters(request)
    found = _reported(request)
    made = business_section(found.business, SiteLinks(given))
    bar = filter_bar(running.store, PATH, given, found.question, PLACES)
    places = [field for field in bar.fields if field.name not in ("q", "from", "to")]
    carry = [(name, value) for name, value in bar.carry if name != "from"]
    return render(
        request,
        "plan_report.html",
        "plan/report",
        section=made,
        pictures=[(figure, picture(figure.chart)) for figure in made.figures],
        fields=[_quarters(found), *places],
        carry_fields=carry,
        quarter=found.quarter.name,
        forms={
            form.value: with_query(
                f"{PATH}.{form.value}", {**carried(request), "quarter": found.quarter.name}
            )
            for form in (Form.PDF, Form.HTML, Form.MD)
        },
    )


@router.get(f"{PATH}.json")
def as_json(request: Request) -> Response:
    """The page as JSON."""
    found = _reported(request)
    made = business_section(found.business, SiteLinks(parameters(request)))
    twin: dict[str, Any] = {"quarter": found.quarter.name, **twin_of(made, found.question)}
    return render_twin(twin)


@router.get(PATH + ".{form}")
def document(request: Request, form: str) -> Response:
    """The report as a document."""
    from ktlo.report import business_pdf, html, markdown

    writers = {"md": markdown.write, "html": html.write, "pdf": business_pdf.write}
    if form not in writers:
        raise NotFoundError(
            f"there is no report to the business as {form!r}", fix=f"Choose one of: {', '.join(writers)}"
        )
    found = _reported(request)
    made = business_document(found.business, found.scope, found.question.now)
    if form == "md":  # which has no pictures, and would show the table twice
        made = replace(made, sections=tuple(replace(section, figures=()) for section in made.sections))
    body = writers[form](made)
    return Response(
        body,
        media_type=Form(form).media_type,
        headers={
            "content-disposition": f'attachment; filename="ktlo-{found.quarter.name}.{form}"',
            "cache-control": "private, no-store",
        },
    )


def _quarters(found: Reported) -> Filter:
    """The quarters to choose from: the newest that records could fill, and the one that is shown."""
    newest = Quarter.of(min(found.question.end, found.question.now).date())
    offered = [newest]
    for _ in range(_OFFERED - 1):
        offered.append(offered[-1].before())
    if found.quarter not in offered:
        offered.append(found.quarter)
    options = tuple(Option(quarter.name, quarter.title.capitalize()) for quarter in offered)
    return Filter("quarter", "Quarter", found.quarter.name, options)
