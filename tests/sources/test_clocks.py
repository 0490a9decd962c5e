"""Clocks that disagree are told, and hide no later change: by webhook and by reading."""

from __future__ import annotations

import asyncio
import copy
import datetime as dt
import importlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ktlo.records import TABLES
from ktlo.records.arrow import blank
from ktlo.records.people import OnCallShift
from ktlo.records.reliability import Outage
from ktlo.records.work import Change, Deployment, Issue
from ktlo.sources.clocks import corrected, lowered
from ktlo.sources.collector import collect
from ktlo.sources.delivering import Refusals, deliver, replay
from ktlo.sources.flux import FluxSource
from ktlo.sources.github import GitHubSource
from ktlo.sources.github.config import GitHubConfig
from ktlo.sources.hooked import Incoming
from ktlo.sources.protocol import Batch
from ktlo.sources.rest.rows import Row, batches, microseconds
from ktlo.store.embedded import EmbeddedStore
from ktlo.store.state import State

HERE = Path(__file__).parent
NOW = dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC)
FAR = dt.datetime(2999, 1, 1, tzinfo=dt.UTC)
LONG_AGO = dt.datetime(1800, 1, 1, tzinfo=dt.UTC)


def of_tests(kind: str, module: str) -> Any:
    """A module of the tests of a source."""
    sys.path.insert(0, str(HERE / kind))
    try:
        return importlib.import_module(module)
    finally:
        sys.path.remove(str(HERE / kind))


@pytest.fixture
def store(furnished: tuple[EmbeddedStore, State]) -> EmbeddedStore:
    for table in ("issues", "issue_events", "deliveries", "rejections"):
        furnished[0].query(f"TRUNCATE TABLE ktlo.`{table}_log`")
    return furnished[0]


def told(store: EmbeddedStore) -> list[tuple[str, str]]:
    """Place and reason of what was told and is in all the same."""
    found = store.query("SELECT place, reason FROM ktlo.rejections WHERE is_kept ORDER BY place, reason")
    return [(row["place"], row["reason"]) for row in found.to_pylist()]


def titles(store: EmbeddedStore) -> list[str]:
    return [str(title) for title in store.query("SELECT title FROM ktlo.issues")["title"].to_pylist()]


@pytest.fixture(scope="module")
def opened() -> dict[str, Any]:
    """GitHub's own example of an issue that was opened."""
    published = of_tests("github", "github_published")
    try:
        modules = published.install()
    except LookupError as error:
        pytest.skip(str(error))
    file = modules / "@octokit" / "webhooks-examples" / "api.github.com" / "index.json"
    (issues,) = [one["examples"] for one in json.loads(file.read_text()) if one["name"] == "issues"]
    found: dict[str, Any] = next(one for one in issues if one["action"] == "opened")
    return found


def webhook(opened: dict[str, Any], name: str, at: dt.datetime, **issue: str) -> Incoming:
    body = copy.deepcopy(opened)
    body["issue"] |= issue
    headers = {"x-github-event": "issues", "x-github-delivery": name}
    return Incoming(headers, json.dumps(body).encode(), at)


def github(opened: dict[str, Any]) -> GitHubSource:
    return GitHubSource(GitHubConfig(repository=opened["repository"]["full_name"]))


@pytest.mark.node
def test_an_issue_changed_in_2999_is_told_and_hides_no_later_change(
    store: EmbeddedStore, opened: dict[str, Any]
) -> None:
    made, hour = github(opened), dt.timedelta(hours=1)
    story = (
        webhook(opened, "a", NOW, title="By a wrong clock", updated_at="2999-05-06T07:08:09Z"),
        webhook(opened, "b", NOW + hour, title="Later", updated_at="2026-09-01T12:59:00Z"),
    )
    for incoming in story:
        deliver(made, incoming, store, Refusals(), needs_secret=False)
    assert titles(store) == ["Later"]
    (one,) = told(store)
    assert one[0] == f"issues, {opened['issue']['number']}"
    assert one[1].startswith(
        "was last changed on 2999-05-06 07:08 UTC, more than a day ahead: the sender's clock"
    )
    replay(made, store)
    assert titles(store) == ["Later"]
    assert told(store) == [one]


