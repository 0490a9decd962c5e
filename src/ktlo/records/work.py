"""Work: issues and their history, changes (pull requests) and reviews, deployments, releases, CI runs.

Filled by forges and trackers (``sources/github``, ``sources/csv``); read by effort, the bug metrics and
the delivery metrics. Names follow CDEvents and DORA where those have one.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Annotated

from ktlo.records.schema import Field, record


@record("issues", key=("source", "external_id"), vanishes=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """A unit of tracked work: bug report, task, request. Its history is in ``issue_events``."""

    source: Annotated[str, Field("Identifier of the source", label=True)]
    external_id: Annotated[str, Field("Identifier in the tracker (number or key)")]
    repository: Annotated[str, Field("Repository it belongs to; empty when none", label=True)]
    service: Annotated[str, Field("Service as the tracker names it; empty when none", label=True)]
    title: Annotated[str, Field("Title")]
    body: Annotated[str, Field("Description, at most 4,000 characters")]
    issue_type: Annotated[str, Field("Type as the tracker names it: Bug, Story…", label=True)]
    severity: Annotated[str, Field("Severity or priority as the tracker names it", label=True)]
    labels: Annotated[tuple[str, ...], Field("Labels now")]
    state: Annotated[str, Field("open or closed", label=True)]
    closed_as: Annotated[
        str,
        Field("completed, not_planned, duplicate… as the tracker says; empty if unknown", label=True),
    ]
    author: Annotated[str, Field("Who opened it: login or mail")]
    assignee: Annotated[str, Field("Who has it now: login or mail; empty when nobody")]
    created_at: Annotated[dt.datetime, Field("When it was opened")]
    closed_at: Annotated[dt.datetime | None, Field("When it was last closed; null while open")]
    updated_at: Annotated[dt.datetime, Field("When the tracker last changed it")]
    url: Annotated[str, Field("Where a person reads it; empty when nowhere")]
    observed_until: Annotated[
        dt.datetime | None,
        Field("Until when the source knew the item (an export's horizon); null for a live source"),
    ] = None
    request_type: Annotated[
        str, Field("What a service desk's customer asked for, as it names it; empty when none", label=True)
    ] = ""


@record(
    "issue_events",
    key=("source", "issue_id", "event_id"),
    order=("source", "issue_id", "event_id"),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class IssueEvent:
    """Something that happened to an issue, one row each, in the tracker's own order of time."""

    source: Annotated[str, Field("Identifier of the source", label=True)]
    issue_id: Annotated[str, Field("external_id of the issue (or number of the change)")]
    event_id: Annotated[str, Field("Identifier of the event, or a digest when the tracker has none")]
    repository: Annotated[str, Field("Repository; empty when none", label=True)]
    occurred_at: Annotated[dt.datetime, Field("When")]
    kind: Annotated[
        str,
        Field(
            "opened, closed, reopened, labeled, unlabeled, assigned, unassigned, commented,"
            " referenced, renamed, transferred, status (from one state to another)",
            label=True,
        ),
    ]
    actor: Annotated[str, Field("Who did it: login or mail; empty when unknown")]
    before: Annotated[str, Field("Value before (status, title…); empty when it has none")]
    after: Annotated[str, Field("Value after (label, status, assignee…); empty when it has none")]


