"""The Staffing page, its twin, the API and the command say the same, and bad values are refused in words."""

from __future__ import annotations

from typing import Any

import pytest


def test_the_page_its_twin_and_the_api_give_one_answer(house: Any) -> None:
    page = house.page("/plan/staffing?to=2025-03-31")
    twin = house.get("/plan/staffing.json?to=2025-03-31").json()
    api = house.get("/api/v1/plan/staffing?to=2025-03-31").json()
    assert twin["answer"]["said"] == api["headline"]
    assert twin["sentences"] == api["sentences"]
    assert api["headline"].split(" ")[0] in page
    assert "Try other values" in page
    costs = next(listing for listing in twin["listings"] if listing["name"] == "costs")
    assert costs["table"]["rows"][0]["cells"][1] == pytest.approx(api["rotation"]["cost_per_week"]["value"])


def test_a_value_in_the_address_is_taken_and_kept(house: Any) -> None:
    page = house.page("/plan/staffing?to=2025-03-31&engineers=6&dedicated=2&hand_over_hours=3")
    assert 'name="engineers" value="6"' in page
    assert "A dedicated team of 2" in page
    api = house.get("/api/v1/plan/staffing?to=2025-03-31&engineers=6&dedicated=2&hand_over_hours=3").json()
    assert api["people"] == 6
    assert api["dedicated"]["size"] == 2
    assert next(driver for driver in api["drivers"] if driver["name"] == "hand_over_hours")["is_said"]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("engineers=0", "Engineers"),
        ("hand_over_hours=-3", "change of shift"),
        ("idle_value=2", "idle hour in the team"),
        ("unfamiliar=much", "Not knowing costs"),
    ],
)
def test_what_cannot_be_is_refused_with_its_name(house: Any, query: str, said: str) -> None:
    answer = house.get(f"/plan/staffing?{query}", headers={"accept": "text/html"})
    assert answer.status_code in (400, 422)
    assert said in answer.text
    assert house.get(f"/api/v1/plan/staffing?{query}").status_code in (400, 422)
