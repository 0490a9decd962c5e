"""The ready pieces for CI systems: their scripts run, pass on the verdict, and are clean by our own rules."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from repositories import Repo
from shop import lock

from ktlo.guard.formats import FORMATS
from ktlo.guard.workflows.rules import judge_github, judge_gitlab

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS = {step["name"]: step for step in ACTION["runs"]["steps"]}
GITLAB = yaml.safe_load((ROOT / "deploy" / "ci" / "gitlab-ci.yml").read_text(encoding="utf-8"))["ktlo check"]
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))


@pytest.fixture
def runner(tmp_path, mirror):
    """Runs a step of the action as a runner would, with a gh that only notes what it is asked."""
    repo = Repo(tmp_path / "shop")
    lock(repo.root, left="2.0.0")
    repo.commit()
    temporary = tmp_path / "temp"
    (temporary / "ktlo" / "bin").mkdir(parents=True)
    program = temporary / "ktlo" / "bin" / "ktlo"
    program.write_text(f"#!/bin/sh\nexec {sys.executable} -c 'from ktlo.cli import main; main()' \"$@\"\n")
    (tmp_path / "bin").mkdir()
    asked = tmp_path / "asked"
    gh = tmp_path / "bin" / "gh"
    gh.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$*" >> {asked}\ncase "$*" in *--jq*) echo "$KNOWN";; esac\nexit "${{FAILS:-0}}"\n'
    )
    for one in (program, gh):
        one.chmod(0o755)
    environment = {
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(sys.path),
        "HOME": str(tmp_path),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "RUNNER_TEMP": str(temporary),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
        "GITHUB_REPOSITORY": "acme/shop",
    }

    def run(name, **variables):
        given = {key: "" for key, value in STEPS[name].get("env", {}).items()} | variables
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", STEPS[name]["run"]],
            cwd=repo.root, env=environment | given, capture_output=True, text=True,
        )  # fmt: skip
        done.asked = asked.read_text() if asked.exists() else ""
        return done

    run.repo, run.folder = repo, tmp_path
    run.check = {"CHECKED": ".", "DATABASES": f"{mirror}\n", "ARGUMENTS": "--skip\nlint\n"}
    return run


@pytest.mark.parametrize(("version", "code"), [("2.0.0", "0"), ("1.0.0", "1"), ("not exact", "2")])
def test_the_action_passes_on_every_verdict(runner, version, code):
    lock(runner.repo.root, left=version)
    done = runner("Check", **runner.check)
    assert done.returncode == 0, done.stderr
    output = dict(line.split("=", 1) for line in (runner.folder / "output").read_text().splitlines())
    assert output["exit-code"] == code
    assert Path(output["sarif"]).is_file()
    assert "### " in (runner.folder / "summary").read_text()
    assert "title=ktlo check::" in done.stdout
    assert runner("Verdict", CODE=code).returncode == int(code)


def test_a_step_that_never_came_to_a_verdict_does_not_pass(runner):
    assert runner("Verdict", CODE="").returncode == 2


def test_wrong_use_is_passed_on_without_reports(runner):
    done = runner("Check", **runner.check | {"ARGUMENTS": "--no-such-option"})
    assert done.returncode == 0
    assert "exit-code=4" in (runner.folder / "output").read_text()
    assert runner("Upload to code scanning").asked == ""
    assert runner("Comment", NUMBER="7").asked == ""


def test_a_pull_request_is_judged_by_what_it_adds(runner):
    lock(runner.repo.root, left="1.0.0")
    base = runner.repo.commit()
    runner("Check", **runner.check, BASE=base)
    assert "exit-code=0" in (runner.folder / "output").read_text()
    (runner.folder / "output").unlink()
    runner("Check", **runner.check, BASE=base, SINCE="none")
    assert "exit-code=1" in (runner.folder / "output").read_text()


def test_names_in_inputs_are_not_run(runner):
    evil = "$(touch proof)`touch proof`; touch proof"
    runner("Check", **runner.check | {"CHECKED": evil, "CONFIG": evil, "SINCE": evil, "ARGUMENTS": evil})
    assert not (runner.repo.root / "proof").exists()


def test_a_comment_is_written_once_and_then_replaced(runner):
    runner("Check", **runner.check)
    body = f"-F body=@{runner.folder}/temp/ktlo.md"
    assert f"--method POST repos/acme/shop/issues/7/comments {body}" in runner("Comment", NUMBER="7").asked
    asked = runner("Comment", NUMBER="7", KNOWN="99").asked
    assert f"--method PATCH repos/acme/shop/issues/comments/99 {body}" in asked


def test_what_the_token_may_not_do_is_a_warning_and_no_verdict(runner):
    runner("Check", **runner.check)
    for name in ("Comment", "Upload to code scanning"):
        done = runner(name, NUMBER="7", FAILS="1")
        assert "::warning::" in done.stdout
        assert done.returncode == 0


def test_the_upload_is_the_report_packed_as_the_api_asks(runner):
    import base64
    import gzip
    import json

    runner("Check", **runner.check)
    done = runner("Upload to code scanning", COMMIT="abc", REF="refs/heads/main")
    assert (
        "repos/acme/shop/code-scanning/sarifs -f commit_sha=abc -f ref=refs/heads/main -F sarif=@"
        in done.asked
    )
    packed = (runner.folder / "temp" / "ktlo.sarif.gz.b64").read_text()
    assert "\n" not in packed
    assert json.loads(gzip.decompress(base64.b64decode(packed)))["version"] == "2.1.0"


@pytest.mark.parametrize("path", ["action.yml", "deploy/ci/github-workflow.yml"])
def test_the_pieces_for_github_are_clean(path):
    text = (ROOT / path).read_bytes()
    assert judge_github(path, text) == ()
    zizmor = str(Path(sys.executable).with_name("zizmor"))
    command = [zizmor, "--offline", "--no-progress", "--quiet", "--persona=pedantic", str(ROOT / path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_piece_for_gitlab_is_clean_and_its_reports_exist():
    assert judge_gitlab("a.yml", (ROOT / "deploy" / "ci" / "gitlab-ci.yml").read_bytes()) == ()
    text = " ".join(GITLAB["script"])
    written = {part.partition("=")[0]: part.partition("=")[2] for part in text.split() if "=" in part}
    assert set(written) <= set(FORMATS)
    assert set(GITLAB["artifacts"]["reports"].values()) <= set(written.values())


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="shellcheck is not installed")
def test_every_script_is_clean_by_shellcheck():
    scripts = [step["run"] for step in STEPS.values()] + ["\n".join(GITLAB["script"])]
    for script in scripts:
        done = subprocess.run(
            ["shellcheck", "--shell=bash", "--exclude=SC2086", "-"],
            input=script,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_every_hook_is_a_command_that_is_understood(hook):
    import shlex

    import typer

    from ktlo.cli.main import commands

    words = shlex.split(hook["entry"])[1:]
    command = typer.main.get_command(commands())
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]
    command.make_context(command.name, words)


def test_the_lock_of_the_action_is_the_light_part_and_pinned():
    text = (ROOT / "requirements-check.lock").read_text(encoding="utf-8")
    names = {
        line.partition("==")[0] for line in text.splitlines() if "==" in line and not line.startswith(" ")
    }
    assert {"typer", "google-re2", "tomlkit", "license-expression"} <= names
    assert not {"chdb", "numpy", "fastapi", "ortools"} & names
    assert text.count("--hash=sha256:") > len(names)