@record("changes", key=("source", "external_id"), vanishes=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A proposed change under review: pull request or merge request."""

    source: Annotated[str, Field("Identifier of the source", label=True)]
    external_id: Annotated[str, Field("Number in the forge")]
    repository: Annotated[str, Field("Repository", label=True)]
    title: Annotated[str, Field("Title")]
    body: Annotated[str, Field("Description, at most 4,000 characters")]
    labels: Annotated[tuple[str, ...], Field("Labels now")]
    state: Annotated[str, Field("open, merged or closed", label=True)]
    is_draft: Annotated[bool, Field("True while it is a draft")]
    author: Annotated[str, Field("Who opened it: login")]
    merged_by: Annotated[str, Field("Who merged it: login; empty when not merged or unknown")]
    branch: Annotated[str, Field("Branch it comes from")]
    base: Annotated[str, Field("Branch it goes to", label=True)]
    head_sha: Annotated[str, Field("Newest commit of the branch")]
    merge_sha: Annotated[str, Field("Commit that merged it (merge, squash or last rebased); empty")]
    commits: Annotated[tuple[str, ...], Field("Commits of the branch where the forge tells them")]
    lines_added: Annotated[int | None, Field("Lines added", unit="lines")]
    lines_deleted: Annotated[int | None, Field("Lines deleted", unit="lines")]
    files_changed: Annotated[int | None, Field("Files touched", unit="files")]
    created_at: Annotated[dt.datetime, Field("When it was opened")]
    merged_at: Annotated[dt.datetime | None, Field("When it was merged")]
    closed_at: Annotated[dt.datetime | None, Field("When it was closed, merged or not")]
    updated_at: Annotated[dt.datetime, Field("When the forge last changed it")]
    url: Annotated[str, Field("Where a person reads it")]


@record("reviews", key=("source", "change_id", "review_id"), order=("source", "change_id", "review_id"))
@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """One review of a change."""

    source: Annotated[str, Field("Identifier of the source", label=True)]
    change_id: Annotated[str, Field("external_id of the change")]
    review_id: Annotated[str, Field("Identifier of the review")]
    repository: Annotated[str, Field("Repository", label=True)]
    reviewer: Annotated[str, Field("Who reviewed: login")]
    submitted_at: Annotated[dt.datetime, Field("When")]
    state: Annotated[str, Field("approved, changes_requested, commented or dismissed", label=True)]


@record("deployments", key=("source", "external_id"), order=("source", "external_id"))
@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A version put into an environment."""

    source: Annotated[str, Field("Identifier of the source", label=True)]
    external_id: Annotated[str, Field("Identifier in the source")]
    repository: Annotated[str, Field("Repository; empty when none", label=True)]
    service: Annotated[str, Field("Service; empty when none", label=True)]
    environment: Annotated[str, Field("Environment: production, staging…", label=True)]
    version: Annotated[str, Field("Version or tag; empty when unknown")]
    sha: Annotated[str, Field("Commit deployed; empty when unknown")]
    status: Annotated[
        str,
        Field(
            "success, degraded (in force, broken at once), failure, in_progress, inactive or unknown",
            label=True,
        ),
    ]
    actor: Annotated[str, Field("Who or what deployed; empty when unknown")]
    started_at: Annotated[dt.datetime, Field("When it began")]
    finished_at: Annotated[dt.datetime | None, Field("When it ended; null while running")]
    url: Annotated[str, Field("Where a person reads it")]
    message: Annotated[str, Field("What the tool says of a failure; empty when nothing")] = ""


@record("releases", key=("source", "external_id"), order=("source", "external_id"))
@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A published release of a repository."""

    source: Annotated[str, Field("Identifier of the source", label=True)]
    external_id: Annotated[str, Field("Identifier in the forge")]
    repository: Annotated[str, Field("Repository", label=True)]
    tag: Annotated[str, Field("Tag it was made from")]
    name: Annotated[str, Field("Title")]
    is_prerelease: Annotated[bool, Field("True when marked as not for production")]
    author: Annotated[str, Field("Who published it")]
    published_at: Annotated[dt.datetime, Field("When")]
    url: Annotated[str, Field("Where a person reads it")]


@record("workflow_runs", key=("source", "external_id"), order=("source", "external_id"))
@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowRun:
    """One run of a CI/CD workflow (pipeline)."""

    source: Annotated[str, Field("Identifier of the source", label=True)]
    external_id: Annotated[str, Field("Identifier in the forge")]
    repository: Annotated[str, Field("Repository", label=True)]
    workflow: Annotated[str, Field("Name of the workflow", label=True)]
    trigger: Annotated[str, Field("Event that started it: push, schedule…", label=True)]
    branch: Annotated[str, Field("Branch")]
    sha: Annotated[str, Field("Commit")]
    attempt: Annotated[int, Field("Attempt number, from 1")]
    status: Annotated[str, Field("queued, in_progress or completed", label=True)]
    conclusion: Annotated[
        str,
        Field("success, failure, cancelled, skipped, timed_out…; empty while running", label=True),
    ]
    actor: Annotated[str, Field("Who started it: login")]
    started_at: Annotated[dt.datetime, Field("When it began")]
    finished_at: Annotated[dt.datetime | None, Field("When it ended; null while running")]
    url: Annotated[str, Field("Where a person reads it")]
