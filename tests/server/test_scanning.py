"""What the server finds by itself in the repositories it reads: from lock files' history and advisories on disk."""

from __future__ import annotations

import json
import os
import random
import string
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ktlo.guard.secrets import BASELINE, fresh_baseline, scan, write_baseline
from ktlo.guard.vault.journal import Journal, Step, entry
from ktlo.guard.vulnerabilities.advisory import read_advisory
from ktlo.guard.vulnerabilities.databases.protocol import Candidate, Package, State
from ktlo.server import scanning
from ktlo.server.app import make_app
from ktlo.server.runtime import Runtime
from ktlo.server.security import Access
from ktlo.settings import load_settings


def git(folder: Path, *words: str, at: str = "2025-01-01") -> str:
    moment = f"{at}T00:00:00+00:00"
    environment = dict(os.environ, GIT_AUTHOR_DATE=moment, GIT_COMMITTER_DATE=moment)
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@acme.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *who, *words], cwd=folder, env=environment, check=True, capture_output=True)
    return done.stdout.decode().strip()


def lock(folder: Path, at: str, **versions: str) -> str:
    packages: dict[str, Any] = {"": {"name": "shop", "dependencies": dict.fromkeys(versions, "*")}}
    packages |= {f"node_modules/{name}": {"version": version} for name, version in versions.items()}
    content = {"name": "shop", "version": "1.0.0", "lockfileVersion": 3, "packages": packages}
    (folder / "package-lock.json").write_text(json.dumps(content, indent=1))
    git(folder, "add", "-A", at=at)
    git(folder, "commit", "-qm", f"lock {versions}", at=at)
    return git(folder, "rev-parse", "HEAD")


def advisory(folder: Path, identifier: str, published: str, fixed: str, name: str = "left") -> None:
    folder.mkdir(exist_ok=True)
    record = {
        "id": identifier, "modified": f"{published}T00:00:00Z", "published": f"{published}T00:00:00Z",
        "summary": "A hole", "database_specific": {"severity": "HIGH"},
        "affected": [{
            "package": {"ecosystem": "npm", "name": name},
            "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": fixed}]}],
        }],
    }  # fmt: skip
    (folder / f"{identifier}.json").write_text(json.dumps(record))


