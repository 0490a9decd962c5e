"""Pages of functions: the list, one function, the flame graph of self time, and what never ran."""

from __future__ import annotations

import json

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from ktlo.errors import UsageError
from ktlo.report import function_time
from ktlo.report import functions as words
from ktlo.report.charts import picture
from ktlo.report.function_page import function_view
from ktlo.server.api.functions import (
    FrameOut,
    FunctionInFull,
    NeverOut,
    flame_graph,
    get_function,
    list_functions,
    never_executed,
)
from ktlo.server.api.metrics import Running
from ktlo.server.api.telemetry import asked_interval
from ktlo.server.functions import parts_of, since_of, watched_of
from ktlo.server.parameters import AskedRoute, Sought
from ktlo.server.web.rendering import render
from ktlo.server.web.telemetry import Text, bar_of, doors_of, hrefs
from ktlo.telemetry.coverage import lines_never_ran, never_ran
from ktlo.telemetry.function_graph import flame
from ktlo.telemetry.functions import MOST as MOST_FUNCTIONS
from ktlo.telemetry.functions import Asked, Sort, functions, ordered, over_time, routes

router = APIRouter(route_class=AskedRoute)

MOST = 100
MOST_NAMES = 200
"""Services that a field suggests."""
SORTS = (
    (Sort.SELF, "self time"), (Sort.TOTAL, "total time"), (Sort.CALLS, "calls"), (Sort.ERRORS, "errors"),
    (Sort.P95, "p95"), (Sort.NAME, "name"),
)  # fmt: skip


@router.get("/functions")
def functions_page(
    request: Request,
    running: Running,
    since: Text = "",
    until: Text = "",
    service: Text = "",
    version: Text = "",
    environment: Text = "",
    route: Text = "",
    text: Sought = "",
    failing: bool = False,
    sort: Sort = Sort.SELF,
) -> Response:
    """Functions of a stretch, what costs most first."""
    of = asked_interval(since, until)
    asked = Asked(service, version, environment, route, text, failing)
    found = ordered(functions(running.store, of, asked), sort)
    shown = found[:MOST]
    given = {
        "service": service, "version": version, "environment": environment, "route": route, "q": text,
        "failing": "true" if failing else "", "sort": str(sort), "since": since, "until": until,
    }  # fmt: skip
    view = words.list_view(
        found, shown, over_time(running.store, of, asked, shown), since_of(running, of, shown, environment), of,
        hrefs(since, until, environment),
    )  # fmt: skip
    return render(
        request,
        "functions.html",
        "functions",
        view=view,
        cut=len(found) - len(shown),
        given=given,
        is_cut=len(found) >= MOST_FUNCTIONS,
        names=sorted({one.service for one in found} | ({service} if service else set()))[:MOST_NAMES],
        versions=sorted({each for one in found for each in one.versions}),
        routes=[name for name, _ in routes(running.store, of, asked) if name],
        sorts=SORTS,
        filtered=any((service, version, environment, route, text, failing)),
        bar=bar_of("/functions", given, of),
        doors=doors_of(request),
    )


@router.get("/functions.json")
def functions_json(
    running: Running,
    since: Text = "",
    until: Text = "",
    service: Text = "",
    version: Text = "",
    environment: Text = "",
    route: Text = "",
    text: Sought = "",
    failing: bool = False,
    sort: Sort = Sort.SELF,
) -> Response:
    """The same as JSON."""
    found = list_functions(
        running, since, until, service, version, environment, route, text, failing, sort, MOST
    )
    return JSONResponse([one.model_dump(mode="json") for one in found])


@router.get("/functions/function")
def function_page(
    request: Request,
    running: Running,
    name: Text = "",
    service: Text = "",
    since: Text = "",
    until: Text = "",
    version: Text = "",
    environment: Text = "",
    route: Text = "",
) -> Response:
    """One function in full."""
    of = asked_interval(since, until)
    asked = Asked(service, version, environment, route)
    parts, text = parts_of(running, of, asked, name)
    given = {
        "name": name, "service": service, "version": version, "environment": environment, "route": route,
        "since": since, "until": until,
    }  # fmt: skip
    view = function_view(parts, of, hrefs(since, until, environment))
    return render(
        request,
        "function.html",
        "functions",
        view=view,
        pictures=[picture(chart) for chart in view.charts],
        it=parts.found,
        place=parts.place,
        unplaced=parts.unplaced,
        text=text,
        given=given,
        bar=bar_of("/functions/function", given, of),
        routes=parts.found.routes,
    )


