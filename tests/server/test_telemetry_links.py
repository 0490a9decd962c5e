"""Who looks at a stretch of time keeps it from page to page; one name for what is searched; no silence about others."""

from __future__ import annotations

import re
import sys
import time
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from ktlo.store.streams import LOGS, TRACES
from ktlo.telemetry.pairing import Pairing

sys.path.insert(0, str(Path(__file__).parents[1] / "receivers"))

import datetime as dt

from otlp_requests import TEN, Said, request, segment
from signal_requests import log, logs

from ktlo.receivers.spool import length_prefix

TRACE, OTHER = "a1" * 16, "a2" * 16
COLOURED = "\x1b[31mno such fish\x1b[0m"
STRETCHED = {
    "/services", "/services/service", "/services/map", "/services/edge", "/traces", "/trace", "/traces/compare",
    "/traces/typical", "/errors", "/errors/error", "/logs", "/logs/live", "/metrics", "/metrics/all", "/functions",
    "/functions/function", "/functions/flame", "/functions/never",
}  # fmt: skip
"""Pages that are about a stretch of time, or lead to some."""


@pytest.fixture(scope="module")
def shop(house, runtime, tmp_path_factory):
    now = (time.time_ns() - TEN) / 1e6 - 600_000
    error = ("exception", {"exception.type": "KeyError", "exception.message": COLOURED})
    folder = tmp_path_factory.mktemp("walked")
    code = {"code.function.name": "shop.prices.of"}
    failing = request(
        "till",
        Said("3" * 16, "POST /charge", now + 15, 60, "2" * 16, TRACE, error=True, events=[error],
             attributes=code, links=[(OTHER, "4" * 16)]),
    )  # fmt: skip
    for span in failing.resource_spans[0].scope_spans[0].spans:
        span.events[0].time_unix_nano = span.start_time_unix_nano
    (folder / "traces").write_bytes(
        segment(
            request(
                "web",
                Said("1" * 16, "GET /pay", now, 100, trace_id=TRACE),
                Said("2" * 16, "charge", now + 10, 80, "1" * 16, TRACE, 3),
                Said("4" * 16, "GET /pay", now - 9_000, 50, trace_id=OTHER),
            ),
            failing,
        )
    )  # fmt: skip
    runtime.store.load(TRACES, folder / "traces", "walked")
    body = logs(
        "till",
        log(COLOURED, now + 20, 17, trace_id=bytes.fromhex(TRACE), span_id=b"\x33" * 8, attributes={"said": COLOURED}),
    ).SerializeToString()  # fmt: skip
    (folder / "logs").write_bytes(length_prefix(len(body)) + body)
    runtime.store.load(LOGS, folder / "logs", "walked-logs")
    Pairing(runtime.store, 14).round(dt.datetime.now(dt.UTC))
    return house


def links(page: str) -> set[str]:
    return {unescape(link).partition("#")[0] for link in re.findall(r'href="(/[^"]*)"', page)}


def test_every_link_from_page_to_page_keeps_the_stretch(shop):
    until = f"{dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}"
    asked = f"since=5h&until={until}"
    waiting = [
        f"{path}?{asked}" for path in ("/services", "/traces", "/errors", "/logs", "/functions", "/metrics")
    ]
    waiting.append(f"/trace?{asked}&id={TRACE}&span={'3' * 16}")
    seen: set[tuple[str, ...]] = set()
    while waiting:
        here = waiting.pop()
        answer = shop.get(here, headers={"accept": "text/html"})
        assert answer.status_code in (200, 303), f"{here}: {answer.text[:300]}"
        for link in links(answer.text) | (
            {answer.headers["location"]} if answer.status_code == 303 else set()
        ):
            parts = urlsplit(link)
            given = parse_qs(parts.query)
            if parts.path.endswith(".json"):
                assert shop.get(link).status_code == 200, f"{here} says its JSON is {link}"
                continue
            if parts.path not in STRETCHED or given.get("q", [""])[0].startswith("trace:"):
                continue
            assert "since" in given, f"{here} leads to {link}"
            # Stretches above a page and columns of a chart are stretches of their own.
            if given["since"] == ["5h"]:
                assert given.get("until") == [until], f"{here} leads to {link}"
                form = (parts.path, *sorted(given))
                if form not in seen:
                    seen.add(form)
                    waiting.append(link)
    assert {path for path, *_ in seen} == STRETCHED


