"""Where telemetry is sent on to: ``telemetry: {forward: …}`` in ktlo.yaml. See docs/telemetry-export.md."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ktlo.settings.strict import Strict

Signal = Literal["traces", "logs", "metrics"]


class ForwardSettings(Strict):
    """One collector that gets what was received, by OTLP/HTTP."""

    endpoint: str = Field(
        pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$",
        description="Base URL, such as https://collector.example:4318; /v1/traces and the like are added.",
    )
    name: str = Field("", max_length=60, description="What it is called on pages; its host when empty.")
    protocol: Literal["http/protobuf"] = Field("http/protobuf", description="How it is sent.")
    signals: list[Signal] = Field(default=["traces", "logs", "metrics"], description="What is sent on.")
    headers: dict[str, str] = Field(
        default_factory=dict,
        description="Headers of every request, by reference: {authorization: env:COLLECTOR_AUTHORIZATION}.",
    )
    compression: Literal["gzip", "none"] = Field("gzip", description="How bodies are compressed.")
    most_mib: int = Field(
        1024,
        ge=1,
        le=1_000_000,
        description="MiB of each signal that may wait while the collector is away; beyond, the oldest are dropped.",
    )
