"""Calendars and the schedules of PagerDuty and Opsgenie: what goes out comes back the same."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from icalendar import Calendar

from ktlo.errors import UserError
from ktlo.planning.rota import opsgenie, pagerduty
from ktlo.planning.rota.absence_calendar import read_calendar
from ktlo.planning.rota.duties import Duty
from ktlo.planning.rota.external import duties_of, one_at_a_time, rendered_layer, rota_yaml
from ktlo.planning.rota.feed import calendar_of
from ktlo.planning.rota.rules import rotas_of
from ktlo.settings import load_settings

from .teams import START, after, rota

PEOPLE = {
    "ada": {"aliases": ["pagerduty:PXPGF42", "ada@acme.org"]},
    "bob": {"aliases": ["pagerduty:PEYSGVF", "opsgenie:4514855e-3a0f"]},
}
DUTIES = (
    Duty("checkout", "primary", "ada", after(0), after(7)),
    Duty("checkout", "primary", "bob", after(7), after(14)),
)

# The published examples of PagerDuty's API description: a request, and the answer to a GET.
PAGERDUTY_REQUEST = {
    "schedule": {
        "name": "Daily Engineering Rotation",
        "type": "schedule",
        "time_zone": "America/New_York",
        "description": "Rotation schedule for engineering",
        "schedule_layers": [
            {
                "name": "Night Shift",
                "start": "2015-11-06T20:00:00-05:00",
                "end": "2016-11-06T20:00:00-05:00",
                "rotation_virtual_start": "2015-11-06T20:00:00-05:00",
                "rotation_turn_length_seconds": 86400,
                "users": [{"user": {"id": "PXPGF42", "type": "user_reference"}}],
                "restrictions": [
                    {"type": "daily_restriction", "start_time_of_day": "08:00:00", "duration_seconds": 32400}
                ],
            }
        ],
    }
}
PAGERDUTY_OVERRIDES = [
    {
        "start": "2012-07-01T00:00:00-04:00",
        "end": "2012-07-02T00:00:00-04:00",
        "user": {"id": "PEYSGVF", "type": "user_reference"},
    }
]
PAGERDUTY_ANSWER: dict[str, Any] = {
    "schedule": {
        "id": "PI7DH85",
        "type": "schedule",
        "summary": "Daily Engineering Rotation",
        "name": "Daily Engineering Rotation",
        "time_zone": "America/New_York",
        "description": "Rotation schedule for engineering",
        "schedule_layers": [
            {
                "name": "Layer 1",
                "rendered_schedule_entries": [],
                "rendered_coverage_percentage": 37.5,
                "id": "PG68P1M",
                "start": "2015-11-06T21:00:00-05:00",
                "rotation_virtual_start": "2015-11-06T20:00:00-05:00",
                "rotation_turn_length_seconds": 86400,
                "users": [
                    {"user": {"id": "PXPGF42", "type": "user_reference", "summary": "Regina Phalange"}}
                ],
                "restrictions": [
                    {"type": "daily_restriction", "start_time_of_day": "08:00:00", "duration_seconds": 32400}
                ],
            }
        ],
        "overrides_subschedule": {"name": "Overrides", "rendered_schedule_entries": []},
        "final_schedule": {
            "name": "Final Schedule",
            "rendered_schedule_entries": [
                {
                    "start": "2015-11-10T08:00:00-05:00",
                    "end": "2015-11-10T17:00:00-05:00",
                    "user": {"id": "PXPGF42", "type": "user_reference", "summary": "Regina Phalange"},
                }
            ],
        },
    }
}
OPSGENIE: dict[str, Any] = {
    "schedule": {
        "name": "checkout",
        "description": "who mends the checkout",
        "timezone": "Europe/Berlin",
        "enabled": True,
        "rotations": [
            {
                "name": "First Rotation",
                "startDate": "2027-01-04T09:00:00+01:00",
                "endDate": "2027-12-27T09:00:00+01:00",
                "type": "hourly",
                "length": 6,
                "participants": [
                    {"type": "user", "username": "ada@acme.org"},
                    {"type": "user", "id": "4514855e-3a0f"},
                ],
                "timeRestriction": {
                    "type": "weekday-and-time-of-day",
                    "restrictions": [
                        {
                            "startHour": 8, "startMin": 0, "endHour": 18, "endMin": 30,
                            "startDay": "monday", "endDay": "monday",
                        },
                        {
                            "startHour": 22, "startMin": 0, "endHour": 6, "endMin": 0,
                            "startDay": "sunday", "endDay": "monday",
                        },
                    ],
                },
            },
            {
                "name": "Second",
                "startDate": "2027-01-04T09:00:00+01:00",
                "type": "weekly",
                "length": 1,
                "participants": [{"type": "none"}],
                "timeRestriction": {
                    "type": "time-of-day",
                    "restriction": {"startHour": 20, "startMin": 0, "endHour": 8, "endMin": 0},
                },
            },
        ],
    },
    "overrides": [
        {
            "user": {"type": "user", "username": "ada@acme.org"},
            "startDate": "2027-01-05T09:00:00+01:00",
            "endDate": "2027-01-05T12:00:00+01:00",
            "rotations": [{"name": "First Rotation"}],
        }
    ],
}  # fmt: skip


def test_pagerdutys_published_request_comes_back_the_same() -> None:
    document = {**PAGERDUTY_REQUEST, "overrides": PAGERDUTY_OVERRIDES}
    assert pagerduty.is_pagerduty(document)
    assert pagerduty.write(pagerduty.read(document)[0]) == document


def test_pagerdutys_published_answer_tells_who_is_on_call() -> None:
    external = pagerduty.read(PAGERDUTY_ANSWER)[0]
    span = (dt.datetime(2015, 11, 9, tzinfo=dt.UTC), dt.datetime(2015, 11, 12, tzinfo=dt.UTC))
    entry = one_at_a_time(external, span)[0]
    assert (entry.account.name, entry.start.hour, entry.end.hour) == ("Regina Phalange", 13, 22)
    # Worked out from the layer it is the same.
    worked_out = list(rendered_layer(external.layers[0], external.zone, span))
    assert [(one.start, one.end) for one in worked_out][1] == (entry.start, entry.end)


def test_an_answer_lists_the_topmost_layer_first_and_a_request_last() -> None:
    answer = json.loads(json.dumps(PAGERDUTY_ANSWER))
    top = {**answer["schedule"]["schedule_layers"][0], "name": "Top", "restrictions": []}
    answer["schedule"]["schedule_layers"].insert(0, top)
    assert [layer.name for layer in pagerduty.read(answer)[0].layers] == ["Layer 1", "Top"]
    assert [
        one["name"] for one in pagerduty.write(pagerduty.read(answer)[0])["schedule"]["schedule_layers"]
    ] == [
        "Layer 1",
        "Top",
    ]


def test_a_rota_goes_to_pagerduty_and_back() -> None:
    team = rota(["ada", "bob"], PEOPLE, time_zone="Europe/Berlin")
    document = pagerduty.write(pagerduty.of_rota(team, DUTIES, (START, after(14)))[0])
    assert document["schedule"]["schedule_layers"][0]["rotation_turn_length_seconds"] == 604800
    external = pagerduty.read(json.loads(json.dumps(document)))[0]
    stretches = one_at_a_time(external, (START, after(14)))
    duties, holes = duties_of(stretches, team, team.roles[0], pagerduty.VENDOR)
    assert [(d.person, d.start, d.end) for d in duties] == [(d.person, d.start, d.end) for d in DUTIES]
    assert holes == ()


def test_turns_hand_over_at_the_same_local_time_when_clocks_change() -> None:
    document = json.loads(json.dumps(PAGERDUTY_REQUEST))
    layer = document["schedule"]["schedule_layers"][0]
    layer |= {"end": None, "restrictions": []}
    external = pagerduty.read(document)[0]
    span = (dt.datetime(2026, 10, 30, tzinfo=dt.UTC), dt.datetime(2026, 11, 4, tzinfo=dt.UTC))
    ends = [
        one.end.astimezone(external.zone).hour
        for one in rendered_layer(external.layers[0], external.zone, span)
    ]
    assert ends[:-1] == [20] * (len(ends) - 1)


def test_opsgenies_shapes_come_back_the_same() -> None:
    assert opsgenie.is_opsgenie(OPSGENIE)
    external = opsgenie.read(OPSGENIE)[0]
    assert opsgenie.write(external) == OPSGENIE
    assert external.notes == (
        "Second has 1 participant that is a team, an escalation or nobody; its turns are left out.",
    )


def test_a_rota_goes_to_opsgenie_and_back() -> None:
    team = rota(["ada", "bob"], PEOPLE, hours="08:00-20:00", days=["monday", "friday"])
    document = opsgenie.write(opsgenie.of_rota(team, DUTIES, (START, after(14))))
    rotation = document["schedule"]["rotations"][0]
    assert rotation["timeRestriction"]["restrictions"][1] == {
        "startDay": "friday", "startHour": 8, "startMin": 0, "endDay": "friday", "endHour": 20, "endMin": 0,
    }  # fmt: skip
    external = opsgenie.read(document)[0]
    duties, _ = duties_of(external.overrides, team, team.roles[0], opsgenie.VENDOR)
    assert [duty.person for duty in duties] == ["ada", "bob"]


def test_an_opsgenie_timeline_tells_who_is_on_call() -> None:
    timeline = {
        "data": {
            "_parent": {"id": "1", "name": "checkout", "enabled": True},
            "finalTimeline": {
                "rotations": [
                    {
                        "name": "primary",
                        "periods": [
                            {
                                "startDate": "2027-01-04T09:00:00Z",
                                "endDate": "2027-01-11T09:00:00Z",
                                "type": "default",
                                "recipient": {"id": "x", "name": "ada@acme.org", "type": "user"},
                            }
                        ],
                    }
                ]
            },
        }
    }
    assert opsgenie.is_opsgenie(timeline)
    external = opsgenie.read(timeline)[0]
    team = rota(["ada", "bob"], PEOPLE)
    duties, _ = duties_of(external.rendered, team, team.roles[0], opsgenie.VENDOR)
    assert (external.name, duties[0].person) == ("checkout", "ada")


@pytest.mark.parametrize(
    ("vendor", "document", "what"),
    [
        (
            pagerduty,
            {"schedule": {"time_zone": "UTC", "schedule_layers": [{"start": "soon"}]}},
            "not a schedule",
        ),
        (pagerduty, {"schedule": {"time_zone": "Moon/Base"}}, "there is no time zone 'Moon/Base'"),
        (
            opsgenie,
            {"data": {"timezone": "UTC", "rotations": [{"type": "yearly"}]}},
            "not a schedule of Opsgenie",
        ),
    ],
)
def test_what_is_not_of_the_published_shape_is_told(vendor: Any, document: Any, what: str) -> None:
    with pytest.raises(UserError, match=what):
        vendor.read(document)


def test_somebody_who_is_not_a_member_is_told_with_the_alias_to_add() -> None:
    external = pagerduty.read(PAGERDUTY_ANSWER)[0]
    team = rota(2)
    with pytest.raises(UserError, match=r"Regina Phalange \(PXPGF42\) is not in the rota checkout") as told:
        duties_of(external.rendered, team, team.roles[0], pagerduty.VENDOR)
    assert "pagerduty:PXPGF42" in told.value.fix
    with pytest.raises(UserError, match="Ada has no identifier at PagerDuty"):
        pagerduty.of_rota(team, DUTIES, (START, after(14)))


def test_a_schedule_becomes_settings_that_can_be_read(tmp_path: Any) -> None:
    file = tmp_path / "ktlo.yaml"
    file.write_text(rota_yaml(pagerduty.read(PAGERDUTY_ANSWER)[0]), encoding="utf-8")
    made = rotas_of(load_settings(file).rota)["Daily Engineering Rotation"]
    assert (made.length, made.members[0].aliases) == ("daily", ("pagerduty:PXPGF42",))


def test_a_feed_is_a_calendar_that_others_can_read() -> None:
    team = rota(["ada", "bob"], {"ada": {"name": "Ada; Lovelace, née Byron"}})
    text = calendar_of("on call", DUTIES, team.members, START)
    read = Calendar.from_ical(text)
    events = read.walk("VEVENT")
    assert read["version"] == "2.0"
    assert [(event.start, event.end) for event in events] == [duty.span for duty in DUTIES]
    assert str(events[0]["summary"]) == "Ada; Lovelace, née Byron: primary of checkout"
    assert len({str(event["uid"]) for event in events}) == 2
    assert all(event["dtstamp"].dt == START for event in events)
    assert all(len(line) <= 75 for line in text.split(b"\r\n"))
    # Another person, the same event.
    other = Calendar.from_ical(
        calendar_of("x", [Duty("checkout", "primary", "bob", *DUTIES[0].span)], team.members, START)
    )
    assert other.walk("VEVENT")[0]["uid"] == events[0]["uid"]


CALENDAR = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//test//EN
BEGIN:VEVENT
UID:1
SUMMARY:Holidays
DTSTART;VALUE=DATE:20270201
DTEND;VALUE=DATE:20270206
END:VEVENT
BEGIN:VEVENT
UID:2
SUMMARY:Dentist
DTSTART;TZID=Europe/Berlin:20270301T140000
DTEND;TZID=Europe/Berlin:20270301T160000
END:VEVENT
BEGIN:VEVENT
UID:3
SUMMARY:Long ago
DTSTART;VALUE=DATE:20200201
DTEND;VALUE=DATE:20200206
END:VEVENT
BEGIN:VEVENT
UID:4
SUMMARY:Fridays off
DTSTART;VALUE=DATE:20270108
RRULE:FREQ=WEEKLY;UNTIL=20270129
EXDATE;VALUE=DATE:20270115
END:VEVENT
BEGIN:VEVENT
UID:5
SUMMARY:Cancelled trip
STATUS:CANCELLED
DTSTART;VALUE=DATE:20270401
END:VEVENT
BEGIN:VEVENT
UID:6
SUMMARY:No start
END:VEVENT
END:VCALENDAR
"""


