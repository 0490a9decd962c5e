"""Hand-overs are local, days are as long as they are, and nights are nights where a person lives."""

from __future__ import annotations

import datetime as dt
import itertools
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ktlo.errors import NotFoundError, UserError
from ktlo.planning.rota.rules import find_person, rota_named, rotas_of
from ktlo.planning.rota.shifts import burden_of, shift_of, shifts_between
from ktlo.settings.rota import RotaSettings

from .teams import rota

ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "America/St_Johns",
    "UTC",
)


def utc(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)  # type: ignore[misc,arg-type]


def test_the_week_in_which_clocks_change_is_an_hour_longer_and_hands_over_at_the_same_local_time() -> None:
    berlin = rota(4, time_zone="Europe/Berlin")
    week = shifts_between(berlin, utc(2026, 10, 19), utc(2026, 10, 20))[0]
    assert (week.start, week.end) == (utc(2026, 10, 19, 7), utc(2026, 10, 26, 8))
    assert (week.hours, week.clock_minutes) == (169, 7 * 24 * 60)


def test_a_night_in_which_clocks_go_forward_has_seven_hours() -> None:
    berlin = rota(4, time_zone="Europe/Berlin", shift="daily")
    day = shift_of(berlin, utc(2027, 3, 27, 20))
    assert day is not None
    assert burden_of(day.pieces, berlin.members[0], berlin.night).night == 7


def test_a_hand_over_that_no_clock_shows_happens_when_the_clock_jumps() -> None:
    berlin = rota(4, time_zone="Europe/Berlin", shift="daily", handover_time="02:30")
    starts = [shift.start for shift in shifts_between(berlin, utc(2027, 3, 27), utc(2027, 3, 30))]
    assert starts == [utc(2027, 3, 27, 1, 30), utc(2027, 3, 28, 1, 30), utc(2027, 3, 29, 0, 30)]


def test_following_the_sun_the_same_shift_is_a_night_here_and_a_day_there() -> None:
    team = rota(
        ["ada", "bob"], {"ada": {"time_zone": "Europe/Berlin"}, "bob": {"time_zone": "Asia/Tokyo"}},
        shift="12h", time_zone="Europe/Berlin", handover_time="08:00",
    )  # fmt: skip
    ada, bob = team.members
    night = shifts_between(team, utc(2026, 6, 1, 12), utc(2026, 6, 2))[0]
    assert burden_of(night.pieces, ada, team.night).night == 8
    assert burden_of(night.pieces, bob, team.night).night == 3


def test_only_covered_hours_count() -> None:
    office = rota(4, hours="08:00-20:00", days=["monday", "tuesday", "wednesday", "thursday", "friday"])
    week = shifts_between(office, utc(2027, 1, 4), utc(2027, 1, 5))[0]
    assert week.hours == 5 * 12
    assert burden_of(week.pieces, office.members[0], office.night).night == 0


def test_holidays_are_those_of_the_country_a_person_lives_in() -> None:
    team = rota(["ada", "bob"], {"ada": {"country": "DE"}, "bob": {"country": "US"}}, shift="daily")
    ada, bob = team.members
    unity = shift_of(team, utc(2026, 10, 3, 12))
    thanks = shift_of(team, utc(2026, 11, 26, 12))
    assert unity is not None
    assert thanks is not None
    assert burden_of(unity.pieces, ada, team.night).holiday == 15
    assert burden_of(unity.pieces, bob, team.night).holiday == 0
    assert burden_of(thanks.pieces, bob, team.night).holiday == 15


@given(
    zone=st.sampled_from(ZONES),
    length=st.sampled_from(("weekly", "daily", "12h")),
    time=st.times(),
    day=st.dates(dt.date(2025, 1, 1), dt.date(2030, 1, 1)),
)
def test_shifts_follow_each_other_without_a_gap_in_any_zone(
    zone: str, length: str, time: dt.time, day: dt.date
) -> None:
    team = rota(2, time_zone=zone, shift=length, handover_time=f"{time:%H:%M}")
    first = dt.datetime.combine(day, dt.time(), dt.UTC)
    shifts = shifts_between(team, first, first + dt.timedelta(days=30))
    assert len(shifts) >= 4
    assert all(before.end == after.start for before, after in itertools.pairwise(shifts))
    usual = {"weekly": 168, "daily": 24, "12h": 12}[length]
    assert all(abs(shift.hours - usual) <= 1 for shift in shifts)
    here = [shift.start.astimezone(ZoneInfo(zone)).time() for shift in shifts]
    assert max(here.count(one) for one in here) >= len(here) // 2 - 1


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ({"time_zone": "Europe/Berln"}, "there is no time zone 'Europe/Berln'"),
        ({"handover_time": "9 o'clock"}, '"9 o\'clock" is not a time of day'),
        ({"hours": "all day"}, "'all day' are no hours of the day"),
        ({"skills": ["kafka"]}, "nobody in the rota has the skill 'kafka'"),
        ({"roles": {"shadow": {}}}, "shadow is not a role to fill"),
        ({"members": ["ada", "ada"]}, "ada is listed twice"),
        ({"members": ["ada", "adam"]}, "adam is not among rota.people"),
    ],
)
def test_settings_that_cannot_be_are_told_with_what_to_write(said: dict[str, object], what: str) -> None:
    settings = RotaSettings.model_validate(
        {"people": {"ada": {}}, "rotas": {"checkout": {"members": ["ada"], **said}}}
    )
    with pytest.raises(UserError) as told:
        rotas_of(settings)
    assert told.value.what == what
    assert told.value.fix
    assert told.value.where.startswith("ktlo.yaml, rota.rotas.checkout")


def test_a_country_without_known_holidays_is_told() -> None:
    with pytest.raises(UserError, match="public holidays of 'XX' are not known"):
        rota(["ada"], {"ada": {"country": "XX"}})


def test_people_are_found_by_key_name_or_alias_and_never_guessed() -> None:
    team = rota(["ada", "bob"], {"ada": {"aliases": ["ada@acme.org"]}})
    assert find_person(team.members, "ADA@acme.org") == team.members[0]
    assert find_person(team.members, "Bob") == team.members[1]
    with pytest.raises(NotFoundError, match="Did you mean bob"):
        team.member("bbo")


def test_the_only_rota_needs_no_name() -> None:
    assert rota_named({"checkout": rota(2)}, "").name == "checkout"
    with pytest.raises(NotFoundError, match="there is no rota yet"):
        rota_named({}, "")
