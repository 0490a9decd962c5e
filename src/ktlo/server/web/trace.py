"""One trace as a page (waterfall, errors first, its logs inside), and two traces compared."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from ktlo.errors import NotFoundError
from ktlo.report import trace_compare
from ktlo.report.traces import trace_view
from ktlo.server.api.metrics import Running
from ktlo.server.api.telemetry import TraceComparisonOut, TraceOut, compare_traces
from ktlo.server.parameters import AskedRoute
from ktlo.server.web.rendering import environment, render, with_query
from ktlo.server.web.telemetry import Text, hrefs
from ktlo.telemetry import logs
from ktlo.telemetry.compare import compare, typical
from ktlo.telemetry.errors import of_trace
from ktlo.telemetry.trace import MOST_SPANS, read_id, span_details, trace
from ktlo.telemetry.waterfall import FITS

router = APIRouter(route_class=AskedRoute)

Opened = Annotated[list[str], Query(max_length=200)]
environment.globals["with_query"] = with_query


@router.get("/trace")
def trace_page(
    request: Request,
    running: Running,
    id: Text = "",  # noqa: A002
    span: Text = "",
    open: Opened = [],  # noqa: A002, B006
    all: Text = "",  # noqa: A002
    since: Text = "",
    until: Text = "",
) -> Response:
    """One trace: its errors, its waterfall with its logs, and where the time went."""
    trace_id = read_id(id)
    of = trace(running.store, trace_id)
    opened = [one[:32] for one in open][:50]
    view = trace_view(
        of,
        hrefs(since, until),
        logs.of_trace(running.store, trace_id),
        of_trace(running.store, trace_id),
        {*opened, span} - {""},
        MOST_SPANS if all else FITS,
    )
    kept = {"since": since, "until": until}
    given = {"id": trace_id, "open": opened, "all": "1" if all else "", **kept}
    # What is told of a span stands below its line, or beside the waterfall.
    cut = next(
        (n for n, one in enumerate(view.lines, 1) if span and one.node and one.node.span_id == span), 0
    )
    return render(
        request,
        "trace.html",
        "traces",
        view=view,
        trace_id=trace_id,
        span=span,
        before=view.lines[:cut],
        after=view.lines[cut:],
        given=given,
        kept=kept,
        details=span_details(running.store, trace_id, span) if span else [],
    )


@router.get("/trace.json")
def trace_json(running: Running, id: Text = "") -> TraceOut:  # noqa: A002
    """The same as JSON."""
    return TraceOut.of(trace(running.store, read_id(id)))


@router.get("/traces/typical")
def typical_page(
    running: Running,
    id: Text = "",  # noqa: A002
    since: Text = "",
    until: Text = "",
) -> Response:
    """To the comparison with a typical request of the same operation."""
    of = trace(running.store, read_id(id))
    other, chosen_of = typical(running.store, of)
    if not other:
        raise NotFoundError(
            "there is no other request of this operation without an error in the week before",
            where=of.trace_id,
            fix="Choose the other trace yourself: /traces/compare?a=…&b=…",
        )
    return RedirectResponse(
        hrefs(since, until)("/traces/compare", {"a": other, "b": of.trace_id, "of": str(chosen_of)}), 303
    )


@router.get("/traces/compare")
def compare_page(
    request: Request,
    running: Running,
    a: Text = "",
    b: Text = "",
    of: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    since: Text = "",
    until: Text = "",
) -> Response:
    """Two traces: what is new, gone and slower."""
    made = compare(trace(running.store, read_id(a)), trace(running.store, read_id(b)))
    return render(
        request,
        "trace_compare.html",
        "traces",
        answer=trace_compare.answer_of(made),
        sentences=trace_compare.sentences(made),
        table=trace_compare.table_of(made),
        known=trace_compare.known_of(made, of),
        a=made.a.trace_id,
        b=made.b.trace_id,
        kept={"since": since, "until": until},
    )


@router.get("/traces/compare.json")
def compare_json(running: Running, a: Text = "", b: Text = "") -> TraceComparisonOut:
    """The same as JSON."""
    return compare_traces(running, a, b)
