"""Pages of the metrics that services report: the explorer, the list of all metrics, completion while typing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response

from ktlo.report.charts import Head, Table, picture
from ktlo.report.metrics_list import all_metrics
from ktlo.report.pieces import Answer, Known
from ktlo.report.promql import (
    MOST_LINES,
    chart,
    exemplar_links,
    exemplar_table,
    how_many,
    said,
    series_table,
    shown,
    unit_named,
    unknown_said,
)
from ktlo.report.services import stretch_text
from ktlo.server.api.metrics import Running
from ktlo.server.api.promql import PromqlOut, asked_of, out
from ktlo.server.api.telemetry import asked_interval
from ktlo.server.parameters import AskedRoute, Sought
from ktlo.server.web.rendering import render, with_query
from ktlo.server.web.telemetry import Text, bar_of, doors_of, hrefs
from ktlo.telemetry.interval import Interval
from ktlo.telemetry.promql.asking import ask, exemplars, selector_from, since_1970
from ktlo.telemetry.promql.completing import Known as KnownNames
from ktlo.telemetry.promql.completing import completions, unit_of
from ktlo.telemetry.promql.listing import label_names, label_values, names
from ktlo.telemetry.promql.places import PromqlError
from ktlo.telemetry.promql.unknown import unknown_names
from ktlo.wording import counted

router = APIRouter(route_class=AskedRoute)

MOST_EXPRESSIONS = 6
Expressions = Annotated[list[str], Query(default_factory=list, max_length=1000)]
Page = Annotated[int, Query(ge=1, le=1_000_000)]
_WEEK_MS = 7 * 86_400_000


@dataclass(frozen=True, slots=True)
class Explored:
    """One expression with its answer, or what is wrong with it.

    Attributes:
        expression: as typed.
        said: the answer in words.
        picture: the chart; ``None`` where nothing is drawn.
        table: series.
        note: what is left out of the picture, and what it cost.
        exemplars: measurements with traces.
        error: what is wrong.
        fix: what to do.
        marked: the expression with the place marked.
        near: expressions with the name of a metric that there is, as (name, URL).
    """

    expression: str
    said: str = ""
    picture: Any = None
    table: Table | None = None
    note: str = ""
    exemplars: Table | None = None
    error: str = ""
    fix: str = ""
    marked: str = ""
    near: tuple[tuple[str, str], ...] = ()


@router.get("/metrics")
def metrics_page(
    request: Request,
    running: Running,
    q: Expressions,
    since: Text = "",
    until: Text = "",
    step: Text = "",
) -> Response:
    """The explorer; without an expression the list of all metrics."""
    of = asked_interval(since, until)
    expressions = [each for each in q if each.strip()][:MOST_EXPRESSIONS]
    given: dict[str, Any] = {"q": expressions, "since": since, "until": until, "step": step}
    explored = [
        _explored(running, each, number, of, step, since, until) for number, each in enumerate(expressions)
    ]
    answer = Answer(
        "What do the metrics say?", "Write an expression, or choose a metric from the list", change=""
    )
    if explored:
        first = explored[0]
        answer = Answer(
            "What do the metrics say?",
            first.said or "The expression cannot be answered",
            change=stretch_text(of),
        )
    end = since_1970(of.end)
    return render(
        request,
        "metrics.html",
        "metrics",
        answer=answer,
        explored=explored,
        expressions=expressions,
        has_room=len(expressions) < MOST_EXPRESSIONS,
        names=names(running.store, since_1970(of.start), end),
        bar=bar_of("/metrics", given, of),
        list_href=with_query("/metrics/all", {"since": since, "until": until}),
        doors=doors_of(request),
        known=Known(
            definition="PromQL over the metrics that services reported, computed at each step. Ranges and lookback"
            " (5 minutes) exclude their left end, as in Prometheus 3.",
            freshness="what arrived is here within about two seconds",
            missing=("Values that are not finite are left out of the picture; the API has them.",),
            source="Prometheus, Querying basics, operators and functions",
        ),
    )


def _explored(
    running: Any, expression: str, number: int, of: Interval, step: str, since: str, until: str
) -> Explored:
    try:
        asked = asked_of(expression, of, step)
        answered = ask(running.store, asked)
    except PromqlError as error:
        return Explored(
            expression, error=f"{error.what} ({error.where})", fix=error.fix, marked=error.marked()
        )
    unit = unit_named(unit_of(expression))
    series, among = shown(answered, expression=expression), how_many(answered)
    seconds = asked.step / 1000
    href = hrefs(since, until)
    found = exemplars(running.store, expression, asked.start, asked.end) if series else []
    head = Head(
        f"expression-{number + 1}",
        expression[:120],
        "A point with an exemplar leads to its trace." if found else "",
    )
    notes = []
    if len(series) > MOST_LINES:
        told = f"the table has {len(series)} of {among:,}"
        notes.append(f"The {MOST_LINES} series with the largest last value are drawn; {told}.")
    notes.append(
        f"{counted(answered.samples, 'samples')} read in {answered.seconds:.2f} s; a step every {seconds:g} s."
    )
    missing = unknown_names(running.store, expression) if not among else []
    drawn = any(each.finite for each in series)
    text = getattr(answered.value, "value", "")
    return Explored(
        expression,
        said=text or unknown_said(missing) or said(series, unit, expression, among),
        picture=picture(chart(head, series, unit, seconds, exemplar_links(found, seconds, href)))
        if drawn
        else None,
        table=series_table(series, unit) if series else None,
        note=" ".join(notes),
        exemplars=exemplar_table(found, href) if found else None,
        near=tuple(
            (name, href("/metrics", {"q": expression.replace(each.name, name)}))
            for each in missing
            for name in each.near
        ),
    )


@router.get("/metrics.json")
def metrics_json(
    running: Running,
    q: Expressions,
    since: Text = "",
    until: Text = "",
    step: Text = "",
) -> list[PromqlOut]:
    """The answers as JSON."""
    of = asked_interval(since, until)
    found = []
    for expression in [each for each in q if each.strip()][:MOST_EXPRESSIONS]:
        asked = asked_of(expression, of, step)
        found.append(out(ask(running.store, asked), asked))
    return found


@router.get("/metrics/all")
def metrics_list_page(
    request: Request,
    running: Running,
    service: Text = "",
    text: Sought = "",
    since: Text = "",
    until: Text = "",
    page: Page = 1,
) -> Response:
    """Metrics: what each means, who reports it, how many series it is."""
    of = asked_interval(since or "1d", until)
    view = all_metrics(running.store, of, service.strip(), text, hrefs(since or "1d", until), page)
    given = {"service": service, "q": text, "since": since or "1d", "until": until}
    return render(
        request, "metrics_list.html", "metrics", view=view, bar=bar_of("/metrics/all", given, of), service=service,
        text=text, doors=doors_of(request),
    )  # fmt: skip


@router.get("/metrics/all.json")
def metrics_list_json(
    running: Running,
    service: Text = "",
    text: Sought = "",
    since: Text = "",
    until: Text = "",
    page: Page = 1,
) -> Response:
    """The same as JSON; ``X-Total-Count`` says how many names there are on all pages."""
    from ktlo.telemetry.metrics_catalogue import guilty, metrics

    of = asked_interval(since or "1d", until)
    listed = metrics(running.store, of, service.strip(), text, page)
    judged = {each.metric: each for each in guilty(running.store, of, listed.largest)}
    return JSONResponse(
        [
            {
                "name": each.family.prometheus, "reported_as": each.family.name, "type": each.family.prometheus_type,
                "unit": each.family.unit, "temporality": each.family.temporality, "description": each.description,
                "services": each.services, "services_reporting": each.reporting,
                "series": each.series, "series_new_in_a_day": each.fresh,
                "newest": each.newest.isoformat(), "expression": each.suggested,
                "guilty_label": judged[each].label if each in judged else "",
                "guilty_values": judged[each].distinct if each in judged else 0,
            }
            for each in listed.metrics
        ],
        headers={"X-Total-Count": str(listed.among)},
    )  # fmt: skip


@router.get("/metrics/complete.json")
def complete_json(
    running: Running, text: Annotated[str, Query(max_length=20_000)] = "", at: int = 0
) -> Response:
    """What may be typed at a place of an expression."""
    import datetime as dt

    end = since_1970(dt.datetime.now(dt.UTC))
    start = end - _WEEK_MS
    store = running.store

    def selectors(metric: str) -> list[Any]:
        return [selector_from(metric)] if metric else []

    found = completions(
        text,
        at,
        KnownNames(
            lambda: names(store, start, end),
            lambda metric: label_names(store, selectors(metric), start, end).values,
            lambda metric, label: label_values(store, label, selectors(metric), start, end).values,
        ),
    )
    candidates = [{"text": each.text, "kind": each.kind} for each in found.candidates]
    return JSONResponse({"start": found.start, "end": found.end, "candidates": candidates})
