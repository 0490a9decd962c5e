"""GitLab: steps of issues and incidents, resumed and incremental reading, what left, and its ways to fail."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from typing import Any

import httpx
import pytest
from collected_rows import Missing
from gitlab_by_hand import NOON, after, project_by_hand
from gitlab_project import PATH, Project, stamp, user

from ktlo.errors import KtloError, UserError
from ktlo.sources.gitlab import GitLabSource
from ktlo.sources.gitlab.source import GitLabConfig
from ktlo.sources.protocol import Batch, Status
from ktlo.sources.rest import connection, gathering
from ktlo.sources.rest.quota import LimitReachedError, World


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITLAB_TOKEN", "glpat")


def source(project: Project, **options: Any) -> GitLabSource:
    async def nap(_: float) -> None:
        await asyncio.sleep(0)

    def clock() -> float:
        return project.now.timestamp()

    config = GitLabConfig(**{"project": PATH, "since": dt.date(2026, 8, 1), **options})
    return GitLabSource(config, World(now=clock, sleep=nap, chance=lambda: 0.5), project.transport())


class Seen:
    """What a store would show: the newest version of each key."""

    def __init__(self) -> None:
        self.rows: dict[tuple[Any, ...], dict[str, Any]] = {}
        self.missing = Missing()
        self.cursor: dict[str, Any] = {}
        self.batches: list[Batch] = []

    def put(self, batch: Batch) -> None:
        for table, rows in batch.rows.items():
            for row in rows.to_pylist():
                names = ("external_id", "issue_id", "incident_id", "event_id", "change_id", "review_id")
                key = (table, *(row.get(name) for name in names))
                if self.missing.holds(table, row, self.rows.get(key)):
                    self.rows[key] = row
        self.missing.judge(batch)
        if batch.cursor is not None:
            self.cursor = json.loads(json.dumps(batch.cursor))
        self.batches.append(batch)

    def shown(self, table: str) -> dict[str, dict[str, Any]]:
        return {
            row.get("external_id")
            or f"{row.get('issue_id') or row.get('incident_id') or row.get('change_id')}"
            f" {row.get('event_id') or row.get('review_id')}": row
            for key, row in self.rows.items()
            if key[0] == table and self.missing.shows(table, row)
        }

    @property
    def rejected(self) -> list[tuple[str, str]]:
        return [(one.place, one.reason) for batch in self.batches for one in batch.rejected]


def run(made: GitLabSource, seen: Seen, stop_after: int | None = None) -> KtloError | None:
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


def incident_steps(seen: Seen, iid: str) -> list[tuple[dt.datetime, str, str]]:
    found = [row for row in seen.shown("incident_events").values() if row["incident_id"] == iid]
    return sorted((row["occurred_at"], row["kind"], row["actor"]) for row in found)


def test_every_closing_and_reopening_of_an_incident_is_a_step() -> None:
    project, seen = project_by_hand(), Seen()
    run(source(project), seen)
    assert incident_steps(seen, "14") == [
        (NOON, "detected", "root"),
        (after(3), "resolved", "ada"),
        (after(4), "reopened", "ada"),
        (after(9), "resolved", "ada"),
    ]
    asked = [path for path in project.asked if path.endswith("resource_state_events")]
    assert len(asked) == 10, "only incidents are asked for"


def test_where_closings_may_not_be_read_the_last_one_is_in_and_the_rest_is_said() -> None:
    project, seen = project_by_hand(), Seen()
    project.refuse = {f"/issues/{iid}/resource_state_events": 404 for iid in range(11, 21)}
    run(source(project), seen)
    assert incident_steps(seen, "14") == [(NOON, "detected", "root"), (after(9), "resolved", "ada")]
    assert sum("no reopenings" in reason for _, reason in seen.rejected) == 1


def test_the_history_of_an_issue_is_its_opening_its_closings_and_its_comments_not_gitlabs_own_notes() -> None:
    project, seen = project_by_hand(), Seen()
    project.comment("Issue", 3, after(6), "grace")
    project.comment("Issue", 3, after(7), "root", system=True)
    run(source(project), seen)
    events = sorted(
        (row["occurred_at"], row["kind"], row["actor"])
        for row in seen.shown("issue_events").values()
        if row["issue_id"] == "3"
    )
    assert [(kind, actor) for _, kind, actor in events] == [
        ("opened", "root"),
        ("closed", "ada"),
        ("commented", "grace"),
        ("reopened", "ada"),
    ]


def merge_request(iid: int, at: dt.datetime, **given: Any) -> dict[str, Any]:
    return {
        "id": 100 + iid,
        "iid": iid,
        "title": "Draft: <script>x</script> 🚀",
        "description": "fixed login page css paddings",
        "state": "opened",
        "created_at": stamp(at),
        "updated_at": stamp(at),
        "source_branch": "test1",
        "target_branch": "main",
        "author": user("ada"),
        "draft": False,
        "labels": ["Community contribution"],
        "sha": "8888888888888888888888888888888888888888",
        "merge_commit_sha": None,
        "squash_commit_sha": None,
        "merged_at": None,
        "closed_at": None,
        "merge_user": None,
        "web_url": f"https://gitlab.com/{PATH}/-/merge_requests/{iid}",
        **given,
    }


@pytest.mark.parametrize(
    ("given", "state", "merge_sha"),
    [
        ({}, "open", ""),
        ({"state": "closed", "closed_at": stamp(after(3))}, "closed", ""),
        ({"state": "merged", "merged_at": stamp(after(3)), "merge_commit_sha": "9" * 40}, "merged", "9" * 40),
        (
            {"state": "merged", "merged_at": stamp(after(3)), "squash_commit_sha": "7" * 40},
            "merged",
            "7" * 40,
        ),
        ({"state": "merged", "merged_at": stamp(after(3))}, "merged", "8" * 40),
    ],
)
def test_what_a_merge_request_put_on_the_branch_is_known_for_merge_squash_and_fast_forward(
    given: dict[str, Any], state: str, merge_sha: str
) -> None:
    project, seen = Project(now=after(100)), Seen()
    project.merge_requests[1] = merge_request(1, NOON, **given)
    project.did("approved", "MergeRequest", 1, after(2), "grace")
    project.comment("MergeRequest", 1, after(1), "grace")
    run(source(project), seen)
    found = seen.shown("changes")["1"]
    assert (found["state"], found["merge_sha"], found["author"]) == (state, merge_sha, "ada")
    assert sorted(row["state"] for row in seen.shown("reviews").values()) == ["approved", "commented"]


@pytest.mark.parametrize(
    ("status", "means"),
    [("success", "success"), ("failed", "failure"), ("canceled", "inactive"), ("running", "in_progress")],
)
def test_a_deployment_ends_when_its_job_ends(status: str, means: str) -> None:
    project, seen = Project(now=after(100)), Seen()
    is_over = status != "running"
    project.deployments[41] = {
        "id": 41,
        "iid": 1,
        "ref": "v1.2.0",
        "sha": "99d03678b90d914dbb1b109132516d71a4a03ea8",
        "created_at": stamp(after(1)),
        "updated_at": stamp(after(3)),
        "status": status,
        "user": user("ada"),
        "environment": {"id": 9, "name": "production"},
        "deployable": {
            "id": 664,
            "tag": True,
            "started_at": stamp(after(1.5)),
            "finished_at": stamp(after(2)) if is_over else None,
            "web_url": "https://gitlab.com/job",
        },
    }
    run(source(project), seen)
    found = seen.shown("deployments")["41"]
    assert (found["status"], found["environment"], found["version"]) == (means, "production", "v1.2.0")
    assert found["started_at"] == after(1.5)
    assert found["finished_at"] == (after(2) if is_over else None)


def test_pipelines_and_releases_come_in() -> None:
    project, seen = Project(now=after(100)), Seen()
    project.pipelines[47] = {
        "id": 47,
        "iid": 12,
        "status": "failed",
        "source": "push",
        "ref": "main",
        "sha": "a91957a858320c0e17f3a0eca7cfacbff50ea29a",
        "web_url": "https://gitlab.com/p/47",
        "created_at": stamp(after(1)),
        "updated_at": stamp(after(2)),
    }
    for tag, hours in (("v0.2", 10), ("v0.1", 5)):
        project.releases.append(
            {
                "tag_name": tag,
                "name": tag,
                "released_at": stamp(after(hours)),
                "author": user("ada"),
                "_links": {},
            }
        )
    run(source(project), seen)
    assert seen.shown("workflow_runs")["47"]["conclusion"] == "failure"
    assert set(seen.shown("releases")) == {"v0.1", "v0.2"}


def test_a_run_cut_off_anywhere_goes_on_to_the_same_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "PER_PAGE", 3)
    project = project_by_hand()
    whole = Seen()
    run(source(project), whole)
    for cut in range(1, len(whole.batches)):
        seen = Seen()
        run(source(project), seen, stop_after=cut)
        run(source(project), seen)
        assert seen.rows == whole.rows, cut


def test_a_second_run_reads_only_what_changed() -> None:
    project, seen = project_by_hand(), Seen()
    for number in range(250):
        project.open_issue(100 + number, after(30 + number / 100))
    run(source(project), seen)
    project.asked.clear()
    project.now = after(110)
    project.close(1, after(105))
    run(source(project), seen)
    assert seen.shown("issues")["1"]["state"] == "closed"
    assert project.asked.count("/issues") <= 2


def test_an_issue_that_was_deleted_is_removed() -> None:
    project, seen = project_by_hand(), Seen()
    run(source(project), seen)
    project.now = after(200)
    del project.issues[1]
    del project.issues[11]
    run(source(project), seen)
    assert "1" not in seen.shown("issues")
    assert "11" not in seen.shown("incidents")
    assert "3" in seen.shown("issues")


def test_a_deleted_issue_is_found_where_the_list_of_open_ones_is_too_large_for_one_answer() -> None:
    project, seen = Project(now=after(100)), Seen()
    for number in range(1, 31):
        project.open_issue(number, after(number))
    run(source(project), seen)
    project.now = after(200)
    del project.issues[7]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection, "LARGEST_ANSWER", 3_000)
        assert run(source(project), seen) is None
    assert (len(seen.shown("issues")), "7" in seen.shown("issues"), seen.rejected) == (29, False, [])


def test_open_issues_that_are_older_than_the_horizon_are_in_all_the_same() -> None:
    project, seen = Project(now=after(100)), Seen()
    project.open_issue(1, NOON - dt.timedelta(days=900))
    run(source(project), seen)
    assert seen.shown("issues")["1"]["created_at"] == NOON - dt.timedelta(days=900)


def test_a_list_that_may_not_be_read_costs_itself_only() -> None:
    project, seen = project_by_hand(), Seen()
    project.refuse = {"/deployments": 403, "/pipelines": 404}
    assert run(source(project), seen) is None
    assert len(seen.shown("issues")) == 10
    reasons = " ".join(reason for _, reason in seen.rejected)
    assert "no deployments, so no change failure rate" in reasons
    assert "no failures of CI" in reasons
    health = asyncio.run(source(project).check())
    assert health.status is Status.LIMITED
    assert [one.what.partition(" ")[0] for one in health.missing] == [
        "deployments",
        "pipelines",
        "webhook_secret",
    ]


def test_without_a_token_a_private_project_says_which_token_it_wants(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITLAB_TOKEN")
    failure = run(source(project_by_hand()), Seen())
    assert isinstance(failure, UserError)
    assert "Reporter" in failure.fix


def test_an_expired_token_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITLAB_TOKEN", "glpat-expired")
    failure = run(source(project_by_hand()), Seen())
    assert isinstance(failure, UserError)
    assert "expired or revoked" in failure.what
    assert "glpat-expired" not in str(failure)


def test_a_429_is_waited_out_and_a_long_one_ends_the_run_to_go_on_later() -> None:
    project, seen = project_by_hand(), Seen()
    reset = str(int(project.now.timestamp()) + 20)
    project.faults = [
        httpx.Response(
            429, headers={"ratelimit-remaining": "0", "ratelimit-reset": reset, "ratelimit-limit": "600"}
        )
    ]
    assert run(source(project), seen) is None
    project.faults = [httpx.Response(429, headers={"retry-after": "600"})]
    assert isinstance(run(source(project), Seen()), LimitReachedError)


def test_an_item_of_an_unexpected_form_costs_itself_only() -> None:
    project, seen = project_by_hand(), Seen()
    project.issues[2]["title"] = None
    run(source(project), seen)
    assert "2" not in seen.shown("issues")
    assert any("unexpected form" in reason for _, reason in seen.rejected)


def test_a_renamed_project_is_read_on_and_said() -> None:
    project, seen = project_by_hand(), Seen()
    project.name = "diaspora/renamed"
    run(source(project), seen)
    assert any("is called diaspora/renamed now" in reason for _, reason in seen.rejected)


@pytest.mark.parametrize(
    "said",
    [
        PATH,
        f"https://gitlab.com/{PATH}",
        f"https://gitlab.com/{PATH}.git",
        f"git@gitlab.com:{PATH}.git",
        f"https://gitlab.com/{PATH}/-/issues",
    ],
)
def test_a_project_is_understood_by_any_of_its_addresses(said: str) -> None:
    assert GitLabSource(GitLabConfig(project=said)).source_id == f"gitlab:{PATH}"


@pytest.mark.parametrize(
    ("said", "url"),
    [
        (PATH, "https://gitlab.com"),
        (f"https://gitlab.com/{PATH}", "https://gitlab.com"),
        (f"git@gitlab.com:{PATH}.git", "https://gitlab.com"),
        (f"https://git.acme.internal:8443/{PATH}", "https://git.acme.internal:8443"),
        (f"http://127.0.0.1:9/{PATH}", "http://127.0.0.1:9"),
        (f"git@git.acme.internal:{PATH}.git", "https://git.acme.internal"),
        (f"ssh://git@git.acme.internal:2222/{PATH}.git", "https://git.acme.internal"),
        (f"git@work:{PATH}", "https://gitlab.com"),
    ],
)
def test_a_projects_address_says_where_its_gitlab_is(said: str, url: str) -> None:
    """The token used to go to gitlab.com, whatever the address said."""
    assert GitLabConfig(project=said).url == url
    assert GitLabConfig(project=said, url="https://other.example").url == "https://other.example"


def test_an_empty_project_is_no_failure() -> None:
    assert run(source(Project(now=NOON)), Seen()) is None