def test_time_off_is_read_from_a_calendar_with_its_repetitions() -> None:
    read = read_calendar(CALENDAR.replace("\n", "\r\n").encode(), rota(1).members[0], START)
    assert [(one.first, one.last, one.reason) for one in read.events] == [
        ("2027-01-08", "2027-01-08", "Fridays off"),
        ("2027-01-22", "2027-01-22", "Fridays off"),
        ("2027-01-29", "2027-01-29", "Fridays off"),
        ("2027-02-01", "2027-02-05", "Holidays"),
        ("2027-03-01T13:00+00:00", "2027-03-01T15:00+00:00", "Dentist"),
    ]
    assert read.left_out == ("Long ago: it is over", "Cancelled trip: cancelled", "No start: it has no start")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (b"", "this is no iCalendar file|has no event"),
        (b"\x00\xff\xfe garbage", "this is no iCalendar file|has no event"),
        (b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n", "the calendar has no event"),
        (b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n", "this is no iCalendar file|has no event"),
        (b"x" * 5_000_001, "larger than 5 MB"),
    ],
)
def test_what_is_no_calendar_is_told(text: bytes, what: str) -> None:
    with pytest.raises(UserError, match=what):
        read_calendar(text, rota(1).members[0], START)


def test_the_first_turn_is_the_first_persons() -> None:
    team = rota(["ada", "bob"], PEOPLE)
    layer = pagerduty.of_rota(team, DUTIES, (START, after(14)))[0].layers[0]
    turns = list(rendered_layer(layer, team.zone, (layer.start, layer.start + dt.timedelta(weeks=3))))
    assert [turn.account.number for turn in turns] == ["PXPGF42", "PEYSGVF", "PXPGF42"]
    assert turns[0].start == layer.start


def test_a_name_with_a_line_break_breaks_no_feed_and_adds_no_line_to_it() -> None:
    team = rota(["ada", "bob"], {"ada": {"name": "Ada\x1b\r\nATTENDEE:mailto:x"}})
    text = calendar_of("on\r\ncall", DUTIES, team.members, START)
    read = Calendar.from_ical(text)
    assert str(read.walk("VEVENT")[0]["summary"]) == "Ada ATTENDEE:mailto:x: primary of checkout"
    assert str(read["x-wr-calname"]) == "on call"
    assert b"\nATTENDEE" not in text
