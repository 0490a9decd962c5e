"""Incidents that were deleted from a status page are removed, and nothing that is merely not to be seen is."""

from __future__ import annotations

import pytest
from collected_rows import Seen, run
from test_statuspage import Page, after, incident, source, stamp

from ktlo.sources.rest.quota import World


def test_a_deleted_incident_is_removed_with_its_outages_when_two_readings_miss_it() -> None:
    page, seen = Page(), Seen()
    made = source(page)
    run(made, seen)
    there = page.incidents
    page.incidents = [one for one in there if one["id"] not in ("S1", "S2")]
    run(made, seen)
    assert len(seen.shown("incidents")) == 10, "a cache may be behind"
    page.incidents = [one for one in there if one["id"] != "S1"]
    run(made, seen)
    assert {row["external_id"] for row in seen.shown("incidents")} == {f"S{n}" for n in range(10) if n != 1}
    assert "S1" not in {row["incident_id"] for row in seen.shown("outages")}
    assert "S2" in {row["incident_id"] for row in seen.shown("outages")}


def test_with_a_key_old_incidents_that_were_deleted_are_removed_within_a_day(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SP_KEY", "k3y")
    page, seen, clock = Page(), Seen(), [after(0).timestamp()]
    told = [incident(f"P{number}", "major", "0 investigating, 9 resolved") for number in range(130)]
    page.past = [*told]
    made = source(page, World(now=lambda: clock[0]), token="env:SP_KEY")
    assert run(made, seen) is None
    page.past.remove(told[7])
    page.is_as_described = False
    page.past[3] = {**page.past[3], "name": 7}
    assert run(made, seen) is None
    assert len(seen.shown("incidents")) == 140, "it is asked once a day"
    clock[0] += 86_400
    page.asked.clear()
    assert run(made, seen) is None
    assert {f"P{n}" for n in range(130)} - {row["external_id"] for row in seen.shown("incidents")} == {"P7"}
    assert "P7" not in {row["incident_id"] for row in seen.shown("outages")}
    assert [path.rpartition("/")[2] for path in page.asked if path.startswith("/v1")] == [
        "incidents",
        "incidents",
        "P3",
        "P7",
    ]


def test_what_is_too_old_for_the_list_is_not_taken_for_deleted() -> None:
    page, seen = Page(), Seen()
    made = source(page)
    run(made, seen)
    for number in range(50):
        told = incident(f"N{number}", "minor", "0 investigating")
        page.incidents.append(told | {"created_at": stamp(after(600 + number)), "started_at": None})
    for _ in range(3):
        run(made, seen)
    assert len(seen.shown("incidents")) == 60


def test_an_incident_that_cannot_be_read_is_not_taken_for_deleted() -> None:
    page, seen = Page(), Seen()
    made = source(page)
    run(made, seen)
    page.incidents[2]["created_at"] = None
    for _ in range(3):
        run(made, seen)
    assert len(seen.shown("incidents")) == 10
