"""What a person says about a GitHub repository, and where its token is found.

Only the repository is asked; the token is a reference (never a value) and otherwise looked for where
GitHub's own tools keep it. The rest has defaults.
"""

from __future__ import annotations

import datetime as dt
import enum
import os
import re
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from ktlo.errors import UserError
from ktlo.settings.secret_reference import secret
from ktlo.sources.hooked import Reference
from ktlo.sources.rest.configured import address_like, elsewhere

PUBLIC_API = "https://api.github.com"
TOKEN_VARIABLES = ("GITHUB_TOKEN", "GH_TOKEN")
_NAME = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+")
_SCP = re.compile(r"(?:[^@/]+@)?[^/:]+:(?P<path>[^/].*)")


class Part(enum.StrEnum):
    """What can be read; the names are used in ``read:`` of the configuration."""

    ISSUES = "issues"
    PULL_REQUESTS = "pull_requests"
    REVIEWS = "reviews"
    RELEASES = "releases"
    DEPLOYMENTS = "deployments"
    WORKFLOW_RUNS = "workflow_runs"


_PUBLIC_HOSTS = ("github.com", "www.github.com", "ssh.github.com")


def _api_at(address: str) -> str:
    """The API of a GitHub: at ``api.`` of it on GHE.com (GitHub's documentation of its REST API), else below it."""
    scheme, _, host = address.partition("://")
    return f"{scheme}://api.{host}" if host.endswith(".ghe.com") else f"{address}/api/v3"


class GitHubConfig(BaseModel):
    """One repository on GitHub or GitHub Enterprise."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    repository: str = Field(description="owner/name, or the repository's address.")
    token: Reference = Field(
        "",
        description="Reference to a token: env:NAME, file:PATH or vault:PATH#KEY. Empty: GITHUB_TOKEN or GH_TOKEN"
        " if set, else without (60 requests an hour, public repositories only).",
    )
    api: Annotated[str, address_like("https://api.github.com")] = Field(
        PUBLIC_API, description="Address of the API; https://HOST/api/v3 for GitHub Enterprise Server."
    )
    since: dt.date | None = Field(
        None, description="Read what changed since this day; a year ago when not given."
    )
    read: tuple[Part, ...] = Field(tuple(Part), description="What to read; everything when not given.")
    webhook_secret: Reference = Field(
        "", description="Reference to the webhook's secret: env:NAME, file:PATH…"
    )

    @model_validator(mode="before")
    @classmethod
    def _where(cls, given: Any) -> Any:
        """A repository's address says where its GitHub is, unless ``api`` does: its token goes nowhere else."""
        asked = isinstance(given, dict) and "api" not in given
        found = elsewhere(given.get("repository"), _PUBLIC_HOSTS) if asked else ""
        return {**given, "api": _api_at(found)} if found else given

    @field_validator("repository")
    @classmethod
    def _owner_and_name(cls, said: str) -> str:
        path = said.strip()
        if "://" in path:
            path = urlsplit(path).path
        elif match := _SCP.fullmatch(path):
            path = match["path"]
        elif path.lower().startswith("github.com/"):
            path = path[len("github.com/") :]
        path = "/".join(path.strip("/").split("/")[:2]).removesuffix(".git")
        if not _NAME.fullmatch(path) or set(path.split("/")) & {".", ".."}:
            raise ValueError("expected owner/name or the address of a repository on GitHub")
        return path


def find_token(config: GitHubConfig) -> SecretStr | None:
    """The token to use; ``None`` reads without.

    Raises:
        UserError: the reference leads nowhere, or to something that cannot be a token.
    """
    if config.token:
        return _usable(secret(config.token), config.token)
    for name in TOKEN_VARIABLES:
        if os.environ.get(name):
            return _usable(SecretStr(os.environ[name]), f"env:{name}")
    return None


def _usable(token: SecretStr, reference: str) -> SecretStr:
    value = token.get_secret_value().strip()
    # Anything else would break the request's header, and the error would quote it.
    if not value.isascii() or not value.isprintable() or " " in value or not value:
        raise UserError(
            "this is not a GitHub token: it has blanks, line breaks or foreign characters",
            where=reference,
            fix="Put the token alone in one line",
        )
    return SecretStr(value)
