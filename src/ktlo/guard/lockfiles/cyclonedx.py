"""CycloneDX bills of materials in JSON, versions 1.2 to 1.7: components by package URL, with the graph between them.

Format: cyclonedx.org "JSON Reference". Components nest; ``dependencies`` lists who needs whom by ``bom-ref``.
"""

from __future__ import annotations

from collections.abc import Iterator

from ktlo.guard.dependency import Origin
from ktlo.guard.lockfiles import purl
from ktlo.guard.lockfiles.gathering import Gathering
from ktlo.guard.lockfiles.graph import Place, places
from ktlo.guard.lockfiles.license_field import license_of_component
from ktlo.guard.lockfiles.protocol import LockFile, Reading, UnreadableError
from ktlo.guard.lockfiles.shapes import Table, table, tables, text, texts
from ktlo.guard.lockfiles.wording import printable

_VERSIONS = {"1.2", "1.3", "1.4", "1.5", "1.6", "1.7"}
_NO_PACKAGE = {
    "file",
    "data",
    "device",
    "device-driver",
    "cryptographic-asset",
    "machine-learning-model",
    "platform",
}


def _components(content: Table) -> Iterator[Table]:
    stack = list(reversed(tables(content, "components")))
    while stack:
        component = stack.pop()
        yield component
        stack.extend(reversed(tables(component, "components")))


def read(file: LockFile, content: Table) -> Reading:
    """Reads a parsed CycloneDX document."""
    version = text(content, "specVersion")
    if version not in _VERSIONS:
        raise UnreadableError(
            f"Its CycloneDX version is {printable(version)}; 1.2 to 1.7 are known", fix="Update ktlo."
        )
    gathering = Gathering(file, "")
    components = list(_components(content))
    names = {text(c, "bom-ref"): text(c, "name") for c in components}
    needs = {text(row, "ref"): texts(row, "dependsOn") for row in tables(content, "dependencies")}
    root = text(table(table(content, "metadata"), "component"), "bom-ref")
    roots = [ref for ref in needs.get(root, ()) if ref in names]
    found = places(
        roots,
        (),
        lambda ref: [n for n in needs.get(ref, ()) if n in names],
        names.__getitem__,
        file.limits.path_length,
    )
    for component in components:
        address = text(component, "purl")
        name = text(component, "name")
        if not address:
            if text(component, "type") not in _NO_PACKAGE:
                gathering.leave(name, "it has no package URL, so nothing tells which package it is")
            continue
        ref = text(component, "bom-ref")
        place = found.get(ref, Place(False)) if roots else Place()
        licence = license_of_component(component.get("licenses"))
        add(gathering, address, name, Place(place.is_direct, None, place.path), licence)
    return gathering.reading()


def add(gathering: Gathering, address: str, name: str, place: Place, licence: str = "") -> None:
    """Adds what a package URL names, or says why it cannot be checked; shared with SPDX."""
    package = purl.parse(address)
    if package is None:
        gathering.leave(name or address, f"its package URL {printable(address)} is none")
    elif not package.ecosystem:
        gathering.leave(name, f"ktlo has no advisories for the kind of {printable(address)}")
    else:
        origin = Origin.REGISTRY
        if package.address:
            origin = Origin.GIT if "git" in package.address.partition(":")[0] else Origin.URL
        gathering.add(
            package.name, package.version, origin=origin, source=package.address, place=place,
            ecosystem=package.ecosystem, licence=licence,
        )  # fmt: skip
