"""The pages where work and telemetry meet answer, whatever is joined."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ktlo.store.streams import TRACES

sys.path.insert(0, str(Path(__file__).parents[1] / "receivers"))

from otlp_requests import Said, request, segment


@pytest.fixture(scope="module")
def known(runtime):
    rows = runtime.store.query("SELECT source, external_id, service FROM ktlo.incidents LIMIT 1").to_pylist()
    return rows[0]


def test_an_incidents_page_leads_to_its_telemetry_and_says_how_to_join_it(house, known):
    asked = {"source": known["source"], "id": known["external_id"]}
    item = {"item_kind": "incident", "source": known["source"], "item_id": known["external_id"]}
    assert "/incident?source=" in house.get("/item", params=item).text
    page = house.get("/incident", params=asked)
    assert page.status_code == 200
    assert "Say which service it is" in page.text
    told = house.get("/incident.json", params=asked).json()
    assert (told["external_id"], told["names"]) == (known["external_id"], [])
    assert house.get("/incident", params={"source": "x", "id": "y"}).status_code == 404


def test_a_services_work_is_shown_once_it_is_joined(house, runtime, known, tmp_path):
    file = tmp_path / "one.segment"
    file.write_bytes(segment(request("somewhere-prod", Said("1" * 16, "GET /"))))
    runtime.store.load(TRACES, file, "meeting")
    assert "belongs to no service yet" in house.page("/services/work?name=somewhere-prod")
    service = known["service"] or "anything"
    house.post("/services/names", data={"name": "somewhere-prod", "service": service})
    page = house.page("/services/work?name=somewhere-prod&from=all")
    assert "by a person" in page
    assert "KTLO share" in page
    twin = house.get("/services/work.json", params={"name": "somewhere-prod", "from": "all"}).json()
    told = house.get("/api/v1/services/work", params={"name": "somewhere-prod", "from": "all"}).json()
    assert twin["answer"] == told["answer"]
    assert twin["answer"]["said"] in page
    assert [card["title"] for card in told["cards"]] == [card["title"] for card in twin["cards"]]
    assert "KTLO share" in [card["title"] for card in told["cards"]]


def test_trends_answer_without_telemetry_of_two_weeks_and_refuse_what_is_no_stretch(house):
    assert "Trends" in house.page("/trends")
    assert house.get("/api/v1/trends", params={"span": "day"}).json()["named"] == []
    answer = house.get("/api/v1/trends", params={"span": "year"})
    assert (answer.status_code, answer.json()["title"]) == (400, "'year' is no stretch to compare")
