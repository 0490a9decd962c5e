"""Pages of the map: who calls whom, and one edge of it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from ktlo.report.charts import picture
from ktlo.report.pieces import Filter, Option
from ktlo.report.service_edge import edge_view
from ktlo.report.service_map import map_view
from ktlo.server.api.metrics import Running
from ktlo.server.api.service_map import MapOut, compared_with, get_map, part_of, whole_map
from ktlo.server.api.telemetry import asked_interval
from ktlo.server.parameters import AskedRoute
from ktlo.server.web.rendering import render
from ktlo.server.web.telemetry import Text, bar_of, doors_of, environment_filter, hrefs
from ktlo.telemetry.edge import edge_examples, edge_series
from ktlo.telemetry.service_map import Place, Way, compared_as_far_as_known, service_map
from ktlo.wording import counted

router = APIRouter(route_class=AskedRoute)

_AGAINST = (
    Option("", "Nothing"),
    Option("before", "The stretch before"),
    Option("1d", "A day earlier"),
    Option("7d", "A week earlier"),
)
_DEPTHS = tuple(Option(str(n), counted(n, "steps")) for n in (1, 2, 3, 5, 10))
Depth = Annotated[int, Query(ge=1, le=10)]


@router.get("/services/map")
def map_page(
    request: Request,
    running: Running,
    since: Text = "",
    until: Text = "",
    environment: Text = "",
    focus: Text = "",
    kind: Text = "service",
    depth: Depth = 1,
    against: Text = "",
    q: Text = "",
) -> Response:
    """Who calls whom."""
    of = asked_interval(since, until)
    whole = whole_map(running, of, environment, focus.strip(), q.strip())
    shown = part_of(whole, focus.strip(), kind, depth, q.strip())
    asked = compared_with(of, against)
    before, changed = (
        compared_as_far_as_known(running.store, asked, of, environment) if asked else (None, None)
    )
    view = map_view(
        whole,
        shown,
        of,
        hrefs(since, until, environment),
        focus=Place(kind or "service", focus.strip()) if focus.strip() else None,
        changed=changed,
        before=before,
        is_too_early=asked is not None and before is None,
    )
    given = {
        "since": since, "until": until, "environment": environment, "focus": focus,
        "kind": kind if focus else "", "depth": str(depth) if focus else "", "against": against, "q": q,
    }  # fmt: skip
    fields = [Filter("q", "Find", q, placeholder="part of a name")]
    fields += environment_filter(running.store, of, environment)
    fields.append(Filter("focus", "Around", focus, kind="text", placeholder="a service"))
    if focus:
        fields.append(Filter("depth", "How far", str(depth), _DEPTHS))
    fields.append(Filter("against", "Compare with", against, _AGAINST))
    kept = [(name, given[name]) for name in ("since", "until", "kind") if given[name]]
    return render(
        request,
        "service_map.html",
        "services/map",
        view=view,
        drawing=picture(view.graph),
        bar=bar_of("/services/map", given, of),
        fields=fields,
        carry_fields=kept,
        doors=doors_of(request),
    )


@router.get("/services/map.json")
def map_json(
    running: Running,
    since: Text = "",
    until: Text = "",
    environment: Text = "",
    focus: Text = "",
    kind: Text = "service",
    depth: Depth = 1,
    against: Text = "",
    q: Text = "",
) -> MapOut:
    """The same as JSON."""
    return get_map(running, since, until, environment, focus.strip(), kind, depth, against, q)


@router.get("/services/edge")
def edge_page(
    request: Request,
    running: Running,
    client: Text = "",
    client_kind: Text = "service",
    server: Text = "",
    server_kind: Text = "service",
    how: Text = "rpc",
    since: Text = "",
    until: Text = "",
    environment: Text = "",
) -> Response:
    """One edge over time, and calls along it."""
    of = asked_interval(since, until)
    way = Way(Place(client_kind, client), Place(server_kind, server), how)
    edges = service_map(running.store, of, environment, near=client).edges
    view = edge_view(
        next((edge for edge in edges if edge.way == way), None),
        way,
        edge_series(running.store, of, way, environment),
        edge_examples(running.store, of, way, environment),
        of,
        hrefs(since, until, environment),
    )
    given = {
        "client": client, "client_kind": client_kind, "server": server, "server_kind": server_kind, "how": how,
        "since": since, "until": until, "environment": environment,
    }  # fmt: skip
    return render(
        request,
        "service_edge.html",
        "services/map",
        view=view,
        pictures=[picture(chart) for chart in view.charts],
        bar=bar_of("/services/edge", given, of),
        has_twin=False,
    )
