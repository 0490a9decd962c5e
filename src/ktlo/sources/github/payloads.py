"""The part of GitHub's answers that ktlo reads, one struct an object; unknown fields are ignored.

Only what identifies and dates an object is demanded: a missing extra must not cost the row. Format:
GitHub's published API description (npm ``@octokit/openapi``), which the tests hold these against.
"""

from __future__ import annotations

import datetime as dt

import msgspec


class User(msgspec.Struct):
    """A person or a bot; bots' logins end in ``[bot]``."""

    login: str


class Label(msgspec.Struct):
    """A label; old answers give its bare name instead."""

    name: str = ""


class IssueType(msgspec.Struct):
    """Bug, Feature, Task… where the organisation uses types."""

    name: str = ""


class Choice(msgspec.Struct):
    """The chosen option of an issue field."""

    name: str = ""


class FieldValue(msgspec.Struct):
    """A field of the organisation's own on an issue, such as Priority."""

    issue_field_name: str = ""
    single_select_option: Choice | None = None


class PullMark(msgspec.Struct):
    """Present on an issue that is a pull request."""

    merged_at: dt.datetime | None = None


class IssueItem(msgspec.Struct):
    """An issue, or a pull request seen as one."""

    number: int
    title: str
    state: str
    created_at: dt.datetime
    updated_at: dt.datetime
    html_url: str = ""
    body: str | None = None
    user: User | None = None
    assignee: User | None = None
    labels: list[Label | str] = []
    state_reason: str | None = None
    closed_at: dt.datetime | None = None
    type: IssueType | None = None
    issue_field_values: list[FieldValue] | None = None
    pull_request: PullMark | None = None


class EventIssue(msgspec.Struct):
    """The issue an event belongs to, as far as the event needs it."""

    number: int
    state_reason: str | None = None
    closed_at: dt.datetime | None = None


class Rename(msgspec.Struct, rename={"before": "from", "after": "to"}):
    """Titles before and after."""

    before: str = ""
    after: str = ""


class EventItem(msgspec.Struct):
    """Something that happened to an issue or pull request."""

    id: int
    event: str
    created_at: dt.datetime
    issue: EventIssue | None = None
    actor: User | None = None
    label: Label | None = None
    assignee: User | None = None
    rename: Rename | None = None
    commit_id: str | None = None


class CommentItem(msgspec.Struct):
    """A comment on an issue or pull request."""

    id: int
    issue_url: str
    created_at: dt.datetime
    updated_at: dt.datetime
    user: User | None = None


class Branch(msgspec.Struct):
    """One end of a pull request."""

    ref: str = ""
    sha: str = ""


class PullItem(msgspec.Struct):
    """A pull request as the list gives it."""

    number: int
    title: str
    state: str
    created_at: dt.datetime
    updated_at: dt.datetime
    html_url: str = ""
    body: str | None = None
    user: User | None = None
    labels: list[Label | str] = []
    draft: bool = False
    head: Branch = msgspec.field(default_factory=Branch)
    base: Branch = msgspec.field(default_factory=Branch)
    merge_commit_sha: str | None = None
    merged_at: dt.datetime | None = None
    closed_at: dt.datetime | None = None


class PullExtras(msgspec.Struct):
    """What only a single pull request's own answer tells."""

    additions: int | None = None
    deletions: int | None = None
    changed_files: int | None = None
    merged_by: User | None = None


class ReviewItem(msgspec.Struct):
    """A review; ``submitted_at`` is missing while it is a draft of its author."""

    id: int
    state: str
    submitted_at: dt.datetime | None = None
    user: User | None = None


class ReleaseItem(msgspec.Struct):
    """A release; drafts have no ``published_at``."""

    id: int
    tag_name: str
    created_at: dt.datetime
    html_url: str = ""
    name: str | None = None
    prerelease: bool = False
    draft: bool = False
    published_at: dt.datetime | None = None
    updated_at: dt.datetime | None = None
    author: User | None = None


class DeploymentItem(msgspec.Struct):
    """A deployment; how it went is in its statuses."""

    id: int
    created_at: dt.datetime
    updated_at: dt.datetime
    sha: str = ""
    ref: str = ""
    environment: str = ""
    creator: User | None = None


class StatusItem(msgspec.Struct):
    """One report on a deployment."""

    state: str
    created_at: dt.datetime
    updated_at: dt.datetime | None = None
    log_url: str = ""
    target_url: str = ""
    environment: str = ""


class RunItem(msgspec.Struct):
    """A workflow run, in its newest attempt."""

    id: int
    created_at: dt.datetime
    updated_at: dt.datetime
    event: str = ""
    name: str | None = None
    path: str = ""
    head_branch: str | None = None
    head_sha: str = ""
    run_attempt: int = 1
    status: str | None = None
    conclusion: str | None = None
    actor: User | None = None
    triggering_actor: User | None = None
    run_started_at: dt.datetime | None = None
    html_url: str = ""


class RunPage(msgspec.Struct):
    """A page of workflow runs."""

    workflow_runs: list[msgspec.Raw]


class RepositoryItem(msgspec.Struct):
    """The repository itself."""

    full_name: str
    open_issues_count: int = 0
    private: bool = False
    has_issues: bool = True


class Rate(msgspec.Struct):
    """An allowance."""

    limit: int
    remaining: int
    reset: int


class Resources(msgspec.Struct):
    """Allowances by kind of request."""

    core: Rate


class RateLimit(msgspec.Struct):
    """Answer of ``/rate_limit``, which costs nothing."""

    resources: Resources
