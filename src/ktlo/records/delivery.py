"""Delivery: deployments as the metrics see them, the changes that each contained, and incidents linked to them.

Derived by ``delivery/derive`` from what forges, pipelines, tags and telemetry tell; read by ``metrics/delivery`` and
the pages of deployments and incidents.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Annotated

from ktlo.records.schema import Field, Life, record


@record(
    "service_deployments",
    key=("deployment_id",),
    order=("service", "at", "deployment_id"),
    life=Life.DERIVED,
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceDeployment:
    """A version put into an environment, once, however many sources told of it."""

    deployment_id: Annotated[str, Field("source|external_id of the best source that told it")]
    service: Annotated[str, Field("Service of the catalogue; empty when none is known", label=True)]
    team: Annotated[str, Field("Owning team; empty when none", label=True)]
    repository: Annotated[str, Field("Repository; empty when none is known", label=True)]
    environment: Annotated[str, Field("Environment as it was told; empty when none", label=True)]
    is_production: Annotated[bool, Field("Whether that environment is production, by its name")]
    version: Annotated[str, Field("Version or tag; empty when unknown")]
    sha: Annotated[str, Field("Commit, whole where the repository is known; empty when unknown")]
    status: Annotated[
        str,
        Field("success, degraded (in force, broken at once), failure, in_progress or unknown", label=True),
    ]
    basis: Annotated[
        str, Field("What told it best: deployment, pipeline, telemetry, release or tag", label=True)
    ]
    source: Annotated[str, Field("Source that told it best", label=True)]
    external_id: Annotated[str, Field("Identifier there")]
    told_by: Annotated[
        tuple[str, ...], Field("source|external_id of everything that told it, the best first")
    ]
    actor: Annotated[str, Field("Who or what deployed; empty when unknown")]
    started_at: Annotated[dt.datetime, Field("When it began")]
    at: Annotated[dt.datetime, Field("When it was in force: its end, else its beginning")]
    url: Annotated[str, Field("Where a person reads it; empty when nowhere")]
    is_rollback: Annotated[bool, Field("It put back a version that had been there before")]
    rolled_back_at: Annotated[
        dt.datetime | None, Field("When the next deployment within 24 hours took it back; null when none did")
    ]
    next_at: Annotated[
        dt.datetime | None, Field("When the next one of its service and environment was in force")
    ]
    previous_id: Annotated[str, Field("Deployment that it was compared with; empty when there is none")]
    previous_sha: Annotated[str, Field("Commit of that one")]
    changes: Annotated[int | None, Field("Commits that it brought; null when that is not known")]
    taken_back: Annotated[int | None, Field("Commits that it took back; null when that is not known")]
    contents_note: Annotated[
        str,
        Field(
            "Why its commits are not known, or how its commit was found; empty when there is nothing to say"
        ),
    ]
    message: Annotated[str, Field("What the tool says of a failure; empty when nothing")] = ""
    image: Annotated[
        str, Field("Image that telemetry saw arrive, name:tag,tag@digest; empty when it saw none")
    ] = ""


@record(
    "deployed_changes",
    key=("deployment_id", "sha"),
    order=("deployment_id", "sha"),
    life=Life.DERIVED,
)
@dataclass(frozen=True, slots=True, kw_only=True)
class DeployedChange:
    """A commit that a deployment brought into an environment."""

    deployment_id: Annotated[str, Field("The deployment")]
    repository: Annotated[str, Field("Repository", label=True)]
    sha: Annotated[str, Field("The commit")]
    subject: Annotated[str, Field("Its first line")]
    author: Annotated[str, Field("Its author's address")]
    authored_at: Annotated[dt.datetime, Field("When it was written, by its author's clock")]
    committed_at: Annotated[dt.datetime, Field("When this commit object was made")]
    first_at: Annotated[
        dt.datetime,
        Field(
            "When the first commit of its pull request was written, else the request opened, else this one written"
        ),
    ]
    merged_at: Annotated[
        dt.datetime | None, Field("When its pull request was merged; null when none is known")
    ]
    change_id: Annotated[str, Field("Number of its pull request; empty when none is known")]
    change_source: Annotated[str, Field("Source of the pull request", label=True)]
    matched_by: Annotated[
        str,
        Field("How the request was found: commit, merge commit or patch; empty when it was not", label=True),
    ]
    is_again: Annotated[bool, Field("An earlier deployment of the service had already brought it")]


@record(
    "incident_links",
    key=("incident_source", "incident_id", "deployment_id"),
    order=("incident_source", "incident_id", "deployment_id"),
    life=Life.DERIVED,
)
@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentLink:
    """A deployment that may have caused an incident: how sure that is, why, and what a person says of it."""

    incident_source: Annotated[str, Field("Source of the incident", label=True)]
    incident_id: Annotated[str, Field("external_id of the incident")]
    deployment_id: Annotated[str, Field("The deployment")]
    began_at: Annotated[dt.datetime, Field("When the incident began")]
    ended_at: Annotated[dt.datetime | None, Field("When it was mitigated or resolved; null while open")]
    gap_seconds: Annotated[float, Field("From the deployment to the incident", unit="s")]
    confidence: Annotated[float, Field("0 to 1; see docs/deployments.md for the formula")]
    reasons: Annotated[tuple[str, ...], Field("Why, in words")]
    verdict: Annotated[
        str, Field("What a person said: confirmed, rejected or added; empty when nobody has", label=True)
    ]
    said_by: Annotated[str, Field("Who said it; empty when nobody has")]
    is_counted: Annotated[bool, Field("Whether the metrics take the deployment for the incident's cause")]
