"""An item whose type people change between issue and incident is there once, with its steps; read and by webhook."""

from __future__ import annotations

import asyncio
import datetime as dt
import importlib
import itertools
import json
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from ktlo.sources.collector import collect
from ktlo.sources.delivering import Refusals, deliver
from ktlo.sources.hooked import Incoming
from ktlo.sources.redmine.source import RedmineConfig, RedmineSource
from ktlo.store.embedded import EmbeddedStore
from ktlo.store.state import State

HERE = Path(__file__).parent
FILLED = ("issues", "issue_events", "incidents", "incident_events", "deliveries")


def stand_in(kind: str, module: str) -> Any:
    """A module of the tests of a source."""
    sys.path.insert(0, str(HERE / kind))
    try:
        return importlib.import_module(module)
    finally:
        sys.path.remove(str(HERE / kind))


class House:
    """A store and a state, and where an item is in them."""

    def __init__(self, store: EmbeddedStore, state: State) -> None:
        self.store, self.state = store, state
        self.refusals = Refusals()

    def read(self, source: Any) -> None:
        outcome = asyncio.run(collect(source, self.store, self.state))
        assert outcome.status == "complete", outcome.message

    def told(self, source: Any, incoming: Incoming) -> None:
        deliver(source, incoming, self.store, self.refusals, needs_secret=False)

    def where(self, key: str) -> list[tuple[str, str]]:
        """Tables in which the item is, with its state."""
        return [
            (table, row["state"])
            for table in ("issues", "incidents")
            for row in self.store.query(
                f"SELECT state FROM ktlo.{table} WHERE external_id = {{key:String}}",
                {"key": key},
            ).to_pylist()
        ]

    def steps(self, key: str) -> list[tuple[str, str, str]]:
        """Steps of the item: table, kind, by whom."""
        sql = " UNION ALL ".join(
            f"SELECT '{table}' AS place, kind, actor, occurred_at, event_id FROM ktlo.{table}"
            f" WHERE {column} = {{key:String}}"
            for table, column in (("issue_events", "issue_id"), ("incident_events", "incident_id"))
        )
        found = self.store.query(f"{sql} ORDER BY occurred_at, event_id", {"key": key}).to_pylist()
        return [(row["place"], row["kind"], row["actor"]) for row in found]


@pytest.fixture
def house(furnished: tuple[EmbeddedStore, State], monkeypatch: pytest.MonkeyPatch) -> House:
    made = House(*furnished)
    monkeypatch.setenv("JIRA_TOKEN", "t0ken")
    monkeypatch.setenv("GITLAB_TOKEN", "glpat")
    for table in FILLED:
        made.store.query(f"TRUNCATE TABLE ktlo.`{table}_log`")
    for name in (
        "jira:example.atlassian.net",
        "gitlab:diaspora/diaspora-project-site",
        "redmine:redmine.example.org",
    ):
        made.state.set_cursor(name, {})
    return made


BUG, INCIDENT = {"id": "1", "name": "Bug"}, {"id": "2", "name": "[System] Incident"}


def retype(site: Any, key: str, at: dt.datetime, before: dict[str, str], after: dict[str, str]) -> None:
    """The type of an issue of Jira is changed, as its changelog tells it."""
    site.issues[key]["fields"]["issuetype"] = after
    change = {"field": "issuetype", "from": before["id"], "fromString": before["name"]}
    site.change(key, at, {**change, "to": after["id"], "toString": after["name"]})


def test_an_issue_of_jira_that_becomes_an_incident_and_back_is_there_once(house: House) -> None:
    jira = stand_in("jira", "test_jira")
    site = jira.Site(now=jira.after(10))
    site.create("SH-1", jira.NOON)
    site.comment("SH-1", jira.after(1))
    house.read(jira.source(site))
    assert house.where("SH-1") == [("issues", "open")]
    as_issue = house.steps("SH-1")
    for hour, before, after, place in ((11, BUG, INCIDENT, "incidents"), (21, INCIDENT, BUG, "issues")):
        site.now = jira.after(hour + 9)
        retype(site, "SH-1", jira.after(hour), before, after)
        house.read(jira.source(site))
        assert house.where("SH-1") == [(place, "open")]
        if place == "incidents":
            assert [kind for _, kind, _ in house.steps("SH-1")] == ["detected", "note"]
    assert house.steps("SH-1") == as_issue


