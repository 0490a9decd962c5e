"""What a person says of one Jira; everything else is found there."""

from __future__ import annotations

import datetime as dt
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from ktlo.sources.hooked import Reference
from ktlo.sources.rest.configured import address_like


def _site(address: str) -> str:
    """Of the address of a page in it."""
    parts = urlsplit(address)
    path = parts.path.partition("/browse")[0].partition("/jira/")[0].partition("/projects")[0]
    return f"{parts.scheme}://{parts.netloc}{path.rstrip('/')}"


class JiraConfig(BaseModel):
    """One Jira."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Annotated[str, address_like("https://example.atlassian.net"), AfterValidator(_site)] = Field(
        description="Its address: https://example.atlassian.net or https://jira.example.org."
    )
    token: Reference = Field(
        "", description="Reference to an API token or personal access token: env:NAME, file:PATH…"
    )
    email: str = Field("", description="Mail of the token's account; Cloud only.")
    projects: tuple[str, ...] = Field((), description="Keys of projects; all that the token sees when empty.")
    jql: str = Field("", description="Further condition on what is read, in JQL.")
    incident_types: tuple[str, ...] = Field(
        (), description="Issue types that are incidents; all with `incident` in their name when empty."
    )
    webhook_secret: Reference = Field("", description="Reference to the webhook's secret.")
    since: dt.date | None = Field(
        None, description="Read what changed since this day; a year ago when not given."
    )

    @field_validator("projects")
    @classmethod
    def _keys(cls, said: tuple[str, ...]) -> tuple[str, ...]:
        for key in said:
            if not key.replace("_", "").isalnum():
                raise ValueError(f"{key[:40]!r} is no key of a project: write SHOP, not its name")
        return said

    @field_validator("jql")
    @classmethod
    def _no_order(cls, said: str) -> str:
        if "order by" in said.lower():
            raise ValueError("leave ORDER BY out: the order is ktlo's")
        return said.strip()

    def reads(self, key: str) -> bool:
        """Whether an issue is of a project that is read."""
        project = key.rpartition("-")[0].upper()
        return not self.projects or project in {one.upper() for one in self.projects}
