"""Secrets drawn when a test runs, and repositories to plant them in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from drawn import draw
from repositories import Repo


def formats() -> list[tuple[str, str]]:
    """Rules and templates of formats.txt."""
    lines = Path(__file__).with_name("formats.txt").read_text("utf-8").splitlines()
    split = (line.partition(" | ") for line in lines if line and not line.startswith("#"))
    return [(rule.strip(), template) for rule, _, template in split]


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "repo")


@pytest.fixture(name="drawn")
def _drawn() -> Callable[[str, int], str]:
    return draw
