"""The gate fails closed: the table of every way of not knowing, each beside the same repository that passes."""

from __future__ import annotations

import os
import re
import zipfile
from pathlib import Path

import pytest
from repositories import Repo
from shop import days_ago, lock, put, record
from typer.testing import CliRunner

from ktlo.cli.main import commands

ROWS = [
    [cell.strip() for cell in line.split(" | ")]
    for line in (Path(__file__).parents[1] / "golden" / "gate_not_knowing.txt")
    .read_text("utf-8")
    .splitlines()
    if line and not line.startswith("#")
]
SITUATIONS = {}


def situation(function):
    SITUATIONS[function.__name__.replace("_", " ")] = function
    return function


class World:
    """A clean repository, a mirror that knows it, and a linter that says nothing."""

    def __init__(self, folder: Path, monkeypatch) -> None:
        self.folder, self.monkeypatch = folder, monkeypatch
        self.repo = Repo(folder / "shop")
        lock(self.repo.root, left="2.0.0", right="1.0.0")
        self.repo.write("ktlo.yaml", "guard: {max_age_days: 7}\n")
        self.repo.commit()
        self.mirror = folder / "advisories"
        self.mirror.mkdir()
        put(self.mirror, record("GHSA-left", "left"))
        self.arguments = ["--database", str(self.mirror)]
        monkeypatch.delenv("KTLO_CONFIG", raising=False)

    def policy(self, text: str) -> None:
        self.repo.write("ktlo.yaml", f"guard: {text}\n")

    def linter(self, script: str) -> None:
        folder = self.folder / "bin"
        folder.mkdir()
        program = folder / "biome"
        program.write_text(f'#!/bin/sh\n[ "$1" = --version ] && exec echo 9.9\n{script}\n')
        program.chmod(0o755)
        self.monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        self.repo.write("biome.json", "{}")

    def check(self) -> tuple[int, str]:
        line = ["check", str(self.repo.root), "--format", "json", "--cache", str(self.folder / "cache")]
        done = CliRunner().invoke(commands(), [*line, *self.arguments])
        return done.exit_code, done.stdout + done.stderr


@pytest.fixture
def world(tmp_path, monkeypatch):
    return World(tmp_path, monkeypatch)


@pytest.mark.parametrize(("name", "code", "words"), ROWS, ids=[row[0] for row in ROWS])
def test_what_is_not_known_never_passes(world, name, code, words):
    SITUATIONS[name.lower()](world)
    ended, said = world.check()
    assert (ended, words in re.sub(r"\s+", " ", said)) == (int(code), True), said


def test_the_repository_passes_before_anything_happens_to_it(world):
    assert world.check()[0] == 0
    world.repo.write("a.py", "x = 1\n")
    world.linter('echo \'{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "b"}}}]}\'')
    world.policy("{lint: {require: [biome]}}")
    assert world.check()[0] == 0


def test_every_situation_has_a_row_and_every_row_a_situation():
    assert {row[0].lower() for row in ROWS} == set(SITUATIONS)


@situation
def a_database_that_is_away(world):
    world.arguments += ["--database", str(world.folder / "nowhere")]


@situation
def a_database_that_is_empty(world):
    (world.folder / "empty").mkdir()
    world.arguments = ["--database", str(world.folder / "empty")]


@situation
def a_database_that_is_cut_off(world):
    whole = world.folder / "all.zip"
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr("a.json", "{}")
    whole.write_bytes(whole.read_bytes()[:-10])
    world.arguments += ["--database", str(whole)]


@situation
def a_database_that_is_too_old(world):
    put(world.mirror, record("GHSA-left", "left", modified=days_ago(30)))


@situation
def a_record_that_cannot_be_read(world):
    (world.mirror / "broken.json").write_text('{"id": "GHSA-x", "affected": [{"package": 3}]}')


@situation
def a_service_that_cannot_be_reached(world):
    world.arguments += ["--database", "http://127.0.0.1:9"]


@situation
def a_lock_file_that_cannot_be_read(world):
    world.repo.write("package-lock.json", '{"lockfileVersion": 3, "packages": {')


@situation
def a_lock_file_larger_than_the_limit(world):
    with (world.repo.root / "yarn.lock").open("wb") as file:
        file.truncate(200 << 20)


@situation
def a_lock_file_that_leads_out_of_the_repository(world):
    (world.folder / "theirs.lock").write_text("")
    (world.repo.root / "yarn.lock").symlink_to(world.folder / "theirs.lock")


@situation
def a_lock_file_with_aliases_that_explode(world):
    laughs = "a: &a [x, x]\n" + "".join(f"b{n}: &b{n} [*a, *a]\n" for n in range(9))
    world.repo.write("pnpm-lock.yaml", f"lockfileVersion: '9.0'\n{laughs}")


@situation
def a_lock_file_of_an_unknown_tool(world):
    world.repo.write("mix.lock", "%{}\n")


@situation
def a_manifest_without_a_lock_file(world):
    world.repo.write("web/package.json", '{"name": "web", "dependencies": {"left": "*"}}')


@situation
def no_lock_file(world):
    (world.repo.root / "package-lock.json").unlink()


