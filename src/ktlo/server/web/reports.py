"""The report as Markdown, one HTML file or PDF: the same sections as the pages, for the same question."""

from __future__ import annotations

import datetime as dt

from fastapi import APIRouter, Request
from starlette.responses import Response

from ktlo.errors import NotFoundError
from ktlo.server import asking
from ktlo.server.api.metrics import Running
from ktlo.server.web.rendering import parameters

router = APIRouter()

FORMS = ("md", "html", "pdf")


@router.get("/report.{form}")
def report(request: Request, running: Running, form: str) -> Response:
    """Write the report in one of its forms."""
    from ktlo.report.document import render_report

    if form not in FORMS:
        raise NotFoundError(f"there is no report as {form!r}", fix=f"Choose one of: {', '.join(FORMS)}")
    question = asking.question(parameters(request), running.store, running.settings)
    body, media_type = render_report(running.store, question, form)
    day = dt.datetime.now(dt.UTC).date().isoformat()
    return Response(
        body,
        media_type=media_type,
        headers={
            "content-disposition": f'attachment; filename="ktlo-{day}.{form}"',
            "cache-control": "private, no-store",
        },
    )