def test_webhooks_of_jira_in_any_order_leave_one_item(house: House) -> None:
    jira = stand_in("jira", "test_jira")
    site = jira.Site(now=jira.after(10))
    site.create("SH-1", jira.NOON)
    made = jira.source(site)
    story = [jira.webhook(site, "SH-1", "jira:issue_created", jira.NOON)]
    retype(site, "SH-1", jira.after(1), BUG, INCIDENT)
    story.append(jira.webhook(site, "SH-1", "jira:issue_updated", jira.after(1)))
    site.move("SH-1", jira.after(2), "Done")
    story.append(jira.webhook(site, "SH-1", "jira:issue_updated", jira.after(2)))
    for number, order in enumerate(itertools.permutations(story)):
        for table in FILLED:
            house.store.query(f"TRUNCATE TABLE ktlo.`{table}_log`")
        for incoming in order:
            house.told(made, incoming)
        assert house.where("SH-1") == [("incidents", "resolved")], number
        house.read(made)
        assert {place for place, _, _ in house.steps("SH-1")} == {"incident_events"}, number


def test_what_jira_tells_without_a_change_of_type_is_held_against_the_other_table_too(house: House) -> None:
    jira = stand_in("jira", "test_jira")
    site = jira.Site(now=jira.after(10))
    site.create("SH-1", jira.NOON, "Störung")
    house.read(jira.source(site))
    assert house.where("SH-1") == [("issues", "open")]
    site.now = jira.after(20)
    site.comment("SH-1", jira.after(15))
    house.read(jira.source(site, incident_types=("störung",)))
    assert house.where("SH-1") == [("incidents", "open")]


def test_an_issue_of_gitlab_that_becomes_an_incident_and_back_is_there_once(house: House) -> None:
    gitlab = stand_in("gitlab", "test_gitlab")
    project = gitlab.Project(now=gitlab.after(10))
    project.open_issue(3, gitlab.NOON)
    house.read(gitlab.source(project))
    for hour, kind, place in (
        (11, "incident", "incidents"),
        (21, "issue", "issues"),
        (31, "incident", "incidents"),
    ):
        project.now = gitlab.after(hour + 5)
        project.issues[3] |= {"issue_type": kind, "updated_at": gitlab.stamp(gitlab.after(hour))}
        house.read(gitlab.source(project))
        assert [table for table, _ in house.where("3")] == [place]
        assert len(house.steps("3")) == 1
    project.now = gitlab.after(50)
    project.close(3, gitlab.after(40))
    house.read(gitlab.source(project))
    assert house.where("3") == [("incidents", "resolved")]


def test_an_issue_of_redmine_that_changes_its_tracker_is_there_once(house: House) -> None:
    item: dict[str, Any] = {
        "id": 7,
        "project": {"id": 1, "name": "Shop"},
        "tracker": {"id": 1, "name": "Bug"},
        "status": {"id": 1, "name": "New", "is_closed": False},
        "priority": {"id": 2, "name": "Normal"},
        "author": {"id": 5, "name": "Ada"},
        "subject": "Search is slow",
        "created_on": "2026-09-01T12:00:00Z",
        "updated_on": "2026-09-01T12:00:00Z",
        "journals": [],
    }

    def answer(request: httpx.Request) -> httpx.Response:
        told: dict[str, Any] = {
            "/issue_statuses.json": {"issue_statuses": [item["status"]]},
            "/issues/7.json": {"issue": item},
            "/issues.json": {"issues": [item], "total_count": 1, "offset": 0, "limit": 100},
        }
        return httpx.Response(
            200, json=told[request.url.path], headers={"date": "Wed, 02 Sep 2026 12:00:00 GMT"}
        )

    config = RedmineConfig(url="https://redmine.example.org", since=dt.date(2026, 8, 1))

    def read() -> None:
        house.read(RedmineSource(config, transport=httpx.MockTransport(answer)))

    read()
    assert house.where("7") == [("issues", "open")]
    item |= {"tracker": {"id": 2, "name": "Incident"}, "updated_on": "2026-09-01T13:00:00Z"}
    read()
    assert house.where("7") == [("incidents", "open")]
    assert house.steps("7") == [("incident_events", "detected", "Ada")]


def test_a_deleted_item_is_gone_from_both(house: House) -> None:
    jira = stand_in("jira", "test_jira")
    site = jira.Site(now=jira.after(10))
    site.create("SH-1", jira.NOON)
    house.read(jira.source(site))
    retype(site, "SH-1", jira.after(11), BUG, INCIDENT)
    site.now = jira.after(20)
    house.read(jira.source(site))
    body = json.loads(jira.webhook(site, "SH-1", "jira:issue_deleted", jira.after(21)).body)
    house.told(jira.source(site), Incoming({}, json.dumps(body).encode(), jira.after(21)))
    assert house.where("SH-1") == []
