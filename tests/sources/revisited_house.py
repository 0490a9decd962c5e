"""A store, a state and a clock for sources whose known items are asked for again; sources before their stand-ins."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable
from typing import Any

import httpx
from test_what_every_pulled_source_meets import ASKED

from ktlo.sources.collector import collect
from ktlo.sources.registry import kinds
from ktlo.store.embedded import EmbeddedStore
from ktlo.store.state import State

NOW = dt.datetime(2026, 10, 1, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


class House:
    """A store and a state of its own, and a clock."""

    def __init__(self, store: EmbeddedStore, state: State) -> None:
        self.store, self.state, self.now = store, state, NOW

    def read(self, source: Any, hours: float = 0) -> None:
        """Collect, so many hours later."""
        self.now += hours * HOUR
        outcome = asyncio.run(collect(source, self.store, self.state, now=lambda: self.now))
        assert outcome.status == "complete", outcome.message

    def names(self, source: Any, *tables: str) -> set[str]:
        return {
            row["external_id"]
            for table in tables
            for row in self.store.query(
                f"SELECT external_id FROM ktlo.{table} WHERE source = {{source:String}}",
                {"source": source.source_id},
            ).to_pylist()
        }

    def hidden(self, source: Any) -> set[str]:
        """Identifiers of the items that a right may be lost to."""
        sql = "SELECT external_id FROM ktlo.missing_items WHERE source = {source:String} AND NOT is_gone"
        found = self.store.query(sql, {"source": source.source_id})
        return set(found["external_id"].to_pylist())

    def told(self, source: Any) -> list[str]:
        """Warnings of a source."""
        sql = "SELECT reason FROM ktlo.rejections WHERE source = {source:String} AND is_kept"
        return [row["reason"] for row in self.store.query(sql, {"source": source.source_id}).to_pylist()]


def made(kind: str, behind: Callable[[httpx.Request], httpx.Response], **more: Any) -> Any:
    name, _, options = ASKED[kind]
    cls = kinds()[name]
    return cls(cls.config(**{**options, **more}), transport=httpx.MockTransport(behind))
