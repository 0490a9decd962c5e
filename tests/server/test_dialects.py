"""Dialects as pages, as their twins, over the API and in the terminal."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ktlo.metrics.dialects.explain import COMPARED


@pytest.mark.parametrize("name", list(COMPARED))
def test_each_metric_has_a_page_with_every_dialect_and_a_twin_with_the_same_numbers(
    house: Any, march: str, name: str
) -> None:
    page = house.get(f"/metrics/dialects/{name}?{march}")
    assert page.status_code == 200
    assert "The definitions" in page.text
    assert "GitLab" in page.text
    assert "Traceback" not in page.text
    twin = house.get(f"/metrics/dialects/{name}.json?{march}").json()
    answer = house.get(f"/api/v1/dialects/{name}?{march}").json()
    numbers = next(listing for listing in twin["listings"] if listing["name"] == "definitions")
    assert len(numbers["table"]["rows"]) == len(answer["dialects"])
    for one in answer["dialects"]:
        assert one["source"]
        assert one["definition"]
        known = [cause["difference"] for cause in one["causes"]]
        if one["difference"] is not None and known:
            assert sum(known) == pytest.approx(one["difference"])


def test_the_overview_leads_to_every_metric(house: Any, march: str) -> None:
    text = house.get(f"/metrics/dialects?{march}").text
    assert all(f"/metrics/dialects/{name}?" in text for name in COMPARED)
    assert house.get("/metrics/dialects.json").status_code == 200


def test_one_dialect_alone_is_explained_and_an_unknown_one_is_told(house: Any, march: str) -> None:
    text = house.get(f"/metrics/dialects/time_to_restore?{march}&dialect=gitlab").text
    assert "Why GitLab differs" in text
    assert "Why Middleware differs" not in text
    assert house.get("/metrics/dialects/time_to_restore?dialect=jira").status_code == 400
    assert house.get("/metrics/dialects/mood").status_code == 404
    assert house.get("/api/v1/dialects/mood").status_code == 404
    only = house.get(f"/api/v1/dialects/time_to_restore?{march}&dialect=gitlab&limit=1").json()
    assert [one["dialect"] for one in only["dialects"]] == ["ktlo", "gitlab"]
    assert all(len(cause["rows_went"]) <= 1 for cause in only["dialects"][1]["causes"])


def test_an_empty_period_says_what_each_would_show_and_claims_no_number(house: Any) -> None:
    answer = house.get("/api/v1/dialects/time_to_restore?from=2001-01-01&to=2001-02-01").json()
    assert all(one["value"] is None and one["reason"] and one["shown"] for one in answer["dialects"])
    assert (
        "No deployment, incident or bug" in house.get("/metrics/dialects?from=2001-01-01&to=2001-02-01").text
    )


def test_a_number_that_a_product_writes_without_its_unit_is_shown_with_it(house: Any) -> None:
    answer = house.get("/api/v1/dialects/time_to_restore?from=all").json()
    shown = next(one["shown"] for one in answer["dialects"] if one["dialect"] == "devlake-2021")
    assert re.fullmatch(r"[\d.]+\(\w+\)", shown)
    for path in ("", "/time_to_restore"):
        assert f"{shown}, in hours<" in house.page(f"/metrics/dialects{path}?from=all")
