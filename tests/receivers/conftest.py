"""A receiver on a store of its own, and the requests that the tests share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ktlo.receivers.intake import Intake
from ktlo.store.embedded import EmbeddedStore
from ktlo.store.streams import TRACES

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Iterator[EmbeddedStore]:
    opened = EmbeddedStore(tmp_path_factory.mktemp("store"))
    opened.migrate()
    yield opened
    opened.close()


@pytest.fixture
def intake(store, tmp_path) -> Iterator[Intake]:
    opened = Intake("traces", TRACES, store, tmp_path / "spool")
    yield opened
    opened.close()
