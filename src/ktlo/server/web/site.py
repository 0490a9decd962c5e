"""Where the pages are mounted: routers, assets, compression, and errors as pages.

``/effort`` answers HTML, ``/effort.json`` the same answers as JSON. What every page carries is in
``rendering``; a new page is one module with a ``router``, named in ``_PAGES``.
"""

from __future__ import annotations

import logging
import math
from importlib import import_module

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response

from ktlo.errors import KtloError, SourceError
from ktlo.server import prometheus_error
from ktlo.server.api.problems import answer_problem, status_of
from ktlo.server.web.again import Again
from ktlo.server.web.assets import FOLDER, Assets
from ktlo.server.web.preparing import Preparing
from ktlo.server.web.rendering import render
from ktlo.server.web.sign_in import Attempts

_log = logging.getLogger(__name__)

_PAGES = (
    "overview",
    "effort",
    "item",
    "reliability",
    "bugs",
    "hotspots",
    "plan",
    "plan_scenarios",
    "plan_history",
    "plan_staffing",
    "rota",
    "plan_load",
    "plan_backtest",
    "updates",
    "findings",
    "debt",
    "plan_report",
    "sources",
    "statuses",
    "adding",
    "webhook_form",
    "telemetry",
    "trace",
    "errors",
    "functions",
    "receivers",
    "services",
    "service_map",
    "trends",
    "logs",
    "incident",
    "deployments",
    "service_names",
    "metrics_pages",
    "dialects",
    "dashboards",
    "definitions",
    "rows",
    "search",
    "reports",
    "reference",
    "sign_in",
    "fragments",
)
"""Modules of this folder, each with a ``router``."""

_DATA = (".json", ".csv", ".md", ".pdf")


def wants_page(request: Request) -> bool:
    """True for what a browser navigates to; the API and JSON twins get problems as JSON."""
    path = request.url.path
    return path == "/api/docs" or not (path.startswith(("/api/", "/hooks/")) or path.endswith(_DATA))


def _answer(request: Request, status: int, title: str, where: str = "", fix: str = "") -> Response:
    if prometheus_error.is_ours(request.url.path):
        return prometheus_error.refused(status, f"{title}: {where}" if where else title)
    if not wants_page(request):
        return answer_problem(title, status, where, fix)
    return render(request, "error.html", "", status=status, has_twin=False, title=title, where=where, fix=fix)


def mount_pages(app: FastAPI) -> None:
    """Add pages and assets to the application."""
    for name in _PAGES:
        app.include_router(import_module(f"ktlo.server.web.{name}").router, include_in_schema=False)
    app.state.attempts = Attempts()
    app.state.preparing = Preparing()
    app.state.again = Again()
    app.mount("/static", Assets(directory=FOLDER), name="static")
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=5)

    @app.exception_handler(KtloError)
    async def _sentence(request: Request, error: KtloError) -> Response:
        answer = _answer(request, status_of(error), error.what, error.where, error.fix)
        if isinstance(error, SourceError) and error.retry_after is not None:
            answer.headers["retry-after"] = str(math.ceil(error.retry_after))
        return answer

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        return _answer(request, 422, str(first["msg"]), place, "See /api/docs")

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        missing = error.status_code == 404
        title = "There is no such page" if missing else str(error.detail)
        fix = "The pages are in the navigation above" if missing and wants_page(request) else ""
        answer = _answer(request, error.status_code, title, request.url.path, fix)
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(Exception)
    async def _broken(request: Request, error: Exception) -> Response:
        _log.error("%s %s broke", request.method, request.url.path, exc_info=error)
        return _answer(
            request,
            500,
            f"ktlo itself broke here ({type(error).__name__})",
            request.url.path,
            "The log has the details; please report them. Nothing was changed",
        )