@pytest.mark.node
@pytest.mark.parametrize(
    ("created", "side"),
    [("2999-05-06T07:08:00Z", "more than a day ahead"), ("1800-05-06T07:08:00Z", "before 1990")],
)
def test_an_issue_opened_when_it_cannot_have_been_is_in_and_told(
    store: EmbeddedStore, opened: dict[str, Any], created: str, side: str
) -> None:
    incoming = webhook(opened, "a", NOW, created_at=created, updated_at="2026-09-01T11:59:00Z")
    deliver(github(opened), incoming, store, Refusals(), needs_secret=False)
    assert len(titles(store)) == 1
    (one,) = told(store)
    assert one[1].startswith(
        f"its created_at is {created[:4]}-05-06 07:08 UTC, {side}: the sender's clock is wrong"
    )


def test_what_is_read_is_held_against_the_clock_too(
    furnished: tuple[EmbeddedStore, State], store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITLAB_TOKEN", "glpat")
    gitlab = of_tests("gitlab", "test_gitlab")
    project = gitlab.Project(now=gitlab.after(10))
    project.open_issue(3, gitlab.NOON)
    project.issues[3] |= {"title": "By a wrong clock", "updated_at": gitlab.stamp(FAR)}
    project.open_issue(4, gitlab.NOON)
    project.issues[4] |= {"title": "Old", "created_at": gitlab.stamp(LONG_AGO)}
    assert asyncio.run(collect(gitlab.source(project), *furnished)).status == "complete"
    reasons = dict(told(store))
    assert reasons["issues, 3"].startswith("was last changed on 2999-01-01")
    assert reasons["issues, 4"].startswith("its created_at is 1800-01-01")
    assert len(reasons) == 2
    project.now = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=5)
    later = gitlab.stamp(project.now - dt.timedelta(minutes=1))
    project.issues[3] |= {"title": "Later", "updated_at": later}
    assert asyncio.run(collect(gitlab.source(project), *furnished)).status == "complete"
    assert sorted(titles(store)) == ["Later", "Old"]


@dataclass(frozen=True)
class Old:
    """A tracker of which an earlier ktlo kept one issue as changed in 2999."""

    furnished: tuple[EmbeddedStore, State]
    project: Any
    source: Any

    def read(self) -> None:
        assert asyncio.run(collect(self.source, *self.furnished)).status == "complete"


@pytest.fixture
def old(
    furnished: tuple[EmbeddedStore, State], store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Old]:
    monkeypatch.setenv("GITLAB_TOKEN", "glpat")
    gitlab = of_tests("gitlab", "test_gitlab")
    project = gitlab.Project(now=dt.datetime.now(dt.UTC) + dt.timedelta(minutes=5))
    made = gitlab.source(project)
    kept = [
        ("issues", row(Issue, key, version, source=made.source_id, created_at=NOW, title=title))
        for key, version, title in (("3", FAR, "By a wrong clock"), ("4", NOW, "Right"))
    ]
    store.insert(TABLES["issues"], batches(kept)["issues"])
    project.open_issue(3, gitlab.NOON)
    later = gitlab.stamp(project.now - dt.timedelta(minutes=6))
    project.issues[3] |= {"title": "Later", "updated_at": later}
    yield Old(furnished, project, made)
    furnished[1].set_cursor(made.source_id, {})
    store.query("TRUNCATE TABLE ktlo.collections_log")


def test_what_an_earlier_ktlo_kept_from_2999_hides_no_later_change(store: EmbeddedStore, old: Old) -> None:
    old.read()
    assert sorted(titles(store)) == ["Later", "Right"]
    (one,) = told(store)
    assert one[0] == "issues, 3"
    assert one[1].startswith(
        "1 row of issues counted as changed more than a day ahead, up to 2999-01-01 00:00"
    )
    old.read()
    assert (sorted(titles(store)), told(store)) == (["Later", "Right"], [one])


