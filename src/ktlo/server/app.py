"""The composition root: the one place where store, sources, decisions and faces are wired together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from ktlo import __version__
from ktlo.server import hooks
from ktlo.server.api import (
    completeness,
    dashboards,
    debt,
    deployments,
    dialects,
    effort,
    errors,
    export,
    findings,
    functions,
    health,
    hotspots,
    incidents,
    instrument,
    logs,
    metrics,
    plan,
    plan_backtest,
    plan_load,
    plan_report,
    plan_staffing,
    problems,
    prometheus,
    promql,
    query,
    receivers,
    rota,
    rota_saying,
    service_map,
    service_names,
    service_work,
    services,
    settings,
    sources,
    statuses,
    telemetry,
    telemetry_forward,
    trends,
)
from ktlo.server.collecting import Collecting
from ktlo.server.receiving import Receiving
from ktlo.server.runtime import Runtime
from ktlo.server.security import Access, Guarded
from ktlo.server.web import mount_pages
from ktlo.sources.refusals import Refusals

API = "/api/v1"

_API = (
    health,
    settings,
    metrics,
    dialects,
    sources,
    completeness,
    statuses,
    effort,
    query,
    export,
    plan,
    plan_backtest,
    plan_load,
    plan_staffing,
    debt,
    plan_report,
    rota,
    rota_saying,
    instrument,
    telemetry,
    receivers,
    telemetry_forward,
    errors,
    functions,
    hotspots,
    service_map,
    trends,
    logs,
    incidents,
    deployments,
    services,
    service_work,
    service_names,
    findings,
    promql,
    dashboards,
)
"""Modules with a ``router`` of the API; a new one is a line here."""

_ABOUT: dict[str, Any] = {
    "title": "ktlo",
    "version": __version__,
    "summary": "Keeping the lights on: measured, planned, run.",
    "openapi_url": f"{API}/openapi.json",
    "docs_url": None,
    "redoc_url": None,
    "responses": problems.PROBLEMS,
}


def _with_api(app: FastAPI) -> FastAPI:
    for module in _API:
        app.include_router(module.router, prefix=API)
    app.include_router(hooks.router)
    app.include_router(prometheus.router, prefix=prometheus.PREFIX)
    return app


def describe_api() -> dict[str, Any]:
    """The OpenAPI document, without a store behind it; for the documentation and the tests."""
    return _with_api(FastAPI(**_ABOUT)).openapi()


def make_app(
    runtime: Runtime,
    access: Access,
    *,
    sync_minutes: float | None = None,
    receiving: Receiving | None = None,
) -> FastAPI:
    """Wire one ktlo.

    Args:
        runtime: opened store and state.
        access: who may ask.
        sync_minutes: read the sources now and every so many minutes; ``None`` leaves it to requests.
        receiving: the receivers that run beside; ``None`` when nothing is received.
    """
    collecting = Collecting(runtime)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        if sync_minutes is not None:
            collecting.schedule(sync_minutes)
        writing = asyncio.create_task(hooks.write_refusals(app.state.refusals, runtime.store))
        yield
        writing.cancel()
        await asyncio.wait([writing])
        app.state.preparing.close()
        collecting.close()

    app = _with_api(FastAPI(lifespan=lifespan, **_ABOUT))
    app.state.runtime = runtime
    app.state.collecting = collecting
    app.state.checks = collecting.checks
    app.state.access = access
    app.state.receiving = receiving
    app.state.refusals = Refusals()
    problems.install(app)
    mount_pages(app)
    app.add_middleware(Guarded, access=access)
    return app
