"""Parts that the tests of the csv source share: a real store, a real state, and one run of the collector."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from ktlo.records.collection import Collection
from ktlo.sources.collector import collect
from ktlo.sources.csv import CsvConfig, CsvSource
from ktlo.store.embedded import EmbeddedStore
from ktlo.store.state import State


class House:
    """A store, a state, and what people do with them."""

    def __init__(self, store: EmbeddedStore, state: State) -> None:
        self.store, self.state = store, state

    def run(self, source: CsvSource) -> Collection:
        """One collection to its end."""
        return asyncio.run(collect(source, self.store, self.state))

    def read(self, **options: Any) -> Collection:
        """One collection of a source with these options."""
        return self.run(CsvSource(CsvConfig.model_validate(options)))

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Rows of a query."""
        return self.store.query(sql).to_pylist()

    def table(self, name: str) -> pa.Table:
        """A whole table, newest versions."""
        return self.store.query(f"SELECT * FROM ktlo.`{name}`")

    def complaints(self) -> list[str]:
        """What was turned away or came in incomplete, as `place: reason`."""
        found = self.rows("SELECT place, reason FROM ktlo.rejections ORDER BY place, reason")
        return [f"{row['place']}: {row['reason']}" for row in found]


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    """One store for all tests: opening one costs a second, emptying its tables does not."""
    store = EmbeddedStore(tmp_path_factory.mktemp("store"))
    store.migrate()
    yield store
    store.close()


@pytest.fixture
def house(embedded: EmbeddedStore, tmp_path: Path) -> Iterator[House]:
    """An empty store with its state."""
    for table in (
        "incidents", "incident_events", "issues", "issue_events", "deployments", "outages", "time_off",
        "rejections", "collections",
    ):  # fmt: skip
        embedded.query(f"TRUNCATE TABLE ktlo.`{table}_log`")
    state = State(f"sqlite:///{tmp_path / 'state.sqlite'}")
    yield House(embedded, state)
    state.close()


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str | bytes], Path]:
    """Write an export into a fresh folder."""

    def _write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return _write
