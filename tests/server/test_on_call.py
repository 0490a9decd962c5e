"""From PagerDuty's schedules to numbers on pages: who was on call at an incident, and whose hours they were."""

from __future__ import annotations

import asyncio
import datetime as dt
import re
import sys
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from ktlo.planning.rota.desk import Desk
from ktlo.planning.rota.duties import Because
from ktlo.server.runtime import Runtime
from ktlo.settings import load_settings
from ktlo.sources.collector import collect
from ktlo.sources.pagerduty import PagerDutySource
from ktlo.sources.pagerduty.source import PagerDutyConfig
from ktlo.sources.rest.quota import World

sys.path.insert(0, str(Path(__file__).parents[1] / "sources" / "pagerduty"))

from pagerduty_account import Account, Rota, user
from test_from_adding_to_a_number import Listening

TODAY = dt.datetime.now(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
EARLINE, TIM, ZOE = "PXPGF42", "PT23IWX", "PZOE"
ROTA = """
rota:
  people:
    earline: {name: "Earline <b>", aliases: ["pagerduty:PXPGF42"]}
    tim: {name: Tim, aliases: [tim@example.org]}
  rotas:
    mail:
      members: [earline, tim]
      roles: {primary: {schedule: Daily Engineering Rotation}}
      most_share: 1
      services: [My Mail Service]
    other: {members: [tim], roles: {primary: {schedule: Nowhere}}, most_share: 1}
"""


def day(number: float) -> dt.datetime:
    return TODAY + dt.timedelta(days=number)


def turn(first: float, last: float, who: str) -> tuple[str, str, str]:
    return day(first).isoformat(), day(last).isoformat(), who


def account() -> Account:
    """Weeks in turn, Tim for a day within Earline's week, a day of somebody who is no member; two incidents."""
    made = Account(now=dt.datetime.now(dt.UTC))
    made.rotas["PI7DH85"] = Rota(
        "Daily Engineering Rotation",
        {
            "Week": [
                turn(-21, -14, TIM),
                turn(-14, -10, EARLINE),
                turn(-9, -8, ZOE),
                turn(-8, -7, EARLINE),
                turn(-7, 7, TIM),
                turn(7, 14, EARLINE),
                turn(14, 21, TIM),
            ]
        },
        [turn(-10, -9, TIM)],
    )
    made.rotas["PX"] = Rota("Data", {"Layer": [turn(-21, 21, ZOE)]}, team="Data")
    made.trigger("PAGED", day(-9.5), title="Mail is <b>late</b>", teams=[])
    made.step("PAGED", "notify", day(-9.5), user=user(TIM))
    made.step("PAGED", "acknowledge", day(-9.49), user(TIM))
    made.step("PAGED", "resolve", day(-9.45), user(TIM))
    made.trigger("QUIET", day(-12), title="Nobody was told", teams=[])
    made.step("QUIET", "resolve", day(-11.9), user(EARLINE))
    made.trigger("TEAM", day(-14))
    made.step("TEAM", "resolve", day(-13.9), user(EARLINE))
    return made


def second() -> Account:
    """Another account, whose incident paged somebody who was not on call."""
    made = Account(
        now=dt.datetime.now(dt.UTC), rotas={"P2": Rota("Second", {"Layer": [turn(-21, 21, ZOE)]}, team="")}
    )
    made.trigger("WRONG", day(-12.5))
    made.step("WRONG", "notify", day(-12.5), user=user(TIM))
    return made


@pytest.fixture(scope="module")
def runtime(house_copy: Path) -> Iterator[Runtime]:
    file = house_copy / "ktlo.yaml"
    file.write_text(file.read_text(encoding="utf-8") + ROTA, encoding="utf-8")
    opened = Runtime(load_settings(file), house_copy / "data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PD_KEY", "k3y")
        for name, made in (("account", account()), ("second", second())):
            config = PagerDutyConfig(token="env:PD_KEY", since=day(-30).date(), name=name)
            source = PagerDutySource(config, World(), made.transport())
            outcome = asyncio.run(collect(source, opened.store, opened.state))
            assert outcome.status == "complete", outcome.message
    yield opened
    opened.close()


def text_of(page: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def incident(house: Any, key: str) -> dict[str, Any]:
    asked = {"source": "pagerduty:account", "id": key}
    told: dict[str, Any] = house.get("/incident.json", params=asked).json()
    assert house.get("/api/v1/incident-telemetry", params=asked).json() == told
    return told


def test_an_incidents_page_says_who_was_on_call_beside_who_was_paged(house: Any) -> None:
    told = incident(house, "PAGED")
    (tim,) = [one for one in told["on_call"] if one["paged_at"]]
    assert (tim["person"], tim["schedule"], tim["is_override"]) == (
        "tim@example.org",
        "Daily Engineering Rotation",
        True,
    )
    assert dt.datetime.fromisoformat(tim["start"]) == day(-10)
    # Two schedules of other teams had somebody on call as well.
    assert (len(told["on_call"]), told["on_call_elsewhere"]) == (1, 2)
    page = text_of(house.page("/incident?source=pagerduty:account&id=PAGED"))
    assert "Who was on call" in page
    paged = f"{day(-9.5):%-d %b %Y %H:%M} UTC"
    assert f"tim@example.org {paged} Daily Engineering Rotation (stands in)" in page


def test_of_an_incident_without_a_page_or_a_team_everybody_on_call_of_its_source_is_told(house: Any) -> None:
    told = incident(house, "QUIET")
    assert sorted((one["person"], one["schedule"]) for one in told["on_call"]) == [
        ("PZOE", "Data"),
        ("earline@example.org", "Daily Engineering Rotation"),
    ]
    assert "Nobody is known to have been paged" in house.page("/incident?source=pagerduty:account&id=QUIET")


def test_at_a_hand_over_the_next_is_on_call_and_of_the_team_of_the_incident_only(house: Any) -> None:
    told = incident(house, "TEAM")
    assert [one["person"] for one in told["on_call"]] == ["earline@example.org"]


def test_who_was_paged_without_being_on_call_is_told_so(house: Any) -> None:
    told = house.get("/incident.json", params={"source": "pagerduty:second", "id": "WRONG"}).json()
    found = [(one["person"], one["schedule"], bool(one["paged_at"])) for one in told["on_call"]]
    assert ("tim@example.org", "", True) in found
    assert ("earline@example.org", "Daily Engineering Rotation", False) in found


def test_an_incident_before_any_schedule_says_that_none_is_known(house: Any, runtime: Runtime) -> None:
    row = runtime.store.query(
        "SELECT source, external_id FROM ktlo.incidents WHERE detected_at < '2026-01-01'"
    ).to_pylist()[0]
    page = house.page(f"/incident?source={row['source']}&id={row['external_id']}")
    assert "No schedule is known for that moment" in page


def test_the_rotas_load_counts_hours_and_pages_of_who_really_was_on_call(house: Any) -> None:
    told = house.get("/api/v1/rota/load?rota=mail").json()
    people = {one["person"]: one for one in told["people"]}
    running = (dt.datetime.now(dt.UTC) - day(-7)) / dt.timedelta(hours=1)
    assert people["earline"]["duty_hours"] == 5 * 24
    assert people["earline"]["shifts"] == 2
    assert people["tim"]["duty_hours"] == pytest.approx(8 * 24 + running, abs=0.1)
    assert people["tim"]["pages"] == 1
    assert told["schedules"] == ["Daily Engineering Rotation (pagerduty:account): primary"]
    # A shift of somebody else is nobody's, and is told.
    assert (told["strangers"], told["stranger_hours"]) == (["PZOE"], 24)
    # The incident that nobody acknowledged came while Earline was on call.
    assert people["earline"]["pages"] >= 1
    page = text_of(house.page("/rota?rota=mail"))
    assert "24 hours on call were those of people who are not in the rota (PZOE)" in page
    assert "Who was on call is told by Daily Engineering Rotation (pagerduty:account)" in page
    assert "Tim is primary until" in page
    # What lies beyond the weeks that are read is no gap.
    assert "the pager's schedule is read until" in page
    assert house.get("/api/v1/rota/gaps?rota=mail").json() == []


def test_who_is_on_call_now_and_was_then_is_told_without_any_plan(house: Any) -> None:
    (now,) = house.get("/api/v1/rota/who?rota=mail").json()
    assert [(one["person"], one["because"]) for one in now["duties"]] == [("tim", "schedule")]
    (then,) = house.get("/api/v1/rota/who", params={"rota": "mail", "at": day(-13).isoformat()[:16]}).json()
    assert [one["person"] for one in then["duties"]] == ["earline"]
    feed = house.get("/rota/mail.ics").text
    assert "Tim: primary of mail" in feed


def test_a_schedule_that_was_never_read_is_told(house: Any) -> None:
    assert house.get("/api/v1/rota/load?rota=other").json()["unread_schedules"] == ["Nowhere"]
    sentence = "Nothing was read of a schedule Nowhere: its role counts as planned"
    assert sentence in text_of(house.page("/rota?rota=other"))


def test_a_plan_gives_less_to_who_really_had_more(runtime: Runtime) -> None:
    desk = Desk(runtime.settings, runtime.state, runtime.store)
    rota = desk.rota("mail")
    before = {one.person.key: one for one in desk.fairness(rota)}
    assert before["tim"].served.hours > before["earline"].served.hours
    planned = desk.plan(rota, weeks=3, effort=0.3, author="tim")
    assert planned.plan is not None
    problem = desk.problem(rota, planned.span[0], 3)
    assert not [duty for duty in problem.standing if duty.because is Because.SCHEDULE]
    # What the search weighs is what was served.
    assert [(duty.person, duty.start) for duty in problem.fixed] == [
        ("tim", day(-21)),
        ("earline", day(-14)),
        ("tim", day(-10)),
        ("earline", day(-8)),
        ("tim", day(-7)),
    ]
    weeks = [duty.person for duty in planned.plan.duties]
    assert weeks.count("earline") > weeks.count("tim")
    # What the pager has ahead is what the plan is to replace.
    assert min(duty.start for duty in planned.plan.duties) < day(14)


def test_schedules_that_may_not_be_read_are_named_on_the_sources_page(house: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("PD_KEY", "k3y")
    made = account()
    made.refuse = {"/schedules": 403}
    server = Listening(made.answer)
    try:
        options = {
            "token": "env:PD_KEY",
            "api": server.url,
            "since": day(-30).date().isoformat(),
            "name": "third",
        }
        added = house.post("/api/v1/sources", json={"kind": "pagerduty", "options": options})
        assert added.json()["status"] == "limited", added.text
        house.app.state.collecting.start(("pagerduty:third",))
        run = house.app.state.collecting.wait(60)
        assert {step.status for step in run.steps} == {"complete"}
        page = text_of(house.page("/sources/source?source=pagerduty:third"))
    finally:
        server.close()
    assert "/schedules (PagerDuty refuses (403): Access Denied)" in page
    assert "who was on call, and so the hours on call of everybody" in page
    assert "it is not known who was on call" in text_of(
        house.page("/sources/rejected?source=pagerduty:third")
    )
    assert "who was on call" in text_of(house.page("/sources"))
    # Its incidents are there.
    told = house.get("/incident.json", params={"source": "pagerduty:third", "id": "TEAM"}).json()
    assert told["title"] == "The server is on fire."
