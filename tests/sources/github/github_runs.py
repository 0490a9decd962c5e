"""Runs of the source against the forge, and what a store would hold after them."""

import asyncio
from typing import Any

import httpx
from collected_rows import Missing
from github_forge import BASE, Forge

from ktlo.errors import KtloError
from ktlo.records import TABLES
from ktlo.sources.github import GitHubSource
from ktlo.sources.github.config import GitHubConfig
from ktlo.sources.protocol import Batch, Drawn


class Collected:
    """What a store would hold after some runs, without one: the newest version of each key."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[tuple[Any, ...], dict[str, Any]]] = {}
        self.missing = Missing()
        self.cursor: dict[str, Any] = {}
        self.warnings: list[str] = []
        self.rejected: list[str] = []
        self.delivered = 0

    def take(self, batch: Batch) -> None:
        for name, records in batch.rows.items():
            table = self._rows.setdefault(name, {})
            for row in records.to_pylist():
                self.delivered += 1
                key = tuple(row[column] for column in TABLES[name].key)
                if self.missing.holds(name, row, table.get(key)):
                    table[key] = row
        self.missing.judge(batch)
        for rejection in batch.rejected:
            (self.warnings if rejection.is_kept else self.rejected).append(rejection.reason)
        if batch.cursor is not None:
            self.cursor = dict(batch.cursor)

    def rows(self, name: str) -> list[dict[str, Any]]:
        kept = [row for row in self._rows.get(name, {}).values() if self.missing.shows(name, row)]
        return sorted(kept, key=lambda row: tuple(row[column] for column in TABLES[name].key))

    def everything(self) -> dict[str, list[dict[str, Any]]]:
        return {name: self.rows(name) for name in sorted(self._rows)}


def source_of(forge: Forge, **options: Any) -> GitHubSource:
    config = GitHubConfig(**{"repository": "octocat/Hello-World", "api": BASE, **options})
    return GitHubSource(config, forge.clock.world(), httpx.ASGITransport(forge))


def run_once(forge: Forge, into: Collected, **options: Any) -> KtloError | None:
    """One run; its failure, if it failed."""

    async def collect() -> KtloError | None:
        try:
            async for batch in source_of(forge, **options).collect(into.cursor):
                into.take(batch)
        except KtloError as error:
            return error
        return None

    return asyncio.run(collect())


def asked_again(forge: Forge, known: dict[str, list[str]], **options: Any) -> list[Batch]:
    """What comes of asking for known items again."""

    async def revisit() -> list[Batch]:
        return [batch async for batch in source_of(forge, **options).revisit({}, Drawn(known))]

    return asyncio.run(revisit())
