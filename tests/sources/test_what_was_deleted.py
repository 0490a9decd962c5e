"""Items that had ended and are deleted, or moved away, without a webhook: they are asked for in turn, and leave.

Behind each source is the stand-in of its own tests, before a real store. GitHub's is in
``github/test_collecting.py``, a real Redmine in ``redmine/test_redmine.py``.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_what_every_pulled_source_meets import ASKED, SECRETS, of_tests

from ktlo.records import TABLES
from ktlo.records.arrow import blank, to_arrow
from ktlo.sources.collector import collect
from ktlo.sources.protocol import Revisits
from ktlo.sources.registry import kinds
from ktlo.sources.revisiting import ROUND, Turn, drawn, turn_of
from ktlo.store.embedded import EmbeddedStore
from ktlo.store.state import State

NOW = dt.datetime(2026, 10, 1, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


class House:
    """A store and a state of its own, and a clock."""

    def __init__(self, store: EmbeddedStore, state: State) -> None:
        self.store, self.state, self.now = store, state, NOW

    def read(self, source: Any, hours: float = 0) -> None:
        """Collect, so many hours later."""
        self.now += hours * HOUR
        outcome = asyncio.run(collect(source, self.store, self.state, now=lambda: self.now))
        assert outcome.status == "complete", outcome.message

    def names(self, source: Any, *tables: str) -> set[str]:
        return {
            row["external_id"]
            for table in tables
            for row in self.store.query(
                f"SELECT external_id FROM ktlo.{table} WHERE source = {{source:String}}",
                {"source": source.source_id},
            ).to_pylist()
        }

    def told(self, source: Any) -> list[str]:
        """Warnings of a source."""
        sql = "SELECT reason FROM ktlo.rejections WHERE source = {source:String} AND is_kept"
        return [row["reason"] for row in self.store.query(sql, {"source": source.source_id}).to_pylist()]


@pytest.fixture
def house(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    store = EmbeddedStore(tmp_path / "store")
    store.migrate()
    state = State.in_folder(tmp_path / "state")
    yield House(store, state)
    state.close()
    store.close()


@dataclass
class Case:
    """A source with the stand-in behind it, and an item that has ended."""

    source: Any
    key: str
    delete: Callable[[], None]
    tables: tuple[str, ...] = ("issues", "incidents")


def made(kind: str, behind: Callable[[httpx.Request], httpx.Response], **more: Any) -> Any:
    name, _, options = ASKED[kind]
    cls = kinds()[name]
    return cls(cls.config(**{**options, **more}), transport=httpx.MockTransport(behind))


def jira(is_cloud: bool) -> Case:
    site = of_tests("jira", "jira_by_hand").site_by_hand(is_cloud=is_cloud)
    done = min(key for key, one in site.issues.items() if one["fields"]["resolutiondate"])
    kind = "jira cloud" if is_cloud else "jira data center"
    return Case(made(kind, site.answer), done, lambda: site.issues.pop(done))


def gitlab(of: str) -> Case:
    project = of_tests("gitlab", "gitlab_by_hand").project_by_hand()
    items = {"issue": project.issues, "merge request": project.merge_requests}[of]
    if of == "merge request":
        at = "2026-09-01T12:00:00Z"
        items[7] = {
            "iid": 7,
            "title": "Mend",
            "state": "merged",
            "created_at": at,
            "updated_at": at,
            "merged_at": at,
            "author": {"id": 1, "username": "ada", "name": "Ada"},
            "web_url": "https://gitlab.com/x/-/merge_requests/7",
            "source_branch": "mend",
            "target_branch": "main",
            "sha": "a" * 40,
        }
    done = min(number for number, one in items.items() if one["state"] != "opened")
    tables = ("issues", "incidents") if of == "issue" else ("changes",)
    return Case(made("gitlab", project.answer), str(done), lambda: items.pop(done), tables)


def sentry(ending: str) -> Case:
    organization = of_tests("sentry", "test_sentry").Organization()

    def end() -> None:
        del organization.issues["S1"]
        if ending == "merged":
            organization.merged["S1"] = "S0"

    return Case(made("sentry", organization.answer), "SHOP-S1", end, ("issues",))


def opsgenie(of: str) -> Case:
    if of == "alerts":
        account, key = of_tests("opsgenie", "test_opsgenie").Account(), "A2"
    else:
        account, key = of_tests("opsgenie", "opsgenie_incidents").Incidents(), "I2"

    def end() -> None:
        left = [one for one in getattr(account, of) if one["id"] != key]
        setattr(account, of, left)

    return Case(made("opsgenie", account.answer, incidents=of), key, end, ("incidents",))


CASES: Mapping[str, Callable[[], Case]] = {
    "jira cloud": lambda: jira(is_cloud=True),
    "jira data center": lambda: jira(is_cloud=False),
    "gitlab issue": lambda: gitlab("issue"),
    "gitlab merge request": lambda: gitlab("merge request"),
    "sentry": lambda: sentry("deleted"),
    "sentry, merged": lambda: sentry("merged"),
    "opsgenie alert": lambda: opsgenie("alerts"),
    "opsgenie incident": lambda: opsgenie("incidents"),
}


@pytest.mark.parametrize("name", CASES)
def test_an_item_that_had_ended_and_is_deleted_leaves_and_nothing_else_does(house: House, name: str) -> None:
    case = CASES[name]()
    house.read(case.source)
    before = house.names(case.source, *case.tables)
    assert case.key in before
    case.delete()
    house.read(case.source, hours=0.5)
    assert house.names(case.source, *case.tables) == before  # it is not asked for all the time
    for _ in range(20):  # where each item takes a request, they are asked for one after the other
        house.read(case.source, hours=12)
    assert house.names(case.source, *case.tables) == before - {case.key}
    assert house.told(case.source) == []


def test_an_issue_that_was_moved_to_where_it_is_not_read_leaves(house: House) -> None:
    site = of_tests("jira", "jira_by_hand").site_by_hand()
    done = min(key for key, one in site.issues.items() if one["fields"]["resolutiondate"])
    source = made("jira cloud", site.answer, projects=[done.partition("-")[0]])
    house.read(source)
    assert done in house.names(source, "issues", "incidents")
    site.rename(done, "OTHER-1", NOW)
    house.read(source, hours=2)
    assert not {done, "OTHER-1"} & house.names(source, "issues", "incidents")


def test_when_hardly_any_is_to_be_seen_a_right_was_lost_and_nothing_leaves(house: House) -> None:
    site = of_tests("jira", "jira_by_hand").site_by_hand()
    source = made("jira cloud", site.answer)
    house.read(source)
    before = house.names(source, "issues", "incidents")
    assert len(before) >= 10
    whole = dict(site.issues)
    site.issues.clear()
    house.state.set_cursor(source.source_id, {**house.state.cursor(source.source_id), "open": []})
    house.read(source, hours=2)
    assert house.names(source, "issues", "incidents") == before
    (told,) = house.told(source)
    assert "not to be seen" in told
    site.issues |= whole
    house.read(source, hours=2)
    assert house.names(source, "issues", "incidents") == before


def test_a_project_that_is_archived_or_renamed_stays_while_another_loses_an_issue(house: House) -> None:
    organization = of_tests("sentry", "test_sentry").Organization()
    for key in ("S1", "S3", "S6", "S8", "S9"):
        organization.issues[key]["shortId"] = f"OLD-{key}"
    source = made("sentry", organization.answer)
    house.read(source)
    before = house.names(source, "issues")
    for key in ("S1", "S3", "S6", "S8", "S9"):  # the project is called NEW now
        organization.issues[key]["shortId"] = f"NEW-{key}"
    del organization.issues["S4"]
    house.read(source, hours=2)
    assert house.names(source, "issues") == before - {"SHOP-S4"}
    (told,) = house.told(source)
    assert "5 of 5 issues" in told


def test_an_issue_whose_project_got_another_key_is_there_once(house: House) -> None:
    site = of_tests("jira", "jira_by_hand").site_by_hand()
    source = made("jira cloud", site.answer)
    house.read(source)
    done = min(key for key, one in site.issues.items() if one["fields"]["resolutiondate"])
    count = len(house.names(source, "issues", "incidents"))
    site.issues["NEW-1"] = site.issues.pop(done) | {"key": "NEW-1"}
    site.moved[done] = "NEW-1"
    house.read(source, hours=2)
    names = house.names(source, "issues", "incidents")
    assert ("NEW-1" in names, done in names, len(names)) == (True, False, count)


@pytest.mark.parametrize("kind", ["jira cloud", "jira data center"])
def test_a_project_of_jira_that_gets_another_key_stays_whole(house: House, kind: str) -> None:
    site = of_tests("jira", "jira_by_hand").site_by_hand(is_cloud=kind == "jira cloud")
    source = made(kind, site.answer, projects=["SH"])
    house.read(source)
    before = house.names(source, "issues", "incidents")
    assert len(before) >= 10
    site.renamed["SH"] = "STORE"
    for key in before:
        new = key.replace("SH-", "STORE-")
        site.issues[new] = site.issues.pop(key) | {"key": new}
        site.issues[new]["fields"]["project"] = {"key": "STORE"}
        site.moved[key] = new
    site.now += dt.timedelta(days=2)
    house.read(source, hours=50)
    assert house.names(source, "issues", "incidents") == {key.replace("SH-", "STORE-") for key in before}


def test_what_was_not_found_is_there_again_as_soon_as_it_is_read_again(house: House) -> None:
    project = of_tests("gitlab", "gitlab_by_hand").project_by_hand()
    source = made("gitlab", project.answer)
    house.read(source)
    before = house.names(source, "issues", "incidents")
    hidden = {iid: project.issues.pop(iid) for iid in (1, 3)}  # the role was taken back that sees them
    project.now += dt.timedelta(days=2)
    house.read(source, hours=50)
    assert house.names(source, "issues", "incidents") == before - {"1", "3"}
    project.issues |= hidden
    house.state.set_cursor(source.source_id, {})  # the whole past is read again
    house.read(source, hours=2)
    assert house.names(source, "issues", "incidents") == before


def test_a_token_of_jira_that_has_expired_is_said_and_removes_nothing(house: House) -> None:
    site = of_tests("jira", "jira_by_hand").site_by_hand()
    is_expired = False

    def behind(request: httpx.Request) -> httpx.Response:
        """With such a token Cloud answers as to nobody: searches find nothing, issues are not found."""
        if not is_expired:
            return site.answer(request)  # type: ignore[no-any-return]
        if request.url.path.endswith("/myself"):
            return httpx.Response(
                401, json={"message": "Client must be authenticated"}, headers={"date": "x"}
            )
        hidden = of_tests("jira", "jira_site").Site(now=site.now)
        return hidden.answer(request)  # type: ignore[no-any-return]

    source = made("jira cloud", behind)
    house.read(source)
    before = house.names(source, "issues", "incidents")
    is_expired = True
    site.now += dt.timedelta(days=2)
    house.now += dt.timedelta(days=2)
    outcome = asyncio.run(collect(source, house.store, house.state, now=lambda: house.now))
    assert outcome.status == "failed"
    assert "does not accept the token" in outcome.message
    assert house.names(source, "issues", "incidents") == before
    assert "does not accept the token" in asyncio.run(source.check()).summary


def test_an_item_of_odd_form_is_told_and_the_round_goes_on(house: House) -> None:
    site = of_tests("jira", "jira_by_hand").site_by_hand()
    source = made("jira cloud", site.answer)
    house.read(source)
    before = house.names(source, "issues", "incidents")
    done = sorted(key for key, one in site.issues.items() if one["fields"]["resolutiondate"])
    site.moved[done[0]] = "SH-900"  # it is there under another key, and odd
    site.issues["SH-900"] = site.issues.pop(done[0]) | {"key": "SH-900"}
    site.issues["SH-900"]["fields"]["updated"] = "yesterday"
    del site.issues[done[1]]
    site.is_as_described = False

    async def all_of() -> list[Any]:
        return [batch async for batch in source.revisit({"issues": sorted(before)})]

    batches = asyncio.run(all_of())
    told = [one for batch in batches for one in batch.rejected]
    assert [one.place for one in told] == [done[0]]
    assert "could not be asked for again" in told[0].reason
    gone = [row["external_id"] for batch in batches if batch.rows for row in batch.rows["issues"].to_pylist()]
    assert gone == [done[1]]


def test_when_each_is_refused_alone_that_is_told(house: House) -> None:
    organization = of_tests("sentry", "test_sentry").Organization()

    def behind(request: httpx.Request) -> httpx.Response:
        if "/shortids/" in request.url.path:
            return httpx.Response(403, json={"detail": "no"}, headers={"date": "x"})
        return organization.answer(request)  # type: ignore[no-any-return]

    source = made("sentry", behind)
    house.read(source)
    house.read(source, hours=2)
    (told,) = house.told(source)
    assert "403" in told
    assert "and 9 more of the issues are as they were is not known" in told


def test_an_open_issue_of_sentry_whose_project_got_another_name_is_there_once(house: House) -> None:
    organization = of_tests("sentry", "test_sentry").Organization()
    source = made("sentry", organization.answer)
    house.read(source)
    for key, one in organization.issues.items():
        one["shortId"] = f"STORE-{key}"
    house.read(source, hours=0.5)
    names = house.names(source, "issues")
    assert len(names) == 10
    assert {
        f"STORE-{key}" for key, one in organization.issues.items() if one["status"] == "unresolved"
    } <= names


def test_a_clock_that_was_ahead_does_not_stop_the_round() -> None:
    ahead = {"at": "2031-01-01T00:00:00Z", "after": {"issues": "SH-7"}}
    assert turn_of(ahead, NOW) == Turn(NOW)
    assert turn_of({"at": "2026-09-30T00:00:00Z"}, NOW).at == NOW - dt.timedelta(days=1)


def test_a_refusal_of_the_many_costs_them_alone_and_is_told(house: House) -> None:
    site = of_tests("jira", "jira_by_hand").site_by_hand()

    def behind(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/bulkfetch"):
            return httpx.Response(403, json={"errorMessages": ["no"]}, headers={"date": "x"})
        return site.answer(request)  # type: ignore[no-any-return]

    source = made("jira cloud", behind)
    house.read(source)
    house.read(source, hours=2)
    (told,) = house.told(source)
    assert "403" in told
    assert "deletions" in told


@settings(deadline=None, max_examples=15)
@given(
    names=st.lists(
        st.from_regex(r"[a-zA-Zé0-9-]{1,8}", fullmatch=True), min_size=25, max_size=60, unique=True
    ),
    at_once=st.integers(1, 9),
    hours=st.integers(24, 200),
)
def test_in_a_round_every_known_item_is_asked_for(
    emptied: EmbeddedStore, names: list[str], at_once: int, hours: int
) -> None:
    emptied.query("TRUNCATE TABLE ktlo.issues_log")
    record = TABLES["issues"].record
    emptied.insert(
        TABLES["issues"], to_arrow([blank(record, source="s", external_id=name) for name in names], record)
    )
    turn, now, asked = Turn(NOW), NOW, set[str]()
    while now < NOW + ROUND:
        now += hours * HOUR
        found, turn = drawn(Revisits(("issues",), at_once), "s", emptied, turn, now)
        asked.update(found.get("issues", ()))
    assert asked == set(names)


def test_what_a_service_clears_away_by_itself_is_not_asked_for(emptied: EmbeddedStore) -> None:
    emptied.query("TRUNCATE TABLE ktlo.issues_log")
    record = TABLES["issues"].record
    rows = [
        blank(record, source="s", external_id=name, created_at=NOW - dt.timedelta(days=days))
        for name, days in (("old", 81), ("new", 79))
    ]
    emptied.insert(TABLES["issues"], to_arrow(rows, record))
    within = Revisits(("issues",), 1, dt.timedelta(days=80))
    found, turn = drawn(within, "s", emptied, Turn(NOW - HOUR), NOW)
    assert (found, turn) == ({"issues": ["new"]}, Turn(NOW, {"issues": ""}))
    assert drawn(within, "s", emptied, turn, NOW + HOUR / 2) == ({}, turn)


def test_an_hour_goes_into_a_hundred_requests_at_most(emptied: EmbeddedStore) -> None:
    emptied.query("TRUNCATE TABLE ktlo.issues_log")
    record = TABLES["issues"].record
    rows = [blank(record, source="s", external_id=f"{number:04}") for number in range(1000)]
    emptied.insert(TABLES["issues"], to_arrow(rows, record))
    found, _ = drawn(Revisits(("issues",), 2), "s", emptied, Turn(NOW - 90 * ROUND), NOW)
    assert found["issues"] == [f"{number:04}" for number in range(200)]


@pytest.fixture(scope="module")
def emptied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    store = EmbeddedStore(tmp_path_factory.mktemp("store"))
    store.migrate()
    yield store
    store.close()
