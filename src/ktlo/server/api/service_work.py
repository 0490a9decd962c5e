"""The work behind a service of telemetry, over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from ktlo.report.sections import NoLinks
from ktlo.server import asking
from ktlo.server.api.metrics import Running
from ktlo.server.section_twin import twin_of
from ktlo.server.service_work import work_of

router = APIRouter(tags=["services"])

Text = Annotated[str, Query(max_length=1000)]


@router.get("/services/work")
def show_work(
    request: Request,
    running: Running,
    name: Annotated[str, Query(max_length=1000, description="service.name in telemetry.")],
    from_: Annotated[str, Query(alias="from", description="Start: 2026-05-01, an age (90d), or all.")] = "",
    to: Annotated[str, Query(description="End, a bare date included; now when empty.")] = "",
) -> dict[str, Any]:
    """Owner, incidents, bugs, effort, debt and who is on call, in the words and cards of the page."""
    del from_, to
    given = {key: request.query_params.getlist(key) for key in ("from", "to") if key in request.query_params}
    question = asking.question(given, running.store, running.settings)
    return twin_of(work_of(running, question, name, NoLinks()), question)
