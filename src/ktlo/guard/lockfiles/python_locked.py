"""Adds the packages of a Python lock file to a gathering: origins, places and lines the same for all tools.

Poetry, uv, PDM and pylock write one TOML table per package and differ in how a table names its source; their
readers turn each into ``Package`` and leave the rest to here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ktlo.guard.dependency import Origin
from ktlo.guard.lockfiles.gathering import Gathering
from ktlo.guard.lockfiles.graph import Place, places
from ktlo.guard.lockfiles.protocol import LockFile
from ktlo.guard.lockfiles.python_names import Declared, normalised
from ktlo.guard.lockfiles.shapes import Table, text


@dataclass(frozen=True, slots=True)
class Package:
    """One table of a lock file.

    Attributes:
        name: as written.
        version: as written; empty when the file has none.
        origin: see ``Origin``.
        source: address or path when it is no registry.
        line: of the table's header; 0 when not known.
        requires: names it asks for, as written.
        is_development: what the file itself says; ``None`` when it does not.
        is_own: True when it is the project itself or a part of it.
    """

    name: str
    version: str
    origin: Origin
    source: str
    line: int
    requires: tuple[str, ...]
    is_development: bool | None = None
    is_own: bool = False


def is_own_folder(file: LockFile, folder: str) -> bool:
    """True when a path leads to a folder with a manifest in the checked tree: the project's own code."""
    here = file.path.parent / folder
    return any(file.tree.exists(here / name) for name in ("pyproject.toml", "setup.py", "setup.cfg"))


def gather(
    gathering: Gathering,
    packages: list[Package],
    production: Iterable[str],
    development: Iterable[str],
    *,
    is_known: bool,
) -> None:
    """Adds all packages that are not the project's own.

    Args:
        gathering: where to.
        packages: what the file has.
        production: normalised names the project asks for to run.
        development: the same for development.
        is_known: False when nothing tells what the project asks for.
    """
    by_name: dict[str, list[int]] = {}
    for position, package in enumerate(packages):
        by_name.setdefault(normalised(package.name), []).append(position)

    def nodes(names: Iterable[str]) -> Iterator[int]:
        return (
            node for name in names for node in by_name.get(normalised(name), ()) if not packages[node].is_own
        )

    found = places(
        nodes(production),
        nodes(development),
        lambda node: nodes(packages[node].requires),
        lambda node: normalised(packages[node].name),
        gathering.file.limits.path_length,
    )
    for position, package in enumerate(packages):
        if package.is_own:
            continue
        place = found.get(position, Place(False, None)) if is_known else Place()
        if package.is_development is not None:
            place = Place(place.is_direct, package.is_development, place.path)
        gathering.add(
            normalised(package.name),
            package.version,
            origin=package.origin,
            source=package.source,
            line=package.line,
            place=place,
        )


def compare(gathering: Gathering, packages: list[Package], declared: Declared, command: str) -> None:
    """Lists what the manifest asks for and the lock file does not have: it is behind, and proves nothing."""
    names = {normalised(package.name) for package in packages}
    for name in sorted((declared.production | declared.development) - names):
        gathering.leave(name, f"pyproject.toml asks for it but the lock file does not have it: run {command}")


def direct_origin(entry: Table) -> tuple[Origin, str]:
    """Origin and address of a table that may have ``git``, ``url``, ``path`` or ``directory``."""
    for key, origin in (
        ("git", Origin.GIT),
        ("url", Origin.URL),
        ("path", Origin.LOCAL),
        ("directory", Origin.LOCAL),
    ):
        if entry.get(key) is not None:
            return origin, text(entry, key)
    return Origin.REGISTRY, ""
