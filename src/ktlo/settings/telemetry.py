"""What services report: where it is received, from whom, and how long it is kept. See docs/telemetry.md."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ktlo.settings.agents import AgentSettings
from ktlo.settings.forward import ForwardSettings
from ktlo.settings.strict import Strict


class IngestKeySettings(Strict):
    """A key with which some services send, and no others. See docs/telemetry.md."""

    secret: str = Field(min_length=1, description="The key, by reference: env:NAME or file:PATH.")
    services: list[str] = Field(
        default_factory=list,
        description="service.name values it may speak for, `*` as wildcard; empty for all.",
    )


class ApdexSettings(Strict):
    """Durations with which callers are satisfied (T of the Apdex specification)."""

    default_ms: float = Field(500, gt=0, description="T of every service that is not named, milliseconds.")
    services: dict[str, Annotated[float, Field(gt=0)]] = Field(
        default_factory=dict, description="T by service.name, milliseconds."
    )


class TelemetrySettings(Strict):
    """What services report: where it is received and how long it is kept. See docs/telemetry.md."""

    receive: bool = Field(True, description="Listen for telemetry while `ktlo up` runs.")
    self: bool = Field(True, description="Observe ktlo itself, as service `ktlo`, while it receives.")
    host: str = Field("127.0.0.1", description="Address to listen on; others need an ingest key.")
    http_port: int = Field(4318, ge=0, le=65535, description="Port of OTLP/HTTP; 0 takes a free one.")
    grpc_port: int = Field(4317, ge=0, le=65535, description="Port of OTLP/gRPC; 0 takes a free one.")
    elastic_port: int = Field(
        8200,
        ge=0,
        le=65535,
        description="Port of Elastic APM agents beside http_port, which takes them too; 0 takes a free one.",
    )
    key: str = Field("", description="Ingest key that senders give, by reference: env:NAME or file:PATH.")
    keys: dict[str, IngestKeySettings] = Field(
        default_factory=dict, description="Ingest keys of single services, by a name of your own."
    )
    keep_days: int = Field(14, ge=1, le=3650, description="Days that spans and traces are kept.")
    keep_logs_days: int = Field(14, ge=1, le=3650, description="Days that log records are kept.")
    keep_metrics_days: int = Field(30, ge=1, le=3650, description="Days that points of metrics are kept.")
    keep_rollups_days: int = Field(
        400,
        ge=1,
        le=3650,
        description="Days that figures by minute are kept: rates, errors, durations, logs.",
    )
    many_services: int = Field(
        1_000,
        ge=1,
        description="Names of services within a day beyond which ktlo says that they are too many, and who sends them.",
    )
    dashboards: str = Field(
        "", description="Folder of the dashboards' files; `dashboards` in the data folder when empty."
    )
    apdex: ApdexSettings = ApdexSettings()
    spool_mib: int = Field(
        2048,
        ge=64,
        le=1_000_000,
        description="MiB that may wait on disk before senders are told to wait.",
    )
    forward: list[ForwardSettings] = Field(
        default_factory=list, description="Collectors that get what is received, by OTLP."
    )
    agents: list[AgentSettings] = Field(
        default_factory=list,
        description="Configuration that Elastic APM agents fetch; nothing said turns it off.",
    )
