"""``ktlo check --report-to``: what is sent, what it is called, and that the verdict does not depend on it."""

from __future__ import annotations

import json
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ktlo.cli.check_reporting import check_address, origin_of
from ktlo.cli.main import main
from ktlo.errors import UserError
from ktlo.server.scans import NewScan


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@acme.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A repository without dependencies, whose remote is acme/shop."""
    folder = tmp_path / "shop"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    git(folder, "remote", "add", "origin", "git@git.example.org:acme/shop.git")
    (folder / "ktlo.yaml").write_text("guard: {lock_files: none}\n")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    return folder


@pytest.fixture
def server():
    """Remembers what it is sent, and answers as ktlo does."""
    got: list[tuple[dict, dict]] = []
    answer = {"status": 201, "said": {"scan_id": "x", "opened": 2, "resolved": 1, "counts": True}}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            got.append((dict(self.headers), body))
            data = json.dumps(answer["said"]).encode()
            self.send_response(answer["status"])
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    opened = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=opened.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{opened.server_address[1]}", got, answer
    opened.shutdown()
    opened.server_close()
    thread.join()


@pytest.fixture
def run(monkeypatch, capfd):
    for name in ("GITHUB_ACTIONS", "GITLAB_CI", "GIT_COMMIT", "BRANCH_NAME", "KTLO_TOKEN", "KTLO_CONFIG"):
        monkeypatch.delenv(name, raising=False)

    def told(*words: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["ktlo", "check", "--only", "vulnerabilities", *words])
        capfd.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        return int(end.value.code or 0), capfd.readouterr().err

    return told


def test_a_report_is_one_that_the_server_understands(shop, server, run, monkeypatch):
    address, got, _ = server
    monkeypatch.setenv("KTLO_TOKEN", "of-the-server")
    code, said = run(str(shop), "--report-to", address)
    (headers, body) = got[0]
    assert f"reported to {address}: 2 new, 1 gone" in said
    assert headers["Authorization"] == "Bearer of-the-server"
    scan = NewScan.model_validate(body)
    assert (scan.repository, scan.ref, scan.is_default) == ("acme/shop", "main", True)
    assert len(scan.sha) == 40
    assert scan.report.verdict.name in ("clean", "inconclusive")
    assert code == {"clean": 0, "inconclusive": 2}[scan.report.verdict.name]


def test_a_server_that_is_away_changes_no_verdict(shop, server, run):
    address, _, answer = server
    without, _ = run(str(shop))
    code, said = run(str(shop), "--report-to", "http://127.0.0.1:1")
    assert code == without
    assert "not reported" in said
    answer.update(status=400, said={"title": "the scan is from the future"})
    code, said = run(str(shop), "--report-to", address)
    assert code == without
    assert "the scan is from the future" in said


@pytest.mark.parametrize(
    "address", ["http://ktlo.example.org", "nonsense", "https://u:p@ktlo.example.org", "ftp://x"]
)
def test_a_token_goes_nowhere_without_encryption(shop, run, address):
    with pytest.raises(UserError, match="no address"):
        check_address(address)
    code, said = run(str(shop), "--report-to", address)
    assert code == 4
    assert "p@" not in said


def test_a_branch_is_no_default_branch(shop):
    git(shop, "checkout", "-q", "-b", "feature")
    assert origin_of(shop, {}).is_default is False


def test_a_folder_without_git_is_called_by_its_name(tmp_path):
    (tmp_path / "plain").mkdir()
    assert origin_of(tmp_path / "plain", {}).repository == "plain"


def test_github_actions_say_what_is_checked(tmp_path):
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"repository": {"default_branch": "trunk"}}))
    said = {
        "GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "acme/shop", "GITHUB_SHA": "a" * 40,
        "GITHUB_REF_NAME": "trunk", "GITHUB_EVENT_PATH": str(event),
    }  # fmt: skip
    assert origin_of(tmp_path, said).is_default
    pull = {**said, "GITHUB_HEAD_REF": "feature", "GITHUB_REF_NAME": "7/merge"}
    assert not origin_of(tmp_path, pull).is_default
    assert origin_of(tmp_path, pull).ref == "feature"


def test_gitlab_ci_says_what_is_checked(tmp_path):
    said = {
        "GITLAB_CI": "true", "CI_PROJECT_PATH": "acme/sub/shop", "CI_COMMIT_SHA": "b" * 40,
        "CI_COMMIT_BRANCH": "main", "CI_DEFAULT_BRANCH": "main",
    }  # fmt: skip
    assert origin_of(tmp_path, said).repository == "acme/sub/shop"
    assert origin_of(tmp_path, said).is_default
    assert not origin_of(tmp_path, {**said, "CI_COMMIT_BRANCH": ""}).is_default, (
        "a merge request has no branch"
    )
