"""Every page answers, says its numbers, links to what is behind them, and has a JSON twin."""

from __future__ import annotations

import re
from html import unescape

import pytest

SECTIONS = ("/", "/effort", "/reliability", "/bugs", "/hotspots")
PAGES = (
    *SECTIONS, "/sources", "/sources/add", "/sources/add?kind=git", "/sources/add?kind=github",
    "/sources/add?kind=csv", "/sources/source?source=git:acme/shop", "/sources/rejected?source=git:acme/shop",
    "/definitions", "/definitions/time_to_restore", "/records/commits", "/rows/ktlo_share", "/items",
    "/search", "/search?q=totals", "/api/docs", "/sign-in", "/plan/staffing?to=2025-03-31",
    "/plan/report?quarter=2025-Q1",
)  # fmt: skip


def links_of(text: str) -> set[str]:
    """Addresses that a page leads to on its own site."""
    return {unescape(found).partition("#")[0] for found in re.findall(r'href="(/[^"]*)"', text)} - {""}


@pytest.mark.parametrize("path", PAGES)
def test_a_page_answers_without_inline_script_style_or_outside_host(house, path, march):
    text = house.page(path if "?" in path or path not in SECTIONS else f"{path}?{march}")
    assert re.search(r"<h1[^>]*>[^<]*\w", text)
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert not re.search(r"<style|\sstyle=|\son\w+=", text)
    outside = re.findall(r'(?:src|href|action)="(https?:[^"]*)"', text)
    assert all("example" in host for host in outside), outside


@pytest.mark.parametrize("path", SECTIONS)
def test_every_link_of_a_page_leads_somewhere(house, path, march):
    # One link of each form: links to rows differ in their dates only.
    forms = {re.sub(r"=[^&]*", "", link): link for link in links_of(house.page(f"{path}?{march}"))}
    assert len(forms) > 15
    for link in forms.values():
        assert link.startswith("/static/") or house.get(link).status_code == 200, link


@pytest.mark.parametrize(
    ("path", "twin"), [("/", "/overview.json"), *((p, f"{p}.json") for p in SECTIONS[1:])]
)
def test_a_section_has_a_json_twin_with_every_figures_rows(house, path, twin, march):
    text = unescape(house.page(f"{path}?{march}"))
    said = house.get(f"{twin}?{march}").json()
    assert said["answer"]["said"] in text
    for figure in said["figures"]:
        assert figure["title"] in text
        assert figure["table"]["rows"], figure["name"]
        assert len(figure["table"]["columns"]) == len(figure["table"]["rows"][0]["cells"])
    assert f'href="{twin}?' in house.page(f"{path}?{march}")


def test_the_time_range_and_filters_of_a_page_travel_along_the_navigation(house, march):
    text = house.page(f"/effort?{march}&service=shop")
    nav = re.search(r'<nav aria-label="Pages".*?</nav>', text, re.DOTALL)[0]
    assert nav.count("from=2025-03-01") == nav.count("service=shop") == nav.count("<a ") > 6


def test_the_filter_bar_offers_what_occurs_and_shows_what_is_chosen(house, march):
    text = house.page(f"/reliability?{march}&service=shop")
    assert '<option value="shop" selected>' in text
    assert '<option value="search">' in text
    assert '<option value="1 - Critical">' in text
    assert 'name="from" value="2025-03-01"' in text
    assert "1 Mar to 31 Mar 2025" in text


def test_a_filter_narrows_the_numbers(house, march):
    def incidents(query: str) -> int:
        return house.get(f"/api/v1/metrics/incidents?{march}{query}").json()["figures"][0]["statistics"][
            "count"
        ]["n"]

    assert incidents("") == 6
    assert incidents("&service=shop") == 4
    assert incidents("&service=shop&severity=2+-+High") == 2
    assert incidents("&service=shop&service=search") == 6


def test_a_period_without_records_says_when_there_are_some(house):
    text = unescape(house.page("/reliability?from=2024-01-01&to=2024-02-01"))
    assert "The records run from 4 Mar 2025 to 28 Mar 2025" in text
    assert 'href="/reliability?from=all"' in text


def test_filters_that_leave_nothing_are_told_from_an_empty_period(house, march):
    text = unescape(house.page(f"/reliability?{march}&team=Nobody"))
    assert "the filters leave none" in text


def test_a_question_that_makes_no_sense_gets_a_sentence_as_a_page(house):
    answer = house.get("/effort?from=2025-03-31&to=2025-03-01", headers={"accept": "text/html"})
    assert answer.status_code == 400
    assert "Give a start that is before the end" in answer.text
    assert answer.headers["content-type"].startswith("text/html")


def test_the_json_twin_of_a_wrong_question_is_a_problem_document(house):
    answer = house.get("/effort.json?from=soon")
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert "Write 2026-05-01" in answer.json()["fix"]


