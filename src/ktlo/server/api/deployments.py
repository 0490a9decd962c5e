"""Deployments, what was in them, and which incidents they caused, over HTTP; and what a person says of a link."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from ktlo.delivery.reading import NEVER, Listed, read_deployment, read_deployments, read_links
from ktlo.delivery.verdicts import Verdict
from ktlo.records.delivery import DeployedChange, IncidentLink
from ktlo.server.api.effort import AUTHOR
from ktlo.server.api.metrics import Running
from ktlo.server.delivering import say_link

router = APIRouter(tags=["deployments"])

Text = Annotated[str, Query(max_length=1000)]


class LinkOut(BaseModel):
    """A deployment that may have caused an incident."""

    incident_source: str
    incident_id: str
    deployment_id: str
    gap_seconds: float = Field(description="From the deployment to the incident.")
    confidence: float = Field(description="0 to 1; docs/deployments.md has the formula.")
    reasons: list[str]
    verdict: str = Field(description="What a person said: confirmed, rejected, added; empty when nobody has.")
    said_by: str
    is_counted: bool = Field(description="Whether the metrics take it for the cause.")

    @classmethod
    def of(cls, link: IncidentLink) -> LinkOut:
        """As JSON has it."""
        return cls(
            incident_source=link.incident_source,
            incident_id=link.incident_id,
            deployment_id=link.deployment_id,
            gap_seconds=link.gap_seconds,
            confidence=link.confidence,
            reasons=list(link.reasons),
            verdict=link.verdict,
            said_by=link.said_by,
            is_counted=link.is_counted,
        )


class DeploymentListed(BaseModel):
    """A deployment."""

    deployment_id: str
    service: str
    repository: str
    environment: str
    is_production: bool
    version: str
    sha: str
    status: str
    basis: str = Field(description="What told it best: deployment, pipeline, telemetry, release or tag.")
    told_by: list[str]
    at: dt.datetime
    is_rollback: bool
    rolled_back_at: dt.datetime | None
    is_failed: bool = Field(description="As the change failure rate counts it.")
    changes: int | None = Field(description="Commits that it brought; null when not known.")
    taken_back: int | None
    contents_note: str
    message: str = Field(description="What the tool says of a failure; empty when nothing.")
    image: str = Field(description="Image that telemetry saw arrive, name:tag,tag@digest; empty when none.")
    lead_seconds: float | None = Field(description="Median of first commit to deployment; null without any.")
    url: str
    links: list[LinkOut]

    @classmethod
    def of(cls, listed: Listed) -> DeploymentListed:
        """As JSON has it."""
        one = listed.deployment
        return cls(
            deployment_id=one.deployment_id,
            service=one.service,
            repository=one.repository,
            environment=one.environment,
            is_production=one.is_production,
            version=one.version,
            sha=one.sha,
            status=one.status,
            basis=one.basis,
            image=one.image,
            told_by=list(one.told_by),
            at=one.at,
            is_rollback=one.is_rollback,
            rolled_back_at=one.rolled_back_at,
            is_failed=listed.is_failed,
            changes=one.changes,
            taken_back=one.taken_back,
            contents_note=one.contents_note,
            message=one.message,
            lead_seconds=listed.lead_seconds,
            url=one.url,
            links=[LinkOut.of(link) for link in listed.links],
        )


class ChangeOut(BaseModel):
    """A commit that a deployment brought."""

    repository: str
    sha: str
    subject: str
    authored_at: dt.datetime
    first_at: dt.datetime
    merged_at: dt.datetime | None
    change_id: str
    matched_by: str
    is_again: bool

    @classmethod
    def of(cls, one: DeployedChange) -> ChangeOut:
        """As JSON has it."""
        return cls(
            repository=one.repository,
            sha=one.sha,
            subject=one.subject,
            authored_at=one.authored_at,
            first_at=one.first_at,
            merged_at=one.merged_at,
            change_id=one.change_id,
            matched_by=one.matched_by,
            is_again=one.is_again,
        )


class DeploymentsOut(BaseModel):
    """Deployments, newest first."""

    total: int
    deployments: list[DeploymentListed]


class DeploymentInFull(DeploymentListed):
    """A deployment with what was in it."""

    contents: list[ChangeOut]


class SaidLink(BaseModel):
    """What a person says of a link."""

    source: str = Field(description="Source of the incident.", max_length=1000)
    incident: str = Field(description="external_id of the incident.", max_length=500)
    deployment: str = Field(description="deployment_id, or any of its told_by.", max_length=1000)
    verdict: Literal["confirmed", "rejected", "added", ""] = Field(
        description="Empty takes back what was said."
    )
    author: str = Field(AUTHOR, max_length=200)


def in_full(running: Running, identifier: str) -> DeploymentInFull:
    """One deployment with its contents."""
    listed, changes = read_deployment(running.store, identifier)
    return DeploymentInFull(
        **DeploymentListed.of(listed).model_dump(), contents=[ChangeOut.of(one) for one in changes]
    )


@router.get("/deployments")
def list_deployments(
    running: Running,
    service: Text = "",
    since: dt.datetime | None = None,
    elsewhere: bool = False,
    limit: Annotated[int, Query(ge=1, le=5000)] = 200,
) -> DeploymentsOut:
    """Deployments with what each brought and the incidents that may come from it, newest first."""
    moment = NEVER if since is None else since if since.tzinfo else since.replace(tzinfo=dt.UTC)
    found, total = read_deployments(running.store, service, moment, elsewhere=elsewhere, limit=limit)
    return DeploymentsOut(total=total, deployments=[DeploymentListed.of(one) for one in found])


@router.get("/deployment")
def show_deployment(running: Running, id: Text) -> DeploymentInFull:  # noqa: A002
    """One deployment by any of its names, with the commits in it."""
    return in_full(running, id)


@router.get("/incident-links")
def list_incident_links(running: Running, source: Text, id: Text) -> list[LinkOut]:  # noqa: A002
    """Deployments that may have caused an incident, the likeliest first, with the reasons."""
    return [LinkOut.of(link) for link, _ in read_links(running.store, source, id)]


@router.post("/incident-links")
def say_incident_link(running: Running, said: SaidLink) -> list[LinkOut]:
    """Confirm, reject or add a link, or take back what was said; the metrics follow at once."""
    verdict = Verdict(said.verdict) if said.verdict else None
    say_link(running, (said.source, said.incident), said.deployment, verdict, said.author)
    return list_incident_links(running, said.source, said.incident)
