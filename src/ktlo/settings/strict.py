"""What every part of ktlo.yaml is: frozen, and without keys that nobody reads."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """A part of the settings; an unknown key is an error that names it."""

    model_config = ConfigDict(extra="forbid", frozen=True)
