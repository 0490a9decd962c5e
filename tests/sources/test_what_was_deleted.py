"""Items that had ended and are deleted, or moved away, without a webhook: they are asked for in turn, and leave.

Behind each source is the stand-in of its own tests, before a real store. GitHub's is in
``github/test_collecting.py``, a real Redmine in ``redmine/test_redmine.py``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from revisited_house import HOUR, NOW, House, made
from test_what_every_pulled_source_meets import of_tests

from ktlo.records import TABLES
from ktlo.records.arrow import blank, to_arrow
from ktlo.sources.missing_items import MissingItems
from ktlo.sources.protocol import Drawn, Held, Revisits
from ktlo.sources.revisiting import ROUND, Turn, drawn
from ktlo.sources.vanishing import judged, project
from ktlo.store.embedded import EmbeddedStore


@dataclass
class Case:
    """A source with the stand-in behind it, and an item that has ended."""

    source: Any
    key: str
    delete: Callable[[], None]
    tables: tuple[str, ...] = ("issues", "incidents")


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
        found, turn = drawn(Revisits(("issues",), at_once), MissingItems("s", emptied), emptied, turn, now)
        asked.update(found.known.get("issues", ()))
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
    none = MissingItems("s", emptied)
    found, turn = drawn(within, none, emptied, Turn(NOW - HOUR), NOW)
    assert (found.known, turn) == ({"issues": ["new"]}, Turn(NOW, {"issues": ""}))
    assert drawn(within, none, emptied, turn, NOW + HOUR / 2) == (Drawn({}), turn)


def test_an_hour_goes_into_a_hundred_requests_at_most(emptied: EmbeddedStore) -> None:
    emptied.query("TRUNCATE TABLE ktlo.issues_log")
    record = TABLES["issues"].record
    rows = [blank(record, source="s", external_id=f"{number:04}") for number in range(1000)]
    emptied.insert(TABLES["issues"], to_arrow(rows, record))
    none = MissingItems("s", emptied)
    found, _ = drawn(Revisits(("issues",), 2), none, emptied, Turn(NOW - 90 * ROUND), NOW)
    assert found.known["issues"] == [f"{number:04}" for number in range(200)]


def test_hidden_items_are_asked_for_every_hour_and_told_to_be_missing(emptied: EmbeddedStore) -> None:
    for table in ("issues", "missing_items"):
        emptied.query(f"TRUNCATE TABLE ktlo.{table}_log")
    record = TABLES["issues"].record
    names = [f"{number:04}" for number in range(200)]
    emptied.insert(
        TABLES["issues"], to_arrow([blank(record, source="s", external_id=name) for name in names], record)
    )
    missing = MissingItems("s", emptied)
    missing.hold(Held(("issues",), names, names[150:153]), NOW)  # few: they are gone
    missing.hold(Held(("issues",), names[170:], names[170:]), NOW)  # all: they are hidden
    found, turn = drawn(Revisits(("issues",), 1), missing, emptied, Turn(NOW - HOUR), NOW)
    assert found.known["issues"] == [*names[:20], *names[170:190]]
    assert found.missing["issues"] == set(names[170:190])
    found, _ = drawn(Revisits(("issues",), 1), missing, emptied, turn, NOW + HOUR)
    assert found.known["issues"] == [*names[20:40], *names[190:]]
    only = Revisits(("issues",), 100, deletes=False)
    found, _ = drawn(only, missing, emptied, Turn(NOW - HOUR), NOW)
    assert found.known["issues"] == [*names[150:153], *names[170:]]


_NAMES = [f"{project}-{number}" for project in "AB" for number in range(25)]


_STRETCH = st.tuples(st.sampled_from("AB"), st.integers(0, 24), st.integers(1, 25))
"""Items of a project that vanish: from which number on, and how many."""


@settings(deadline=None, max_examples=20)
@example(rounds=[("A", 0, 23), ("A", 23, 2)], by_project=True)  # the last ones follow
@example(rounds=[("A", 0, 20), ("B", 0, 17), ("B", 17, 8)], by_project=False)
@given(rounds=st.lists(_STRETCH, min_size=1, max_size=4), by_project=st.booleans())
def test_items_that_were_missing_before_count_in_no_later_judgement_and_all_come_back(
    emptied: EmbeddedStore, rounds: list[tuple[str, int, int]], *, by_project: bool
) -> None:
    for table in ("issues", "missing_items"):
        emptied.query(f"TRUNCATE TABLE ktlo.{table}_log")
    record, group = TABLES["issues"].record, project if by_project else None
    rows = to_arrow([blank(record, source="s", external_id=name) for name in _NAMES], record)
    emptied.insert(TABLES["issues"], rows)
    away, gone, hidden = set[str](), set[str](), set[str]()
    for name, first, number in rounds:
        before, away = set(away), away | {f"{name}-{one}" for one in range(first, min(first + number, 25))}
        MissingItems("s", emptied).hold(Held(("issues",), _NAMES, sorted(away), group), NOW)
        known = set(_NAMES) - before
        groups = {project(one) for one in hidden} if by_project else ()
        verdict = judged(away - before, known, group, groups)
        gone |= set(verdict.deleted)
        hidden |= set(verdict.hidden)
        shown = emptied.query("SELECT external_id FROM ktlo.issues")["external_id"].to_pylist()
        assert set(shown) == set(_NAMES) - gone
        noted = emptied.query("SELECT external_id FROM ktlo.missing_items WHERE NOT is_gone")
        assert set(noted["external_id"].to_pylist()) == hidden
    MissingItems("s", emptied).seen({"issues": rows})
    assert emptied.query("SELECT count() AS n FROM ktlo.issues")["n"][0].as_py() == len(_NAMES)
    assert emptied.query("SELECT count() AS n FROM ktlo.missing_items")["n"][0].as_py() == 0


@pytest.fixture(scope="module")
def emptied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    store = EmbeddedStore(tmp_path_factory.mktemp("store"))
    store.migrate()
    yield store
    store.close()
