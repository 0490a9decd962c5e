"""The server's own look at the repositories it reads: lock files of the whole history, and secrets, in the background.

Runs after each collection, with low priority and a limit of time for each repository; what is left is done the next
time. Asks advisory databases on disk, services only where ``guard.server`` says so. Everything it writes follows from
history and databases anew, so that running it twice changes nothing.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
import logging
import os
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ktlo.errors import KtloError, SourceError
from ktlo.guard.gate import cache_folder
from ktlo.guard.history.exposures import Exposures, exposures, packages_of
from ktlo.guard.history.reading import Cache, ReadLineage, read_states
from ktlo.guard.history.states import lineages
from ktlo.guard.history.stretches import Stretch, stretches
from ktlo.guard.secrets.gathering import CHECK as SECRETS
from ktlo.guard.secrets.repository import GitProblemError, find_repository, lent
from ktlo.guard.vulnerabilities.check import CHECK
from ktlo.guard.vulnerabilities.databases.mirror import fingerprint
from ktlo.guard.vulnerabilities.databases.opening import open_database
from ktlo.guard.vulnerabilities.databases.protocol import Candidate, DatabaseError, Package, State
from ktlo.records import TABLES
from ktlo.records.arrow import from_arrow, to_arrow
from ktlo.records.findings import Finding, LockedVersion, Scan
from ktlo.server.freshening import freshen
from ktlo.server.scanning_secrets import identity_of, look
from ktlo.server.scans import known_findings
from ktlo.settings.guard import GuardSettings
from ktlo.sources.git.mirror import mirror_folder
from ktlo.sources.git.place import git_folder, is_url, name_of
from ktlo.sources.git.program import Git
from ktlo.sources.git.tips import default_tips, newest
from ktlo.wording import counted

if TYPE_CHECKING:
    from ktlo.server.runtime import Runtime, SourceEntry

_log = logging.getLogger(__name__)
_GIT_SECONDS = 600.0
_NICE = 10
_LOCKED = """
SELECT * FROM ktlo.locked_versions WHERE source = {source:String} AND repository = {repository:String}"""
_SCANNED = """
SELECT count() AS n FROM ktlo.scans WHERE source = {source:String} AND scan_id = {scan_id:String}"""

Told = Callable[[int, "int | None", str], None]


@dataclass(frozen=True, slots=True)
class Place:
    """A repository that can be looked at.

    Attributes:
        source: identifier of the git source.
        repository: its name.
        folder: its git directory.
        tip: newest commit of its default branch.
    """

    source: str
    repository: str
    folder: Path
    tip: str


def scan_all(runtime: Runtime, told: Told) -> list[str]:
    """Look at every git source; sentences about what went wrong.

    Args:
        runtime: settings, store and sources.
        told: called with how much is done, of how much, and what is counted.
    """
    settings = runtime.settings.guard
    if settings.server == "off":
        return []
    problems = []
    with _quietly():
        entries = [entry for entry in runtime.sources() if entry.kind == "git"]
        for entry in entries:
            try:
                place = _place(entry)
                if place is not None:
                    _scan(runtime, place, told)
                    _scan_secrets(runtime, place, told)
            except KtloError as error:
                problems.append(f"{entry.source_id}: {error}")
            except GitProblemError as error:
                problems.append(f"{entry.source_id}: {error}")
        told(0, None, "release dates")
        freshen(runtime)
    return problems


def has_repositories(runtime: Runtime) -> bool:
    """Whether there is anything to look at, and the settings want it."""
    return runtime.settings.guard.server != "off" and any(one.kind == "git" for one in runtime.sources())


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Give this thread low priority, where the system can do that for a thread (Linux)."""
    thread = threading.get_native_id()
    before: int | None = None
    with contextlib.suppress(OSError, AttributeError):
        before = os.getpriority(os.PRIO_PROCESS, thread)
        os.setpriority(os.PRIO_PROCESS, thread, min(before + _NICE, 19))
    try:
        yield
    finally:
        if before is not None:
            with contextlib.suppress(OSError):  # only root may take it back; the thread ends soon
                os.setpriority(os.PRIO_PROCESS, thread, before)


def _place(entry: SourceEntry) -> Place | None:
    path = str(entry.options.get("path", "."))
    folder = mirror_folder(path) if is_url(path) else git_folder(Path(path).expanduser().absolute())
    if not folder.is_dir():
        return None
    git = Git(folder)
    tip = newest(git, default_tips(git))
    if not tip:
        return None
    name = name_of(path, str(entry.options.get("name", "")))
    return Place(entry.source_id, name.repository, folder, tip)


