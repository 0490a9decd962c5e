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

TABLES_FILLED = (
    "incidents",
    "incident_events",
    "issues",
    "issue_events",
    "deployments",
    "outages",
    "time_off",
    "rejections",
    "collections",
)


class House:
    """A store, a state, and what people do with them."""

    def __init__(self, store: EmbeddedStore, state: State) -> None:
        self.store, self.state = store, state
        self._read: set[str] = set()

    def run(self, source: CsvSource) -> Collection:
        """One collection to its end."""
        self._read.add(source.source_id)
        return asyncio.run(collect(source, self.store, self.state))

    def forget(self) -> None:
        """Empty what the test filled."""
        for table in TABLES_FILLED:
            self.store.query(f"TRUNCATE TABLE ktlo.`{table}_log`")
        for source_id in self._read:
            self.state.set_cursor(source_id, {})

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


@pytest.fixture
def house(furnished: tuple[EmbeddedStore, State]) -> Iterator[House]:
    """An empty store with its state."""
    made = House(*furnished)
    yield made
    made.forget()


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str | bytes], Path]:
    """Write an export into a fresh folder."""

    def _write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return _write
