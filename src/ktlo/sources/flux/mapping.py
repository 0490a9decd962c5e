"""One event, as a deployment. Pure: an event in, rows out.

Flux tells a Kustomization's success at every interval, so a revision of a Kustomization is one deployment: succeeded,
or failed until it succeeds; the first time that it is told counts. A Helm release tells every action once.
"""

from __future__ import annotations

import datetime as dt
import re

from ktlo.records.work import Deployment
from ktlo.sources.flux.payloads import Event, version_of
from ktlo.sources.listening import MOST_SAID, DeployerConfig
from ktlo.sources.rest.rows import Row, microseconds

SUCCEEDED = frozenset(
    {"ReconciliationSucceeded", "InstallSucceeded", "UpgradeSucceeded", "RollbackSucceeded"}
)
HELM_FAILED = frozenset({"InstallFailed", "UpgradeFailed", "RollbackFailed"})
_RELEASE = re.compile(r"release \S+\.v(?P<number>[0-9]+) ")
_FAR = 1 << 53
"""Microseconds beyond every date that is met."""


def why_unused(event: Event) -> str:
    """Why an event is no deployment; empty when it is one."""
    kind = event.involved_object.kind
    if kind not in ("Kustomization", "HelmRelease"):
        return f"a {kind[:60]} deploys nothing"
    is_failure = event.severity == "error" and (kind == "Kustomization" or event.reason in HELM_FAILED)
    if event.reason not in SUCCEEDED and not is_failure:
        return f"{event.reason[:60]} is neither success nor failure of a deployment"
    return "" if event.revision else f"{event.reason[:60]} tells no revision"


def identity(event: Event) -> str:
    """Names the deployment that an event is about, the same however often it is told."""
    if event.involved_object.kind == "Kustomization":
        return f"{event.subject} {event.revision}"
    if event.reason.startswith("Rollback"):
        return f"{event.subject} {event.revision} back at {event.timestamp.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
    release = _RELEASE.search(event.message)
    return f"{event.subject} {event.revision}" + (f" v{release['number']}" if release else "")


def rows(event: Event, config: DeployerConfig, source: str) -> list[tuple[str, Row]]:
    """The deployment.

    Args:
        event: for which :func:`why_unused` is empty.
        config: which labels say what.
        source: identifier of the source.
    """
    about, succeeded = event.involved_object, event.reason in SUCCEEDED
    record = Deployment(
        source=source,
        external_id=identity(event),
        repository="",
        service=(event.told(config.service_label) if config.service_label else "") or about.name,
        environment=config.environment or event.told(config.environment_label) or about.namespace,
        version=event.told("app-version") or version_of(event.revision),
        sha=event.commit,
        status="success" if succeeded else "failure",
        actor="",
        started_at=event.timestamp,
        finished_at=event.timestamp,
        url="",
        message="" if succeeded else event.message[:MOST_SAID],
    )
    # Success outranks failure; of the same, what is told first.
    return [("deployments", Row(record, (succeeded << 54) + _FAR - microseconds(event.timestamp)))]
