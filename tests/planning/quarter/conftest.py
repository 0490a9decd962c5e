"""Makes the samples of this folder, the crews of staffing and the small world of the metrics importable."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

_TESTS = Path(__file__).parents[2]
for folder in (Path(__file__).parent, _TESTS / "planning" / "staffing", _TESTS / "metrics"):
    sys.path.insert(0, str(folder))

import world  # noqa: E402 - the folder had to be named first

from ktlo.store.embedded import EmbeddedStore  # noqa: E402


@pytest.fixture(scope="module")
def world_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    """A store with the small world of ``tests/metrics/world.py`` in it."""
    store = EmbeddedStore(tmp_path_factory.mktemp("world"))
    store.migrate()
    world.fill(store)
    yield store
    store.close()
