"""An advisory as OSV writes it, read into frozen records; a record that does not fit is an error with a reason.

Read by ``databases``, judged by ``match``. Source of the format: OSV schema 1.6; unknown fields are ignored,
as it asks.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from ktlo.errors import UserError


class Event(msgspec.Struct, frozen=True):
    """One change along a range; exactly one field is given."""

    introduced: str | None = None
    fixed: str | None = None
    last_affected: str | None = None
    limit: str | None = None


class Range(msgspec.Struct, frozen=True):
    """A span of versions: ``SEMVER``, ``ECOSYSTEM`` or ``GIT``, and its events in any order."""

    type: str
    events: tuple[Event, ...] = ()


class Score(msgspec.Struct, frozen=True):
    """A severity: its method (``CVSS_V3``…) and the vector or word."""

    type: str
    score: str


class Package(msgspec.Struct, frozen=True):
    """The package an advisory is about."""

    ecosystem: str = ""
    name: str = ""
    purl: str = ""


class Affected(msgspec.Struct, frozen=True):
    """Versions of one package that are affected: those listed, and those within a range."""

    package: Package = Package()
    versions: tuple[str, ...] = ()
    ranges: tuple[Range, ...] = ()
    severity: tuple[Score, ...] = ()
    ecosystem_specific: dict[str, Any] = msgspec.field(default_factory=dict)
    database_specific: dict[str, Any] = msgspec.field(default_factory=dict)


class Advisory(msgspec.Struct, frozen=True):
    """One OSV record.

    Attributes:
        id: such as ``GHSA-…``, ``PYSEC-…``, ``GO-…``.
        modified: RFC 3339, as written.
        published: RFC 3339, as written; empty when the record does not tell.
        withdrawn: RFC 3339 when the record was taken back, else empty.
        aliases: other identifiers of the same vulnerability.
        summary: one line; may be empty.
        severity: for all packages.
        affected: one entry per package.
        database_specific: the publisher's own, such as ``severity: MODERATE`` at GitHub.
    """

    id: str
    modified: str = ""
    published: str = ""
    withdrawn: str = ""
    aliases: tuple[str, ...] = ()
    summary: str = ""
    severity: tuple[Score, ...] = ()
    affected: tuple[Affected, ...] = ()
    database_specific: dict[str, Any] = msgspec.field(default_factory=dict)


def in_force(advisory: Advisory, as_of: datetime | None) -> bool:
    """Whether a record counts at a moment: published (else modified) by then, and not withdrawn by then.

    Its content is today's: what a record said before it was last modified is not known from a mirror.

    Args:
        advisory: the record.
        as_of: the moment; ``None`` for now.
    """
    withdrawn = moment(advisory.withdrawn) if advisory.withdrawn else None
    if as_of is None:
        return not advisory.withdrawn
    if advisory.withdrawn and (withdrawn is None or withdrawn <= as_of):
        return False
    since = moment(advisory.published) or moment(advisory.modified)
    return since is None or since <= as_of


_ABSENT = ("null", "Null", "NULL", "~")
_LISTS = ("aliases", "severity", "affected")


def read_advisory(record: object, *, where: str) -> Advisory:
    """Turn a decoded JSON or YAML record into an advisory.

    Args:
        record: the decoded document; YAML keeps ``null`` as text.
        where: file name for the sentence in an error.

    Raises:
        UserError: it is not an OSV record; nothing of it may be taken for granted.
    """
    if not isinstance(record, dict):
        raise UserError("an OSV record is an object", where=where)
    given = {str(key): value for key, value in record.items()}
    if given.get("withdrawn") is None or given.get("withdrawn") in _ABSENT:
        given["withdrawn"] = ""
    for name in _LISTS:
        if given.get(name) is None or given.get(name) in (*_ABSENT, ""):
            given[name] = []
    if not given.get("summary"):
        given["summary"] = _first_line(given.get("details"))
    affected = given["affected"]
    if isinstance(affected, list):
        given["affected"] = [_without_nulls(entry) for entry in affected]
    try:
        advisory = msgspec.convert(_without_nulls(given), Advisory, strict=True)
    except msgspec.ValidationError as error:
        raise UserError(f"this is not an OSV record: {error}", where=where) from error
    if not advisory.id:
        raise UserError("an OSV record needs an id", where=where)
    return advisory


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: inner for key, inner in value.items() if inner is not None}
    return value


def _first_line(details: object) -> str:
    if not isinstance(details, str):
        return ""
    line = " ".join(details.strip().split("\n", 1)[0].split())
    return line if len(line) <= 200 else line[:199] + "…"


def moment(written: str) -> datetime | None:
    """A RFC 3339 moment; ``None`` when it is none or a placeholder such as the year 1."""
    try:
        read = datetime.fromisoformat(written.strip())
    except ValueError:
        return None
    if read.year < 1990:
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)
