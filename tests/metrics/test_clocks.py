"""Business time: worked out by hand over nights, weekends, holidays, changes of clocks; and what must always hold."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ktlo.metrics.clocks import BusinessClock, Calendar, Clock
from ktlo.metrics.question import Question
from ktlo.metrics.registry import definition
from ktlo.metrics.rows import Rows
from ktlo.settings import Settings
from ktlo.settings.calendars import CalendarSettings

BERLIN = CalendarSettings(time_zone="Europe/Berlin", country="DE", subdivision="BE")
NIGHTS = CalendarSettings(
    time_zone="Europe/Berlin",
    hours={"saturday": ["22:00-24:00"], "sunday": ["00:00-06:00", "20:00-24:00"], "monday": ["00:00-08:00"]},
)
NEW_YORK = CalendarSettings(time_zone="America/New_York")
HOUR = 3600.0


def hours(calendar: CalendarSettings, begin: str, end: str) -> float:
    zone = ZoneInfo(calendar.time_zone)
    stamps = [dt.datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() for text in (begin, end)]
    return float(Calendar(calendar).between(np.array(stamps[:1]), np.array(stamps[1:]))[0]) / HOUR


@pytest.mark.parametrize(
    ("calendar", "begin", "end", "expected"),
    [
        (BERLIN, "2026-03-02 10:00", "2026-03-02 11:30", 1.5),  # within a Monday
        (BERLIN, "2026-03-02 16:00", "2026-03-03 10:00", 2),  # over a night
        (BERLIN, "2026-03-06 16:00", "2026-03-09 10:00", 2),  # over a weekend
        (BERLIN, "2026-03-07 03:00", "2026-03-09 09:30", 0.5),  # begins on a Saturday night
        (BERLIN, "2026-03-07 03:00", "2026-03-08 20:00", 0),  # never within hours
        (BERLIN, "2026-04-02 16:00", "2026-04-07 10:00", 2),  # Good Friday and Easter Monday are off
        (BERLIN, "2026-12-31 16:00", "2027-01-04 10:00", 2),  # over a year's end: New Year is a Friday
        (BERLIN, "2026-03-27 16:00", "2026-03-30 10:00", 2),  # the clocks change on a day off
        (
            NIGHTS,
            "2026-03-28 20:00",
            "2026-03-29 12:00",
            7,
        ),  # the night of the change to summer is an hour short
        (NIGHTS, "2026-10-24 20:00", "2026-10-25 12:00", 9),  # and that of the change back an hour long
        (NEW_YORK, "2026-03-02 09:00", "2026-03-06 17:00", 40),  # a whole week
    ],
)
def test_business_hours_worked_out_by_hand(
    calendar: CalendarSettings, begin: str, end: str, expected: float
) -> None:
    assert hours(calendar, begin, end) == expected


def test_extra_days_off_and_working_days_go_before_hours_and_holidays() -> None:
    off = CalendarSettings(holidays=[dt.date(2026, 3, 3)], working_days=[dt.date(2026, 3, 7)])
    assert hours(off, "2026-03-02 09:00", "2026-03-09 09:00") == 5 * 8  # Tuesday off, Saturday on


def test_an_instant_that_is_not_known_has_no_duration() -> None:
    lengths = Calendar(BERLIN).between(np.array([np.nan, 0.0]), np.array([0.0, np.nan]))
    assert np.isnan(lengths).all()


def test_each_service_has_its_calendar_and_others_the_default_or_the_wall_clock() -> None:
    begin, end = np.full(3, 0.0), np.full(3, 86400.0)  # Thursday, 1 January 1970, UTC
    names = np.array(["shop", "search", "mail"], dtype=object)
    day = CalendarSettings(hours={"thursday": ["00:00-24:00"]})
    clock = BusinessClock({"office": CalendarSettings(), "default": day}, {"shop": "office"})
    assert clock.between(names, begin, end).tolist() == [8 * HOUR, 24 * HOUR, 24 * HOUR]
    assert BusinessClock({"office": CalendarSettings()}, {"shop": "office"}).between(
        names, begin, end
    ).tolist() == [8 * HOUR, 24 * HOUR, 24 * HOUR]


MOMENTS = st.floats(
    dt.datetime(2019, 1, 1, tzinfo=dt.UTC).timestamp(), dt.datetime(2031, 1, 1, tzinfo=dt.UTC).timestamp()
)
CALENDARS = [Calendar(each) for each in (BERLIN, NIGHTS, NEW_YORK)]


@settings(max_examples=150, deadline=None)
@given(calendar=st.sampled_from(CALENDARS), moments=st.lists(MOMENTS, min_size=3, max_size=3))
def test_durations_add_up_and_are_never_more_than_wall_time(calendar: Calendar, moments: list[float]) -> None:
    first, middle, last = sorted(moments)
    part, rest, whole = (
        float(calendar.between(np.array([a]), np.array([b]))[0])
        for a, b in ((first, middle), (middle, last), (first, last))
    )
    assert part + rest == pytest.approx(whole, abs=1e-4)
    assert -1e-6 <= part <= middle - first + 1e-6


@settings(max_examples=50, deadline=None)
@given(week=st.integers(0, 600))
def test_every_week_without_holidays_has_its_forty_hours_whatever_the_clocks_do(week: int) -> None:
    zone = ZoneInfo("America/New_York")
    monday = dt.date(2019, 1, 7) + dt.timedelta(weeks=week)
    begin, end = (
        dt.datetime.combine(day, dt.time(), zone).timestamp() for day in (monday, monday + dt.timedelta(7))
    )
    assert CALENDARS[2].between(np.array([begin]), np.array([end]))[0] == 40 * HOUR


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ({"time_zone": "Europe/Atlantis"}, "no time zone"),
        ({"hours": {"monday": ["17:00-09:00"]}}, "ends before it begins"),
        ({"hours": {"monday": ["9-17"]}}, "no span of hours"),
        ({"hours": {"monday": ["09:00-12:00", "11:00-13:00"]}}, "overlap"),
        ({"hours": {}}, "without hours"),
        ({"country": "XX"}, "not known"),
        ({"subdivision": "BY"}, "needs its country"),
    ],
)
def test_a_calendar_that_cannot_be_is_refused_in_words(given_: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        CalendarSettings.model_validate(given_)


def test_a_service_with_a_calendar_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match=r"services\.shop\.calendar"):
        Settings.model_validate({"services": {"shop": {"calendar": "office"}}})


def incidents_of(services: list[str], begins: list[str], ends: list[str | None]) -> Rows:
    def read(text: str | None) -> dt.datetime | None:
        return None if text is None else dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)

    instant = pa.timestamp("us", tz="UTC")
    return Rows(
        pa.table(
            {
                "service": pa.array(services),
                "at": pa.array([read(text) for text in begins], instant),
                "restored_at": pa.array([read(text) for text in ends], instant),
                "is_over": pa.array([text is not None for text in ends]),
                "known_until": pa.array([read("2026-03-10 12:00")] * len(begins), instant),
            }
        )
    )


def test_a_metric_counts_business_time_when_asked_and_keeps_what_is_open_censored() -> None:
    rows = incidents_of(
        ["shop", "shop", "shop"],
        ["2026-03-06 16:00", "2026-03-07 03:00", "2026-03-09 09:00"],
        ["2026-03-09 10:00", "2026-03-08 20:00", None],
    )
    start, end, now = (
        dt.datetime(2026, month, day, tzinfo=dt.UTC) for month, day in ((3, 1), (4, 1), (4, 1))
    )
    wall = Question(start, end, now, calendars=BusinessClock({"default": CalendarSettings()}))
    business = replace(wall, clock=Clock.BUSINESS)
    defined = definition("time_to_restore")
    assert defined.estimate(rows, wall.window)["p50"].value == 41 * HOUR
    told = defined.estimate(rows, business.window)
    # 0 h (a weekend), 2 h, and one open that has lasted 8 h + 3 h so far
    assert told["p50"].value == 2 * HOUR
    assert told["open"].value == 1
    assert told["mean"].value == pytest.approx(13 / 3 * HOUR)
    assert defined.curve is not None
    assert defined.curve(rows, business.window).last == 11 * HOUR
