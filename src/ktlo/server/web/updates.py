"""The Updates page: the rolling plan of the next small updates."""

from __future__ import annotations

from dataclasses import replace

from fastapi import APIRouter, Request
from starlette.responses import Response

from ktlo.metrics.question import Question
from ktlo.report.sections import Section
from ktlo.report.updates import updates
from ktlo.server import asking
from ktlo.server.runtime import Runtime
from ktlo.server.section_twin import twin_of
from ktlo.server.web.filter_bar import filter_bar
from ktlo.server.web.links import SiteLinks
from ktlo.server.web.rendering import parameters, render_twin
from ktlo.server.web.section_page import PLACES, render_section

router = APIRouter()


def _section(request: Request) -> tuple[Section, Question]:
    runtime: Runtime = request.app.state.runtime
    given = parameters(request)
    question = asking.question(given, runtime.store, runtime.settings)
    question = replace(question, by=None, grain=None)
    made = updates(runtime.store, question, SiteLinks(given), runtime.settings.guard.updates_per_week)
    return made, question


@router.get("/findings/updates")
def page(request: Request) -> Response:
    """The plan."""
    made, question = _section(request)
    runtime: Runtime = request.app.state.runtime
    bar = filter_bar(runtime.store, "/findings/updates", parameters(request), question, PLACES)
    return render_section(request, "updates", made, bar)


@router.get("/findings/updates.json")
def as_json(request: Request) -> Response:
    """The same as JSON."""
    made, question = _section(request)
    return render_twin(twin_of(made, question))
