"""Lists that a service keeps, read to the end and resumed: what each is, and a run over them."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ktlo.sources.protocol import Batch
from ktlo.sources.rest.connection import Answer, Connection
from ktlo.sources.rest.gathering import PER_PAGE, Gathering, always, linked, numbered, plain, stamp
from ktlo.sources.rest.rows import Row
from ktlo.sources.rest.walks import Entry, NewestState, OldestState, Page, newest_first, oldest_first


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One list.

    Attributes:
        name: key of its state in the cursor.
        label: what it is called in sentences.
        path: below the root of the run.
        item: what an entry is.
        at: time by which the list is sorted.
        number: identifies an entry.
        cost: what the numbers lose without it.
        needs: permission that it takes.
        rows: what an entry becomes: names of tables and rows.
        params: query besides page and ``since``.
        since: parameter that asks for what changed since a time, for a list sorted oldest change first; empty for one
            that is sorted newest first.
        is_settled: false for entries that will change without moving in the list.
        entries: the raw entries of an answer.
        paged: parameters that ask for a page, by its number from 1 and its size.
        more: whether there is a next page, by an answer and the size that was asked for.
        stamped: a time as ``since`` wants it.
        is_open: whether an entry is open, for a list whose open entries are remembered to notice those that vanish.
        name_of: what an open entry is remembered by, where its number does not tell it for good.
    """

    name: str
    label: str
    path: str
    item: type
    at: Callable[[Any], dt.datetime]
    number: Callable[[Any], int]
    cost: str
    needs: str
    rows: Callable[[Any], Iterator[tuple[str, Row]]]
    params: Mapping[str, str | int] = field(default_factory=dict)
    since: str = ""
    is_settled: Callable[[Any], bool] = always
    entries: Callable[[bytes, str], list[msgspec.Raw]] = plain
    paged: Callable[[int, int], Mapping[str, str | int]] = numbered
    more: Callable[[Answer, int], bool] = linked
    stamped: Callable[[dt.datetime], str] = stamp
    is_open: Callable[[Any], bool] | None = None
    name_of: Callable[[Any], str] | None = None

    @property
    def loss(self) -> str:
        """What a run says when it cannot read the list."""
        return f"So there are {self.cost}; it takes {self.needs}"


class Position(msgspec.Struct, omit_defaults=True):
    """How far each list was read; a source's cursor.

    Attributes:
        since: horizon of the first run; an earlier one asked for later starts all lists again.
        oldest, newest: states of the walks by name of their list.
        open: numbers of the entries that are open, as last told.
        open_names: names of them, for lists that have names.
        compared_at: when they were last held against the service's whole list.
    """

    since: dt.datetime
    open: set[int] = msgspec.field(default_factory=set)
    open_names: set[str] = msgspec.field(default_factory=set)
    compared_at: dt.datetime | None = None
    oldest: dict[str, OldestState] = msgspec.field(default_factory=dict)
    newest: dict[str, NewestState] = msgspec.field(default_factory=dict)


def position(saved: Mapping[str, Any], since: dt.datetime) -> Position:
    """The position to go on from; a fresh one when there is none, or more history is wanted than before."""
    try:
        found = msgspec.convert(dict(saved), Position)
    except msgspec.ValidationError:
        return Position(since=since)
    return Position(since=since) if since < found.since else found


class ListRun(Gathering):
    """The state of one collection over lists.

    Args:
        api: the connection.
        source: identifier for what is turned away.
        root: path that the lists are below.
        at: where to continue; moved along.
    """

    def __init__(self, api: Connection, source: str, root: str, at: Position) -> None:
        super().__init__(source, api)
        self.api = api
        self.at = at
        self._root = root

    @property
    def root(self) -> str:
        """See :attr:`Gathering.root`."""
        return self._root

    def saved(self) -> dict[str, Any]:
        """See :meth:`Gathering.saved`."""
        said: dict[str, Any] = msgspec.to_builtins(self.at)
        return said

    async def read(self, listed: Listed) -> AsyncIterator[Batch]:
        """Read what is new in a list; ends with a warning when it cannot be read."""
        async for batch in self.guarded(listed, f"{self._root}{listed.path}", self._walk(listed)):
            yield batch

    async def _walk(self, listed: Listed) -> AsyncIterator[Batch]:
        async for rows in self._oldest(listed) if listed.since else self._newest(listed):
            yield self.batch(rows)

    async def _oldest(self, listed: Listed) -> AsyncIterator[list[tuple[str, Row]]]:
        async def fetch(since: dt.datetime, page: int, etag: str) -> Page[Any]:
            return await self.page(listed, page, {listed.since: listed.stamped(since)}, etag)

        state = self.at.oldest.get(listed.name) or OldestState(self.at.since)
        async for entries, after in oldest_first(state, fetch):
            self.at.oldest[listed.name] = after
            self._note_open(listed, entries)
            yield await self.completed(listed, [entry.item for entry in entries])

    async def _newest(self, listed: Listed) -> AsyncIterator[list[tuple[str, Row]]]:
        async def fetch(page: int, size: int, etag: str) -> Page[Any]:
            return await self.page(listed, page, {}, etag, size=size)

        state = self.at.newest.get(listed.name) or NewestState()
        async for entries, after in newest_first(
            state, fetch, most=PER_PAGE, horizon=self.at.since, chunk=PER_PAGE, complete=_as_they_are
        ):
            self.at.newest[listed.name] = after
            yield await self.completed(listed, [entry.item for entry in entries])

    async def completed(self, listed: Listed, items: Sequence[Any]) -> list[tuple[str, Row]]:
        """Rows of some entries; a source may ask for more about them. One that makes no rows is turned away."""
        rows: list[tuple[str, Row]] = []
        for item in items:
            try:
                rows += listed.rows(item)
            except ValueError as error:
                place = f"{self._root}{listed.path}"
                self.warn(place, f"one of the {listed.label} has an unexpected form: {error}", is_kept=False)
        return rows

    def _note_open(self, listed: Listed, entries: Sequence[Entry[Any]]) -> None:
        if listed.is_open is None:
            return
        for entry in entries:
            is_open = listed.is_open(entry.item)
            if listed.name_of is None:
                (self.at.open.add if is_open else self.at.open.discard)(entry.number)
            else:
                name = listed.name_of(entry.item)
                (self.at.open_names.add if is_open else self.at.open_names.discard)(name)


def _as_they_are(entries: Sequence[Entry[Any]]) -> Awaitable[Sequence[Entry[Any]]]:
    async def same() -> Sequence[Entry[Any]]:
        return entries

    return same()