@router.get("/functions/function.json")
def function_json(
    running: Running,
    name: Text = "",
    service: Text = "",
    since: Text = "",
    until: Text = "",
    version: Text = "",
    environment: Text = "",
    route: Text = "",
) -> FunctionInFull:
    """The same as JSON."""
    return get_function(running, name, service, since, until, version, environment, route)


@router.get("/functions/flame")
def flame_page(
    request: Request,
    running: Running,
    service: Text = "",
    route: Text = "",
    since: Text = "",
    until: Text = "",
    version: Text = "",
    environment: Text = "",
    at: str = "",
) -> Response:
    """The flame graph of a service's self time, opened at a path of functions."""
    of = asked_interval(since, until)
    names = sorted({one.service for one in functions(running.store, of) if one.self_ns})
    service = service or (names[0] if names else "")
    asked = Asked(service, version, environment, route)
    root = flame(running.store, of, asked)
    opened = root.below(path_of(at)) or root
    given = {
        "service": service, "route": route, "version": version, "environment": environment, "since": since,
        "until": until,
    }  # fmt: skip
    view = function_time.flame_view(root, opened, of, service, route, hrefs(since, until, environment))
    return render(
        request,
        "functions_flame.html",
        "functions",
        view=view,
        pictures=[picture(chart) for chart in view.charts],
        way=[(opened.path[:n], json.dumps(list(opened.path[:n]))) for n in range(1, len(opened.path) + 1)],
        names=names[:MOST_NAMES],
        routes=[name for name, _ in routes(running.store, of, Asked(service)) if name],
        given=given,
        bar=bar_of("/functions/flame", given, of),
        doors=doors_of(request),
    )


def path_of(at: str) -> tuple[str, ...]:
    """Read where a flame graph is opened.

    Raises:
        UsageError: it is no JSON list of names.
    """
    try:
        read = json.loads(at) if at else []
    except (ValueError, RecursionError) as error:
        raise UsageError(
            "at is no list of functions", where="at", fix="Follow a box of the flame graph"
        ) from error
    if not isinstance(read, list) or not all(isinstance(one, str) for one in read):
        raise UsageError("at is no list of functions", where="at", fix="Follow a box of the flame graph")
    return tuple(read)


@router.get("/functions/flame.json")
def flame_json(
    running: Running,
    service: Text = "",
    route: Text = "",
    since: Text = "",
    until: Text = "",
    version: Text = "",
    environment: Text = "",
) -> FrameOut:
    """The whole flame graph as JSON."""
    return flame_graph(running, service, route, since, until, version, environment)


@router.get("/functions/never")
def never_page(
    request: Request,
    running: Running,
    service: Text = "",
    version: Text = "",
    environment: Text = "",
    text: Sought = "",
    since: Text = "",
    until: Text = "",
) -> Response:
    """Functions and lines that never ran since the deployment."""
    versions, asked = watched_of(running, service, version, environment)
    view = function_time.never_view(
        versions, asked, never_ran(running.store, asked, text) if asked else (),
        lines_never_ran(running.store, asked) if asked else (), hrefs(since, until),
    )  # fmt: skip
    return render(
        request,
        "functions_never.html",
        "functions",
        view=view,
        given={
            "service": service, "version": version, "environment": environment, "q": text, "since": since,
            "until": until,
        },
        doors=doors_of(request),
    )  # fmt: skip


@router.get("/functions/never.json")
def never_json(
    running: Running, service: Text = "", version: Text = "", environment: Text = "", text: Sought = ""
) -> NeverOut:
    """The same as JSON."""
    return never_executed(running, service, version, environment, text)
