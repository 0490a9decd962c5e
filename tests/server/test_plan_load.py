"""The Load and Backtest pages, their twins and their API, on the house."""

from __future__ import annotations

import re
from html import unescape

import pytest

UNTIL = "to=2025-03-31"


@pytest.mark.parametrize("path", ["/plan/load", "/plan/backtest"])
def test_the_page_answers_in_words_and_its_twin_says_the_same(house, path):
    text = unescape(house.page(f"{path}?{UNTIL}"))
    twin = house.get(f"{path}.json?{UNTIL}").json()
    assert twin["answer"]["said"] in text
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=", text)
    for figure in twin["figures"]:
        assert figure["title"] in text
        assert figure["table"]["rows"]
    for listing in twin["listings"]:
        assert listing["title"] in text


def test_the_hours_in_the_sentence_are_those_of_the_api(house):
    said = house.get(f"/plan/load.json?{UNTIL}").json()["answer"]
    answer = house.get(f"/api/v1/plan/load?{UNTIL}").json()
    hours = answer["demanded"]["value"]
    assert answer["start"] == "2025-03-24"
    found = re.search(r"ask for ([\d.]+) h a week in the 13 weeks from 24 Mar 2025", said["said"])
    assert float(found[1]) == pytest.approx(hours, rel=0.06)
    share = float(re.search(r"That is ([\d.]+)%", said["change"])[1]) / 100
    assert share == pytest.approx(answer["demanded_share"]["value"], abs=0.006)
    assert sum(each["spent_per_week"] for each in answer["classes"]) == pytest.approx(
        answer["spent_per_week"]
    )


def test_the_load_can_be_asked_by_service_and_for_other_weeks(house):
    answer = house.get(f"/api/v1/plan/load?{UNTIL}&by=service&weeks=4").json()
    assert {each["service"] for each in answer["classes"]} >= {"shop", "search"}
    assert answer["weeks_ahead"] == 4
    ahead = [week for week in answer["classes"][0]["weeks"] if week["seen"] is None]
    assert len(ahead) == 4
    assert all(week["low"] <= week["mean"] <= week["high"] for week in ahead)


def test_three_weeks_of_history_are_said_to_be_three(house):
    page = unescape(house.page(f"/plan/load?{UNTIL}"))
    assert "3 complete weeks of history" in page
    assert "No vulnerabilities" in page or "vulnerabilities" in page


def test_a_backtest_of_a_month_says_how_much_past_it_needs(house):
    answer = house.get(f"/api/v1/plan/backtest?{UNTIL}").json()
    assert answer["trust"] == "unknown"
    assert answer["origins"] == 0
    assert "95 weeks" in answer["reason"]
    assert "Too little past to test on" in house.page(f"/plan/backtest?{UNTIL}")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/api/v1/plan/load?severity=high", "severity"),
        ("/api/v1/plan/load?by=category", "category"),
        ("/plan/load.json?weeks=900", "weeks"),
        ("/plan/backtest.json?seed=-1", "seed"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_the_reason(house, path, words):
    answer = house.get(path)
    assert answer.status_code == 422 or answer.status_code == 400
    assert words in answer.text


def test_a_filter_without_any_work_says_that_nothing_arrives(house):
    page = house.page("/plan/load?to=2020-01-31")
    assert "Nothing that arrives by itself" in page


def test_the_period_of_the_bar_is_all_records_up_to_its_end(house):
    page = house.page(f"/plan/load?{UNTIL}")
    assert "All records up to 31 Mar 2025" in page
    assert 'name="from"' not in page


def test_every_number_of_a_kind_leads_to_the_effort_behind_it(house):
    twin = house.get(f"/plan/load.json?{UNTIL}").json()
    arriving = next(listing for listing in twin["listings"] if listing["name"] == "arriving")
    for row in arriving["table"]["rows"]:
        assert row["href"].startswith("/rows/person_days?")
        assert house.get(row["href"]).status_code == 200
