"""GitLab's webhooks: payloads of the shapes that "Webhook events" documents become the rows that the lists give."""

from __future__ import annotations

import datetime as dt
import itertools
import json
from typing import Any

import pyarrow as pa
import pytest

from ktlo.errors import SignatureError, UserError
from ktlo.sources.gitlab import GitLabSource
from ktlo.sources.gitlab.hooks import instant
from ktlo.sources.gitlab.source import GitLabConfig
from ktlo.sources.hooked import Incoming, Taken
from ktlo.sources.merging import merged

NOON = dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC)
PROJECT = {"id": 1, "name": "Gitlab Test", "path_with_namespace": "gitlabhq/gitlab-test"}
ADMIN = {"id": 1, "name": "Administrator", "username": "root", "email": "admin@example.com"}


def source() -> GitLabSource:
    return GitLabSource(GitLabConfig(project="gitlabhq/gitlab-test"))


def take(body: dict[str, Any]) -> Taken:
    told = {"project": PROJECT, "user": ADMIN, **body}
    return source().receive(Incoming({}, json.dumps(told).encode(), NOON))


def issue(action: str, updated: str, **given: Any) -> dict[str, Any]:
    return {
        "object_kind": "issue",
        "event_type": "issue",
        "object_attributes": {
            "id": 301,
            "iid": 23,
            "title": "New API: create/update/delete file",
            "description": "Create new API for manipulations with repository",
            "state": "closed" if action == "close" else "opened",
            "created_at": "2026-09-01T12:00:00Z",
            "updated_at": updated,
            "type": "Issue",
            "url": "http://example.com/diaspora/issues/23",
            "action": action,
            "severity": "unknown",
            **given,
        },
        "labels": [{"id": 206, "title": "API"}],
        "assignees": [{"name": "User1", "username": "user1"}],
    }


def row(taken: Taken, table: str) -> dict[str, Any]:
    (found,) = taken.rows[table].to_pylist()
    return found


class Shelf:
    """The one question that merging asks of a store."""

    def __init__(self) -> None:
        self.there: dict[str, dict[str, Any]] = {}

    def query(self, sql: str, params: Any) -> pa.Table:
        key = f"{sql.partition('FROM ktlo.')[2].partition('_log')[0]} {params['external_id']}"
        return pa.Table.from_pylist([self.there[key]] if key in self.there else [])

    def take(self, taken: Taken) -> None:
        for table, batch in merged(taken.rows, taken.untold, self).items():  # type: ignore[arg-type]
            for one in batch.to_pylist():
                key = f"{table} {one.get('external_id')}"
                there = self.there.get(key)
                if there is None or one["row_version"] >= there["row_version"]:
                    self.there[key] = one


def test_an_issue_keeps_who_opened_it_whatever_comes_in_whatever_order() -> None:
    story = [
        take(issue("open", "2026-09-01T12:00:00Z")),
        take({**issue("update", "2026-09-01 12:30:00 UTC"), "user": {"username": "grace"}}),
        take({**issue("close", "2026-09-01T13:00:00Z"), "user": {"username": "ada"}}),
    ]
    for order in itertools.permutations(story):
        shelf = Shelf()
        for taken in order:
            shelf.take(taken)
        found = shelf.there["issues 23"]
        assert (found["author"], found["assignee"], found["state"]) == ("root", "user1", "closed")
        assert found["closed_at"] == dt.datetime(2026, 9, 1, 13, tzinfo=dt.UTC)
        assert found["labels"] == ["API"]


def test_a_reopened_issue_has_no_end() -> None:
    shelf = Shelf()
    for action, at in (("open", "12:00"), ("close", "13:00"), ("reopen", "14:00")):
        shelf.take(take(issue(action, f"2026-09-01T{at}:00Z")))
    assert (shelf.there["issues 23"]["state"], shelf.there["issues 23"]["closed_at"]) == ("open", None)


@pytest.mark.parametrize(
    ("given", "closed_as"),
    [({"duplicated_to_id": 17}, "duplicate"), ({"moved_to_id": 18}, "moved"), ({}, "")],
)
def test_what_lives_on_elsewhere_is_closed_as_that_until_it_is_reopened(
    given: dict[str, Any], closed_as: str
) -> None:
    story = [
        take(issue("open", "2026-09-01T12:00:00Z")),
        take(issue("close", "2026-09-01T13:00:00Z", **given)),
        take(issue("reopen", "2026-09-01T14:00:00Z")),
    ]
    incident = take(issue("close", "2026-09-01T13:00:00Z", type="Incident", **given))
    assert row(incident, "incidents")["state"] == ("cancelled" if closed_as else "resolved")
    for order in itertools.permutations(story[:2]):
        shelf = Shelf()
        for taken in order:
            shelf.take(taken)
        assert shelf.there["issues 23"]["closed_as"] == closed_as
    for order in itertools.permutations(story):
        shelf = Shelf()
        for taken in order:
            shelf.take(taken)
        assert (shelf.there["issues 23"]["state"], shelf.there["issues 23"]["closed_as"]) == ("open", "")


