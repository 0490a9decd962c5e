"""A token loses the right to see most of what it saw: a service says 404, as of what was deleted. Nothing is removed.

Behind each kind is the stand-in of its own tests; Redmine answers as in ``test_hostile_items``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from random import Random
from typing import Any

import httpx
import pytest
from collected_rows import Seen, run
from hypothesis import given
from hypothesis import strategies as st
from test_what_every_pulled_source_meets import SECRETS, of_tests

from ktlo.sources.redmine import RedmineSource
from ktlo.sources.redmine.source import RedmineConfig
from ktlo.sources.rest.quota import World
from ktlo.sources.vanishing import ALONE, FEW, judged, project

BEGIN = dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC)
MANY = 20


@pytest.fixture(autouse=True)
def _tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)


class Tracker:
    """Twenty open items of one kind of service; ``items`` may be taken away and put back."""

    items: Any
    table = "issues"

    def read(self, seen: Seen) -> None:
        """A day later."""
        raise NotImplementedError

    def end(self, key: Any) -> None:
        """It is closed."""
        raise NotImplementedError


class Jira(Tracker):
    def __init__(self) -> None:
        self.site = of_tests("jira", "jira_site").Site(now=BEGIN + dt.timedelta(days=2))
        for number in range(MANY):
            self.site.create(f"SHOP-{number}", BEGIN + dt.timedelta(minutes=number))
        for number in range(MANY * 2):
            self.site.create(f"PAY-{number}", BEGIN + dt.timedelta(minutes=number))
        self.items = self.site.issues

    def read(self, seen: Seen) -> None:
        self.site.now += dt.timedelta(hours=25)
        assert run(of_tests("jira", "test_jira").source(self.site), seen) is None

    def end(self, key: Any) -> None:
        self.site.move(key, self.site.now, "Done")


class GitLab(Tracker):
    def __init__(self) -> None:
        self.project = of_tests("gitlab", "gitlab_project").Project(now=BEGIN + dt.timedelta(days=2))
        for number in range(MANY):
            self.project.open_issue(number + 1, BEGIN + dt.timedelta(minutes=number))
        self.items = self.project.issues

    def read(self, seen: Seen) -> None:
        self.project.now += dt.timedelta(hours=25)
        assert run(of_tests("gitlab", "test_gitlab").source(self.project), seen) is None

    def end(self, key: Any) -> None:
        self.project.close(key, self.project.now)


class Opsgenie(Tracker):
    table = "incidents"

    def __init__(self) -> None:
        own = of_tests("opsgenie", "test_opsgenie")
        self.account, self.own = own.Account(), own
        (first, *_) = self.account.alerts
        self.items = {
            f"A{number}": {**first, "id": f"A{number}", "tinyId": str(number), "status": "open"}
            for number in range(MANY)
        }

    def read(self, seen: Seen) -> None:
        self.account.now += dt.timedelta(hours=25)
        self.account.alerts = list(self.items.values())
        assert run(self.own.source(self.account), seen) is None

    def end(self, key: Any) -> None:
        self.items[key] |= {"status": "closed", "updatedAt": self.own.stamp(self.account.now)}
        self.account.wrote(key, 300, "Alert closed via web", "ada@example.org")


class Sentry(Tracker):
    def __init__(self) -> None:
        self.own = of_tests("sentry", "test_sentry")
        self.organization = self.own.Organization()
        self.items = self.organization.issues
        self.items.clear()
        for number in range(MANY):
            self.organization.happen(f"S{number}", "seen", self.own.after(number / 60))

    def read(self, seen: Seen) -> None:
        assert run(self.own.source(self.organization), seen) is None

    def end(self, key: Any) -> None:
        self.organization.happen(key, "set_resolved", self.own.after(40))


class Redmine(Tracker):
    def __init__(self) -> None:
        self.now = BEGIN
        new = {"id": 1, "name": "New", "is_closed": False}
        self.items = {
            number: {
                "id": number,
                "project": {"id": 1, "name": "shop"},
                "tracker": {"id": 1, "name": "Bug"},
                "status": new,
                "priority": {"id": 2, "name": "High"},
                "author": {"id": 5, "name": "Ada"},
                "subject": "It broke.",
                "description": "",
                "created_on": "2026-09-01T10:00:00Z",
                "updated_on": f"2026-09-01T11:{number:02d}:00Z",
                "closed_on": None,
                "journals": [],
            }
            for number in range(1, MANY + 1)
        }

    def answer(self, request: httpx.Request) -> httpx.Response:
        headers = {"date": self.now.strftime("%a, %d %b %Y %H:%M:%S GMT")}
        path, query = request.url.path, request.url.params
        if path == "/issue_statuses.json":
            return httpx.Response(200, json={"issue_statuses": []}, headers=headers)
        if path != "/issues.json":
            found = self.items.get(int(path.removeprefix("/issues/").removesuffix(".json")))
            return httpx.Response(200 if found else 404, json={"issue": found}, headers=headers)
        since = query.get("updated_on", ">=")[2:]
        told = [
            one
            for one in self.items.values()
            if one["updated_on"] >= since
            and not (query["status_id"] == "open" and one["status"]["is_closed"])
        ]
        body = {"issues": told, "total_count": len(told), "offset": 0, "limit": 100}
        return httpx.Response(200, json=body, headers=headers)

    def read(self, seen: Seen) -> None:
        self.now += dt.timedelta(hours=25)
        config = RedmineConfig(url="https://redmine.example.org", since=dt.date(2026, 8, 1))
        assert run(RedmineSource(config, World(), httpx.MockTransport(self.answer)), seen) is None

    def end(self, key: Any) -> None:
        closed = {"id": 5, "name": "Closed", "is_closed": True}
        at = self.now.strftime("%Y-%m-%dT%H:%M:%SZ")
        self.items[key] |= {"status": closed, "updated_on": at, "closed_on": at}


@pytest.mark.parametrize("make", [Jira, GitLab, Opsgenie, Sentry, Redmine])
def test_most_open_items_that_vanish_at_once_stay_and_are_followed_when_they_are_back(
    make: Callable[[], Tracker],
) -> None:
    tracker, seen = make(), Seen()
    tracker.read(seen)
    names = {row["external_id"] for row in seen.shown(tracker.table)}
    first, *_, last = [key for key in tracker.items if not str(key).startswith("PAY")]
    del tracker.items[first]
    tracker.read(seen)
    left = {row["external_id"] for row in seen.shown(tracker.table)}
    assert len(names - left) == 1, "one that is missing was deleted"
    assert seen.rejected == []
    some = [key for key in tracker.items if not str(key).startswith("PAY")][4:]
    hidden = {key: tracker.items.pop(key) for key in some}
    for _ in range(2):
        tracker.read(seen)
        assert {row["external_id"] for row in seen.shown(tracker.table)} == left
        assert len(seen.missing.hidden) == MANY - 5
    tracker.items |= hidden
    tracker.end(last)
    tracker.read(seen)
    tracker.read(seen)
    states = [row["state"] for row in seen.shown(tracker.table)]
    assert sorted(set(states)) in (["closed", "open"], ["open", "resolved"])
    assert len(states) - states.count("open") == 1
    assert len(states) == len(left)


def test_items_are_judged_by_project_unless_most_of_all_are_missing() -> None:
    known = {f"{name}-{number}" for name in ("SHOP", "PAY", "WEB") for number in range(20)}
    shop = {f"SHOP-{number}" for number in range(15)}
    verdict = judged({*shop, "PAY-1"}, known, project)
    assert (verdict.deleted, set(verdict.hidden)) == (("PAY-1",), shop)
    most = judged({*shop, *(f"PAY-{number}" for number in range(17))}, known, project)
    assert (most.deleted, len(most.hidden)) == ((), 32)
    assert judged((), known).deleted == ()
    assert judged({"SHOP-1"}, known).deleted == ("SHOP-1",)


def test_the_last_of_a_project_that_is_hidden_follow_the_others() -> None:
    rest = {"SHOP-1", "SHOP-2", "PAY-1", "PAY-2", "PAY-3"}
    assert judged({"SHOP-1", "SHOP-2"}, rest, project).hidden == ()
    assert judged({"SHOP-1", "SHOP-2"}, rest, project, {"SHOP"}).deleted == ()
    assert judged({"SHOP-1"}, rest, project, {"SHOP"}).deleted == ("SHOP-1",)


_ITEMS = st.sets(st.sampled_from([f"{name}-{number}" for name in "ABC" for number in range(30)]), min_size=1)


@given(known=_ITEMS, picked=st.randoms(use_true_random=False), share=st.floats(0, 1))
def test_every_missing_item_is_judged_once_and_few_are_never_hidden(
    known: set[str], picked: Random, share: float
) -> None:
    missing = {one for one in sorted(known) if picked.random() < share}
    for group in (None, project):
        verdict = judged(missing, known, group)
        assert sorted([*verdict.deleted, *verdict.hidden]) == sorted(missing)
        if len(missing) < ALONE:
            assert verdict.hidden == ()
        if missing == known and len(known) >= ALONE:
            assert verdict.deleted == ()
        for name in {project(one) for one in verdict.deleted} if group else ():
            gone, there = (sum(project(one) == name for one in found) for found in (missing, known))
            assert gone < FEW or 2 * gone <= there
