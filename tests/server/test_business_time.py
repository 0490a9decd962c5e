"""Business time on pages, in the API and as a deep link: a switch where there is a calendar, a sentence where not."""

from __future__ import annotations

import pytest

from ktlo.settings.calendars import CalendarSettings


@pytest.fixture
def calendars(runtime, monkeypatch):
    changed = runtime.settings.model_copy(update={"calendars": {"default": CalendarSettings()}})
    monkeypatch.setattr(runtime, "settings", changed)


def test_without_a_calendar_business_time_is_refused_and_no_switch_is_shown(house):
    answer = house.get("/api/v1/metrics/time_to_restore?clock=business")
    assert answer.status_code == 400
    assert "no business calendar yet" in answer.json()["title"]
    assert "Durations in" not in house.page("/reliability")


def test_a_clock_that_does_not_exist_is_refused(house):
    assert house.get("/api/v1/metrics/time_to_restore?clock=moon").status_code in (400, 422)


@pytest.mark.usefixtures("calendars")
def test_the_link_carries_the_clock_and_the_answer_says_which_time_it_is_in(house):
    page = house.page("/reliability?from=all&clock=business")
    assert "durations in business time" in page
    assert '<option value="business" selected>' in page
    notes = house.get("/api/v1/metrics/time_to_restore?clock=business").json()["notes"]
    assert notes == ["Time to restore is in business time, by the calendar of each service"]
    notes = house.get("/api/v1/metrics/downtime?clock=business").json()["notes"]
    assert "wall time" in notes[0]
    assert house.get("/api/v1/metrics/time_to_restore").json()["notes"] == []
