"""A page of the plan and its JSON twin: a section that needs the settings, over all records up to a day.

A load uses every record before the end of the period, so the bar offers no period of its own, only that day.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from ktlo.errors import UsageError
from ktlo.metrics.question import Question
from ktlo.report.charts.calendar_ticks import day_label
from ktlo.report.sections import Links, Section
from ktlo.server import asking
from ktlo.server.runtime import Runtime
from ktlo.server.section_twin import twin_of
from ktlo.server.web.filter_bar import FilterBar, filter_bar
from ktlo.server.web.links import SiteLinks
from ktlo.server.web.rendering import carried, parameters, render_twin, with_query
from ktlo.server.web.section_page import PLACES, render_section

Given = Mapping[str, Sequence[str]]
Build = Callable[[Runtime, Question, Links, Given], Section]


def plan_router(key: str, path: str, build: Build) -> APIRouter:
    """Routes of a planning section's page.

    Args:
        key: of the page in the navigation.
        path: of the page; the twin is at ``PATH.json``.
        build: makes the section.
    """
    router = APIRouter()

    def section(request: Request) -> tuple[Section, Question]:
        runtime: Runtime = request.app.state.runtime
        given = parameters(request)
        asked = asking.question(given, runtime.store, runtime.settings)
        question = replace(asked, by=None, grain=None)
        return build(runtime, question, SiteLinks(given), given), question

    @router.get(path)
    def page(request: Request) -> Response:
        given = parameters(request)
        if "q" in given:
            return RedirectResponse(with_query("/search", {**carried(request), "q": given["q"]}), 303)
        made, question = section(request)
        runtime: Runtime = request.app.state.runtime
        bar = _bar(filter_bar(runtime.store, path, given, question, PLACES), question)
        return render_section(request, key, made, bar)

    @router.get(f"{path}.json")
    def as_json(request: Request) -> Response:
        made, question = section(request)
        return render_twin(twin_of(made, question))

    return router


def _bar(bar: FilterBar, question: Question) -> FilterBar:
    last = min(question.end - dt.timedelta(microseconds=1), question.now)
    return replace(
        bar,
        presets=(),
        period=f"All records up to {day_label(last.date())}",
        fields=tuple(field for field in bar.fields if field.name != "from"),
    )


def number(given: Given, name: str, otherwise: int, least: int, most: int) -> int:
    """A whole number among the parameters.

    Raises:
        UsageError: it is none, or out of range.
    """
    values = [value for value in given.get(name, ()) if value]
    if not values:
        return otherwise
    text = values[-1]
    if not text.isascii() or not text.isdigit() or not least <= int(text[:9]) <= most:
        raise UsageError(f"{name} is a whole number from {least} to {most}, not {text[:40]!r}")
    return int(text)
