"""The page of a source's statuses: each that was seen, how often, what it means and by which rule; changed here."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from ktlo.effort.statuses import Meaning, seen_statuses
from ktlo.report.pieces import Nothing
from ktlo.server.api.metrics import Running
from ktlo.server.api.statuses import StatusOut, list_statuses, say
from ktlo.server.web.emptiness import nothing_yet
from ktlo.server.web.rendering import render, with_message, with_query

router = APIRouter()

Source = Annotated[str, Query(max_length=1000)]
FormText = Annotated[str, Form(max_length=1000)]


_NO_STATUS = Nothing(
    "No step with a status was told yet",
    "Statuses come with the history of incidents and issues, from a tracker, a pager or a service desk.",
)


@router.get("/sources/statuses")
def statuses_page(request: Request, running: Running, source: Source = "") -> Response:
    """Statuses of one source, or of all."""
    statuses = seen_statuses(running.store, running.settings, running.state, source)
    return render(
        request,
        "statuses.html",
        "sources",
        source=source,
        statuses=statuses,
        nothing=None if statuses else nothing_yet(running.store, _NO_STATUS),
        meanings=list(Meaning),
    )


@router.get("/sources/statuses.json")
def statuses_json(running: Running, source: Source = "") -> list[StatusOut]:
    """The same as JSON."""
    return list_statuses(running, source)


@router.post("/sources/statuses")
def say_meaning(
    running: Running, source: FormText, status: FormText, meaning: FormText = "", view: FormText = ""
) -> Response:
    """Say what a status means, or take it back; the past follows before the page is shown again."""
    say(running, source, status, meaning)
    place = with_query("/sources/statuses", {"source": view} if view else {})
    return RedirectResponse(with_message(place, "status_said" if meaning else "status_taken_back"), 303)
