"""A deployment and an incident as short as they can be said, and real repositories made by git."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
from pathlib import Path
from typing import Any

from ktlo.delivery.history import Commit, History
from ktlo.delivery.linking import Harm
from ktlo.delivery.uniting import Basis, Claim
from ktlo.records.delivery import ServiceDeployment
from ktlo.sources.git.program import Git

MONDAY = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)


def at(hours: float) -> dt.datetime:
    """So many hours after Monday, 2 March 2026, 00:00 UTC."""
    return MONDAY + dt.timedelta(hours=hours)


def claim(name: str, hours: float, **said: Any) -> Claim:
    """A claim of a deployment of `web`; ``source/identifier`` is its name."""
    source, _, identifier = name.partition("/")
    given = {"basis": Basis.DEPLOYMENT, "service": "web", "started_at": at(hours), "at": at(hours)} | said
    return Claim(source=source, external_id=identifier, **given)


def deployed(name: str, hours: float, **said: Any) -> ServiceDeployment:
    """A deployment of `web` into production."""
    given: dict[str, Any] = {
        "service": "web", "team": "", "repository": "", "environment": "production", "is_production": True,
        "version": "", "sha": "", "status": "success", "basis": "deployment", "source": "forge", "external_id": name,
        "told_by": (f"forge|{name}",), "actor": "", "started_at": at(hours), "at": at(hours), "url": "",
        "is_rollback": False, "rolled_back_at": None, "next_at": None, "previous_id": "", "previous_sha": "",
        "changes": None, "taken_back": None, "contents_note": "",
    }  # fmt: skip
    return ServiceDeployment(deployment_id=f"forge|{name}", **(given | said))


def harm(name: str, hours: float, **said: Any) -> Harm:
    """An incident of `web`."""
    return Harm(**({"source": "pager", "external_id": name, "service": "web", "began_at": at(hours)} | said))


class Repo:
    """A repository in a folder, written to by the git program."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.minute = 0
        self.run("init", "-q", "-b", "main")

    def run(self, *arguments: str, author: int | None = None) -> str:
        """Run git there; every call is a minute later than the one before."""
        self.minute += 1
        now = int(MONDAY.timestamp()) + self.minute * 60
        environment = {
            **os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "Ann", "GIT_AUTHOR_EMAIL": "ann@acme.test", "GIT_COMMITTER_NAME": "Ann",
            "GIT_COMMITTER_EMAIL": "ann@acme.test", "GIT_AUTHOR_DATE": f"{now} +0000",
            "GIT_COMMITTER_DATE": f"{now} +0000",
        }  # fmt: skip
        done = subprocess.run(
            ["git", *arguments], cwd=self.folder, env=environment, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def commit(self, path: str, content: str, subject: str = "") -> str:
        """Write a file, commit it, and give the commit."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
        self.run("add", "-A")
        self.run("commit", "-q", "-m", subject or f"Change {path}")
        return self.head

    @property
    def head(self) -> str:
        """The newest commit of what is checked out."""
        return self.run("rev-parse", "HEAD")

    @property
    def git(self) -> Git:
        """As ktlo reads it."""
        return Git(self.folder / ".git")

    def history(self, *tips: str) -> History:
        """As the store has it: commits reachable from some tips, else from main."""
        lines = self.run("log", "--format=%H|%P|%at|%ct|%s", *(tips or ("main",))).splitlines()
        commits = []
        for line in lines:
            sha, parents, authored, committed, subject = line.split("|", 4)
            moments = [dt.datetime.fromtimestamp(int(each), dt.UTC) for each in (authored, committed)]
            parts = tuple(parents.split())
            commits.append(Commit(sha, parts, *moments, subject, "ann@acme.test", len(parts) > 1))
        return History(commits)
