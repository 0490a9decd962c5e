"""Collects what one lock file states, and holds every entry to the same rules.

An entry becomes a dependency when its name and exact version are known; what is not from a registry is besides
listed as unchecked, for advisories speak of what registries publish. Readers call ``add`` and ``leave``.
"""

from __future__ import annotations

import re

from ktlo.guard.dependency import Dependency, Origin
from ktlo.guard.finding import Location, Unchecked
from ktlo.guard.lockfiles.graph import Place
from ktlo.guard.lockfiles.protocol import CHECK, LockFile, Reading, UnreadableError
from ktlo.guard.lockfiles.wording import address, full_path, printable

_LONGEST_NAME = 300
_LONGEST_VERSION = 200
_LONGEST_LICENSE = 500
_NAME = re.compile(r"[^\s\x00-\x1f\x7f]+")
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+_~!:-]*")
_UNTOLD = Place()

NO_REGISTRY = "so advisories may not speak of it: declare it internal or use a release"
ORIGIN_WORDS = {
    Origin.GIT: "it comes from git",
    Origin.URL: "it comes from an address that is no registry",
    Origin.LOCAL: "it comes from a local path",
}


class Gathering:
    """What has been read of one lock file so far."""

    def __init__(self, file: LockFile, ecosystem: str) -> None:
        self.file = file
        self.ecosystem = ecosystem
        self._path = full_path(file.path)
        self._dependencies: dict[Dependency, None] = {}
        self._unchecked: dict[Unchecked, None] = {}

    def add(
        self,
        name: str,
        version: str,
        *,
        origin: Origin = Origin.REGISTRY,
        source: str = "",
        line: int = 0,
        place: Place = _UNTOLD,
        ecosystem: str = "",
        licence: str = "",
    ) -> None:
        """One entry: a dependency when its version is exact, else unchecked; both when no registry has it.

        Args:
            name: as the ecosystem normalises it.
            version: as the file has it.
            origin: where it comes from.
            source: address or path, for the sentence when it is no registry.
            line: from 1; 0 when not known.
            place: what the file tells about why it is there.
            ecosystem: when the format holds several.
            licence: as the file states it.
        """
        if not (0 < len(name) <= _LONGEST_NAME and _NAME.fullmatch(name)):
            self.leave(name or "an entry without a name", "its name is not one that registries allow", line)
            return
        exact = len(version) <= _LONGEST_VERSION and _VERSION.fullmatch(version) is not None
        if exact:
            location = Location(self._path, line)
            dependency = Dependency(
                ecosystem or self.ecosystem, name, version, origin, location,
                place.is_direct, place.is_development, place.path, licence[:_LONGEST_LICENSE],
            )  # fmt: skip
            self._dependencies[dependency] = None
        if origin is not Origin.REGISTRY:
            shown = f" ({address(source)})" if source else ""
            reason = f"{ORIGIN_WORDS[origin]}{shown}, {NO_REGISTRY}"
            self.leave(f"{name} {version}".strip(), reason, line)
        elif not exact:
            why = f"its version {printable(version, 80)!r} is not exact" if version else "it has no version"
            self.leave(name, f"{why}: lock it with its tool", line)
        self._bound()

    def leave(self, what: str, reason: str, line: int = 0) -> None:
        """Something that cannot be checked, with the reason as a clause; the place is added."""
        where = f"{self._path}:{line}" if line else self._path
        self._unchecked[Unchecked(CHECK, f"{printable(what)} in {where}", _sentence(reason))] = None
        self._bound()

    def reading(self, members: frozenset[str] = frozenset()) -> Reading:
        """Everything gathered."""
        return Reading(tuple(self._dependencies), tuple(self._unchecked), members)

    def _bound(self) -> None:
        most = self.file.limits.dependencies
        if len(self._dependencies) + len(self._unchecked) > most:
            raise UnreadableError(
                f"It names more than {most:,} packages", fix="Raise the limit if it is meant to."
            )


def _sentence(reason: str) -> str:
    first = reason[:1].upper() if reason.partition(" ")[0].isalpha() else reason[:1]
    return f"{first}{reason[1:]}{'' if reason.endswith('.') else '.'}"
