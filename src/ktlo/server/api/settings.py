"""Which settings file is in force, and whether it can be used as it is now. Not open to probes: it shows a path."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from ktlo.errors import UserError
from ktlo.server.api.metrics import Running
from ktlo.settings import load_settings

router = APIRouter(tags=["settings"])


class SettingsState(BaseModel):
    """Where the settings are from."""

    file: str = Field(description="Path of the file on ktlo's machine; empty when there is none.")
    problem: str = Field(
        description="Why the file cannot be used, now or at the last collection; else empty."
    )


@router.get("/settings")
def settings(running: Running) -> SettingsState:
    """The settings file; changes to it take effect at the next collection."""
    problem = running.settings_problem
    try:
        load_settings(running.settings_file)
    except UserError as error:
        problem = problem or str(error)
    return SettingsState(file=str(running.settings_file or ""), problem=problem)
