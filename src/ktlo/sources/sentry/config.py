"""What a person says about a Sentry organization."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from ktlo.sources.hooked import Reference
from ktlo.sources.rest.configured import address_like

PUBLIC = "https://sentry.io"


class SentryConfig(BaseModel):
    """One organization on Sentry."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    organization: str = Field(pattern=r"^[A-Za-z0-9_-]+$", description="Slug of the organization.")
    token: Reference = Field(
        "", description="Reference to a token with scope event:read: env:NAME, file:PATH…"
    )
    projects: tuple[str, ...] = Field((), description="Slugs of projects; all when empty.")
    services: dict[str, str] = Field(
        default_factory=dict, description="Service by slug of the project, where they are called differently."
    )
    url: Annotated[str, address_like("https://sentry.example.org")] = Field(
        PUBLIC, description="Address of Sentry, where it is not sentry.io."
    )
    webhook_secret: Reference = Field(
        "", description="Reference to the client secret of the internal integration."
    )
    since: dt.date | None = Field(
        None, description="Read what was seen since this day; 90 days when not given."
    )
