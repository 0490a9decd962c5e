"""``bun.lock``: JSON with trailing commas and comments; its binary ancestor ``bun.lockb`` is not read.

Format: bun.sh "Lockfile", version 0 and 1: ``workspaces`` as manifests, ``packages`` from an install path
(``a``, ``a/b`` for a nested b) to ``["name@version", registry, {dependencies}, integrity]``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ktlo.guard.dependency import Origin
from ktlo.guard.lockfiles.documents import json_key_lines, parse_json
from ktlo.guard.lockfiles.gathering import Gathering
from ktlo.guard.lockfiles.graph import Place, places
from ktlo.guard.lockfiles.npm_names import compare_manifest, declared_in, is_own_folder, origin_of, split_name
from ktlo.guard.lockfiles.protocol import Format, LockFile, Reading, UnreadableError
from ktlo.guard.lockfiles.shapes import Table, as_table, as_text, items, table
from ktlo.guard.lockfiles.wording import printable

_EXTRAS = re.compile(r'"(?:[^"\\\n]|\\.)*+"?|//[^\n]*|,(?=[ \t\r\n]*+[}\]])')


def _plain_json(text: str) -> str:
    return _EXTRAS.sub(lambda match: match[0] if match[0].startswith('"') else "", text)


def read(file: LockFile) -> Reading:
    """Reads a bun lock file in text form."""
    content = parse_json(_plain_json(file.text()))
    if content.get("lockfileVersion") not in {0, 1}:
        shown = printable(content.get("lockfileVersion"))
        raise UnreadableError(f"Its lockfileVersion is {shown}; 0 and 1 are known", fix="Update ktlo.")
    lines = json_key_lines(file.text(), "packages")
    gathering = Gathering(file, "npm")
    entries: dict[str, tuple[str, Table]] = {}
    for key in table(content, "packages"):
        row = items(table(content, "packages"), key)
        if not row:
            raise UnreadableError(f"The entry of {printable(key)} is empty", fix="Run bun install.")
        described = next((as_table(cell, key) for cell in row if isinstance(cell, dict)), {})
        entries[key] = (as_text(row[0], key), described)
    workspaces = {path: as_table(entry, path) for path, entry in table(content, "workspaces").items()}
    found = _places(workspaces, entries, file.limits.path_length)
    for key, (locator, _) in entries.items():
        name, reference = split_name(locator)
        line = lines.get(key, 0)
        if reference.startswith("workspace:"):
            continue
        if reference.startswith(("root:", "link:")) and not reference.removeprefix("root:"):
            continue
        origin = origin_of(reference)
        if origin is Origin.LOCAL and is_own_folder(file, reference):
            continue
        version = reference if origin is Origin.REGISTRY else ""
        gathering.add(
            name, version, origin=origin, source=reference, line=line, place=found.get(key, Place(False, None))
        )  # fmt: skip
    for path, entry in workspaces.items():
        compare_manifest(gathering, file, path or ".", declared_in(entry).everything(), "bun install")
    return gathering.reading(frozenset(path or "." for path in workspaces))


def _places(
    workspaces: dict[str, Table], entries: dict[str, tuple[str, Table]], longest: int
) -> dict[str, Place]:
    def find(key: str, name: str) -> str | None:
        parts = key.split("/") if key else []
        for length in range(min(len(parts), longest), -1, -1):
            candidate = "/".join([*parts[:length], name])
            if candidate in entries:
                return candidate
        return None

    def required(key: str, names: dict[str, str]) -> Iterator[str]:
        for name in names:
            target = find(key, name)
            if target is not None and "@workspace:" not in entries[target][0]:
                yield target

    asked = [(str(entry.get("name") or ""), declared_in(entry)) for entry in workspaces.values()]
    return places(
        [node for key, names in asked for node in required(key, names.production)],
        [node for key, names in asked for node in required(key, names.development)],
        lambda key: required(key, declared_in(entries[key][1]).production),
        lambda key: split_name(entries[key][0])[0],
        longest,
    )


FORMAT = Format("bun.lock", "npm", ("bun.lock",), read)


def _refuse(file: LockFile) -> Reading:
    raise UnreadableError(
        "It is bun's binary lock file", fix="Run bun install --save-text-lockfile and commit bun.lock."
    )


BINARY = Format("bun.lockb", "npm", ("bun.lockb",), _refuse)
