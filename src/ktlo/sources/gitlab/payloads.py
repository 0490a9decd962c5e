"""The part of GitLab's answers and webhooks that ktlo reads; unknown fields are ignored.

Formats: GitLab REST API v4 (issues, merge requests, deployments, pipelines, releases, events) and "Webhook events",
whose times are written either as in the API or as ``2016-08-12 15:23:28 UTC``.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec


class User(msgspec.Struct):
    """A person or a bot."""

    username: str = ""
    name: str = ""
    email: str | None = None
    public_email: str | None = None


class IssueLinks(msgspec.Struct):
    """What an issue points to; of which it was closed as a duplicate, where it was."""

    closed_as_duplicate_of: str | None = None


class IssueItem(msgspec.Struct):
    """An issue, task or incident."""

    iid: int
    title: str
    state: str
    created_at: dt.datetime
    updated_at: dt.datetime
    description: str | None = None
    issue_type: str | None = "issue"
    severity: str | None = None
    labels: list[str] = []
    author: User | None = None
    assignees: list[User] = []
    closed_at: dt.datetime | None = None
    closed_by: User | None = None
    moved_to_id: int | None = None
    web_url: str = ""
    links: IssueLinks = msgspec.field(default_factory=IssueLinks, name="_links")


class StateEvent(msgspec.Struct):
    """A closing or reopening of an issue (``resource_state_events``); its opening is none."""

    state: str
    created_at: dt.datetime
    user: User | None = None


class MergeRequestItem(msgspec.Struct):
    """A merge request."""

    iid: int
    title: str
    state: str
    created_at: dt.datetime
    updated_at: dt.datetime
    description: str | None = None
    draft: bool = False
    labels: list[str] = []
    author: User | None = None
    merge_user: User | None = None
    merged_by: User | None = None
    source_branch: str = ""
    target_branch: str = ""
    sha: str | None = None
    merge_commit_sha: str | None = None
    squash_commit_sha: str | None = None
    merged_at: dt.datetime | None = None
    closed_at: dt.datetime | None = None
    web_url: str = ""


class Environment(msgspec.Struct):
    """Where it was deployed to."""

    name: str = ""
    external_url: str | None = None


class Deployable(msgspec.Struct):
    """The job that deployed."""

    started_at: dt.datetime | None = None
    finished_at: dt.datetime | None = None
    web_url: str | None = None
    tag: bool | None = None


class DeploymentItem(msgspec.Struct):
    """A deployment."""

    id: int
    sha: str
    status: str
    created_at: dt.datetime
    updated_at: dt.datetime
    ref: str = ""
    user: User | None = None
    environment: Environment = msgspec.field(default_factory=Environment)
    deployable: Deployable | None = None


class PipelineItem(msgspec.Struct):
    """A pipeline as the list has it."""

    id: int
    sha: str
    status: str
    created_at: dt.datetime
    updated_at: dt.datetime
    ref: str | None = ""
    source: str | None = ""
    name: str | None = None
    web_url: str = ""


class ReleaseItem(msgspec.Struct):
    """A release."""

    tag_name: str
    released_at: dt.datetime
    name: str | None = None
    author: User | None = None
    upcoming_release: bool = False
    links: dict[str, Any] = msgspec.field(default_factory=dict, name="_links")


class NoteItem(msgspec.Struct):
    """The comment that an event is about."""

    id: int = 0
    system: bool = False
    noteable_type: str = ""
    noteable_iid: int | None = None


class EventItem(msgspec.Struct):
    """Something that a person did in the project."""

    id: int
    action_name: str
    created_at: dt.datetime
    target_type: str | None = None
    target_iid: int | None = None
    author: User | None = None
    author_username: str | None = None
    note: NoteItem | None = None


class ProjectItem(msgspec.Struct):
    """The project."""

    id: int
    path_with_namespace: str
    archived: bool = False


class HookProject(msgspec.Struct):
    """The project a webhook is about."""

    path_with_namespace: str = ""


class HookLabel(msgspec.Struct):
    """A label in a webhook."""

    title: str = ""


class Hook(msgspec.Struct):
    """A webhook: what is common to all kinds. Those about a group name no kind, those about its epics no project."""

    object_kind: str = ""
    event_name: str = ""
    object_attributes: msgspec.Raw = msgspec.Raw(b"{}")
    user: User | str | None = None
    project: HookProject | None = None
    labels: list[HookLabel] = []
    assignees: list[User] = []
    issue: msgspec.Raw = msgspec.Raw(b"null")
    merge_request: msgspec.Raw = msgspec.Raw(b"null")


class HookIssue(msgspec.Struct):
    """``object_attributes`` of an issue or work item."""

    iid: int
    title: str
    state: str
    created_at: str
    updated_at: str
    description: str | None = None
    type: str | None = "Issue"
    severity: str | None = None
    url: str = ""
    action: str = ""
    escalation_status: str | None = None
    closed_at: str | None = None
    moved_to_id: int | None = None
    duplicated_to_id: int | None = None


class HookMergeRequest(msgspec.Struct):
    """``object_attributes`` of a merge request."""

    iid: int
    title: str
    state: str
    created_at: str
    updated_at: str
    description: str | None = None
    draft: bool = False
    source_branch: str = ""
    target_branch: str = ""
    merge_commit_sha: str | None = None
    squash_commit_sha: str | None = None
    last_commit: dict[str, Any] | None = None
    url: str = ""
    action: str = ""


class HookNote(msgspec.Struct):
    """``object_attributes`` of a comment."""

    id: int
    noteable_type: str
    created_at: str
    system: bool = False


class Numbered(msgspec.Struct):
    """An issue or merge request that a comment is on."""

    iid: int


class HookPipeline(msgspec.Struct):
    """``object_attributes`` of a pipeline."""

    id: int
    sha: str
    status: str
    created_at: str
    ref: str | None = ""
    source: str | None = ""
    name: str | None = None
    finished_at: str | None = None
    url: str = ""


class HookDeployment(msgspec.Struct):
    """A deployment webhook, which has no ``object_attributes``."""

    deployment_id: int
    status: str
    status_changed_at: str
    environment: str | None = None
    deployable_url: str | None = None
    short_sha: str | None = None
    commit_url: str | None = None
    ref: str = ""
    user: User | None = None


class HookRelease(msgspec.Struct):
    """A release webhook, which has no ``object_attributes`` and does not say by whom."""

    tag: str
    released_at: str
    name: str | None = None
    url: str = ""
    action: str = ""
