"""What a store would show after some batches, and running a source against a transport; for the tests of sources."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pyarrow as pa

from ktlo.errors import KtloError
from ktlo.sources.hooked import Taken
from ktlo.sources.merging import merged
from ktlo.sources.not_found import NOT_FOUND
from ktlo.sources.protocol import Batch

_KEYS = ("issue_id", "incident_id", "event_id", "change_id", "review_id")


def holds(row: dict[str, Any], there: dict[str, Any] | None) -> bool:
    """Whether a row holds over the one that is there, as in the store (``sources/not_found``)."""
    if row["is_deleted"] and row["row_version"] == NOT_FOUND:
        if there is None:
            return False
        row["row_version"] = there["row_version"]
    return there is None or row["row_version"] >= there["row_version"]


class Seen:
    """The newest version of every row, the cursor, and what was turned away."""

    def __init__(self) -> None:
        self.rows: dict[tuple[Any, ...], dict[str, Any]] = {}
        self.cursor: dict[str, Any] = {}
        self.batches: list[Batch] = []

    def put(self, batch: Batch) -> None:
        self.add(batch.rows)
        if batch.cursor is not None:
            self.cursor = json.loads(json.dumps(batch.cursor))
        self.batches.append(batch)

    def add(self, rows: Any) -> None:
        for table, given in rows.items():
            for row in given.to_pylist():
                names = ("external_id",) if "external_id" in row else _KEYS
                key = (table, *(row.get(name) for name in names))
                there = self.rows.get(key)
                if holds(row, there):
                    self.rows[key] = row

    def take(self, taken: Taken) -> None:
        """A webhook, completed by what is there as when it is stored."""
        self.add(merged(taken.rows, taken.untold, self))  # type: ignore[arg-type]

    def query(self, sql: str, params: Any) -> pa.Table:
        """The one question that merging asks of a store."""
        table = sql.partition("FROM ktlo.")[2].partition("_log")[0]
        rows = [row for key, row in self.rows.items() if key[0] == table and key[1] == params["external_id"]]
        return pa.Table.from_pylist(rows)

    @property
    def tables(self) -> set[str]:
        """Tables that rows came into."""
        return {table for table, *_ in self.rows}

    def shown(self, table: str) -> list[dict[str, Any]]:
        return [row for key, row in self.rows.items() if key[0] == table and not row["is_deleted"]]

    def item(self, key: str, table: str = "incidents") -> dict[str, Any]:
        (found,) = [row for row in self.shown(table) if row["external_id"] == key]
        return found

    def steps(self, key: str) -> list[tuple[str, str]]:
        rows = [row for row in self.shown("incident_events") if row["incident_id"] == key]
        return [
            (row["kind"], row["actor"])
            for row in sorted(rows, key=lambda row: (row["occurred_at"], row["kind"]))
        ]

    @property
    def rejected(self) -> list[str]:
        return [one.reason for batch in self.batches for one in batch.rejected]


def run(source: Any, seen: Seen, stop_after: int | None = None) -> KtloError | None:
    """Collect to the end, or until so many batches came; the error that ended it."""

    async def work() -> KtloError | None:
        try:
            async for batch in source.collect(seen.cursor):
                seen.put(batch)
                if stop_after is not None and len(seen.batches) >= stop_after:
                    return None
        except KtloError as error:
            return error
        return None

    error = asyncio.run(work())
    assert seen.tables <= set(source.brings), "rows came into tables that the source does not say it brings"
    return error
