"""What the pages and the API of services ask, gathered once for both."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from ktlo.report.service_page import ServiceParts
from ktlo.settings import Settings
from ktlo.store.protocol import Queryable
from ktlo.telemetry.apdex import Targets, apdex
from ktlo.telemetry.deployments import marks
from ktlo.telemetry.instances import instances
from ktlo.telemetry.interval import Interval
from ktlo.telemetry.service_map import Place, service_map
from ktlo.telemetry.services import Service, operations, series, services
from ktlo.telemetry.since_deploy import Since, last_deployment, last_deployments, since

MOST_COMPARED = 60
"""Services whose last deployment is looked into for the list; the newest deployments first."""


def targets_of(settings: Settings) -> Targets:
    """T of each service, as ktlo.yaml says."""
    said = settings.telemetry.apdex
    return Targets(said.default_ms * 1e6, {name: ms * 1e6 for name, ms in said.services.items()})


def since_by_service(
    store: Queryable, of: Interval, found: list[Service], environment: str
) -> Mapping[str, Since]:
    """What changed since the last deployment, by service."""
    now = min(of.end, dt.datetime.now(dt.UTC))
    last = sorted(
        last_deployments(store, now, [one.name for one in found], environment).items(),
        key=lambda pair: pair[1].at,
        reverse=True,
    )
    return {name: since(store, mark, now, name, environment) for name, mark in last[:MOST_COMPARED]}


def parts_of(
    store: Queryable, of: Interval, name: str, targets: Targets, environment: str = ""
) -> ServiceParts:
    """Everything that is known of one service in a stretch."""
    now = min(of.end, dt.datetime.now(dt.UTC))
    found = {one.name: one for one in services(store, of, environment, [name])}.get(name)
    deployed = last_deployment(store, now, name, environment)
    return ServiceParts(
        name,
        found,
        apdex(store, of, targets, environment, [name]).get(name),
        tuple(series(store, of, name, environment, judged_by=found.judged_by) if found else ()),
        tuple(operations(store, of, name, environment)),
        tuple(instances(store, of, name, environment)),
        service_map(store, of, environment, near=name).around(Place("service", name), 1),
        tuple(marks(store, of, name, environment)),
        since(store, deployed, now, name, environment) if deployed else None,
    )
