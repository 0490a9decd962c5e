"""What a run over the lists of a service gathers: rows in batches, and notes of what could not be read or used.

A list that may not be read, or that is switched off, costs itself and not the others: it is noted as a warning. Only
what stops everything (the limit, a broken service, a refused token) ends the run.
"""

from __future__ import annotations

import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import Any, Protocol

import msgspec

from ktlo.records.collection import Rejection
from ktlo.sources.protocol import Batch, Progress
from ktlo.sources.rest.connection import (
    AbsentError,
    Answer,
    DeniedError,
    OversizedError,
    UnprocessableError,
    decode,
)
from ktlo.sources.rest.parts import in_parts
from ktlo.sources.rest.rows import Row, batches
from ktlo.sources.rest.walks import Entry, Page

PER_PAGE = 100


class Gathered(Protocol):
    """A list, as far as its answers are read."""

    @property
    def label(self) -> str:
        """What it is called in sentences."""

    @property
    def path(self) -> str:
        """Below the root of the run."""

    @property
    def item(self) -> type:
        """What an entry is."""

    @property
    def at(self) -> Callable[[Any], dt.datetime]:
        """Time by which the list is sorted."""

    @property
    def number(self) -> Callable[[Any], int]:
        """Identifies an entry."""

    @property
    def is_settled(self) -> Callable[[Any], bool]:
        """False for entries that will change without moving in the list."""

    @property
    def entries(self) -> Callable[[bytes, str], list[msgspec.Raw]]:
        """The raw entries of an answer."""

    @property
    def loss(self) -> str:
        """What a run says when it cannot read the list."""


class Gathering(ABC):
    """Rows and notes of one run, until a batch takes them.

    Args:
        source: identifier for what is turned away.
        now: the time by the service's clock.
    """

    def __init__(self, source: str, now: Callable[[], dt.datetime]) -> None:
        self._source = source
        self._now = now
        self._rejected: list[Rejection] = []
        self._done = 0

    @abstractmethod
    def saved(self) -> Mapping[str, Any]:
        """Where the run is, as the cursor keeps it."""

    def batch(self, rows: Iterable[tuple[str, Row]] = ()) -> Batch:
        """Rows, what was turned away meanwhile, and the cursor as it is now."""
        listed = list(rows)
        self._done += len(listed)
        rejected, self._rejected = tuple(self._rejected), []
        return Batch(batches(listed), self.saved(), rejected, Progress(self._done, None, "rows"))

    def warn(self, place: str, reason: str, *, excerpt: str = "", is_kept: bool = True) -> None:
        """Note something missing, or turned away; goes out with the next batch."""
        self._rejected.append(
            Rejection(
                source=self._source,
                place=place,
                reason=reason,
                excerpt=excerpt[:200],
                seen_at=self._now(),
                is_kept=is_kept,
            )
        )

    async def guarded(
        self, listed: Gathered, place: str, found: AsyncIterator[Batch]
    ) -> AsyncIterator[Batch]:
        """Pass on the batches of a list; ends with a warning, which names the place, when it cannot be read."""
        try:
            async for batch in found:
                yield batch
        except DeniedError as error:
            self.warn(place, f"{error.what}. {listed.loss}")
        except AbsentError as error:
            self.warn(
                place,
                f"{error.what}: {listed.label} are switched off, or not to be seen with this token. {listed.loss}",
            )
        except UnprocessableError as error:
            self.warn(place, f"{error.what}: {listed.label} are not complete")
        if self._rejected:
            yield self.batch()

    async def whole_page(
        self,
        listed: Gathered,
        place: str,
        number: int,
        etag: str,
        ask: Callable[[int, int, str], Awaitable[Page[Any]]],
        *,
        is_rising: bool,
    ) -> Page[Any]:
        """A page by its number, in smaller ones where the answer is too large; what is so by itself is left out.

        Args:
            listed: the list.
            place: where it is, for the note.
            number: of the page, from 1.
            etag: of the answer that is known already.
            ask: gets the number of a page, how many entries it has, and the ETag.
            is_rising: see :func:`ktlo.sources.rest.parts.in_parts`.
        """

        def left_out(error: OversizedError) -> Page[Any]:
            self.warn(place, f"{error.what}: one of the {listed.label} alone. It is left out", is_kept=False)
            return Page((), more=True, etag="", at=self._now())

        def of(part: int, size: int) -> Awaitable[Page[Any]]:
            return ask(part, size, etag if size == PER_PAGE else "")

        return await in_parts(of, number, PER_PAGE, left_out, is_rising=is_rising)

    def page_of(self, listed: Gathered, place: str, answer: Answer, *, more: bool) -> Page[Any]:
        """An answer's entries; those of an unexpected form are turned away one by one."""
        if answer.unchanged:
            return Page((), more=False, etag=answer.etag, at=answer.at, unchanged=True)
        entries = []
        for raw in listed.entries(answer.body, place):
            try:
                item: Any = msgspec.json.decode(raw, type=listed.item)
                entry = Entry(listed.at(item), listed.number(item), item, is_settled=listed.is_settled(item))
            except ValueError as error:  # msgspec's own among them
                self.warn(
                    place,
                    f"one of the {listed.label} has an unexpected form: {error}",
                    excerpt=bytes(raw)[:200].decode("utf-8", "replace"),
                    is_kept=False,
                )
                continue
            entries.append(entry)
        return Page(entries, more=more, etag=answer.etag, at=answer.at)


def plain(body: bytes, where: str) -> list[msgspec.Raw]:
    """The raw entries of an answer that is a list."""
    return decode(body, list[msgspec.Raw], where)


def always(_: Any) -> bool:
    """Every entry is settled."""
    return True


def stamp(moment: dt.datetime) -> str:
    """A time as services want it in a query, whole seconds."""
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