def test_an_error_opens_over_the_stretch_of_the_list_that_leads_to_it(shop):
    (href,) = {link for link in links(shop.page("/errors")) if link.startswith("/errors/error?")}
    assert parse_qs(urlsplit(href).query)["since"] == ["1h"]
    assert "/errors?since=1h" in links(shop.page(href))


@pytest.mark.parametrize("name", ["q", "query", "text"])
@pytest.mark.parametrize(
    ("path", "what", "there", "elsewhere"),
    [
        ("/api/v1/logs", "service:{}", "till", "nobody"),
        ("/logs.json", "service:{}", "till", "nobody"),
        ("/api/v1/services", "{}", "till", "nobody"),
        ("/api/v1/errors", "{}", "KeyError", "nothing"),
        ("/functions.json", "{}", "prices", "nothing"),
        ("/api/v1/map", "{}", "till", "nobody"),
    ],
)
def test_what_is_searched_has_one_name_and_the_old_ones_are_read(shop, path, name, what, there, elsewhere):
    found = shop.get(path, params={name: what.format(there), "since": "5h"}).json()
    none = shop.get(path, params={name: what.format(elsewhere), "since": "5h"}).json()
    kept = (
        {key: value for key, value in none.items() if isinstance(value, list)}
        if isinstance(none, dict)
        else none
    )
    assert not (any(kept.values()) if isinstance(kept, dict) else kept), none
    assert found
    assert found != none


def test_an_unknown_parameter_is_said_with_those_that_there_are(shop):
    for path in ("/api/v1/traces", "/traces.json"):
        answer = shop.get(f"{path}?opperation=x")
        assert answer.status_code == 400
        said = answer.json()
        assert said["title"] == "there is no parameter 'opperation'"
        assert said["fix"].startswith("Did you mean operation? It takes ")
        assert {"shortest", "since"} <= set(said["fix"].split("It takes ")[1].split(", "))
    # The navigation carries filters of other pages to a page and to its twin.
    assert shop.get("/traces?from=2026-01-01&team=x", headers={"accept": "text/html"}).status_code == 200
    assert shop.get("/traces.json?from=2026-01-01&team=x").status_code == 200


def test_what_is_shown_is_without_a_terminals_colours_and_what_is_stored_as_it_came(shop):
    (href,) = {link for link in links(shop.page("/errors")) if link.startswith("/errors/error?")}
    pages = (href, "/errors", "/logs?q=service:till", "/logs/live?q=service:till",
             f"/trace?id={TRACE}&span={'3' * 16}", "/logs?q=service:till&view=patterns")  # fmt: skip
    for path in pages:
        text = shop.page(path)
        assert "no such fish" in text, path
        assert not {"\x1b", "[31m"} & set(re.findall(r"\x1b|\[31m", text)), path
    (record,) = shop.get("/api/v1/logs?q=service:till").json()["records"]
    assert (record["body"], record["said"]) == (COLOURED, "no such fish")
    (error,) = shop.get("/api/v1/errors").json()
    assert error["message"] == "no such fish"


def test_ends_of_an_edge_and_the_edge_itself_have_their_links(shop):
    page = shop.page("/services/map?since=5h")
    row = page.split('id="edges"')[1].split("<tbody>")[1].split("</tr>")[0]
    assert [urlsplit(unescape(link)).path for link in re.findall(r'href="([^"]*)"', row)] == [
        "/services/service", "/services/service", "/services/edge",
    ]  # fmt: skip
    around = shop.page("/services/service?since=5h&name=web").split('id="calls"')[1]
    cell = around.split("<tbody>")[1].split("</tr>")[0]
    assert "name=till" in cell
    assert "/services/edge?" in cell