def test_what_was_kept_from_2999_and_does_not_change_stays(store: EmbeddedStore, old: Old) -> None:
    assert len(lowered(old.source, store, NOW)) == 1
    assert lowered(old.source, store, NOW) == ()
    assert sorted(titles(store)) == ["By a wrong clock", "Right"]


def test_a_store_that_got_a_column_later_is_lowered_too(store: EmbeddedStore, old: Old) -> None:
    """Where a migration adds a column, it stands behind all others."""
    store.execute("ALTER TABLE ktlo.issues_log MODIFY COLUMN title String AFTER is_deleted")
    try:
        assert len(lowered(old.source, store, NOW)) == 1
        assert sorted(titles(store)) == ["By a wrong clock", "Right"]
    finally:
        store.execute("ALTER TABLE ktlo.issues_log MODIFY COLUMN title String AFTER external_id")


def test_where_the_machines_own_clock_may_be_behind_nothing_is_lowered(
    store: EmbeddedStore, old: Old
) -> None:
    old.read()
    for version in (FAR, FAR + dt.timedelta(days=1)):
        kept = row(Issue, "5", version, source=old.source.source_id, created_at=NOW, title="Ahead")
        store.insert(TABLES["issues"], batches([("issues", kept)])["issues"])
    assert lowered(old.source, store, dt.datetime(2016, 1, 1, tzinfo=dt.UTC)) == ()
    assert len(lowered(old.source, store, dt.datetime.now(dt.UTC))) == 1


class Plain:
    """What the clock asks of a source whose versions are times."""

    source_id = "plain:one"


def row(noun: type, key: str, version: dt.datetime = NOW, *, is_removal: bool = False, **more: Any) -> Row:
    record = blank(noun, **{"source": "plain:one", "external_id": key, **more})
    return Row(record, microseconds(version), is_removal=is_removal)


def test_what_is_planned_may_lie_ahead_and_what_is_removed_began_at_no_time() -> None:
    ahead = NOW + dt.timedelta(days=30)
    rows = [
        ("on_call_shifts", row(OnCallShift, "shift", started_at=ahead)),
        ("outages", row(Outage, "maintenance", started_at=ahead, is_planned=True)),
        ("outages", row(Outage, "down", started_at=ahead)),
        ("issues", row(Issue, "gone", is_removal=True)),
    ]
    assert [one.place for one in corrected(Plain(), Batch(batches(rows)), NOW).rejected] == ["outages, down"]


def test_a_day_ahead_is_no_wrong_clock_and_nothing_is_made_anew_where_none_is() -> None:
    for table, noun in (("issues", Issue), ("changes", Change)):
        at = NOW + dt.timedelta(hours=23)
        batch = Batch(batches([(table, row(noun, "1", at, created_at=at))]))
        assert corrected(Plain(), batch, NOW) is batch


def test_rows_of_a_wrong_clock_keep_their_order_and_removals_hold() -> None:
    rows = [
        ("issues", row(Issue, "1", FAR + dt.timedelta(days=400), created_at=NOW, title="newest")),
        ("issues", row(Issue, "1", FAR, created_at=NOW, title="older")),
        ("changes", row(Change, "2", FAR + dt.timedelta(days=1), is_removal=True)),
        ("issues", row(Issue, "3", NOW, created_at=NOW, title="right")),
    ]
    got = corrected(Plain(), Batch(batches(rows)), NOW)
    base = microseconds(NOW)
    assert got.rows["issues"]["row_version"].to_pylist() == [base + 2, base, base]
    assert got.rows["issues"]["title"].to_pylist() == ["newest", "older", "right"]
    assert got.rows["changes"].select(["row_version", "is_deleted"]).to_pylist() == [
        {"row_version": base + 1, "is_deleted": 1}
    ]
    assert [one.place for one in got.rejected] == ["issues, 1", "changes, 2"]


def test_versions_of_flux_are_ranks_and_no_times() -> None:
    ranked = FluxSource(FluxSource.config(name="prod"))
    record = blank(Deployment, source="flux:prod", external_id="1", started_at=NOW)
    batch = Batch(batches([("deployments", Row(record, 1 << 54))]))
    assert corrected(ranked, batch, NOW) is batch
