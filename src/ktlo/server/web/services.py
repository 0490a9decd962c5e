"""Pages of services: all of them, and one."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from ktlo.report.charts import picture
from ktlo.report.pieces import Filter
from ktlo.report.service_list import service_list
from ktlo.report.service_page import service_view
from ktlo.server.api.metrics import Running
from ktlo.server.api.services import ServiceDetailOut, ServiceOut, get_service, list_services
from ktlo.server.api.telemetry import asked_interval
from ktlo.server.parameters import AskedRoute, Sought
from ktlo.server.services import parts_of, since_by_service, targets_of
from ktlo.server.sprawl import sprawl_of
from ktlo.server.web.rendering import render, with_query
from ktlo.server.web.telemetry import Text, bar_of, doors_of, environment_filter, hrefs, names_suggested
from ktlo.telemetry.apdex import apdex
from ktlo.telemetry.services import busiest, rates, services

router = APIRouter(route_class=AskedRoute)


@router.get("/services")
def services_page(
    request: Request,
    running: Running,
    since: Text = "",
    until: Text = "",
    environment: Text = "",
    text: Sought = "",
) -> Response:
    """The busiest services that reported: what needs attention first."""
    of = asked_interval(since, until)
    chosen = busiest(running.store, of, environment, text.strip())
    found = services(running.store, of, environment, chosen.names)
    view = service_list(
        found,
        of,
        apdex(running.store, of, targets_of(running.settings), environment, chosen.names),
        since_by_service(running.store, of, found, environment),
        rates(running.store, of, found, environment),
        hrefs(since, until, environment),
        chosen.among,
        text.strip(),
    )
    given = {"since": since, "until": until, "environment": environment, "q": text}
    return render(
        request,
        "services.html",
        "services",
        view=view,
        bar=bar_of("/services", given, of),
        fields=[
            Filter("q", "Find", text, placeholder="part of a name"),
            *environment_filter(running.store, of, environment),
        ],
        carry_fields=[(name, given[name]) for name in ("since", "until") if given[name]],
        sprawl=sprawl_of(request.app.state.receiving, running),
        doors=doors_of(request),
    )


@router.get("/services.json")
def services_json(
    running: Running,
    response: Response,
    since: Text = "",
    until: Text = "",
    environment: Text = "",
    text: Sought = "",
) -> list[ServiceOut]:
    """The same as JSON."""
    return list_services(running, response, since, until, environment, text)


@router.get("/services/complete.json")
def complete_json(running: Running, text: Text = "", since: Text = "", until: Text = "") -> list[str]:
    """Names of services that have a text in them, most calls first: what a field suggests while one types."""
    return names_suggested(running.store, asked_interval(since, until), text.strip())


@router.get("/services/service")
def service_page(
    request: Request,
    running: Running,
    name: Text = "",
    since: Text = "",
    until: Text = "",
    environment: Text = "",
) -> Response:
    """One service: over time, what its last deployment changed, operations, neighbours, instances."""
    of = asked_interval(since, until)
    parts = parts_of(running.store, of, name, targets_of(running.settings), environment)
    href = hrefs(since, until, environment)
    view = service_view(parts, of, href)
    given = {"name": name, "since": since, "until": until, "environment": environment}
    return render(
        request,
        "service.html",
        "services",
        view=view,
        pictures=[picture(chart) for chart in view.charts],
        bar=bar_of("/services/service", given, of),
        fields=environment_filter(running.store, of, environment),
        carry_fields=[(key, given[key]) for key in ("name", "since", "until") if given[key]],
        title=name or "(no service.name)",
        doors=doors_of(request),
        leads=[
            ("Its traces", href("/traces", {"service": name})),
            ("Its logs", href("/logs", {"q": f'service:"{name}"'})),
            ("Its functions", href("/functions", {"service": name})),
            ("The map around it", href("/services/map", {"focus": name})),
            ("Its work: incidents, bugs, effort", with_query("/services/work", {"name": name})),
            ("Its errors", href("/errors", {"service": name})),
        ],
    )


@router.get("/services/service.json")
def service_json(
    running: Running, name: Text = "", since: Text = "", until: Text = "", environment: Text = ""
) -> ServiceDetailOut:
    """The same as JSON."""
    return get_service(running, name, since, until, environment)
