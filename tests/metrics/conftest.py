"""Published tables, streams of chance, and the small world that the tests of metrics share."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

import world

from ktlo.store.embedded import EmbeddedStore

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    """A store with tables and nothing in them. The engine opens one folder a process: not with the world."""
    store = EmbeddedStore(tmp_path_factory.mktemp("empty"))
    store.migrate()
    yield store
    store.close()


@pytest.fixture(scope="module")
def world_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    """A store with the small world in it; nobody writes to it."""
    store = EmbeddedStore(tmp_path_factory.mktemp("world"))
    store.migrate()
    world.fill(store)
    yield store
    store.close()


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
