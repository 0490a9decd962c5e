"""Reads one organization's issues: the list, last seen first, and known ones by their identifiers.

What is too large is asked for in smaller parts; an issue that is so by itself is left out, and told with its place.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Mapping, Sequence
from urllib.parse import parse_qs, urlsplit

import msgspec

from ktlo.records.collection import Rejection
from ktlo.sources.rejecting import rejection
from ktlo.sources.rest.connection import Answer, Connection, OversizedError, decode
from ktlo.sources.rest.parts import as_many_as_fit
from ktlo.sources.sentry.payloads import IssueItem

PER_PAGE = 100


class _Identified(msgspec.Struct):
    id: str


class Lists:
    """Issues of one organization.

    Args:
        api: the connection.
        source: identifier for what is turned away.
        root: path of the list.
        query: what bounds it.
    """

    def __init__(self, api: Connection, source: str, root: str, query: Mapping[str, str | int]) -> None:
        self.api = api
        self._source = source
        self._root = root
        self._query = query

    async def pages(self, floor: dt.datetime) -> AsyncIterator[tuple[list[IssueItem], list[Rejection]]]:
        """Pages of the list, back to the one that reaches what was seen before ``floor``."""
        token, is_more = "", True

        async def listed(size: int) -> tuple[list[IssueItem], list[Rejection], str]:
            params = {**self._query, **({"cursor": token} if token else {})}
            answer = await self.api.get(self._root, {**params, "limit": size})
            return *self._items(answer), _next(answer.headers)

        async def alone(error: OversizedError) -> tuple[list[IssueItem], list[Rejection], str]:
            place = f"{self._root} at the cursor {token}" if token else f"{self._root}, the issue seen last"
            return [], [self._left_out(place, error)], _next(error.headers)

        while is_more:
            (items, rejected, token), _ = await as_many_as_fit(listed, PER_PAGE, alone)
            yield items, rejected
            is_more = bool(token) and all(item.last_seen >= floor for item in items)

    async def by_name(
        self, known: Sequence[str]
    ) -> AsyncIterator[tuple[Sequence[str], list[IssueItem], set[str], list[Rejection]]]:
        """Known issues by their identifiers.

        Yields:
            Those asked for, as they are now, the identifiers of those that are there, and what was turned away.
        """
        start = 0

        async def grouped(size: int) -> tuple[list[IssueItem], set[str], list[Rejection]]:
            # The client's own mapping of parameters cannot repeat a name: the address is written out.
            groups = "&".join(f"group={identifier}" for identifier in known[start : start + size])
            answer = await self.api.get(f"{self.api.base}{self._root}?{groups}&limit={PER_PAGE}")
            items, rejected = self._items(answer)
            there = {one.id for one in decode(answer.body, list[_Identified], self._root)}
            return items, there, rejected

        async def alone(error: OversizedError) -> tuple[list[IssueItem], set[str], list[Rejection]]:
            return [], {known[start]}, [self._left_out(f"{self._root}{known[start]}/", error)]

        while start < len(known):
            (items, there, rejected), size = await as_many_as_fit(grouped, PER_PAGE, alone)
            yield known[start : start + size], items, there, rejected
            start += size

    def _items(self, answer: Answer) -> tuple[list[IssueItem], list[Rejection]]:
        items, rejected = [], []
        for raw in decode(answer.body, list[msgspec.Raw], self._root):
            try:
                items.append(msgspec.json.decode(raw, type=IssueItem))
            except msgspec.ValidationError as error:
                text = bytes(raw)[:200].decode("utf-8", "replace")
                rejected.append(self.note(self._root, f"an issue has an unexpected form: {error}", text))
        return items, rejected

    def _left_out(self, place: str, error: OversizedError) -> Rejection:
        return self.note(place, f"{error.what}: one issue alone. It is left out")

    def note(self, place: str, reason: str, excerpt: str = "", *, is_kept: bool = False) -> Rejection:
        """What was turned away, or came in incomplete."""
        return rejection(self._source, place, reason, self.api.rest.now(), excerpt, is_kept=is_kept)


def _next(headers: Mapping[str, str]) -> str:
    """The cursor of the next page; empty when Sentry's link says that it has no results."""
    for part in headers.get("link", "").split(","):
        if 'rel="next"' in part and 'results="true"' in part:
            return parse_qs(urlsplit(part.partition("<")[2].partition(">")[0]).query).get("cursor", [""])[0]
    return ""
