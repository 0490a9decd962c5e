"""A mirror's records in one SQLite file, built once per content and opened in milliseconds.

It lives in the user's cache folder under the fingerprint of the mirror (:func:`.mirror.fingerprint`), is written
beside its place and moved there when complete, so a killed build leaves nothing that looks like an index.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from ktlo.guard.vulnerabilities.advisory import Advisory, moment
from ktlo.guard.vulnerabilities.aliases import close_aliases
from ktlo.guard.vulnerabilities.databases.mirror import fingerprint, read_mirror
from ktlo.guard.vulnerabilities.databases.protocol import Candidate, DatabaseError, Package, State
from ktlo.guard.vulnerabilities.match import same_name

FORMAT = 2
_SCHEMA = """
CREATE TABLE advisory (number INTEGER PRIMARY KEY, record BLOB NOT NULL, identity BLOB NOT NULL);
CREATE TABLE about (ecosystem TEXT, name TEXT, number INTEGER, PRIMARY KEY (ecosystem, name, number)) WITHOUT ROWID;
CREATE TABLE unread (sentence TEXT NOT NULL);
CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


class IndexedMirror:
    """A mirror on disk, asked through its index.

    Args:
        place: folder, zip or tar archive.
        cache: folder of the indexes.
        now: a record that claims to be newer than a day after this does not make the mirror fresh.
        obtained: when the mirror was fetched, if known; counts as its age then.
    """

    def __init__(self, place: Path, cache: Path, now: datetime, obtained: datetime | None = None) -> None:
        self._place = place
        self._obtained = obtained
        self._connection = _open(place, cache, now)

    def state(self) -> State:
        """What the mirror holds."""
        rows = dict(self._connection.execute("SELECT name, value FROM fact"))
        newest = datetime.fromisoformat(rows["newest"]) if rows["newest"] else None
        return State(
            place=str(self._place),
            ecosystems=frozenset(
                ecosystem for (ecosystem,) in self._connection.execute("SELECT DISTINCT ecosystem FROM about")
            ),
            records=int(rows["records"]),
            newest=self._obtained or newest,
            unread=tuple(row[0] for row in self._connection.execute("SELECT sentence FROM unread")),
        )

    def candidates(self, packages: Sequence[Package]) -> Mapping[Package, tuple[Candidate, ...]]:
        """Every record about each package, whatever the version; also withdrawn ones."""
        try:
            return {package: self._about(package) for package in packages}
        except (sqlite3.Error, msgspec.MsgspecError) as error:
            raise DatabaseError(
                f"the index of the advisory database cannot be read: {error}", where=str(self._place)
            ) from error

    def _about(self, package: Package) -> tuple[Candidate, ...]:
        rows = self._connection.execute(
            "SELECT record, identity FROM about JOIN advisory USING (number) WHERE ecosystem = ? AND name = ?",
            (package.ecosystem, same_name(package.ecosystem, package.name)),
        )
        return tuple(
            Candidate(_RECORD.decode(record), frozenset(_IDENTITY.decode(identity)))
            for record, identity in rows
        )

    def close(self) -> None:
        """Close the index file."""
        self._connection.close()


_RECORD = msgspec.msgpack.Decoder(Advisory)
_IDENTITY = msgspec.msgpack.Decoder(tuple[str, ...])


def _open(place: Path, cache: Path, now: datetime) -> sqlite3.Connection:
    file = cache / f"osv-{FORMAT}-{fingerprint(place)[:40]}.sqlite"
    if not file.is_file():
        _build(place, file, now)
    try:
        return _connect(file)
    except sqlite3.DatabaseError:
        # A damaged cache is ours to mend: build it again, once.
        file.unlink(missing_ok=True)
        _build(place, file, now)
        return _connect(file)


def _connect(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
    try:
        complete = connection.execute("SELECT count(*) FROM fact WHERE name = 'newest'").fetchone()[0]
    except sqlite3.Error:
        connection.close()
        raise
    if not complete:
        connection.close()
        raise sqlite3.DatabaseError("incomplete index")
    return connection


def _build(place: Path, file: Path, now: datetime) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=file.parent, suffix=".partial")
        os.close(handle)
    except OSError as error:
        raise DatabaseError(
            f"the index of the advisory database cannot be written: {error.strerror}",
            where=str(file.parent),
            fix="Give another cache folder with --cache",
        ) from error
    partial = Path(name)
    try:
        with contextlib.closing(sqlite3.connect(partial, isolation_level=None)) as connection:
            connection.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;" + _SCHEMA)
            connection.execute("BEGIN")
            _fill(connection, place, now)
            connection.execute("COMMIT")
        partial.replace(file)
    except (sqlite3.Error, OSError) as error:
        raise DatabaseError(
            f"the index of the advisory database cannot be written: {error}", where=str(file)
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def _fill(connection: sqlite3.Connection, place: Path, now: datetime) -> None:
    newest: datetime | None = None
    named: list[tuple[int, str, tuple[str, ...]]] = []
    believable = now.astimezone(UTC) + timedelta(days=1)
    withdrawn: set[int] = set()
    count = 0
    for read in read_mirror(place):
        if isinstance(read, str):
            connection.execute("INSERT INTO unread VALUES (?)", (read,))
            continue
        record, written = read
        count += 1
        # Some publishers leave `modified` in the year 1: then the file's own time counts.
        at = moment(record.modified) or written
        if at <= believable and (newest is None or at > newest):
            newest = at
        connection.execute("INSERT INTO advisory VALUES (?, ?, '')", (count, msgspec.msgpack.encode(record)))
        connection.executemany(
            "INSERT OR IGNORE INTO about VALUES (?, ?, ?)",
            (
                (
                    base := entry.package.ecosystem.partition(":")[0],
                    same_name(base, entry.package.name),
                    count,
                )
                for entry in record.affected
                if entry.package.name
            ),
        )
        named.append((count, record.id, record.aliases))
        if record.withdrawn:
            withdrawn.add(count)
    # A withdrawn record joins no names, but is kept: it counted once, and the past can be rehearsed.
    standing = close_aliases((own, aliases) for number, own, aliases in named if number not in withdrawn)
    once = close_aliases((own, aliases) for _, own, aliases in named)
    connection.executemany(
        "UPDATE advisory SET identity = ? WHERE number = ?",
        (
            (msgspec.msgpack.encode(sorted((once if number in withdrawn else standing)[own])), number)
            for number, own, _ in named
        ),
    )
    facts = {"records": str(count), "newest": newest.isoformat() if newest else ""}
    connection.executemany("INSERT INTO fact VALUES (?, ?)", facts.items())
