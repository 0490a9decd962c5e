"""One item with more text than is read: it is left out, told with its place, and the run goes on behind it.

Lists that are paged by number are tried with the sources that have them; here are those that go on from a place.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import httpx
import pytest
from collected_rows import Seen, run
from test_what_every_pulled_source_meets import SECRETS, of_tests

from ktlo.sources.rest import connection

MOST = 120_000
LONG = "The disk is full again. " * 8_000


@pytest.fixture(autouse=True)
def _limits(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(connection, "LARGEST_ANSWER", MOST)


def names(seen: Seen, table: str) -> set[str]:
    return {row["external_id"] for row in seen.shown(table)}


def jira(site: Any) -> Any:
    return of_tests("jira", "test_jira").source(site)


@pytest.mark.parametrize("is_cloud", [True, False], ids=["cloud", "data center"])
@pytest.mark.parametrize("minutes", [0, 7], ids=["changed in one minute", "one after the other"])
@pytest.mark.parametrize("place", [0, 4, 8])
def test_an_issue_of_jira(is_cloud: bool, minutes: int, place: int) -> None:
    own, seen = of_tests("jira", "jira_site"), Seen()
    begin = dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC)
    site = own.Site(now=begin + dt.timedelta(days=2), is_cloud=is_cloud)
    for number in range(9):
        site.create(f"SHOP-{number}", begin + number * dt.timedelta(minutes=minutes))
    text = own.document if is_cloud else str
    site.issues[f"SHOP-{place}"]["fields"]["description"] = text(LONG)
    for _ in range(2):
        assert run(jira(site), seen) is None
        assert names(seen, "issues") == {f"SHOP-{n}" for n in range(9)} - {f"SHOP-{place}"}
        site.now += dt.timedelta(days=2)
    assert all("the issue alone is too large to be read and left out" in reason for reason in seen.rejected)
    told = {one.place for batch in seen.batches for one in batch.rejected}
    assert told == {f"SHOP-{place}"}
    # It shrinks: the next change brings it in.
    site.issues[f"SHOP-{place}"]["fields"]["description"] = text("Full.")
    site.change(f"SHOP-{place}", begin + dt.timedelta(days=3))
    assert run(jira(site), seen) is None
    assert len(names(seen, "issues")) == 9


def test_an_issue_of_jira_whose_comments_are_too_large() -> None:
    own, seen = of_tests("jira", "jira_site"), Seen()
    begin = dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC)
    site = own.Site(now=begin + dt.timedelta(days=2))
    for number in range(3):
        site.create(f"SHOP-{number}", begin + number * dt.timedelta(minutes=9))
    whole = own.Site.answer

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/SHOP-1/comment"):
            text = json.dumps({"comments": [], "total": 1, "x": LONG})
            return httpx.Response(200, content=text, headers={"content-type": "application/json"})
        return whole(site, request)  # type: ignore[no-any-return]

    site.issues["SHOP-1"]["fields"]["comment"] = {"comments": [], "total": 7}
    site.answer = answer
    assert run(jira(site), seen) is None
    assert names(seen, "issues") == {"SHOP-0", "SHOP-2"}
    assert "too large to be read and left out" in seen.rejected[0]


@pytest.mark.parametrize("what", ["incidents", "log", "again"])
def test_an_incident_or_a_log_entry_of_pagerduty(what: str) -> None:
    own, tests, seen = (
        of_tests("pagerduty", "pagerduty_account"),
        of_tests("pagerduty", "test_pagerduty"),
        Seen(),
    )
    begin = dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC)
    account = own.Account(now=begin + dt.timedelta(days=2))
    for number in range(9):
        account.trigger(f"P{number}", begin + number * dt.timedelta(minutes=9))
    if what == "incidents":
        account.incidents["P4"]["title"] = LONG
    elif what == "log":
        account.step(
            "P4", "annotate", begin + dt.timedelta(hours=3), channel={"type": "note", "summary": LONG}
        )
        account.step("P4", "resolve", begin + dt.timedelta(hours=4))
    source = tests.source(account, since=dt.date(2026, 8, 31))
    assert run(source, seen) is None
    assert names(seen, "incidents") == {f"P{n}" for n in range(9)} - (
        {"P4"} if what == "incidents" else set()
    )
    if what == "log":
        assert seen.item("P4", "incidents")["resolved_at"] == begin + dt.timedelta(hours=4)
        assert len(seen.shown("incident_events")) == 10
    if what == "again":
        account.now += dt.timedelta(days=2)
        account.incidents["P4"]["title"] = LONG
        account.step("P4", "resolve", account.now - dt.timedelta(hours=1))
        account.step("P5", "resolve", account.now - dt.timedelta(hours=1))
        assert run(source, seen) is None
        assert seen.item("P5", "incidents")["state"] == "resolved"
    assert any("an answer of more than" in reason for reason in seen.rejected)
    if what != "again":
        assert any("alone. It is left out" in reason for reason in seen.rejected)


def test_a_change_that_servicenow_audited() -> None:
    tests, seen = of_tests("servicenow", "test_servicenow"), Seen()
    instance = tests.Instance()
    instance.audit[3]["newvalue"] = {"value": "2", "display_value": LONG}
    assert run(tests.source(instance), seen) is None
    assert sum(len(seen.steps(f"INC{number}")) for number in range(10)) == 10 + len(instance.audit) - 1
    (reason,) = seen.rejected
    assert "of the incidents INC" in reason
    assert "alone. It is left out" in reason


@pytest.mark.parametrize("key", ["S0", "S3"])
def test_an_issue_of_sentry_in_its_list(key: str) -> None:
    tests, seen = of_tests("sentry", "test_sentry"), Seen()
    organization = tests.Organization()
    organization.issues[key]["culprit"] = LONG
    for _ in range(2):
        assert run(tests.source(organization), seen) is None
        assert names(seen, "issues") == {f"SHOP-{each}" for each in organization.issues} - {f"SHOP-{key}"}
    assert all("one issue alone. It is left out" in reason for reason in seen.rejected)


def test_an_issue_of_sentry_that_grew_is_not_taken_for_deleted_and_one_with_too_long_a_history_ends() -> None:
    tests, seen = of_tests("sentry", "test_sentry"), Seen()
    organization = tests.Organization()
    run(tests.source(organization), seen)
    before = names(seen, "issues")
    known = [key for key, one in organization.issues.items() if one["status"] == "unresolved"]
    organization.issues[known[0]]["culprit"] = LONG
    other = organization.issues[known[1]]
    other["status"] = "resolved"
    other["activity"] = [
        {"id": "1", "type": "note", "dateCreated": other["lastSeen"], "data": {"text": LONG}}
    ]
    assert run(tests.source(organization), seen) is None
    assert names(seen, "issues") == before
    assert seen.item(f"SHOP-{known[1]}", "issues")["state"] == "closed"
    assert any("So the issue has no history" in reason for reason in seen.rejected)
