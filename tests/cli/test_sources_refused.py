"""A place that cannot be read is refused when it is added, in a sentence; wanting it anyway is possible."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path


def ktlo(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from ktlo.cli import main; main()", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "KTLO_DATA": str(data)},
    )


def test_a_folder_that_is_no_repository_is_refused_unless_wanted_anyway(tmp_path: Path) -> None:
    folder, data = tmp_path / "photos", tmp_path / "data"
    folder.mkdir()
    refused = ktlo(data, "sources", "add", "git", str(folder))
    assert refused.returncode == 2
    assert str(folder) in refused.stderr
    assert "--anyway" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert json.loads(ktlo(data, "sources", "--json").stdout) == []

    assert ktlo(data, "sources", "add", "git", str(folder), "--anyway").returncode == 0
    assert len(json.loads(ktlo(data, "sources", "--json").stdout)) == 1


def test_a_source_that_is_there_is_not_added_twice_and_what_changed_is_said(tmp_path: Path) -> None:
    data = tmp_path / "data"
    add = ("sources", "add", "argocd", "name=prod")
    assert "Added argocd:prod." in ktlo(data, *add).stdout
    again = ktlo(data, *add)
    assert (again.returncode, "Added" in again.stdout) == (0, False)
    assert "argocd:prod is there already, with the same options: nothing is changed." in again.stdout
    other = ktlo(data, *add, "environment=live")
    assert "argocd:prod is there already; changed: environment." in other.stdout
