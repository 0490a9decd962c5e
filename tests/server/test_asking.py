"""The period that is meant when nobody says one: the last 90 days, or the last 90 in which anything happened."""

from __future__ import annotations

import datetime as dt
from html import unescape

import pytest

from ktlo.server import asking
from ktlo.settings import Settings

ASKED = dt.datetime(2025, 11, 24, 5, tzinfo=dt.UTC)
"""Nearly eight months after the last thing that happened in the house, on 28 March 2025."""


def _period(runtime, now, **given):
    read = asking.question({name: [value] for name, value in given.items()}, runtime.store, Settings(), now)
    return read.start, read.end


def test_an_old_store_is_asked_for_the_ninety_days_that_end_with_its_newest_record(runtime):
    start, end = _period(runtime, ASKED)
    assert end == dt.datetime(2025, 3, 29, tzinfo=dt.UTC)
    assert end - start == dt.timedelta(days=90)


def test_a_store_with_anything_in_the_last_ninety_days_is_asked_for_those(runtime):
    now = dt.datetime(2025, 6, 20, tzinfo=dt.UTC)
    assert _period(runtime, now) == (now - dt.timedelta(days=90), now)


def test_what_is_dated_after_the_moment_of_asking_does_not_move_the_period(runtime):
    before_anything = dt.datetime(2024, 6, 1, tzinfo=dt.UTC)
    assert _period(runtime, before_anything)[1] == before_anything


@pytest.mark.parametrize("given", [{"from": "90d"}, {"from": "2025-10-01"}, {"to": "2025-11-01"}])
def test_a_period_that_somebody_asked_for_is_never_changed(runtime, given):
    start, end = _period(runtime, ASKED, **given)
    assert end in (ASKED, dt.datetime(2025, 11, 2, tzinfo=dt.UTC))
    assert start > dt.datetime(2025, 7, 1, tzinfo=dt.UTC)


def test_pages_and_the_api_say_the_period_that_they_chose(house):
    said = "29 Dec 2024 to 28 Mar 2025. Nothing is newer than 28 Mar 2025; this is the 90 days before."
    assert said in unescape(house.page("/"))
    assert "Nothing is newer" not in house.page("/?from=90d")
    figure = house.get("/api/v1/metrics/incidents").json()["figures"][0]
    assert figure["start"].startswith("2024-12-29")
    assert figure["end"].startswith("2025-03-29")
    assert figure["statistics"]["count"]["n"] == 6
