"""A journal of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ktlo.store.state import State


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    opened = State.in_folder(tmp_path)
    yield opened
    opened.close()
