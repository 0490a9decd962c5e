"""One sync, as a deployment. Pure: a notification in, rows out.

A sync that failed is a deployment that did not get through. One that succeeded came into force; when the application
is degraded within the hour after it, it is a degraded deployment. Later changes of health are no matter of it.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Literal

from pydantic import Field

from ktlo.records.work import Deployment
from ktlo.sources.argocd.payloads import Application, Notification, OperationState, tag_of
from ktlo.sources.listening import MOST_SAID, DeployerConfig
from ktlo.sources.rest.rows import Row, microseconds

ROLLOUT = dt.timedelta(hours=1)
"""For so long after a sync its health speaks of it; Kubernetes gives a rollout up after ten minutes by default."""
_COMMIT = re.compile(r"[0-9a-f]{40}")


class ArgoCdConfig(DeployerConfig):
    """One Argo CD."""

    image: str = Field(
        "",
        description="Image whose tag is the version; else the one named like the application, or the only one.",
    )
    code: Literal["revision", "image"] = Field(
        "revision",
        description="What names the code: `revision` (manifests beside it) or the `image`'s tag (manifests elsewhere).",
    )


def why_unused(told: Notification) -> str:
    """Why a notification is no deployment; empty when it is one.

    Args:
        told: the notification.
    """
    state = told.app.status.operation_state
    if state is None:
        return "the application was never synced"
    if state.finished_at is None or state.phase not in ("Succeeded", "Failed", "Error"):
        return f"the sync is not over: {state.phase[:60]}"
    asked = state.operation.sync
    if asked is not None and asked.dry_run:
        return "a dry run deploys nothing"
    if asked is not None and asked.auto_heal_attempts_count:
        return "Argo put back what had been changed by hand (self-heal): no deployment"
    return ""


def rows(told: Notification, config: ArgoCdConfig, source: str, at: dt.datetime) -> list[tuple[str, Row]]:
    """The deployment.

    Args:
        told: for which :func:`why_unused` is empty.
        config: which labels and images say what.
        source: identifier of the source.
        at: when it came.
    """
    app = told.app
    state = app.status.operation_state
    if state is None or state.finished_at is None:
        return []
    labels = app.metadata.labels or {}
    place = app.spec.destination
    commit = next((one for one in state.revisions if _COMMIT.fullmatch(one)), "")
    chart = next((one for one in state.revisions if not _COMMIT.fullmatch(one)), "")
    is_degraded = _health(app) == "Degraded" and _since(app, state, at) <= ROLLOUT
    record = Deployment(
        source=source,
        external_id=f"{identity(app)} {state.started_at.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}",
        repository="",
        service=labels.get(config.service_label, "") or app.metadata.name,
        environment=config.environment
        or labels.get(config.environment_label, "")
        or ((place.namespace or place.name or "") if place else ""),
        version=_tag(app, config.image) or chart,
        sha="" if config.code == "image" else commit,
        status="failure" if state.phase != "Succeeded" else "degraded" if is_degraded else "success",
        actor=(state.operation.initiated_by.username or "") if state.operation.initiated_by else "",
        started_at=state.started_at,
        finished_at=state.finished_at,
        url=told.url or "",
        message=_said(app, state, is_degraded=is_degraded)[:MOST_SAID],
    )
    return [("deployments", Row(record, _version(app, state, state.finished_at, at)))]


def identity(app: Application) -> str:
    """``NAMESPACE/NAME``."""
    return f"{app.metadata.namespace or ''}/{app.metadata.name}"


def _version(app: Application, state: OperationState, ended: dt.datetime, at: dt.datetime) -> int:
    """The verdict on a rollout that was told last within its hour outranks those before; later ones outrank none."""
    if state.phase != "Succeeded" or _health(app) not in ("Healthy", "Degraded"):
        return microseconds(ended)
    since = max(_since(app, state, at), dt.timedelta())
    return microseconds(ended) + (1 if since > ROLLOUT else 2 + since // dt.timedelta(microseconds=1))


def _health(app: Application) -> str:
    return (app.status.health.status or "") if app.status.health else ""


def _said(app: Application, state: OperationState, *, is_degraded: bool) -> str:
    """What Argo says of a sync that failed, or of the health of one that is degraded."""
    if state.phase != "Succeeded":
        return state.message or ""
    return (app.status.health.message or "") if is_degraded and app.status.health else ""


def _since(app: Application, state: OperationState, at: dt.datetime) -> dt.timedelta:
    """How long after the sync the health was as it is."""
    told = app.status.health.last_transition_time if app.status.health else None
    return (told or at) - (state.finished_at or state.started_at)


def _tag(app: Application, wanted: str) -> str:
    """The tag of the application's own image: the one that is wanted, that is named like it, or the only one."""
    images = [tag_of(one) for one in (app.status.summary.images if app.status.summary else None) or ()]
    name = wanted or app.metadata.name
    named = {tag for image, tag in images if image == name}
    if not named and not wanted and len(images) == 1:
        named = {images[0][1]}
    named.discard("latest")  # it names no version
    return named.pop() if len(named) == 1 else ""
