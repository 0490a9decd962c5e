"""The pages of deployments, and the buttons by which a person confirms, rejects or adds a link to an incident."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from pydantic import Field
from starlette.responses import RedirectResponse, Response

from ktlo.delivery.reading import read_deployment, read_deployments, read_links, titles_of
from ktlo.delivery.verdicts import Verdict
from ktlo.errors import UsageError
from ktlo.metrics.question import Question
from ktlo.records.delivery import IncidentLink
from ktlo.report.deployments import because, deployment_section, deployments_section, link_words, what, when
from ktlo.report.sections import Asking, Section
from ktlo.report.words import period_text
from ktlo.server.api.deployments import DeploymentInFull, DeploymentsOut, in_full, list_deployments
from ktlo.server.api.effort import AUTHOR
from ktlo.server.api.metrics import Running
from ktlo.server.asking import question
from ktlo.server.delivering import say_link
from ktlo.server.runtime import Runtime
from ktlo.server.section_twin import twin_of
from ktlo.server.web.links import SiteLinks
from ktlo.server.web.rendering import parameters, render, with_message, with_query

router = APIRouter()

Text = Annotated[str, Query(max_length=1000)]
FormText = Annotated[str, Form(max_length=1000)]
MOST = 200


class DeploymentsPageOut(DeploymentsOut):
    """The list with the figures above it."""

    start: dt.datetime = Field(description="Begin of the figures' period.")
    end: dt.datetime
    cards: list[dict[str, Any]] = Field(description="Title, value, interval, sample and rows of each figure.")


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


def _listed(request: Request, running: Running, service: str, *, elsewhere: bool) -> tuple[Section, Question]:
    """The section, and the period of its cards: the one asked for; all, where the usual one has no deployment."""
    found, total = read_deployments(running.store, service, elsewhere=elsewhere, limit=MOST)
    given = {
        name: values
        for name, values in parameters(request).items()
        if name in ("from", "to", "service") and any(values)
    }
    asked = question(given, running.store, running.settings)
    if found and not {"from", "to"} & given.keys() and not asked.start <= found[0].deployment.at < asked.end:
        given["from"] = ["all"]
        asked = question(given, running.store, running.settings)
    asking = Asking(running.store, asked, SiteLinks(given))
    return deployments_section(found, total, service, with_query, asking), asked


@router.get("/deployments")
def deployments_page(
    request: Request, running: Running, service: Text = "", elsewhere: bool = False
) -> Response:
    """Deployments, newest first, and the figures of delivery."""
    section, asked = _listed(request, running, service, elsewhere=elsewhere)
    kept = {"service": service, "elsewhere": str(elsewhere).lower()}
    links = [
        (
            "Only production" if elsewhere else "With other environments",
            with_query("/deployments", {**kept, "elsewhere": str(not elsewhere).lower()}),
        ),
        *((("Deployments of every service", "/deployments"),) if service else ()),
        *(
            (f"Figures of {words}", with_query("/deployments", {**kept, "from": start}))
            for words, start in (("90 days", "90d"), ("a year", "365d"), ("all time", "all"))
        ),
        ("How they are worked out", "/definitions/change_failure_rate"),
    ]
    return render(
        request,
        "meeting.html",
        "deployments",
        section=section,
        links=links,
        cards_of=f"Figures of {period_text(asked.start, asked.end)}, into production. Each leads to its rows.",
    )


@router.get("/deployments.json")
def deployments_json(
    request: Request, running: Running, service: Text = "", elsewhere: bool = False
) -> DeploymentsPageOut:
    """The same as JSON."""
    section, asked = _listed(request, running, service, elsewhere=elsewhere)
    listed = list_deployments(running, service, None, elsewhere, MOST)
    cards = twin_of(section, asked)["cards"]
    return DeploymentsPageOut(**listed.model_dump(), start=asked.start, end=asked.end, cards=cards)


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
