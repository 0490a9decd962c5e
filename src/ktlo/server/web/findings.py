"""The Findings pages: what is open, lists by state, one finding with its story."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response

from ktlo.metrics.finding_rows import FILTERS, State, listed, tell
from ktlo.metrics.question import Dimension
from ktlo.metrics.registry import Family
from ktlo.report.findings import findings
from ktlo.server import asking
from ktlo.server.api.metrics import Running
from ktlo.server.tables import json_rows, plain
from ktlo.server.web.filter_bar import filter_bar
from ktlo.server.web.item import item_href
from ktlo.server.web.rendering import environment, parameters, render, with_query
from ktlo.server.web.section_page import PLACES, section_router

router = APIRouter()

Text = Annotated[str, Query(max_length=500)]
Limit = Annotated[int, Query(ge=1, le=10_000)]


def finding_href(repository: str, fingerprint: str) -> str:
    """URL of a finding's page."""
    return with_query("/finding", {"repository": repository, "fingerprint": fingerprint})


environment.globals["finding_href"] = finding_href
environment.globals["commit_href"] = lambda source, sha: item_href("commit", source, sha)


@router.get("/findings/list")
def list_page(request: Request, running: Running, state: State = State.OPEN, limit: Limit = 200) -> Response:
    """Findings of one state, with filters."""
    given = parameters(request)
    question = asking.question(given, running.store, running.settings)
    rows = listed(running.store, question, state, limit + 1).to_pylist()
    kept = {name: values for name, values in given.items() if name not in ("state", "limit")}
    return render(
        request,
        "findings_list.html",
        "findings",
        rows=rows[:limit],
        is_cut=len(rows) > limit,
        more_href=with_query("/findings/list", {**given, "limit": str(min(limit * 5, 10_000))}),
        state=state,
        states=[(one, with_query("/findings/list", {**kept, "state": one.value})) for one in State],
        bar=filter_bar(running.store, "/findings/list", given, question, FILTERS),
    )


@router.get("/findings/list.json")
def list_json(request: Request, running: Running, state: State = State.OPEN, limit: Limit = 200) -> Response:
    """The same as JSON."""
    question = asking.question(parameters(request), running.store, running.settings)
    return JSONResponse(json_rows(listed(running.store, question, state, limit)))


@router.get("/finding")
def finding_page(request: Request, running: Running, repository: Text, fingerprint: Text) -> Response:
    """One finding: what it is, what brought it, how long it stood, what ended it."""
    return render(request, "finding.html", "findings", told=tell(running.store, repository, fingerprint))


@router.get("/finding.json")
def finding_json(running: Running, repository: Text, fingerprint: Text) -> Response:
    """The same as JSON."""
    return JSONResponse(finding_twin(tell(running.store, repository, fingerprint)))


def finding_twin(told: Any) -> dict[str, Any]:
    """A finding as JSON-serialisable values."""
    return _plain(dataclasses.asdict(told))  # type: ignore[no-any-return]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return plain(value)


router.include_router(
    section_router(
        "findings",
        "/findings",
        findings,
        (*PLACES, Dimension.LEVEL, Dimension.CHECK),
        (Family.FINDINGS,),
    )
)
