"""What a source is: a configuration, a check, an incremental collection, and perhaps a webhook.

A source turns what one outside system says into records and nothing else: it does not know the store,
other sources, or any metric.
"""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

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


@dataclass(frozen=True, slots=True)
class Batch:
    """Records that belong together, and the cursor from which a later run continues after them.

    Attributes:
        rows: Arrow batches by table name (``ktlo.records.TABLES``), each of its table's schema.
        cursor: JSON-serialisable; ``None`` when a crash here must repeat from the previous cursor.
        rejected: input that was turned away (or came in incomplete), with reasons.
        progress: how far the run is.
    """

    rows: Mapping[str, pa.RecordBatch] = field(default_factory=dict)
    cursor: Mapping[str, Any] | None = None
    rejected: tuple[Rejection, ...] = ()
    progress: Progress | None = None


class Source(Protocol):
    """One outside system, configured.

    Implementations are classes called with their validated configuration. One whose items may change between issue and
    incident under one identifier says ``items_change_kind = True``; then the row of the former kind is removed
    (:mod:`ktlo.sources.reclassifying`).

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
