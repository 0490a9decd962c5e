"""Where the pages are mounted: templates, assets, what every page carries, and errors as pages.

``/effort`` answers HTML, ``/effort.json`` the same answers as JSON. Time range and filters live in the URL
and travel along the navigation.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import FastAPI, Request
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

from ktlo import __version__
from ktlo.errors import KtloError
from ktlo.server.api.problems import answer_problem, status_of

_PAGES = (
    "overview",
    "effort",
    "item",
    "reliability",
    "bugs",
    "hotspots",
    "sources",
    "definitions",
    "rows",
    "reports",
    "reference",
    "sign_in",
)
"""Modules of this folder, each with a ``router``."""

CARRIED = ("from", "to", "service", "repository", "team")
"""Parameters that navigation keeps from page to page."""

_environment = Environment(
    loader=PackageLoader("ktlo.server.web"),
    autoescape=select_autoescape(default=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def parameters(request: Request) -> dict[str, list[str]]:
    """All query parameters of a request, each with all its values."""
    return {name: request.query_params.getlist(name) for name in request.query_params}


def with_query(path: str, given: Mapping[str, str | Sequence[str] | None]) -> str:
    """A URL of this site; empty values are left out, sequences repeat."""
    pairs = [
        (name, value)
        for name, values in given.items()
        for value in ([values] if isinstance(values, str) else values or ())
        if value
    ]
    return f"{path}?{urlencode(pairs)}" if pairs else path


def carried(request: Request) -> dict[str, list[str]]:
    """The parameters that navigation keeps."""
    given = parameters(request)
    return {name: given[name] for name in CARRIED if any(given.get(name, ()))}


def render(request: Request, template: str, page: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """Render one page.

    Args:
        request: for what the page carries on.
        template: file in ``templates/``.
        page: key of the page in the navigation; empty for none.
        status: HTTP status.
        values: what the template takes.
    """
    twin = request.url.path.rstrip("/") + ".json" if request.url.path != "/" else "/overview.json"
    query = f"?{request.url.query}" if request.url.query else ""
    shared = {
        "version": __version__,
        "page": page,
        "carry": with_query("", carried(request)),
        "json_href": f"{twin}{query}" if page else "",
        "now": dt.datetime.now(dt.UTC),
    }
    text = _environment.get_template(template).render({**shared, **values})
    return HTMLResponse(text, status_code=status)


def wants_page(request: Request) -> bool:
    """True for what a browser navigates to; the API and JSON twins get problems as JSON."""
    path = request.url.path
    return not path.startswith("/api/") and not path.endswith((".json", ".csv"))


def mount_pages(app: FastAPI) -> None:
    """Add pages and assets to the application."""
    for name in _PAGES:
        app.include_router(import_module(f"ktlo.server.web.{name}").router, include_in_schema=False)
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"), name="static")

    @app.exception_handler(KtloError)
    async def _sentence(request: Request, error: KtloError) -> Response:
        if not wants_page(request):
            return answer_problem(error.what, status_of(error), error.where, error.fix)
        return render(
            request,
            "error.html",
            "",
            status=status_of(error),
            title=error.what,
            where=error.where,
            fix=error.fix,
        )

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        if not wants_page(request):
            return answer_problem(str(error.detail), error.status_code)
        missing = error.status_code == 404
        return render(
            request,
            "error.html",
            "",
            status=error.status_code,
            title="There is no such page" if missing else str(error.detail),
            where=request.url.path,
            fix="The pages are in the navigation above" if missing else "",
        )
