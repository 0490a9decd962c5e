"""Pages, API and command of services and their map, over spans of a shop whose pay got worse with a deployment."""

from __future__ import annotations

import datetime as dt
import re
import sys
import time
from html import unescape
from pathlib import Path

import pytest

from ktlo.records import TABLES
from ktlo.records.arrow import to_arrow
from ktlo.records.work import Deployment
from ktlo.store.streams import TRACES
from ktlo.telemetry.pairing import Pairing

sys.path.insert(0, str(Path(__file__).parents[1] / "receivers"))

import otlp_requests
from otlp_requests import Said, request, segment

MINUTES = 100


def spans_of_a_shop(version: str, first: int, last: int, *, slow: float, failing: int) -> list:
    spans = {"web": [], "pay": []}
    for n in range(first * 6, last * 6):
        trace, at = f"{n + 1:032x}", n * 10_000 + n % 7
        spans["web"].append(Said("1" * 16, "GET /<b>checkout</b>", at, 100 * slow, trace_id=trace))
        spans["web"].append(Said("2" * 16, "charge", at, 90 * slow, "1" * 16, trace, 3))
        is_bad = bool(failing) and n % failing == 0
        spans["pay"].append(
            Said("3" * 16, "POST /charge", at, (80 + n % 9) * slow, "2" * 16, trace, 2, is_bad)
        )
        spans["pay"].append(
            Said(
                "4" * 16,
                "sql",
                at,
                5,
                "3" * 16,
                trace,
                3,
                attributes={"db.system": "redis", "server.address": "c"},
            )
        )
    return [
        request("web", *spans["web"], resource={"service.instance.id": "web-1"}),
        request(
            "pay",
            *spans["pay"],
            resource={"service.version": version, "service.instance.id": f"pay-{version}"},
        ),
    ]


@pytest.fixture(scope="module")
def shop(runtime, tmp_path_factory):
    begin = (int(time.time()) // 60 - MINUTES) * 60 * 10**9
    before, otlp_requests.TEN = otlp_requests.TEN, begin
    try:
        made = [
            *spans_of_a_shop("2.3", 0, 50, slow=1, failing=0),
            *spans_of_a_shop("2.4", 50, MINUTES - 2, slow=3, failing=5),
        ]
    finally:
        otlp_requests.TEN = before
    file = tmp_path_factory.mktemp("shop") / "one.segment"
    file.write_bytes(segment(*made))
    runtime.store.load(TRACES, file, "shop")
    Pairing(runtime.store, 14).round(dt.datetime.now(dt.UTC))
    return runtime


PAGES = (
    "/services?since=2h", "/services/service?name=pay&since=2h", "/services/service?name=nobody",
    "/services/map?since=2h", "/services/map?since=2h&focus=pay&depth=2&against=before", "/services/map?since=2h&q=we",
    "/services/edge?client=web&server=pay&since=2h", "/services/edge?client=a&server=b",
    "/services/map?until=2001-01-01",
)  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
def test_a_page_answers_and_shows_names_as_text(shop, house, path):
    text = house.page(path)
    assert re.search(r"<h1[^>]*>[^<]*\w", text)
    assert "<b>checkout" not in text
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\bsrc=)", text)


@pytest.mark.parametrize(
    "path", ["/services?since=2h", "/services/service?name=pay&since=2h", "/services/map?since=2h"]
)
def test_every_link_of_a_page_leads_somewhere(shop, house, path):
    links = {
        unescape(link).partition("#")[0] for link in re.findall(r'href="(/[^"]*)"', house.page(path))
    } - {""}
    forms = {re.sub(r"=[^&]*", "", link): link for link in links if link.startswith(("/services", "/trace"))}
    assert len(forms) > 3
    for link in forms.values():
        assert house.get(link).status_code == 200, link


def test_what_a_deployment_made_worse_stands_first(shop, house):
    text = house.page("/services?since=2h")
    assert "worse since the last deployment: pay" in text
    assert text.index(">pay</a>") < text.index(">web</a>")
    listed = {one["service"]: one for one in house.get("/api/v1/services?since=2h").json()}
    changed = listed["pay"]["since"]
    assert changed["deployment"]["version"] == "2.4"
    assert {(one["name"], one["measure"]) for one in changed["changes"]} == {
        ("POST /charge", "errors"), ("POST /charge", "p95"),
    }  # fmt: skip
    assert listed["pay"]["apdex"]["value"] < listed["web"]["apdex"]["value"]


def test_one_service_shows_its_deployment_on_the_charts_neighbours_and_instances(shop, house):
    text = house.page("/services/service?name=pay&since=2h")
    assert "Upright lines: deployed 2.4" in text
    assert "pay-2.3" in text
    found = house.get("/api/v1/services/service?name=pay&since=2h").json()
    assert [edge["server"]["name"] for edge in found["calls"]] == ["redis c"]
    assert [edge["client"]["name"] for edge in found["callers"]] == ["web"]
    assert {one["instance"] for one in found["instances"]} == {"pay-2.3", "pay-2.4"}
    assert house.get("/services/service.json?name=pay&since=2h").json()["service"] == "pay"


def test_a_deployment_that_failed_is_listed_and_never_drawn_nor_compared_with(shop, house):
    now = dt.datetime.now(dt.UTC)
    row = Deployment(
        source="flux:prod", external_id="one", repository="", service="pay", environment="", version="9.9", sha="",
        status="failure", actor="", started_at=now, finished_at=now - dt.timedelta(minutes=6), url="",
    )  # fmt: skip
    shop.store.insert(TABLES["deployments"], to_arrow([row], Deployment))
    text = house.page("/services/service?name=pay&since=2h")
    assert "Upright lines: deployed 2.4" in text
    assert "9.9 did not get through" not in text
    assert "deployed 9.9" not in text
    assert "9.9" in text
    found = house.get("/api/v1/services/service?name=pay&since=2h").json()
    assert found["since"]["deployment"]["version"] == "2.4"


def test_a_map_is_not_compared_with_a_time_before_telemetry(shop, house):
    path = "/services/map?since=2h&against=7d"
    text = house.page(path)
    assert "nothing to compare with: there was no telemetry yet" in text
    assert "What changed" not in text
    found = house.get(path.replace("map?", "map.json?")).json()
    assert (found["changes"], found["not_compared"]) == (
        None, "nothing to compare with: there was no telemetry yet",
    )  # fmt: skip


def test_a_point_of_a_chart_leads_to_a_trace(shop, house):
    text = house.page("/services/service?name=pay&since=2h")
    trace = re.search(r'href="(/trace\?id=[0-9a-f]{32})&amp;since=2h"', text)
    assert trace
    assert "POST /charge" in house.page(trace[1])


def test_an_edge_leads_to_the_calls_that_failed(shop, house):
    text = house.page("/services/edge?client=web&server=pay&since=2h")
    assert re.search(r'href="/trace\?id=[0-9a-f]{32}&amp;span=2222222222222222&amp;since=2h"', text)


def test_the_map_says_what_is_around_a_service_and_what_it_does_not_know(shop, house):
    found = house.get("/api/v1/map?since=2h&focus=redis%20c&kind=cache").json()
    assert {node["name"] for node in found["nodes"]} == {"redis c", "pay"}
    assert found["changes"] is None
    answer = house.get("/api/v1/map?focus=nobody")
    assert answer.status_code == 400
    assert "not on the map" in answer.text
    assert house.get("/api/v1/map?against=never").status_code == 400
    assert house.get("/api/v1/services/service?name=nobody").status_code == 404
    assert house.get("/services/map.json?since=2h").json()["edges"]
