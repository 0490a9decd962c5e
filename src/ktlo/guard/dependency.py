"""A dependency as a lock file states it: what is installed, from where, and why it is there."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from ktlo.guard.finding import Location, Unchecked


class Origin(enum.StrEnum):
    """Where a dependency comes from."""

    REGISTRY = "registry"
    GIT = "git"
    URL = "url"
    LOCAL = "local"


@dataclass(frozen=True, slots=True)
class Dependency:
    """One resolved dependency.

    Attributes:
        ecosystem: OSV ecosystem name: ``PyPI``, ``npm``, ``Go``, ``crates.io``, ``Maven``, ``Packagist``,
            ``RubyGems``, ``NuGet``…
        name: as the ecosystem normalises it (PyPI: PEP 503).
        version: exact version.
        origin: registry, git, url or local.
        location: lock file and line.
        is_direct: True when the project itself asks for it; ``None`` when the file does not tell.
        is_development: True when only development needs it; ``None`` when the file does not tell.
        path: names from the project to this dependency, itself last; empty when the file does not tell.
        license: licence as the file states it, an SPDX expression or a name; empty when it does not tell.
    """

    ecosystem: str
    name: str
    version: str
    origin: Origin
    location: Location
    is_direct: bool | None = None
    is_development: bool | None = None
    path: tuple[str, ...] = ()
    license: str = ""


@dataclass(frozen=True, slots=True)
class Inventory:
    """What one lock file states.

    Attributes:
        dependencies: what was read.
        unchecked: entries that were not understood or have no exact version, with reasons.
    """

    dependencies: tuple[Dependency, ...]
    unchecked: tuple[Unchecked, ...]
