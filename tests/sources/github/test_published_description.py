"""Our requests and our reading, held against what GitHub publishes about its API."""

import asyncio
import datetime as dt
from typing import Any

import httpx
import msgspec
import pytest
from github_published import PATHS, ROOT, Published
from github_runs import Collected
from graphql import parse, validate

from ktlo.sources.github import GitHubSource, mapping, payloads
from ktlo.sources.github.config import GitHubConfig
from ktlo.sources.github.details import query_for
from ktlo.sources.github.lists import ALL
from ktlo.sources.github.mapping import Of
from ktlo.sources.protocol import Status
from ktlo.sources.rest.walks import Entry

pytestmark = pytest.mark.node
OF = Of("github:octocat/Hello-World", "octocat/Hello-World")
LONG_AGO = "2007-01-01"


class FirstPages(httpx.AsyncBaseTransport):
    """Prism without its endless next pages; fails on any request that breaks the description."""

    def __init__(self) -> None:
        self._wire = httpx.AsyncHTTPTransport()
        self.asked: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        # GitHub's guide recommends the media type we send; its description only names the plain one.
        assert request.headers["accept"] == "application/vnd.github+json"
        request.headers["accept"] = "application/json"
        response = await self._wire.handle_async_request(request)
        violations = msgspec.json.decode(response.headers.get("sl-violations", "[]"))
        ours = [said for said in violations if said["location"][0] == "request"]
        assert not ours, f"{request.url}: {ours}"
        response.headers.pop("link", None)
        self.asked.append(request.url.path)
        return response

    async def aclose(self) -> None:
        await self._wire.aclose()


def _source(prism: str) -> tuple[GitHubSource, FirstPages]:
    transport = FirstPages()
    config = GitHubConfig(repository="octocat/Hello-World", api=prism, since=LONG_AGO)  # type: ignore[arg-type]
    return GitHubSource(config, transport=transport), transport


def test_every_request_is_one_that_github_describes_and_every_table_gets_its_example(prism: str) -> None:
    source, transport = _source(prism)
    into = Collected()

    async def collect() -> None:
        async for batch in source.collect({}):
            into.take(batch)

    asyncio.run(collect())
    assert {name for name, rows in into.everything().items() if rows} == {
        "issue_events",
        "changes",
        "reviews",
        "releases",
        "deployments",
        "workflow_runs",
    } | ({"issues"} if into.rows("issues") else set())
    assert into.rejected == []
    assert {path.replace("/octocat/Hello-World", "") for path in transport.asked} >= {
        "/repos/issues/events",
        "/repos/pulls/1347/reviews",
        "/repos/deployments/1/statuses",
        "/repos/actions/runs",
    }


def test_the_check_asks_only_what_github_describes(prism: str) -> None:
    source, _ = _source(prism)
    health = asyncio.run(source.check())
    assert health.status is Status.LIMITED
    assert [missing.what for missing in health.missing] == ["a token"]
    assert "can be read" in health.summary


def test_prism_would_have_noticed_a_wrong_request(prism: str) -> None:
    assert (
        httpx.get(f"{prism}/repos/o/r/issues?state=everything", trust_env=False, timeout=60).status_code
        == 422
    )
    assert httpx.get(f"{prism}/repos/o/r/issuez", trust_env=False, timeout=60).status_code == 404


@pytest.mark.parametrize("listing", ALL, ids=lambda listing: listing.name)
def test_github_knows_each_parameter_that_a_list_is_asked_with(published: Published, listing: Any) -> None:
    known = published.parameters(ROOT + listing.path)
    assert {*listing.params, "per_page", "page"} <= known
    if listing.params.get("direction") == "asc":
        assert "since" in known


def test_the_graphql_query_is_valid_on_githubs_published_schema(published: Published) -> None:
    assert validate(published.graphql, parse(query_for([1, 2, 1347]))) == []


def test_the_published_examples_break_their_own_schema_only_where_they_are_mended(
    published: Published,
) -> None:
    flawed = {path: published.violations(path, published.example(path)) for path in PATHS}
    assert {path: said for path, said in flawed.items() if said} == {}


def test_a_published_pull_request_becomes_a_change(published: Published) -> None:
    example = msgspec.convert(published.example(ROOT + "/pulls")[0], payloads.PullItem)
    row = mapping.change(example, OF).record
    assert (row.external_id, row.state, row.branch, row.base) == ("1347", "merged", "new-topic", "master")
    assert row.author == "octocat"
    assert row.labels == ("bug",)
    assert row.merge_sha == "e5bd3914e2e596debea16f433f57875b5b90bcd6"
    assert row.lines_added is None, "the list does not tell sizes"


def test_the_details_of_a_pull_request_outweigh_its_entry_in_the_list_until_it_changes(
    published: Published,
) -> None:
    listed = msgspec.convert(published.example(ROOT + "/pulls")[0], payloads.PullItem)
    later = msgspec.structs.replace(listed, updated_at=listed.updated_at + dt.timedelta(seconds=1))
    details = mapping.PullDetails(payloads.PullExtras(additions=1), ())
    versions = [
        mapping.change(item, OF, known).version
        for item, known in ((listed, None), (listed, details), (later, None))
    ]
    assert versions == sorted(set(versions))


def test_a_published_deployment_and_its_status_become_a_successful_deployment(published: Published) -> None:
    item = msgspec.convert(published.example(ROOT + "/deployments")[0], payloads.DeploymentItem)
    statuses = msgspec.convert(
        published.example(ROOT + "/deployments/{deployment_id}/statuses"), list[payloads.StatusItem]
    )
    row = mapping.deployment(item, statuses, OF).record
    assert (row.status, row.environment, row.actor) == ("success", "production", "octocat")
    assert row.version == "topic-branch"
    assert row.finished_at is not None


@pytest.mark.parametrize(
    ("event", "key", "kind"),
    [
        ("issues", "issue", payloads.IssueItem),
        ("issue_comment", "comment", payloads.CommentItem),
        ("pull_request", "pull_request", payloads.PullItem),
        ("pull_request_review", "review", payloads.ReviewItem),
        ("release", "release", payloads.ReleaseItem),
        ("deployment", "deployment", payloads.DeploymentItem),
        ("deployment_status", "deployment_status", payloads.StatusItem),
        ("workflow_run", "workflow_run", payloads.RunItem),
    ],
)
def test_every_real_payload_that_github_publishes_is_understood(
    published: Published, event: str, key: str, kind: type
) -> None:
    # One issue of a webhook is cut short; over REST the state is always told.
    payloads_told = [e[key] for e in published.webhooks[event] if key != "issue" or "state" in e[key]]
    assert payloads_told
    for told in payloads_told:
        item: Any = msgspec.convert(told, kind)
        for listing in ALL:
            if listing.item is kind and not listing.is_dear:
                entry = Entry(listing.at(item), listing.number(item), item)
                assert all(table and row.version > 0 for table, row in listing.rows(entry.item, OF))
