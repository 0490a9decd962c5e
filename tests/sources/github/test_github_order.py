"""Webhooks of one second, in whatever order they come, end as GitHub last told; the next reading outranks them."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import random
import re
import uuid
from typing import Any

import pytest
from collected_rows import Seen
from github_published import Published

from ktlo.sources.github import GitHubSource
from ktlo.sources.github.config import GitHubConfig
from ktlo.sources.github.ordering import ranked
from ktlo.sources.hooked import Incoming
from ktlo.sources.rest.rows import Row, microseconds

pytestmark = pytest.mark.node
NOON = dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC)
GREGORIAN = dt.datetime(1582, 10, 15, tzinfo=dt.UTC)


def delivery(at: dt.datetime) -> str:
    """An identifier as GitHub makes them: a UUID of version 1."""
    ticks = (at - GREGORIAN) // dt.timedelta(microseconds=1) * 10
    fields = (
        ticks & 0xFFFFFFFF,
        ticks >> 32 & 0xFFFF,
        ticks >> 48 & 0x0FFF | 0x1000,
        0x81,
        0xAB,
        0x4C9367DC0958,
    )
    return str(uuid.UUID(fields=fields))


def told(event: str, body: Any, at: dt.datetime) -> Incoming:
    headers = {"x-github-event": event, "x-github-delivery": delivery(at)}
    return Incoming(headers, json.dumps(body).encode(), at)


@pytest.fixture(scope="module")
def examples(published: Published) -> dict[str, list[dict[str, Any]]]:
    return published.webhooks


def test_deliveries_are_named_by_their_time_in_every_published_example(published: Published) -> None:
    description = (published.modules / "@octokit/openapi/generated/api.github.com.json").read_text()
    names = set(re.findall(r'"guid":\s*"([0-9a-f-]{36})"', description))
    assert len(names) >= 2
    assert {uuid.UUID(name).version for name in names} == {1}


def stamp(moment: dt.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def an_issues_life(example: dict[str, Any], dice: random.Random) -> list[Incoming]:
    """An issue that is opened with labels, closed and reopened within three seconds, by robots."""
    issue, at, story = example["issue"], NOON, []
    actions = ["opened", *dice.choices(["labeled", "closed", "reopened", "edited"], k=6)]
    for number, action in enumerate(actions):
        at += dt.timedelta(milliseconds=dice.choice([1, 20, 400]))
        issue = {**issue, "updated_at": stamp(at), "title": f"It breaks, {number}"}
        if action == "labeled":
            issue["labels"] = [*issue["labels"], {**example["issue"]["labels"][0], "name": f"L{number}"}]
        elif action in ("closed", "reopened"):
            is_closed = action == "closed"
            issue |= {
                "state": "closed" if is_closed else "open",
                "closed_at": stamp(at) if is_closed else None,
            }
        story.append(told("issues", {**example, "action": action, "issue": issue}, at))
    return story


def test_an_issue_ends_as_it_was_told_last_in_whatever_order_it_is_told(
    examples: dict[str, list[dict[str, Any]]],
) -> None:
    example = next(body for body in examples["issues"] if body["issue"]["labels"])
    example = {**example, "issue": {**example["issue"], "state": "open", "closed_at": None}}
    made = GitHubSource(GitHubConfig(repository=example["repository"]["full_name"]))
    for seed in range(25):
        dice = random.Random(seed)
        story = an_issues_life(example, dice)
        last = json.loads(story[-1].body)["issue"]
        for _ in range(3):
            dice.shuffle(story)
            seen = Seen()
            for incoming in (*story, dice.choice(story)):
                seen.take(made.receive(incoming))
            (row,) = seen.shown("issues")
            assert (row["title"], row["state"]) == (last["title"], last["state"]), seed
            assert row["labels"] == [label["name"] for label in last["labels"]], seed


@pytest.mark.parametrize(
    ("event", "part", "states", "table", "ended"),
    [
        (
            "deployment_status",
            "deployment_status",
            ["", "queued", "in_progress", "success"],
            "deployments",
            "success",
        ),
        (
            "workflow_run",
            "workflow_run",
            ["queued", "in_progress", "completed"],
            "workflow_runs",
            "completed",
        ),
    ],
)
def test_what_only_goes_forwards_does_so_without_the_time_of_a_delivery(
    event: str,
    part: str,
    states: list[str],
    table: str,
    ended: str,
    examples: dict[str, list[dict[str, Any]]],
) -> None:
    example = {**examples[event][0]}
    if "deployment" in example:
        example["deployment"] = {
            **example["deployment"],
            "created_at": stamp(NOON),
            "updated_at": stamp(NOON),
        }
    made = GitHubSource(GitHubConfig(repository=example["repository"]["full_name"]))
    name = "state" if event == "deployment_status" else "status"
    for order in itertools.permutations(states):
        seen = Seen()
        for state in order:
            at = {"created_at": stamp(NOON), "updated_at": stamp(NOON)}
            body = {**example, part: {**example[part], name: state, **at}}
            if not state:  # the deployment itself
                del body[part]
            told_of = event if state else "deployment"
            headers = {"x-github-event": told_of, "x-github-delivery": str(uuid.uuid4())}
            seen.take(made.receive(Incoming(headers, json.dumps(body).encode(), NOON)))
        (row,) = seen.shown(table)
        assert row["status"] == ended, order


def test_a_webhook_is_below_what_is_read_of_its_second_and_above_what_was_read_of_the_one_before() -> None:
    version = microseconds(NOON)
    for stage in ("opened", "labeled", "completed", "merged"):
        for at in (NOON - dt.timedelta(hours=1), NOON, NOON + dt.timedelta(days=1)):
            placed = ranked(Row(None, version), stage, delivery(at)).version
            assert version - 1_000_000 < placed < version
    assert ranked(Row(None, version, is_removal=True), "deleted", "").version == version
