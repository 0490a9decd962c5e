"""Names in telemetry are joined to the catalogue by a click, and what is not joined is listed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ktlo.effort.catalogue import Named, service_members
from ktlo.effort.telemetry_names import join_namesakes
from ktlo.records import TABLES
from ktlo.records.arrow import to_arrow
from ktlo.records.services import ServiceMember
from ktlo.settings import ServiceSettings
from ktlo.store.streams import TRACES

sys.path.insert(0, str(Path(__file__).parents[1] / "receivers"))

from otlp_requests import Said, request, segment


@pytest.fixture(scope="module")
def reporting(runtime, tmp_path_factory):
    file = tmp_path_factory.mktemp("names") / "one.segment"
    file.write_bytes(
        segment(request("checkout-prod", Said("1" * 16, "GET /")), request("zebra", Said("2" * 16, "GET /")))
    )
    runtime.store.load(TRACES, file, "names")
    return runtime


def unjoined(house):
    return {
        one["name"]: [each["service"] for each in one["proposals"]]
        for one in house.get("/api/v1/service-names").json()["unjoined"]
    }


def test_a_name_that_nobody_said_is_listed_on_the_sources_page_until_it_is_said(reporting, house):
    assert unjoined(house) == {"checkout-prod": [], "zebra": []}
    assert "checkout-prod, zebra" in house.page("/sources")
    done = house.post("/services/names", data={"name": "checkout-prod", "service": "checkout"})
    assert done.status_code == 303
    assert unjoined(house) == {"zebra": []}
    page = house.page("/services/names")
    assert "1 service of telemetry belongs to nothing else yet" in page
    assert "a person" in page
    house.post("/services/names", data={"name": "checkout-prod", "service": ""})
    assert set(unjoined(house)) == {"checkout-prod", "zebra"}


def test_a_service_of_exactly_the_name_of_one_in_the_catalogue_is_joined_without_a_collection(
    reporting, house, tmp_path
):
    store, settings = reporting.store, {"till": ServiceSettings()}
    members = service_members(settings, (), Named())
    store.replace(TABLES["service_members"], [to_arrow(members, ServiceMember)])
    assert not join_namesakes(store, reporting.state, settings)
    file = tmp_path / "till.segment"
    file.write_bytes(segment(request("till", Said("5" * 16, "GET /")), request("ktlo", Said("6" * 16, "x"))))
    store.load(TRACES, file, "till")
    assert join_namesakes(store, reporting.state, settings)
    assert not join_namesakes(store, reporting.state, settings)
    assert "till" not in unjoined(house)
    assert "ktlo" not in unjoined(house), "its own work is not the team's"
    joined = [
        one for one in house.get("/api/v1/service-names").json()["members"] if one["kind"] == "telemetry"
    ]
    assert {(one["member"], one["service"]) for one in joined} == {("till", "till")}


def test_a_name_that_never_reported_cannot_be_said(reporting, house):
    answer = house.post("/api/v1/service-names", json={"name": "nobody", "service": "checkout"})
    assert answer.status_code == 404
    assert "no service called 'nobody' has reported" in answer.json()["title"]
