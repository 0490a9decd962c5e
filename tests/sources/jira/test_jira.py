"""Jira, Cloud and Data Center: its history, moved and deleted issues, resumed reading."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from typing import Any

import httpx
import pytest
from collected_rows import Missing
from jira_by_hand import NOON, after, site_by_hand
from jira_site import PEOPLE, Site

from ktlo.errors import KtloError, UserError
from ktlo.sources.hooked import Incoming
from ktlo.sources.jira import JiraSource, walk
from ktlo.sources.jira.fields import text_of
from ktlo.sources.jira.source import JiraConfig
from ktlo.sources.protocol import Batch, Status
from ktlo.sources.rest.quota import LimitReachedError, World


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIRA_TOKEN", "t0ken")


@pytest.fixture(params=["cloud", "data center"])
def is_cloud(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "cloud")


def source(site: Site, **options: Any) -> JiraSource:
    async def nap(_: float) -> None:
        await asyncio.sleep(0)

    def clock() -> float:
        return site.now.timestamp()

    given = {"url": "https://example.atlassian.net", "token": "env:JIRA_TOKEN", "since": dt.date(2026, 8, 1)}
    if site.is_cloud:
        given["email"] = "ktlo@example.org"
    world = World(now=clock, sleep=nap, chance=lambda: 0.5)
    return JiraSource(JiraConfig(**{**given, **options}), world, site.transport())


class Seen:
    """What a store would show: the newest version of each key."""

    def __init__(self) -> None:
        self.rows: dict[tuple[Any, ...], dict[str, Any]] = {}
        self.missing = Missing()
        self.cursor: dict[str, Any] = {}
        self.batches: list[Batch] = []

    def put(self, batch: Batch) -> None:
        self.add(batch.rows)
        self.missing.judge(batch)
        if batch.cursor is not None:
            self.cursor = json.loads(json.dumps(batch.cursor))
        self.batches.append(batch)

    def add(self, rows: Any) -> None:
        for table, given in rows.items():
            for row in given.to_pylist():
                key = (table, *(row.get(n) for n in ("external_id", "issue_id", "incident_id", "event_id")))
                if self.missing.holds(table, row, self.rows.get(key)):
                    self.rows[key] = row

    def shown(self, table: str) -> list[dict[str, Any]]:
        return [row for key, row in self.rows.items() if key[0] == table and self.missing.shows(table, row)]

    def item(self, key: str) -> dict[str, Any]:
        found = [
            row for row in (*self.shown("issues"), *self.shown("incidents")) if row["external_id"] == key
        ]
        assert len(found) == 1, f"{key} is there {len(found)} times"
        return found[0]

    def history(self, key: str) -> list[tuple[str, str, str]]:
        rows = [row for row in self.shown("issue_events") if row["issue_id"] == key]
        rows += [row for row in self.shown("incident_events") if row["incident_id"] == key]
        return [
            (r["kind"], r["actor"], r["after"])
            for r in sorted(rows, key=lambda r: (r["occurred_at"], r["event_id"]))
        ]

    @property
    def rejected(self) -> list[str]:
        return [one.reason for batch in self.batches for one in batch.rejected]


def run(made: JiraSource, seen: Seen, stop_after: int | None = None) -> KtloError | None:
    async def work() -> KtloError | None:
        try:
            async for batch in made.collect(seen.cursor):
                seen.put(batch)
                if stop_after is not None and len(seen.batches) >= stop_after:
                    return None
        except KtloError as error:
            return error
        return None

    return asyncio.run(work())


def webhook(site: Site, key: str, event: str, at: dt.datetime, **more: Any) -> Incoming:
    issue = {name: value for name, value in site.issues[key].items() if name != "changelog"}
    history = site.issues[key]["changelog"]["histories"]
    told = {
        "timestamp": int(at.timestamp() * 1000),
        "webhookEvent": event,
        "user": PEOPLE["ada"],
        "issue": issue,
        **({"changelog": {"id": history[-1]["id"], "items": history[-1]["items"]}} if history else {}),
        **more,
    }
    return Incoming({}, json.dumps(told).encode(), at)


def test_the_history_tells_every_step_by_whom() -> None:
    site, seen = Site(now=after(10)), Seen()
    site.create("SH-1", NOON)
    site.change("SH-1", after(1), {"field": "assignee", "fromString": None, "toString": "Ada"})
    site.change("SH-1", after(2), {"field": "labels", "fromString": "old", "toString": "urgent big"})
    site.move("SH-1", after(3), "Done", who="grace")
    site.comment("SH-1", after(4))
    run(source(site), seen)
    assert seen.history("SH-1") == [
        ("opened", "Grace Hopper", ""),
        ("assigned", "ada@example.org", "Ada"),
        ("labeled", "ada@example.org", "big"),
        ("labeled", "ada@example.org", "urgent"),
        ("unlabeled", "ada@example.org", "old"),
        ("closed", "Grace Hopper", "Done"),
        ("status", "Grace Hopper", "Done"),
        ("commented", "ada@example.org", ""),
    ]


def test_changes_beyond_what_a_search_gives_are_asked_for() -> None:
    site, seen = Site(now=after(100)), Seen()
    site.create("SH-1", NOON, "Incident")
    for hour in range(1, 30):
        site.move("SH-1", after(hour), "In Progress" if hour % 2 else "Done")
    run(source(site), seen)
    assert seen.item("SH-1")["reopen_count"] == 14
    assert seen.item("SH-1")["acknowledged_at"] == after(1)


def test_comments_beyond_what_a_search_gives_are_asked_for() -> None:
    site, seen = Site(now=after(100)), Seen()
    site.create("SH-1", NOON)
    for hour in range(130):
        site.comment("SH-1", after(hour / 10))
    fields = site.issues["SH-1"]["fields"]
    whole = list(fields["comment"]["comments"])

    def shown(issue: dict[str, Any]) -> dict[str, Any]:
        return {**issue, "fields": {**issue["fields"], "comment": {"comments": whole[:20], "total": 130}}}

    original = site._shown
    site._shown = lambda issue: shown(original(issue))  # type: ignore[method-assign]
    run(source(site), seen)
    assert sum(kind == "commented" for kind, _, _ in seen.history("SH-1")) == 130


def test_an_issue_that_was_moved_to_another_project_is_there_once_under_its_new_key() -> None:
    site, seen = site_by_hand(), Seen()
    site.comment("SH-2", after(20))
    run(source(site), seen)
    before = len(seen.history("SH-2"))
    site.now = after(120)
    site.rename("SH-2", "OPS-7", after(110))
    run(source(site), seen)
    assert seen.item("OPS-7")["closed_at"] == after(4)
    assert "SH-2" not in {row["external_id"] for row in seen.shown("issues")}
    assert seen.history("SH-2") == []
    assert len(seen.history("OPS-7")) == before + 1


def test_an_issue_that_was_moved_out_of_the_projects_read_is_gone() -> None:
    site, seen = site_by_hand(), Seen()
    run(source(site, projects=("SH",)), seen)
    site.now = after(140)
    site.rename("SH-1", "OPS-7", after(110))
    run(source(site, projects=("SH",)), seen)
    assert {"SH-1", "OPS-7"}.isdisjoint(row["external_id"] for row in seen.shown("issues"))
    assert seen.history("SH-1") == seen.history("OPS-7") == []


def test_a_deleted_issue_is_removed_and_an_old_open_one_is_in() -> None:
    site, seen = site_by_hand(), Seen()
    site.create("SH-99", NOON - dt.timedelta(days=900))
    run(source(site), seen)
    assert seen.item("SH-99")["state"] == "open"
    site.now = after(200)
    del site.issues["SH-1"], site.issues["SH-11"]
    run(source(site), seen)
    keys = {row["external_id"] for row in (*seen.shown("issues"), *seen.shown("incidents"))}
    assert {"SH-1", "SH-11"}.isdisjoint(keys)
    assert {"SH-3", "SH-13", "SH-99"} <= keys


def test_an_open_issue_that_the_jql_no_longer_finds_is_followed_until_it_ends() -> None:
    site, seen = Site(now=after(100)), Seen()
    site.create("SH-1", NOON, labels=["ops"])
    made = source(site, jql="labels = ops")
    run(made, seen)
    site.change("SH-1", after(110))
    site.issues["SH-1"]["fields"]["labels"] = []
    for hours, state in ((130, "open"), (155, "open"), (180, "closed")):
        site.now = after(hours)
        if state == "closed":
            site.move("SH-1", after(160), "Done")
        run(made, seen)
        assert seen.item("SH-1")["state"] == state


def test_a_run_cut_off_anywhere_goes_on_to_the_same_rows(
    monkeypatch: pytest.MonkeyPatch, is_cloud: bool
) -> None:
    monkeypatch.setattr(walk, "PER_PAGE", 3)
    site = site_by_hand(is_cloud=is_cloud)
    whole = Seen()
    run(source(site), whole)
    for cut in range(1, len(whole.batches)):
        seen = Seen()
        run(source(site), seen, stop_after=cut)
        run(source(site), seen)
        assert seen.rows == whole.rows, cut


def test_a_bulk_change_of_more_issues_in_one_minute_than_a_page_holds_is_read_whole(
    monkeypatch: pytest.MonkeyPatch, is_cloud: bool
) -> None:
    monkeypatch.setattr(walk, "PER_PAGE", 10)
    site, seen = Site(now=after(10), is_cloud=is_cloud), Seen()
    for number in range(75):
        site.create(f"SH-{number}", after(1) + dt.timedelta(milliseconds=number))
    site.create("SH-999", after(2))
    assert run(source(site), seen) is None
    assert len(seen.shown("issues")) == 76


def test_issues_that_change_while_pages_are_read_are_not_lost(
    monkeypatch: pytest.MonkeyPatch, is_cloud: bool
) -> None:
    monkeypatch.setattr(walk, "PER_PAGE", 5)
    site, seen = Site(now=after(500), is_cloud=is_cloud), Seen()
    for number in range(60):
        site.create(f"SH-{number}", after(number))
    original, turn = site._search, iter(range(1000))

    def search(query: dict[str, str]) -> Any:
        found = original(query)
        number = next(turn)
        if number < 20:
            # Somebody works on what was read a moment ago: it moves to the end, and all others move up.
            site.move(f"SH-{number}", after(100 + number), "In Progress")
        return found

    site._search = search  # type: ignore[method-assign]
    run(source(site), seen)
    assert len(seen.shown("issues")) == 60


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/Los_Angeles"])
def test_the_owners_time_zone_skips_nothing(zone: str) -> None:
    site, seen = site_by_hand(), Seen()
    site.zone = zone
    run(source(site), seen)
    site.now = after(120)
    site.move("SH-1", after(101), "Done")
    run(source(site), seen)
    assert seen.item("SH-1")["closed_at"] == after(101)


def test_where_the_time_zone_is_not_known_nothing_is_skipped_either() -> None:
    site, seen = site_by_hand(is_cloud=False), Seen()
    site.zone, site.has_owner = "America/Los_Angeles", False
    run(source(site), seen)
    site.now = after(120)
    site.move("SH-1", after(101), "Done")
    run(source(site), seen)
    assert seen.item("SH-1")["closed_at"] == after(101)


def test_only_the_projects_that_were_said_are_read() -> None:
    site, seen = site_by_hand(), Seen()
    site.create("NET-1", NOON)
    made = source(site, projects=("NET",))
    assert made.source_id == "jira:example.atlassian.net/NET"
    run(made, seen)
    assert [row["external_id"] for row in seen.shown("issues")] == ["NET-1"]


def test_types_that_were_said_are_the_incidents() -> None:
    site, seen = Site(now=after(1)), Seen()
    site.create("SH-1", NOON, "Störung")
    site.create("SH-2", NOON, "Incident")
    run(source(site, incident_types=("störung",)), seen)
    assert [row["external_id"] for row in seen.shown("incidents")] == ["SH-1"]


def test_an_issue_of_an_unexpected_form_costs_itself_only() -> None:
    site, seen = site_by_hand(), Seen()
    site.issues["SH-2"]["fields"]["created"] = "long ago"
    site.issues["SH-3"]["fields"]["status"] = "Done"
    site.is_as_described = False
    assert run(source(site), seen) is None
    assert len(seen.shown("issues")) + len(seen.shown("incidents")) == 18
    assert len(seen.rejected) >= 2


def test_a_token_that_is_not_accepted_says_where_to_get_one() -> None:
    site = site_by_hand()
    failure = run(source(site, email=""), Seen())
    assert isinstance(failure, UserError)
    assert "API token" in failure.fix


def test_a_long_pause_ends_the_run_to_go_on_later() -> None:
    site, seen = site_by_hand(), Seen()
    site.faults = [httpx.Response(429, headers={"retry-after": "3"})]
    assert run(source(site), seen) is None
    site.faults = [httpx.Response(429, headers={"retry-after": "300"})]
    assert isinstance(run(source(site), Seen()), LimitReachedError)


def test_the_check_says_what_it_found(is_cloud: bool) -> None:
    health = asyncio.run(source(site_by_hand(is_cloud=is_cloud)).check())
    assert health.status is Status.READY
    assert ("Jira Cloud" if is_cloud else "Data Center") in health.summary
    empty = asyncio.run(source(Site(now=NOON, is_cloud=is_cloud)).check())
    assert empty.status is Status.LIMITED


def test_an_empty_jira_is_no_failure() -> None:
    assert run(source(Site(now=NOON)), Seen()) is None


def test_the_text_of_a_document_is_read_without_its_marks() -> None:
    document = {
        "type": "doc",
        "content": [
            {
                "type": "paragraph",
                "content": [{"type": "text", "text": "It is "}, {"type": "text", "text": "<b>down</b> 🔥"}],
            },
            {
                "type": "bulletList",
                "content": [{"type": "listItem", "content": [{"type": "text", "text": "again"}]}],
            },
        ],
    }
    assert text_of(document).split() == ["It", "is", "<b>down</b>", "🔥", "again"]
    assert text_of("plain") == "plain"
    assert text_of(None) == ""
