"""From records in a store to persons, verdicts and effort, and back to the reasons."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import pytest

from ktlo.effort.classify import NoClassifier
from ktlo.effort.corrections import correct_category, correct_person, withdraw_category
from ktlo.effort.derive import Step, derive
from ktlo.effort.explain import explain
from ktlo.effort.items import ItemKey
from ktlo.effort.model import Correction as Lesson
from ktlo.errors import NotFoundError, UserError
from ktlo.records.effort import Category, ItemKind

GIT, HUB = "git:acme/shop", "github:acme/shop"
TABLES = ("persons", "aliases", "service_members", "verdicts", "effort")


def contents(records: Any) -> dict[str, list[str]]:
    return {table: sorted(map(str, records.rows(f"SELECT * FROM ktlo.{table}"))) for table in TABLES}


def test_an_empty_store_derives_nothing_and_says_so(records: Any) -> None:
    derived = records.derive()
    assert (derived.persons, derived.items, derived.parts) == (0, 0, 0)


def test_deriving_twice_changes_nothing(records: Any) -> None:
    records.commit("a1", subject="fix: total", lines_added=7)
    records.change(1, labels=("feature",))
    records.issue_event(9, "commented", "grace")
    records.derive()
    before = contents(records)
    records.derive()
    assert contents(records) == before
    assert all(before[table] for table in ("persons", "aliases", "verdicts", "effort"))


def test_in_parts_it_derives_the_same_as_at_once(
    records: Any, monday: dt.datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    zones = (dt.timezone(dt.timedelta(hours=12)), dt.UTC, dt.timezone(-dt.timedelta(hours=12)))
    for number in range(36):
        # The last minute of each month and the first of the next, in zones in which that is another month.
        edge = (monday.replace(day=1) + dt.timedelta(days=31 * (number // 3))).replace(day=1, hour=0)
        at = (edge + dt.timedelta(minutes=number % 3 - 1)).replace(tzinfo=zones[number % 3])
        source = "github:acme/shop" if number % 2 else "jira:acme"
        records.issue(number, source=source, created_at=at, title="Crash on start", labels=("bug",))
        records.issue_event(number, "commented", "grace", source=source, occurred_at=at)
        records.commit(f"c{number}", subject=f"fix: it (closes #{number})", authored_at=at, committed_at=at)
    records.derive()
    before = contents(records)
    monkeypatch.setattr("ktlo.effort.activity.TRACES_AT_ONCE", 1)
    monkeypatch.setattr("ktlo.effort.reading.ISSUES_AT_ONCE", 3)
    records.derive()
    assert contents(records) == before
    assert len(before["effort"]) > 36


def test_copies_of_a_commit_count_once(records: Any, monday: dt.datetime) -> None:
    said = {"subject": "fix: total", "lines_added": 7, "paths": ("a.py",), "authored_at": monday}
    records.commit("a1", **said)
    records.commit("a1", source="git:acme/fork", repository="acme/fork", **said)
    records.commit("b2", committed_at=monday + dt.timedelta(3), **said)
    derived = records.derive()
    assert derived.items == 3  # each has its verdict…
    assert sum(records.effort().values()) == pytest.approx(2.5 / 8)  # …and one of them the effort


def test_a_change_counts_as_work_where_its_commits_are_not_known(records: Any) -> None:
    records.change(1, lines_added=7, head_sha="h1", merge_sha="m1")
    records.change(2, lines_added=7, head_sha="h2", merge_sha="m2")
    records.commit("m2", lines_added=7)
    records.derive()
    rows = records.rows(
        "SELECT item_id, activities FROM ktlo.effort WHERE item_kind = 'change' ORDER BY item_id"
    )
    assert [row["activities"] for row in rows] == [["change written", "change opened"], ["change opened"]]


def test_a_login_and_its_mail_share_one_day(records: Any) -> None:
    for number in (1, 2):
        records.commit(f"h{number}", lines_added=1 << 20)
        records.change(number, "ada", head_sha=f"h{number}")
    derived = records.derive()
    assert derived.persons == 1
    assert sum(records.effort().values()) == pytest.approx(1)


def test_bots_are_shown_and_left_out_of_effort(records: Any) -> None:
    records.commit(
        "b1", "renovate[bot] <29139614+renovate[bot]@users.noreply.github.com>", subject="Update x to v2"
    )
    derived = records.derive()
    assert (derived.bots, derived.parts) == (1, 0)
    assert records.verdict("b1")["category"] == "dependency"


def test_a_commit_with_impossible_dates_has_a_verdict_but_no_day(records: Any) -> None:
    records.commit("a1", dated_by="none", authored_at=dt.datetime(1970, 1, 1, tzinfo=dt.UTC))
    derived = records.derive()
    assert (derived.items, derived.parts, derived.undated) == (1, 0, 1)


def test_a_responder_without_a_step_of_their_own_counts_once(records: Any) -> None:
    records.incident("OUT-1", responders=("grace", "Ada Lovelace"), service="Checkout")
    records.incident_event("OUT-1", "resolved", "grace")
    records.derive()
    effort = records.effort()
    assert effort == {("ada lovelace", "OUT-1"): 1 / 8, ("pager/grace", "OUT-1"): 1 / 8}
    assert records.rows("SELECT DISTINCT service, category FROM ktlo.effort") == [
        {"service": "Checkout", "category": "incident"}
    ]


def test_a_repository_gives_its_work_the_service(records: Any) -> None:
    records.configure(services={"shop": {"repositories": ["acme/shop"], "team": "web"}})
    records.commit("a1")
    records.derive()
    assert records.rows("SELECT service FROM ktlo.effort") == [{"service": "shop"}]


def test_issue_and_change_comments_go_to_the_right_item(records: Any) -> None:
    records.change(1, "grace", head_sha="h")
    records.issue(2, "grace")
    records.issue_event(1, "commented", "ada")
    records.issue_event(2, "commented", "ada")
    records.issue_event(2, "referenced", "eve")
    records.derive()
    rows = records.rows(
        "SELECT item_kind, item_id FROM ktlo.effort WHERE person LIKE '%ada' ORDER BY item_id"
    )
    assert rows == [{"item_kind": "change", "item_id": "1"}, {"item_kind": "issue", "item_id": "2"}]
    assert not any(person.endswith("eve") for person, _ in records.effort())


def test_a_correction_is_in_force_and_is_taught_to_the_model(records: Any) -> None:
    records.commit("a1", subject="fix: total")
    records.derive()
    meant = correct_category(records.store, records.state, "commit", GIT, "a1", "Bug fix", "ada")
    assert meant is Category.BUG_FIX
    correct_category(records.store, records.state, "commit", GIT, "a1", "debt", "ada")
    taught: list[Lesson] = []

    def remember(lessons: Sequence[Lesson]) -> NoClassifier:
        taught.extend(lessons)
        return NoClassifier()

    records.derive(remember)
    assert records.verdict("a1")["category"] == "debt"
    assert records.verdict("a1")["layer"] == "correction"
    assert [(lesson.evidence.title, lesson.category) for lesson in taught] == [("fix: total", Category.DEBT)]
    assert records.rows("SELECT category FROM ktlo.effort") == [{"category": "debt"}]
    withdraw_category(records.state, "commit", GIT, "a1", "ada")
    records.derive()
    assert records.verdict("a1")["category"] == "bug_fix"


def test_a_correction_of_what_does_not_exist_is_refused_in_words(records: Any) -> None:
    records.commit("a1")
    records.derive()
    with pytest.raises(UserError, match=r"“cleanup” is no category\. Choose one of feature"):
        correct_category(records.store, records.state, "commit", GIT, "a1", "cleanup", "ada")
    with pytest.raises(UserError, match="“patch” is no kind of work item"):
        correct_category(records.store, records.state, "patch", GIT, "a1", "debt", "ada")
    with pytest.raises(NotFoundError, match="there is no commit zz of source git:acme/shop"):
        correct_category(records.store, records.state, "commit", GIT, "zz", "debt", "ada")
    with pytest.raises(NotFoundError, match=r"nobody in the records has the account mail:eve@acme\.org"):
        correct_person(records.store, records.state, "mail:eve@acme.org", "ada@acme.org", "ada")
    with pytest.raises(UserError, match="“ada” is no account"):
        correct_person(records.store, records.state, "ada", "ada@acme.org", "ada")
    assert records.state.corrections("category") == records.state.corrections("person") == []


def test_a_corrected_person_does_the_work_of_both_accounts(records: Any) -> None:
    records.commit("a1")
    records.commit("a2", "A. L. <countess@home.example>")
    records.derive()
    correct_person(records.store, records.state, "mail:countess@home.example", "ada@acme.org", "ada")
    records.derive()
    assert {person for person, _ in records.effort()} == {"ada@acme.org"}


def test_an_item_is_explained_with_its_reason_its_days_and_what_else_they_held(records: Any) -> None:
    records.commit("a1", subject="fix: total", lines_added=7)
    records.commit("a2", subject="feat: coupons", lines_added=1)
    records.derive()
    told = explain(records.store, records.settings.effort, ItemKey(ItemKind.COMMIT, GIT, "a1"))
    assert (told.verdict.category, told.verdict.reason) == (Category.BUG_FIX, "Commit type “fix”")
    [day] = told.days
    assert (day.person, day.hours, day.part.hours, day.part.activities) == (
        "ada@acme.org",
        4.0,
        2.5,
        ("commit",),
    )
    assert [(other.key.item_id, other.title, other.hours) for other in day.others] == [
        ("a2", "feat: coupons", 1.5)
    ]
    assert told.person_days == pytest.approx(2.5 / 8)


def test_what_does_not_exist_cannot_be_explained(records: Any) -> None:
    with pytest.raises(NotFoundError, match="there is no issue 1"):
        explain(records.store, records.settings.effort, ItemKey(ItemKind.ISSUE, HUB, "1"))


def test_a_contradiction_in_the_settings_leaves_what_was_derived(records: Any) -> None:
    records.commit("a1")
    records.derive()
    before = contents(records)
    records.configure(services={"a": {"repositories": ["x/y"]}, "b": {"repositories": ["x/y"]}})
    with pytest.raises(UserError, match="given to two services"):
        records.derive()
    assert contents(records) == before


def test_progress_is_told_in_words(records: Any) -> None:
    records.commit("a1")
    records.flush()
    steps: list[Step] = []
    derive(records.store, records.state, records.settings, lambda _: NoClassifier(), steps.append)
    assert [step.words for step in steps if step.done == step.total] == [
        "What it was for",
        "Whose days it took",
    ]
