"""What trackers and pagers send now and then: ten megabytes of text, people who are gone, clocks that disagree."""

from __future__ import annotations

import datetime as dt
import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from collected_rows import Seen, run

from ktlo.sources.redmine.source import RedmineConfig, RedmineSource
from ktlo.sources.rest import connection

HERE = Path(__file__).parent
LONG = "<p>🔥 It broke.</p> " * 500_000
"""Ten megabytes."""
NOON = dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC)
BEFORE = NOON - dt.timedelta(minutes=7)
Made = tuple[Any, str, str]
"""A source, the table of its one item, and the item's identifier."""


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, said in (
        ("JIRA_TOKEN", "t0ken"),
        ("GITLAB_TOKEN", "glpat"),
        ("OG_KEY", "k3y"),
        ("SN_PASSWORD", "p"),
    ):
        monkeypatch.setenv(name, said)


def stand_in(kind: str, module: str) -> Any:
    """A module of the tests of a source."""
    sys.path.insert(0, str(HERE / kind))
    try:
        return importlib.import_module(module)
    finally:
        sys.path.remove(str(HERE / kind))


def jira(kind: str, text: str, is_gone: bool, early: bool) -> Made:
    tests = stand_in("jira", "test_jira")
    site = tests.Site(now=tests.after(10))
    site.create("SH-1", NOON, kind, summary=text[:9000], description=text)
    site.comment("SH-1", tests.after(1))
    site.move("SH-1", BEFORE if early else tests.after(2), "Done")
    fields = site.issues["SH-1"]["fields"]
    fields["updated"] = stand_in("jira", "jira_site").stamp(tests.after(3))
    if is_gone:
        fields |= {"reporter": None, "assignee": None}
        fields["comment"]["comments"][0].pop("author")
        site.issues["SH-1"]["changelog"]["histories"][0].pop("author")
    return tests.source(site), "incidents" if "Incident" in kind else "issues", "SH-1"


def gitlab(kind: str, text: str, is_gone: bool, early: bool) -> Made:
    tests = stand_in("gitlab", "test_gitlab")
    project = tests.Project(now=tests.after(10))
    project.open_issue(1, NOON, issue_type=kind, title=text[:900], description=text)
    project.comment("Issue", 1, tests.after(1), "ada")
    project.close(1, BEFORE if early else tests.after(2))
    project.issues[1]["updated_at"] = tests.stamp(tests.after(3))
    if is_gone:
        project.issues[1] |= {"author": None, "closed_by": None}
        for event in project.events:
            event |= {"author": None, "author_username": None}
    return tests.source(project), "incidents" if kind == "incident" else "issues", "1"


def redmine(kind: str, text: str, is_gone: bool, early: bool) -> Made:
    closed = {"id": 5, "name": "Closed", "is_closed": True}
    detail = {"property": "attr", "name": "status_id", "old_value": "1", "new_value": "5"}
    item: dict[str, Any] = {
        "id": 7,
        "project": {"id": 1, "name": "Shop"},
        "tracker": {"id": 1, "name": kind},
        "status": closed,
        "priority": {"id": 2, "name": "Normal"},
        "author": {"id": 5, "name": "Ada"},
        "subject": text[:255],
        "description": text,
        "created_on": "2026-09-01T12:00:00Z",
        "updated_on": "2026-09-01T15:00:00Z",
        "closed_on": "2026-09-01T11:53:00Z" if early else "2026-09-01T14:00:00Z",
        "journals": [
            {
                "id": 1,
                "user": {"id": 5, "name": "Ada"},
                "notes": text,
                "created_on": "2026-09-01T11:53:00Z" if early else "2026-09-01T14:00:00Z",
                "details": [detail],
            }
        ],
    }
    if is_gone:
        del item["author"], item["journals"][0]["user"]

    def answer(request: httpx.Request) -> httpx.Response:
        told: dict[str, Any] = {
            "/issue_statuses.json": {
                "issue_statuses": [{"id": 1, "name": "New", "is_closed": False}, closed]
            },
            "/issues/7.json": {"issue": item},
            "/issues.json": {
                "issues": [{**item, "journals": []}],
                "total_count": 1,
                "offset": 0,
                "limit": 100,
            },
        }
        date = {"date": "Wed, 02 Sep 2026 12:00:00 GMT"}
        return httpx.Response(200, json=told[request.url.path], headers=date)

    config = RedmineConfig(url="https://redmine.example.org", since=dt.date(2026, 8, 1))
    made = RedmineSource(config, transport=httpx.MockTransport(answer))
    return made, "incidents" if kind == "Incident" else "issues", "7"