def test_closing_and_reopening_are_events_by_who_did_it() -> None:
    events = take(issue("close", "2026-09-01T13:00:00Z")).rows["issue_events"].to_pylist()
    assert [(one["kind"], one["actor"]) for one in events] == [("closed", "root")]


def test_an_incident_is_acknowledged_when_its_escalation_is() -> None:
    told = issue(
        "update", "2026-09-01T12:10:00Z", type="Incident", severity="high", escalation_status="acknowledged"
    )
    taken = take({**told, "object_kind": "work_item"})
    assert row(taken, "incidents")["severity"] == "high"
    assert [one["kind"] for one in taken.rows["incident_events"].to_pylist()] == ["acknowledged"]
    assert "issues" not in taken.rows


def merge_request(action: str, **given: Any) -> dict[str, Any]:
    return {
        "object_kind": "merge_request",
        "object_attributes": {
            "id": 99,
            "iid": 1,
            "title": "MS-Viewport",
            "state": "merged" if action == "merge" else "opened",
            "created_at": "2026-09-01 12:00:00 UTC",
            "updated_at": "2026-09-01 14:00:00 UTC",
            "source_branch": "ms-viewport",
            "target_branch": "main",
            "last_commit": {"id": "da1560886d4f094c3e6c9ef40349f7d38b5d27d7"},
            "url": "http://example.com/diaspora/merge_requests/1",
            "action": action,
            **given,
        },
        "labels": [],
        "assignees": [],
    }


def test_a_merge_tells_when_by_whom_and_what_reached_the_branch() -> None:
    found = row(take(merge_request("merge", merge_commit_sha="f" * 40)), "changes")
    assert (found["state"], found["merged_by"], found["merge_sha"]) == ("merged", "root", "f" * 40)
    assert found["merged_at"] == dt.datetime(2026, 9, 1, 14, tzinfo=dt.UTC)


@pytest.mark.parametrize("action", ["approved", "approval"])
def test_an_approval_is_a_review_also_where_more_of_them_are_needed(action: str) -> None:
    taken = take(merge_request(action))
    assert (row(taken, "reviews")["state"], row(taken, "reviews")["reviewer"]) == ("approved", "root")


@pytest.mark.parametrize(
    ("kind", "table"),
    [("Issue", "issue_events"), ("MergeRequest", "reviews"), ("Commit", ""), ("Snippet", "")],
)
def test_a_comment_goes_to_what_it_is_on(kind: str, table: str) -> None:
    taken = take(
        {
            "object_kind": "note",
            "object_attributes": {
                "id": 1241,
                "note": "Hello world",
                "noteable_type": kind,
                "created_at": "2026-09-01 15:06:20 UTC",
            },
            "issue": {"iid": 17},
            "merge_request": {"iid": 7},
        }
    )
    assert set(taken.rows) == ({table} if table else set())
    assert bool(taken.why_ignored) is not bool(table)


def deployment(status: str, at: str, **given: Any) -> Taken:
    return take(
        {
            "object_kind": "deployment",
            "status": status,
            "status_changed_at": at,
            "deployment_id": 15,
            "deployable_url": "http://10.126.0.2:3000/root/test/-/jobs/795",
            "environment": "staging",
            "short_sha": "279484c0",
            "commit_url": "http://10.126.0.2:3000/root/test/-/commit/279484c09fbe69ededfced8c1bb6e6d24616b468",
            "ref": "main",
            **given,
        }
    )


def test_a_deployment_of_no_commit_that_is_known_any_more_is_taken_all_the_same() -> None:
    gone = deployment("failed", "2026-09-01 21:50:00 +0200", commit_url=None, user=None)
    found = row(gone, "deployments")
    assert (found["status"], found["sha"], found["actor"]) == ("failure", "279484c0", "")


def test_a_deployment_keeps_the_version_that_only_the_list_tells() -> None:
    shelf = Shelf()
    shelf.take(deployment("running", "2026-09-01 21:50:00 +0200"))
    shelf.there["deployments 15"]["version"] = "v1.1"
    shelf.take(deployment("success", "2026-09-01 21:58:00 +0200"))
    assert (shelf.there["deployments 15"]["status"], shelf.there["deployments 15"]["version"]) == (
        "success",
        "v1.1",
    )


def release(action: str, released: str = "2026-09-01 11:55:12 UTC") -> Taken:
    return take(
        {
            "object_kind": "release",
            "id": 1,
            "tag": "v1.1",
            "name": "The first",
            "created_at": "2026-09-01 11:55:12 UTC",
            "released_at": released,
            "url": "https://example.com/gitlabhq/gitlab-test/-/releases/v1.1",
            "action": action,
        }
    )


