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
def _manifest(tree: Tree, path: PurePosixPath) -> tuple[str, frozenset[str]]:
    """A manifest's package and what it asks for; empty when it cannot be read, which ``walk`` reports."""
    try:
        content = parse_toml(LockFile(path, tree.read(path), tree, tree.limits).text())
        return text(table(content, "package"), "name"), declared_in(content)
    except UnreadableError:
        return "", frozenset()


def _own_manifests(file: LockFile) -> dict[str, frozenset[str]]:
    """The packages whose ``Cargo.toml`` is in the lock file's folder or below, and what each asks for."""
    folders = file.tree.folders_with("Cargo.toml", file.path.parent)
    return dict(_manifest(file.tree, folder / "Cargo.toml") for folder in folders)


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
    known = _own_manifests(file)
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
    locked = {key[0].replace("_", "-") for key in keys}
    beside = _manifest(file.tree, file.path.parent / "Cargo.toml")[1]
    asked = beside.union(*(known[key[0]] for key in own))
    for name in sorted(asked):
        if name.replace("_", "-") not in locked:
            gathering.leave(
                name, "Cargo.toml asks for it but the lock file does not have it: run cargo update"
            )
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
    asked = [item for section in sections for kind in kinds for item in table(section, kind).items()]
    return frozenset(
        str(entry.get("package", name)) if isinstance(entry, dict) else name for name, entry in asked
    )


FORMAT = Format("Cargo.lock", "crates.io", ("Cargo.lock",), read)
