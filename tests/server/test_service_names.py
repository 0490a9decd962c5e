"""Names in telemetry are joined to the catalogue by a click, and what is not joined is listed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

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


def test_a_name_that_never_reported_cannot_be_said(reporting, house):
    answer = house.post("/api/v1/service-names", json={"name": "nobody", "service": "checkout"})
    assert answer.status_code == 404
    assert "no service called 'nobody' has reported" in answer.json()["title"]
