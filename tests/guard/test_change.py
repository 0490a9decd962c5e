"""`ktlo check --since`: only what the change adds fails it, and what cannot be compared is not passed."""

from __future__ import annotations

import json
import subprocess

import pytest
from repositories import Repo
from shop import lock, put, record
from typer.testing import CliRunner

from ktlo.cli.main import commands

CLEAN, FINDINGS, INCONCLUSIVE, STALE, USAGE = range(5)


@pytest.fixture
def repo(tmp_path, monkeypatch):
    monkeypatch.delenv("KTLO_CONFIG", raising=False)
    made = Repo(tmp_path / "shop")
    lock(made.root, left="1.0.0", right="1.0.0")
    made.commit()
    made.git("checkout", "-q", "-b", "change")
    return made


@pytest.fixture
def check(repo, mirror, tmp_path):
    def run(*arguments):
        line = ["check", str(repo.root), "--format", "json", "--cache", str(tmp_path / "cache")]
        done = CliRunner().invoke(commands(), [*line, "--database", str(mirror), *arguments])
        return done.exit_code, json.loads(done.stdout) if done.stdout.startswith("{") else {}, done

    return run


def test_what_was_there_before_is_listed_and_does_not_fail_the_change(check):
    assert check()[0] == FINDINGS
    code, report, _ = check("--since", "main")
    assert code == CLEAN
    assert [one["rule"] for one in report["since"]["existing"]] == ["CVE-2026-1"]
    assert "Proven: the change adds nothing" in report["verdict"]["headline"]


def test_what_the_change_adds_fails_it_and_nothing_else_does(check, repo, mirror):
    put(mirror, record("GHSA-new", "new", aliases=["CVE-2026-5"]))
    lock(repo.root, left="1.0.0", right="1.0.0", new="1.0.0")
    code, report, _ = check("--since", "main")
    assert code == FINDINGS
    assert [one["rule"] for one in report["findings"]] == ["CVE-2026-5"]
    assert "1 finding that the change adds" in report["verdict"]["headline"]
    repo.commit()
    assert check("--since", "main")[0] == FINDINGS
    assert check("--since", "HEAD")[0] == CLEAN


def test_the_base_is_where_the_change_left_the_branch_not_where_the_branch_is_now(check, repo):
    repo.git("checkout", "-q", "main")
    lock(repo.root, left="2.0.0", right="1.0.0")
    repo.commit("main mends it meanwhile")
    repo.git("checkout", "-q", "change")
    assert check("--since", "main")[0] == CLEAN


def test_a_lock_file_that_moved_keeps_its_findings(check, repo):
    (repo.root / "web").mkdir()
    repo.git("mv", "package-lock.json", "web/package-lock.json")
    repo.commit()
    assert check("--since", "main")[0] == CLEAN


def test_a_secret_of_the_change_fails_and_an_older_one_does_not(check, repo, secret):
    repo.git("checkout", "-q", "main")
    repo.write("old.py", f"key = '{secret(1)}'\n")
    repo.commit()
    repo.git("checkout", "-q", "-b", "next")
    assert check()[1]["findings"][1]["check"] == "secrets"
    assert check("--since", "main")[0] == CLEAN
    repo.write("new.py", f"key = '{secret(2)}'\n")
    code, report, _ = check("--since", "main")
    assert (code, [one["location"]["path"] for one in report["findings"]]) == (FINDINGS, ["new.py"])
    repo.git("mv", "old.py", "older.py")
    (repo.root / "new.py").unlink()
    assert check("--since", "main")[0] == CLEAN


def test_an_older_secret_stays_old_when_the_change_brings_a_baseline_with_another_salt(check, repo, secret):
    repo.git("checkout", "-q", "main")
    repo.write("old.py", f"key = '{secret(1)}'\n")
    repo.commit()
    repo.git("checkout", "-q", "-b", "next")
    repo.write(".ktlo/secrets-baseline.json", json.dumps({"version": 1, "salt": "00" * 16, "known": []}))
    assert check("--since", "main")[0] == CLEAN


def test_what_cannot_be_read_now_is_not_passed_even_when_it_could_not_be_read_before(check, repo):
    repo.write("package-lock.json", "{")
    repo.commit()
    assert check("--since", "HEAD")[0] == INCONCLUSIVE


