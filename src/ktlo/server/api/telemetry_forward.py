"""Where telemetry is sent on to, over HTTP: what went, what waits, and what is wrong."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

router = APIRouter(tags=["telemetry"])


class ForwardOut(BaseModel):
    """One signal on its way to one collector, since the process began."""

    target: str
    endpoint: str
    signal: str
    sent: int = Field(description="Requests that the collector took.")
    sent_bytes: int = Field(description="Of them, before compression.")
    rejected: int = Field(description="Items that the collector says it did not keep.")
    refused: dict[str, int] = Field(
        description="Requests that it will not have, by reason; they are dropped."
    )
    dropped: int = Field(description="Requests dropped because there was no room on disk.")
    waiting_segments: int
    waiting_bytes: int
    problem: str = Field(description="What is wrong now; empty when nothing is.")
    retry_at: dt.datetime | None = Field(
        description="When it is tried again; null when nothing waits for it."
    )
    sent_at: dt.datetime | None


def forwards_of(request: Request) -> list[ForwardOut]:
    """Every signal to every collector; empty when nothing is forwarded."""
    receiving = request.app.state.receiving
    return [ForwardOut(**asdict(state)) for state in receiving.forwarding.states()] if receiving else []


@router.get("/telemetry/forwards")
def telemetry_forwards(request: Request) -> list[ForwardOut]:
    """Collectors that get what is received, and how that goes."""
    return forwards_of(request)
