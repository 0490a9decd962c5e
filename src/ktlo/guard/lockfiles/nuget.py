"""NuGet's ``packages.lock.json``, versions 1 and 2: packages by target framework.

Format: learn.microsoft.com "Enable repeatable package restores". ``type`` is Direct, Transitive, CentralTransitive or
Project (another project of the same build). Names keep their case; NuGet compares them without it.
"""

from __future__ import annotations

from ktlo.guard.lockfiles.documents import json_key_lines, read_json
from ktlo.guard.lockfiles.gathering import Gathering
from ktlo.guard.lockfiles.graph import Place, places
from ktlo.guard.lockfiles.protocol import Format, LockFile, Reading, UnreadableError
from ktlo.guard.lockfiles.shapes import as_table, table, text
from ktlo.guard.lockfiles.wording import printable

_TYPES = {"Direct", "Transitive", "CentralTransitive", "Project"}


def read(file: LockFile) -> Reading:
    """Reads a NuGet lock file."""
    content = read_json(file)
    if content.get("version") not in {1, 2}:
        shown = printable(content.get("version"))
        raise UnreadableError(f"Its version is {shown}; 1 and 2 are known", fix="Update ktlo.")
    lines = json_key_lines(file.text(), "dependencies")
    gathering = Gathering(file, "NuGet")
    for target, packages in table(content, "dependencies").items():
        entries = {name: as_table(entry, name) for name, entry in as_table(packages, target).items()}
        by_fold = {name.casefold(): name for name in entries}
        kinds = {name: text(entry, "type") for name, entry in entries.items()}

        def next_nodes(name: str, entries=entries, by_fold=by_fold) -> list[str]:  # type: ignore[no-untyped-def]
            return [
                by_fold[n.casefold()] for n in table(entries[name], "dependencies") if n.casefold() in by_fold
            ]

        own = [name for name, kind in kinds.items() if kind == "Project"]
        asked = [name for name, kind in kinds.items() if kind == "Direct"]
        asked += [needed for name in own for needed in next_nodes(name)]
        found = places(
            [n for n in asked if n not in own], (), next_nodes, lambda name: name, file.limits.path_length
        )  # fmt: skip
        for name, entry in entries.items():
            if kinds[name] == "Project":
                continue
            line = lines.get(name, 0)
            if kinds[name] not in _TYPES:
                gathering.leave(name, f"its type {printable(kinds[name])} is not known", line)
            place = found.get(name, Place())
            place = Place(kinds[name] == "Direct", None, place.path)
            gathering.add(name, text(entry, "resolved"), line=line, place=place)
    return gathering.reading(frozenset({"."}))


FORMAT = Format("packages.lock.json", "NuGet", ("packages.lock.json",), read)
