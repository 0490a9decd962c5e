"""``Cargo.lock``, versions 1 to 4.

Format: doc.rust-lang.org/cargo "Cargo.lock"; ``source`` is missing for the project's own packages and for path
dependencies, which ``Cargo.toml`` files in the checked folder tell apart. The file does not know development.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import PurePosixPath

from ktlo.guard.dependency import Origin
from ktlo.guard.lockfiles.documents import header_lines, parse_toml, read_toml
from ktlo.guard.lockfiles.gathering import Gathering
from ktlo.guard.lockfiles.graph import Place, places
from ktlo.guard.lockfiles.protocol import Format, LockFile, Reading, UnreadableError
from ktlo.guard.lockfiles.shapes import Table, table, tables, text, texts
from ktlo.guard.lockfiles.tree import Tree
from ktlo.guard.lockfiles.wording import printable

_Key = tuple[str, str, str]


@lru_cache(maxsize=10_000)
def _package_name(tree: Tree, path: PurePosixPath) -> str:
    try:
        return text(
            table(parse_toml(LockFile(path, tree.read(path), tree, tree.limits).text()), "package"), "name"
        )
    except UnreadableError:
        return ""


def own_names(file: LockFile) -> frozenset[str]:
    """Names of the packages whose ``Cargo.toml`` is in the lock file's folder or below."""
    folders = file.tree.folders_with("Cargo.toml", file.path.parent)
    names = {_package_name(file.tree, folder / "Cargo.toml") for folder in folders}
    return frozenset(names - {""})


def read(file: LockFile) -> Reading:
    """Reads a Cargo lock file."""
    content = read_toml(file)
    version = content.get("version", 1)
    if version not in {1, 2, 3, 4}:
        raise UnreadableError(f"Its version is {printable(version)}; 1 to 4 are known", fix="Update ktlo.")
    entries = [*tables(content, "package"), *([table(content, "root")] if "root" in content else [])]
    headers = header_lines(file.text(), "[[package]]")
    lines = headers if len(headers) == len(entries) else [0] * len(entries)
    keys = [(text(entry, "name"), text(entry, "version"), text(entry, "source")) for entry in entries]
    if len(set(keys)) != len(keys):
        raise UnreadableError("It has the same package twice", fix="Run cargo generate-lockfile.")
    requires = dict(zip(keys, (texts(entry, "dependencies") for entry in entries), strict=True))
    known = own_names(file) if any(not source for _, _, source in keys) else frozenset[str]()
    own = {key for key in keys if not key[2] and key[0] in known}
    found = _places(keys, requires, own, file.limits.path_length)
    gathering = Gathering(file, "crates.io")
    for key, line in zip(keys, lines, strict=True):
        if key in own:
            continue
        name, number, source = key
        place = found.get(key, Place(False))
        place = Place(place.is_direct if own else None, None, place.path)
        gathering.add(name, number, origin=_origin(source), source=source, line=line, place=place)
    return gathering.reading(frozenset(key[0] for key in own))


def _origin(source: str) -> Origin:
    if source.startswith(("registry+", "sparse+")):
        return Origin.REGISTRY
    if not source:
        return Origin.LOCAL
    return Origin.GIT if source.startswith("git+") else Origin.URL


def _places(
    keys: list[_Key], requires: dict[_Key, list[str]], own: set[_Key], longest: int
) -> dict[_Key, Place]:
    by_name: dict[str, list[_Key]] = {}
    for key in keys:
        for asked in (key[0], f"{key[0]} {key[1]}", f"{key[0]} {key[1]} ({key[2].partition('#')[0]})"):
            by_name.setdefault(asked, []).append(key)
        by_name.setdefault(f"{key[0]} {key[1]} ({key[2]})", [key])

    def next_nodes(key: _Key) -> Iterator[_Key]:
        for asked in requires[key]:
            for node in by_name.get(asked, ()):
                if node not in own:
                    yield node

    roots = [node for key in sorted(own) for node in next_nodes(key)]
    return places(roots, (), next_nodes, lambda key: key[0], longest)


def declared_in(manifest: Table) -> frozenset[str]:
    """Names that a ``Cargo.toml`` asks for, for any target."""
    sections = [manifest, *(value for value in table(manifest, "target").values() if isinstance(value, dict))]
    kinds = ("dependencies", "dev-dependencies", "build-dependencies")
    return frozenset(name for section in sections for kind in kinds for name in table(section, kind))


FORMAT = Format("Cargo.lock", "crates.io", ("Cargo.lock",), read)
