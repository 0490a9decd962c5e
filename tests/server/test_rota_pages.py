"""The Rota page: from nobody planned to a published plan, swaps, time off and calendars that others read."""

from __future__ import annotations

import datetime as dt
import re
import time
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from icalendar import Calendar

from ktlo.planning.rota import journal
from ktlo.planning.rota.desk import Desk
from ktlo.server.app import make_app
from ktlo.server.runtime import Runtime
from ktlo.server.security import Access
from ktlo.settings import load_settings

ROTA = """
rota:
  people:
    ada: {name: "Ada <b>", aliases: [ada@acme.org], country: DE, time_zone: Europe/Berlin}
    bob: {name: Bob, aliases: [bob@acme.org], country: DE}
    cyd: {name: Cyd}
    dan: {name: Dan, aliases: [dan@acme.org]}
    eve: {name: Eve}
    fay: {name: Fay}
  rotas:
    checkout: {members: [ada, bob, cyd, dan], time_zone: Europe/Berlin}
    search: {members: [eve, fay], shift: daily, most_share: 1, hours: "08:00-18:00"}
"""


@pytest.fixture(scope="module")
def runtime(house_copy: Path) -> Iterator[Runtime]:
    file = house_copy / "ktlo.yaml"
    file.write_text(file.read_text(encoding="utf-8") + ROTA, encoding="utf-8")
    opened = Runtime(load_settings(file), house_copy / "data")
    yield opened
    opened.close()


