"""The ``git`` source: a local, bare or remote repository becomes commits, tags and what the tree is like.

Joins the parts of this folder and lets them run in a thread of their own, so that the event loop is free
while git and the parsing work.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Generator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

from ktlo.settings.secret_reference import secret
from ktlo.sources.git import health, mirror
from ktlo.sources.git.cursor import read_cursor
from ktlo.sources.git.history import collect_history
from ktlo.sources.git.isolation import isolated
from ktlo.sources.git.place import Name, check_url, git_folder, is_url, name_of
from ktlo.sources.git.program import Git
from ktlo.sources.git.run import Run
from ktlo.sources.git.samples import collect_samples
from ktlo.sources.git.tags import collect_tags
from ktlo.sources.git.tips import Refs, cut_of, default_tips, followed_tips, mailmap_blob, newest
from ktlo.sources.git.tree import collect_tree
from ktlo.sources.hooked import Reference
from ktlo.sources.protocol import Batch, Health, Progress


class GitConfig(BaseModel):
    """What a person says about a repository."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str = Field(
        ".", min_length=1, description="Folder of a repository (bare ones too), or a URL to mirror."
    )
    refs: Refs = Field(
        "default",
        description="default: the remote's default branch and HEAD; all: every branch and tag.",
    )
    name: str = Field("", description="owner/name to show; found from the remote's URL when empty.")
    token: Reference = Field(
        "",
        description="Access token for an https URL, by reference: env:NAME, file:PATH or vault:PATH#KEY.",
    )

    @field_validator("path")
    @classmethod
    def _no_credentials(cls, path: str) -> str:
        check_url(path)
        return path


class GitSource:
    """One git repository; see :class:`ktlo.sources.protocol.Source`.

    Args:
        config: where the repository is.
    """

    kind: ClassVar[str] = "git"
    summary: ClassVar[str] = "Commits, tags, churn, complexity and dependencies of a git repository"
    config: ClassVar[type[BaseModel]] = GitConfig
    brings: tuple[str, ...] = (
        "commits",
        "tags",
        "file_changes",
        "files",
        "code_samples",
        "markers",
        "dependencies",
        "catalog_entries",
    )

    def __init__(self, config: GitConfig) -> None:
        self._config = config
        self._name: Name | None = None

    @property
    def name(self) -> Name:
        """What the repository is called."""
        if self._name is None:
            self._name = name_of(self._config.path, self._config.name)
        return self._name

    @property
    def source_id(self) -> str:
        """``git:owner/name``; see :func:`ktlo.sources.git.place.name_of`."""
        return self.name.source_id

    async def check(self) -> Health:
        """Can it be read, and what is missing from its history?"""
        token = self._config.token
        return await asyncio.to_thread(
            health.check, self._config.path, lambda: secret(token) if token else None, self._config.refs
        )

    async def collect(self, cursor: Mapping[str, Any]) -> AsyncIterator[Batch]:
        """Deliver what changed since the cursor: history (newest first), tags, tree, samples.

        Raises:
            SourceError: git or the remote failed; batches already delivered stay valid.
            UserError: no repository there, no permission, no git program, a token that cannot be read.
        """
        git = await asyncio.to_thread(self._open)
        batches = self._batches(git, cursor)
        step: asyncio.Future[Batch | None] | None = None
        try:
            while True:
                step = asyncio.ensure_future(asyncio.to_thread(next, batches, None))
                batch = await asyncio.shield(step)
                if batch is None:
                    return
                yield batch
        finally:
            git.stop()
            if step is not None and not step.done():
                await asyncio.gather(step, return_exceptions=True)
            await asyncio.to_thread(batches.close)

    def _open(self) -> Git:
        path = self._config.path
        if not is_url(path):
            return Git(git_folder(Path(path).expanduser().absolute()))
        token = secret(self._config.token) if self._config.token else None
        return mirror.open_mirror(path, token)

    def _batches(self, opened: Git, cursor: Mapping[str, Any]) -> Generator[Batch, None, None]:
        git = opened
        if is_url(self._config.path):
            yield Batch(progress=Progress(0, None, "commits"))
            mirror.update(opened, self._config.path)
            git = opened.elsewhere(opened.folder)
        tips = followed_tips(git, self._config.refs)
        head = newest(git, default_tips(git) or tips)
        cut = cut_of(git)
        with isolated(git, cut) as objects:
            run = Run(objects, self.name, read_cursor(cursor), dt.datetime.now(dt.UTC))
            yield from collect_history(run, tips, cut, mailmap_blob(objects, head))
            yield from collect_tags(run, git)
            if head and not cut.without_blobs:
                yield from collect_tree(run, head, cut)
                yield from collect_samples(run, head)
            untold = run.untold()
            if untold:
                yield run.batch(rejected=untold)
