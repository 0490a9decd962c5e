"""Workflow files: each rule of our own on a table, zizmor where it is installed, and no file passes unread."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from repositories import Repo
from typer.testing import CliRunner

from ktlo.cli.main import commands
from ktlo.guard.workflows.document import WorkflowError, leaves
from ktlo.guard.workflows.rules import RULES, judge_github, judge_gitlab

CLEAN, FINDINGS, INCONCLUSIVE, STALE, USAGE = range(5)
TABLE = Path(__file__).with_name("rules.txt").read_text(encoding="utf-8")
PAGE = (Path(__file__).parents[3] / "docs" / "check-linters.md").read_text(encoding="utf-8")
BLOCKS = [block.strip("\n").split("\n---") for block in TABLE.split("\n", 2)[2].split("===\n")]
HOLE = """\
on: issues
permissions: {}
jobs:
  a:
    runs-on: x
    steps:
      - run: echo ${{ github.event.issue.title }}
"""


@pytest.mark.parametrize(("title", "text", "expected"), BLOCKS, ids=[block[0] for block in BLOCKS])
def test_each_rule_fires_where_the_table_says_and_nowhere_else(title, text, expected):
    judge = judge_github if title.startswith("github") else judge_gitlab
    found = [f"{one.rule} {one.line}" for one in judge("a.yml", text.lstrip("\n").encode())]
    assert sorted(found) == sorted(expected.split("\n")[1:] if expected.strip() else [])


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_is_documented(rule):
    assert f"`{rule}`" in PAGE


@pytest.fixture
def repo(tmp_path, monkeypatch):
    monkeypatch.delenv("KTLO_CONFIG", raising=False)
    made = Repo(tmp_path / "shop")
    made.write(".github/workflows/a.yml", HOLE)
    return made


@pytest.fixture
def check(repo):
    def run(*arguments):
        line = ["check", str(repo.root), "--only", "workflows", "--format", "json", *arguments]
        done = CliRunner().invoke(commands(), line)
        return done.exit_code, json.loads(done.stdout) if done.stdout.startswith("{") else {}

    return run


def without_zizmor(monkeypatch):
    monkeypatch.setattr("ktlo.guard.checks.workflows.find_program", lambda *_, **__: None)


def test_zizmor_and_our_own_rules_call_the_same_hole_by_the_same_name(check, monkeypatch):
    code, report = check()
    assert code == FINDINGS
    assert report["checks"][0]["tools"][0].startswith("zizmor ")
    theirs = {one["rule"]: one["level"] for one in report["findings"]}
    without_zizmor(monkeypatch)
    code, report = check()
    assert (code, report["checks"][0]["tools"]) == (FINDINGS, ["ktlo's own rules"])
    ours = {one["rule"]: one["level"] for one in report["findings"]}
    assert ours == {"workflows/template-injection": "high"}
    assert ours.items() <= theirs.items()


@pytest.mark.parametrize("with_zizmor", [True, False])
@pytest.mark.parametrize("text", ["jobs: [", "\x00", "a: b: c"])
def test_a_file_that_cannot_be_read_is_not_checked(check, repo, monkeypatch, text, with_zizmor):
    if not with_zizmor:
        without_zizmor(monkeypatch)
    repo.write(".github/workflows/a.yml", text)
    assert check()[0] == INCONCLUSIVE


def test_gitlab_files_are_judged_besides(check, repo):
    repo.write(
        ".github/workflows/a.yml", "on: push\npermissions: {}\njobs: {a: {runs-on: x, steps: [{run: ls}]}}\n"
    )
    repo.write(".gitlab-ci.yml", "a:\n  script:\n    - curl https://example.org/x | sh\n")
    code, report = check()
    assert code == FINDINGS
    assert [one["rule"] for one in report["findings"]] == ["workflows/piped-download"]
    assert report["checks"][0]["checked"] == 2


def test_only_what_the_change_adds_counts_with_since(check, repo):
    repo.commit()
    repo.git("checkout", "-q", "-b", "change")
    assert check("--since", "main")[0] == CLEAN
    repo.write(".github/workflows/b.yml", HOLE)
    assert check("--since", "main")[0] == FINDINGS


def test_a_repository_without_workflow_files_says_so(check, repo):
    (repo.root / ".github" / "workflows" / "a.yml").unlink()
    code, report = check()
    assert code == INCONCLUSIVE  # nothing else was asked to run
    assert report["skipped"][-1] == {
        "check": "workflows",
        "reason": "there are no workflow files",
        "is_asked": False,
    }


def test_hostile_yaml_is_bounded():
    laughs = "a: &a [x, x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(20)
    )
    assert len(leaves(laughs.encode())) < 100
    for text in (b"[" * 1_000_000, b"a: [" * 5_000, b"- a\n" * 300_000):
        with pytest.raises(WorkflowError):
            leaves(text)


def test_what_was_accepted_is_held_by_the_same_ratchet_as_linters(check, repo):
    def accept(*arguments):
        return CliRunner().invoke(commands(), ["check", "accept", str(repo.root), *arguments]).exit_code

    assert accept() == CLEAN
    code, report = check()
    assert (code, report["checks"][0]["known"] > 0, report["left_out"]) == (CLEAN, True, [])
    repo.write(".github/workflows/a.yml", HOLE + "      - run: echo ${{ github.head_ref }}\n")
    assert check()[0] == FINDINGS
    assert accept() == FINDINGS
    assert accept("--allow") == CLEAN
    repo.write(".github/workflows/a.yml", HOLE)
    code, report = check()
    assert (code, "fewer than the baseline allows" in report["left_out"][0]) == (CLEAN, True)
    repo.write(".github/workflows/a.yml", "jobs: [")
    assert accept() == INCONCLUSIVE


def test_counts_of_workflows_and_linters_do_not_mix(check, repo):
    repo.write("ruff.toml", "[lint]\nselect = ['F']\n")
    repo.write("a.py", "import os\n")
    assert CliRunner().invoke(commands(), ["check", "accept", str(repo.root)]).exit_code == CLEAN
    line = ["check", str(repo.root), "--only", "lint", "--only", "workflows", "--format", "json"]
    done = CliRunner().invoke(commands(), line)
    report = json.loads(done.stdout)
    assert (done.exit_code, report["left_out"]) == (CLEAN, [])
    assert all(one["known"] for one in report["checks"])
