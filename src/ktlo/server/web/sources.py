"""The Sources page: what is connected, how fresh it is, what was turned away, what the numbers lose by it."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from ktlo.effort.telemetry_names import read_unjoined
from ktlo.server.api.completeness import CompletenessOut, MissingItemOut, list_missing
from ktlo.server.api.metrics import Running
from ktlo.server.api.sources import HealthOut
from ktlo.server.checks import Checks
from ktlo.server.collecting import Collecting
from ktlo.server.completeness import feeds
from ktlo.server.deliveries import hook_of, newest, reached_by
from ktlo.server.freshness import Listening, SourceState, rejections_of, source_states
from ktlo.server.mending import WORDS, Completeness, Remedy, completeness, mend
from ktlo.server.missing import hidden_items, missing_of, were_deleted
from ktlo.server.runtime import Records
from ktlo.server.tables import json_rows
from ktlo.server.twice import find_twice, with_twice
from ktlo.server.web.rendering import environment, render, with_message, with_query
from ktlo.sources.delivering import replay

router = APIRouter()

Source = Annotated[str, Query(max_length=1000)]
MOST_REJECTIONS = 500

BADGES = {
    "complete": ("ok", "read to its end"),
    "partial": ("warn", "read in part"),
    "failed": ("bad", "failed"),
    "never": ("", "not read yet"),
    Listening.HEARD: ("ok", "listening"),
    Listening.WAITING: ("warn", "listening"),
    Listening.SILENT: ("warn", "fell silent"),
    "ready": ("ok", "ready"),
    "limited": ("warn", "something is missing"),
    "unreachable": ("bad", "not reachable"),
}
"""Class and words of a state; never told by colour alone."""

environment.globals["badge_of"] = lambda status: BADGES.get(str(status), ("", str(status)))
environment.globals["source_href"] = lambda path, source: with_query(path, {"source": source})


def _checks(request: Request) -> Checks:
    checks: Checks = request.app.state.checks
    return checks


def _state(running: Running, source: str) -> SourceState:
    source_id = running.entry(source).source_id
    return next(state for state in source_states(running) if state.source_id == source_id)


def _lack(request: Request, running: Running, source: str) -> Completeness:
    source_id = running.entry(source).source_id
    found = completeness(running, _checks(request).health)
    return next(one for one in found if one.state.source_id == source_id)


@router.get("/sources")
def sources_page(request: Request, running: Running) -> Response:
    """Every source with its state."""
    checks = _checks(request)
    collecting: Collecting = request.app.state.collecting
    found = completeness(running, checks.health)
    states = [one.state for one in found if one.state.status != "removed"]
    origins = {one.state.source_id: one.state.origin for one in found}
    return render(
        request,
        "sources.html",
        "sources",
        states=states,
        removed=[
            one.state
            for one in found
            if one.state.status == "removed"
            and (one.state.rows or one.state.came.accepted or one.state.came.refused)
        ],
        twice=list(dict.fromkeys(each for one in found for each in one.twice)),
        origins=origins,
        checked={state.source_id: checks.last(state.source_id) for state in states},
        last_run=collecting.run,
        lacks={one.state.source_id: one for one in found},
        with_gaps=[one.state.source_id for one in found if one.gaps],
        with_hidden=[one.state.source_id for one in found if one.hidden],
        without_secret=[one.state.source_id for one in found if one.secret],
        lacking=[one.state.source_id for one in found if one.lacks_rights],
        remedy_words=WORDS,
        unjoined=[one.reported.name for one in read_unjoined(running.store)],
    )


@router.get("/sources.json")
def sources_json(request: Request, running: Running) -> list[CompletenessOut]:
    """The same as JSON."""
    return [CompletenessOut.of(one) for one in completeness(running, _checks(request).health)]


@router.get("/sources/source")
async def source_page(request: Request, running: Running, source: Source) -> Response:
    """One source: checked now, with its rows and its options."""
    made = running.source(source)
    checked = await _checks(request).check(made)
    lack = await run_in_threadpool(_lack, request, running, source)
    state = lack.state
    hook = await run_in_threadpool(hook_of, made, running.store)
    base_url = (running.settings.server.public_url or str(request.base_url)).rstrip("/")
    page: Response = await run_in_threadpool(
        render,
        request,
        "source.html",
        "sources",
        state=state,
        lack=lack,
        remedy_words=WORDS,
        checked=replace(checked, health=with_twice(state.source_id, checked.health, lack.twice)),
        hook=hook,
        base_url=base_url,
        only_here=reached_by(base_url),
        lost=feeds(made.brings),
    )
    return page


@router.get("/sources/source.json")
async def source_json(request: Request, running: Running, source: Source) -> HealthOut:
    """The check's answer as JSON."""
    made = running.source(source)
    checked = await _checks(request).check(made)
    twice = await run_in_threadpool(find_twice, running.store)
    return HealthOut.of(with_twice(made.source_id, checked.health, twice))


