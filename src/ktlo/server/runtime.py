"""Everything one running ktlo holds: settings, store, state, and which sources it reads.

Made once by ``ktlo up`` (or by a command when no server runs) and handed to every face.
"""

from __future__ import annotations

import enum
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ktlo.errors import NotFoundError, UserError
from ktlo.settings import Settings
from ktlo.sources.protocol import Source
from ktlo.sources.registry import make_source
from ktlo.store.open import open_store
from ktlo.store.protocol import Store
from ktlo.store.state import State


@dataclass(frozen=True, slots=True)
class SourceEntry:
    """A source that is read.

    Attributes:
        source_id: its stable identifier.
        kind: ``git``, ``github``, ``csv``…
        options: its configuration; secrets are references, so this may be shown.
        origin: ``ktlo.yaml`` or ``added``; only added ones can be removed from the page.
    """

    source_id: str
    kind: str
    options: Mapping[str, Any]
    origin: str


class Records(enum.StrEnum):
    """What happens to the records of a source that is removed."""

    KEEP = "keep"
    FORGET = "forget"


_PLACES = {"csv": "file"}
"""Options of kinds whose identifier does not follow from the place they read."""


class Runtime:
    """The parts of one ktlo, opened.

    Args:
        settings: what ``ktlo.yaml`` says.
        folder: the data folder.

    Raises:
        StoreBusyError: another process has the folder open.
        StoreError: the store or the state cannot be opened.
    """

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings = settings
        self.folder = folder
        # A process has one data folder; what a source keeps of its own (mirrors) belongs there too.
        os.environ["KTLO_DATA"] = str(folder)
        self.store: Store = open_store(settings, folder)
        try:
            self.store.migrate()
            url = settings.store.state
            self.state = State(url) if url else State.in_folder(folder)
        except BaseException:
            self.store.close()
            raise

    def sources(self) -> list[SourceEntry]:
        """Every source that is read: those of ``ktlo.yaml`` first, then those added."""
        entries = {}
        for given in self.settings.sources:
            options = dict(given.model_extra or {})
            if given.name:
                options["name"] = given.name
            source = make_source(given.type, options)
            entries[source.source_id] = SourceEntry(source.source_id, given.type, options, "ktlo.yaml")
        for added in self.state.sources():
            entries.setdefault(
                added.source_id, SourceEntry(added.source_id, added.kind, added.options, "added")
            )
        return list(entries.values())

    def entry(self, source_id: str) -> SourceEntry:
        """One source.

        Raises:
            NotFoundError: there is none of that identifier.
        """
        for entry in self.sources():
            if entry.source_id == source_id:
                return entry
        raise NotFoundError(f"there is no source {source_id!r}", fix="`ktlo sources` lists them")

    def source(self, source_id: str) -> Source:
        """One source, ready to check or collect.

        Raises:
            NotFoundError: there is none of that identifier.
            UserError: its options are no longer understood.
        """
        entry = self.entry(source_id)
        return make_source(entry.kind, entry.options)

    def add_source(self, kind: str, options: Mapping[str, Any]) -> SourceEntry:
        """Add a source, or change the options of one; nothing is read yet.

        Raises:
            UserError: no such kind, options that are not understood, or another place under the same name.
        """
        source = make_source(kind, options)
        for entry in self.sources():
            place = _PLACES.get(kind, "")
            before, after = entry.options.get(place), options.get(place)
            if entry.source_id == source.source_id and before != after:
                raise UserError(
                    f"{source.source_id} already reads {before}",
                    where=str(after),
                    fix="Give this one a name of its own (name=…), or remove the other first",
                )
        self.state.add_source(source.source_id, kind, options)
        return SourceEntry(source.source_id, kind, dict(options), "added")

    def remove_source(self, source_id: str, records: Records = Records.KEEP) -> None:
        """Stop reading a source.

        Args:
            source_id: its identifier.
            records: whether what it delivered stays in the store.

        Raises:
            NotFoundError: there is none of that identifier.
            UserError: it is configured in ``ktlo.yaml``.
        """
        if self.entry(source_id).origin != "added":
            raise UserError(f"{source_id} is configured in ktlo.yaml", fix="Remove it there")
        self.state.remove_source(source_id)
        if records is Records.FORGET:
            self.state.forget_cursor(source_id)
            self.store.forget(source_id)

    def close(self) -> None:
        """Release store and state."""
        self.store.close()
        self.state.close()
