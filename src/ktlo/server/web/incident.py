"""Where work and telemetry meet: an incident as telemetry shows it, and the work behind a service of telemetry."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response

from ktlo.metrics.question import Question
from ktlo.report.incident import incident_section
from ktlo.report.on_call import on_call_listing
from ktlo.report.sections import Section
from ktlo.server import asking
from ktlo.server.api.incidents import IncidentOut, found_evidence, found_on_call, incident_out
from ktlo.server.api.metrics import Running
from ktlo.server.section_twin import twin_of
from ktlo.server.service_work import work_of
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
        on_call=on_call_listing(found_on_call(running, of.source, of.external_id)),
        lines=lines_of_incident(running, of.source, of.external_id),
        back=with_query("/incident", {"source": of.source, "id": of.external_id}),
        source=of.source,
        incident=of.external_id,
    )


@router.get("/incident.json")
def incident_json(running: Running, source: Text = "", id: Text = "") -> IncidentOut:  # noqa: A002
    """The same as JSON."""
    return incident_out(found_evidence(running, source, id), found_on_call(running, source, id))


def _work(request: Request, running: Running, name: str) -> tuple[Section, Question]:
    given = {key: values for key, values in parameters(request).items() if key != "name"}
    question = asking.question(given, running.store, running.settings)
    return work_of(running, question, name, SiteLinks(given)), question


@router.get("/services/work")
def work_page(request: Request, running: Running, name: Text = "") -> Response:
    """The work behind a service of telemetry."""
    return render(
        request,
        "meeting.html",
        "services",
        section=_work(request, running, name)[0],
        links=[
            ("Its rate, errors and duration", with_query("/services/service", {"name": name})),
            ("Its trends", with_query("/trends", {"service": name})),
            ("Its names", "/services/names"),
        ],
    )


@router.get("/services/work.json")
def work_json(request: Request, running: Running, name: Text = "") -> Response:
    """The same as JSON."""
    return JSONResponse(twin_of(*_work(request, running, name)))
