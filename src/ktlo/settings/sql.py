"""What a person says about the door for SQL tools: ``sql:`` in ktlo.yaml. See docs/sql.md."""

from __future__ import annotations

from pydantic import Field

from ktlo.settings.strict import Strict

SQL_PORT = 8123
"""ClickHouse's own port for HTTP, which tools propose."""


class SqlSettings(Strict):
    """ClickHouse's HTTP protocol, read-only, for Grafana and SQL tools. See docs/sql.md."""

    serve: bool = Field(True, description="Answer SQL tools while `ktlo up` runs.")
    host: str = Field("127.0.0.1", description="Address to listen on; others need a key.")
    port: int = Field(SQL_PORT, ge=0, le=65535, description="Port; 0 takes a free one.")
    key: str = Field(
        "",
        description="Password that tools give, by reference: env:NAME or file:PATH; KTLO_TOKEN when empty and set.",
    )
    seconds: float = Field(30, gt=0, le=3600, description="Longest time of one question.")
    memory_mib: int = Field(2048, ge=16, le=1_000_000, description="Memory of one question, MiB.")
    rows: int = Field(1_000_000, ge=1, le=1_000_000_000, description="Most rows of one answer.")
    answer_mib: int = Field(256, ge=1, le=16_384, description="Largest answer, MiB.")
    at_once: int = Field(4, ge=1, le=64, description="Questions answered at the same time; others wait.")
