"""What comes in from a repository, what a second run costs, and that interruptions change nothing."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from github_forge import Answer, Clock, Forge
from github_published import Published
from github_runs import Collected, asked_again, run_once, source_of
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ktlo.errors import SourceError
from ktlo.sources.collector import collect as collect_into
from ktlo.sources.github import GitHubSource
from ktlo.store.embedded import EmbeddedStore
from ktlo.store.state import State

pytestmark = pytest.mark.node
Collect = Callable[..., Collected]


def a_busy_week(forge: Forge) -> None:
    """Three issues, one reopened, one renamed; two pull requests; a failed and a good deployment."""
    crash = forge.open_issue("Crash on start", by="mona")
    forge.pass_time()
    forge.label(crash, "bug")
    forge.pass_time()
    forge.comment(crash, by="hubot")
    forge.pass_time()
    forge.close(crash, by="octocat")
    forge.pass_time()
    forge.reopen(crash)
    forge.pass_time()
    forge.close(crash, by="octocat")
    wish = forge.open_issue("Dark mode", by="mona")
    forge.pass_time()
    forge.issues[wish]["title"] = "Dark theme"
    forge.event(wish, "renamed", rename={"from": "Dark mode", "to": "Dark theme"})
    forge.event(wish, "subscribed")
    forge.close(wish, "not_planned")
    forge.open_issue("Still open", by="mona")
    mend = forge.open_pull("Mend the crash", by="octocat")
    forge.pass_time()
    forge.review(mend, "mona", "CHANGES_REQUESTED")
    forge.pass_time()
    forge.review(mend, "mona")
    forge.merge(mend)
    forge.open_pull("Bump a thing", by="dependabot[bot]")
    forge.publish("v1.0.0")
    failed = forge.deploy()
    forge.report(failed, "in_progress")
    forge.pass_time()
    forge.report(failed, "error")
    good = forge.deploy()
    forge.report(good, "success")
    forge.report(failed, "inactive")
    forge.run_workflow("failure")
    forge.run_workflow("success")
    forge.pass_time(600)


@pytest.mark.parametrize("token", ["", "env:GITHUB_TOKEN"], ids=["without a token", "with a token"])
def test_a_week_of_work_comes_in_as_it_happened(
    forge: Forge, collect: Collect, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_secret" if token else "")
    a_busy_week(forge)
    got = collect(token=token)

    crash, wish, still = got.rows("issues")
    assert (crash["title"], crash["state"], crash["closed_as"]) == ("Crash on start", "closed", "completed")
    assert (wish["title"], wish["closed_as"]) == ("Dark theme", "not_planned")
    assert (still["state"], still["closed_at"]) == ("open", None)
    assert crash["labels"] == ["bug"]
    story = sorted(
        (e for e in got.rows("issue_events") if e["issue_id"] == "1"), key=lambda e: e["occurred_at"]
    )
    assert [(e["kind"], e["actor"], e["after"]) for e in story] == [
        ("opened", "mona", "Crash on start"),
        ("labeled", "octocat", "bug"),
        ("commented", "hubot", ""),
        ("closed", "octocat", ""),
        ("reopened", "octocat", ""),
        ("closed", "octocat", "completed"),
    ]
    renamed = [e for e in got.rows("issue_events") if e["kind"] == "renamed"]
    assert [(e["before"], e["after"]) for e in renamed] == [("Dark mode", "Dark theme")]
    assert not [e for e in got.rows("issue_events") if e["kind"] == "subscribed"]

    mend, bump = got.rows("changes")
    assert (mend["state"], mend["merge_sha"], mend["lines_added"], mend["files_changed"]) == (
        "merged",
        "c0ffee",
        7,
        2,
    )
    assert (mend["merged_by"], bump["merge_sha"], bump["author"]) == ("octocat", "", "dependabot[bot]")
    assert [(r["reviewer"], r["state"]) for r in got.rows("reviews")] == [
        ("mona", "changes_requested"),
        ("mona", "approved"),
    ]
    assert [(d["status"], d["finished_at"] is not None) for d in got.rows("deployments")] == [
        ("failure", True),
        ("success", True),
    ]
    assert [r["tag"] for r in got.rows("releases")] == ["v1.0.0"]
    assert [r["conclusion"] for r in got.rows("workflow_runs")] == ["failure", "success"]
    assert got.warnings == got.rejected == []
    assert got.everything().keys() == set(GitHubSource.brings)


def test_graphql_and_rest_tell_the_same_but_for_the_commits(
    forge: Forge, collect: Collect, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_busy_week(forge)
    for number in range(101):
        forge.review(4, f"reviewer{number}")
    forge.review(5, "helper[bot]", "COMMENTED")
    forge.pass_time(600)
    plain = collect().everything()
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_secret")
    rich = collect().everything()
    for change in (*plain["changes"], *rich["changes"]):
        change["commits"] = []
    # Who merged is asked of the pull request itself, which the example's own answer leaves to GitHub.
    assert plain["reviews"] == rich["reviews"]
    assert len(plain["reviews"]) == 104
    assert plain["changes"] == rich["changes"]


def test_a_second_run_without_changes_asks_conditionally_and_delivers_nothing(
    forge: Forge, collect: Collect
) -> None:
    a_busy_week(forge)
    got = collect()
    used, delivered = forge.used, got.delivered
    forge.pass_time()
    collect(got)
    assert got.delivered == delivered
    assert forge.used == used, "304 costs no quota"
    assert {status for _, _, status in forge.requests[-8:]} == {304}


def test_a_later_run_reads_only_what_changed(forge: Forge, collect: Collect) -> None:
    for number in range(250):
        forge.open_issue(f"Issue {number}")
        forge.pass_time(5)
    for _ in range(30):
        forge.review(forge.open_pull(), "mona")
        forge.pass_time(5)
    forge.pass_time(600)
    got = collect()
    used, asked = forge.used, len(forge.requests)
    forge.close(17, "duplicate")
    forge.review(260, "octocat")
    forge.pass_time(600)
    collect(got)
    closed = {row["external_id"]: row["closed_as"] for row in got.rows("issues")}
    assert closed["17"] == "duplicate"
    assert [r["reviewer"] for r in got.rows("reviews") if r["change_id"] == "260"] == ["mona", "octocat"]
    assert forge.used - used <= 12
    assert [path.endswith("/issues") for path, _, _ in forge.requests[asked:]].count(True) == 1
    assert got.everything() == collect().everything()


def test_a_repository_of_many_pages_comes_in_whole_while_people_go_on_working(
    forge: Forge, collect: Collect
) -> None:
    for number in range(420):
        forge.open_issue(f"Issue {number}")
        forge.pass_time(3)
    forge.pass_time(600)

    def meanwhile(count: int) -> None:
        if count <= 12:
            forge.comment(count * 3, by="mona")
            forge.close(count * 7)
            forge.open_issue("New")
            forge.pass_time(1)

    forge.after = meanwhile
    got = collect()
    forge.after = lambda _count: None
    forge.pass_time(600)
    collect(got)
    assert got.everything() == collect().everything()
    assert len(got.rows("issues")) == len(forge.issues)


@settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
@given(budgets=st.lists(st.integers(10, 25), min_size=1, max_size=4), has_token=st.booleans())
def test_collecting_in_interrupted_steps_ends_like_collecting_at_once(
    published: Published, budgets: list[int], has_token: bool
) -> None:
    forge = Forge(published, Clock())
    a_busy_week(forge)
    for number in range(130):
        forge.open_issue(f"Issue {number}")
        forge.pass_time(7)
        if number % 13 == 0:
            forge.review(forge.open_pull(f"Change {number}"), "mona")
            forge.report(forge.deploy(), "success")
    forge.pass_time(600)
    with pytest.MonkeyPatch.context() as patch:
        if has_token:
            patch.setenv("GITHUB_TOKEN", "ghp_secret")
        whole, pieces = Collected(), Collected()
        assert run_once(forge, whole) is None
        forge.used = 0
        for turn in range(40):
            forge.limit = budgets[turn % len(budgets)]
            failure = run_once(forge, pieces)
            if failure is None:
                break
            assert isinstance(failure, SourceError)
            assert failure.retry_after is not None
            assert failure.retry_after > 60
            forge.pass_time(failure.retry_after)
        else:
            raise AssertionError("40 runs were not enough")
    assert pieces.everything() == whole.everything()


def test_a_deleted_issue_leaves_and_a_transferred_one_says_where_it_went(
    forge: Forge, collect: Collect
) -> None:
    a_busy_week(forge)
    spam, moved = forge.open_issue("Buy now"), forge.open_issue("Belongs elsewhere")
    forge.pass_time(600)
    got = collect()
    assert {"Buy now", "Belongs elsewhere"} <= {row["title"] for row in got.rows("issues")}
    elsewhere = forge.issues[moved] | {"html_url": "https://github.test/octocat/other/issues/9"}
    forge.delete_issue(spam)
    forge.delete_issue(moved)
    forge.issues[900] = elsewhere | {"number": 900, "state": "closed"}
    forge.moved[moved] = "https://api.github.test/repos/octocat/Hello-World/issues/900"
    forge.pass_time(2 * 86400)
    collect(got)
    assert not {str(spam), str(moved)} & {row["external_id"] for row in got.rows("issues")}
    (gone,) = [e for e in got.rows("issue_events") if e["kind"] == "transferred"]
    assert (gone["before"], gone["after"]) == (
        f"octocat/Hello-World#{moved}",
        "https://github.test/octocat/other/issues/9",
    )


@pytest.mark.parametrize("graphql_works", [True, False])
def test_closed_issues_that_were_deleted_or_transferred_are_found_by_asking_for_known_ones(
    forge: Forge, monkeypatch: pytest.MonkeyPatch, *, graphql_works: bool
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_x")
    spam, moved, stays = (forge.open_issue(title) for title in ("Buy now", "Belongs elsewhere", "Done"))
    for number in (spam, moved, stays):
        forge.close(number)
    elsewhere = forge.issues[moved] | {"html_url": "https://github.test/octocat/other/issues/9"}
    forge.delete_issue(spam)
    forge.delete_issue(moved)
    forge.issues[900] = elsewhere | {"number": 900}
    forge.moved[moved] = "https://api.github.test/repos/octocat/Hello-World/issues/900"
    if not graphql_works:
        forge.fault = lambda path, _: Answer(500) if path == "/graphql" else None
    batches = asked_again(forge, {"issues": [str(spam), str(moved), str(stays)]})
    left = {
        row["external_id"]
        for batch in batches
        if "issues" in batch.rows
        for row in batch.rows["issues"].to_pylist()
        if row["is_deleted"]
    }
    assert left == {str(moved)}
    assert [held.missing for batch in batches for held in batch.held] == [[str(spam)]]
    events = [
        row
        for batch in batches
        if "issue_events" in batch.rows
        for row in batch.rows["issue_events"].to_pylist()
    ]
    assert [row["after"] for row in events if row["kind"] == "transferred"] == [
        "https://github.test/octocat/other/issues/9"
    ]
    by_rest = [path for path, _, _ in forge.requests if path.endswith(f"/issues/{stays}")]
    assert bool(by_rest) is not graphql_works


def test_without_a_token_known_issues_are_not_asked_for_again(
    forge: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert source_of(forge).revisits.at_once == 0
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_x")
    assert source_of(forge).revisits.at_once == 100


def test_an_open_issue_from_before_the_horizon_is_in_and_a_closed_one_is_not(
    forge: Forge, collect: Collect
) -> None:
    forge.clock.at -= 3 * 365 * 86400
    old, done = forge.open_issue("Old but open"), forge.open_issue("Old and done")
    forge.close(done)
    forge.clock.at += 3 * 365 * 86400
    got = collect()
    assert [row["external_id"] for row in got.rows("issues")] == [str(old)]


def test_a_run_still_going_is_read_again_when_it_ended(forge: Forge, collect: Collect) -> None:
    slow = forge.run_workflow(None)
    forge.run_workflow("success")
    got = collect()
    assert got.rows("workflow_runs")[0]["conclusion"] == ""
    forge.pass_time(600)
    forge.finish_workflow(slow, "timed_out")
    collect(got)
    assert got.rows("workflow_runs")[0]["conclusion"] == "timed_out"


def test_a_deployment_without_its_outcome_is_read_again_when_it_came(forge: Forge, collect: Collect) -> None:
    number = forge.deploy()
    got = collect()
    assert got.rows("deployments")[0]["status"] == "unknown"
    forge.pass_time(600)
    forge.report(number, "success")
    collect(got)
    assert got.rows("deployments")[0]["status"] == "success"


def test_more_history_asked_for_later_is_read(forge: Forge, collect: Collect) -> None:
    forge.clock.at -= 500 * 86400
    forge.publish("v0.1")
    forge.clock.at += 500 * 86400
    got = collect()
    assert got.rows("releases") == []
    collect(got, since="2020-01-01")
    assert [row["tag"] for row in got.rows("releases")] == ["v0.1"]


def test_only_what_was_asked_for_is_read(forge: Forge, collect: Collect) -> None:
    a_busy_week(forge)
    got = collect(read=("releases",))
    assert set(got.everything()) == {"releases"}
    assert len(forge.requests) == 2


def test_it_goes_through_the_collector_into_the_store_and_again_without_change(
    forge: Forge, tmp_path: Path
) -> None:
    a_busy_week(forge)
    forge.limit = 8
    store, state = EmbeddedStore(tmp_path / "store"), State.in_folder(tmp_path / "state")
    try:
        store.migrate()

        def go() -> Any:
            return asyncio.run(collect_into(source_of(forge), store, state))

        first = go()
        assert first.status == "partial"
        assert "not complete yet: " in first.message
        for _ in range(9):
            forge.pass_time(4000)
            outcome = go()
            if outcome.status == "complete":
                break
        assert (outcome.status, outcome.rejected) == ("complete", 0)
        counts = "SELECT (SELECT count() FROM ktlo.issues) AS issues, (SELECT count() FROM ktlo.issue_events) AS events"
        before = store.query(counts, {}).to_pylist()
        assert before == [{"issues": 3, "events": 10}]
        forge.pass_time(4000)
        assert go().rows == 0
        assert store.query(counts, {}).to_pylist() == before
        change = store.query("SELECT lines_added, merge_sha FROM ktlo.changes WHERE external_id = '4'", {})
        assert change.to_pylist() == [{"lines_added": 7, "merge_sha": "c0ffee"}]
    finally:
        state.close()
        store.close()
