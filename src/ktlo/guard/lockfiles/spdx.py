"""SPDX 2.2 and 2.3 documents in JSON: packages by package URL, with the relationships between them.

Format: spdx.github.io/spdx-spec/v2.3: ``externalRefs`` of type ``purl``; ``relationships`` such as ``DEPENDS_ON``,
``DEPENDENCY_OF`` and ``DEV_DEPENDENCY_OF``; what the document ``DESCRIBES`` is the project.
"""

from __future__ import annotations

from ktlo.guard.lockfiles.cyclonedx import add
from ktlo.guard.lockfiles.gathering import Gathering
from ktlo.guard.lockfiles.graph import Place, places
from ktlo.guard.lockfiles.license_field import license_of_package
from ktlo.guard.lockfiles.protocol import LockFile, Reading, UnreadableError
from ktlo.guard.lockfiles.shapes import Table, tables, text, texts
from ktlo.guard.lockfiles.wording import printable

_FORWARD = {"DEPENDS_ON", "CONTAINS"}
_BACKWARD = {
    "DEPENDENCY_OF",
    "RUNTIME_DEPENDENCY_OF",
    "OPTIONAL_DEPENDENCY_OF",
    "PROVIDED_DEPENDENCY_OF",
    "CONTAINED_BY",
}
_DEVELOPMENT = {"DEV_DEPENDENCY_OF", "TEST_DEPENDENCY_OF", "BUILD_DEPENDENCY_OF", "DEV_TOOL_OF"}


def read(file: LockFile, content: Table) -> Reading:
    """Reads a parsed SPDX document."""
    version = text(content, "spdxVersion")
    if version not in {"SPDX-2.2", "SPDX-2.3"}:
        raise UnreadableError(
            f"Its version is {printable(version)}; SPDX-2.2 and SPDX-2.3 are known", fix="Update ktlo."
        )
    gathering = Gathering(file, "")
    packages = {text(entry, "SPDXID"): entry for entry in tables(content, "packages")}
    described = set(texts(content, "documentDescribes"))
    edges: dict[str, list[str]] = {}
    development: dict[str, list[str]] = {}
    for row in tables(content, "relationships"):
        kind, left, right = (
            text(row, key) for key in ("relationshipType", "spdxElementId", "relatedSpdxElement")
        )
        if kind == "DESCRIBES":
            described.add(right)
        elif kind in _FORWARD:
            edges.setdefault(left, []).append(right)
        elif kind in _BACKWARD:
            edges.setdefault(right, []).append(left)
        elif kind in _DEVELOPMENT:
            development.setdefault(right, []).append(left)
    roots = [node for root in sorted(described) for node in edges.get(root, ()) if node in packages]
    develop = [node for root in sorted(described) for node in development.get(root, ()) if node in packages]
    found = places(
        roots,
        develop,
        lambda ref: [n for n in (*edges.get(ref, ()), *development.get(ref, ())) if n in packages],
        lambda ref: text(packages[ref], "name"),
        file.limits.path_length,
    )
    for ref, entry in packages.items():
        name = text(entry, "name")
        addresses = [
            text(reference, "referenceLocator")
            for reference in tables(entry, "externalRefs")
            if text(reference, "referenceType") == "purl"
        ]
        if ref in described and (edges.get(ref) or not addresses):
            continue  # the project itself
        if not addresses:
            gathering.leave(name, "it has no package URL, so nothing tells which package it is")
        place = found.get(ref, Place(False)) if roots or develop else Place()
        is_development = place.is_development if develop else None
        for address in addresses:
            add(
                gathering, address, name, Place(place.is_direct, is_development, place.path),
                license_of_package(entry.get("licenseConcluded"), entry.get("licenseDeclared")),
            )  # fmt: skip
    return gathering.reading()
