"""The page of names: what belongs to which service, and which services of telemetry belong to none yet."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from ktlo.effort.telemetry_names import MOST_UNJOINED, say
from ktlo.report.charts import Heading, Row, Table
from ktlo.server.api.effort import AUTHOR
from ktlo.server.api.metrics import Running
from ktlo.server.api.service_names import NamesOut, names_of
from ktlo.server.web.rendering import render, with_message

router = APIRouter()

FormText = Annotated[str, Form(max_length=2_000)]

CERTAINTIES = {"said": "said", "evidence": "by what runs", "name": "names agree"}
"""How sure a member is, in words."""


@router.get("/services/names")
def names_page(request: Request, running: Running) -> Response:
    """The catalogue, and one click for each name that is not in it."""
    names = names_of(running)
    table = Table(
        (
            Heading("Service"),
            Heading("What"),
            Heading("Name there"),
            Heading("Team"),
            Heading("Known from"),
            Heading("How sure"),
        ),
        tuple(
            Row(
                (
                    one.service,
                    one.kind,
                    one.member,
                    one.team,
                    one.found_in,
                    CERTAINTIES.get(one.certainty, ""),
                )
            )
            for one in names.members
        ),
    )
    return render(
        request,
        "service_names.html",
        "services",
        unjoined=names.unjoined,
        most=MOST_UNJOINED,
        joined=sum(one.kind == "telemetry" for one in names.members),
        services=sorted({one.service for one in names.members}),
        said=[one for one in names.members if one.kind == "telemetry" and one.found_in == "a person"],
        table=table,
        json_href="/services/names.json",
    )


@router.get("/services/names.json")
def names_json(running: Running) -> NamesOut:
    """The same as JSON."""
    return names_of(running)


@router.post("/services/names")
def say_name(running: Running, name: FormText, service: FormText = "") -> Response:
    """Say which service a name in telemetry means, or take it back."""
    say(running.store, running.state, running.settings.services, name, service, AUTHOR)
    return RedirectResponse(
        with_message("/services/names", "name_said" if service.strip() else "name_taken_back"), 303
    )
