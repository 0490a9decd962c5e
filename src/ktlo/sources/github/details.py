"""What only further requests tell: reviews and size of pull requests, statuses of deployments, which issues are there.

By REST two requests a pull request; with a token by GraphQL, one request for twenty, which also tells the
commits of the branch. Both end in the same :class:`PullDetails`. Formats: GitHub's published descriptions
(npm ``@octokit/openapi``, ``@octokit/graphql-schema``), which the tests hold the requests against.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec

from ktlo.errors import SourceError
from ktlo.sources.github.api import Api
from ktlo.sources.github.mapping import PullDetails
from ktlo.sources.github.payloads import PullExtras, ReviewItem, StatusItem, User
from ktlo.sources.rest.connection import AbsentError, DeniedError, decode
from ktlo.sources.rest.quota import LimitReachedError

T = TypeVar("T")

_FRAGMENT = """
fragment details on PullRequest {
  additions deletions changedFiles
  mergedBy { __typename login }
  commits(last: 100) { nodes { commit { oid } } }
  reviews(first: 100) {
    nodes { fullDatabaseId state submittedAt author { __typename login } }
    pageInfo { hasNextPage }
  }
}
"""


class _Actor(msgspec.Struct):
    login: str
    kind: str = msgspec.field(default="", name="__typename")

    def user(self) -> User:
        # GraphQL names a bot without the ending by which REST, and people, know it.
        return User(f"{self.login}[bot]" if self.kind == "Bot" else self.login)


class _Oid(msgspec.Struct):
    oid: str


class _CommitNode(msgspec.Struct):
    commit: _Oid


class _Commits(msgspec.Struct):
    nodes: list[_CommitNode | None]


class _Review(msgspec.Struct, rename="camel"):
    full_database_id: int | str
    state: str
    submitted_at: dt.datetime | None = None
    author: _Actor | None = None


class _PageInfo(msgspec.Struct, rename="camel"):
    has_next_page: bool


class _Reviews(msgspec.Struct, rename="camel"):
    nodes: list[_Review | None]
    page_info: _PageInfo


class _Pull(msgspec.Struct, rename="camel"):
    additions: int
    deletions: int
    changed_files: int
    commits: _Commits
    reviews: _Reviews
    merged_by: _Actor | None = None


class _Data(msgspec.Struct):
    repository: dict[str, _Pull | None] | None = None


class _Repository(msgspec.Struct, rename="camel"):
    name_with_owner: str


class _Issue(msgspec.Struct):
    repository: _Repository


class _IssuesData(msgspec.Struct):
    repository: dict[str, _Issue | None] | None = None


class _Problem(msgspec.Struct):
    message: str = ""
    type: str = ""


class _Reply(msgspec.Struct):
    data: _Data | None = None
    errors: list[_Problem] = []


class _IssuesReply(msgspec.Struct):
    data: _IssuesData | None = None
    errors: list[_Problem] = []


def query_for(numbers: Sequence[int]) -> str:
    """The GraphQL query for some pull requests, one alias each; numbers only, so nothing to escape."""
    asked = " ".join(
        f"n{int(number)}: pullRequest(number: {int(number)}) {{ ...details }}" for number in numbers
    )
    return (
        "query($owner: String!, $name: String!) {"
        f" repository(owner: $owner, name: $name) {{ {asked} }} }}{_FRAGMENT}"
    )


async def pull_details(api: Api, full_name: str, numbers: Sequence[int]) -> dict[int, PullDetails]:
    """Details of some pull requests by number; those that are gone are left out.

    Raises:
        SourceError: as :meth:`Api.get`.
    """
    if api.has_token and numbers:
        try:
            return await _by_graphql(api, full_name, numbers)
        except LimitReachedError:
            raise
        except SourceError:
            # A server or token without GraphQL, or a query too heavy for it: REST says the same, with more
            # requests. Where all of GitHub is down, REST says so.
            pass
    found = {}
    for number in numbers:
        path = f"/repos/{full_name}/pulls/{number}"
        try:
            extras = decode((await api.get(path)).body, PullExtras, path)
            found[number] = PullDetails(extras, await _reviews(api, path))
        except AbsentError:
            continue
    return found


def issues_query_for(numbers: Iterable[int]) -> str:
    """The GraphQL query for where some issues are, one alias each; numbers only, so nothing to escape."""
    asked = " ".join(
        f"n{int(number)}: issue(number: {int(number)}) {{ repository {{ nameWithOwner }} }}"
        for number in numbers
    )
    return (
        f"query($owner: String!, $name: String!) {{ repository(owner: $owner, name: $name) {{ {asked} }} }}"
    )


async def issues_there(api: Api, full_name: str, numbers: Iterable[int]) -> set[int]:
    """Which of some issues are still in a repository, by GraphQL; none where it cannot say.

    Raises:
        LimitReachedError: wait and run again.
    """
    owner, _, name = full_name.partition("/")
    try:
        body = await api.ask(issues_query_for(numbers), {"owner": owner, "name": name})
        reply = decode(body, _IssuesReply, "/graphql")
    except LimitReachedError:
        raise
    except SourceError:
        return set()
    found: Mapping[str, _Issue | None] = (reply.data and reply.data.repository) or {}
    return {
        int(alias[1:])
        for alias, issue in found.items()
        if issue is not None and issue.repository.name_with_owner.lower() == full_name.lower()
    }


async def _reviews(api: Api, path: str) -> tuple[ReviewItem, ...]:
    return tuple(await _all_pages(api, f"{path}/reviews", ReviewItem))


async def deployment_statuses(api: Api, full_name: str, number: int) -> list[StatusItem]:
    """All statuses of a deployment; none when it was deleted meanwhile."""
    try:
        return await _all_pages(api, f"/repos/{full_name}/deployments/{number}/statuses", StatusItem)
    except AbsentError:
        return []


async def _all_pages(api: Api, path: str, kind: type[T]) -> list[T]:
    items: list[T] = []
    page = 1
    while True:
        answer = await api.get(path, {"per_page": 100, "page": page})
        items += decode(answer.body, list[kind], path)  # type: ignore[valid-type]
        if not answer.more:
            return items
        page += 1


async def _by_graphql(api: Api, full_name: str, numbers: Sequence[int]) -> dict[int, PullDetails]:
    owner, _, name = full_name.partition("/")
    where = "/graphql"
    reply = decode(await api.ask(query_for(numbers), {"owner": owner, "name": name}), _Reply, where)
    if reply.data is None or reply.data.repository is None:
        problem = reply.errors[0] if reply.errors else _Problem("no reason given")
        if problem.type in ("FORBIDDEN", "NOT_FOUND", "INSUFFICIENT_SCOPES"):
            raise DeniedError(problem.message, where=where)
        raise SourceError(f"GitHub could not answer the query: {problem.message[:200]}", where=where)
    found = {}
    for number in numbers:
        pull = reply.data.repository.get(f"n{number}")
        if pull is None:
            continue
        if pull.reviews.page_info.has_next_page:
            reviews = await _reviews(api, f"/repos/{full_name}/pulls/{number}")
        else:
            reviews = tuple(
                ReviewItem(
                    id=int(review.full_database_id),
                    state=review.state,
                    submitted_at=review.submitted_at,
                    user=review.author.user() if review.author else None,
                )
                for review in pull.reviews.nodes
                if review is not None
            )
        found[number] = PullDetails(
            PullExtras(
                additions=pull.additions,
                deletions=pull.deletions,
                changed_files=pull.changed_files,
                merged_by=pull.merged_by.user() if pull.merged_by else None,
            ),
            reviews,
            tuple(node.commit.oid for node in pull.commits.nodes if node is not None),
        )
    return found
