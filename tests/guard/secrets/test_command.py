"""``ktlo secrets``: exit codes that a build can trust, and nothing printed that is secret."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from ktlo.cli.secrets import register


@pytest.fixture
def run():
    app = typer.Typer()
    register(app)
    app.callback()(lambda: None)

    def call(*arguments: object):
        return CliRunner().invoke(app, ["secrets", *map(str, arguments)])

    return call


def test_a_clean_repository_passes(repo, run) -> None:
    repo.write("a.py", "books\n")
    assert run("scan", repo.root).exit_code == 0


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_a_secret_fails_the_build_and_is_not_printed(repo, run, secret, form: list[str]) -> None:
    repo.write("a.py", f"key = '{secret()}'\n")
    done = run("scan", repo.root, *form)
    assert done.exit_code == 1
    assert "github-pat" in done.output
    assert secret()[4:20] not in done.output
    if form:
        assert json.loads(done.output)["findings"][0]["location"]["path"] == "a.py"


def test_what_could_not_be_read_is_inconclusive(repo, run) -> None:
    repo.write("broken.zip", b"PK\x03\x04books")
    done = run("scan", repo.root)
    assert done.exit_code == 2
    assert "not checked: broken.zip" in done.output


def test_a_baseline_of_tree_and_history_makes_both_pass_until_something_is_staged(repo, run, secret) -> None:
    repo.write("gone.py", secret(1))
    repo.commit()
    (repo.root / "gone.py").unlink()
    repo.write("here.py", secret(2))
    repo.commit()
    assert run("scan", repo.root, "--in", "history").exit_code == 1
    assert "2 known secrets" in run("baseline", repo.root).output
    assert run("scan", repo.root).exit_code == 0
    assert run("scan", repo.root, "--in", "history").exit_code == 0
    assert run("scan", repo.root, "--in", "staged").exit_code == 0
    repo.write("here.py", f"{secret(2)}\n{secret(3)}\n")
    repo.git("add", "-A")
    assert run("scan", repo.root, "--in", "staged").exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--in", "everywhere"], "there is no scope"),
        (["--rules", "none.toml"], "cannot be read"),
        (["--baseline", "none.json"], "no such baseline"),
    ],
)
def test_wrong_use_has_its_own_code(repo, run, arguments: list[str], said: str) -> None:
    done = run("scan", repo.root, *arguments)
    assert done.exit_code == 4
    assert said in done.output
