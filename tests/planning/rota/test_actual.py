"""Who really was on call wins over who was planned, until now and to the end of the shift that runs."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest

from ktlo.planning.rota.actual import Actual, Stranger, actual_of, as_served, wanted
from ktlo.planning.rota.duties import Because, Duty
from ktlo.planning.rota.fairness import served_by
from ktlo.planning.rota.rules import SHADOW
from ktlo.planning.rota.schedule import Schedule
from ktlo.records import TABLES
from ktlo.records.arrow import to_arrow
from ktlo.records.people import OnCallShift
from ktlo.store.embedded import EmbeddedStore

from .teams import START, after, rota


def duty(person: str, first: float, last: float, role: str = "primary", **said: Because) -> Duty:
    return Duty("checkout", role, person, after(first), after(last), **said)


def real(person: str, first: float, last: float, role: str = "primary") -> Duty:
    return duty(person, first, last, role, because=Because.SCHEDULE)


PLANNED = Schedule("checkout", tuple(duty("ada", 7 * week, 7 * week + 7) for week in range(6)), (), after(42))
NONE = Schedule("checkout", (), (), None)


def told(schedule: Schedule) -> list[tuple[str, float, float]]:
    days = dt.timedelta(days=1)
    return [(one.person, (one.start - START) / days, (one.end - START) / days) for one in schedule.duties]


def test_what_was_served_replaces_what_was_planned_until_the_running_shift_ends() -> None:
    actual = Actual(
        (real("bob", 3, 10), real("cyd", 10, 17), real("bob", 17, 24), real("cyd", 24, 31)),
        since=(("primary", after(3)),),
    )
    assert told(as_served(PLANNED, actual, after(19))) == [
        ("ada", 0, 3),
        ("bob", 3, 10),
        ("cyd", 10, 17),
        ("bob", 17, 24),
        ("ada", 24, 28),
        ("ada", 28, 35),
        ("ada", 35, 42),
    ]
    assert as_served(PLANNED, actual, after(19)).planned_until == after(42)


def test_where_the_pager_had_nobody_nobody_was_on_call() -> None:
    actual = Actual((real("bob", 0, 2), real("bob", 5, 7)), since=(("primary", after(0)),))
    assert told(as_served(PLANNED, actual, after(14)))[:3] == [("bob", 0, 2), ("bob", 5, 7), ("ada", 14, 21)]


def test_where_nothing_is_planned_here_the_pagers_shifts_ahead_count() -> None:
    actual = Actual((real("bob", 0, 7), real("cyd", 7, 14)), since=(("primary", after(0)),))
    found = as_served(NONE, actual, after(3))
    assert told(found) == [("bob", 0, 7), ("cyd", 7, 14)]
    assert found.planned_until == after(14)
    # Over, and nothing ahead: nothing is planned.
    assert as_served(NONE, actual, after(20)).planned_until is None


def test_a_role_of_which_nothing_is_known_and_who_goes_along_stay_as_planned() -> None:
    plan = replace(
        PLANNED, duties=(*PLANNED.duties, duty("dan", 0, 7, "secondary"), duty("eve", 0, 7, SHADOW))
    )
    actual = Actual((real("bob", 0, 7),), since=(("primary", after(0)),))
    found = as_served(plan, actual, after(7)).duties
    assert [(one.person, one.role) for one in found if one.start == START] == [
        ("bob", "primary"),
        ("dan", "secondary"),
        ("eve", SHADOW),
    ]


def test_a_shift_of_somebody_who_is_no_member_is_nobodys_and_not_the_planned_ones() -> None:
    actual = Actual(
        (real("bob", 0, 5),),
        (Stranger("primary", "Zoe", "pagerduty:PZ", after(5), after(10)),),
        (("primary", after(0)),),
    )
    assert told(as_served(PLANNED, actual, after(7)))[:2] == [("bob", 0, 5), ("ada", 10, 14)]
    assert actual.stranger_hours((after(0), after(6))) == 24


def test_hours_on_call_and_what_is_due_come_from_what_was_served() -> None:
    team = rota(["ada", "bob"], time_zone="Europe/Berlin")
    # The week in which clocks go forward has 167 hours.
    week = Duty(
        "checkout",
        "primary",
        "bob",
        dt.datetime(2027, 3, 22, 8, tzinfo=dt.UTC),
        dt.datetime(2027, 3, 29, 7, tzinfo=dt.UTC),
        Because.SCHEDULE,
    )
    plan = Schedule("checkout", (replace(week, person="ada", because=Because.PLAN),), (), week.end)
    actual = Actual((week,), since=(("primary", week.start),))
    window = (after(0), after(120))
    found = {
        one.person.key: one for one in served_by(team, as_served(plan, actual, after(120)).duties, window, ())
    }
    assert (found["ada"].served.hours, found["ada"].shifts) == (0, 0)
    assert (found["bob"].served.hours, found["bob"].shifts) == (167, 1)
    assert found["ada"].due.hours == found["bob"].due.hours == 83.5


@pytest.mark.parametrize(
    ("roles", "schedule", "layer", "fills"),
    [
        ({"primary": {}, "secondary": {}}, "Checkout Primary", "Layer 1", ["primary"]),
        ({"primary": {}, "secondary": {}}, "checkout", "secondary", ["secondary"]),
        ({"primary": {}, "secondary": {}}, "checkout", "", []),
        ({"primary": {}}, "checkout", "Rotation 1", ["primary"]),
        ({"primary": {"schedule": "Daily Engineering"}}, "daily engineering", "", ["primary"]),
        ({"primary": {"schedule": "PI7DH85"}}, "Daily Engineering", "", ["primary"]),
        ({"primary": {"schedule": "PI7DH85"}}, "checkout", "", []),
        (
            {"primary": {"schedule": "Ops/Night"}, "secondary": {"schedule": "Ops/Day"}},
            "ops",
            "night",
            ["primary"],
        ),
    ],
)
def test_a_schedule_fills_a_role_by_what_is_said_else_by_its_name(
    roles: dict[str, dict[str, str]], schedule: str, layer: str, fills: list[str]
) -> None:
    team = rota(3, roles=roles)
    key = "PI7DH85" if schedule.startswith("Daily") else "s1"
    assert [role.name for role in team.roles if wanted(team, role, schedule, key, layer)] == fills


@pytest.mark.parametrize(
    ("said", "schedule", "layer"),
    [
        ("ÜBERWACHUNG", "Überwachung", ""),
        ("Ops/Nacht/Ä", "Ops", "Nacht/ä"),
        ("EU/West/Tag", "EU/West", "Tag"),
    ],
)
def test_a_schedule_is_read_whatever_the_case_and_the_slashes_of_its_name(
    tmp_path: Path, said: str, schedule: str, layer: str
) -> None:
    shift = OnCallShift(
        source="pagerduty:account", external_id="s1|1", schedule=schedule, schedule_id="s1", layer=layer,
        is_override=False, team="", person="Ada", account="pagerduty:P1", started_at=START, ended_at=after(7),
    )  # fmt: skip
    store = EmbeddedStore(tmp_path / "store")
    store.migrate()
    store.insert(TABLES["on_call_shifts"], to_arrow([shift], OnCallShift))
    found = actual_of(store, rota(2, roles={"primary": {"schedule": said}}), after(14))
    store.close()
    assert [(one.person, one.start) for one in found.duties] == [("ada", START)]
    assert found.unknown == ()
