"""The search for traces, and what pages of telemetry have in common: the bar of stretches, links, the ways in."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import pyarrow as pa
from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from ktlo.report.pieces import Filter, Option
from ktlo.report.traces import found_answer, found_table
from ktlo.server.api.metrics import Running
from ktlo.server.api.telemetry import (
    Asked,
    asked_interval,
    find_traces,
    wanted_of,
)
from ktlo.server.parameters import STRETCH, AskedRoute
from ktlo.server.tables import PARQUET_TYPE, parquet_file
from ktlo.server.web.rendering import environment, render, with_query
from ktlo.store.protocol import Queryable
from ktlo.telemetry.interval import DEFAULT, Interval
from ktlo.telemetry.search import search
from ktlo.telemetry.service_map import environments
from ktlo.telemetry.services import busiest
from ktlo.telemetry.trace import read_id

router = APIRouter(route_class=AskedRoute)

Text = Annotated[str, Query(max_length=2_000)]
STRETCHES = (("15min", "15 minutes"), ("1h", "1 hour"), ("6h", "6 hours"), ("1d", "1 day"), ("7d", "7 days"))
MOST = 50
MOST_SUGGESTED = 50
"""Names of services that a field suggests; what one types narrows them."""

environment.globals["same_stretch"] = lambda path, given, **values: with_query(
    path, {**values, **{name: given.get(name, "") for name in STRETCH}}
)
environment.globals["stretch_href"] = lambda path, given, since: with_query(
    path, {**{k: v for k, v in given.items() if k not in ("since", "until")}, "since": since}
)


def bar_of(path: str, given: dict[str, str], of: Interval) -> dict[str, Any]:
    """What the bar of stretches takes."""
    return {
        "path": path,
        "given": given,
        "stretches": STRETCHES,
        "present": "" if given.get("until") else given.get("since") or DEFAULT,
        "of": of,
    }


def environment_filter(store: Queryable, of: Interval, environment: str) -> list[Filter]:
    """The field that chooses an environment; none where nothing names one."""
    named = environments(store, of)
    if not named and not environment:
        return []
    choices = dict.fromkeys(["", *named, *([environment] if environment else [])])
    return [
        Filter(
            "environment",
            "Environment",
            environment,
            tuple(Option(n, n or "All environments") for n in choices),
        )
    ]


def names_suggested(store: Queryable, of: Interval, text: str = "", environment: str = "") -> list[str]:
    """Names of the busiest services of a stretch, in one environment or all, that have a text in them."""
    return list(busiest(store, of, environment, text, MOST_SUGGESTED).names)


def hrefs(since: str, until: str, environment: str = "") -> Any:
    """Makes URLs that keep the stretch of time and the environment; a trace is of all environments."""
    stretch = {name: value for name, value in (("since", since), ("until", until)) if value}
    kept = {**stretch, **({"environment": environment} if environment else {})}
    return lambda path, values: with_query(path, {**values, **(stretch if path == "/trace" else kept)})


@router.get("/traces")
def traces_page(
    request: Request,
    running: Running,
    asked: Asked,
    since: Text = "",
    until: Text = "",
    id: Text = "",  # noqa: A002
) -> Response:
    """Traces that are like what is asked."""
    if id.strip():
        return RedirectResponse(hrefs(since, until)("/trace", {"id": read_id(id)}), 303)
    of = asked_interval(since, until)
    found = search(running.store, of, wanted_of(asked), MOST)
    given = {**asked.given(), "since": since, "until": until}
    return render(
        request,
        "traces.html",
        "traces",
        answer=found_answer(found, of, MOST, narrowed=bool(asked.given())),
        table=found_table(found, hrefs(since, until, asked.environment)),
        parquet_href=with_query("/traces.parquet", given),
        asked=asked,
        names=names_suggested(running.store, of, environment=asked.environment),
        fields=environment_filter(running.store, of, asked.environment),
        bar=bar_of("/traces", given, of),
        doors=doors_of(request),
    )


@router.get("/traces.json")
def traces_json(running: Running, asked: Asked, since: Text = "", until: Text = "") -> Response:
    """The same as JSON."""
    return JSONResponse(
        [one.model_dump(mode="json") for one in find_traces(running, asked, since, until, MOST)]
    )


@router.get("/traces.parquet")
def traces_parquet(running: Running, asked: Asked, since: Text = "", until: Text = "") -> Response:
    """The same as Parquet."""
    found = [one.model_dump() for one in find_traces(running, asked, since, until, MOST)]
    return Response(parquet_file(pa.Table.from_pylist(found)), media_type=PARQUET_TYPE)


def doors_of(request: Request) -> list[dict[str, str]]:
    """The ways in, for what an empty page says."""
    receiving = request.app.state.receiving
    return [asdict(door) for door in receiving.doors] if receiving else []