def opsgenie(kind: str, text: str, is_gone: bool, early: bool) -> Made:
    tests = stand_in("opsgenie", "test_opsgenie")
    account = tests.Account()
    account.alerts = [account.alerts[0]]
    account.alerts[0] |= {"status": "closed", "message": text, "description": text, "report": {}}
    account.wrote(
        "A0", -7 if early else 9, f"Alert closed via web {text}", "" if is_gone else "ada@example.org"
    )
    if is_gone:
        account.alerts[0] |= {"owner": "", "responders": []}
    return tests.source(account), "incidents", "A0"


def opsgenie_incident(kind: str, text: str, is_gone: bool, early: bool) -> Made:
    tests = stand_in("opsgenie", "opsgenie_incidents")
    account = tests.Incidents()
    told = tests.incident("I0", "60 closed Ada", "closed", "-", "s-1")
    account.incidents = [told | {"message": text, "description": text, "tags": [text]}]
    account.history["I0"] = tests.history("I0", f"{-7 if early else 60} closed Ada")
    for entry in account.history["I0"]:
        entry["title"] = {"type": "plain_text", "content": text}
        if is_gone:
            entry["actor"] = None
    if is_gone:
        account.incidents[0] |= {"ownerTeam": None, "responders": []}
    return tests.source(account, incidents="incidents"), "incidents", "I0"


def statuspage(kind: str, text: str, is_gone: bool, early: bool) -> Made:
    tests = stand_in("statuspage", "test_statuspage")
    page = tests.Page()
    told = tests.incident("S0", "major", f"0 investigating, {-7 if early else 60} resolved")
    told["name"] = told["incident_updates"][0]["body"] = text
    page.incidents = [told]
    return tests.source(page), "incidents", "S0"


KINDS: dict[str, tuple[Callable[..., Made], str]] = {
    "jira issue": (jira, "Bug"),
    "jira incident": (jira, "[System] Incident"),
    "gitlab issue": (gitlab, "issue"),
    "gitlab incident": (gitlab, "incident"),
    "redmine issue": (redmine, "Bug"),
    "redmine incident": (redmine, "Incident"),
    "opsgenie alert": (opsgenie, ""),
    "opsgenie incident": (opsgenie_incident, ""),
    "status page": (statuspage, ""),
}


@pytest.mark.parametrize("name", KINDS)
def test_ten_megabytes_of_text_are_cut_and_nothing_else_is_lost(name: str) -> None:
    make, kind = KINDS[name]
    made, table, key = make(kind, LONG, False, False)
    seen = Seen()
    assert run(made, seen) is None
    assert seen.rejected == []
    found = seen.item(key, table)
    assert found["state"] in ("closed", "resolved")
    assert max(len(str(value)) for row in seen.rows.values() for value in row.values()) <= 10_000
    assert found["title"].startswith("<p>🔥 It broke.</p>")


def test_an_issue_of_redmine_that_is_too_large_by_itself_comes_in_as_the_list_has_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made, table, key = redmine("Bug", "It broke " * 200, False, False)
    seen = Seen()
    monkeypatch.setattr(connection, "LARGEST_ANSWER", 3_600)
    assert run(made, seen) is None
    assert seen.item(key, table)["state"] == "closed"
    assert seen.rejected[0].endswith("So issue 7 has no history")


@pytest.mark.parametrize("name", [name for name in KINDS if name != "status page"])
def test_somebody_who_is_gone_leaves_the_item_as_it_is(name: str) -> None:
    make, kind = KINDS[name]
    made, table, key = make(kind, "It broke", True, False)
    seen = Seen()
    assert run(made, seen) is None
    assert seen.rejected == []
    assert seen.item(key, table)["state"] in ("closed", "resolved")
    steps = [row for (place, *_), row in seen.rows.items() if place.endswith("_events")]
    assert {row["actor"] for row in steps} == {""}


@pytest.mark.parametrize("name", KINDS)
def test_an_end_before_the_beginning_is_kept_as_it_was_told(name: str) -> None:
    make, kind = KINDS[name]
    made, table, key = make(kind, "It broke", False, True)
    seen = Seen()
    assert run(made, seen) is None
    assert seen.rejected == []
    found = seen.item(key, table)
    assert (found["state"], found["closed_at"]) in (("closed", BEFORE), ("resolved", BEFORE))
