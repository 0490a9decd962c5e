"""What the tests of all sources share."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ktlo.store.embedded import EmbeddedStore
from ktlo.store.state import State

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[EmbeddedStore, State]]:
    """One store and one state for the tests of a module: opening them costs seconds, emptying them does not."""
    store = EmbeddedStore(tmp_path_factory.mktemp("store"))
    store.migrate()
    state = State.in_folder(tmp_path_factory.mktemp("state"))
    yield store, state
    state.close()
    store.close()