def test_a_page_that_is_not_there_leads_back(house):
    answer = house.get("/nowhere", headers={"accept": "text/html"})
    assert answer.status_code == 404
    assert "There is no such page" in answer.text


def test_what_people_typed_into_their_tools_is_escaped_everywhere(house, march):
    for path in (
        f"/effort?{march}",
        f"/rows/bug_age?{march}",
        f"/rows/person_days?{march}",
        "/search?q=escape",
    ):
        text = house.page(path)
        assert "<script>alert(1)" not in text
        assert "<b>escape</b>" not in text
    assert "&lt;b&gt;escape&lt;/b&gt;" in house.page("/search?q=escape")


@pytest.mark.parametrize("q", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7 * 7 }}"])
def test_what_a_person_searches_is_escaped(house, q):
    answer = house.get("/search", params={"q": q}, headers={"accept": "text/html"})
    assert "<script>alert(1)" not in answer.text
    assert "<img src=x" not in answer.text
    assert "49" not in re.sub(r"v=\w+", "", answer.text)


def test_the_search_field_of_a_page_leads_to_the_search(house, march):
    answer = house.get(f"/effort?{march}&q=gift")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/search?from=2025-03-01&to=2025-03-31&q=gift"
    assert "gift cards" in house.page(answer.headers["location"])


def test_search_finds_items_by_identifier_and_by_title_metrics_and_services(house):
    kinds = {hit["kind"] for hit in house.get("/search.json?q=INC-3").json()}
    assert kinds == {"incident"}
    assert "metric" in {hit["kind"] for hit in house.get("/search.json?q=restore").json()}
    assert "service" in {hit["kind"] for hit in house.get("/search.json?q=shop").json()}


def test_rows_are_exactly_those_that_the_number_was_computed_from(house, march):
    count = house.get(f"/api/v1/metrics/incidents?{march}&service=search").json()
    rows = house.get(f"/rows/incidents.json?{march}&service=search").json()
    assert len(rows) == count["figures"][0]["statistics"]["count"]["n"] == 2
    text = house.page(f"/rows/incidents?{march}&service=search")
    assert "2 rows behind it" in text
    assert 'href="https://desk.example/INC-3"' in text
    assert "/item?item_kind=incident&amp;source=csv%3Aincidents&amp;item_id=INC-3" in text


def test_more_rows_than_are_shown_are_said_and_linked(house, march):
    text = house.page(f"/rows/person_days?{march}&limit=5")
    assert "The first 5 rows behind it" in text
    assert "limit=25" in text
    assert "format=csv" in text


def test_a_filter_that_a_metric_does_not_have_is_left_out_of_its_rows(house, march):
    assert "rows behind it" in house.page(f"/rows/ktlo_share?{march}&severity=2+-+High")


def test_assets_are_kept_for_good_by_their_digest_and_asked_again_without_it(house):
    text = house.page("/definitions")
    sheet = unescape(re.search(r'href="(/static/ktlo\.css\?v=\w+)"', text)[1])
    assert "immutable" in house.get(sheet).headers["cache-control"]
    plain = house.get("/static/ktlo.css")
    assert plain.headers["cache-control"] == "public, no-cache"
    again = house.get("/static/ktlo.css", headers={"if-none-match": plain.headers["etag"]})
    assert again.status_code == 304


def test_pages_are_compressed_and_never_kept_by_caches(house):
    answer = house.get("/definitions", headers={"accept-encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["cache-control"] == "private, no-store"
    for twin in ("/bugs.json", "/metrics/dialects.json", "/plan.json", "/findings/updates.json"):
        assert house.get(twin).headers["cache-control"] == "private, no-store", twin


def test_every_metric_and_record_has_a_page_that_definitions_links(house):
    from ktlo.metrics.registry import definitions
    from ktlo.records import TABLES

    links = links_of(house.page("/definitions"))
    assert {f"/definitions/{name}" for name in definitions()} <= links
    assert {f"/records/{name}" for name in TABLES} <= links
    for name, defined in definitions().items():
        text = unescape(house.page(f"/definitions/{name}"))
        assert defined.sql.strip() in text
        assert defined.source in text


def test_a_bug_of_ours_is_a_page_that_says_so_and_nothing_more(house, monkeypatch):
    def broken(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("ktlo.server.web.definitions.definitions", broken)
    answer = house.get("/definitions", headers={"accept": "text/html"})
    assert answer.status_code == 500
    assert "ktlo itself broke here" in answer.text
    assert "secret detail" not in answer.text


def test_no_two_pages_share_a_key(house):
    letters = re.findall(r'data-key="(\w)"', house.page("/"))
    assert len(letters) > 10
    assert len(letters) == len(set(letters))
