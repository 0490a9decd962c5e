"""Is it up, and which version is it? Open to probes: it says nothing else."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from ktlo import __version__
from ktlo.server.api.metrics import Running

router = APIRouter(tags=["health"])


class HealthState(BaseModel):
    """The process lives and its store answers."""

    status: str
    version: str


@router.get("/health")
def health(running: Running) -> HealthState:
    """200 when the store answers, 503 when it does not."""
    running.store.query("SELECT 1")
    return HealthState(status="ok", version=__version__)
