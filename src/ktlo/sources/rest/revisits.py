"""Asks a service for known items again: many in one request, then one by one what was not among them.

A refusal of the many costs them alone and is told. What one request may not read is there; only what is said to be
nowhere is removed, and not when so much is nowhere that the right to see it must have been lost (``vanishing``).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import groupby

from ktlo.records.collection import Rejection
from ktlo.sources.protocol import Batch
from ktlo.sources.rest.connection import (
    AbsentError,
    Connection,
    DeniedError,
    OversizedError,
    UnexpectedFormError,
    UnprocessableError,
)
from ktlo.sources.rest.rows import Row, batches, removal
from ktlo.sources.rest.vanishing import are_deleted, lost_right

PART = 100
"""Items that are asked for and judged together."""


def _all(_: str) -> str:
    return ""


def project(name: str) -> str:
    """The project of an item: ``SHOP`` of ``SHOP-17``."""
    return name.rpartition("-")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Revisit:
    """How some items of a service are asked for.

    Attributes:
        api: the connection.
        source: identifier of the source.
        tables: those that an item is removed from.
        label: what the items are called in sentences.
        place: what is told as the place of a refusal.
        whole: the rows of one item as it is now; raises :class:`AbsentError` where it is nowhere.
        group: what an item is judged with, where not all are of one kind: its project.
        listed: which of some items (at most :data:`PART`) one request brings; each is asked for alone where none does.
    """

    api: Connection
    source: str
    tables: tuple[str, ...]
    label: str
    place: str
    whole: Callable[[str], Awaitable[Sequence[tuple[str, Row]]]]
    group: Callable[[str], str] = _all
    listed: Callable[[Sequence[str]], Awaitable[Collection[str]]] | None = None

    async def of(self, known: Sequence[str]) -> AsyncIterator[Batch]:
        """Removals of those that are gone, and the rows of those that were not listed but are there.

        Args:
            known: external_ids, sorted.
        """
        for start in range(0, len(known), PART):
            part = known[start : start + PART]
            try:
                missing = sorted(
                    set(part) - await self._listed(part), key=lambda name: (self.group(name), name)
                )
            except (DeniedError, AbsentError, UnprocessableError, UnexpectedFormError) as error:
                reason = f"{error.what}. So deletions of {self.label} are not noticed once they have ended"
                yield Batch(rejected=(self._told(reason),))
                return
            rows, gone = list[tuple[str, Row]](), list[str]()
            for name in missing:
                try:
                    rows += await self.whole(name)
                except AbsentError:
                    gone.append(name)
                except (DeniedError, OversizedError, UnexpectedFormError):
                    continue
            kept, at = list[Rejection](), self.api.rest.now()
            # Most of all, or of one group.
            group_of = self.group if are_deleted(len(gone), len(part)) else _all
            for group, names in groupby(gone, group_of):
                missing, known_here = list(names), sum(group_of(name) == group for name in part)
                if are_deleted(len(missing), known_here):
                    rows += [
                        removal(table, self.source, name, at) for name in missing for table in self.tables
                    ]
                else:
                    kept.append(self._told(lost_right(self.label, missing, known_here)))
            if rows or kept:
                yield Batch(batches(rows), None, tuple(kept))

    async def _listed(self, part: Sequence[str]) -> set[str]:
        if self.listed is None:
            return set()
        try:
            return set(await self.listed(part))
        except OversizedError:
            if len(part) == 1:
                return set(part)
        half = len(part) // 2
        return await self._listed(part[:half]) | await self._listed(part[half:])

    def _told(self, reason: str) -> Rejection:
        return Rejection(
            source=self.source,
            place=self.place,
            reason=reason,
            excerpt="",
            seen_at=self.api.rest.now(),
            is_kept=True,
        )