@dataclass(frozen=True, slots=True)
class _Databases:
    states: tuple[State, ...]
    candidates: dict[Package, list[Candidate]]
    problems: tuple[str, ...]
    contents: tuple[str, ...] = ()

    @property
    def newest(self) -> dt.datetime | None:
        dates = [one.newest for one in self.states if one.newest is not None]
        return min(dates, default=None)


def _scan(runtime: Runtime, place: Place, told: Told) -> None:
    settings = runtime.settings.guard
    now = dt.datetime.now(dt.UTC)
    repository = find_repository(place.folder)
    if repository is None:
        raise SourceError("git does not find its objects", where=str(place.folder))
    cache = Cache(runtime.folder / "guard" / "lock-files.sqlite")
    try:
        with lent(repository, _GIT_SECONDS) as git:
            found = lineages(git, place.tip)
            read = read_states(
                git,
                found,
                cache,
                settings.server_seconds,
                lambda done, total: told(done, total, "lock files"),
            )
    finally:
        cache.close()
    held = [one for lineage in read for one in stretches(place.source, place.repository, lineage)]
    databases = _ask(runtime, held, now)
    identity = _identity(place, read, databases, settings)
    if runtime.store.query(_SCANNED, {"source": place.source, "scan_id": identity}).to_pylist()[0]["n"]:
        return
    _replace(runtime, place, LockedVersion, _LOCKED, [one.record for one in held])
    told_of = exposures(held, databases.candidates, now)
    if databases.states:
        tolerated = _tolerated(runtime, told_of)
        before = [
            one for one in known_findings(runtime.store, place.source, place.repository) if one.check == CHECK
        ]
        _swap(runtime, Finding, before, tolerated)
    scan = _record(place, identity, read, held, databases, told_of, now)
    runtime.store.insert(TABLES["scans"], to_arrow([scan], Scan))


def _scan_secrets(runtime: Runtime, place: Place, told: Told) -> None:
    """Look for secrets where the branch has moved since the last look; what a look could not read ends nothing."""
    settings = runtime.settings.guard
    identity = identity_of(place.source, place.tip)
    params = {"source": place.source, "scan_id": identity}
    if SECRETS in settings.skip or runtime.store.query(_SCANNED, params).to_pylist()[0]["n"]:
        return
    told(0, None, "secrets")
    seen = look(place.source, place.repository, place.folder, place.tip, settings.server_seconds)
    known = known_findings(runtime.store, place.source, place.repository)
    before = [one for one in known if one.check == SECRETS]
    if not seen.scan.complete:
        again = {one.fingerprint for one in seen.findings}
        before = [one for one in before if one.fingerprint in again]
    _swap(runtime, Finding, before, seen.findings)
    runtime.store.insert(TABLES["scans"], to_arrow([seen.scan], Scan))


def _ask(runtime: Runtime, held: Sequence[Stretch], now: dt.datetime) -> _Databases:
    settings = runtime.settings.guard
    beside = runtime.settings_file.parent if runtime.settings_file else runtime.folder
    states: list[State] = []
    candidates: dict[Package, list[Candidate]] = defaultdict(list)
    problems: list[str] = []
    contents: list[str] = []
    for where in settings.databases:
        is_service = where.startswith(("https://", "http://"))
        if is_service and settings.server != "all":
            continue
        try:
            database = open_database(where, beside=beside, cache=cache_folder(), now=now)
        except DatabaseError as error:
            problems.append(str(error))
            continue
        try:
            state = database.state()
            for package, about in database.candidates(_packages(held, state, is_service=is_service)).items():
                # A service speaks of one version; here its records are held against every version of the past.
                known = {one.advisory.id for one in candidates[package._replace(version="")]}
                candidates[package._replace(version="")] += [
                    replace(one, is_asserted=False) for one in about if one.advisory.id not in known
                ]
            states.append(state)
            contents.append("" if is_service else fingerprint(beside / Path(where).expanduser()))
        except DatabaseError as error:
            problems.append(str(error))
        finally:
            database.close()
    return _Databases(tuple(states), dict(candidates), tuple(problems), tuple(contents))


def _packages(held: Sequence[Stretch], state: State, *, is_service: bool) -> list[Package]:
    if not is_service:
        wanted = packages_of(held)
        return [one for one in wanted if state.ecosystems is None or one.ecosystem in state.ecosystems]
    return sorted(
        {
            Package(one.record.ecosystem, one.record.package, one.record.version)
            for one in held
            if one.record.until_at is None
        }
    )


