"""Runs commands in this process, on a copy of the house."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def ktlo(
    house_copy: Path, monkeypatch: pytest.MonkeyPatch, command: Callable[..., Any]
) -> Callable[..., Any]:
    """``ktlo("metrics", "--json")`` as a shell would run it."""
    monkeypatch.setenv("KTLO_DATA", str(house_copy / "data"))
    monkeypatch.setenv("KTLO_CONFIG", str(house_copy / "ktlo.yaml"))
    return command
