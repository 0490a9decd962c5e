"""Runs commands in this process, on a copy of the house."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ktlo.cli import main


@dataclass(frozen=True)
class Said:
    """What a command did."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def ktlo(
    house_copy: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., Said]:
    """``ktlo("metrics", "--json")`` as a shell would run it."""
    monkeypatch.setenv("KTLO_DATA", str(house_copy / "data"))
    monkeypatch.setenv("KTLO_CONFIG", str(house_copy / "ktlo.yaml"))
    monkeypatch.setenv("COLUMNS", "200")
    # The consoles are made when their module is first imported, perhaps by a test with another width.
    from ktlo.cli import output

    for one in (output.console, output.notes):
        monkeypatch.setattr(one, "_width", 200)
    monkeypatch.setenv("NO_COLOR", "1")

    def run(*words: str) -> Said:
        monkeypatch.setattr("sys.argv", ["ktlo", *words])
        capfd.readouterr()
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        out, err = capfd.readouterr()
        return Said(code, out, err)

    return run
