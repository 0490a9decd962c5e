"""What a status means is changed on its page, by the API and in the terminal, and durations follow at once."""

from __future__ import annotations

import datetime as dt

import pytest

from ktlo.records import TABLES
from ktlo.records.arrow import to_arrow
from ktlo.records.reliability import Incident, IncidentEvent

DETECTED = dt.datetime(2026, 3, 2, 9, 0, tzinfo=dt.UTC)
SOURCE = "pager:statuses"


def at(minutes):
    return DETECTED + dt.timedelta(minutes=minutes)


@pytest.fixture(scope="module")
def told(runtime):
    incident = Incident(
        source=SOURCE,
        external_id="1",
        service="",
        repository="",
        team="",
        title="down",
        severity="",
        state="resolved",
        started_at=None,
        detected_at=DETECTED,
        acknowledged_at=None,
        mitigated_at=None,
        resolved_at=at(90),
        closed_at=None,
        reopen_count=0,
        responders=(),
        caused_by="",
        url="",
    )
    steps = [
        IncidentEvent(
            source=SOURCE,
            incident_id="1",
            event_id=status,
            occurred_at=at(minutes),
            kind=kind,
            actor="",
            before="",
            after=status,
        )
        for minutes, kind, status in ((30, "status", "Prüfung"), (90, "resolved", "Done"))
    ]
    runtime.store.insert(TABLES["incidents"], to_arrow([incident], Incident))
    runtime.store.insert(TABLES["incident_events"], to_arrow(steps, IncidentEvent))
    return runtime


def restored(house):
    query = {"from": "2026-03-01", "to": "2026-03-03", "source": SOURCE}
    figures = house.get("/api/v1/metrics/time_to_restore", params=query).json()["figures"]
    return figures[0]["statistics"]["p50"]["value"]


def test_a_meaning_is_said_on_the_page_and_the_number_follows_before_the_page_is_back(told, house):
    assert restored(house) == 90 * 60  # nothing is derived yet: the source's own field
    page = house.page(f"/sources/statuses?source={SOURCE}")
    assert "1 of 2 statuses is not understood" in page
    done = house.post(
        "/sources/statuses",
        data={"source": SOURCE, "status": "Prüfung", "meaning": "mitigated", "view": SOURCE},
    )
    assert done.status_code == 303
    assert restored(house) == 30 * 60
    page = house.page(done.headers["location"])
    assert "All 2 statuses are understood" in page
    assert "a person" in page
    house.post("/sources/statuses", data={"source": SOURCE, "status": "Prüfung", "meaning": ""})
    assert restored(house) == 90 * 60


def test_a_source_that_changed_since_the_derivation_is_taken_at_its_word(told, house):
    house.post("/api/v1/sources/statuses", json={"source": SOURCE, "status": "Done", "meaning": "resolved"})
    assert restored(house) == 90 * 60
    (known,) = told.store.query(
        "SELECT * FROM ktlo.incidents WHERE source = {s:String}", {"s": SOURCE}
    ).to_pylist()
    later = Incident(**known | {"resolved_at": at(120), "responders": ()})
    told.store.insert(TABLES["incidents"], to_arrow([later], Incident))
    assert restored(house) == 120 * 60


def test_a_meaning_that_is_none_is_refused_with_the_choices(told, house):
    answer = house.post(
        "/api/v1/sources/statuses", json={"source": SOURCE, "status": "Done", "meaning": "gone"}
    )
    assert answer.status_code == 400
    assert "Choose one of new, active" in answer.text


def test_json_twin_and_api_tell_the_same(told, house):
    twin = house.get("/sources/statuses.json", params={"source": SOURCE}).json()
    assert twin == house.get("/api/v1/sources/statuses", params={"source": SOURCE}).json()
    assert {one["status"] for one in twin} == {"Prüfung", "Done"}
