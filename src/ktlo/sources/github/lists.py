"""The lists that GitHub keeps of a repository: where each is, how it is walked, what its items become.

One entry a list; ``source`` walks them in this order, cheapest for the knowledge first. What is lost
without a list, and the permission it needs, stands beside it: the check and the notes of a run say it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from ktlo.sources.github import mapping
from ktlo.sources.github.api import Api
from ktlo.sources.github.config import Part
from ktlo.sources.github.details import deployment_statuses, pull_details
from ktlo.sources.github.mapping import Of, PullDetails
from ktlo.sources.github.payloads import (
    CommentItem,
    DeploymentItem,
    EventItem,
    IssueItem,
    PullItem,
    ReleaseItem,
    RunItem,
    RunPage,
    StatusItem,
)
from ktlo.sources.rest.connection import Answer, decode
from ktlo.sources.rest.gathering import always, linked, numbered, plain
from ktlo.sources.rest.rows import Row
from ktlo.sources.rest.walks import Entry

Rows = Iterator[tuple[str, Row]]
"""Table name and row."""
Entries = Sequence[Entry[Any]]
Complete = Callable[[Api, str, Entries], Awaitable[Entries]]
"""Gets the connection, ``owner/name`` and some entries; gives them with what took further requests."""


def _runs(body: bytes, where: str) -> list[msgspec.Raw]:
    return decode(body, RunPage, where).workflow_runs


async def _as_they_are(_api: Api, _full_name: str, entries: Entries) -> Entries:
    return entries


async def _with_details(api: Api, full_name: str, entries: Entries) -> Entries:
    known = await pull_details(api, full_name, [entry.number for entry in entries])
    return [replace(entry, item=(entry.item, known.get(entry.number))) for entry in entries]


async def _with_statuses(api: Api, full_name: str, entries: Entries) -> Entries:
    completed = []
    for entry in entries:
        statuses = await deployment_statuses(api, full_name, entry.number)
        completed.append(replace(entry, item=(entry.item, statuses), is_settled=mapping.is_over(statuses)))
    return completed


@dataclass(frozen=True, slots=True)
class Listing:
    """One list.

    Attributes:
        name: key of its state in the cursor.
        label: what it is called in sentences.
        part: what of the configuration's ``read`` it belongs to.
        path: below ``/repos/OWNER/NAME``.
        item: what an entry is.
        at: time by which the list is sorted.
        number: identifies an entry.
        needs: fine-grained permission.
        cost: what the numbers lose without it.
        params: query besides page and ``since``.
        since: parameter that asks for what changed since a time, for a list sorted oldest change first; empty for one
            that is sorted newest first.
        rows: what an entry becomes, once completed.
        complete: adds what takes further requests.
        is_settled: false for entries that will change without moving in the list.
        entries: the raw entries of an answer.
        paged, more: see :class:`ktlo.sources.rest.lists.Listed`.
        chunk: entries that are handled between two cursors.
        overlap: how far below where the last walk began to read again.
    """

    name: str
    label: str
    part: Part
    path: str
    item: type
    at: Callable[[Any], dt.datetime]
    number: Callable[[Any], int]
    needs: str
    cost: str
    rows: Callable[[Any, Of], Rows]
    params: Mapping[str, str | int] = field(default_factory=dict)
    since: str = ""
    complete: Complete = _as_they_are
    is_settled: Callable[[Any], bool] = always
    entries: Callable[[bytes, str], list[msgspec.Raw]] = plain
    paged: Callable[[int, int], Mapping[str, str | int]] = numbered
    more: Callable[[Answer, int], bool] = linked
    chunk: int = 100
    overlap: dt.timedelta = dt.timedelta(0)

    @property
    def is_dear(self) -> bool:
        """Whether each entry takes requests of its own."""
        return self.complete is not _as_they_are

    @property
    def loss(self) -> str:
        """What a run says when it cannot read the list."""
        return f"So there are {self.cost}; a fine-grained token needs `{self.needs}`, a classic one `repo`"


def _issue(item: IssueItem, of: Of) -> Rows:
    if item.pull_request is None:
        yield "issues", mapping.issue(item, of)
        yield "issue_events", mapping.opened(item, of)


def _event(item: EventItem, of: Of) -> Rows:
    if row := mapping.event(item, of):
        yield "issue_events", row


def _comment(item: CommentItem, of: Of) -> Rows:
    yield "issue_events", mapping.comment(item, of)


def _pull(item: PullItem, of: Of) -> Rows:
    yield "changes", mapping.change(item, of)


def _release(item: ReleaseItem, of: Of) -> Rows:
    if row := mapping.release(item, of):
        yield "releases", row


def _deployment(item: tuple[DeploymentItem, list[StatusItem]], of: Of) -> Rows:
    yield "deployments", mapping.deployment(*item, of)


def _reviewed(item: tuple[PullItem, PullDetails | None], of: Of) -> Rows:
    pull, details = item
    if details is None:
        return
    yield "changes", mapping.change(pull, of, details)
    for review in details.reviews:
        if row := mapping.review(review, pull, of):
            yield "reviews", row


def _run(item: RunItem, of: Of) -> Rows:
    yield "workflow_runs", mapping.workflow_run(item, of)


ISSUES = Listing(
    name="issues",
    label="issues",
    part=Part.ISSUES,
    path="/issues",
    item=IssueItem,
    at=lambda item: item.updated_at,
    number=lambda item: item.number,
    needs="Issues: read",
    cost="no issues: bugs, their age and resolution, and support work are not in the numbers",
    params={"state": "all", "sort": "updated", "direction": "asc"},
    since="since",
    rows=_issue,
)
PULLS = Listing(
    name="pulls",
    label="pull requests",
    part=Part.PULL_REQUESTS,
    path="/pulls",
    item=PullItem,
    at=lambda item: item.updated_at,
    number=lambda item: item.number,
    needs="Pull requests: read",
    cost="no pull requests: effort lacks their authors' work, and commits lose their labels and branches",
    params={"state": "all", "sort": "updated", "direction": "desc"},
    rows=_pull,
)
RELEASES = Listing(
    name="releases",
    label="releases",
    part=Part.RELEASES,
    path="/releases",
    item=ReleaseItem,
    at=lambda item: item.created_at,
    number=lambda item: item.id,
    needs="Contents: read",
    cost="no releases",
    rows=_release,
    # Sorted by the date of the tagged commit, which may be long before the release was published.
    overlap=dt.timedelta(days=365),
)
EVENTS = Listing(
    name="events",
    label="issue histories",
    part=Part.ISSUES,
    path="/issues/events",
    item=EventItem,
    at=lambda item: item.created_at,
    number=lambda item: item.id,
    needs="Issues: read",
    cost="no history of issues: reopenings, labels over time and who did what are not in the numbers",
    rows=_event,
)
COMMENTS = Listing(
    name="comments",
    label="comments",
    part=Part.ISSUES,
    path="/issues/comments",
    item=CommentItem,
    at=lambda item: item.updated_at,
    number=lambda item: item.id,
    needs="Issues: read",
    cost="no comments: the effort of answering is not in the numbers",
    params={"sort": "updated", "direction": "asc"},
    since="since",
    rows=_comment,
)
RUNS = Listing(
    name="runs",
    label="workflow runs",
    part=Part.WORKFLOW_RUNS,
    path="/actions/runs",
    item=RunItem,
    at=lambda item: item.created_at,
    number=lambda item: item.id,
    needs="Actions: read",
    cost="no workflow runs: failures of CI and their repair are not in the numbers",
    params={"exclude_pull_requests": "true"},
    rows=_run,
    is_settled=lambda item: item.status == "completed",
    entries=_runs,
)
DEPLOYMENTS = Listing(
    name="deployments",
    label="deployments",
    part=Part.DEPLOYMENTS,
    path="/deployments",
    item=DeploymentItem,
    at=lambda item: item.created_at,
    number=lambda item: item.id,
    needs="Deployments: read",
    cost="no deployments: failed ones and the way from change to production are not in the numbers",
    rows=_deployment,
    complete=_with_statuses,
    chunk=5,
)
REVIEWS = Listing(
    name="reviews",
    label="reviews and sizes of pull requests",
    part=Part.REVIEWS,
    path="/pulls",
    item=PullItem,
    at=lambda item: item.updated_at,
    number=lambda item: item.number,
    needs="Pull requests: read",
    cost="no reviews: the effort of reviewers is not in the numbers",
    params=PULLS.params,
    rows=_reviewed,
    complete=_with_details,
    chunk=20,
)

ALL = (ISSUES, PULLS, RELEASES, EVENTS, COMMENTS, RUNS, DEPLOYMENTS, REVIEWS)
