"""`ktlo check fix` on real git repositories: one commit a change, tests in between, exactly that change taken back."""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
import sys

import pytest
from shop import put, record
from typer.testing import CliRunner

from ktlo.cli.main import commands
from ktlo.guard.fixing.choice import choose
from ktlo.guard.vulnerabilities.match import Match, Verdict

DONE, LEFT, INCONCLUSIVE, USAGE = 0, 1, 2, 4


def git(folder, *arguments):
    command = ["git", "-c", "user.name=Ann", "-c", "user.email=ann@example.org", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def commit_all(folder, message="Start"):
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message)


@pytest.fixture(autouse=True)
def somebody(monkeypatch):
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Ann")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "ann@example.org")
    monkeypatch.delenv("KTLO_CONFIG", raising=False)


@pytest.fixture
def pypi(tmp_path):
    """Two holes in `left` (fixed in 1.5 and in 2.1), one in `right` (fixed in 1.1), one in `stuck`, never fixed."""
    folder = tmp_path / "pypi"
    folder.mkdir()
    pip = functools.partial(record, ecosystem="PyPI")
    put(folder, pip("GHSA-1", "left", fixed="1.5", aliases=["CVE-2026-1"]))
    put(folder, pip("GHSA-2", "left", fixed="2.1", aliases=["CVE-2026-2"]))
    put(folder, pip("GHSA-3", "right", fixed="1.1", aliases=["CVE-2026-3"]))
    stuck = pip("GHSA-4", "stuck", aliases=["CVE-2026-4"])
    stuck["affected"][0]["ranges"][0]["events"] = [{"introduced": "0"}]
    put(folder, stuck)
    return folder


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "requirements.txt").write_bytes(
        b"# pins\r\nleft==1.0  # why\r\nright[extra] == 1.0 ; python_version>'3'\r\n"
    )
    git(folder, "init", "-q", "-b", "main")
    commit_all(folder)
    return folder


@pytest.fixture
def fix(repository, pypi, tmp_path):
    def run(*arguments, database=pypi):
        line = ["check", "fix", str(repository), "--cache", str(tmp_path / "cache")]
        done = CliRunner().invoke(commands(), [*line, "--database", str(database), *arguments])
        return done.exit_code, done.output

    return run


def log(folder):
    return git(folder, "log", "--format=%s").splitlines()[::-1][1:]


def test_each_package_is_one_commit_that_names_what_it_ends_and_touches_nothing_else(fix, repository):
    code, output = fix("--test", "true")
    # The gate's own rest: a requirements file without hashes does not show that it is complete.
    assert code == INCONCLUSIVE, output
    assert sorted(log(repository)) == ["Update left from 1.0 to 2.1", "Update right from 1.0 to 1.1"]
    text = (repository / "requirements.txt").read_bytes()
    assert text == b"# pins\r\nleft==2.1  # why\r\nright[extra] == 1.1 ; python_version>'3'\r\n"
    body = git(repository, "log", "-1", "--format=%b", "--grep=left")
    assert "CVE-2026-1 (unknown), CVE-2026-2 (unknown)" in body
    assert "requirements.txt" in body
    assert not git(repository, "status", "--porcelain")


def test_a_change_that_breaks_the_tests_is_undone_and_the_next_one_goes_on(fix, repository):
    code, output = fix("--test", "! grep -q left==2.1 requirements.txt")
    assert code == LEFT
    assert log(repository) == ["Update right from 1.0 to 1.1"]
    assert b"left==1.0  # why" in (repository / "requirements.txt").read_bytes()
    assert "undone  Update left from 1.0 to 2.1" in output
    assert "exit code 1" in output
    assert not git(repository, "status", "--porcelain")


def test_what_the_tests_leave_behind_is_neither_committed_nor_removed(fix, repository):
    fix("--test", "echo x > coverage.txt")
    assert git(repository, "status", "--porcelain").split() == ["??", "coverage.txt"]
    assert git(repository, "show", "--stat", "--format=", "HEAD").count("|") == 1


def test_tests_that_hang_are_ended_and_the_change_undone(fix, repository):
    (repository / "ktlo.yaml").write_text("guard:\n  test_seconds: 2\n")
    commit_all(repository, "Settings")
    code, output = fix("--test", "grep -q left==1.0 requirements.txt && grep -q 1.0.; sleep 30")
    assert code == USAGE
    assert "before anything is changed" in output


def test_a_rehearsal_changes_and_runs_nothing(fix, repository, tmp_path):
    code, output = fix("--dry-run", "--test", f"touch {tmp_path}/ran")
    assert code == INCONCLUSIVE
    assert "would   Update left from 1.0 to 2.1 (another major version)" in output
    assert log(repository) == []
    assert not (tmp_path / "ran").exists()
    plan = json.loads(fix("--dry-run", "--json")[1])
    assert [(one["package"], one["to"], one["state"]) for one in plan] == [
        ("left", "2.1", "planned"),
        ("right", "1.1", "planned"),
    ]


