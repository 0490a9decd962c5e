"""Real repositories made in a temporary folder, and a shelf that keeps rows as the store would."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ktlo.records import TABLES
from ktlo.sources.git import GitConfig, GitSource
from ktlo.sources.protocol import Batch

NOON = 1_700_000_000


class Repo:
    """A repository that a test writes history into."""

    def __init__(self, path: Path, *options: str) -> None:
        self.path = path
        self.clock = NOON
        path.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", "-b", "main", *options)

    def git(self, *arguments: str | bytes, env: Mapping[str, str] | None = None, stdin: bytes = b"") -> bytes:
        return subprocess.run(
            ["git", "-C", self.path, "-c", "protocol.file.allow=always", *arguments],
            input=stdin,
            capture_output=True,
            check=True,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.path),
                "GIT_CONFIG_NOSYSTEM": "1",
                "GIT_AUTHOR_NAME": "Ada",
                "GIT_AUTHOR_EMAIL": "ada@example.org",
                "GIT_COMMITTER_NAME": "Ada",
                "GIT_COMMITTER_EMAIL": "ada@example.org",
                "GIT_AUTHOR_DATE": f"{self.clock} +0100",
                "GIT_COMMITTER_DATE": f"{self.clock} +0100",
                **(env or {}),
            },
        ).stdout

    def write(self, path: str, content: str | bytes) -> None:
        file = self.path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(
        self, message: str | bytes = "change", env: Mapping[str, str] | None = None, **files: str
    ) -> str:
        """Commit everything in the work tree (and the given files); a minute later than the last."""
        self.clock += 60
        for name, content in files.items():
            self.write(name, content)
        self.git("add", "--all")
        said = message.encode() if isinstance(message, str) else message
        self.git("commit", "--quiet", "--allow-empty", "--cleanup=verbatim", "-F", "-", env=env, stdin=said)
        return self.head()

    def head(self) -> str:
        return self.git("rev-parse", "HEAD").decode().strip()

    def load(self, stream: bytes) -> None:
        """Run git fast-import: any bytes in names, messages and paths, many commits in one process."""
        self.git("fast-import", "--quiet", "--force", stdin=stream)


@dataclass
class Shelf:
    """Keeps the newest version of each key and hides removed rows, as the store does."""

    kept: dict[str, dict[tuple[Any, ...], dict[str, Any]]] = field(default_factory=dict)
    cursor: Mapping[str, Any] = field(default_factory=dict)
    notes: list[Any] = field(default_factory=list)
    batches: int = 0

    def put(self, batch: Batch) -> None:
        self.batches += 1
        for table, rows in batch.rows.items():
            kept = self.kept.setdefault(table, {})
            for row in rows.to_pylist():
                key = tuple(row[part] for part in TABLES[table].key)
                if key not in kept or kept[key]["row_version"] <= row["row_version"]:
                    kept[key] = row
        self.notes += batch.rejected
        if batch.cursor is not None:
            self.cursor = batch.cursor

    def rows(self, table: str, **wanted: Any) -> list[dict[str, Any]]:
        """Rows of a table that are in force, without bookkeeping, in the order of their keys."""
        kept = self.kept.get(table, {})
        found = [kept[key] for key in sorted(kept) if not kept[key]["is_deleted"]]
        return [
            {name: value for name, value in row.items() if name not in {"row_version", "is_deleted"}}
            for row in found
            if all(row[name] == value for name, value in wanted.items())
        ]

    def one(self, table: str, **wanted: Any) -> dict[str, Any]:
        (row,) = self.rows(table, **wanted)
        return row

    def everything(self) -> dict[str, list[dict[str, Any]]]:
        """All tables, for comparison; the commit at which a file was measured says nothing about it."""
        return {
            table: [
                {k: v for k, v in row.items() if (table, k) != ("files", "sha")} for row in self.rows(table)
            ]
            for table in sorted(self.kept)
            if self.rows(table)
        }

    def reasons(self) -> set[str]:
        return {note.reason for note in self.notes}


def _collect(
    path: Path | str, shelf: Shelf | None = None, *, stop_after: int | None = None, **options: Any
) -> Shelf:
    shelf = shelf or Shelf()

    async def run() -> None:
        source = GitSource(GitConfig(path=str(path), **options))
        stream = source.collect(shelf.cursor)
        seen = 0
        async for batch in stream:
            shelf.put(batch)
            seen += 1
            if seen == stop_after:
                await stream.aclose()
                return

    asyncio.run(run())
    assert shelf.kept.keys() <= set(GitSource.brings)
    return shelf


@pytest.fixture
def collect() -> Callable[..., Shelf]:
    """Collect a folder or URL onto a shelf (a new one when not given); ``stop_after`` batches if said."""
    return _collect


@pytest.fixture
def new_shelf() -> type[Shelf]:
    return Shelf


@pytest.fixture
def make_repo(tmp_path: Path) -> Callable[..., Repo]:
    """Make an empty repository in a folder of the test's own."""

    def make(name: str = "shop", *options: str) -> Repo:
        return Repo(tmp_path / name, *options)

    return make


@pytest.fixture
def repo(make_repo: Callable[..., Repo]) -> Repo:
    return make_repo()


@pytest.fixture(autouse=True)
def _own_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KTLO_DATA", str(tmp_path / "data"))
