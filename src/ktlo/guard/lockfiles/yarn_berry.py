"""Yarn 2 and later ("berry"): ``yarn.lock`` in YAML with ``__metadata`` and one locator per package.

Format: yarnpkg.com "Lexicon" (descriptor ``name@protocol:range``, locator ``name@protocol:reference``) and files of
versions 4 to 8. Workspaces are in the file, so what the project asks for is known without manifests.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote

from ktlo.guard.dependency import Origin
from ktlo.guard.lockfiles.gathering import Gathering
from ktlo.guard.lockfiles.graph import Place, places
from ktlo.guard.lockfiles.npm_names import (
    compare_manifest,
    declared_in,
    is_own_folder,
    manifest_beside,
    origin_of,
    split_name,
)
from ktlo.guard.lockfiles.protocol import LockFile, Reading, UnreadableError
from ktlo.guard.lockfiles.shapes import Table, as_table, table, text
from ktlo.guard.lockfiles.wording import printable
from ktlo.guard.lockfiles.yaml_document import read_yaml

_KNOWN = {str(version) for version in range(4, 11)}


def read(file: LockFile) -> Reading:
    """Reads a berry lock file."""
    document = read_yaml(file)
    version = str(table(document.root, "__metadata").get("version", ""))
    if version not in _KNOWN:
        raise UnreadableError(
            f"Its __metadata version is {printable(version)}; 4 to 10 are known", fix="Update ktlo."
        )
    gathering = Gathering(file, "npm")
    entries = {key: as_table(entry, key) for key, entry in document.root.items() if key != "__metadata"}
    answers: dict[str, str] = {}
    for key in entries:
        for descriptor in key.split(", "):
            if descriptor in answers:
                raise UnreadableError(f"{printable(descriptor)} is answered twice", fix="Run yarn install.")
            answers[descriptor] = key
    members: dict[str, str] = {}
    for key, entry in entries.items():
        reference = split_name(text(entry, "resolution"))[1]
        if reference.startswith("workspace:"):
            members[key] = reference.removeprefix("workspace:")
    found = _places(file, entries, answers, members)
    for key, entry in entries.items():
        reference = split_name(text(entry, "resolution"))[1]
        is_local = reference.startswith(("file:", "link:", "portal:"))
        if key not in members and not (is_local and is_own_folder(file, reference)):
            _add(gathering, entry, document.lines.get(("", key), 0), found.get(key, Place(False, None)))
    for key, folder in members.items():
        compare_manifest(gathering, file, folder, table(entries[key], "dependencies"), "yarn install")
    return gathering.reading(frozenset(members.values()))


def _add(gathering: Gathering, entry: Table, line: int, place: Place) -> None:
    name, reference = split_name(text(entry, "resolution"))
    version = text(entry, "version")
    if reference.startswith("patch:"):  # the registry's release with a patch of the project on top
        name, reference = split_name(unquote(reference.removeprefix("patch:").partition("#")[0]))
    if reference.startswith("npm:"):
        reference = reference.removeprefix("npm:").partition("::")[0]
        if reference != version:
            gathering.leave(f"{name} {version}", f"it is fetched as version {printable(reference)}", line)
        origin = Origin.REGISTRY
    else:
        origin = origin_of(reference)
        if origin is Origin.REGISTRY:
            origin = Origin.URL  # a protocol of a plugin, exec: and the like
    gathering.add(name, version, origin=origin, source=reference, line=line, place=place)


def _places(
    file: LockFile, entries: dict[str, Table], answers: dict[str, str], members: dict[str, str]
) -> dict[str, Place]:
    def required(entry: Table, names: set[str] | None = None) -> Iterator[str]:
        for name, wanted in table(entry, "dependencies").items():
            if names is not None and name not in names:
                continue
            for descriptor in (f"{name}@{wanted}", f"{name}@npm:{wanted}"):
                if descriptor in answers and answers[descriptor] not in members:
                    yield answers[descriptor]
                    break

    production: list[str] = []
    development: list[str] = []
    for key, folder in members.items():
        manifest = manifest_beside(file, folder)  # the lock file does not tell development apart
        only = set(declared_in(manifest).development) if manifest is not None else set()
        everything = set(table(entries[key], "dependencies"))
        production.extend(required(entries[key], everything - only))
        development.extend(required(entries[key], only))
    return places(
        production,
        development,
        lambda key: required(entries[key]),
        lambda key: split_name(key)[0],
        file.limits.path_length,
    )
