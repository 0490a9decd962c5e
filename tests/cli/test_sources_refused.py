"""A place that cannot be read is refused when it is added, in a sentence; wanting it anyway is possible."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def ktlo(monkeypatch: pytest.MonkeyPatch, command: Callable[..., Any]) -> Callable[..., Any]:
    """Runs a command on a data folder."""

    def run(data: Path, *words: str) -> Any:
        monkeypatch.setenv("KTLO_DATA", str(data))
        return command(*words)

    return run


def test_a_folder_that_is_no_repository_is_refused_unless_wanted_anyway(ktlo: Any, tmp_path: Path) -> None:
    folder, data = tmp_path / "photos", tmp_path / "data"
    folder.mkdir()
    refused = ktlo(data, "sources", "add", "git", str(folder))
    assert refused.code == 2
    assert str(folder) in refused.err
    assert "--anyway" in refused.err
    assert "Traceback" not in refused.err
    assert ktlo(data, "sources", "--json").json() == []

    assert ktlo(data, "sources", "add", "git", str(folder), "--anyway").code == 0
    assert len(ktlo(data, "sources", "--json").json()) == 1


def test_a_source_that_is_there_is_not_added_twice_and_what_changed_is_said(
    ktlo: Any, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    add = ("sources", "add", "argocd", "name=prod")
    assert "Added argocd:prod." in ktlo(data, *add).out
    again = ktlo(data, *add)
    assert (again.code, "Added" in again.out) == (0, False)
    assert "argocd:prod is there already, with the same options: nothing is changed." in again.out
    other = ktlo(data, *add, "environment=live")
    assert "argocd:prod is there already; changed: environment." in other.out
