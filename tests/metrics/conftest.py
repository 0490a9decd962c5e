"""Published tables and streams of chance that the estimators' tests share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture(scope="session")
def golden() -> Callable[[str], list[list[str]]]:
    """Reads a published table: its lines without comments, each cut into words."""

    def read(name: str) -> list[list[str]]:
        lines = (GOLDEN / name).read_text(encoding="utf-8").splitlines()
        return [line.split() for line in lines if line.strip() and not line.startswith("#")]

    return read


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20261124)