def text_of(page: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def planned(house: Any) -> list[dict[str, Any]]:
    """Duties of the rota in force; planned the first time."""
    there: list[dict[str, Any]] = house.get("/api/v1/rota/schedule?rota=checkout").json()
    if there:
        return there
    asked = {"rota": "checkout", "weeks": 8, "effort": 0.3, "publish": True}
    answer = house.post("/api/v1/rota/plan", json=asked).json()
    assert answer["why_not"] is None, answer["why_not"]
    duties: list[dict[str, Any]] = answer["duties"]
    return duties


def test_before_anything_is_planned_the_page_says_so_and_how_to_begin(house: Any) -> None:
    page = text_of(house.page("/rota"))
    assert "Nobody is primary" in page
    assert "Nobody is planned in checkout yet" in page
    assert "ktlo rota plan checkout --publish" in page


def test_planning_on_the_page_shows_progress_then_a_draft_that_can_be_put_in_force(house: Any) -> None:
    sent = house.post("/rota/plan", data={"rota": "search", "weeks": "1"})
    assert (sent.status_code, sent.headers["location"]) == (303, "/rota?rota=search#plan")
    for _ in range(600):
        fragment = house.get("/fragments/rota?rota=search").text
        if "data-done" in fragment:
            break
        time.sleep(0.1)
    page = house.page("/rota?rota=search")
    assert "The draft, not in force yet" in page
    assert house.get("/api/v1/rota/schedule?rota=search").json() == []
    house.post("/rota/publish", data={"rota": "search"})
    assert len(house.get("/api/v1/rota/schedule?rota=search").json()) >= 7
    assert "The draft, not in force yet" not in house.page("/rota?rota=search")


def test_the_first_line_says_who_is_on_call_and_the_twin_says_the_same(house: Any) -> None:
    duties = planned(house)
    page = house.page("/rota?rota=checkout")
    first = re.search(r"<h1[^>]*>(.*?)</h1>", page, re.DOTALL)
    assert first is not None
    assert f"{duties[0]['name']} is primary until" in text_of(first[1])
    twin = house.get("/rota.json?rota=checkout").json()
    assert twin["answer"]["said"] in text_of(first[1])
    names = [row["cells"][1] for row in twin["figures"][0]["table"]["rows"]]
    assert names == [duty["name"] for duty in duties]
    assert "<b>" not in re.sub(r"<[a-z/][^>]*>", "", page)


def test_every_link_of_the_page_leads_somewhere(house: Any) -> None:
    planned(house)
    page = house.page("/rota?rota=checkout")
    links = {unescape(link) for link in re.findall(r'href="(/rota[^"]*|/api/v1/rota[^"]*)"', page)}
    assert len(links) > 5
    for link in links:
        status = house.get(link).status_code
        # Not everybody is known at PagerDuty and Opsgenie, which is told.
        assert status == (400 if "format=" in link else 200), link


def test_a_swap_goes_through_its_steps_on_the_page(house: Any) -> None:
    planned(house)
    duty = house.get("/api/v1/rota/schedule?rota=checkout").json()[3]
    other = next(name for name in ("ada", "bob", "cyd", "dan") if name != duty["person"])
    third = next(name for name in ("ada", "bob", "cyd", "dan") if name not in (duty["person"], other))
    shift = f"primary|{duty['start'].replace('Z', '+00:00')}"
    sent = house.post("/rota/swaps", data={"rota": "checkout", "shift": shift, "to": other, "reason": "trip"})
    assert sent.headers["location"].endswith("#swaps")
    number = house.get("/api/v1/rota/swaps?rota=checkout").json()[-1]["number"]
    assert "Accept as" in house.page("/rota?rota=checkout")
    for step, who in (("accepted", other), ("approved", third)):
        said = {"rota": "checkout", "number": number, "step": step, "author": who}
        assert house.post("/rota/swaps/step", data=said).status_code == 303
    assert house.get("/api/v1/rota/schedule?rota=checkout").json()[3]["person"] == other


def test_time_off_entered_later_shows_what_needs_a_look(house: Any) -> None:
    planned(house)
    duty = house.get("/api/v1/rota/schedule?rota=checkout").json()[5]
    said = {"rota": "checkout", "person": duty["person"], "first": duty["start"][:10], "reason": "a concert"}
    house.post("/rota/off", data=said)
    page = text_of(house.page("/rota?rota=checkout"))
    assert f"{duty['name']} is primary" in page
    assert "a concert" in page
    number = house.get("/api/v1/rota/off").json()[0]["number"]
    house.post("/rota/take-back", data={"rota": "checkout", "number": number})
    assert house.get("/api/v1/rota/off").json() == []


def test_a_mistake_is_a_sentence_on_a_page(house: Any) -> None:
    wrong = house.post(
        "/rota/off",
        data={"rota": "checkout", "person": "ada", "first": "2020-01-01"},
        headers={"accept": "text/html"},
    )
    assert wrong.status_code == 400
    assert "1 Jan 2020 is over" in text_of(wrong.text)
    assert house.get("/rota?rota=nowhere").status_code == 404


def test_a_feed_is_a_calendar_and_a_persons_feed_has_their_duties_only(house: Any) -> None:
    duties = planned(house)
    answer = house.get("/rota/checkout.ics")
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    assert len(Calendar.from_ical(answer.content).walk("VEVENT")) == len(duties)
    own = Calendar.from_ical(house.get("/rota/checkout/bob.ics").content).walk("VEVENT")
    assert len(own) == sum(duty["person"] == "bob" for duty in duties)
    assert house.get("/rota/checkout/zoe.ics").status_code == 404


def test_behind_a_token_a_feed_is_opened_by_its_own_key_and_by_no_other(guarded: Any) -> None:
    access = Access("s3cret-token")
    assert guarded.get("/rota/checkout.ics").status_code == 401
    key = access.feed_key("/rota/checkout.ics")
    assert guarded.get(f"/rota/checkout.ics?key={key}").status_code == 200
    assert guarded.get(f"/rota/checkout/bob.ics?key={key}").status_code == 401
    assert guarded.get(f"/rota.json?key={key}").status_code == 401
    assert guarded.get("/rota/checkout.ics?key=%C3%A4").status_code == 401
    assert guarded.post(f"/rota/checkout.ics?key={key}").status_code == 401
    page = guarded.get("/rota?rota=checkout", headers={"authorization": "Bearer s3cret-token"}).text
    assert f"/rota/checkout.ics?key={key}" in page
    assert "s3cret-token" not in page


def test_pages_of_the_past_are_counted_for_who_took_them_and_feed_the_next_plan(runtime: Runtime) -> None:
    start = dt.datetime(2025, 3, 3, tzinfo=dt.UTC)
    desk = Desk(runtime.settings, runtime.state, runtime.store, now=start)
    rota = desk.rota("checkout")
    desk.plan(rota, weeks=4, effort=0.2, author="ada")
    desk.publish(rota, "ada")
    later = Desk(runtime.settings, runtime.state, runtime.store, now=dt.datetime(2025, 4, 1, tzinfo=dt.UTC))
    people, pages, _ = later.loads(rota, (start, later.now))
    # Every incident of the house was acknowledged by Ada, whoever was on duty.
    ada = people[0]
    assert (ada.pages, len(pages)) == (6, 6)
    assert ada.at_night == 0
    # In Berlin, where it was 17 o'clock.
    assert ada.off_hours == 1
    # The last three lasted 26 and 8 hours, and one is still open: six hours each at most.
    assert ada.interrupted == pytest.approx(2 + 5 + 1 + 6 + 6 + 6, abs=0.01)
    assert ada.per_week.value is None or ada.per_week.n == 6
    counted = later.problem(rota, dt.datetime(2025, 4, 7, 7, tzinfo=dt.UTC), 4).pages
    assert counted["ada"].hours == 12
    narrowed = rota.__class__(
        **{**{s: getattr(rota, s) for s in rota.__slots__}, "services": frozenset({"search"})}
    )
    assert len(later.pages(narrowed, (start, later.now))) == 2
    assert len(journal.published(runtime.state, "checkout")) >= 1


def test_an_api_plan_that_cannot_be_says_why(house: Any) -> None:
    today = dt.datetime.now(dt.UTC).date()
    for name in ("ada", "bob", "cyd", "dan"):
        body = {
            "person": name,
            "first": str(today + dt.timedelta(weeks=30)),
            "last": str(today + dt.timedelta(weeks=31)),
        }
        assert house.post("/api/v1/rota/off", json=body).status_code == 201
    answer = house.post(
        "/api/v1/rota/plan",
        json={"rota": "checkout", "first": str(today + dt.timedelta(weeks=28)), "weeks": 4},
    ).json()
    assert answer["duties"] == []
    assert "cannot be filled" in answer["why_not"]["summary"]
    assert any("is away" in reason for reason in answer["why_not"]["reasons"])


def test_a_ktlo_without_rotas_says_what_to_write(portal: Any, runtime: Runtime) -> None:
    from ktlo.settings import Settings

    from .conftest import Visitor

    before = runtime.settings
    runtime.settings = Settings()
    try:
        bare = Visitor(make_app(runtime, Access()), portal)
        assert "There is no rota yet" in text_of(bare.page("/rota"))
        assert bare.get("/rota.json").json() == {"rotas": []}
        assert bare.get("/api/v1/rota").json() == []
    finally:
        runtime.settings = before
