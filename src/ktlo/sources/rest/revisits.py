"""Asks a service for known items again: many in one request, then one by one what was not among them.

The same for open items that a source no longer finds among those that the service lists. A refusal costs itself and is
told; what is said to be nowhere is judged by whoever takes the batches (``missing_items``).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass

import msgspec

from ktlo.errors import SourceError
from ktlo.records.collection import Rejection
from ktlo.sources.protocol import Batch, Group, Held
from ktlo.sources.rejecting import rejection
from ktlo.sources.rest.connection import (
    AbsentError,
    Connection,
    DeniedError,
    OversizedError,
    UnexpectedFormError,
    UnprocessableError,
)
from ktlo.sources.rest.rows import Row, batches, removal

PART = 100
"""Items that one request asks for."""
MOST_ALONE = 100
"""Items that are asked for alone in one comparison; the others wait for the next."""


class LeftError(AbsentError):
    """The item is known to have left: moved to where it is not read, or merged into another.

    Attributes:
        rows: what takes out what else was told of it.
    """

    def __init__(self, what: str, *, where: str, rows: Sequence[tuple[str, Row]] = ()) -> None:
        super().__init__(what, where=where)
        self.rows = rows


def _nothing(_: str) -> None:
    pass


_ODD = (msgspec.MsgspecError, ValueError, KeyError, TypeError, AttributeError)
"""What an item of another form than documented makes of a mapping."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revisit:
    """How some items of a service are asked for.

    Attributes:
        api: the connection.
        source: identifier of the source.
        tables: those that an item is removed from.
        label: what the items are called in sentences.
        place: what is told as the place of a refusal.
        whole: the rows of one item as it is now; raises :class:`AbsentError` where it is nowhere, or not
            of what is read.
        group: what an item is judged with, where not all are of one kind: its project.
        listed: which of some items (at most :data:`PART`) one request brings; each is asked for alone where none does.
        forget: called with each item that is nowhere: it is not open any more, as far as is known.
    """

    api: Connection
    source: str
    tables: tuple[str, ...]
    label: str
    place: str
    whole: Callable[[str], Awaitable[Sequence[tuple[str, Row]]]]
    group: Group | None = None
    listed: Callable[[Sequence[str]], Awaitable[Collection[str]]] | None = None
    forget: Callable[[str], None] = _nothing

    async def of(self, known: Sequence[str], before: Collection[str] = ()) -> AsyncIterator[Batch]:
        """Which are missing, and the rows of those that were not listed but are there, or are there again.

        Args:
            known: external_ids.
            before: those among them that were not found before: what is still not listed of them is not asked for.
        """
        missing, again = list[str](), list[str]()
        for start in range(0, len(known), PART):
            part = known[start : start + PART]
            try:
                there = await self._listed(part)
            except (DeniedError, AbsentError, UnprocessableError, UnexpectedFormError) as error:
                reason = f"{error.what}. So deletions of {self.label} are not noticed once they have ended"
                yield Batch(rejected=(self._told(self.place, reason),))
                return
            missing += sorted(set(part) - there)
            again += sorted(there.intersection(before))
        if self.listed is not None:
            still = set(before).difference(again)
            missing = [name for name in missing if name not in still]
            known = [name for name in known if name not in still]
        async for batch in self.settled([*again, *missing], known):
            yield batch

    async def settled(self, missing: Sequence[str], known: Sequence[str]) -> AsyncIterator[Batch]:
        """Ask for items that were not listed one by one: which are missing, and the rows of the others.

        Args:
            missing: external_ids of items that were not listed.
            known: of all that should have been, which those are judged by.
        """
        gone, refused = list[str](), dict[str, DeniedError]()
        for name in missing[:MOST_ALONE]:
            try:
                rows = await self.whole(name)
            except LeftError as error:
                self.forget(name)
                removals = [removal(table, self.source, name) for table in self.tables]
                yield Batch(batches([*removals, *error.rows]))
            except AbsentError:
                self.forget(name)
                gone.append(name)
            except DeniedError as error:
                refused[name] = error
            except OversizedError:
                continue  # it is there
            except (UnprocessableError, UnexpectedFormError, *_ODD) as error:
                what = error.what if isinstance(error, SourceError) else f"{type(error).__name__}: {error}"
                yield Batch(rejected=(self._told(name, f"it could not be asked for again: {what}"),))
            else:
                if rows:
                    yield Batch(batches(rows))
        if refused:
            first = next(iter(refused))
            which = first if len(refused) == 1 else f"{first} and {len(refused) - 1} more"
            reason = (
                f"{refused[first].what}. So whether {which} of the {self.label} are as they were is not known"
            )
            yield Batch(rejected=(self._told(self.place, reason),))
        if gone:
            unasked = set(missing[MOST_ALONE:])
            asked = [name for name in known if name not in unasked]
            yield Batch(held=(Held(self.tables, asked, gone, self.group),))

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

    def _told(self, place: str, reason: str) -> Rejection:
        return rejection(self.source, place, reason, self.api.rest.now(), is_kept=True)
