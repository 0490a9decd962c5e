"""The source itself: one repository on GitHub, collected list after list, cheapest first.

An interrupted run (limit, failure, kill) leaves a cursor from which the next one continues; the same
records come out as from one uninterrupted run.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, ClassVar

import httpx
from pydantic import BaseModel

from ktlo.sources.github import cursor as cursors
from ktlo.sources.github import hooks
from ktlo.sources.github.api import Api
from ktlo.sources.github.config import PUBLIC_API, GitHubConfig, find_token
from ktlo.sources.github.health import TOKEN_ADVICE, examine
from ktlo.sources.github.lists import ALL, ISSUES, Listing
from ktlo.sources.github.mapping import Of
from ktlo.sources.github.run import Run
from ktlo.sources.github.vanished import follow_vanished, revisit
from ktlo.sources.hooked import Incoming, Setup, Taken, demand_hmac
from ktlo.sources.protocol import Batch, Drawn, Health, Revisits
from ktlo.sources.rest.configured import horizon
from ktlo.sources.rest.quota import LimitReachedError, World
from ktlo.sources.rest.revisits import PART


class GitHubSource:
    """One repository on GitHub.

    Args:
        config: which, and with what token.
        world: time and chance; the real ones unless a test gives others.
        transport: the network unless given.
    """

    kind: ClassVar[str] = "github"
    summary: ClassVar[str] = "issues, pull requests, reviews, releases, deployments and CI runs from GitHub"
    lasting: ClassVar[tuple[str, ...]] = ("since", "format")
    config: ClassVar[type[BaseModel]] = GitHubConfig
    brings: tuple[str, ...] = (
        "issues",
        "issue_events",
        "changes",
        "reviews",
        "releases",
        "deployments",
        "workflow_runs",
    )
    setup: Setup = Setup(
        where="Settings, Webhooks of the repository: Add webhook, content type application/json",
        events=hooks.EVENTS,
        proof="Secret with the same secret (X-Hub-Signature-256)",
        kept_headers=("content-type", "x-github-event", "x-github-delivery", "x-github-hook-id"),
    )

    def __init__(
        self,
        config: GitHubConfig,
        world: World | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._config = config
        self._world = world or World()
        self._transport = transport

    @property
    def source_id(self) -> str:
        """``github:owner/name``; with the host for another GitHub than the public one."""
        host = "" if self._config.api == PUBLIC_API else f"{httpx.URL(self._config.api).host}/"
        return f"github:{host}{self._config.repository}"

    @property
    def revisits(self) -> Revisits:
        """See :class:`ktlo.sources.protocol.Revisiting`: none without a token, for want of requests."""
        has_token = find_token(self._config) is not None
        return Revisits(("issues",), PART if has_token and ISSUES in self._listings() else 0)

    @property
    def webhook_secret(self) -> str:
        """See :class:`ktlo.sources.hooked.Hooked`."""
        return self._config.webhook_secret

    def verify(self, incoming: Incoming, key: str) -> None:
        """``X-Hub-Signature-256: sha256=HEX`` of the body."""
        demand_hmac(incoming, key, incoming.headers.get("x-hub-signature-256", ""), prefix="sha256=")

    def name_of(self, incoming: Incoming) -> str:
        """``X-GitHub-Delivery``, the same when a delivery is sent again."""
        return incoming.headers.get("x-github-delivery", "") or incoming.digest

    def receive(self, incoming: Incoming) -> Taken:
        """See :meth:`ktlo.sources.hooked.Hooked.receive`."""
        return hooks.receive(incoming, Of(self.source_id, self._config.repository))

    def _connect(self) -> Api:
        return Api(self._config.api, find_token(self._config), self._world, self._transport)

    def _listings(self) -> tuple[Listing, ...]:
        return tuple(listing for listing in ALL if listing.part in self._config.read)

    async def check(self) -> Health:
        """See :meth:`ktlo.sources.protocol.Source.check`."""
        return await examine(self._connect, self._config.repository, self._listings())

    async def collect(self, cursor: Mapping[str, Any]) -> AsyncIterator[Batch]:
        """See :meth:`ktlo.sources.protocol.Source.collect`."""
        async with self._connect() as api:
            run = Run(
                api,
                Of(self.source_id, self._config.repository),
                cursors.load(cursor, horizon(self._config.since, self._world)),
            )
            listings = self._listings()
            left = [listing.label for listing in listings]
            try:
                await run.find_repository()
                yield run.batch()
                for listing in listings:
                    async for batch in run.read(listing, _read(run, listing)):
                        yield batch
                    left.pop(0)
            except LimitReachedError as error:
                raise LimitReachedError(
                    f"{error.what}; not complete yet: {', '.join(left)}",
                    where=self._config.repository,
                    fix="" if api.has_token else TOKEN_ADVICE,
                    retry_after=error.retry_after,
                ) from error

    async def revisit(self, cursor: Mapping[str, Any], drawn: Drawn) -> AsyncIterator[Batch]:
        """See :meth:`ktlo.sources.protocol.Revisiting.revisit`."""
        async with self._connect() as api:
            of = Of(self.source_id, self._config.repository)
            run = Run(api, of, cursors.load(cursor, horizon(self._config.since, self._world)))
            await run.find_repository()
            async for batch in revisit(run, drawn):
                yield batch


async def _read(run: Run, listing: Listing) -> AsyncIterator[Batch]:
    async for batch in run.walk(listing):
        yield batch
    if listing is ISSUES:
        async for batch in follow_vanished(run):
            yield batch
