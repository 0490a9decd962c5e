"""An embedded store in a folder of its own, closed after each test: a process has one engine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ktlo.store.embedded import EmbeddedStore


@pytest.fixture
def store(tmp_path) -> Iterator[EmbeddedStore]:
    opened = EmbeddedStore(tmp_path / "store")
    opened.migrate()
    yield opened
    opened.close()
