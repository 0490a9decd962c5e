"""Linters: the right ones run, none runs a repository's code unasked, and none that fails is taken for silent."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from ktlo.guard.finding import Level
from ktlo.guard.lint.linters import LINTERS
from ktlo.guard.lint.programs import Surroundings, find_program, run_program
from ktlo.guard.lint.remark import LintError
from ktlo.guard.lint.reports import read_actionlint, read_clippy, read_eslint, read_shellcheck
from ktlo.guard.lint.sarif_report import read_sarif, read_sarif_file, relative

CLEAN, FINDINGS, INCONCLUSIVE, STALE, USAGE = range(5)
PAGE = (Path(__file__).parents[3] / "docs" / "check-linters.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("linter", LINTERS, ids=lambda one: one.name)
def test_every_linter_is_documented_with_how_it_could_run_code(linter):
    [row] = [line for line in PAGE.splitlines() if line.startswith(f"| `{linter.name}` |")]
    assert ("`--trust`" in row) == bool(linter.runs_code)


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """Programs of our own on the PATH, and nothing else but what the system has."""
    folder = tmp_path / "tools"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def add(name, script):
        program = folder / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        return program

    return add


@pytest.fixture
def policy(repo, monkeypatch, tmp_path):
    """Settings outside of the repository."""

    def write(text, place=None):
        file = place or tmp_path / "policy.yaml"
        file.write_text(f"guard:\n{text}")
        return ("--config", str(file))

    return write


def test_ruff_runs_where_the_repository_configures_it_in_any_of_its_ways(check, repo):
    assert check()[1]["checks"][0]["tools"][0].startswith("ruff ")
    (repo.root / "ruff.toml").unlink()
    code, report, _ = check()
    assert code == INCONCLUSIVE  # nothing ran at all
    assert report["skipped"][-1]["reason"] == "no linter that may run is used here"
    repo.write("pyproject.toml", "[tool.ruff.lint]\nselect = ['F']\n")
    assert check()[0] == FINDINGS
    (repo.root / "pyproject.toml").unlink()
    repo.write(".pre-commit-config.yaml", "repos:\n- repo: x\n  hooks:\n  - id: ruff-check\n")
    assert check()[0] == FINDINGS


def test_a_configuration_below_the_root_is_for_that_folder(check, repo):
    (repo.root / "ruff.toml").unlink()
    repo.write("tools/ruff.toml", "[lint]\nselect = ['F']\n")
    repo.write("tools/b.py", "import os\n")
    code, report, _ = check()
    assert code == FINDINGS
    assert [one["location"]["path"] for one in report["findings"]] == ["tools/b.py"]


def test_ruff_neither_mends_nor_writes_anything(check, repo):
    repo.write("ruff.toml", 'fix = true\nunsafe-fixes = true\ncache-dir = "cache"\n[lint]\nselect = ["F"]\n')
    before = {path: path.read_bytes() for path in repo.root.rglob("*") if path.is_file()}
    assert check()[0] == FINDINGS
    assert {path: path.read_bytes() for path in repo.root.rglob("*") if path.is_file()} == before


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="shellcheck is not installed")
def test_shellcheck_reads_scripts_by_ending_and_by_first_line(check, repo):
    repo.write("a.py", "")
    repo.write(".shellcheckrc", "")
    repo.write("deploy/run", "#!/usr/bin/env bash\necho $1\n")
    repo.write("deploy/-n.sh", "#!/bin/sh\necho $2\n")
    repo.write("notes", "echo $3\n")
    code, report, _ = check()
    assert code == FINDINGS
    found = {(one["rule"], one["location"]["path"], one["location"]["line"]) for one in report["findings"]}
    assert found == {("shellcheck/SC2086", "deploy/run", 2), ("shellcheck/SC2086", "deploy/-n.sh", 2)}


# --- What policy asks for ----------------------------------------------------------------------------------


def test_a_linter_that_policy_requires_and_that_is_missing_is_not_checked(check, repo, policy, tools):
    code, report, _ = check(*policy("  lint: {require: [biome]}\n"))
    assert code == FINDINGS  # of ruff
    [row] = report["unchecked"]
    assert (row["what"], "policy asks for it" in row["reason"]) == ("biome", True)
    repo.write("a.py", "")
    assert check(*policy("  lint: {require: [biome]}\n"))[0] == INCONCLUSIVE


def test_one_that_is_configured_and_missing_is_told(check, repo, tools):
    repo.write("a.py", "")
    repo.write("biome.json", "{}")
    code, report, _ = check()
    assert code == CLEAN
    assert "biome is used here and did not run: there is no biome on the PATH" in report["left_out"][0]


def test_one_that_policy_skips_does_not_run(check, policy):
    assert check(*policy("  lint: {skip: [ruff]}\n"))[0] == INCONCLUSIVE


@pytest.mark.parametrize("key", ["require", "skip", "trust"])
def test_a_linter_that_does_not_exist_is_wrong_use(check, policy, key):
    if key != "trust":
        assert check(*policy(f"  lint: {{{key}: [pylint]}}\n"))[0] == USAGE
    assert check("--trust", "pylint")[0] == USAGE


# --- Linters that run a repository's code -----------------------------------------------------------------


@pytest.fixture
def eslint(repo, tools, tmp_path):
    """An eslint that leaves a trace when it runs."""
    repo.write("a.py", "")
    repo.write("eslint.config.js", "export default []\n")
    trace = tmp_path / "trace"
    file = json.dumps(str(repo.root / "b.js"))
    message = '{"ruleId": "semi", "severity": 2, "message": "Missing semicolon.", "line": 3}'
    tools(
        "eslint", f'echo ran >> {trace}\necho \'[{{"filePath": {file}, "messages": [{message}]}}]\'\nexit 1'
    )
    return trace


def test_a_linter_that_could_run_the_repositorys_code_does_not_run_unasked(check, eslint):
    code, report, _ = check()
    assert code == CLEAN
    assert not eslint.exists()
    assert (
        "eslint is used here and did not run: it can run the repository's own code" in report["left_out"][0]
    )


def test_the_repository_cannot_give_itself_that_permission(check, repo, eslint, policy):
    policy("  lint: {trust: [eslint], require: [eslint]}\n", repo.root / "ktlo.yaml")
    code, report, _ = check()
    assert code == INCONCLUSIVE
    assert "so it runs only when" in report["unchecked"][0]["reason"]
    assert not eslint.exists()


def test_a_flag_or_settings_from_outside_can(check, eslint, policy):
    code, report, _ = check("--trust", "eslint")
    assert code == FINDINGS
    [finding] = report["findings"]
    assert (finding["rule"], finding["location"]["path"], finding["location"]["line"]) == (
        "eslint/semi",
        "b.js",
        3,
    )
    assert check(*policy("  lint: {trust: [eslint]}\n"))[0] == FINDINGS


def test_its_findings_count_in_files_that_a_change_touches(check, repo, eslint):
    repo.write("b.js", "1\n")
    repo.commit()
    repo.git("checkout", "-q", "-b", "change")
    assert check("--trust", "eslint", "--since", "main")[0] == CLEAN
    repo.write("b.js", "2\n")
    assert check("--trust", "eslint", "--since", "main")[0] == FINDINGS


# --- A repository that means harm -------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["bin", "node_modules/.bin", "."])
def test_a_program_inside_the_repository_is_never_run(repo, monkeypatch, place, check):
    folder = repo.root / place
    folder.mkdir(parents=True, exist_ok=True)
    trap = folder / "biome"
    trap.write_text("#!/bin/sh\ntouch proof\n")
    trap.chmod(trap.stat().st_mode | stat.S_IXUSR)
    repo.write("biome.json", "{}")
    monkeypatch.setenv("PATH", f"{folder}:.:/usr/bin:/bin")
    monkeypatch.chdir(repo.root)
    assert find_program("biome", repo.root) is None
    assert find_program("biome", Path()) is None
    check()
    assert not (repo.root / "proof").exists()


def test_a_program_that_only_links_into_the_repository_is_not_run(repo, monkeypatch, tmp_path):
    trap = repo.write("biome", "#!/bin/sh\n")
    trap.chmod(0o755)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "biome").symlink_to(trap)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert find_program("biome", repo.root) is None


def test_a_program_gets_no_secret_of_the_build(tools, tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_TOKEN", "a token")
    program = tools("tell", "env")
    said = run_program([str(program)], Surroundings(tmp_path, 10)).output.decode()
    assert "a token" not in said
    assert f"HOME={Path.home()}\n" not in said


def test_a_program_that_hangs_or_talks_without_end_is_ended_with_what_it_started(tools, tmp_path):
    program = tools("hang", "sleep 60 & echo $! > child; wait")
    with pytest.raises(LintError, match="longer than"):
        run_program([str(program)], Surroundings(tmp_path, 0.5))
    child = int((tmp_path / "child").read_text())
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(child)], capture_output=True, text=True)
    assert state.stdout.strip()[:1] in ("", "Z")


def test_names_with_escape_codes_are_shown_escaped(check, repo):
    repo.write("e\x1b[2J\nvil.py", "import os\n")
    _, _, done = check()
    assert "\x1b[2J" not in done.stdout
    assert any("\\x1b[2J\\nvil.py" in one["location"]["path"] for one in json.loads(done.stdout)["findings"])


# --- Reports that cannot be used --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo '{'", "it is not SARIF"),
        ("exit 0", "it is not SARIF"),
        ('echo \'{"version": "2.1.0", "runs": []}\'', "it holds no run"),
        ("echo no such option >&2; exit 2", "it ended with 2: no such option"),
        ("kill -9 $$", "it ended with -9"),
    ],
)
def test_a_linter_that_fails_is_not_checked(check, repo, tools, script, reason):
    repo.write("a.py", "")
    repo.write("biome.json", "{}")
    tools("biome", f"[ \"$1\" = --version ] && exec echo 'Version: 9.9'\n{script}")
    code, report, _ = check()
    assert code == INCONCLUSIVE
    assert reason in report["unchecked"][0]["reason"]


def test_nothing_is_accepted_when_a_linter_fails(run, repo, tools):
    repo.write("biome.json", "{}")
    tools("biome", "exit 3")
    assert run(["accept"]).exit_code == INCONCLUSIVE
    assert not (repo.root / ".ktlo").exists()


LOG = {"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "T"}}, "results": []}]}


@pytest.mark.parametrize(
    "change",
    [
        {"version": "1.0.0"},
        {"runs": []},
        {"runs": [{"tool": {"driver": {"name": "T"}}, "results": None}]},
        {"runs": [{"tool": {"driver": {}}, "results": []}]},
        {"runs": [{**LOG["runs"][0], "invocations": [{"executionSuccessful": False}]}]},
        {"runs": [{**LOG["runs"][0], "results": [{"ruleId": "x"}]}]},
    ],
    ids=json.dumps,
)
def test_a_report_that_proves_nothing_is_an_error(change, tmp_path):
    assert read_sarif(json.dumps(LOG).encode(), tmp_path) == ()
    with pytest.raises(LintError):
        read_sarif(json.dumps({**LOG, **change}).encode(), tmp_path)


@pytest.mark.parametrize("text", [b"", b"[" * 100_000, b"\xff", b"null", b"<?xml?>"])
def test_any_other_bytes_are_an_error(text, tmp_path):
    (tmp_path / "a.sarif").write_bytes(text)
    with pytest.raises(LintError):
        read_sarif_file(tmp_path / "a.sarif", tmp_path)


def test_a_report_that_is_missing_or_a_pipe_is_an_error(check, repo, tmp_path):
    repo.write("a.py", "")
    os.mkfifo(tmp_path / "pipe")
    for name in ("nowhere", "pipe"):
        code, report, _ = check("--sarif", str(tmp_path / name))
        assert (code, len(report["unchecked"])) == (INCONCLUSIVE, 1)


def test_sarif_is_read_as_the_standard_says(tmp_path):
    rules = [
        {"id": "r0", "properties": {"security-severity": "9.5"}},
        {"id": "r1", "defaultConfiguration": {"level": "error"}},
    ]

    def at(uri):
        return [{"physicalLocation": {"artifactLocation": {"uri": uri}, "region": {"startLine": 4}}}]

    results = [
        {"ruleIndex": 0, "message": {"text": "by index"}, "locations": at(f"file://{tmp_path}/a%20b.py")},
        {"rule": {"id": "r1"}, "message": {"markdown": "by reference"}, "locations": at("./c/../d.py")},
        {"ruleId": "r1", "level": "note", "message": {"id": "m"}, "locations": []},
        {"ruleId": "r1", "message": {"text": "suppressed"}, "suppressions": [{"kind": "inSource"}]},
        {"ruleId": "r1", "message": {"text": "still"}, "suppressions": [{"kind": "external", "status": "rejected"}]},
        {"ruleId": "r1", "kind": "pass", "message": {"text": "fine"}},
        {"ruleId": "r1", "baselineState": "absent", "message": {"text": "gone"}},
    ]  # fmt: skip
    log = {
        "version": "2.1.0",
        "runs": [{"tool": {"driver": {"name": "A B", "rules": rules}}, "results": results}],
    }
    found = [
        (one.name, one.level, one.message, one.path, one.line)
        for one in read_sarif(json.dumps(log).encode(), tmp_path)
    ]
    assert found == [
        ("a-b/r0", Level.CRITICAL, "by index", "a b.py", 4),
        ("a-b/r1", Level.MEDIUM, "by reference", "d.py", 4),
        ("a-b/r1", Level.LOW, "m", "", 0),
        ("a-b/r1", Level.MEDIUM, "still", "", 0),
    ]


@pytest.mark.parametrize("read", [read_shellcheck, read_actionlint, read_eslint, read_clippy])
@pytest.mark.parametrize("text", [b"{", b"[1]", b"7", b'{"comments": [{}]}'])
def test_machine_output_of_another_shape_is_an_error(read, text, tmp_path):
    with pytest.raises(LintError):
        read(text, tmp_path)


def test_actionlint_and_clippy_are_read_by_their_documented_shapes(tmp_path):
    text = b'[{"message":"unknown","filepath":".github/workflows/a.yml","line":4,"kind":"runner-label"}]'
    [one] = read_actionlint(text, tmp_path)
    assert (one.name, one.path, one.line) == ("actionlint/runner-label", ".github/workflows/a.yml", 4)
    assert read_actionlint(b"null", tmp_path) == ()
    span = {"file_name": "src/main.rs", "line_start": 2, "is_primary": True}
    lines = [
        {"reason": "compiler-artifact", "success": None},
        {"reason": "compiler-message", "message": {"message": "needless return", "level": "warning",
         "code": {"code": "clippy::needless_return"}, "spans": [span]}},
        {"reason": "compiler-message", "message": {"message": "1 warning emitted", "level": "warning"}},
    ]  # fmt: skip
    body = "\n".join(json.dumps(line) for line in lines).encode()
    with pytest.raises(LintError):
        read_clippy(body, tmp_path)  # it was cut off
    [one] = read_clippy(body + b'\n{"reason": "build-finished", "success": true}', tmp_path)
    assert (one.name, one.path, one.line) == ("clippy/clippy::needless_return", "src/main.rs", 2)


def test_addresses_of_files_become_paths_of_the_repository(tmp_path):
    assert relative(f"file://{tmp_path}/x/y.py", tmp_path) == "x/y.py"
    assert relative(f"{tmp_path}/x.py", tmp_path) == "x.py"
    assert relative("", tmp_path) == ""
    assert relative("/etc/passwd", tmp_path) == "/etc/passwd"


@pytest.mark.skipif(not shutil.which("cargo"), reason="cargo is not installed")
def test_clippy_reads_lints_that_stop_a_build_and_makes_nothing_in_the_repository(check, repo):
    if subprocess.run(["cargo", "clippy", "--version"], capture_output=True).returncode:
        pytest.skip("clippy is not installed")
    repo.write("a.py", "")
    repo.write("clippy.toml", "")
    repo.write("Cargo.toml", '[package]\nname = "x"\nversion = "0.1.0"\nedition = "2021"\n')
    repo.write("Cargo.lock", 'version = 3\n\n[[package]]\nname = "x"\nversion = "0.1.0"\n')
    repo.write("src/main.rs", "fn main() {\n    let x = 5;\n    if x == x {\n        return;\n    }\n}\n")
    code, report, _ = check("--trust", "clippy")
    assert code == FINDINGS, report
    rules = {(one["rule"], one["location"]["path"]) for one in report["findings"]}
    assert ("clippy/clippy::eq_op", "src/main.rs") in rules
    assert not (repo.root / "target").exists()
    repo.write("src/main.rs", "fn main() { let x: u8 = 'a'; }\n")
    code, report, _ = check("--trust", "clippy")
    assert (code, report["unchecked"][0]["what"]) == (INCONCLUSIVE, "clippy")
