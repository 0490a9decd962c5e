"""What every advisory database gives: candidates for packages, what it covers, how old it is, what it could not read.

One file per kind beside this one; ``opening`` turns the places a person names into databases. Only candidates
come from here: whether one applies is decided by ``match`` alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from ktlo.errors import KtloError
from ktlo.guard.vulnerabilities.advisory import Advisory
from ktlo.guard.vulnerabilities.aliases import Identity


class DatabaseError(KtloError):
    """The database cannot be used: away, unreadable, or it answers something else. Never a clean result."""


class Package(NamedTuple):
    """What is looked up."""

    ecosystem: str
    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """An advisory that may apply to a package.

    Attributes:
        advisory: the record.
        identity: all identifiers of the same vulnerability that this database knows.
        is_asserted: the database itself says that it applies to the version; then it is reported also where
            our own match cannot tell.
    """

    advisory: Advisory
    identity: Identity
    is_asserted: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """What a database is, for the report.

    Attributes:
        place: as the person named it.
        ecosystems: OSV names it has records for; ``None`` when it answers for all (a service).
        records: how many records it holds; ``None`` when it does not tell.
        newest: moment of its newest content; ``None`` when it does not tell.
        unread: records that could not be read, with the reason: what they speak of is not covered.
    """

    place: str
    ecosystems: frozenset[str] | None
    records: int | None
    newest: datetime | None
    unread: tuple[str, ...] = ()


class Database(Protocol):
    """A place with advisories."""

    def state(self) -> State:
        """What it covers and how old it is.

        Raises:
            DatabaseError: it cannot be used.
        """
        ...

    def candidates(self, packages: Sequence[Package]) -> Mapping[Package, tuple[Candidate, ...]]:
        """Advisories about each package; every package given is a key of the answer.

        Withdrawn ones may be among them; :func:`~ktlo.guard.vulnerabilities.advisory.in_force` tells.

        Raises:
            DatabaseError: it cannot be asked, or answers only in part.
        """
        ...

    def close(self) -> None:
        """Give back files and connections."""
        ...
