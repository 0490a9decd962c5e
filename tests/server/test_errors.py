"""The Errors pages, their API and their forms, over spans that were reported to a running ktlo."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from ktlo.store.streams import TRACES
from ktlo.telemetry.trackers import MOST_ADDRESS, Tracker, _tracker

sys.path.insert(0, str(Path(__file__).parents[1] / "receivers"))

from otlp_requests import TEN, Said, request, segment

HOSTILE = "<script>alert(1)</script>"
FENCE = "```\n# not a heading of ours\n```"


@pytest.fixture(scope="module")
def fingerprint(house, runtime, tmp_path_factory) -> str:
    made = request(
        "checkout",
        Said("1" * 16, "POST /pay", trace_id="e" * 32, error=True,
             events=[("exception", {"exception.type": f"Declined{HOSTILE}", "exception.message": FENCE,
                                    "exception.stacktrace": f'  File "/r/shop/pay.py", line 3, in {HOSTILE}'})]),
        Said("2" * 16, "GET /stock", trace_id="e" * 32, error=True),
    )  # fmt: skip
    ago = time.time_ns() - TEN - 60_000_000_000
    for span in made.resource_spans[0].scope_spans[0].spans:
        span.start_time_unix_nano += ago
        span.end_time_unix_nano += ago
        for event in span.events:
            event.time_unix_nano += ago
    file = tmp_path_factory.mktemp("errors") / "segment"
    file.write_bytes(segment(made))
    runtime.store.load(TRACES, file, "errors")
    (found,) = [one for one in house.get("/api/v1/errors").json() if one["culprit"]]
    return str(found["fingerprint"])


def test_the_list_says_what_is_new_and_leads_to_each(house, fingerprint):
    page = house.page("/errors")
    assert "2 errors in 2 reports, 2 never seen before" in page
    assert f"fingerprint={fingerprint}" in page
    assert HOSTILE not in page
    assert [one["standing"] for one in house.get("/errors.json").json()] == ["new", "new"]
    assert "No error like that" in house.page("/errors?service=elsewhere")


def test_one_error_shows_everything_and_runs_nothing(house, fingerprint):
    page = house.page(f"/errors/error?fingerprint={fingerprint}")
    assert "1 report in 1 trace" in page
    assert f"/trace?id={'e' * 32}&amp;span={'1' * 16}" in page
    assert HOSTILE not in page
    twin = house.get(f"/errors/error.json?fingerprint={fingerprint}").json()
    assert (twin["error"]["occurrences"], twin["samples"][0]["trace_id"]) == (1, "e" * 32)
    assert house.get("/errors/error?fingerprint=1-none").status_code == 404


def test_the_text_of_an_issue_cannot_be_broken_out_of(house, fingerprint):
    page = house.page(f"/errors/error?fingerprint={fingerprint}")
    text = page.split('aria-label="Text of the issue">')[1].split("</textarea>")[0]
    assert "\n````\n```\n# not a heading of ours" in text


def test_what_people_say_is_kept_with_their_name_and_changes_the_list(house, fingerprint):
    said = {"fingerprint": fingerprint, "said": "resolved", "version": "1.1", "author": "Ann"}
    answer = house.post("/errors/verdict", data=said)
    assert answer.status_code == 303
    page = house.page(answer.headers["location"])
    assert "resolved in version 1.1, says Ann" in page
    assert fingerprint not in house.page("/errors")
    assert fingerprint in house.page("/errors?standing=resolved")
    assert house.post(f"/api/v1/errors/{fingerprint}/verdict", json={"said": "open"}).status_code == 204
    assert fingerprint in house.page("/errors")


def test_saying_too_little_is_refused_in_a_sentence(house, fingerprint):
    said = {"fingerprint": fingerprint, "said": "ignored"}
    nameless = house.post("/errors/verdict", data={**said, "reason": "noise"})
    assert (nameless.status_code, "who says it?" in nameless.text) == (400, True)
    reasonless = house.post("/errors/verdict", data={**said, "author": "Ann"})
    assert (reasonless.status_code, "needs a reason" in reasonless.text) == (400, True)
    assert (
        house.post(
            "/errors/verdict", data={**said, "author": "A", "reason": "x", "until": "soon"}
        ).status_code
        == 400
    )
    unknown = house.post("/api/v1/errors/1-none/verdict", json={"said": "open"})
    assert unknown.status_code == 404


def test_an_issue_that_was_made_is_linked(house, fingerprint):
    url = "https://github.com/acme/shop/issues/7"
    house.post("/errors/issue", data={"fingerprint": fingerprint, "url": url, "author": "Ann"})
    assert url in house.page("/errors")
    assert f"issue {url}" in house.page(f"/errors/error?fingerprint={fingerprint}")
    bad = house.post(
        "/errors/issue", data={"fingerprint": fingerprint, "url": "javascript:1", "author": "Ann"}
    )
    assert bad.status_code == 400


@pytest.mark.parametrize(
    ("seen", "form", "parameter"),
    [
        ("https://github.com/acme/shop/issues/7", "https://github.com/acme/shop/issues/new", "title"),
        ("https://git.example/acme/shop/pull/3", "https://git.example/acme/shop/issues/new", "title"),
        (
            "https://gitlab.com/a/b/c/-/merge_requests/3",
            "https://gitlab.com/a/b/c/-/issues/new",
            "issue[title]",
        ),
        ("https://tracker.example/browse/SHOP-7", "", "title"),
        ("", "", "title"),
    ],
)
def test_a_trackers_form_is_known_from_anything_that_was_read_of_it(seen, form, parameter):
    made = _tracker("acme/shop", seen)
    assert (made.form, made.title) == (form, parameter)


def test_a_long_text_still_makes_an_address_that_trackers_take():
    address = Tracker("a/b", "https://github.com/a/b/issues/new").prefilled("ümläut", "ü" * 60_000)
    assert len(address) <= MOST_ADDRESS
