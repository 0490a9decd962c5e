"""The list of checks: which run, that all have run, and that none can fail silently."""

from __future__ import annotations

import json
import time
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from shop import lock
from typer.testing import CliRunner

from ktlo.cli.main import commands
from ktlo.guard.checks import registry
from ktlo.guard.checks.protocol import Answer
from ktlo.guard.finding import Outcome

CLEAN, FINDINGS, INCONCLUSIVE, STALE, USAGE = range(5)
PAGE = (Path(__file__).parents[2] / "docs" / "check.md").read_text(encoding="utf-8")


@pytest.fixture
def check(tmp_path, repository, mirror, monkeypatch):
    monkeypatch.delenv("KTLO_CONFIG", raising=False)

    def run(*arguments, policy=""):
        if policy:
            (repository / "ktlo.yaml").write_text(f"guard:\n{policy}", encoding="utf-8")
        line = ["check", str(repository), "--format", "json", "--cache", str(tmp_path / "cache")]
        done = CliRunner().invoke(commands(), [*line, "--database", str(mirror), *arguments])
        return done.exit_code, json.loads(done.stdout) if done.stdout.startswith("{") else {}, done

    return run


def ran(report) -> list[str]:
    return [one["check"] for one in report["checks"]]


@pytest.mark.parametrize("name", registry.names())
def test_every_check_is_documented_and_listed(name):
    assert f"| `{name}` |" in PAGE
    listed = CliRunner().invoke(commands(), ["check", "list"]).stdout
    assert f"\n{name} " in f"\n{listed}"


def test_checks_are_chosen_by_name_and_the_verdict_says_what_was_left_out(check):
    code, report, _ = check("--only", "secrets")
    assert (code, ran(report)) == (CLEAN, ["secrets"])
    assert "vulnerabilities" in report["verdict"]["headline"].partition("left out")[0]
    assert "secrets" not in ran(check("--skip", "secrets")[1])
    assert "secrets" not in ran(check(policy="  skip: [secrets]\n")[1])
    assert ran(check("--only", "secrets", policy="  skip: [secrets]\n")[1]) == ["secrets"]


@pytest.mark.parametrize(
    "arguments", [("--only", "nothing"), ("--skip", "nothing"), ("--only", "secrets", "--skip", "secrets")]
)
def test_a_check_that_does_not_exist_and_none_at_all_are_wrong_use(check, arguments):
    assert check(*arguments)[0] == USAGE


def test_a_secret_fails_the_gate_and_a_known_one_does_not(check, repository, secret):
    (repository / "a.py").write_text(f"key = '{secret()}'\n")
    code, report, done = check()
    assert code == FINDINGS
    assert report["findings"][0]["check"] == "secrets"
    assert secret() not in done.stdout + done.stderr
    CliRunner().invoke(commands(), ["secrets", "baseline", str(repository)])
    assert check()[0] == CLEAN


SPOKEN = "the text of a secret"


class Strange:
    """A check of somebody else's package."""

    name, summary = "strange", "somebody else's"

    def run(self, subject):
        return Answer(Outcome("strange", (), (), 3, "things"))


class Raises(Strange):
    def run(self, subject):
        raise ValueError(SPOKEN)


class Hangs(Strange):
    def run(self, subject):
        time.sleep(30)


class GivesNothing(Strange):
    def run(self, subject):
        return None


class ClaimsToBeAnother(Strange):
    def run(self, subject):
        return Answer(Outcome("secrets", (), (), 3, "things"))


class Unnamed(Strange):
    name = "other"


def unimportable():
    raise ImportError("no such module")


@pytest.fixture
def third_party(monkeypatch):
    def add(kind):
        class Entry(EntryPoint):
            def load(self):
                return kind

        entry = Entry("strange", "x:y", registry.GROUP)
        monkeypatch.setattr(registry, "entry_points", lambda group: [entry])

    return add


def test_a_check_of_another_package_runs_and_is_listed(check, third_party):
    third_party(Strange)
    code, report, _ = check()
    assert (code, ran(report)[-1]) == (CLEAN, "strange")
    assert "strange" in CliRunner().invoke(commands(), ["check", "list"]).stdout


@pytest.mark.parametrize(
    "kind", [Raises, GivesNothing, ClaimsToBeAnother, Unnamed, unimportable], ids=lambda kind: kind.__name__
)
def test_a_check_that_breaks_is_not_checked(check, third_party, kind):
    third_party(kind)
    code, report, done = check()
    assert code == INCONCLUSIVE
    assert [one["check"] for one in report["unchecked"]] == ["strange"]
    assert SPOKEN not in done.stdout + done.stderr


def test_a_check_that_takes_too_long_is_not_checked_and_the_others_count(check, third_party, repository):
    third_party(Hangs)
    lock(repository, left="1.0.0")
    code, report, _ = check(policy="  check_seconds: 5\n")
    assert code == FINDINGS
    assert "longer than 5 s" in report["unchecked"][0]["reason"]


def test_several_reports_are_written_in_one_run(check, tmp_path):
    sarif, junit = tmp_path / "a.sarif", tmp_path / "a.xml"
    assert check("--report", f"sarif={sarif}", "--report", f"junit={junit}")[0] == CLEAN
    assert json.loads(sarif.read_text())["version"] == "2.1.0"
    assert junit.read_text().startswith("<?xml")
    assert check("--report", "sarif")[0] == USAGE
    assert check("--report", f"yaml={sarif}")[0] == USAGE
    assert check("--report", f"sarif={tmp_path}/no/where")[0] == USAGE


def test_no_progress_line_is_written_where_nobody_watches(check):
    assert check()[2].stderr == ""


def test_the_progress_line_names_what_still_runs_and_leaves_nothing_behind():
    import io

    from ktlo.cli.check_progress import Progress

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    stream = Terminal()
    progress = Progress(stream)
    progress.told("secrets", False)
    progress.told("vulnerabilities", False)
    progress.told("secrets", True)
    assert stream.getvalue().endswith("\r\x1b[K1/2 checking: vulnerabilities")
    progress.clear()
    assert stream.getvalue().endswith("\r\x1b[K")
