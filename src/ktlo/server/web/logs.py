"""The Logs page: search with volume and patterns, what stands around a record, and what arrives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from ktlo.report import logs as words
from ktlo.report.charts import picture
from ktlo.server.api.logs import LIVE, find_logs, instant_text, stretch_of
from ktlo.server.api.metrics import Running
from ktlo.server.parameters import STRETCH, AskedRoute, Sought
from ktlo.server.web.rendering import environment, render, render_fragment, with_query
from ktlo.server.web.telemetry import Text, bar_of, doors_of, hrefs, names_suggested
from ktlo.telemetry.interval import Interval
from ktlo.telemetry.log_query import Wanted, quoted, read
from ktlo.telemetry.logs import Cursor, Record, arrived, patterns, present, search, volume
from ktlo.telemetry.logs import around as around_of

router = APIRouter(route_class=AskedRoute)

MOST = 100

environment.globals["log_badges"] = words.BADGES
environment.globals["log_instant"] = instant_text


def context_href(record: Record, kept: Mapping[str, str]) -> str:
    """URL of what the same instance logged just before and after a record; ``kept`` is the stretch to go back to."""
    asked = f"service:{quoted(record.service)}"
    if record.instance:
        asked += f" instance:{quoted(record.instance)}"
    return f"{with_query('/logs', {'q': asked, 'around': str(record.logged_ns), **kept})}#here"


def attribute_href(query: str, name: str, value: str, kept: Mapping[str, str]) -> str:
    """URL of the records with the same value."""
    return with_query("/logs", {"q": f"{query} {name}={quoted(value)}".strip(), **kept})


environment.globals["log_context_href"] = context_href
environment.globals["log_attribute_href"] = attribute_href


@router.get("/logs")
def logs_page(
    request: Request,
    running: Running,
    query: Sought = "",
    since: Text = "",
    until: Text = "",
    cursor: Text = "",
    view: Text = "",
    around: Text = "",
) -> Response:
    """Records that are like what is asked, how many there are over time, or what they say."""
    wanted = read(query)
    of = stretch_of(running, wanted, since, until)
    given = {"q": query, "since": since, "until": until, "view": view}
    if around.isdecimal() and int(around) < 1 << 63:
        return _around(request, running, wanted, of, int(around), given)
    volumes = volume(running.store, of, wanted)
    total = sum(one.records for one in volumes)
    href = hrefs(since, until)
    shared: dict[str, Any] = {
        "answer": words.answer_of(volumes, of, wanted.text),
        "picture": picture(words.volume_chart(volumes, of, hrefs("", ""), wanted.text)) if volumes else None,
        "query": query, "given": given, "kept": {"since": since, "until": until}, "around": 0, "at": 0,
        "bar": bar_of("/logs", given, of),
        "names": names_suggested(running.store, of),
        "tabs": [
            ("records", not view, with_query("/logs", {**given, "view": ""})),
            ("patterns", view == "patterns", with_query("/logs", {**given, "view": "patterns"})),
            ("as they arrive", False, href("/logs/live", {"q": query})),
        ],
        "known": words.known_of(of, total, patterns=view == "patterns"),
        "doors": doors_of(request),
    }  # fmt: skip
    if view == "patterns":
        table = words.patterns_table(patterns(running.store, of, wanted), wanted.text, href)
        return render(
            request, "logs.html", "logs", records=(), older="", table=table, has_twin=False, **shared
        )
    page = search(running.store, of, wanted, MOST, Cursor.read(cursor) if cursor else None)
    # Pages that follow are of the same stretch, whatever "the last hour" means by then.
    fixed = {"q": query, "since": of.start.isoformat(), "until": of.end.isoformat()}
    older = with_query("/logs", {**fixed, "cursor": str(page.next)}) if page.next else ""
    return render(request, "logs.html", "logs", records=page.records, older=older, table=None, **shared)


def _around(
    request: Request, running: Any, wanted: Wanted, of: Interval, at: int, given: dict[str, str]
) -> Response:
    records = around_of(running.store, at, wanted)
    return render(
        request,
        "logs.html",
        "logs",
        answer=words.around_answer(records, at),
        picture=None,
        query=given["q"],
        given=given,
        kept={name: given[name] for name in STRETCH},
        around=at,
        at=at,
        bar=bar_of("/logs", given, of),
        names=[],
        tabs=[("back to the search", False, with_query("/logs", given))],
        known=words.known_of(of, len(records), patterns=False),
        doors=doors_of(request),
        records=records,
        older="",
        table=None,
        has_twin=False,
    )


@router.get("/logs.json")
def logs_json(
    running: Running, query: Sought = "", since: Text = "", until: Text = "", cursor: Text = ""
) -> Response:
    """The same as JSON."""
    return JSONResponse(find_logs(running, query, since, until, cursor, MOST).model_dump(mode="json"))


@router.get("/logs/live")
def live_page(
    request: Request, running: Running, query: Sought = "", since: Text = "", until: Text = ""
) -> Response:
    """What arrives, newest first: a script asks every second; without it the page loads itself anew."""
    wanted = read(query)
    place = present(running.store)
    of = stretch_of(running, wanted, "15min", "")
    newest = search(running.store, of, wanted, MOST).records
    return render(
        request,
        "logs_live.html",
        "logs",
        records=newest,
        query=query,
        kept={"since": since, "until": until},
        arrived=hrefs(since, until)("/logs/arrived", {"q": query}),
        after=str(place),
        back=hrefs(since, until)("/logs", {"q": query}),
        has_twin=False,
    )


@router.get("/logs/arrived")
def arrived_fragment(
    running: Running, query: Sought = "", after: Text = LIVE, since: Text = "", until: Text = ""
) -> Response:
    """Records that arrived since, newest first, as rows; the place to go on from is in a header."""
    place = present(running.store) if after == LIVE else Cursor.read(after)
    page = arrived(running.store, read(query), place)
    answer = render_fragment(
        "fragment_logs.html", records=page.records[::-1], query=query, kept={"since": since, "until": until}
    )
    answer.headers["x-next"] = str(page.next)
    return answer
