"""Connecting a webhook of one's own from the page: the guess, what it becomes, what is wrong, and adding it."""

from __future__ import annotations

import json

import pytest

from ktlo.server.app import make_app
from ktlo.server.runtime import Runtime
from ktlo.server.security import Access
from ktlo.settings import Settings

SAMPLE = {
    "id": "a1",
    "title": "Slow <script>alert(1)</script>",
    "status": "resolved",
    "created_at": "2026-09-01T10:00:00Z",
    "resolved_at": "2026-09-01T10:30:00Z",
}


@pytest.fixture
def runtime(tmp_path):
    opened = Runtime(Settings(), tmp_path / "data")
    yield opened
    opened.close()


@pytest.fixture
def visitor(runtime, visiting):
    return visiting(make_app(runtime, Access()))


FILLED = {
    "sample": json.dumps(SAMPLE),
    "name": "pager",
    "noun": "incidents",
    "map.external_id": "id",
    "map.title": "title",
    "map.state": "status",
    "map.detected_at": "created_at",
    "map.resolved_at": "resolved_at",
}


def test_the_list_of_kinds_leads_to_the_form(visitor):
    assert "/sources/add?kind=webhook" in visitor.page("/sources/add")
    assert visitor.get("/sources/add?kind=webhook").headers["location"] == "/sources/webhook"
    assert "Paste the body of one webhook" in visitor.page("/sources/webhook")


def test_a_sample_alone_gets_a_guess_and_its_records(visitor):
    page = visitor.post("/sources/webhook", data={"sample": json.dumps(SAMPLE), "guess": "1"}).text
    assert 'name="map.external_id" value="id"' in page
    assert "1 record would come in" in page
    assert "<script>alert(1)" not in page


def test_what_is_typed_is_shown_at_once(visitor):
    assert "1 record would come in" in visitor.post("/fragments/webhook", data=FILLED).text
    assert "JMESPath" in visitor.post("/fragments/webhook", data={**FILLED, "map.title": "a["}).text
    assert (
        "detected_at"
        in visitor.post("/fragments/webhook", data={**FILLED, "map.detected_at": "nowhere"}).text
    )
    assert "not JSON" in visitor.post("/fragments/webhook", data={**FILLED, "sample": "{"}).text


def test_what_would_be_removed_is_shown_too(visitor):
    told = visitor.post("/fragments/webhook", data={**FILLED, "deleted": "status == 'resolved'"}).text
    assert "a1 would be removed" in told


def test_of_many_items_it_is_said_how_many_of_them_are_shown(visitor):
    items = [{**SAMPLE, "id": f"a{number}"} for number in range(80)]
    for item in items[57:]:
        item["created_at"] = "once"
    filled = {**FILLED, "items": "alerts", "sample": json.dumps({"alerts": items})}
    told = visitor.post("/fragments/webhook", data=filled).text
    assert "57 records would come in" in told
    assert told.count("<tr>") == 21
    assert told.count("&#39;once&#39;") == 20
    assert ("20 of 57 shown" in told, "20 of 23 shown" in told) == (True, True)
    told = visitor.post("/fragments/webhook", data={**filled, "deleted": "created_at == 'once'"}).text
    assert "(20 of 23 shown) would be removed" in told
    alone = {**filled, "sample": json.dumps({"alerts": items[:20]})}
    assert "shown" not in visitor.post("/fragments/webhook", data=alone).text


def test_it_is_added_and_takes_webhooks_at_once(visitor, runtime):
    answer = visitor.post("/sources/webhook", data={**FILLED, "confirm": "1"})
    assert answer.status_code == 303
    assert "webhook%3Apager" in answer.headers["location"]
    sent = visitor.post("/hooks/webhook:pager", content=json.dumps(SAMPLE))
    assert (sent.status_code, sent.json()["rows"]) == (200, 1)
    rows = runtime.store.query("SELECT external_id, state FROM ktlo.incidents").to_pylist()
    assert rows == [{"external_id": "a1", "state": "resolved"}]


def test_what_cannot_be_added_stays_in_the_form_with_the_reason(visitor):
    answer = visitor.post("/sources/webhook", data={**FILLED, "name": "a b", "confirm": "1"})
    assert answer.status_code == 400
    assert "letters, digits" in answer.text
    assert "created_at" in answer.text


def test_a_sample_that_is_too_large_is_refused(visitor):
    answer = visitor.post("/sources/webhook", data={"sample": "x" * 3_000_000})
    assert answer.status_code == 400


def test_the_form_has_what_it_advises_for_dates(visitor, runtime):
    sample = {**SAMPLE, "created_at": "03/04/2026 10:00", "resolved_at": "03/04/2026 10:30"}
    told = {**FILLED, "sample": json.dumps(sample)}
    text = visitor.post("/fragments/webhook", data=told).text
    assert "No records would come in" in text
    assert "say which with `dates`" in text
    said = {**told, "dates": "day_first", "time_zone": "Europe/Berlin"}
    assert "1 record would come in" in visitor.post("/fragments/webhook", data=said).text
    page = visitor.post("/sources/webhook", data=said).text
    assert '<option value="day_first" selected>' in page
    visitor.post("/sources/webhook", data={**said, "confirm": "1"})
    (one,) = runtime.sources()
    assert (one.options["dates"], one.options["time_zone"]) == ("day_first", "Europe/Berlin")
