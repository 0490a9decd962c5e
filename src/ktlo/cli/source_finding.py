"""What can be found out about a source before anybody is asked: from the environment and the repository one stands in.

Names of variables are those of the vendors' own tools (gh, GitLab CI, sentry-cli, the Terraform providers of PagerDuty
and Opsgenie), and ``KIND_OPTION`` for every kind. Secrets are found as references, never as values.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

SECRETS = frozenset({"token", "webhook_secret"})
"""Options that hold a reference to a secret."""

_VARIABLES: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("github", "repository"): ("GITHUB_REPOSITORY",),
    ("github", "token"): ("GITHUB_TOKEN", "GH_TOKEN"),
    ("gitlab", "project"): ("CI_PROJECT_PATH",),
    ("gitlab", "url"): ("CI_SERVER_URL",),
    ("jira", "token"): ("JIRA_API_TOKEN",),
    ("opsgenie", "token"): ("OPSGENIE_API_KEY",),
    ("pagerduty", "token"): ("PAGERDUTY_API_KEY",),
    ("redmine", "token"): ("REDMINE_API_KEY",),
    ("sentry", "organization"): ("SENTRY_ORG",),
    ("sentry", "token"): ("SENTRY_AUTH_TOKEN",),
    ("servicenow", "token"): ("SERVICENOW_PASSWORD",),
    ("statuspage", "token"): ("STATUSPAGE_API_KEY",),
}


@dataclass(frozen=True, slots=True)
class Found:
    """An option that was found out.

    Attributes:
        value: of the option; a reference for secrets.
        where: in words.
    """

    value: str
    where: str


def find(kind: str, options: Collection[str], folder: Path) -> dict[str, Found]:
    """What is known of a source without asking.

    Args:
        kind: of the source.
        options: names of the options that are not said yet.
        folder: where the person stands.
    """
    found = _of_remote(kind, folder)
    for name in options:
        for variable in (*_VARIABLES.get((kind, name), ()), f"{kind}_{name}".upper()):
            if os.environ.get(variable):
                value = f"env:{variable}" if name in SECRETS else os.environ[variable]
                found[name] = Found(value, f"the environment variable {variable}")
                break
    return {name: one for name, one in found.items() if name in options}


def _of_remote(kind: str, folder: Path) -> dict[str, Found]:
    """The forge and the project of the repository around a folder, from its remote ``origin``."""
    if kind not in ("git", "github", "gitlab"):
        return {}
    from ktlo.sources.git.place import owner_and_name

    whole = _git(folder, "rev-parse", "--show-toplevel")
    if kind == "git":
        return {"path": Found(whole, "the repository of this folder")} if whole else {}
    url = _git(folder, "remote", "get-url", "origin")
    host, path = _host_of(url), owner_and_name(url) if url else ""
    if not host or not path or ("github" in host) is (kind == "gitlab"):
        return {}
    where = "the remote `origin` of this folder"
    if kind == "gitlab":
        project = {"project": Found(path, where)}
        return project if host == "gitlab.com" else project | {"url": Found(f"https://{host}", where)}
    repository = {"repository": Found(path, where)}
    if host == "github.com":
        return repository
    return repository | {"api": Found(f"https://{host}/api/v3", where)}


def _host_of(url: str) -> str:
    if "://" in url:
        return urlsplit(url).hostname or ""
    place = url.partition(":")[0]
    return place.rpartition("@")[2] if ":" in url and "/" not in place else ""


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
