"""What the tests of all sources share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ktlo.store.embedded import EmbeddedStore
from ktlo.store.state import State

sys.path.insert(0, str(Path(__file__).parent))

if TYPE_CHECKING:
    from revisited_house import House


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[EmbeddedStore, State]]:
    """One store and one state for the tests of a module: opening them costs seconds, emptying them does not."""
    store = EmbeddedStore(tmp_path_factory.mktemp("store"))
    store.migrate()
    state = State.in_folder(tmp_path_factory.mktemp("state"))
    yield store, state
    state.close()
    store.close()


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A store, a state and a clock of their own, and the tokens of all stand-ins."""
    from revisited_house import House
    from test_what_every_pulled_source_meets import SECRETS

    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    store = EmbeddedStore(tmp_path / "store")
    store.migrate()
    state = State.in_folder(tmp_path / "state")
    yield House(store, state)
    state.close()
    store.close()
