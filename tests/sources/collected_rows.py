"""What a store would show after some batches, and running a source against a transport; for the tests of sources."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pyarrow as pa

from ktlo.errors import KtloError
from ktlo.sources.hooked import Taken
from ktlo.sources.merging import merged
from ktlo.sources.missing_items import NOT_FOUND
from ktlo.sources.protocol import Batch
from ktlo.sources.vanishing import judged

_KEYS = ("issue_id", "incident_id", "event_id", "change_id", "review_id")


class Missing:
    """Items that are not found, as the store keeps them (``sources/missing_items``).

    Attributes:
        gone: tables and identifiers of those that are taken for gone.
        hidden: identifiers of those that are taken for hidden.
    """

    def __init__(self) -> None:
        self.gone: set[tuple[str, str]] = set()
        self.hidden: set[str] = set()

    def judge(self, batch: Batch) -> None:
        """Take what a batch did not find."""
        for held in batch.held:
            before = self.hidden | {name for table, name in self.gone if table in held.tables}
            missing = set(held.missing) - before
            verdict = judged(missing, set(held.known) - before.intersection(held.missing), held.group)
            self.gone |= {(table, name) for table in held.tables for name in verdict.deleted}
            self.hidden |= set(verdict.hidden)

    def holds(self, table: str, row: dict[str, Any], there: dict[str, Any] | None) -> bool:
        """Whether a row holds over the one that is there; it takes back that its item was not found."""
        name = row.get("external_id", "")
        if row["is_deleted"] and row["row_version"] == NOT_FOUND:
            self.gone.add((table, name))
            return False
        if not row["is_deleted"]:
            self.gone.discard((table, name))
            self.hidden.discard(name)
        return there is None or row["row_version"] >= there["row_version"]

    def shows(self, table: str, row: dict[str, Any]) -> bool:
        """Whether a row that holds is to be seen."""
        return not row["is_deleted"] and (table, row.get("external_id")) not in self.gone


class Seen:
    """The newest version of every row, what is missing, the cursor, and what was turned away."""

    def __init__(self) -> None:
        self.rows: dict[tuple[Any, ...], dict[str, Any]] = {}
        self.missing = Missing()
        self.cursor: dict[str, Any] = {}
        self.batches: list[Batch] = []

    def put(self, batch: Batch) -> None:
        self.add(batch.rows)
        self.missing.judge(batch)
        if batch.cursor is not None:
            self.cursor = json.loads(json.dumps(batch.cursor))
        self.batches.append(batch)

    def add(self, rows: Any) -> None:
        for table, given in rows.items():
            for row in given.to_pylist():
                names = ("external_id",) if "external_id" in row else _KEYS
                key = (table, *(row.get(name) for name in names))
                if self.missing.holds(table, row, self.rows.get(key)):
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
        return [row for key, row in self.rows.items() if key[0] == table and self.missing.shows(table, row)]

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
