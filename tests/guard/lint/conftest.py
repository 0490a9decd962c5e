"""A repository of Python, linted by the real ruff."""

from __future__ import annotations

import json

import pytest
from repositories import Repo
from typer.testing import CliRunner

from ktlo.cli.main import commands


@pytest.fixture
def repo(tmp_path, monkeypatch):
    monkeypatch.delenv("KTLO_CONFIG", raising=False)
    made = Repo(tmp_path / "shop")
    made.write("ruff.toml", '[lint]\nselect = ["E711", "F"]\n')
    made.write("a.py", "import os\n\nprint(1)\n")
    made.commit()
    return made


@pytest.fixture
def run(repo, tmp_path):
    def call(command, *arguments):
        return CliRunner().invoke(commands(), ["check", *command, str(repo.root), *arguments])

    return call


@pytest.fixture
def check(run):
    """`ktlo check --only lint`: exit code and JSON report."""

    def call(*arguments):
        done = run([], "--only", "lint", "--format", "json", *arguments)
        return done.exit_code, json.loads(done.stdout) if done.stdout.startswith("{") else {}, done

    return call
