"""Parts of pages that refresh themselves while something is under way; without a script a reload shows the same."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from ktlo.server.collecting import Run
from ktlo.server.web.progress import progress_of
from ktlo.server.web.rendering import render_fragment

router = APIRouter()


@router.get("/fragments/progress")
def progress_fragment(request: Request) -> HTMLResponse:
    """The steps of the running (or last) collection; says when it is over."""
    run: Run | None = request.app.state.collecting.run
    return render_fragment("fragment_progress.html", items=progress_of(run))
