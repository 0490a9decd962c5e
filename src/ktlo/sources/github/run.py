"""One collection of one repository: walks the lists, completes what takes requests of its own, moves the cursor."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Sequence
from typing import Any

from ktlo.errors import UserError
from ktlo.sources.github import cursor as cursors
from ktlo.sources.github.api import Api
from ktlo.sources.github.cursor import Cursor
from ktlo.sources.github.lists import ISSUES, Listing
from ktlo.sources.github.mapping import Of
from ktlo.sources.github.payloads import RepositoryItem
from ktlo.sources.protocol import Batch
from ktlo.sources.rest.connection import AbsentError, DeniedError, UnprocessableError, decode
from ktlo.sources.rest.gathering import PER_PAGE, Gathering, stamp
from ktlo.sources.rest.rows import Row
from ktlo.sources.rest.walks import Entry, NewestState, OldestState, Page, newest_first, oldest_first


class Run(Gathering):
    """The state of one collection.

    Args:
        api: the connection.
        of: whose rows they are.
        cursor: where to continue; moved along.
    """

    def __init__(self, api: Api, of: Of, cursor: Cursor) -> None:
        super().__init__(of.source, api)
        self.api = api
        self.of = of
        self.cursor = cursor

    @property
    def root(self) -> str:
        """See :attr:`ktlo.sources.rest.gathering.Gathering.root`: path of the repository."""
        return f"/repos/{self.cursor.full_name or self.of.repository}"

    async def find_repository(self) -> None:
        """Learn the repository's present name and its count of open issues.

        Raises:
            UserError: it is not there, or not to be seen.
        """
        path = f"/repos/{self.of.repository}"
        try:
            answer = await self.api.get(path, etag=self.cursor.etag)
        except (AbsentError, DeniedError) as error:
            raise unseen(self.of.repository, self.api.has_token) from error
        if answer.unchanged:
            return
        said = decode(answer.body, RepositoryItem, self.root)
        self.cursor.etag = answer.etag
        self.cursor.full_name, self.cursor.open_count = said.full_name, said.open_issues_count
        if said.full_name.lower() != self.of.repository.lower():
            self.warn(
                path,
                f"the repository is called {said.full_name} now; it is read on under the name configured."
                " Change `repository` when the clones' remotes are changed too",
            )

    def saved(self) -> dict[str, Any]:
        """See :meth:`ktlo.sources.rest.gathering.Gathering.saved`."""
        return cursors.dump(self.cursor)

    def read(self, listing: Listing, batches: AsyncIterator[Batch]) -> AsyncIterator[Batch]:
        """Pass on the batches of a list; ends with a warning when it cannot be read."""
        return self.guarded(listing, f"{self.root}{listing.path}", batches)

    def walk(self, listing: Listing) -> AsyncIterator[Batch]:
        """Read what is new in a list."""
        return self._oldest(listing) if listing.since else self._newest(listing)

    async def _oldest(self, listing: Listing) -> AsyncIterator[Batch]:
        """Walk a list that can be asked ``since``."""

        async def fetch(since: dt.datetime, page: int, etag: str) -> Page[Any]:
            return await self.page(listing, page, {listing.since: stamp(since)}, etag)

        state = self.cursor.oldest.get(listing.name) or OldestState(self.cursor.since)
        async for entries, after in oldest_first(state, fetch):
            self.cursor.oldest[listing.name] = after
            if listing is ISSUES:
                _note_open(self.cursor.open.numbers, entries)
            yield self.batch(self._rows(listing, entries))

    async def _newest(self, listing: Listing) -> AsyncIterator[Batch]:
        """Walk a list from the newest back."""

        async def fetch(page: int, size: int, etag: str) -> Page[Any]:
            try:
                return await self.page(listing, page, {}, etag, size=size)
            except UnprocessableError as error:
                if page == 1:
                    raise
                self.warn(
                    f"{self.root}{listing.path}",
                    f"GitHub shows no {listing.label} further back than about the newest {(page - 1) * size}:"
                    f" older ones are not in the numbers ({error.what})",
                )
                return Page((), more=False, etag="", at=self.api.rest.now(), is_first_known=False)

        async def complete(entries: Sequence[Entry[Any]]) -> Sequence[Entry[Any]]:
            return await listing.complete(self.api, self.root.removeprefix("/repos/"), entries)

        state = self.cursor.newest.get(listing.name) or NewestState()
        async for entries, after in newest_first(
            state,
            fetch,
            most=PER_PAGE,
            horizon=self.cursor.since,
            # Without a token an hour may not suffice for more than a few.
            chunk=listing.chunk if self.api.has_token or not listing.is_dear else 1,
            complete=complete,
            overlap=listing.overlap,
        ):
            self.cursor.newest[listing.name] = after
            yield self.batch(self._rows(listing, entries))

    def _rows(self, listing: Listing, entries: Sequence[Entry[Any]]) -> list[tuple[str, Row]]:
        return [row for entry in entries for row in listing.rows(entry.item, self.of)]


def _note_open(numbers: set[int], entries: Sequence[Entry[Any]]) -> None:
    for entry in entries:
        if entry.item.state == "open":
            numbers.add(entry.number)
        else:
            numbers.discard(entry.number)


def unseen(repository: str, has_token: bool) -> UserError:
    """What to say when the repository is not there: GitHub does not tell private from missing."""
    if has_token:
        return UserError(
            "GitHub shows no such repository to this token: the name is wrong, or the token may not see it",
            where=repository,
            fix="Check owner/name; a fine-grained token must list the repository with `Metadata: read`,"
            " a classic one needs the scope `repo`",
        )
    return UserError(
        "GitHub shows no such repository without a token: the name is wrong, or it is private",
        where=repository,
        fix="Check owner/name; for a private repository set GITHUB_TOKEN, or `token` of the source",
    )