@router.get("/sources/rejected")
def rejected_page(request: Request, running: Running, source: Source) -> Response:
    """Input of a source that was turned away, or is in with something missing."""
    state = _state(running, source)
    rows = rejections_of(running.store, state.source_id, MOST_REJECTIONS).to_pylist()
    return render(request, "rejected.html", "sources", state=state, rows=rows)


@router.get("/sources/rejected.json")
def rejected_json(running: Running, source: Source) -> list[dict[str, Any]]:
    """The same as JSON."""
    return json_rows(rejections_of(running.store, running.entry(source).source_id, MOST_REJECTIONS))


@router.get("/sources/deliveries")
def deliveries_page(request: Request, running: Running, source: Source) -> Response:
    """Webhooks of a source, newest first."""
    state = _state(running, source)
    hook = hook_of(running.source(source), running.store)
    rows = newest(running.store, state.source_id, MOST_REJECTIONS).to_pylist()
    return render(request, "deliveries.html", "sources", state=state, hook=hook, rows=rows)


@router.get("/sources/deliveries.json")
def deliveries_json(running: Running, source: Source) -> list[dict[str, Any]]:
    """The same as JSON."""
    return json_rows(newest(running.store, running.entry(source).source_id, MOST_REJECTIONS))


@router.get("/sources/missing")
def missing_page(request: Request, running: Running, source: Source) -> Response:
    """Items that a source no longer shows."""
    state = _state(running, source)
    return render(
        request,
        "missing.html",
        "sources",
        state=state,
        hidden=hidden_items(running.store).get(state.source_id, ()),
        rows=missing_of(running.store, state.source_id, MOST_REJECTIONS),
        most=MOST_REJECTIONS,
    )


@router.get("/sources/missing.json")
def missing_json(running: Running, source: Source) -> list[MissingItemOut]:
    """The same as JSON."""
    return list_missing(running, running.entry(source).source_id, MOST_REJECTIONS)


@router.post("/sources/deleted")
def deleted(
    running: Running,
    source: Annotated[str, Form(max_length=1000)],
    project: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    """Take hidden items for deleted."""
    were_deleted(running, source, (project,))
    return RedirectResponse(with_message("/sources", "deleted"), 303)


@router.post("/sources/replay")
def replay_page(running: Running, source: Annotated[str, Form(max_length=1000)]) -> Response:
    """Read every kept webhook again, by the options as they are now."""
    replay(running.source(source), running.store)
    return RedirectResponse(
        with_message(with_query("/sources/deliveries", {"source": source}), "replayed"), 303
    )


@router.post("/sources/mend")
def mend_page(
    request: Request,
    running: Running,
    source: Annotated[str, Form(max_length=1000)],
    remedy: Annotated[Remedy, Form()],
) -> Response:
    """Do what the button says, and show how far it is."""
    mend(running, request.app.state.collecting, source, remedy)
    return RedirectResponse(with_message("/sources", "collecting"), 303)


@router.post("/sources/remove")
def remove(
    running: Running,
    source: Annotated[str, Form(max_length=1000)],
    records: Annotated[Records, Form()] = Records.KEEP,
) -> Response:
    """Stop reading a source, and forget what it delivered if asked to."""
    running.remove_source(source, records)
    message = "removed" if records is Records.KEEP else "forgotten"
    return RedirectResponse(with_message("/sources", message), 303)


@router.post("/collections")
def collect(request: Request, source: Annotated[str, Form(max_length=1000)] = "") -> Response:
    """Read the sources now (or one of them), and show how far it is."""
    collecting: Collecting = request.app.state.collecting
    collecting.start((source,) if source else ())
    return RedirectResponse(with_message("/sources", "collecting"), 303)