@situation
def an_ecosystem_without_data(world):
    world.repo.write(
        "Cargo.lock",
        'version = 3\n\n[[package]]\nname = "serde"\nversion = "1.0.0"\n'
        'source = "registry+https://github.com/rust-lang/crates.io-index"\nchecksum = "00"\n',
    )


@situation
def a_dependency_from_git(world):
    text = (world.repo.root / "package-lock.json").read_text()
    entry = '"node_modules/own": {"version": "1.0.0", "resolved": "git+ssh://git@github.com/a/b.git#abc"},'
    world.repo.write("package-lock.json", text.replace('"node_modules/left"', f'{entry} "node_modules/left"'))


@situation
def a_version_without_an_order(world):
    lock(world.repo.root, left="2.0.0", right="1.x.y")


@situation
def an_advisory_that_counts_commits_only(world):
    only = record("GHSA-git", "right")
    only["affected"][0]["ranges"] = [{"type": "GIT", "repo": "x", "events": [{"introduced": "0"}]}]
    put(world.mirror, only)


@situation
def a_data_source_of_exploitation_that_is_away(world):
    world.policy("{known_exploited: [kev.json]}")


@situation
def a_pipe_among_the_files(world):
    os.mkfifo(world.repo.root / "pipe")
    world.repo.git("config", "core.fsmonitor", "false")
    (world.repo.root / ".git").rename(world.folder / "elsewhere")  # git does not list pipes


@situation
def an_archive_that_is_damaged(world):
    world.repo.write("broken.zip", b"PK\x03\x04" + b"\x14\x00\x00\x00\x08\x00" + os.urandom(200))


@situation
def a_secrets_baseline_that_is_damaged(world):
    world.repo.write(".ktlo/secrets-baseline.json", "{")


@situation
def a_linter_that_policy_requires_and_that_is_missing(world):
    world.policy("{lint: {require: [golangci-lint]}}")
    world.arguments += ["--trust", "golangci-lint"]
    world.monkeypatch.setenv("PATH", "/usr/bin:/bin")


@situation
def a_linter_that_fails(world):
    world.linter("exit 3")


@situation
def a_linter_whose_report_is_cut_off(world):
    world.linter('echo \'{"version": "2.1.0", "runs": [\'')


@situation
def a_linter_that_hangs(world):
    world.linter("sleep 60")
    world.policy("{check_seconds: 5}")


@situation
def a_report_of_another_tool_that_is_missing(world):
    world.arguments += ["--sarif", str(world.folder / "nowhere.sarif")]


@situation
def a_report_of_a_run_that_did_not_succeed(world):
    run = (
        '{"tool": {"driver": {"name": "t"}}, "results": [], "invocations": [{"executionSuccessful": false}]}'
    )
    (world.folder / "t.sarif").write_text(f'{{"version": "2.1.0", "runs": [{run}]}}')
    world.arguments += ["--sarif", str(world.folder / "t.sarif")]


@situation
def a_lint_baseline_that_is_damaged(world):
    world.repo.write("ruff.toml", "")
    world.repo.write(".ktlo/lint-baseline.json", "{")


@situation
def a_workflow_file_that_is_not_yaml(world):
    world.repo.write(".github/workflows/a.yml", "jobs: [")


@situation
def a_pipeline_of_gitlab_that_is_not_yaml(world):
    world.repo.write(".gitlab-ci.yml", "a: [")


@situation
def a_licence_that_nothing_tells(world):
    world.policy("{licenses: {allow: [MIT]}}")


@situation
def a_licence_that_nobody_can_place(world):
    world.policy("{licenses: {allow: [MIT], known: {'npm:left': my own, 'npm:right': MIT}}}")


@situation
def a_check_that_breaks(world):
    world.monkeypatch.setattr("ktlo.guard.vulnerabilities.check.match", lambda *_: 1 / 0)


@situation
def nothing_that_applies(world):
    world.arguments += ["--only", "licenses"]


@situation
def a_policy_that_is_not_understood(world):
    world.policy("{fail_form: high}")


@situation
def a_policy_that_explodes(world):
    merges = "".join(f"y{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 6)}]}}\n" for n in range(1, 14))
    world.repo.write("ktlo.yaml", f"x: &a0 {{k: v}}\n{merges}")


@situation
def a_policy_that_nests_without_end(world):
    world.repo.write("ktlo.yaml", "[" * 200_000)


@situation
def a_policy_that_is_a_link(world):
    (world.folder / "theirs.yaml").write_text("guard: {}\n")
    (world.repo.root / "ktlo.yaml").unlink()
    (world.repo.root / "ktlo.yaml").symlink_to(world.folder / "theirs.yaml")


@situation
def a_vex_file_that_is_not_understood(world):
    world.policy("{vex: [a.vex.json]}")
    world.repo.write("a.vex.json", "{}")


@situation
def a_revision_that_git_does_not_know(world):
    world.arguments += ["--since", "nowhere"]


@situation
def a_change_without_a_repository(world):
    (world.repo.root / ".git").rename(world.folder / "elsewhere")
    world.arguments += ["--since", "main"]


@situation
def a_git_directory_that_is_damaged(world):
    (world.repo.root / ".git" / "HEAD").write_text("nonsense")
