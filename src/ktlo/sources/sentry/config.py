"""What a person says about a Sentry organization."""

from __future__ import annotations

import datetime as dt

from pydantic import BaseModel, ConfigDict, Field, field_validator

from ktlo.sources.hooked import check_reference
from ktlo.sources.rest.configured import plain_address

PUBLIC = "https://sentry.io"


class SentryConfig(BaseModel):
    """One organization on Sentry."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    organization: str = Field(pattern=r"^[A-Za-z0-9_-]+$", description="Slug of the organization.")
    token: str = Field("", description="Reference to a token with scope event:read: env:NAME, file:PATH…")
    projects: tuple[str, ...] = Field((), description="Slugs of projects; all when empty.")
    services: dict[str, str] = Field(
        default_factory=dict, description="Service by slug of the project, where they are called differently."
    )
    url: str = Field(PUBLIC, description="Address of Sentry, where it is not sentry.io.")
    webhook_secret: str = Field("", description="Reference to the client secret of the internal integration.")
    since: dt.date | None = Field(
        None, description="Read what was seen since this day; 90 days when not given."
    )

    @field_validator("url")
    @classmethod
    def _address(cls, said: str) -> str:
        return plain_address(said, "https://sentry.example.org")

    @field_validator("token", "webhook_secret")
    @classmethod
    def _reference(cls, said: str) -> str:
        return check_reference(said)
