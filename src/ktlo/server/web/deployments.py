"""The pages of deployments, and the buttons by which a person confirms, rejects or adds a link to an incident."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from ktlo.delivery.reading import read_deployment, read_deployments, read_links, titles_of
from ktlo.delivery.verdicts import Verdict
from ktlo.errors import UsageError
from ktlo.records.delivery import IncidentLink
from ktlo.report.deployments import because, deployment_section, deployments_section, link_words, what, when
from ktlo.server.api.deployments import DeploymentInFull, DeploymentsOut, in_full, list_deployments
from ktlo.server.api.effort import AUTHOR
from ktlo.server.api.metrics import Running
from ktlo.server.delivering import say_link
from ktlo.server.runtime import Runtime
from ktlo.server.web.rendering import render, with_message, with_query

router = APIRouter()

Text = Annotated[str, Query(max_length=1000)]
FormText = Annotated[str, Form(max_length=1000)]
MOST = 200


@dataclass(frozen=True, slots=True)
class LinkLine:
    """A link as a page shows it, with its buttons."""

    link: IncidentLink
    title: str
    href: str
    sure: str
    because: str


def lines_of_incident(running: Runtime, source: str, incident: str) -> list[LinkLine]:
    """Deployments that may have caused an incident."""
    return [
        LinkLine(
            link,
            f"{one.service or one.repository} {what(one)}, {when(one.at)}",
            with_query("/deployments/deployment", {"id": one.deployment_id}),
            link_words(link),
            because(link),
        )
        for link, one in read_links(running.store, source, incident)
    ]


@router.get("/deployments")
def deployments_page(
    request: Request, running: Running, service: Text = "", elsewhere: bool = False
) -> Response:
    """Deployments, newest first."""
    found, total = read_deployments(running.store, service, elsewhere=elsewhere, limit=MOST)
    links = [
        (
            "Only production" if elsewhere else "With other environments",
            with_query("/deployments", {"service": service, "elsewhere": str(not elsewhere).lower()}),
        ),
        *((("Deployments of every service", "/deployments"),) if service else ()),
        ("Change failure rate", "/definitions/change_failure_rate"),
        ("Lead time for changes", "/definitions/lead_time_for_changes"),
    ]
    section = deployments_section(found, total, service, with_query)
    return render(request, "meeting.html", "deployments", section=section, links=links)


@router.get("/deployments.json")
def deployments_json(running: Running, service: Text = "", elsewhere: bool = False) -> DeploymentsOut:
    """The same as JSON."""
    return list_deployments(running, service, None, elsewhere, MOST)


@router.get("/deployments/deployment")
def deployment_page(request: Request, running: Running, id: Text = "") -> Response:  # noqa: A002
    """One deployment."""
    listed, changes = read_deployment(running.store, id)
    one = listed.deployment
    titles = titles_of(running.store, list(listed.links))
    lines = [
        LinkLine(
            link,
            titles.get((link.incident_source, link.incident_id)) or link.incident_id,
            with_query("/incident", {"source": link.incident_source, "id": link.incident_id}),
            link_words(link),
            because(link),
        )
        for link in listed.links
    ]
    links = [
        ("Every deployment of it", with_query("/deployments", {"service": one.service})),
        *((("Where it was told", one.url),) if one.url.startswith(("http://", "https://")) else ()),
    ]
    return render(
        request,
        "deployment.html",
        "deployments",
        section=deployment_section(listed, changes),
        links=links,
        lines=lines,
        back=with_query("/deployments/deployment", {"id": one.deployment_id}),
        deployment=one.deployment_id,
    )


@router.get("/deployments/deployment.json")
def deployment_json(running: Running, id: Text = "") -> DeploymentInFull:  # noqa: A002
    """The same as JSON."""
    return in_full(running, id)


@router.post("/deployments/link")
def say_page(
    running: Running,
    source: FormText,
    incident: FormText,
    deployment: FormText,
    verdict: FormText = "",
    back: FormText = "/deployments",
) -> Response:
    """Confirm, reject or add a link, or take back what was said."""
    if verdict and verdict not in list(Verdict):
        raise UsageError(f"{verdict!r} is no verdict", fix="confirmed, rejected or added")
    say_link(running, (source, incident), deployment, Verdict(verdict) if verdict else None, AUTHOR)
    where = back if back.startswith(("/deployments", "/incident?")) else "/deployments"
    return RedirectResponse(with_message(where, "link_said" if verdict else "link_taken_back"), 303)