def test_a_shallow_clone_without_the_base_is_inconclusive_with_the_line_to_type(repo, mirror, tmp_path):
    for number in range(3):
        repo.write("a.txt", str(number))
        repo.commit()
    clone = tmp_path / "clone"
    command = ["git", "clone", "-q", "--depth", "1", "--no-single-branch", f"file://{repo.root}", str(clone)]
    subprocess.run(command, check=True, capture_output=True)
    line = ["check", str(clone), "--since", "origin/main", "--format", "json", "--database", str(mirror)]
    done = CliRunner().invoke(commands(), [*line, "--cache", str(tmp_path / "cache")])
    assert done.exit_code == FINDINGS  # nothing is taken for old when it cannot be compared
    [row] = json.loads(done.stdout)["unchecked"]
    assert "shallow" in row["reason"]
    assert "git fetch --unshallow" in row["reason"]


@pytest.mark.parametrize("revision", ["nowhere", "--output=x", "", "HEAD:package-lock.json"])
def test_a_revision_that_git_does_not_know_is_wrong_use(check, revision):
    expected = FINDINGS if not revision else USAGE  # an empty text asks for no comparison
    assert check(f"--since={revision}")[0] == expected


def test_outside_of_a_repository_there_is_no_change(tmp_path, mirror):
    lock(tmp_path / "plain", right="1.0.0")
    line = ["check", str(tmp_path / "plain"), "--since", "main", "--database", str(mirror)]
    assert CliRunner().invoke(commands(), line).exit_code == USAGE


def test_nothing_that_the_repository_configures_is_run(check, repo, tmp_path):
    proof = tmp_path / "proof"
    trap = repo.write("trap.sh", f"#!/bin/sh\ntouch {proof}\ncat\n")
    trap.chmod(0o755)
    repo.write(".gitattributes", "* diff=trap filter=trap merge=trap ident export-subst\n")
    repo.write("a.py", "print()\n")
    repo.commit()
    repo.git("mv", "a.py", "b.py")
    with (repo.root / ".git" / "config").open("a") as config:
        config.write(
            f"[core]\n\tfsmonitor = {trap}\n\thooksPath = {tmp_path}\n\tpager = {trap}\n\tsshCommand = {trap}\n"
            f"\tworktree = {tmp_path}\n[diff]\n\texternal = {trap}\n"
            f'[diff "trap"]\n\ttextconv = {trap}\n\tcommand = {trap}\n[filter "trap"]\n\tclean = {trap}\n'
            f"\tsmudge = {trap}\n\tprocess = {trap}\n\trequired = true\n[alias]\n\trev-parse = !{trap}\n"
        )
    for hook in ("post-index-change", "fsmonitor-watchman", "reference-transaction", "post-checkout"):
        (repo.root / ".git" / "hooks" / hook).write_text(f"#!/bin/sh\ntouch {proof}\n")
        (repo.root / ".git" / "hooks" / hook).chmod(0o755)
    before = sorted(path for path in repo.root.rglob("*"))
    assert check("--since", "main")[0] == CLEAN
    assert not proof.exists()
    assert sorted(path for path in repo.root.rglob("*")) == before


def test_a_forged_tree_does_not_lead_out_of_the_folder_of_the_past(repo, tmp_path):
    from ktlo.guard.snapshot import before_change

    outside = tmp_path / "outside"
    outside.mkdir()
    blob = repo.git("hash-object", "-w", "package-lock.json")
    link = subprocess.run(
        ["git", "-C", str(repo.root), "hash-object", "-w", "--stdin"],
        input=str(outside), capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    inner = tree(repo, [("100644", "escaped", blob)])
    forged = tree(
        repo, [("120000", "a", link), ("40000", "a", inner), ("40000", "..", inner), ("40000", ".git", inner)]
    )
    commit = repo.git("commit-tree", forged, "-m", "forged", "-p", "HEAD")
    repo.git("update-ref", "HEAD", commit)
    with before_change(repo.root, "HEAD") as past:
        assert not (past.root.parent / "escaped").exists()
        assert not (past.root / ".git").exists()
    assert list(outside.iterdir()) == []


def tree(repo, rows):
    """A tree object with these rows, however odd: git's own commands refuse some of them."""
    body = b"".join(f"{mode} {name}\0".encode() + bytes.fromhex(oid) for mode, name, oid in rows)
    command = ["git", "-C", str(repo.root), "hash-object", "-t", "tree", "-w", "--literally", "--stdin"]
    return subprocess.run(command, input=body, capture_output=True, check=True).stdout.decode().strip()
