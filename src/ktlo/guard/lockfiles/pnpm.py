"""``pnpm-lock.yaml``, lock file versions 5 to 9.

Format: github.com/pnpm/spec "lockfile". Keys of ``packages`` changed with each version (``/name/1.0.0_peers``,
``/name@1.0.0(peers)``, ``name@1.0.0``); version 9 keeps requirements in ``snapshots``. ``importers`` are the
project's packages; a file without them is of a single one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ktlo.guard.dependency import Origin
from ktlo.guard.lockfiles.gathering import Gathering
from ktlo.guard.lockfiles.graph import Place, places
from ktlo.guard.lockfiles.npm_names import (
    PRODUCTION,
    compare_manifest,
    is_own_folder,
    origin_of,
    split_name,
    wrong_archive,
)
from ktlo.guard.lockfiles.protocol import Format, LockFile, Reading, UnreadableError
from ktlo.guard.lockfiles.shapes import Table, as_table, as_text, table, text
from ktlo.guard.lockfiles.wording import address, printable
from ktlo.guard.lockfiles.yaml_document import read_yaml

_VERSION_5 = re.compile(r"/(?P<name>(?:@[^/]+/)?[^/]+)/(?P<version>[^/_]+)(?:_.*)?")
_ASKED = ("dependencies", "optionalDependencies", "devDependencies")


@dataclass(frozen=True, slots=True)
class _Package:
    name: str
    version: str
    origin: Origin
    source: str


def _without_peers(key: str) -> str:
    return key.partition("(")[0]


def _package(key: str, entry: Table, major: int) -> _Package:
    resolution = table(entry, "resolution")
    tarball, repo = text(resolution, "tarball"), text(resolution, "repo")
    name, version = text(entry, "name"), text(entry, "version")
    origin, source = Origin.REGISTRY, tarball
    plain = _without_peers(key)
    if major < 6:
        match = _VERSION_5.fullmatch(key)
        from_key = (match["name"], match["version"]) if match else ("", "")
    else:
        from_key = split_name(plain.removeprefix("/") if major < 9 else plain)
    if repo or resolution.get("type") == "git":
        origin, source = Origin.GIT, repo
    elif resolution.get("directory") is not None or resolution.get("type") == "directory":
        origin, source = Origin.LOCAL, text(resolution, "directory")
    elif (
        from_key[1].startswith(("file:", "link:")) or plain.startswith("file:") or tarball.startswith("file:")
    ):
        origin, source = Origin.LOCAL, tarball or plain
    elif from_key[1].startswith(("http:", "https:", "git")) or "://" in from_key[1]:
        origin, source = (origin_of(from_key[1]), from_key[1])
        origin = Origin.URL if origin is Origin.REGISTRY else origin
    elif tarball:
        origin = origin_of(tarball)
        if "codeload.github.com" in tarball:
            origin = Origin.GIT
    elif not from_key[0] or not from_key[1]:
        origin, source = Origin.URL, key
    name = name or from_key[0]
    version = version or (from_key[1] if origin is Origin.REGISTRY else "")
    return _Package(name or plain, version, origin, source)


def read(file: LockFile) -> Reading:
    """Reads a pnpm lock file."""
    document = read_yaml(file)
    version = str(document.root.get("lockfileVersion", ""))
    major = int(version.partition(".")[0]) if re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,3})?", version) else 0
    if not 5 <= major <= 9:
        raise UnreadableError(
            f"Its lockfileVersion is {printable(version)}; 5 to 9 are known", fix="Update ktlo or pnpm."
        )
    gathering = Gathering(file, "npm")
    packages = {key: as_table(entry, key) for key, entry in table(document.root, "packages").items()}
    nodes = {
        key: as_table(entry, key) for key, entry in table(document.root, "snapshots").items()
    } or packages
    importers = {name: as_table(entry, name) for name, entry in table(document.root, "importers").items()}
    importers = importers or {".": document.root}
    found = _places(importers, nodes, major, file.limits.path_length)
    by_package: dict[str, Place] = {}
    for node, place in found.items():
        key = _without_peers(node) if major >= 9 else node
        earlier = by_package.get(key)
        if earlier is None or (len(place.path), place.is_development) < (
            len(earlier.path),
            earlier.is_development,
        ):
            both = place.is_development and (earlier is None or bool(earlier.is_development))
            by_package[key] = Place(place.is_direct, both, place.path)
        elif not place.is_development:
            by_package[key] = Place(earlier.is_direct, False, earlier.path)
    for node in nodes:
        if major >= 9 and _without_peers(node) not in packages:
            gathering.leave(node, "it has no entry in packages: run pnpm install")
    for key, entry in packages.items():
        package = _package(key, entry, major)
        if package.origin is Origin.LOCAL and is_own_folder(file, package.source):
            continue
        line = document.lines.get(("packages", key), 0)
        place = by_package.get(key, Place(False, None))
        if "dev" in entry:
            place = Place(place.is_direct, entry["dev"] is True, place.path)
        if wrong_archive(package.name, package.version, package.source):
            reason = f"it is fetched as something else ({address(package.source)})"
            gathering.leave(f"{package.name} {package.version}", reason, line)
        gathering.add(
            package.name, package.version, origin=package.origin, source=package.source, line=line, place=place
        )  # fmt: skip
    for folder, importer in importers.items():
        for name, reference in _asked(importer, _ASKED):
            if not reference.startswith("link:") and _node(name, reference, nodes, major) is None:
                gathering.leave(
                    f"{name} {reference} of {folder}", "it has no entry in packages: run pnpm install"
                )
        compare_manifest(gathering, file, folder, dict(_asked(importer, _ASKED)), "pnpm install")
    return gathering.reading(frozenset(importers))


def _asked(importer: Table, kinds: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for kind in kinds:
        for name, value in table(importer, kind).items():
            yield name, text(value, "version") if isinstance(value, dict) else as_text(value, name)


def _node(name: str, reference: str, nodes: dict[str, Table], major: int) -> str | None:
    joined = (
        f"/{name}/{reference}"
        if major < 6
        else f"/{name}@{reference}"
        if major < 9
        else f"{name}@{reference}"
    )
    for key in (joined, reference, f"{name}@{reference}"):
        if key in nodes:
            return key
    return None


def _places(
    importers: dict[str, Table], nodes: dict[str, Table], major: int, longest: int
) -> dict[str, Place]:
    def found(importer: Table, kinds: tuple[str, ...]) -> Iterator[str]:
        for name, reference in _asked(importer, kinds):
            node = _node(name, reference, nodes, major)
            if node is not None:
                yield node

    return places(
        [node for importer in importers.values() for node in found(importer, _ASKED[:2])],
        [node for importer in importers.values() for node in found(importer, _ASKED[2:])],
        lambda node: found(nodes[node], PRODUCTION[:2]),
        lambda node: _package(node, nodes[node], major).name,
        longest,
    )


FORMAT = Format("pnpm-lock.yaml", "npm", ("pnpm-lock.yaml",), read)
