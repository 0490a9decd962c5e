"""The page Trends: what changed per operation, this week against last."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from ktlo.report.charts import picture
from ktlo.report.trends import trends_section
from ktlo.server.api.metrics import Running
from ktlo.server.api.trends import TrendsOut, asked_trends, list_trends
from ktlo.server.parameters import AskedRoute
from ktlo.server.web.rendering import render, with_query

router = APIRouter(route_class=AskedRoute)

Text = Annotated[str, Query(max_length=2_000)]
SPANS = (("day", "1 day"), ("week", "1 week"), ("4weeks", "4 weeks"))


@router.get("/trends")
def trends_page(
    request: Request, running: Running, span: Text = "week", until: Text = "", service: Text = ""
) -> Response:
    """What changed, as a picture and as tables."""
    found = asked_trends(running, span, until, service)
    later = found.stretches.later
    stretch = {"since": f"{later.start:%Y-%m-%dT%H:%M:%SZ}", "until": f"{later.end:%Y-%m-%dT%H:%M:%SZ}"}
    section = trends_section(found, lambda path, values: with_query(path, {**values, **stretch}), service)
    kept = {name: value for name, value in (("until", until), ("service", service)) if value}
    return render(
        request,
        "trends.html",
        "trends",
        section=section,
        pictures=[(figure, picture(figure.chart)) for figure in section.figures],
        spans=[(value, words, with_query("/trends", {"span": value, **kept})) for value, words in SPANS],
        present=found.stretches.span,
        stretches=found.stretches,
        services=sorted({one.key.service for one in (*found.named, *found.others)} | ({service} - {""})),
        service=service,
        until=until,
    )


@router.get("/trends.json")
def trends_json(running: Running, span: Text = "week", until: Text = "", service: Text = "") -> TrendsOut:
    """The same as JSON."""
    return list_trends(running, span, until, service)
