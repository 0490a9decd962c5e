"""Which version and image of a service reported when, and the deployments that follow from it.

``version_hours``, ``image_hours`` and ``instance_versions`` are roll-ups of telemetry (``store/streams/versions``);
``telemetry_deployments`` is derived from them by ``telemetry/deployments`` and read by ``metrics/delivery``.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Annotated

from ktlo.records.schema import Field, Life, record


@record(
    "version_hours",
    key=("hour", "service", "environment", "version"),
    order=("service", "environment", "hour", "version"),
    life=Life.STREAMED,
)
@dataclass(frozen=True, slots=True, kw_only=True)
class VersionHour:
    """In which minutes of an hour a version of a service reported."""

    hour: Annotated[dt.datetime, Field("The hour")]
    service: Annotated[str, Field("service.name", label=True)]
    environment: Annotated[str, Field("Environment", label=True)]
    version: Annotated[str, Field("service.version; empty when it says none", label=True)]
    minutes: Annotated[int, Field("Bit n is set when it reported in minute n of the hour")]
    calls: Annotated[int, Field("Spans that began in the hour", unit="spans")]


@record(
    "image_hours",
    key=("hour", "service", "environment", "image"),
    order=("service", "environment", "hour", "image"),
    life=Life.STREAMED,
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ImageHour:
    """In which minutes of an hour an image of a service reported; services that name no image have none."""

    hour: Annotated[dt.datetime, Field("The hour")]
    service: Annotated[str, Field("service.name", label=True)]
    environment: Annotated[str, Field("Environment", label=True)]
    image: Annotated[str, Field("name:tag,tag@digest, as far as the resource tells them", label=True)]
    minutes: Annotated[int, Field("Bit n is set when it reported in minute n of the hour")]
    calls: Annotated[int, Field("Spans that began in the hour", unit="spans")]


@record(
    "instance_versions",
    key=("service", "environment", "version", "instance"),
    life=Life.STREAMED,
)
@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceVersion:
    """One process, pod or host that ran a version of a service: from when until when it was seen."""

    service: Annotated[str, Field("service.name", label=True)]
    environment: Annotated[str, Field("Environment", label=True)]
    version: Annotated[str, Field("service.version", label=True)]
    instance: Annotated[str, Field("service.instance.id, else host.name; empty when it has neither")]
    first_at: Annotated[dt.datetime, Field("When its first span began")]
    last_at: Annotated[dt.datetime, Field("When its last span began")]
    spans: Annotated[int, Field("Spans", unit="spans")]
    namespace: Annotated[str, Field("service.namespace, else k8s.namespace.name")]
    workload: Annotated[str, Field("k8s.deployment.name, or that of its StatefulSet, DaemonSet or job")]
    repository: Annotated[str, Field("vcs.repository.url.full, else vcs.repository.name")]


@record(
    "telemetry_deployments",
    key=("service", "environment", "version", "started_at"),
    order=("service", "environment", "started_at", "version"),
    life=Life.DERIVED,
)
@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetryDeployment:
    """A version or image that telemetry saw arrive beside or after another; the first one ever seen is none."""

    service: Annotated[str, Field("service.name", label=True)]
    environment: Annotated[str, Field("Environment", label=True)]
    version: Annotated[str, Field("service.version that arrived; else the image's tag or digest", label=True)]
    previous: Annotated[str, Field("Version that was there before", label=True)]
    outcome: Annotated[
        str,
        Field(
            "complete (the others went), in_progress (others are still there), side_by_side (for longer than a day),"
            " or withdrawn (it went, the others stayed: a canary)",
            label=True,
        ),
    ]
    is_rollback: Annotated[bool, Field("True when this version had been there before")]
    started_at: Annotated[dt.datetime, Field("Minute of its first call")]
    finished_at: Annotated[
        dt.datetime | None,
        Field(
            "Minute of the last call to what it replaced; of its own last call when withdrawn; null until then"
        ),
    ]
    instances: Annotated[
        int,
        Field(
            "Instances that ran it from then on; 0 when instances have no names, or only the image names it"
        ),
    ]
    named_by: Annotated[
        str, Field("What changed: service.version, or image where only that did", label=True)
    ] = "service.version"
    image: Annotated[str, Field("Image that arrived, name:tag,tag@digest; empty when none is told")] = ""