def test_a_tree_with_changes_of_ones_own_is_refused(fix, repository):
    (repository / "notes.txt").write_text("mine")
    code, output = fix("--test", "true")
    assert code == USAGE
    assert "notes.txt" in output
    assert (repository / "notes.txt").read_text() == "mine"


def test_tests_that_already_fail_are_refused_and_no_tests_must_be_said(fix, repository):
    assert fix("--test", "false")[0] == USAGE
    assert fix()[0] == USAGE
    assert log(repository) == []
    assert fix("--no-test")[0] == INCONCLUSIVE
    assert len(log(repository)) == 2


def test_a_hole_that_is_nowhere_fixed_is_said(fix, repository):
    (repository / "requirements.txt").write_text("stuck==1.0\n")
    commit_all(repository, "Stuck")
    code, output = fix("--test", "true")
    assert code == LEFT
    assert "no advisory names a version in which it is fixed" in output


def test_hashes_without_the_tool_that_made_them_are_refused(fix, repository):
    pin = "left==1.0 \\\n    --hash=sha256:" + "a" * 64 + "\n"
    (repository / "requirements.txt").write_text(pin)
    commit_all(repository, "Hashes")
    code, output = fix("--test", "true")
    assert code == LEFT
    assert "does not say which tool made it" in output
    assert (repository / "requirements.txt").read_text() == pin


@pytest.mark.parametrize(
    "option", ["--find-links=/evil", "--index-url https://evil.example", "$(touch evil)", "--build-isolation"]
)
def test_a_command_in_a_files_head_cannot_bring_options_of_its_own(fix, repository, option):
    head = (
        f"# This file was autogenerated by uv via the following command:\n#    uv pip compile {option} a.in\n"
    )
    (repository / "requirements.txt").write_text(head + "left==1.0\n")
    commit_all(repository, "Head")
    code, output = fix("--test", "true")
    assert code == LEFT
    assert not (repository / "evil").exists()
    assert "does not repeat" in output or "failed" in output or "not on the PATH" in output


def test_a_file_that_no_tool_here_writes_is_left_with_a_sentence(fix, repository, pypi):
    (repository / "requirements.txt").unlink()
    (repository / "package.json").write_text(json.dumps({"name": "shop", "dependencies": {"up": "^1.0.0"}}))
    resolved = "https://packages.example.org/up/-/up-1.0.0.tgz#" + "a" * 40
    entry = f'up@^1.0.0:\n  version "1.0.0"\n  resolved "{resolved}"\n'
    (repository / "yarn.lock").write_text(f"# yarn lockfile v1\n\n\n{entry}")
    put(pypi, record("GHSA-up", "up", fixed="1.2.0", aliases=["CVE-2026-9"]))
    commit_all(repository, "yarn")
    code, output = fix("--test", "true")
    assert code == LEFT, output
    assert "ktlo cannot change yarn.lock" in output


def test_commits_go_to_a_branch_when_asked_and_hooks_do_not_run(fix, repository, tmp_path):
    hook = repository / ".git" / "hooks" / "pre-commit"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/hook\nexit 1\n")
    hook.chmod(0o755)
    fix("--test", "true", "--branch", "security")
    assert git(repository, "branch", "--show-current").strip() == "security"
    assert git(repository, "log", "--format=%s", "main").split() == ["Start"]
    assert len(log(repository)) == 2
    assert not (tmp_path / "hook").exists()


def test_only_one_package_may_be_asked_for(fix, repository):
    fix("--test", "true", "--only", "right")
    assert log(repository) == ["Update right from 1.0 to 1.1"]


# --- The choice ---------------------------------------------------------------------------------------------


def judge(*holes):
    """Holes as (id, introduced, fixed) over whole numbers."""

    def ask(ecosystem, name, version):
        at = float(version)
        return tuple(
            (identifier, Match(Verdict.AFFECTED, fixed=(str(end),) if end else ()))
            for identifier, start, end in holes
            if start <= at and (not end or at < end)
        )

    return ask


def test_the_smallest_version_that_ends_everything_is_chosen():
    assert choose("PyPI", "left", "1.0", judge(("A", 0, 1.2), ("B", 0, 1.4))).version == "1.4"


def test_a_fix_that_another_hole_covers_is_passed_over():
    found = choose("PyPI", "left", "1.0", judge(("A", 0, 1.2), ("B", 1.2, 2.5)))
    assert (found.version, found.leaves_major) == ("2.5", True)


def test_a_fix_below_the_current_version_is_no_update():
    assert choose("PyPI", "left", "1.5", judge(("A", 0, 1.6), ("B", 1.4, 1.6))).version == "1.6"
    assert choose("PyPI", "left", "1.0", judge(("A", 0, 1.2), ("B", 0, None))).version == ""


