"""What a source is: a configuration, a check, an incremental collection, and perhaps a webhook.

A source turns what one outside system says into records and nothing else: it does not know the store,
other sources, or any metric.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, runtime_checkable

import pyarrow as pa
from pydantic import BaseModel

from ktlo.records.collection import Rejection


class Status(enum.StrEnum):
    """How a source is doing, for people."""

    READY = "ready"
    LIMITED = "limited"
    """Works, but something is missing from the numbers; ``missing`` says what."""
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Missing:
    """Something the source cannot deliver, and what the numbers lose by it."""

    what: str
    """What is missing: a permission, history, a field."""
    cost: str
    """What the numbers lose by it, in words."""
    fix: str
    """What a person can do."""


@dataclass(frozen=True, slots=True)
class Health:
    """Answer of a source's check."""

    status: Status
    summary: str
    """One sentence."""
    missing: tuple[Missing, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a collection is.

    Attributes:
        done: units handled so far.
        total: units expected; ``None`` when unknown.
        unit: what is counted: commits, rows, pages.
    """

    done: int
    total: int | None
    unit: str


Group = Callable[[str], str]
"""What an item is judged with, by its identifier: its project."""


@dataclass(frozen=True, slots=True)
class Held:
    """Known items that were held against the service at once; some are not there.

    Attributes:
        tables: where the items may be.
        known: external_ids of all of them.
        missing: of those that were asked for and that the service says are nowhere.
        group: what an item is judged with, where not all are of one kind; all together when ``None``.
    """

    tables: tuple[str, ...]
    known: Collection[str]
    missing: Collection[str]
    group: Group | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Records that belong together, and the cursor from which a later run continues after them.

    Attributes:
        rows: Arrow batches by table name (``ktlo.records.TABLES``), each of its table's schema.
        cursor: JSON-serialisable; ``None`` when a crash here must repeat from the previous cursor.
        rejected: input that was turned away (or came in incomplete), with reasons.
        progress: how far the run is.
        held: items that were not found; whether those are gone is judged by whoever takes the batch.
    """

    rows: Mapping[str, pa.RecordBatch] = field(default_factory=dict)
    cursor: Mapping[str, Any] | None = None
    rejected: tuple[Rejection, ...] = ()
    progress: Progress | None = None
    held: tuple[Held, ...] = ()


class Source(Protocol):
    """One outside system, configured.

    Implementations are classes called with their validated configuration. One whose items may change between issue and
    incident under one identifier says ``items_change_kind = True``; then the row of the former kind is removed
    (:mod:`ktlo.sources.reclassifying`). One whose cursor says something that holds for the rows in the store, too,
    names those parts in ``lasting``; they outlive reading the past again. One whose row versions are ranks and no times
    says ``versions_rank = True`` (:mod:`ktlo.sources.clocks`).

    Attributes:
        kind: name of the source in ``ktlo sources add KIND``.
        summary: one line for lists.
        config: what a person must say, and nothing that can be found out.
        source_id: identifier that every row carries, stable over time: ``git:owner/name``.
    """

    kind: ClassVar[str]
    summary: ClassVar[str]
    config: ClassVar[type[BaseModel]]

    def __init__(self, config: Any) -> None: ...

    @property
    def source_id(self) -> str:
        """Stable identifier, known without reaching outside."""
        ...

    @property
    def brings(self) -> tuple[str, ...]:
        """Tables that its rows may come into, as it is configured."""
        ...

    async def check(self) -> Health:
        """Can it be reached, and what is missing? Never raises for what the outside does."""
        ...

    def collect(self, cursor: Mapping[str, Any]) -> AsyncIterator[Batch]:
        """Deliver what changed since the cursor (empty the first time), oldest work first.

        Raises:
            SourceError: the outside failed; batches already delivered stay valid.
            UserError: the configuration is wrong.
        """
        ...


@dataclass(frozen=True, slots=True)
class Revisits:
    """Which known items a source can be asked for again, and how dear that is.

    Attributes:
        tables: of the items, keyed by source and external_id.
        at_once: how many one request asks for; 0 where not enough requests are to be had.
        within: age of the oldest that are asked for, where the service itself clears away what is older; all of them
            when ``None``.
        deletes: whether items are ever deleted there; else only those that were not found are asked for again.
    """

    tables: tuple[str, ...]
    at_once: int
    within: dt.timedelta | None = None
    deletes: bool = True


@dataclass(frozen=True, slots=True)
class Drawn:
    """Known items whose turn it is to be asked for again.

    Attributes:
        known: external_ids by table, sorted.
        missing: those among them that were not found before: where one is there again, its rows are wanted.
    """

    known: Mapping[str, Sequence[str]]
    missing: Mapping[str, Collection[str]] = field(default_factory=dict)

    def of(self, *tables: str) -> tuple[list[str], set[str]]:
        """Those of some tables that share their identifiers: all, sorted, and which were not found before."""
        known = {name for table in tables for name in self.known.get(table, ())}
        return sorted(known), {name for table in tables for name in self.missing.get(table, ())}


@runtime_checkable
class Revisiting(Protocol):
    """A source that can say which of its known items are still there (:mod:`ktlo.sources.revisiting`)."""

    @property
    def revisits(self) -> Revisits:
        """Which, and how dear."""
        ...

    def revisit(self, cursor: Mapping[str, Any], drawn: Drawn) -> AsyncIterator[Batch]:
        """Which items are missing; what is still there and was only misplaced comes as rows.

        Args:
            cursor: where the source is read to; a batch may bring another.
            drawn: which items.

        Raises:
            SourceError: the outside failed; batches already delivered stay valid, the items will be asked for again.
        """
        ...


def lasting(source: object, cursor: Mapping[str, Any]) -> dict[str, Any]:
    """What of a cursor holds when the past is read again; empty for most sources."""
    return {name: cursor[name] for name in getattr(source, "lasting", ()) if name in cursor}
