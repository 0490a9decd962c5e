"""Findings on the server: what CI reports, what the server finds itself, and the pages about both."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

SUNDAY = dt.datetime(2025, 3, 2, tzinfo=dt.UTC)


def finding(name: str, **given: Any) -> dict[str, Any]:
    return {
        "check": "vulnerabilities", "rule": name, "level": "high", "message": f"left 1.0.0: <b>{name}</b>",
        "location": {"path": "package-lock.json", "line": 12, "commit": ""}, "fingerprint": f"print-{name}",
        "aliases": [f"GHSA-{name}"], "fix": "Update left to 2.0.0",
        "properties": {"ecosystem": "npm", "package": "left", "version": "1.0.0", "fixed": "2.0.0"}, **given,
    }  # fmt: skip


def scan(day: int, *found: dict[str, Any], **given: Any) -> dict[str, Any]:
    at = SUNDAY + dt.timedelta(days=day)
    report = {
        "tool": {"name": "ktlo", "version": "0"}, "verdict": {"code": 1, "name": "findings", "headline": "Failed"},
        "findings": list(found), "tolerated": [], "unchecked": [],
        "checks": [{"check": "vulnerabilities", "checked": 3, "unit": "dependencies"}],
        "coverage": {"files": [], "dependencies": 3, "checked": 3, "internal": [], "databases": []},
        **given.pop("report", {}),
    }  # fmt: skip
    return {
        "repository": "acme/shop", "sha": f"{day:040x}", "ref": "main", "is_default": True,
        "started_at": at.isoformat(), "finished_at": (at + dt.timedelta(minutes=1)).isoformat(),
        "report": report, **given,
    }  # fmt: skip


def keep(house, body: dict[str, Any]) -> dict[str, Any]:
    answer = house.post("/api/v1/scans", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.fixture(scope="module")
def reported(house):
    keep(house, scan(2, finding("CVE-1"), finding("CVE-2", level="critical")))
    keep(house, scan(10, finding("CVE-2", level="critical")))
    return house


def test_reported_scans_open_and_resolve(reported):
    one = {row["rule"]: row for row in reported.get("/api/v1/findings?state=all").json()}
    assert one["CVE-1"]["resolved_at"] == "2025-03-12T00:00:00Z"
    assert one["CVE-2"]["resolved_at"] is None
    assert one["CVE-2"]["opened_at"] == "2025-03-04T00:00:00Z"
    assert one["CVE-2"]["service"] == "shop", "the catalogue knows whose repository it is"
    assert one["CVE-2"]["team"] == "Storefront"


def test_reporting_a_scan_again_changes_nothing(reported):
    before = reported.get("/api/v1/findings?state=all").json()
    told = keep(reported, scan(10, finding("CVE-2", level="critical")))
    assert (told["opened"], told["resolved"]) == (0, 0)
    assert reported.get("/api/v1/findings?state=all").json() == before


def test_a_branch_is_kept_and_not_counted(reported):
    told = keep(reported, scan(11, finding("CVE-9"), is_default=False, ref="feature"))
    assert not told["counts"]
    assert "CVE-9" not in reported.get("/api/v1/findings?state=all").text


def test_a_run_that_judged_only_a_change_resolves_nothing(reported):
    keep(reported, scan(12, report={"since": {"revision": "main", "commit": "a"}}))
    assert [row["rule"] for row in reported.get("/api/v1/findings").json()] == ["CVE-2"]


@pytest.mark.parametrize(
    ("given", "status", "sentence"),
    [
        ({"started_at": "2025-03-02T00:00:00"}, 400, "no time zone"),
        ({"finished_at": "2025-03-01T00:00:00Z"}, 400, "ends before it begins"),
        (
            {"started_at": "2999-01-01T00:00:00Z", "finished_at": "2999-01-01T00:01:00Z"},
            400,
            "from the future",
        ),
        ({"report": {"as_of": "2025-01-01T00:00:00Z"}}, 400, "rehearsal"),
        ({"report": {"findings": [{"rule": "x"}]}}, 422, ""),
        ({"repository": ""}, 422, ""),
    ],
)
def test_a_scan_that_makes_no_sense_is_refused(reported, given, status, sentence):
    answer = reported.post("/api/v1/scans", json=scan(3, **given))
    assert answer.status_code == status
    assert sentence in answer.text


def test_a_report_needs_the_token_where_one_is_asked_for(guarded):
    assert guarded.post("/api/v1/scans", json=scan(3)).status_code == 401


def test_the_page_answers_in_words_and_lists_what_is_open(reported):
    page = reported.page("/findings?from=2025-03-01&to=2025-03-31")
    assert "1 finding is open, of critical level" in page
    assert "2 opened and 1 were fixed" in page
    assert "CVE-2" in page
    assert "<b>CVE-2</b>" not in page
    assert 'href="/finding?' in page


def test_the_page_has_a_twin(reported):
    twin = reported.get("/findings.json?from=2025-03-01&to=2025-03-31").json()
    assert twin["answer"]["said"] == "1 finding is open, of critical level"
    assert [one["name"] for one in twin["listings"]] == ["open", "looks"]


def test_filters_of_the_page_hold_for_its_list(reported):
    assert "CVE-2" not in reported.page("/findings/list?level=low")
    assert "CVE-2" in reported.page("/findings/list?level=critical&service=shop")
    assert "CVE-2" not in reported.page("/findings/list?team=Discovery")


def test_one_finding_tells_its_story(reported):
    page = reported.page("/finding?repository=acme/shop&fingerprint=print-CVE-1")
    assert "CVE-1 in left: fixed on 12 Mar 2025" in page
    assert "GHSA-CVE-1" in page
    assert "&lt;b&gt;CVE-1&lt;/b&gt;" in page
    twin = reported.get("/finding.json?repository=acme/shop&fingerprint=print-CVE-1").json()
    assert twin["finding"]["rule"] == "CVE-1"


def test_a_finding_that_is_not_there_is_told(reported):
    answer = reported.get("/finding?repository=acme/shop&fingerprint=none", headers={"accept": "text/html"})
    assert answer.status_code == 404
    assert "no such finding" in answer.text


def test_the_metrics_count_what_was_reported(reported):
    answer = reported.get("/api/v1/metrics/finding_time_to_fix?from=2025-03-01&to=2025-03-31").json()
    assert answer["figures"][0]["statistics"]["p50"]["n"] == 2


def test_reported_scans_are_no_source_that_was_removed(reported):
    names = [one["source_id"] for one in reported.get("/api/v1/sources").json()]
    assert not [name for name in names if name.startswith("check:")]


@pytest.mark.parametrize("text", ["CVE-2", "ghsa-cve-2", "left"])
def test_the_search_knows_findings_by_any_of_their_names(reported, text):
    hits = [hit for hit in reported.get(f"/search.json?q={text}").json() if hit["kind"] == "finding"]
    assert hits[0]["name"] == "CVE-2 in left 1.0.0"
    assert hits[0]["detail"] == "critical · acme/shop · package-lock.json · open"
    assert reported.page(hits[0]["href"])
