"""npm's ``package-lock.json`` and ``npm-shrinkwrap.json``, lock file versions 1 to 3.

Format: docs.npmjs.com "package-lock.json". Versions 2 and 3 list every installed folder under ``packages``;
version 1 nests ``dependencies``. A requirement is found as Node finds it: in the nearest ``node_modules`` upward.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from ktlo.guard.dependency import Origin
from ktlo.guard.lockfiles.documents import json_key_lines, read_json
from ktlo.guard.lockfiles.gathering import Gathering
from ktlo.guard.lockfiles.graph import Place, places
from ktlo.guard.lockfiles.license_field import license_of
from ktlo.guard.lockfiles.npm_names import (
    Declared,
    compare_manifest,
    declared_in,
    manifest_beside,
    origin_of,
    split_name,
    wrong_archive,
)
from ktlo.guard.lockfiles.protocol import Format, LockFile, Reading, UnreadableError
from ktlo.guard.lockfiles.shapes import Table, as_table, flag, table, text
from ktlo.guard.lockfiles.wording import address, printable

_MODULES = "node_modules/"


def read(file: LockFile) -> Reading:
    """Reads a package-lock of any known version."""
    content = read_json(file)
    lines = json_key_lines(file.text())
    version = content.get("lockfileVersion", 1)
    if version not in {1, 2, 3}:
        raise UnreadableError(
            f"Its lockfileVersion is {printable(version)}; 1, 2 and 3 are known", fix="Update ktlo or npm."
        )
    if "packages" in content:
        return _read_folders(file, content, lines)
    if version == 3:
        raise UnreadableError("It has no packages", fix="Make it again with npm install.")
    return _read_nested(file, content, lines)


def _read_folders(file: LockFile, content: Table, lines: dict[str, int]) -> Reading:
    gathering = Gathering(file, "npm")
    folders = {path: as_table(entry, path) for path, entry in table(content, "packages").items()}
    members = [path for path in folders if _MODULES not in path and not path.startswith("../")]
    found = _places(folders, members, file.limits.path_length)
    for path, entry in folders.items():
        line = lines.get(path, 0)
        if _MODULES not in path:
            if path.startswith("../"):
                gathering.leave(path, "it lies outside of the project and was not read", line)
            continue
        name = text(entry, "name") or path.rpartition(_MODULES)[2]
        resolved = entry.get("resolved")
        source = resolved if isinstance(resolved, str) else ""
        if flag(entry, "link"):
            if source not in folders:
                gathering.leave(
                    name, f"it links to {printable(source)}, which the file does not describe", line
                )
            continue
        version = text(entry, "version")
        place = found.get(path, Place())
        is_development = flag(entry, "dev")
        place = Place(place.is_direct or False, is_development, place.path)
        if wrong_archive(name, version, source):
            gathering.leave(f"{name} {version}", f"it is fetched as something else ({address(source)})", line)
        gathering.add(
            name, version, origin=origin_of(source), source=source, line=line, place=place,
            licence=license_of(entry.get("license")),
        )  # fmt: skip
    for path in members:
        if path:
            compare_manifest(gathering, file, path, declared_in(folders[path]).everything(), "npm install")
    _compare_manifest(gathering, content, folders.get("", {}))
    return gathering.reading(frozenset(path or "." for path in members))


def _places(folders: dict[str, Table], members: list[str], longest: int) -> dict[str, Place]:
    def follow(path: str) -> str:
        entry = folders[path]
        return text(entry, "resolved") if entry.get("link") is True else path

    def find(start: str, name: str) -> str | None:
        base = start
        while True:
            candidate = f"{base}/{_MODULES}{name}" if base else f"{_MODULES}{name}"
            if candidate in folders:
                target = follow(candidate)
                return target if target in folders else candidate
            if not base:
                return None
            base = base.rpartition(f"/{_MODULES}")[0] if f"/{_MODULES}" in base else ""

    def required(path: str, names: dict[str, str]) -> Iterator[str]:
        for name in names:
            target = find(path, name)
            if target is not None and _MODULES in target:
                yield target

    def next_nodes(path: str) -> Iterator[str]:
        return required(path, declared_in(folders[path]).production)

    asked = {path: declared_in(folders[path]) for path in members}
    return places(
        [node for path, names in asked.items() for node in required(path, names.production)],
        [node for path, names in asked.items() for node in required(path, names.development)],
        next_nodes,
        lambda path: path.rpartition(_MODULES)[2],
        longest,
    )


def _compare_manifest(gathering: Gathering, content: Table, root: Table) -> None:
    """Npm ci refuses a lock file that is behind its manifest; a gate must not call it proof either."""
    manifest = manifest_beside(gathering.file)
    if manifest is None:
        return
    wanted = declared_in(manifest).everything()
    locked = declared_in(root).everything()
    for name, asked in sorted(wanted.items()):
        if name not in locked:
            gathering.leave(
                name, "package.json asks for it but the lock file does not have it: run npm install"
            )
        elif locked[name] != asked:
            reason = (
                f"package.json asks for {address(asked)} but the lock file is for {address(locked[name])}"
            )
            gathering.leave(name, f"{reason}: run npm install")


def _read_nested(file: LockFile, content: Table, lines: dict[str, int]) -> Reading:
    gathering = Gathering(file, "npm")
    manifest = manifest_beside(file)
    asked = Declared({}, {}) if manifest is None else declared_in(manifest)
    direct = asked.everything()
    stack: list[tuple[Table, bool]] = [(table(content, "dependencies"), True)]
    top_names = set(stack[0][0])
    while stack:
        entries, is_top = stack.pop()
        for key, value in entries.items():
            entry = as_table(value, key)
            name, version = key, text(entry, "version")
            if version.startswith("npm:"):
                name, version = split_name(version.removeprefix("npm:"))
            resolved = entry.get("resolved")
            source = resolved if isinstance(resolved, str) else ""
            origin = origin_of(version) if not version[:1].isdigit() else origin_of(source)
            if origin is not Origin.REGISTRY:
                source, version = source or version, version if version[:1].isdigit() else ""
            is_direct = (is_top and key in direct) if manifest is not None else None
            place = Place(is_direct, flag(entry, "dev"), (key,) if is_direct else ())
            if wrong_archive(name, version, source):
                gathering.leave(f"{name} {version}", f"it is fetched as something else ({address(source)})")
            gathering.add(
                name,
                version,
                origin=origin,
                source=source,
                line=lines.get(key, 0) if is_top else 0,
                place=place,
            )
            nested = table(entry, "dependencies")
            if nested:
                stack.append((nested, False))
    for name in sorted(direct.keys() - top_names):
        gathering.leave(name, "package.json asks for it but the lock file does not have it: run npm install")
    return gathering.reading(frozenset({PurePosixPath().as_posix()}))


FORMAT = Format("package-lock.json", "npm", ("package-lock.json", "npm-shrinkwrap.json"), read)
