"""The real biome and eslint, installed from npm."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

CLEAN, FINDINGS, INCONCLUSIVE = range(3)
pytestmark = [
    pytest.mark.node,
    pytest.mark.skipif(not (shutil.which("node") and shutil.which("npm")), reason="node is not installed"),
]


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("npm")
    command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "@biomejs/biome@2", "eslint@9"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=170)
    if done.returncode:
        pytest.skip(f"npm could not install them: {done.stderr[-300:]}")
    return folder / "node_modules" / ".bin"


@pytest.fixture
def repo(repo, programs, monkeypatch):
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    (repo.root / "ruff.toml").unlink()
    repo.write("web/b.js", "if (a == 1) {\n  debugger;\n}\n")
    return repo


def test_biome_says_where_and_by_which_rule(check, repo):
    repo.write("web/biome.json", "{}")
    code, report, _ = check()
    assert code == FINDINGS
    found = {(one["rule"], one["location"]["path"], one["location"]["line"]) for one in report["findings"]}
    assert ("biome/lint/suspicious/noDebugger", "web/b.js", 2) in found
    assert report["checks"][0]["tools"][0].startswith("biome 2.")


def test_a_biome_configuration_that_is_none_is_not_checked(check, repo):
    repo.write("web/biome.json", "{")
    assert check()[0] == INCONCLUSIVE


def test_eslint_runs_when_trusted_and_reads_its_program_of_a_configuration(check, repo):
    repo.write("web/eslint.config.mjs", "export default [{ rules: { 'no-debugger': 'error' } }];\n")
    assert check()[0] == INCONCLUSIVE  # nothing ran
    code, report, _ = check("--trust", "eslint")
    assert code == FINDINGS
    [finding] = report["findings"]
    assert (finding["rule"], finding["location"]["path"]) == ("eslint/no-debugger", "web/b.js")
    repo.write("web/eslint.config.mjs", "throw new Error('x');\n")
    assert check("--trust", "eslint")[0] == INCONCLUSIVE


def test_a_syntax_error_is_a_finding_and_not_silence(check, repo):
    repo.write("web/biome.json", "{}")
    repo.write("web/b.js", "if (\n")
    assert check()[0] in (FINDINGS, INCONCLUSIVE)
