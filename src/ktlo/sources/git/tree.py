"""What the repository is like now: files and their complexity, markers, dependencies, catalogue entries.

Compares the tree with the one that is in the store and looks at changed files only; what a file no longer
holds is worked out from its old content, so nothing but a commit id has to be remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa

from ktlo.records import TABLES
from ktlo.records.arrow import to_arrow
from ktlo.records.code import Dependency, File, Marker
from ktlo.records.collection import Rejection
from ktlo.records.services import CatalogEntry
from ktlo.sources.git import catalog
from ktlo.sources.git.blame import FILES, SECONDS, UNKNOWN, Blame
from ktlo.sources.git.blobs import LARGEST, Entry, list_tree, read_blobs
from ktlo.sources.git.languages import is_machine_made, language, role, script_language
from ktlo.sources.git.manifests import ManifestError, declared, is_manifest
from ktlo.sources.git.measure import is_binary, markers, measure
from ktlo.sources.git.run import Run
from ktlo.sources.git.text import text
from ktlo.sources.git.tips import Cut, existing
from ktlo.sources.protocol import Batch, Progress
from ktlo.wording import counted

RULES = 1
"""Raise this when the rules of measuring, roles, markers or manifests change: the tree is read anew."""
_FILES_A_BATCH = 2000
_NOUNS: dict[str, type] = {
    "files": File,
    "markers": Marker,
    "dependencies": Dependency,
    "catalog_entries": CatalogEntry,
}
_MARKED_ROLES = {"source", "test", "config"}

_TOO_LARGE = (
    "The file is larger than 1 MiB, so its lines and complexity are not measured;"
    " its changes are counted all the same"
)
_UNDATED = (
    f"Finding when single lines were written was stopped at {FILES} files or {SECONDS:.0f} s,"
    " so the rest of the markers and dependencies has no date"
)
_OLD_TREE_GONE = (
    "The commit whose tree was read before is gone, so files that it had and this one has not cannot be"
    " found out and stay listed; to drop them, remove this source with its records and add it again"
)


@dataclass(slots=True)
class _Keys:
    """Keys of the records that were written, by table."""

    keys: dict[str, set[tuple[str, ...]]] = field(default_factory=lambda: {name: set() for name in _NOUNS})

    def learn(self, found: _Found) -> None:
        for table, rows in found.rows.items():
            self.keys[table].update(rows)


@dataclass(slots=True)
class _Found:
    """Records that file contents gave, by table and key."""

    rows: dict[str, dict[tuple[str, ...], Any]] = field(default_factory=lambda: {name: {} for name in _NOUNS})

    def add(self, row: Any, table: str) -> None:
        key = tuple(str(getattr(row, part)) for part in TABLES[table].key[2:])
        self.rows[table].setdefault(key, row)

    def forget(self, written: _Keys) -> None:
        """Drop what has been written."""
        for table, rows in self.rows.items():
            for key in written.keys[table] & rows.keys():
                del rows[key]

    def batches(self, version: int, *, deleted: bool) -> dict[str, pa.RecordBatch]:
        return {
            table: to_arrow(rows.values(), _NOUNS[table], version=version, deleted=deleted)
            for table, rows in self.rows.items()
            if rows
        }


@dataclass(slots=True)
class _Reading:
    """Turns contents into records at one commit. Without ``blame``, lines have no dates."""

    run: Run
    commit: str
    blame: Blame | None
    notes: list[Rejection] = field(default_factory=list)

    def read(self, path: bytes, content: bytes, found: _Found) -> None:
        """Add what one file holds."""
        shown = text(path)
        if is_binary(content):
            return
        spoken = language(shown) or script_language(content[:200])
        part = role(shown, spoken)
        if part == "source" and is_machine_made(content):
            part = "generated"
        measured = measure(content)
        common = {"source": self.run.name.source_id, "repository": self.run.name.repository}
        found.add(
            File(
                **common,
                path=shown,
                language=spoken,
                lines=measured.lines,
                complexity=measured.complexity,
                longest_indent=measured.longest_indent,
                role=part,
                sha=self.commit,
            ),
            "files",
        )
        marked = markers(content, spoken) if part in _MARKED_ROLES else []
        listed = []
        if is_manifest(shown) and part not in {"vendored", "test"}:
            listed = self._understand(shown, lambda: declared(shown, content))
        if catalog.is_catalog(shown) and part != "vendored":
            for entry in self._understand(shown, lambda: catalog.entries(self.run.name, shown, content)):
                found.add(entry, "catalog_entries")
        numbers = sorted({one.line for one in marked} | {one.line for one in listed if one.line})
        origins = self.blame.lines(path, numbers) if self.blame else {}
        for one in marked:
            origin = origins.get(one.line, UNKNOWN)
            found.add(
                Marker(
                    **common,
                    path=shown,
                    line=one.line,
                    word=one.word,
                    text=one.text,
                    introduced_at=origin.changed_at,
                    author_email=origin.author_email,
                ),
                "markers",
            )
        for dependency in listed:
            found.add(
                Dependency(
                    **common,
                    manifest=shown,
                    ecosystem=dependency.ecosystem,
                    name=dependency.name,
                    requirement=dependency.requirement,
                    changed_at=origins.get(dependency.line, UNKNOWN).changed_at,
                ),
                "dependencies",
            )

    def _understand(self, path: str, parse: Callable[[], list[Any]]) -> list[Any]:
        try:
            return parse()
        except ManifestError as error:
            self.notes += self.run.note(
                self.run.where(path),
                f"What the file declares is not read: {error}; mend the file",
                is_kept=False,
            )
            return []


def collect_tree(run: Run, head: str, cut: Cut) -> Iterator[Batch]:
    """Make the store's picture of the tree that of commit ``head``; nothing when it is.

    Args:
        run: the collection; its cursor is advanced when everything is in.
        head: commit whose tree is read.
        cut: where history is missing.
    """
    state = f"{RULES} {run.cursor.mailmap}"
    if run.cursor.trees == (head,) and run.cursor.tree_state == state:
        return
    olds = existing(run.git, list(run.cursor.trees))
    lost = sorted(set(run.cursor.trees) - set(olds))
    anew = run.cursor.tree_state != state
    notes = [n for old in lost for n in run.note(run.where(old), _OLD_TREE_GONE)] if not cut.boundary else []
    run.cursor = replace(
        run.cursor, trees=tuple(dict.fromkeys((*olds, head))), tree_state="" if anew else state
    )
    yield run.batch(rejected=notes)
    new = {entry.path: entry for entry in list_tree(run.git, head)}
    before = [{entry.path: entry for entry in list_tree(run.git, old)} for old in olds]
    same = set() if anew or not before else _unchanged(new, before)
    changed = [entry for path, entry in new.items() if path not in same]
    stale = {(e.path, e.blob): e for old in before for e in old.values() if e.path not in same}
    blame = Blame(run.git, head, run.cursor.mailmap, frozenset(cut.boundary))
    written = _Keys()
    yield from _add(run, _Reading(run, head, blame), changed, written if stale else None)
    yield from _remove(run, _Reading(run, head, None), list(stale.values()), written)
    run.cursor = replace(run.cursor, trees=(head,), tree_state=state)
    left = run.note(run.name.repository, _UNDATED, counted(blame.left_out, "files")) if blame.left_out else []
    yield run.batch(rejected=left)


def _unchanged(new: Mapping[bytes, Entry], before: list[dict[bytes, Entry]]) -> set[bytes]:
    return {
        path
        for path, entry in new.items()
        if all(path in old and old[path].blob == entry.blob for old in before)
    }


def _contents(run: Run, entries: list[Entry]) -> Iterator[tuple[Entry, bytes | None]]:
    small = [entry for entry in entries if entry.size <= LARGEST]
    blobs = read_blobs(run.git, (entry.blob for entry in small))
    for entry, (_, content) in zip(small, blobs, strict=False):
        yield entry, content


def _add(run: Run, reading: _Reading, changed: list[Entry], written: _Keys | None) -> Iterator[Batch]:
    # Manifests first: if blame reaches its bounds, the ages of dependencies are the better half.
    changed = sorted(changed, key=lambda entry: (not is_manifest(text(entry.path)), entry.path))
    for entry in changed:
        if entry.size > LARGEST:
            reading.notes += run.note(run.where(text(entry.path)), _TOO_LARGE, f"{entry.size} bytes")
    found, done = _Found(), 0
    for done, (entry, content) in enumerate(_contents(run, changed), 1):
        if content is not None:
            reading.read(entry.path, content, found)
        if done % _FILES_A_BATCH == 0:
            if written is not None:
                written.learn(found)
            yield _announce(run, reading, found, done, len(changed))
            found = _Found()
    if written is not None:
        written.learn(found)
    yield _announce(run, reading, found, len(changed), len(changed))


def _announce(run: Run, reading: _Reading, found: _Found, done: int, total: int) -> Batch:
    notes, reading.notes = reading.notes, []
    rows = found.batches(run.versions.next(), deleted=False)
    return run.batch(rows, rejected=notes, progress=Progress(done, total, "files"))


def _remove(run: Run, reading: _Reading, stale: list[Entry], written: _Keys) -> Iterator[Batch]:
    """Remove what the old contents of changed and vanished files held and nothing new was written for."""
    for start in range(0, len(stale), _FILES_A_BATCH):
        found = _Found()
        for entry, content in _contents(run, stale[start : start + _FILES_A_BATCH]):
            if content is not None:
                reading.read(entry.path, content, found)
        found.forget(written)
        yield run.batch(found.batches(run.versions.next(), deleted=True))
