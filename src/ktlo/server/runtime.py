"""Everything one running ktlo holds: settings, store, state, and which sources it reads.

Made once by ``ktlo up`` (or by a command when no server runs) and handed to every face.
"""

from __future__ import annotations

import enum
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opentelemetry.trace import NoOpTracer, Tracer

from ktlo.errors import NotFoundError, UserError
from ktlo.server.freshness import rows_by_source
from ktlo.server.places import place_of
from ktlo.server.scans import REPORTED
from ktlo.settings import Settings, load_settings
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
        origin: ``ktlo.yaml``, ``added``, or ``removed`` for one that is no longer read while its records
            are still in the store. Only added ones can be removed from the page.
    """

    source_id: str
    kind: str
    options: Mapping[str, Any]
    origin: str


class AlreadyReadError(UserError):
    """Another source reads the same place."""


class Records(enum.StrEnum):
    """What happens to the records of a source that is removed."""

    KEEP = "keep"
    FORGET = "forget"


_PLACES = {"csv": "file"}
"""Options of kinds whose identifier does not follow from the place they read."""


def _configured(settings: Settings) -> dict[str, SourceEntry]:
    """Sources of ``ktlo.yaml`` by identifier."""
    entries = {}
    for given in settings.sources:
        options = dict(given.model_extra or {})
        if given.name:
            options["name"] = given.name
        source = make_source(given.type, options)
        entries[source.source_id] = SourceEntry(source.source_id, given.type, options, "ktlo.yaml")
    return entries


class Runtime:
    """The parts of one ktlo, opened.

    Args:
        settings: what ``ktlo.yaml`` says.
        folder: the data folder.
        settings_file: where the settings are from, to read them again; ``None`` when there is no file.

    Raises:
        StoreBusyError: another process has the folder open.
        StoreError: the store or the state cannot be opened.
    """

    def __init__(self, settings: Settings, folder: Path, settings_file: Path | None = None) -> None:
        self.settings = settings
        self.settings_file = settings_file.absolute() if settings_file else None
        self.settings_problem = ""
        self._settings_digest = b""
        self.folder = folder
        self.tracer: Tracer = NoOpTracer()
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

    def reload_settings(self) -> None:
        """Read ``ktlo.yaml`` again if it changed; called at the start of every collection.

        One that cannot be used changes nothing: ``settings_problem`` then says why, else it is empty.
        ``server`` and ``store`` are used at start only, so changes there wait for the next start.
        """
        if self.settings_file is None:
            return
        try:
            digest = hashlib.sha256(self.settings_file.read_bytes()).digest()
        except OSError:
            digest = b""
        if digest and digest == self._settings_digest:
            return
        try:
            settings = load_settings(self.settings_file)
            _configured(settings)
        except UserError as error:
            self.settings_problem = f"{str(error).rstrip('.')}; the earlier settings stay in force"
        else:
            self.settings, self.settings_problem = settings, ""
        self._settings_digest = digest

    def sources(self) -> list[SourceEntry]:
        """Every source that is read: those of ``ktlo.yaml`` first, then those added."""
        entries = _configured(self.settings)
        for added in self.state.sources():
            entries.setdefault(
                added.source_id, SourceEntry(added.source_id, added.kind, added.options, "added")
            )
        return list(entries.values())

    def left_over(self) -> list[SourceEntry]:
        """Sources that are no longer read, while their rows or their cursor are still here."""
        still = self.state.sources_with_cursor() | rows_by_source(self.store).keys()
        # What `ktlo check` reported has no source that could be read again.
        reported = {name for name in still if name.startswith(REPORTED)}
        gone = sorted(still - reported - {entry.source_id for entry in self.sources()})
        before = {removed.source_id: removed for removed in self.state.removed_sources()}
        return [
            SourceEntry(name, before[name].kind, before[name].options, "removed")
            if name in before
            else SourceEntry(name, name.partition(":")[0], {}, "removed")
            for name in gone
        ]

    def entry(self, source_id: str) -> SourceEntry:
        """One source.

        Raises:
            NotFoundError: there is none of that identifier.
        """
        for entry in self.sources():
            if entry.source_id == source_id:
                return entry
        raise NotFoundError(f"there is no source {source_id!r}", fix="`ktlo sources` lists them")

    def demand_known(self, source_id: str) -> None:
        """Demand that a source is read, or that something of it is in the store.

        Raises:
            NotFoundError: there is none of that identifier.
        """
        if source_id not in rows_by_source(self.store):
            self.entry(source_id)

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
            AlreadyReadError: the same place under another name.
        """
        source = make_source(kind, options)
        read = place_of(source, options)
        for entry in self.sources():
            if entry.source_id != source.source_id and entry.kind == kind and read:
                if place_of(make_source(entry.kind, entry.options), entry.options) == read:
                    raise AlreadyReadError(
                        f"{entry.source_id} already reads this",
                        where=str(options.get("path", options.get("repository", "."))),
                        fix=f"Remove the other first to read it under another name: {entry.source_id}",
                    )
                continue
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
            NotFoundError: there is none of that identifier, and nothing is left of one.
            UserError: it is configured in ``ktlo.yaml``.
        """
        known = [*self.sources(), *self.left_over()]
        origin = next((entry.origin for entry in known if entry.source_id == source_id), "")
        if origin == "ktlo.yaml":
            raise UserError(f"{source_id} is configured in ktlo.yaml", fix="Remove it there")
        if origin == "removed" and records is Records.KEEP:
            raise NotFoundError(
                f"{source_id} was removed before; its records are still in the store",
                fix=f"`ktlo sources remove {source_id} --forget` removes them",
            )
        if not origin:
            self.entry(source_id)  # says that there is none
        self.state.remove_source(source_id)
        if records is Records.FORGET:
            self.state.forget_cursor(source_id)
            self.store.forget(source_id)

    def close(self) -> None:
        """Release store and state."""
        self.store.close()
        self.state.close()
