"""The pages Dialects: every metric as other products define it, and one metric with the causes of the differences."""

from __future__ import annotations

from dataclasses import replace

from fastapi import APIRouter, Request
from starlette.responses import Response

from ktlo.metrics.dialects.explain import compared, dialect_named
from ktlo.metrics.dialects.facts import DIMENSIONS
from ktlo.metrics.question import Dimension, Question
from ktlo.metrics.registry import Family
from ktlo.report.dialects import dialect_section, dialects
from ktlo.report.sections import Section
from ktlo.server import asking
from ktlo.server.api.metrics import Running
from ktlo.server.runtime import Runtime
from ktlo.server.section_twin import twin_of
from ktlo.server.web.emptiness import why_nothing
from ktlo.server.web.filter_bar import filter_bar
from ktlo.server.web.links import SiteLinks
from ktlo.server.web.rendering import parameters, render_twin
from ktlo.server.web.section_page import render_section

router = APIRouter()

_BAR = tuple(dimension for dimension in DIMENSIONS if dimension is not Dimension.SOURCE)


def _section(request: Request, running: Runtime, metric: str) -> tuple[Section, Question]:
    found: tuple[Section, Question] = request.app.state.again.made(
        request, "metrics/dialects", lambda: _made(request, running, metric), metric
    )
    return found


def _made(request: Request, running: Runtime, metric: str) -> tuple[Section, Question]:
    given = parameters(request)
    question = asking.question(given, running.store, running.settings)
    question = replace(question, by=None, grain=None)
    if metric:
        chosen = [name for name in given.get("dialect", ()) if name]
        only = dialect_named(chosen[-1]) if chosen else None
        made = dialect_section(running.store, question, SiteLinks(given), compared(metric), only)
    else:
        made = dialects(running.store, question, SiteLinks(given))
    if made.nothing is not None:
        families = (Family.RELIABILITY, Family.BUGS)
        nothing = why_nothing(running.store, question, made.nothing, f"/{made.key}", families)
        made = replace(made, nothing=nothing)
    return made, question


def _page(request: Request, running: Runtime, path: str, metric: str) -> Response:
    section, question = _section(request, running, metric)
    given = parameters(request)
    bar = filter_bar(running.store, path, given, question, _BAR)
    carry = tuple(("dialect", name) for name in given.get("dialect", ()) if name)
    return render_section(request, "metrics/dialects", section, replace(bar, carry=(*bar.carry, *carry)))


def _twin(request: Request, running: Runtime, metric: str) -> Response:
    section, question = _section(request, running, metric)
    return render_twin(twin_of(section, question))


@router.get("/metrics/dialects")
def overview_page(request: Request, running: Running) -> Response:
    """Every metric in every dialect."""
    return _page(request, running, "/metrics/dialects", "")


@router.get("/metrics/dialects.json")
def overview_json(request: Request, running: Running) -> Response:
    """The same as JSON."""
    return _twin(request, running, "")


@router.get("/metrics/dialects/{metric}.json")
def metric_json(request: Request, running: Running, metric: str) -> Response:
    """One metric in its dialects, as JSON."""
    return _twin(request, running, metric)


@router.get("/metrics/dialects/{metric}")
def metric_page(request: Request, running: Running, metric: str) -> Response:
    """One metric in its dialects."""
    return _page(request, running, f"/metrics/dialects/{metric}", metric)
