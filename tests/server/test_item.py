"""A work item says why it has its category and whose day it took, and can be corrected by a form."""

from __future__ import annotations

import pytest

from ktlo.effort.derive import derive
from ktlo.server.web.rendering import local_path, with_message

FIX = {"item_kind": "incident", "source": "csv:incidents", "item_id": "INC-1"}


def item(house, subject: str) -> dict[str, str]:
    """The key of the commit with a subject."""
    [hit] = [hit for hit in house.get("/search.json", params={"q": subject}).json() if hit["name"] == subject]
    return hit


def test_an_item_says_its_category_why_and_whose_day_it_took(house):
    hit = item(house, "chore(deps): bump requests to 2.32")
    text = house.page(hit["href"])
    assert "<strong>Dependency</strong>" in text
    assert "a built-in rule" in text
    assert "ada@acme.org" in text
    assert "5 Mar 2025" in text


def test_an_item_shows_what_else_its_day_went_to(house):
    text = house.page(item(house, "feat: guest checkout")["href"])
    assert "test: guest checkout" in text


def test_an_item_leads_to_the_tool_it_comes_from(house):
    text = house.get("/item", params=FIX, headers={"accept": "text/html"}).text
    assert 'href="https://desk.example/INC-1"' in text


def test_an_item_has_a_json_twin(house):
    said = house.get("/item.json", params=FIX).json()
    assert (said["category"], said["item_id"]) == ("incident", "INC-1")
    assert sum(day["part"]["person_days"] for day in said["days"]) == pytest.approx(said["person_days"])


def test_an_item_that_is_not_there_gets_a_sentence(house):
    answer = house.get("/item", params={**FIX, "item_id": "INC-99"}, headers={"accept": "text/html"})
    assert answer.status_code == 404
    assert "There is no incident INC-99" in answer.text


def test_a_correction_by_the_form_is_in_the_numbers_after_the_next_derivation(house, runtime):
    hit = item(house, "something with the totals")
    key = house.get(hit["href"].replace("/item?", "/item.json?")).json()
    sent = {name: key[name] for name in ("item_kind", "source", "item_id")} | {"category": "performance"}
    answer = house.post("/item", data=sent)
    assert answer.status_code == 303
    text = house.page(answer.headers["location"])
    assert "in the numbers after the next collection" in text
    assert "Read the sources now" in text
    derive(runtime.store, runtime.state, runtime.settings)
    text = house.page(hit["href"])
    assert "<strong>Performance</strong>" in text
    assert "a person corrected it" in text
    back = house.post("/item", data={**sent, "category": ""})
    assert "taken back" in house.page(back.headers["location"])


def test_a_category_that_does_not_exist_is_refused_with_the_choices(house):
    answer = house.post("/item", data={**FIX, "category": "fun"}, headers={"accept": "text/html"})
    assert answer.status_code == 400
    assert "bug_fix" in answer.text


def test_the_items_that_most_need_a_look_come_with_most_effort_and_doubt_first(house):
    items = house.get("/items.json").json()
    doubt = [one["person_days"] * (1 - one["confidence"]) for one in items]
    assert doubt == sorted(doubt, reverse=True)
    assert "most effort and least confidence" in house.page("/items?unsure=1")


def test_effort_links_the_items_that_most_need_a_look(house, march):
    assert 'href="/items?unsure=1"' in house.page(f"/effort?{march}")


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("/effort?from=1y", "/effort?from=1y"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("/a\r\nset-cookie: x", "/"),
        ("", "/"),
    ],
)
def test_a_way_back_never_leads_to_another_site(given, meant):
    assert local_path(given, "/") == meant


def test_a_message_replaces_the_one_before():
    assert with_message("/item?a=1&done=added", "corrected") == "/item?a=1&done=corrected"
    assert with_message("/sources", "removed") == "/sources?done=removed"


def test_only_known_messages_are_shown(house):
    assert "you have won" not in house.page("/sources?done=you+have+won")


def test_an_incidents_page_tells_its_phases_and_by_which_step(house):
    key = "item_kind=incident&source=csv%3Aincidents&item_id=INC-1"
    (told,) = house.get(f"/item.json?{key}").json()["phases"]
    assert told["episode"] == 1
    page = house.page(f"/item?{key}")
    phases = page.partition("Its phases")[2].partition("</section>")[0]
    assert "detected" in phases
    assert "the source" in phases
    assert " UTC" in phases
    assert 'href="/sources/statuses?source=csv%3Aincidents"' in phases


def test_what_has_no_phases_shows_none(house):
    assert "Its phases" not in house.page(item(house, "feat: guest checkout")["href"])
