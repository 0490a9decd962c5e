"""What a run over the lists of a service gathers: rows in batches, and notes of what could not be read or used.

A list that may not be read, or that is switched off, costs itself and not the others: it is noted as a warning. Only
what stops everything (the limit, a broken service, a refused token) ends the run.
"""

from __future__ import annotations

import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any, Protocol

import msgspec

from ktlo.records.collection import Rejection
from ktlo.sources.protocol import Batch, Held, Progress
from ktlo.sources.rejecting import rejection
from ktlo.sources.rest.connection import (
    AbsentError,
    Answer,
    Connection,
    DeniedError,
    OversizedError,
    UnprocessableError,
    decode,
)
from ktlo.sources.rest.parts import in_parts
from ktlo.sources.rest.rows import Row, batches
from ktlo.sources.rest.walks import Entry, Page, UnsteadyError

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
    def params(self) -> Mapping[str, str | int]:
        """Query besides page and ``since``."""

    @property
    def since(self) -> str:
        """Parameter that asks for what changed since a time; empty for a list that is sorted newest first."""

    @property
    def paged(self) -> Callable[[int, int], Mapping[str, str | int]]:
        """Parameters that ask for a page, by its number from 1 and its size."""

    @property
    def more(self) -> Callable[[Answer, int], bool]:
        """Whether there is a next page, by an answer and the size that was asked for."""

    @property
    def loss(self) -> str:
        """What a run says when it cannot read the list."""


class Gathering(ABC):
    """Rows and notes of one run, until a batch takes them.

    Args:
        source: identifier for what is turned away.
        api: the connection.
    """

    def __init__(self, source: str, api: Connection) -> None:
        self._source = source
        self._connection = api
        self._now = api.rest.now
        self._rejected: list[Rejection] = []
        self._held: list[Held] = []
        self._done = 0

    @property
    @abstractmethod
    def root(self) -> str:
        """Path that the lists are below."""

    @abstractmethod
    def saved(self) -> Mapping[str, Any]:
        """Where the run is, as the cursor keeps it."""

    def batch(self, rows: Iterable[tuple[str, Row]] = ()) -> Batch:
        """Rows, what was turned away and not found meanwhile, and the cursor as it is now."""
        listed = list(rows)
        self._done += len(listed)
        rejected, self._rejected = tuple(self._rejected), []
        held, self._held = tuple(self._held), []
        return Batch(batches(listed), self.saved(), rejected, Progress(self._done, None, "rows"), held)

    def hold(self, held: Held) -> None:
        """Note items that were not found, if any were not; goes out with the next batch."""
        if held.missing:
            self._held.append(held)

    def warn(self, place: str, reason: str, *, excerpt: str | bytes = "", is_kept: bool = True) -> None:
        """Note something missing, or turned away; goes out with the next batch."""
        self._rejected.append(rejection(self._source, place, reason, self._now(), excerpt, is_kept=is_kept))

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
        except UnsteadyError as error:
            self.warn(
                place,
                f"{error.what}: {listed.label} are not complete. The next reading goes on from where this one came to",
            )
        if self._rejected:
            yield self.batch()

    async def page(
        self,
        listed: Gathered,
        number: int,
        more: Mapping[str, str | int],
        etag: str = "",
        *,
        size: int | None = None,
    ) -> Page[Any]:
        """A page of a list, in smaller ones where the answer is too large; what is so by itself is left out.

        Entries of an unexpected form are turned away one by one.

        Args:
            listed: the list.
            number: of the page, from 1.
            more: query besides the list's own.
            etag: of the answer that is known already.
            size: of the page; the largest if not said.
        """
        size = size or PER_PAGE
        place = f"{self.root}{listed.path}"

        def left_out(error: OversizedError) -> Page[Any]:
            self.warn(place, f"{error.what}: one of the {listed.label} alone. It is left out", is_kept=False)
            return Page((), more=True, etag="", at=self._now(), is_first_known=False)

        async def ask(part: int, entries: int) -> Page[Any]:
            params = {**listed.params, **more, **listed.paged(part, entries)}
            known = etag if entries == size else ""
            answer = await self._connection.get(place, params, etag=known)
            is_more = not answer.unchanged and listed.more(answer, entries)
            return self.page_of(listed, place, answer, more=is_more)

        return await in_parts(
            ask, number, size, left_out, is_rising=bool(listed.since) and listed.since in more
        )

    def page_of(self, listed: Gathered, place: str, answer: Answer, *, more: bool) -> Page[Any]:
        """An answer's entries; those of an unexpected form are turned away one by one."""
        if answer.unchanged:
            return Page((), more=False, etag=answer.etag, at=answer.at, unchanged=True)
        entries, is_first_known = [], True
        for index, raw in enumerate(listed.entries(answer.body, place)):
            try:
                item: Any = msgspec.json.decode(raw, type=listed.item)
                entry = Entry(listed.at(item), listed.number(item), item, is_settled=listed.is_settled(item))
            except ValueError as error:  # msgspec's own among them
                self.warn(
                    place,
                    f"one of the {listed.label} has an unexpected form: {error}",
                    excerpt=bytes(raw),
                    is_kept=False,
                )
                is_first_known = is_first_known and index > 0
                continue
            entries.append(entry)
        return Page(entries, more=more, etag=answer.etag, at=answer.at, is_first_known=is_first_known)


def linked(answer: Answer, size: int) -> bool:
    """Whether there is a next page, as the answer's links say (RFC 8288)."""
    del size
    return answer.more


def numbered(page: int, size: int) -> dict[str, str | int]:
    """Parameters of a page by its number, from 1."""
    return {"per_page": size, "page": page}


def plain(body: bytes, where: str) -> list[msgspec.Raw]:
    """The raw entries of an answer that is a list."""
    return decode(body, list[msgspec.Raw], where)


def always(_: Any) -> bool:
    """Every entry is settled."""
    return True


def stamp(moment: dt.datetime) -> str:
    """A time as services want it in a query, whole seconds."""
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
