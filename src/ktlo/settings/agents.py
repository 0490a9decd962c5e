"""Central configuration of Elastic APM agents, as ktlo.yaml says it under ``telemetry.agents``."""

from __future__ import annotations

from pydantic import Field

from ktlo.settings.strict import Strict


class AgentSettings(Strict):
    """What agents are told of one service, one environment, both, or all. See docs/telemetry-elastic.md."""

    service: str = Field("", description="service.name that it is for; empty for all.")
    environment: str = Field("", description="Environment that it is for; empty for all.")
    settings: dict[str, bool | int | float | str] = Field(
        description="Options by the names that agents know: transaction_sample_rate: 0.2, log_level: debug."
    )
