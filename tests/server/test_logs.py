"""The Logs pages and their API over records that were reported to a running ktlo."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from ktlo.store.streams import LOGS

sys.path.insert(0, str(Path(__file__).parents[1] / "receivers"))

from otlp_requests import TEN
from signal_requests import log, logs

from ktlo.receivers.spool import length_prefix

HOSTILE = "<img src=x onerror=alert(1)>"
TRACE = "0d" * 16


@pytest.fixture(scope="module")
def write(house, runtime, tmp_path_factory):
    file, written = tmp_path_factory.mktemp("logs") / "segment", [0]

    def append(*records: dict, service: str = "till") -> None:
        body = logs(service, *records).SerializeToString()
        file.write_bytes(length_prefix(len(body)) + body)
        written[0] += 1
        runtime.store.load(LOGS, file, f"logs-{written[0]}")

    return append


@pytest.fixture(scope="module")
def shown(house, write):
    now = (time.time_ns() - TEN) / 1e6 - 120_000
    write(
        log(f"order {HOSTILE} failed", now, 17, attributes={HOSTILE: HOSTILE, "user.id": 7},
            trace_id=bytes.fromhex(TRACE), span_id=b"\x0e" * 8),
        *(log(f"tick {n}", now + n) for n in range(130)),
    )  # fmt: skip
    return house


def test_the_page_says_how_many_how_bad_and_runs_nothing_of_what_was_logged(shown):
    page = shown.page("/logs?query=service:till")
    assert "131 records, 1 error" in page
    found = shown.page("/logs?query=service:till+order")
    assert HOSTILE not in found
    assert "order &lt;img src=x" in found
    assert f"/trace?id={TRACE}&amp;span={'0e' * 8}" in found


def test_older_records_are_a_page_away_and_stay_in_the_same_stretch(shown):
    first = shown.get("/api/v1/logs?query=service:till&limit=100").json()
    second = shown.get("/api/v1/logs", params={"query": "service:till", "cursor": first["next"]}).json()
    assert (len(first["records"]), len(second["records"]), second["next"]) == (100, 31, "")
    page = shown.page("/logs?query=service:till")
    older = page.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")
    assert "since=20" in older
    assert "tick 0" in shown.page(older)


def test_a_query_that_cannot_be_read_is_refused_with_its_place(shown):
    answer = shown.get("/logs?query=ok+foo:bar", headers={"accept": "text/html"})
    assert (answer.status_code, "there is no foo:, at character 4" in answer.text) == (400, True)
    assert shown.get("/api/v1/logs?query=severity:loud").status_code == 400
    assert shown.get("/api/v1/logs?cursor=x").status_code == 400


def test_a_trace_is_found_without_saying_when(shown):
    (record,) = shown.get(f"/api/v1/logs?query=trace:{TRACE}").json()["records"]
    assert (record["severity"], record["attributes"]["user.id"]) == ("error", "7")


def test_what_stands_around_a_record_has_it_in_the_middle(shown):
    at = shown.get("/api/v1/logs?query=service:till+%22tick 60%22").json()["records"][0]["logged_ns"]
    page = shown.page(f"/logs?query=service:till&around={at}")
    assert "30 records before and 30 after it" in page or "29 records before and 30 after it" in page
    assert page.count('id="here"') == 1


def test_patterns_lead_to_their_records(shown):
    page = shown.page("/logs?query=service:till&view=patterns")
    assert "tick 0" in page
    assert shown.get("/api/v1/logs/patterns?query=service:till+tick").json()[0]["records"] == 130


def test_volume_by_minute_is_the_same_from_records_and_from_counts(shown):
    def total(query: str) -> int:
        return sum(one["records"] for one in shown.get("/api/v1/logs/volume", params={"query": query}).json())

    assert total("service:till") == total("service:till -zzz") == 131


def test_what_arrives_is_asked_from_a_place_on(shown, write):
    after = shown.get("/api/v1/logs/tail").json()["next"]
    live = shown.page("/logs/live?query=service:live")
    assert 'data-live="/logs/arrived?q=service%3Alive"' in live
    assert '<noscript><meta http-equiv="refresh"' in live
    write(log("one", 1), log("two", 2), service="live")
    write(log("elsewhere"), service="quiet")
    told = shown.get("/api/v1/logs/tail", params={"query": "service:live", "after": after}).json()
    assert [one["body"] for one in told["records"]] == ["one", "two"]
    again = shown.get("/api/v1/logs/tail", params={"query": "service:live", "after": told["next"]}).json()
    assert again["records"] == []
    rows = shown.get("/logs/arrived", params={"query": "service:live", "after": after})
    assert rows.headers["x-next"] == told["next"]
    assert rows.text.index("two") < rows.text.index("one")


def test_nothing_like_that_is_told_from_nothing_at_all(shown):
    assert "No record is like that" in shown.page("/logs?query=service:nobody")
