"""A section as a page and as its JSON twin: what Overview, Effort, Reliability, Bugs and Hotspots share.

The section comes from ``ktlo.report``; here it gets its filter bar, its links, and words for an empty period.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from ktlo.metrics.question import Dimension, Question
from ktlo.metrics.registry import Family
from ktlo.report.charts import picture
from ktlo.report.sections import Links, Section
from ktlo.server import asking
from ktlo.server.runtime import Runtime
from ktlo.server.section_twin import twin_of
from ktlo.server.web.emptiness import why_nothing
from ktlo.server.web.filter_bar import FilterBar, filter_bar
from ktlo.server.web.links import SiteLinks
from ktlo.server.web.rendering import carried, parameters, render, render_twin, with_query
from ktlo.store.protocol import Store

Build = Callable[[Store, Question, Links], Section]

REMEMBERED = frozenset({"overview", "effort", "reliability", "bugs"})
"""Sections that take long over a large tracker, and rest on nothing but observed and derived records: what was made a
moment ago is shown again."""

PLACES = (Dimension.SERVICE, Dimension.REPOSITORY, Dimension.TEAM)


def section_router(
    key: str, path: str, build: Build, dimensions: Sequence[Dimension], families: Sequence[Family]
) -> APIRouter:
    """Routes of a section's page.

    Args:
        key: of the page in the navigation; ``/KEY.json`` is the twin.
        path: of the page.
        build: makes the section.
        dimensions: what the filter bar offers.
        families: whose records decide whether a period is empty.
    """
    router = APIRouter()

    def section(request: Request) -> tuple[Section, Question]:
        if key not in REMEMBERED:
            return made_now(request)
        found: tuple[Section, Question] = request.app.state.again.made(
            request, key, lambda: made_now(request)
        )
        return found

    def made_now(request: Request) -> tuple[Section, Question]:
        runtime: Runtime = request.app.state.runtime
        given = parameters(request)
        question = asking.question(given, runtime.store, runtime.settings)
        # Grain and group are the section's own choice.
        question = replace(question, by=None, grain=None)
        made = build(runtime.store, question, SiteLinks(given))
        if made.nothing is not None:
            made = replace(made, nothing=why_nothing(runtime.store, question, made.nothing, path, families))
        return made, question

    @router.get(path)
    def page(request: Request) -> Response:
        given = parameters(request)
        if "q" in given:
            return RedirectResponse(with_query("/search", {**carried(request), "q": given["q"]}), 303)
        made, question = section(request)
        runtime: Runtime = request.app.state.runtime
        return render_section(
            request, key, made, filter_bar(runtime.store, path, given, question, dimensions)
        )

    @router.get(f"/{key}.json")
    def as_json(request: Request) -> Response:
        made, question = section(request)
        return render_twin(twin_of(made, question))

    return router


def render_section(request: Request, key: str, section: Section, bar: FilterBar) -> Response:
    """A section as a page that has nothing else."""
    pictures = [(figure, picture(figure.chart)) for figure in section.figures]
    return render(request, "section.html", key, section=section, pictures=pictures, bar=bar)