@pytest.fixture
def own(tmp_path: Path, monkeypatch):
    """A ktlo that reads one repository with a lock file, beside a folder of advisories."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    shop = tmp_path / "shop"
    shop.mkdir()
    git(shop, "init", "-q", "-b", "main")
    lock(shop, "2025-01-01", left="1.0.0", right="1.0.0")
    lock(shop, "2025-03-01", left="2.0.0", right="1.0.0")
    advisory(tmp_path / "advisories", "GHSA-left", "2025-02-01", "2.0.0")
    advisory(tmp_path / "advisories", "GHSA-right", "2025-02-15", "1.0.1", name="right")
    settings = tmp_path / "ktlo.yaml"
    settings.write_text(
        "sources:\n  - {type: git, path: shop, name: acme/shop}\nguard:\n  databases: [advisories]\n"
    )
    monkeypatch.chdir(tmp_path)
    runtime = Runtime(load_settings(settings), tmp_path / "data", settings)
    app = make_app(runtime, Access())
    yield app, tmp_path
    app.state.collecting.close()
    runtime.close()


def collect(app) -> dict[str, str]:
    app.state.collecting.start()
    run = app.state.collecting.wait(60)
    return {step.name: step.message or step.status for step in run.steps}


def test_history_gives_the_time_to_fix_on_the_first_day(own, visiting):
    app, _ = own
    assert collect(app)["findings"] == "complete"
    visitor = visiting(app)
    rows = {row["rule"]: row for row in visitor.get("/api/v1/findings?state=all").json()}
    assert rows["GHSA-left"]["opened_at"] == "2025-02-01T00:00:00Z"
    assert rows["GHSA-left"]["resolved_at"] == "2025-03-01T00:00:00Z"
    assert rows["GHSA-right"]["resolved_at"] is None
    answer = visitor.get("/api/v1/metrics/finding_time_to_fix?from=2025-01-01&to=2025-12-31").json()
    p50 = answer["figures"][0]["statistics"]["p50"]
    assert (p50["value"], p50["n"], p50["censored"]) == (28 * 86400.0, 2, 1)
    page = visitor.page(f"/finding?repository=acme/shop&fingerprint={rows['GHSA-left']['fingerprint']}")
    assert "lock {&#39;left&#39;: &#39;2.0.0&#39;" in page, "the commit that ended it is named"


def test_the_commit_that_ends_a_finding_is_work_for_security(own, visiting):
    app, _ = own
    collect(app)
    collect(app)
    rows = app.state.runtime.store.query(
        "SELECT title, category, reason FROM ktlo.verdicts WHERE item_kind = 'commit' ORDER BY occurred_at"
    ).to_pylist()
    assert rows[1]["category"] == "security"
    assert "GHSA-left" in rows[1]["reason"]


def test_looking_twice_changes_nothing(own):
    app, _ = own
    collect(app)
    store = app.state.runtime.store
    before = store.query("SELECT * FROM ktlo.findings ORDER BY rule").to_pylist()
    collect(app)
    assert store.query("SELECT * FROM ktlo.findings ORDER BY rule").to_pylist() == before
    assert store.query("SELECT count() AS n FROM ktlo.scans").to_pylist()[0]["n"] == 2, "lock files, secrets"


def test_a_fix_and_a_new_advisory_are_seen_at_the_next_look(own, visiting):
    app, folder = own
    collect(app)
    lock(folder / "shop", "2025-04-01", left="2.0.0", right="1.0.1")
    advisory(folder / "advisories", "GHSA-new", "2025-05-01", "3.0.0")
    collect(app)
    rows = {row["rule"]: row for row in visiting(app).get("/api/v1/findings?state=all").json()}
    assert rows["GHSA-right"]["resolved_at"] == "2025-04-01T00:00:00Z"
    assert rows["GHSA-new"]["opened_at"] == "2025-05-01T00:00:00Z"


def test_an_advisory_that_is_withdrawn_takes_its_findings_away(own, visiting):
    app, folder = own
    collect(app)
    file = folder / "advisories" / "GHSA-right.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "withdrawn": "2025-06-01T00:00:00Z"}))
    collect(app)
    assert "GHSA-right" not in visiting(app).get("/api/v1/findings?state=all").text


def test_a_database_that_is_gone_is_told_and_no_finding_is_closed(own, visiting):
    app, folder = own
    collect(app)
    (folder / "advisories").rename(folder / "elsewhere")
    collect(app)
    visitor = visiting(app)
    assert "GHSA-right" in visitor.get("/api/v1/findings").text
    scans = {tuple(one["checks"]): one for one in visitor.get("/api/v1/scans").json()}
    assert scans["vulnerabilities",]["complete"] == []
    assert "no such advisory database" in scans["vulnerabilities",]["headline"]


def test_an_ignore_is_tolerated_here_too(own, visiting):
    app, folder = own
    settings = folder / "ktlo.yaml"
    settings.write_text(
        settings.read_text()
        + "  ignores: [{id: GHSA-right, owner: ada, reason: not used, expires: 2999-01-01}]\n"
    )
    collect(app)
    visitor = visiting(app)
    assert visitor.get("/api/v1/findings").json() == []
    assert "ignored by ada" in visitor.get("/api/v1/findings?state=tolerated").text


def test_off_means_off(own, visiting):
    app, folder = own
    settings = folder / "ktlo.yaml"
    settings.write_text(settings.read_text() + "  server: 'off'\n")
    collect(app)
    assert collect(app).keys() == {"git:acme/shop", "effort"}


def test_the_next_update_ends_what_is_open(own, visiting):
    app, _ = own
    collect(app)
    visitor = visiting(app)
    plan = visitor.get("/api/v1/updates").json()
    assert [(one["package"], one["target"], one["ends"], one["week"]) for one in plan["updates"]] == [
        ("right", "1.0.1", ["GHSA-right"], 1)
    ]
    assert plan["undated"] == plan["locked"] == 2
    assert "1 update for this week to end a finding" in visitor.page("/findings/updates")
    assert "right,1.0.0,1.0.1" in visitor.get("/api/v1/updates?format=csv").text


def test_a_page_without_any_look_says_what_to_do(tmp_path, visiting):
    runtime = Runtime(load_settings(None), tmp_path / "data")
    try:
        visitor = visiting(make_app(runtime, Access()))
        page = visitor.page("/findings")
        assert "Nothing is known" in page
        assert "ktlo check --report-to" in page
        assert "no lock file was read" in visitor.page("/findings/updates")
    finally:
        runtime.close()


def test_a_secret_in_history_is_open_until_its_issuer_refused_it(own, visiting):
    app, folder = own
    shop = folder / "shop"
    token = "glpat-" + "".join(random.choice(string.ascii_letters + string.digits) for _ in range(20))
    (shop / "app.py").write_text(f'TOKEN = "{token}"\n')
    git(shop, "add", "-A", at="2025-03-10")
    git(shop, "commit", "-qm", "oops", at="2025-03-10")
    (shop / "app.py").unlink()
    git(shop, "add", "-A", at="2025-03-11")
    git(shop, "commit", "-qm", "gone, as if that helped", at="2025-03-11")
    collect(app)
    visitor = visiting(app)
    (one,) = visitor.get("/api/v1/findings?check=secrets").json()
    assert (one["rule"], one["path"], one["opened_at"]) == ("gitlab-pat", "app.py", "2025-03-10T00:00:00Z")
    everything = app.state.runtime.store.query("SELECT * FROM ktlo.findings").to_pylist()
    assert token not in str(everything)
    assert token not in str(app.state.runtime.store.query("SELECT * FROM ktlo.scans").to_pylist())
    journal = Journal(shop)
    for step in (Step.DEAD, Step.CLOSED):
        journal.add(entry(step, one["fingerprint"], one["rule"], one["path"], issuer="GitLab"))
    git(shop, "add", "-A", at="2025-03-20")
    git(shop, "commit", "-qm", "ended", at="2025-03-20")
    collect(app)
    assert visitor.get("/api/v1/findings?check=secrets").json() == []
    (one,) = visitor.get("/api/v1/findings?check=secrets&state=fixed").json()
    assert one["resolved_at"] is not None


def test_a_known_secret_is_tolerated_and_shown_as_such(own, visiting):
    app, folder = own
    shop = folder / "shop"
    token = "glpat-" + "".join(random.choice(string.ascii_letters + string.digits) for _ in range(20))
    (shop / "app.py").write_text(f'TOKEN = "{token}"\n')
    git(shop, "add", "-A", at="2025-03-10")
    git(shop, "commit", "-qm", "oops", at="2025-03-10")
    fresh = fresh_baseline()
    write_baseline(shop / BASELINE, fresh.salt, scan(shop, baseline=fresh).findings)
    git(shop, "add", "-A", at="2025-03-11")
    git(shop, "commit", "-qm", "known", at="2025-03-11")
    collect(app)
    visitor = visiting(app)
    assert visitor.get("/api/v1/findings?check=secrets").json() == []
    assert len(visitor.get("/api/v1/findings?check=secrets&state=tolerated").json()) == 1


class Service:
    """An OSV service that remembers what it was told, and says that the version asked for is affected."""

    def __init__(self, told: list[Package]) -> None:
        self._told = told

    def state(self) -> State:
        return State("https://osv.test", None, None, None)

    def candidates(self, packages):
        self._told += packages
        record = {
            "id": "GHSA-service", "modified": "2025-02-01T00:00:00Z", "published": "2025-02-01T00:00:00Z",
            "affected": [{
                "package": {"ecosystem": "npm", "name": "right"},
                "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.0.5"}]}],
            }],
        }  # fmt: skip
        about = Candidate(read_advisory(record, where=""), frozenset({"GHSA-service"}), is_asserted=True)
        return {one: (about,) if one.name == "right" else () for one in packages}

    def close(self) -> None:
        """Nothing to give back."""


@pytest.mark.parametrize("mode", ["local", "all"])
def test_a_service_is_told_the_locked_versions_only_where_settings_say_so(own, visiting, monkeypatch, mode):
    app, folder = own
    told: list[Package] = []
    monkeypatch.setattr(scanning, "open_database", lambda *_, **__: Service(told))
    settings = folder / "ktlo.yaml"
    text = settings.read_text().replace("[advisories]", "['https://osv.test']")
    settings.write_text(text + f"  server: {mode}\n")
    collect(app)
    rows = visiting(app).get("/api/v1/findings?check=vulnerabilities").json()
    if mode == "local":
        assert told == []
        assert rows == []
        scans = {tuple(one["checks"]): one for one in visiting(app).get("/api/v1/scans").json()}
        assert "no database on disk" in scans["vulnerabilities",]["headline"]
        assert scans["vulnerabilities",]["verdict"] == "inconclusive", "nobody was asked: that is not clean"
    else:
        assert told == [Package("npm", "left", "2.0.0"), Package("npm", "right", "1.0.0")]
        assert [(row["rule"], row["opened_at"]) for row in rows] == [("GHSA-service", "2025-02-01T00:00:00Z")]
