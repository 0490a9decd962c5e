"""Makes the small worlds importable, and opens a store with the debt world in it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ktlo.store.embedded import EmbeddedStore
from ktlo.store.state import State

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2] / "metrics")]


@pytest.fixture(scope="module")
def debt_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    """A store with the debt world in it; nobody writes to it."""
    import debt_world

    store = EmbeddedStore(tmp_path_factory.mktemp("debt"))
    store.migrate()
    debt_world.fill(store)
    yield store
    store.close()


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    """An empty journal."""
    opened = State.in_folder(tmp_path)
    yield opened
    opened.close()