def test_before_one_the_second_number_is_the_one_that_breaks():
    assert choose("PyPI", "left", "0.1", judge(("A", 0, 0.2))).leaves_major


# --- With the projects' real tools and a registry --------------------------------------------------------------


def needs(tool, *probe):
    """Skip without the tool, or when its registry does not answer."""

    @functools.cache
    def reason():
        if shutil.which(tool) is None:
            return f"{tool} is not on the PATH"
        try:
            done = subprocess.run(probe, capture_output=True, timeout=60, check=False)
        except subprocess.TimeoutExpired:
            return f"the registry of {tool} does not answer"
        return "" if done.returncode == 0 else f"the registry of {tool} is away"

    return reason


NPM = needs("npm", "npm", "view", "ms@2.0.0", "version")


def uv_reaches(tmp_path):
    if shutil.which("uv") is None:
        return "uv is not on the PATH"
    wanted = tmp_path / "probe.in"
    wanted.write_text("idna==3.7\n")
    done = subprocess.run(
        ["uv", "pip", "compile", "-q", str(wanted)], capture_output=True, timeout=60, check=False
    )
    return "" if done.returncode == 0 else "uv's registry is away"


@pytest.mark.network
def test_uv_lock_takes_the_smallest_version_and_keeps_the_rest(fix, repository, pypi, tmp_path):
    if why := uv_reaches(tmp_path):
        pytest.skip(why)
    (repository / "requirements.txt").unlink()
    (repository / "pyproject.toml").write_text(
        f'[project]\nname = "shop"\nversion = "1"\nrequires-python = ">={sys.version_info[0]}.{sys.version_info[1]}"\n'
        'dependencies = ["idna>=3", "certifi"]\n'
    )
    for pin in ("idna==3.4", "certifi==2024.2.2"):
        subprocess.run(["uv", "lock", "-q", "--upgrade-package", pin], cwd=repository, check=True)
    commit_all(repository, "uv")
    put(pypi, record("GHSA-idna", "idna", ecosystem="PyPI", fixed="3.7", aliases=["CVE-2024-3651"]))
    code, output = fix("--test", "grep -q 2024.2.2 uv.lock")
    assert code == DONE, output
    assert log(repository)[-1] == "Update idna from 3.4 to 3.7"
    assert git(repository, "show", "--format=", "--name-only", "HEAD").split() == ["uv.lock"]


@pytest.mark.network
def test_requirements_that_uv_made_with_hashes_are_made_again(fix, repository, pypi, tmp_path):
    if why := uv_reaches(tmp_path):
        pytest.skip(why)
    (repository / "requirements.in").write_text("idna\n")
    (repository / "requirements.txt").write_text("idna==3.4\n")
    quiet = "--generate-hashes --no-emit-index-url --no-emit-find-links"
    command = f"uv pip compile -q {quiet} requirements.in -o requirements.txt"
    subprocess.run(command.split(), cwd=repository, check=True)
    assert "--hash" in (repository / "requirements.txt").read_text()
    commit_all(repository, "Hashes")
    put(pypi, record("GHSA-idna", "idna", ecosystem="PyPI", fixed="3.7", aliases=["CVE-2024-3651"]))
    code, output = fix("--no-test")
    assert code == DONE, output
    text = (repository / "requirements.txt").read_text()
    assert "idna==3.7" in text
    assert "idna==3.4" not in text


@pytest.mark.network
def test_npm_updates_what_the_project_asks_for_and_what_that_needs(fix, repository, pypi):
    if why := NPM():
        pytest.skip(why)
    (repository / "requirements.txt").unlink()
    package = {"name": "shop", "version": "1.0.0", "dependencies": {"debug": "^4.0.0"}}
    (repository / "package.json").write_text(json.dumps(package))
    quiet = ["--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund"]
    for old in ("debug@4.1.0", "ms@2.1.1"):
        subprocess.run(["npm", "install", *quiet, old], cwd=repository, check=True, capture_output=True)
    (repository / "package.json").write_text(json.dumps(package))
    subprocess.run(["npm", "install", *quiet], cwd=repository, check=True, capture_output=True)
    commit_all(repository, "npm")
    put(pypi, record("GHSA-debug", "debug", fixed="4.1.1", aliases=["CVE-2017-16137"]))
    put(pypi, record("GHSA-ms", "ms", fixed="2.1.2", aliases=["CVE-2017-20162"]))
    code, output = fix("--test", "true")
    assert code == DONE, output
    assert set(log(repository)[-2:]) == {"Update debug from 4.1.0 to 4.1.1", "Update ms from 2.1.1 to 2.1.2"}
    lock = json.loads((repository / "package-lock.json").read_text())["packages"]
    assert lock["node_modules/debug"]["version"] == "4.1.1"
    assert lock["node_modules/ms"]["version"] == "2.1.2"
    assert json.loads((repository / "package.json").read_text())["dependencies"] == {"debug": "^4.1.1"}
