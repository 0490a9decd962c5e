"""GitHub's webhooks: GitHub's own example payloads, and what they become beside what is read."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
from typing import Any

import pytest
from collected_rows import Seen
from github_published import Published

from ktlo.errors import SignatureError, UserError
from ktlo.sources.github import GitHubSource
from ktlo.sources.github.config import GitHubConfig
from ktlo.sources.hooked import Incoming

NOON = dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC)
USED = (
    "issues",
    "issue_comment",
    "pull_request",
    "pull_request_review",
    "release",
    "deployment",
    "deployment_status",
    "workflow_run",
)


@pytest.fixture(scope="module")
def examples(published: Published) -> list[tuple[str, dict[str, Any]]]:
    """Every example payload of GitHub's, with its event."""
    file = published.modules / "@octokit" / "webhooks-examples" / "api.github.com" / "index.json"
    return [(one["name"], example) for one in json.loads(file.read_text()) for example in one["examples"]]


def incoming(event: str, body: Any) -> Incoming:
    return Incoming(
        {"x-github-event": event, "x-github-delivery": "72d3162e"}, json.dumps(body).encode(), NOON
    )


def source_for(body: dict[str, Any]) -> GitHubSource:
    return GitHubSource(GitHubConfig(repository=body["repository"]["full_name"]))


def test_every_example_of_a_used_event_is_taken(examples: list[tuple[str, dict[str, Any]]]) -> None:
    taken = 0
    for event, body in examples:
        if event not in USED or "repository" not in body:
            continue
        outcome = source_for(body).receive(incoming(event, body))
        assert outcome.event.startswith(event)
        assert not outcome.rejected
        taken += bool(outcome.rows)
    assert taken > 60


def test_every_other_example_is_ignored_with_the_reason(examples: list[tuple[str, dict[str, Any]]]) -> None:
    for event, body in examples:
        if event not in USED and "repository" in body and body["repository"]:
            assert (
                source_for(body).receive(incoming(event, body)).why_ignored == "ktlo does not use this event"
            )


def example(examples: list[tuple[str, dict[str, Any]]], event: str, action: str) -> dict[str, Any]:
    return next(body for name, body in examples if name == event and body.get("action", "") == action)


def test_an_issue_is_opened_closed_and_deleted(examples: list[tuple[str, dict[str, Any]]]) -> None:
    body, seen = example(examples, "issues", "opened"), Seen()
    made = source_for(body)
    seen.take(made.receive(incoming("issues", body)))
    key = str(body["issue"]["number"])
    assert seen.item(key, "issues")["state"] == "open"
    assert seen.item(key, "issues")["author"] == body["issue"]["user"]["login"]
    closed = json.loads(json.dumps(body))
    closed["action"] = "closed"
    closed["issue"] |= {
        "state": "closed",
        "closed_at": "2026-09-01T11:00:00Z",
        "updated_at": "2026-09-01T11:00:00Z",
    }
    seen.take(made.receive(incoming("issues", closed)))
    # One that comes late does not open it again.
    seen.take(made.receive(incoming("issues", body)))
    assert seen.item(key, "issues")["closed_at"] == dt.datetime(2026, 9, 1, 11, tzinfo=dt.UTC)
    seen.take(made.receive(incoming("issues", {**closed, "action": "deleted"})))
    assert seen.shown("issues") == []


def test_a_pull_request_tells_its_size(examples: list[tuple[str, dict[str, Any]]]) -> None:
    body, seen = example(examples, "pull_request", "opened"), Seen()
    seen.take(source_for(body).receive(incoming("pull_request", body)))
    found = seen.item(str(body["pull_request"]["number"]), "changes")
    assert found["lines_added"] == body["pull_request"]["additions"]
    assert found["files_changed"] == body["pull_request"]["changed_files"]


def test_what_the_schema_allows_to_be_null_may_be_null(examples: list[tuple[str, dict[str, Any]]]) -> None:
    for event, part, name in (
        ("pull_request", "pull_request", "merged"),
        ("workflow_run", "workflow_run", "status"),
    ):
        body = next(body for kind, body in examples if kind == event)
        body = {**body, part: {**body[part], name: None}}
        assert source_for(body).receive(incoming(event, body)).rows


def test_a_deployment_that_was_superseded_keeps_its_outcome(
    examples: list[tuple[str, dict[str, Any]]],
) -> None:
    body, seen = example(examples, "deployment_status", "created"), Seen()
    made = source_for(body)
    for minute, state in enumerate(("in_progress", "success", "inactive")):
        told = json.loads(json.dumps(body))
        at = f"2026-09-01T11:{minute:02d}:00Z"
        told["deployment_status"] |= {"state": state, "created_at": at, "updated_at": at}
        seen.take(made.receive(incoming("deployment_status", told)))
    (found,) = seen.shown("deployments")
    assert (found["status"], found["finished_at"].minute) == ("success", 1)


def test_a_webhook_of_another_repository_is_refused(examples: list[tuple[str, dict[str, Any]]]) -> None:
    body = example(examples, "issues", "opened")
    with pytest.raises(UserError, match="this source about acme/shop"):
        GitHubSource(GitHubConfig(repository="acme/shop")).receive(incoming("issues", body))


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"issue": 7}', b'{"issue": {}}'])
def test_what_github_never_sends_is_refused_with_a_sentence(body: bytes) -> None:
    made = GitHubSource(GitHubConfig(repository="acme/shop"))
    with pytest.raises(UserError, match="not what this source expects"):
        made.receive(Incoming({"x-github-event": "issues"}, body, NOON))


def test_the_signature_is_the_proof() -> None:
    made, body = GitHubSource(GitHubConfig(repository="acme/shop")), b'{"zen": "Keep it logically awesome."}'
    good = "sha256=" + hmac.new(b"k", body, hashlib.sha256).hexdigest()
    made.verify(Incoming({"x-hub-signature-256": good}, body, NOON), "k")
    for headers in ({}, {"x-hub-signature-256": good[:-1] + "0"}, {"x-hub-signature": good}):
        with pytest.raises(SignatureError):
            made.verify(Incoming(headers, body + b" ", NOON), "k")
    assert made.receive(Incoming({"x-github-event": "ping"}, body, NOON)).why_ignored
