"""Sends the report of a run to a ktlo server (``ktlo check --report-to``), with its repository, commit and branch.

Facts come from the CI's variables (GitHub Actions, GitLab CI, Jenkins) before git. The report is the JSON of
``--format json``, in which no secret stands. A server that is away changes nothing about the verdict.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ktlo.errors import SourceError, UserError
from ktlo.guard.verdict import Report

TIMEOUT = 60.0
_SCP = re.compile(r"^(?:[\w.~-]+@)?[\w.-]+:(?!//)(?P<path>.+)$")


@dataclass(frozen=True, slots=True)
class Origin:
    """What was checked.

    Attributes:
        repository: ``owner/name``, or the folder's name.
        sha: the commit; empty when it is not known, or when files differ from it is not told.
        ref: branch or tag; empty when it is not known.
        is_default: True on the default branch.
    """

    repository: str
    sha: str
    ref: str
    is_default: bool


def origin_of(root: Path, environment: Mapping[str, str]) -> Origin:
    """What is checked, by the CI's variables, else by git."""
    ci = _from_github(environment) or _from_gitlab(environment)
    if ci is not None:
        return ci
    sha = environment.get("GIT_COMMIT", "") or _git(root, "rev-parse", "--verify", "--quiet", "HEAD")
    ref = environment.get("BRANCH_NAME", "") or _git(root, "symbolic-ref", "--short", "--quiet", "HEAD")
    default = _git(root, "symbolic-ref", "--short", "--quiet", "refs/remotes/origin/HEAD").partition("/")[2]
    url = _git(root, "config", "--get", "remote.origin.url")
    return Origin(
        _owner_and_name(url) or root.resolve().name,
        sha,
        ref,
        ref == default if default else ref in ("main", "master"),
    )


def _from_github(environment: Mapping[str, str]) -> Origin | None:
    if environment.get("GITHUB_ACTIONS") != "true" or not environment.get("GITHUB_REPOSITORY"):
        return None
    ref = environment.get("GITHUB_HEAD_REF") or environment.get("GITHUB_REF_NAME", "")
    default = ""
    try:
        event = json.loads(Path(environment["GITHUB_EVENT_PATH"]).read_text("utf-8"))
        default = str(event["repository"]["default_branch"])
    except (OSError, ValueError, KeyError, TypeError):
        default = ""
    is_pull = bool(environment.get("GITHUB_HEAD_REF"))
    is_default = not is_pull and (ref == default if default else ref in ("main", "master"))
    return Origin(environment["GITHUB_REPOSITORY"], environment.get("GITHUB_SHA", ""), ref, is_default)


def _from_gitlab(environment: Mapping[str, str]) -> Origin | None:
    if environment.get("GITLAB_CI") != "true" or not environment.get("CI_PROJECT_PATH"):
        return None
    branch = environment.get("CI_COMMIT_BRANCH", "")
    ref = branch or environment.get("CI_COMMIT_REF_NAME", "")
    is_default = bool(branch) and branch == environment.get("CI_DEFAULT_BRANCH", "")
    return Origin(environment["CI_PROJECT_PATH"], environment.get("CI_COMMIT_SHA", ""), ref, is_default)


def _git(root: Path, *words: str) -> str:
    """What git says; empty when it says nothing. Nothing that the repository configures is run by these commands."""
    command = ["git", "-c", "core.fsmonitor=false", "-c", "safe.directory=*", "-C", str(root), *words]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=20, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace").strip() if not done.returncode else ""


def _owner_and_name(url: str) -> str:
    if "://" in url:
        parts = urlsplit(url)
        path = parts.path if parts.hostname and parts.scheme != "file" else ""
    elif match := _SCP.match(url):
        path = match["path"]
    else:
        path = ""
    return path.strip("/").removesuffix(".git")


def check_address(address: str) -> str:
    """The address, usable.

    Raises:
        UserError: it is none, has a password in it, or would send the token unencrypted to another machine.
    """
    parts = urlsplit(address)
    is_here = parts.hostname in ("127.0.0.1", "localhost", "::1")
    if not parts.hostname or parts.username or parts.password or not (parts.scheme == "https" or is_here):
        raise UserError(
            "this is no address that a report can be sent to",
            where="--report-to",
            fix="Give https://HOST; the token comes from KTLO_TOKEN",
        )
    return address.rstrip("/")


def send(report: Report, address: str, token: str, origin: Origin, started: dt.datetime) -> str:
    """Send a report; a sentence about what it changed.

    Raises:
        UserError: the server refuses it.
        SourceError: the server cannot be reached.
    """
    import httpx

    from ktlo.guard.formats.json import render

    body = {
        "repository": origin.repository,
        "sha": origin.sha,
        "ref": origin.ref,
        "is_default": origin.is_default,
        "started_at": started.isoformat(),
        "finished_at": dt.datetime.now(dt.UTC).isoformat(),
        "report": json.loads(render(report)),
    }
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        answer = httpx.post(f"{address}/api/v1/scans", json=body, headers=headers, timeout=TIMEOUT)
    except httpx.HTTPError as error:
        raise SourceError(f"the server cannot be reached ({type(error).__name__})", where=address) from None
    if answer.status_code == 401:
        raise UserError("the server wants a token", where=address, fix="Set KTLO_TOKEN")
    try:
        said = answer.json()
    except ValueError:
        said = {}
    if not isinstance(said, dict) or answer.status_code != 201:
        why = str(said.get("title", "")) if isinstance(said, dict) else ""
        raise UserError(
            f"the server refuses the report ({answer.status_code}{': ' if why else ''}{why})", where=address
        )
    if not said.get("counts"):
        return f"reported to {address}; a run of {origin.ref or 'a branch'} is kept and does not count"
    return f"reported to {address}: {said.get('opened', 0)} new, {said.get('resolved', 0)} gone"


def report_to(report: Report, address: str, root: Path, started: dt.datetime) -> str:
    """Send a report with what the environment knows; see :func:`send`."""
    from ktlo.settings.secret_reference import variable_or_reference

    return send(report, address, variable_or_reference("KTLO_TOKEN"), origin_of(root, os.environ), started)
