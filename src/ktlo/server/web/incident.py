"""Where work and telemetry meet: an incident as telemetry shows it, and the work behind a service of telemetry."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from ktlo.effort.telemetry_names import read_members
from ktlo.planning.rota.desk import Desk
from ktlo.report.incident import incident_section
from ktlo.report.service_work import service_of, service_work
from ktlo.server import asking
from ktlo.server.api.incidents import IncidentOut, found_evidence, incident_out
from ktlo.server.api.metrics import Running
from ktlo.server.registers import register_of
from ktlo.server.runtime import Runtime
from ktlo.server.web.deployments import lines_of_incident
from ktlo.server.web.item import item_href
from ktlo.server.web.links import SiteLinks
from ktlo.server.web.rendering import parameters, render, with_query

router = APIRouter()

Text = Annotated[str, Query(max_length=1000)]


@router.get("/incident")
def incident_page(request: Request, running: Running, source: Text = "", id: Text = "") -> Response:  # noqa: A002
    """An incident as telemetry shows it."""
    found = found_evidence(running, source, id)
    of = found.subject
    stretch = {
        "since": f"{of.window.start:%Y-%m-%dT%H:%M:%SZ}",
        "until": f"{of.window.end:%Y-%m-%dT%H:%M:%SZ}",
    }

    def href(path: str, values: dict[str, str]) -> str:
        return with_query(path, values if path == "/trace" else {**values, **stretch})

    return render(
        request,
        "incident.html",
        "reliability",
        section=incident_section(found, href),
        links=[
            *((("Where it was told", of.url),) if of.url.startswith(("http://", "https://")) else ()),
            ("What it took, and why it counts", item_href("incident", of.source, of.external_id)),
            *((f"Traces of {name} while it lasted", href("/traces", {"service": name})) for name in of.names),
        ],
        lines=lines_of_incident(running, of.source, of.external_id),
        back=with_query("/incident", {"source": of.source, "id": of.external_id}),
        source=of.source,
        incident=of.external_id,
    )


@router.get("/incident.json")
def incident_json(running: Running, source: Text = "", id: Text = "") -> IncidentOut:  # noqa: A002
    """The same as JSON."""
    return incident_out(found_evidence(running, source, id))


@router.get("/services/work")
def work_page(request: Request, running: Running, name: Text = "") -> Response:
    """The work behind a service of telemetry."""
    given = parameters(request)
    question = asking.question(
        {k: v for k, v in given.items() if k != "name"}, running.store, running.settings
    )
    members = read_members(running.store)
    joined = service_of(members, name)
    entries = register_of(running, question).entries if joined else ()
    section = service_work(
        running.store, question, name, members, entries, on_call(running, joined.service) if joined else (),
        SiteLinks({k: v for k, v in given.items() if k != "name"}),
    )  # fmt: skip
    return render(
        request,
        "meeting.html",
        "services",
        section=section,
        links=[
            ("Its rate, errors and duration", with_query("/services/service", {"name": name})),
            ("Its trends", with_query("/trends", {"service": name})),
            ("Its names", "/services/names"),
        ],
        has_twin=False,
    )


def on_call(running: Runtime, service: str) -> list[tuple[str, str]]:
    """Who is on duty now for a service: rota and role, and the person."""
    desk = Desk(running.settings, running.state, running.store)
    return [
        (f"{rota.name}, {duty.role}", duty.person)
        for rota in desk.rotas.values()
        if service in rota.services
        for duty in desk.schedule(rota).at(desk.now)
    ]
