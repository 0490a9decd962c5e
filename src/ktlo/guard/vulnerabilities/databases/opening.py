"""Turns the place a person names into a database: a URL is an OSV service, anything else a mirror on disk."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from ktlo.guard.vulnerabilities.databases.protocol import Database


def open_database(place: str, *, beside: Path, cache: Path, now: datetime) -> Database:
    """Open one database.

    Args:
        place: ``https://…`` of an OSV service, or the path of a folder, zip or tar archive of OSV records.
        beside: folder that a relative path starts from.
        cache: folder for indexes.
        now: the moment ages are counted from.

    Raises:
        DatabaseError: it is not there or cannot be read.
    """
    if place.startswith(("https://", "http://")):
        from ktlo.guard.vulnerabilities.databases.service import OsvService

        return OsvService(place)
    from ktlo.guard.vulnerabilities.databases.index import IndexedMirror

    return IndexedMirror(beside / Path(place).expanduser(), cache, now)
