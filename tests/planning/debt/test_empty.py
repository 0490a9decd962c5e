"""A store without records: nothing is owed, and nothing breaks. In a file of its own: the engine opens one folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from debt_world import QUESTION, SETTINGS

from ktlo.errors import NotFoundError
from ktlo.planning.debt import debt_load, register
from ktlo.store.embedded import EmbeddedStore


def test_an_empty_store_owes_nothing_and_says_no_more(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path)
    store.migrate()
    try:
        nothing = register(store, None, QUESTION, SETTINGS)
        assert nothing.entries == ()
        assert debt_load(store, QUESTION, SETTINGS, draws=10, seed=1) is None
        with pytest.raises(NotFoundError, match="no entry 'x'"):
            nothing.entry("x")
    finally:
        store.close()