def test_a_release_is_there_at_once_keeps_its_author_and_leaves_when_it_is_deleted() -> None:
    shelf = Shelf()
    shelf.take(release("create"))
    found = shelf.there["releases v1.1"]
    assert (found["tag"], found["name"], found["is_deleted"]) == ("v1.1", "The first", False)
    assert found["published_at"] == dt.datetime(2026, 9, 1, 11, 55, 12, tzinfo=dt.UTC)
    found["author"] = "ada"
    shelf.take(release("update"))
    assert shelf.there["releases v1.1"]["author"] == "ada"
    shelf.take(release("delete"))
    assert shelf.there["releases v1.1"]["is_deleted"]


def test_a_release_that_is_not_out_yet_is_none() -> None:
    assert release("create", "2026-09-02 12:00:00 UTC").why_ignored == "nothing in it is used"


def test_a_deployment_lasts_from_its_first_to_its_last_message() -> None:
    story = [
        deployment("running", "2026-09-01 21:50:00 +0200"),
        deployment("success", "2026-09-01 21:58:00 +0200"),
    ]
    for order in itertools.permutations(story):
        shelf = Shelf()
        for taken in order:
            shelf.take(taken)
        found = shelf.there["deployments 15"]
        assert (found["status"], found["sha"]) == ("success", "279484c09fbe69ededfced8c1bb6e6d24616b468")
        assert found["started_at"] == dt.datetime(2026, 9, 1, 19, 50, tzinfo=dt.UTC)
        assert found["finished_at"] == dt.datetime(2026, 9, 1, 19, 58, tzinfo=dt.UTC)


def test_a_pipeline_ends_when_it_says() -> None:
    taken = take(
        {
            "object_kind": "pipeline",
            "object_attributes": {
                "id": 31,
                "name": "Pipeline for branch: main",
                "ref": "main",
                "sha": "bcbb5ec396a2c0f828686f14fac9b80b780504f2",
                "source": "merge_request_event",
                "status": "success",
                "created_at": "2016-08-12 15:23:28 UTC",
                "finished_at": "2016-08-12 15:26:29 UTC",
            },
        }
    )
    found = row(taken, "workflow_runs")
    assert (found["conclusion"], found["finished_at"]) == (
        "success",
        dt.datetime(2016, 8, 12, 15, 26, 29, tzinfo=dt.UTC),
    )


def test_work_items_have_the_kind_that_the_list_writes() -> None:
    told = issue("open", "2026-09-01T12:00:00Z", type="Test Case")
    assert row(take({**told, "object_kind": "work_item"}), "issues")["issue_type"] == "test_case"


@pytest.mark.parametrize("project", [{"project": None}, {}])
def test_an_epic_of_a_group_is_no_issue_of_the_project_with_its_number(project: dict[str, Any]) -> None:
    epic = {**issue("open", "2026-09-01T12:00:00Z", type="Epic"), "object_kind": "work_item", "user": ADMIN}
    taken = source().receive(Incoming({}, json.dumps({**epic, **project}).encode(), NOON))
    assert (taken.rows, taken.why_ignored) == ({}, "it is about no project")


def test_what_a_group_tells_of_itself_is_ignored_with_the_reason() -> None:
    told = {"event_name": "subgroup_create", "name": "subgroup1", "full_path": "group1/subgroup1"}
    taken = source().receive(Incoming({}, json.dumps(told).encode(), NOON))
    assert (taken.event, taken.why_ignored) == ("subgroup_create", "it is about no project")


@pytest.mark.parametrize("kind", ["push", "tag_push", "wiki_page", "emoji", "something new"])
def test_what_is_not_used_is_ignored_with_the_reason(kind: str) -> None:
    assert take({"object_kind": kind, "user": "root"}).why_ignored == "ktlo does not use this event"


def test_a_webhook_of_another_project_is_refused() -> None:
    with pytest.raises(UserError, match="mike/diaspora"):
        take({**issue("open", "2026-09-01T12:00:00Z"), "project": {"path_with_namespace": "mike/diaspora"}})


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"[]", b"{}"),
        b'{"object_kind": "issue", "project": {}}',
        b'{"object_kind": "issue", "project": {}, "object_attributes": 7}',
    ],
)
def test_what_gitlab_never_sends_is_refused_with_a_sentence(body: bytes) -> None:
    with pytest.raises(UserError, match="not what this source expects"):
        source().receive(Incoming({}, body, NOON))


@pytest.mark.parametrize("text", ["yesterday", "", "2026-13-01T00:00:00Z"])
def test_a_time_that_is_none_is_a_sentence(text: str) -> None:
    with pytest.raises(UserError, match="no time"):
        instant(text)


def test_the_token_is_the_proof() -> None:
    source().verify(Incoming({"x-gitlab-token": "k"}, b"", NOON), "k")
    for headers in ({}, {"x-gitlab-token": "other"}):
        with pytest.raises(SignatureError):
            source().verify(Incoming(headers, b"", NOON), "k")