def _tolerated(runtime: Runtime, told_of: Exposures) -> list[Finding]:
    """Ignores of ktlo.yaml apply here too, as far as they name an advisory, package and path."""
    import fnmatch

    today = dt.datetime.now(dt.UTC).date()
    ignores = [one for one in runtime.settings.guard.ignores if one.expires >= today]

    def reason(finding: Finding) -> str:
        for one in ignores:
            names = (finding.rule, finding.fingerprint, *finding.aliases)
            if (
                one.id in names
                and fnmatch.fnmatchcase(finding.package, one.package or "*")
                and fnmatch.fnmatchcase(finding.path, one.path or "*")
            ):
                return f"ignored by {one.owner} until {one.expires}: {one.reason}"
        return ""

    return [replace(one, tolerated=reason(one)) for one in told_of.findings]


def _replace(runtime: Runtime, place: Place, noun: type, sql: str, rows: Sequence[Any]) -> None:
    before = from_arrow(
        runtime.store.query(sql, {"source": place.source, "repository": place.repository}), noun
    )
    _swap(runtime, noun, before, rows)


def _swap(runtime: Runtime, noun: type, before: Sequence[Any], rows: Sequence[Any]) -> None:
    """Write rows, and remove those of before that are no longer true."""
    from ktlo.records.schema import table_of

    table = table_of(noun)

    def key(row: Any) -> tuple[Any, ...]:
        return tuple(getattr(row, name) for name in table.key)

    now = {key(row): row for row in rows}
    was = {key(row): row for row in before}
    changed = [row for identity, row in now.items() if was.get(identity) != row]
    gone = [row for identity, row in was.items() if identity not in now]
    if changed:
        runtime.store.insert(table, to_arrow(changed, noun))
    if gone:
        runtime.store.insert(table, to_arrow(gone, noun, deleted=True))


def _identity(
    place: Place, read: Sequence[ReadLineage], databases: _Databases, settings: GuardSettings
) -> str:
    """What a look rests on: the same, and there is nothing new to say."""
    today = dt.datetime.now(dt.UTC).date()
    said = [
        place.tip, settings.server, [[one.path, len(one.contents)] for one in read],
        [[one.place, one.records, str(one.newest)] for one in databases.states], list(databases.problems),
        list(databases.contents),
        [[one.id, one.package, one.path, one.owner, one.reason] for one in settings.ignores if one.expires >= today],
        today.isoformat() if settings.server == "all" else "",
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:32]


def _record(
    place: Place,
    identity: str,
    read: Sequence[ReadLineage],
    held: Sequence[Stretch],
    databases: _Databases,
    told_of: Exposures,
    now: dt.datetime,
) -> Scan:
    current = [one for one in held if one.record.until_at is None]
    covered = {name for state in databases.states for name in state.ecosystems or ()}
    asks_all = any(state.ecosystems is None for state in databases.states)
    checked = [one for one in current if asks_all or one.record.ecosystem.partition(":")[0] in covered]
    unread = [one.path for one in read if one.contents and one.contents[0].locked is None]
    failing = sum(one.resolved_at is None for one in told_of.findings)
    reasons = [*databases.problems, *(f"{path} cannot be read" for path in unread)]
    if not current:
        reasons.append("no lock file gives exact versions, so nothing is known about its dependencies")
    if len(checked) < len(current):
        missing = sorted({one.record.ecosystem for one in current} - covered)
        reasons.append(f"no database on disk speaks of {', '.join(missing)}")
    verdict = "findings" if failing else "inconclusive" if reasons or not databases.states else "clean"
    partly = [one.path for one in read if not one.is_whole]
    said = (
        f"{failing:,} open in {counted(len(current), 'locked versions')}"
        if databases.states
        else "no database on disk"
    )
    parts = [said, *reasons]
    if told_of.gone_before:
        parts.append(f"{told_of.gone_before:,} were gone before their advisory was published")
    if partly:
        parts.append(f"history of {counted(len(partly), 'lock files')} is not read to its beginning yet")
    return Scan(
        source=place.source,
        repository=place.repository,
        scan_id=identity,
        sha=place.tip,
        ref="",
        is_default=True,
        started_at=now,
        finished_at=dt.datetime.now(dt.UTC),
        verdict=verdict,
        headline="; ".join(parts),
        checks=(CHECK,),
        complete=() if reasons or not databases.states else (CHECK,),
        failing=failing,
        tolerated=0,
        unchecked=len(reasons),
        dependencies=len(current),
        checked=len(checked),
        database_at=databases.newest,
    )
