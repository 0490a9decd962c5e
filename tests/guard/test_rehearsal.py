"""`ktlo check --as-of`: the state, the advisories, the ignores and the ages of that day decide, not today's."""

from __future__ import annotations

import datetime
import json
import os
import subprocess

import pytest
from repositories import Repo
from shop import lock, put, record
from typer.testing import CliRunner

from ktlo.cli.main import commands

CLEAN, FINDINGS, INCONCLUSIVE, STALE, USAGE = range(5)


class DatedRepo(Repo):
    def commit_on(self, day: str, message: str = "work") -> None:
        when = f"{day}T12:00:00+0000"
        environment = os.environ | {
            "GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when, "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.org",
            "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.org",
        }  # fmt: skip
        self.git("add", "-A")
        subprocess.run(["git", "-C", str(self.root), "commit", "-qm", message], env=environment, check=True)


@pytest.fixture
def repo(tmp_path, monkeypatch):
    monkeypatch.delenv("KTLO_CONFIG", raising=False)
    made = DatedRepo(tmp_path / "shop")
    lock(made.root, left="1.0.0")
    made.commit_on("2025-01-10")
    lock(made.root, left="2.0.0")
    made.commit_on("2025-06-10")
    return made


@pytest.fixture
def advisories(tmp_path):
    folder = tmp_path / "then"
    folder.mkdir()
    put(folder, record("GHSA-left", "left", published="2025-03-01T00:00:00Z"))
    put(folder, record("GHSA-other", "other", published="2025-01-01T00:00:00Z"))
    return folder


@pytest.fixture
def check(repo, advisories, tmp_path):
    def run(*arguments, form="json"):
        line = ["check", str(repo.root), "--format", form, "--cache", str(tmp_path / "cache")]
        done = CliRunner().invoke(commands(), [*line, "--database", str(advisories), *arguments])
        return done.exit_code, json.loads(done.stdout) if done.stdout.startswith("{") else {}, done

    return run


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2025-02-01", CLEAN),  # the advisory was not published yet
        ("2025-02-28", CLEAN),
        ("2025-03-01", FINDINGS),  # the day it was
        ("2025-06-09", FINDINGS),
        ("2025-06-10", CLEAN),  # the day it was mended
        ("2025-01-09", USAGE),  # before the first commit
        ("2999-01-01", USAGE),
        ("yesterday", USAGE),
    ],
)
def test_the_state_and_the_advisories_of_the_day_decide(check, day, expected):
    assert check("--as-of", day)[0] == expected


def test_a_record_that_was_withdrawn_later_counted_then(check, advisories):
    put(
        advisories,
        record("GHSA-left", "left", published="2025-03-01T00:00:00Z", withdrawn="2025-04-01T00:00:00Z"),
    )
    assert check("--as-of", "2025-03-15")[0] == FINDINGS
    assert check("--as-of", "2025-04-15")[0] == CLEAN


def test_the_ignores_of_that_day_count_with_the_expiry_of_that_day(check, repo):
    lock(repo.root, left="1.0.0")
    ignore = "guard: {ignores: [{id: GHSA-left, owner: ann, reason: not called, expires: 2025-09-30}]}\n"
    repo.write("ktlo.yaml", ignore)
    repo.commit_on("2025-08-01")
    assert check("--as-of", "2025-05-01")[0] == FINDINGS  # nobody had ignored it yet
    code, report, _ = check("--as-of", "2025-08-15")
    assert (code, len(report["tolerated"])) == (CLEAN, 1)
    rules = {one["rule"] for one in check("--as-of", "2025-10-01")[1]["findings"]}
    assert rules == {"GHSA-left", "expired-ignore"}


def test_a_policy_of_that_day_that_is_not_understood_proves_nothing(check, repo):
    repo.write("ktlo.yaml", "guard: {fail_form: high}\n")
    repo.commit_on("2025-07-01")
    repo.write("ktlo.yaml", "guard: {}\n")
    repo.commit_on("2025-07-20")
    code, report, _ = check("--as-of", "2025-07-10")
    assert code == INCONCLUSIVE
    assert "fail_form" in report["unchecked"][0]["reason"]


def test_a_database_without_the_records_of_that_day_is_too_old_for_it(check, advisories):
    for file in advisories.iterdir():
        content = json.loads(file.read_text()) | {"modified": "2025-03-02T00:00:00Z"}
        file.write_text(json.dumps(content))
    assert check("--as-of", "2025-02-01")[0] == CLEAN
    assert check("--as-of", "2025-07-01")[0] == STALE


def test_a_rehearsal_leaves_the_index_of_today_alone(check):
    check("--as-of", "2025-02-01")
    assert check()[0] == CLEAN  # not "too old" by the believable dates of 2025


def test_a_range_counts_the_builds_that_would_have_failed(check):
    code, report, _ = check("--as-of", "2025-01-31..2025-07-31", "--every", "month")
    assert code == FINDINGS
    assert [one["date"] for one in report["days"]][:3] == ["2025-01-31", "2025-02-28", "2025-03-31"]
    assert [one["name"] for one in report["days"]] == [
        "clean", "clean", "findings", "findings", "findings", "clean", "clean",
    ]  # fmt: skip
    text = check("--as-of", "2025-01-31..2025-07-31", form="text")[2].stdout
    assert text.startswith("Of 7 builds 3 would have failed, 4 would have been proven clean, and 0")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--as-of", "2025-07-01..2025-01-01"),
        ("--as-of", "2025-01-01..2025-02-01", "--every", "hour"),
        ("--as-of", "2020-01-01..2025-01-01", "--every", "day"),
        ("--as-of", "2025-02-01", "--since", "main"),
        ("--as-of", "2025-01-01..2025-02-01", "--format", "junit"),
    ],
    ids=" ".join,
)
def test_a_question_that_makes_no_sense_is_wrong_use(check, arguments):
    form = arguments[-1] if "--format" in arguments else "json"
    assert check(*[one for one in arguments if one not in ("--format", "junit")], form=form)[0] == USAGE


def test_the_steps_keep_to_the_ends_of_short_months():
    from ktlo.guard.rehearsal import days_of

    today = datetime.date(2026, 1, 1)
    assert [one.isoformat() for one in days_of("2025-01-30..2025-08-01", "quarter", today)] == [
        "2025-01-30", "2025-04-30", "2025-07-30",
    ]  # fmt: skip
    assert len(days_of("2025-01-01..2025-01-31", "week", today)) == 5
