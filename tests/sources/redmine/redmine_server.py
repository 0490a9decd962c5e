"""A real Redmine, from Debian's package: its own copy of the program and of the fresh database, run by puma."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

PROGRAM = Path("/usr/share/redmine")
DATABASE = Path("/var/lib/dbconfig-common/sqlite3/redmine/instances/default/redmine_default")
KEY = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Redmine:
    """The server.

    Attributes:
        url: its address.
        database: its file, to move events into the past.
        worker: number of the account that issues can be assigned to.
    """

    url: str
    database: Path
    worker: int = 1

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = httpx.request(
            method,
            f"{self.url}{path}",
            json=body,
            headers={"X-Redmine-API-Key": KEY},
            timeout=60,
            trust_env=False,
        )
        answer.raise_for_status()
        return answer.json() if answer.content.strip() else None

    def create(self, subject: str, tracker: int = 1, **more: Any) -> int:
        issue = {"project_id": "shop", "tracker_id": tracker, "subject": subject, "priority_id": 3, **more}
        return int(self.ask("POST", "/issues.json", {"issue": issue})["issue"]["id"])

    def change(self, number: int, **what: Any) -> None:
        self.ask("PUT", f"/issues/{number}.json", {"issue": what})

    def relate(self, number: int, other: int, how: str) -> None:
        relation = {"issue_to_id": other, "relation_type": how}
        self.ask("POST", f"/issues/{number}/relations.json", {"relation": relation})

    def backdate(self, number: int, *moments: str) -> None:
        """Move the creation, then each journal in turn, to these times."""
        created, *journals = moments
        with sqlite3.connect(self.database, timeout=30) as base:
            found = base.execute(
                "SELECT id FROM journals WHERE journalized_type = 'Issue' AND journalized_id = ? ORDER BY id",
                (number,),
            ).fetchall()
            for (journal,), at in zip(found, journals, strict=True):
                base.execute("UPDATE journals SET created_on = ? WHERE id = ?", (at, journal))
            base.execute(
                "UPDATE issues SET created_on = ?, updated_on = ? WHERE id = ?",
                (created, moments[-1], number),
            )
            base.execute(
                "UPDATE issues SET closed_on = ? WHERE id = ? AND closed_on IS NOT NULL",
                (moments[-1], number),
            )


@contextlib.contextmanager
def started(folder: Path) -> Iterator[Redmine]:
    """Start one in a folder; raises LookupError where Debian's package is not, or does not start."""
    if not PROGRAM.is_dir() or not DATABASE.is_file() or not shutil.which("puma"):
        raise LookupError("redmine, redmine-sqlite and puma (Debian) are not installed")
    program, database = folder / "redmine", folder / "redmine.db"
    shutil.copytree(PROGRAM, program, ignore=shutil.ignore_patterns("instances"))
    # Debian's Redmine keeps what belongs to one installation below "instances".
    instance = program / "instances" / "default"
    for name in ("tmp", "log", "files", "config", "public"):
        (instance / name).mkdir(parents=True)
    shutil.copy(DATABASE, database)
    (instance / "config" / "database.yml").write_text(
        f"production:\n  adapter: sqlite3\n  database: {database}\n  timeout: 10000\n"
    )
    with sqlite3.connect(database) as base:
        now = "2026-01-01 00:00:00"
        base.execute(
            "INSERT INTO settings (name, value, updated_on) VALUES ('rest_api_enabled', '1', ?)", (now,)
        )
        base.execute(
            "INSERT INTO tokens (user_id, action, value, created_on) VALUES (1, 'api', ?, ?)", (KEY, now)
        )
        base.execute("UPDATE users SET must_change_passwd = 0 WHERE login = 'admin'")
        # Tracker 3 is Redmine's Support: here it is where incidents are written.
        base.execute("UPDATE trackers SET name = 'Incident' WHERE id = 3")
        # Issues may be made as closed: what an administrator allows under Workflow, *New issue*.
        base.execute(
            "INSERT INTO workflows (tracker_id, old_status_id, new_status_id, role_id, type)"
            " SELECT t.id, 0, s.id, 3, 'WorkflowTransition' FROM trackers AS t, issue_statuses AS s"
            " WHERE s.id IN (1, 5)"
        )
    environment = {
        **{name: value for name, value in os.environ.items() if name not in ("PYTHONPATH",)},
        "RAILS_ENV": "production",
        "SECRET_KEY_BASE": "0" * 64,
    }
    locked = subprocess.run(
        ["bundle", "lock", "--local"], cwd=program, env=environment, capture_output=True, text=True
    )
    if locked.returncode:
        raise LookupError(f"Debian's Redmine does not start here: {locked.stderr[-300:]}")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["puma", "-b", f"tcp://127.0.0.1:{port}", "-e", "production", "-t", "2:2", "config.ru"]
    with subprocess.Popen(
        command, cwd=program, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        server = Redmine(f"http://127.0.0.1:{port}", database)
        try:
            _wait(server, process)
            for name in ("Shop", "Web", "Empty"):
                server.ask("POST", "/projects.json", {"project": {"name": name, "identifier": name.lower()}})
                member = {"user_id": server.worker, "role_ids": [3]}
                server.ask("POST", f"/projects/{name.lower()}/memberships.json", {"membership": member})
            yield server
        finally:
            process.terminate()


def _wait(server: Redmine, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert process.poll() is None, "Redmine ended before it listened"
        try:
            if httpx.get(f"{server.url}/issue_statuses.json", timeout=30, trust_env=False).status_code < 500:
                return
        except httpx.TransportError:
            time.sleep(0.3)
    raise AssertionError("Redmine did not listen within two minutes")
